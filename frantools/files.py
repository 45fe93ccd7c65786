"""Files that are written whole or not at all."""

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


class ContentChangedError(ValueError):
    """A picture, a model, a file or a function differs from the one that a recipe was made with."""


def check_output(path: str | PathLike[str]) -> Path:
    """Raise a ValueError if a file cannot be written at `path`; asked before the work whose result it is to hold."""
    path = Path(path)
    if path.is_dir():
        raise ValueError(f"{path} is a folder; accepted is the name of a file to write")
    if path.exists() and not path.is_file():
        raise ValueError(f"{path} is a device or a pipe; accepted is the name of a file to write")
    folder = next(parent for parent in _target(path).parents if parent.exists())
    if not folder.is_dir():
        raise ValueError(f"{path} cannot be written: {folder} is not a folder")
    try:
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ValueError(f"{path} cannot be written: {folder}: {error.strerror}") from None
    return path


def _target(path: Path) -> Path:
    """Where a path leads, through links: they stay, and what they point to is written."""
    return Path(os.path.realpath(path))


@contextmanager
def replacing(path: str | PathLike[str]) -> Iterator[Path]:
    """A temporary name beside `path`, renamed to it at the end, or removed if the block raises.

    The folder is made where it is missing. The temporary name keeps the ending, which tells some writers the format. A
    file that is replaced leaves its permissions to the new one. Raises a ValueError if the folder cannot be made or
    written to, or `path` is a folder itself.
    """
    path = check_output(path)
    target = _target(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"the folder {path.parent} cannot be made: {error.strerror}") from None
    temporary = target.with_name(f".{secrets.token_hex(8)}{path.suffix}")
    try:
        temporary.touch()
        # Where there was no file, what the user's umask says, even if a writer is stricter.
        mode = (target if target.exists() else temporary).stat().st_mode
        yield temporary
        with temporary.open("r+b") as file:
            os.fsync(file.fileno())  # or a power cut leaves the name and not the content
        os.chmod(temporary, mode)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def hash_of(path: Path) -> str:
    """The SHA-256 of a file's content, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def unused(name: str | PathLike[str]) -> Path:
    """A name under which there is nothing yet, for a file that nobody named: with -2, -3 ... where there is one."""
    path = Path(name)
    if not path.exists():
        return path
    others = (path.with_stem(f"{path.stem}-{number}") for number in count(2))
    return next(other for other in others if not other.exists())


def write_text(path: str | PathLike[str], text: str) -> None:
    """Write text as UTF-8, whole or not at all, its line breaks as they are; lone surrogates become escapes."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace", newline="")


def write_json(path: str | PathLike[str], content: object) -> None:
    """Write JSON, whole or not at all; null stands for what JSON has no number for, such as an endless PSNR."""
    write_text(path, to_json(finite(content, lambda number: None), indent=2) + "\n")


def to_json(content: object, **options: Any) -> str:
    """JSON as every reader takes it: what is no finite number is the text "inf", "-inf" or "nan".

    Raises a TypeError or ValueError if JSON cannot hold it.
    """
    try:
        return json.dumps(finite(content), allow_nan=False, **options)
    except RecursionError:
        raise ValueError("it holds itself, or lies too deep") from None


DEPTH = 100
"""Levels that JSON may be nested: more than any of our files has, and fewer than Python's recursion allows."""


def from_json(text: str) -> Any:
    """Parse the JSON of a file that may be damaged.

    Raises a ValueError for anything that is wrong with it, also if it is nested too deeply, or has half a surrogate
    pair, which no file name can have and nothing can write.
    """
    try:
        content = json.loads(text)
    except RecursionError:
        raise ValueError(f"it is nested more than {DEPTH} levels deep") from None
    if text.count("[") + text.count("{") > DEPTH or "\\ud" in text.lower():
        _check_content(content, DEPTH)
    return content


def read_json(path: str | PathLike[str]) -> Any:
    """Parse a JSON file in UTF-8; a ValueError names the file and what is wrong with it."""
    try:
        return from_json(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _check_content(content: Any, left: int) -> None:
    """Raise a ValueError where content has more levels than are left, or text that cannot be written."""
    if left < 0:
        raise ValueError(f"it is nested more than {DEPTH} levels deep")
    if isinstance(content, dict):
        for name, value in content.items():
            _check_content(name, left)
            _check_content(value, left - 1)
    elif isinstance(content, list):
        for value in content:
            _check_content(value, left - 1)
    elif isinstance(content, str):
        try:
            content.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError as error:
            raise ValueError(f"it has half a surrogate pair, {content[error.start]!a}") from None


def finite(content: Any, said: Callable[[float], Any] = lambda number: str(float(number))) -> Any:
    """The same content with something else for each number in it that is not finite, however deep it lies."""
    if isinstance(content, dict):
        return {finite(key, said): finite(value, said) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [finite(value, said) for value in content]
    content = to_python(content)
    return said(content) if isinstance(content, float) and not isfinite(content) else content


def with_infinite(content: Any) -> Any:
    """What `to_json` was given, of what was read: for the texts "inf", "-inf" and "nan" the numbers."""
    if isinstance(content, dict):
        return {key: with_infinite(value) for key, value in content.items()}
    if isinstance(content, list):
        return [with_infinite(value) for value in content]
    return float(content) if isinstance(content, str) and content in ("inf", "-inf", "nan") else content
