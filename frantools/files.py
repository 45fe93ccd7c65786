"""Files that are written completely or not at all, and JSON."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from math import isfinite
from os import PathLike
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from .checks import to_python

MAX_DEPTH = 100
"""Levels of nested JSON: more than any of our files has, and fewer than Python's recursion limit."""


class ContentChangedError(ValueError):
    """A picture, a model, a file or a function differs from the one that a recipe was made with."""


def check_output(path: str | PathLike[str]) -> Path:
    """Check that a file can be written, before the work whose result it will contain.

    Raises a ValueError if it cannot.
    """
    path = Path(path)
    if path.is_dir():
        raise ValueError(f"{path} is a folder, not a file to write")
    if path.exists() and not path.is_file():
        raise ValueError(f"{path} is a device or a pipe, not a file to write")
    folder = next(parent for parent in _resolved(path).parents if parent.exists())
    if not folder.is_dir():
        raise ValueError(f"{path} cannot be written: {folder} is not a folder")
    try:
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ValueError(f"{path} cannot be written: {folder}: {error.strerror}") from None
    return path


def check_extension(path: str | PathLike[str], *extensions: str) -> Path:
    """Check that a file can be written, and that its name has one of some extensions."""
    path = check_output(path)
    if path.suffix.lower() not in extensions:
        *first, last = extensions
        raise ValueError(f"{path}: the file name must end in {', '.join(first)}{' or ' * bool(first)}{last}")
    return path


def _resolved(path: Path) -> Path:
    """Resolve symbolic links: they stay, and their target is written."""
    return Path(os.path.realpath(path))


@contextmanager
def replacing(path: str | PathLike[str]) -> Iterator[Path]:
    """Provide a temporary file beside `path`, which replaces it at the end, or is removed if the block raises.

    Missing folders are created. The temporary name has the same extension, by which some writers choose the format.
    The new file gets the permissions of the old one. Raises a ValueError if the file cannot be written.
    """
    path = check_output(path)
    target = _resolved(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"the folder {path.parent} cannot be created: {error.strerror}") from None
    temporary = target.with_name(f".{secrets.token_hex(8)}{path.suffix}")
    try:
        temporary.touch()
        # The permissions of a new file follow the user's umask, even if a writer is stricter.
        mode = (target if target.exists() else temporary).stat().st_mode
        yield temporary
        with temporary.open("r+b") as file:
            os.fsync(file.fileno())  # or a power cut could leave the name without the content
        os.chmod(temporary, mode)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def hash_of(path: Path) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def unused_path(name: str | PathLike[str]) -> Path:
    """Return a path at which there is no file yet: `name`, or `name` with -2, -3 ... appended to its stem."""
    path = Path(name)
    if not path.exists():
        return path
    numbered = (path.with_stem(f"{path.stem}-{number}") for number in count(2))
    return next(candidate for candidate in numbered if not candidate.exists())


def write_text(path: str | PathLike[str], text: str) -> None:
    """Write text as UTF-8 without converting line breaks; lone surrogates become escapes."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace", newline="")


def write_json(path: str | PathLike[str], content: object) -> None:
    """Write JSON; numbers that are not finite, such as an infinite PSNR, become null."""
    write_text(path, to_json(finite(content, lambda number: None), indent=2) + "\n")


def to_json(content: object, **options: Any) -> str:
    """Convert content to standard JSON; numbers that are not finite become the texts "inf", "-inf" and "nan".

    Raises a TypeError or ValueError if JSON cannot represent it.
    """
    try:
        return json.dumps(finite(content), allow_nan=False, **options)
    except RecursionError:
        raise ValueError("it contains itself, or is nested too deeply") from None


def from_json(text: str) -> Any:
    """Parse the JSON of a file that may be damaged.

    Raises a ValueError if it is invalid, nested too deeply, or has half a surrogate pair, which cannot be encoded.
    """
    try:
        content = json.loads(text)
    except RecursionError:
        raise ValueError(f"it is nested more than {MAX_DEPTH} levels deep") from None
    if text.count("[") + text.count("{") > MAX_DEPTH or "\\ud" in text.lower():
        _check_content(content, MAX_DEPTH)
    return content


def read_json(path: str | PathLike[str]) -> Any:
    """Parse a JSON file in UTF-8; a ValueError names the file and what is wrong with it."""
    try:
        return from_json(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _check_content(content: Any, levels: int) -> None:
    """Raise a ValueError if content has more levels, or text that cannot be encoded."""
    if levels < 0:
        raise ValueError(f"it is nested more than {MAX_DEPTH} levels deep")
    if isinstance(content, dict):
        for name, value in content.items():
            _check_content(name, levels)
            _check_content(value, levels - 1)
    elif isinstance(content, list):
        for value in content:
            _check_content(value, levels - 1)
    elif isinstance(content, str):
        try:
            content.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError as error:
            raise ValueError(f"it has half a surrogate pair, {content[error.start]!a}") from None


def finite(content: Any, replace: Callable[[float], Any] = lambda number: str(float(number))) -> Any:
    """Replace all numbers that are not finite, at any depth; by default by the texts "inf", "-inf" and "nan"."""
    if isinstance(content, dict):
        return {finite(key, replace): finite(value, replace) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [finite(value, replace) for value in content]
    content = to_python(content)
    return replace(content) if isinstance(content, float) and not isfinite(content) else content


def with_infinite(content: Any) -> Any:
    """Replace the texts "inf", "-inf" and "nan" by numbers: the inverse of `finite`."""
    if isinstance(content, dict):
        return {key: with_infinite(value) for key, value in content.items()}
    if isinstance(content, list):
        return [with_infinite(value) for value in content]
    return float(content) if isinstance(content, str) and content in ("inf", "-inf", "nan") else content
