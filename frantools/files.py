"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path


@contextmanager
def replacing(path: str | PathLike[str]) -> Iterator[Path]:
    """A temporary name beside `path`, renamed to it at the end, or removed if the block raises.

    The folder is made where it is missing. The temporary name keeps the ending, which tells some writers the format.

    Raises
    ------
    ValueError
        If the folder cannot be made, or `path` is a folder itself.
    """
    path = Path(path)
    if path.is_dir():
        raise ValueError(f"{path} is a folder; accepted is the name of a file to write")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"the folder {path.parent} cannot be made: {error.strerror}") from None
    temporary = path.with_name(f".{path.stem}-{secrets.token_hex(4)}{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
