"""File names as text: composed and decomposed accents, and bytes that are not valid text."""

from __future__ import annotations

import unicodedata
from pathlib import Path

CONTROL_ESCAPES = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\t\n"}


def encodable(text: str) -> str:
    r"""Replace lone surrogates, which UTF-8 cannot encode, by escapes.

    Python reads the undecodable bytes of a file's name as lone surrogates.

    Examples
    --------
    >>> print(encodable("caf\udce9.png"))
    caf\udce9.png
    """
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def composed(text: str) -> str:
    """Compose accents (NFC). macOS writes file names decomposed (NFD)."""
    return unicodedata.normalize("NFC", text)


def as_label(text: str) -> str:
    """Return text that figures and tables can show: encodable, composed, and without control characters.

    Terminals obey control characters, and SVG does not allow them. Tabs and line breaks remain.
    """
    return composed(encodable(text)).translate(CONTROL_ESCAPES)


def find_spelling(path: Path) -> Path:
    """Return a path as the file system spells it, composed or decomposed; unchanged if neither exists."""
    if str(path).isascii() or path.exists():
        return path
    folder = find_spelling(path.parent)
    names = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
    return folder / next((name for name in names if composed(name) == composed(path.name)), path.name)
