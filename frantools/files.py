"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from tempfile import TemporaryFile


def check_output(path: str | PathLike[str]) -> Path:
    """Raise a ValueError if a file cannot be written at `path`; asked before the work whose result it is to hold."""
    path = Path(path)
    if path.is_dir():
        raise ValueError(f"{path} is a folder; accepted is the name of a file to write")
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    if not folder.is_dir():
        raise ValueError(f"{path} cannot be written: {folder} is not a folder")
    try:
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ValueError(f"{path} cannot be written: {folder}: {error.strerror}") from None
    return path


@contextmanager
def replacing(path: str | PathLike[str]) -> Iterator[Path]:
    """A temporary name beside `path`, renamed to it at the end, or removed if the block raises.

    The folder is made where it is missing. The temporary name keeps the ending, which tells some writers the format.

    Raises
    ------
    ValueError
        If the folder cannot be made or written to, or `path` is a folder itself.
    """
    path = check_output(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"the folder {path.parent} cannot be made: {error.strerror}") from None
    temporary = path.with_name(f".{secrets.token_hex(8)}{path.suffix}")
    try:
        temporary.touch()
        mode = temporary.stat().st_mode
        yield temporary
        os.chmod(temporary, mode)  # what the user's umask says, where a writer is stricter
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
