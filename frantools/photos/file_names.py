"""File names as text: accents that are composed or not, and bytes that are no text."""

from __future__ import annotations

import unicodedata
from pathlib import Path

CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\t\n"}
"""The escapes of control characters, but for tabs and line breaks."""


def encodable(text: str) -> str:
    r"""Text that UTF-8 can hold: escapes in the place of lone surrogates.

    Python reads the undecodable bytes of a file's name as lone surrogates, which no encoding has.

    Examples
    --------
    >>> print(encodable("caf\udce9.png"))
    caf\udce9.png
    """
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def composed(text: str) -> str:
    """Text with its accents composed (NFC). macOS writes names decomposed (NFD): the same name, other characters."""
    return unicodedata.normalize("NFC", text)


def as_label(text: str) -> str:
    """Text as figures and tables show it: encodable, and composed, for which fonts have letters.

    Control characters but for tabs and line breaks are escapes: terminals obey them, and no SVG may have them.
    """
    return composed(encodable(text)).translate(CONTROLS)


def find_spelling(path: Path) -> Path:
    """A path as its folders spell it, composed or decomposed; the path itself where neither exists."""
    if str(path).isascii() or path.exists():
        return path
    folder = find_spelling(path.parent)
    names = [each.name for each in folder.iterdir()] if folder.is_dir() else []
    return folder / next((name for name in names if composed(name) == composed(path.name)), path.name)
