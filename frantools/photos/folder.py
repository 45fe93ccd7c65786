"""A folder of pictures, read when they are asked for."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Iterator, Sequence
from copy import copy
from os import PathLike
from pathlib import Path
from typing import Any

from PIL import UnidentifiedImageError

from . import decode
from .file_names import as_label
from .images import ACCEPTED, LARGEST, Picture, load_image
from .shared_cache import Shelf

CACHED = 1_000_000_000  # bytes of decoded pictures kept in memory: 8,500 of CelebA's


class Pictures(Sequence[Picture]):
    """The readable pictures of a folder and the folders in it, in the order of their names.

    Links to folders and to pictures are followed. A picture that is found twice counts once.

    Parameters
    ----------
    folder : path
        Where the pictures are.

    Attributes
    ----------
    paths : list of Path
        The readable ones.
    skipped : list of str
        The pictures that cannot be read, and the links to what is among the pictures already, each with the reason.
        Files that are none are not among them.

    Raises
    ------
    ValueError
        If there is no such folder, or no readable picture in it.
    """

    def __init__(self, folder: str | PathLike[str]) -> None:
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise ValueError(f"there is no folder {folder}; accepted is a folder of pictures")
        self.paths: list[Path] = []
        self.skipped: list[str] = []
        self._lengths: dict[Path, int] = {}
        sizes: dict[Path, tuple[int, int]] = {}
        endings = decode.endings()
        taken: dict[str, Path] = {}  # by what links lead to
        for path in sorted(self._files(), key=lambda path: (path.is_symlink(), path)):
            try:
                size = self._size(path, endings)
                if size is not None:
                    if (same := taken.setdefault(os.path.realpath(path), path)) is not path:
                        raise ValueError(f"it is a link to a picture that counts once, as {same.name}")
                    self._lengths[path] = path.stat().st_size
                    sizes[path] = size
                    self.paths.append(path)
            except Exception as error:  # Pillow's plugins raise anything on damage
                self.skipped.append(f"{path.name}: {_reason(error)}")
        self.paths.sort()
        if not self.paths:
            unreadable = f" ({len(self.skipped)} unreadable)" if self.skipped else ""
            raise ValueError(f"{folder} holds no readable picture{unreadable}; accepted are folders of {ACCEPTED}")
        self._shelf = Shelf(sizes, CACHED)

    def _files(self) -> Iterator[Path]:
        """The files in the folder, in those in it, and in those that links there lead to; each folder once."""
        visited: set[str] = set()
        starts = [self.folder]
        for start in starts:  # which grows: links are followed last, and count only if they lead to another folder
            if start is not self.folder and self.folder.resolve().is_relative_to(start.resolve()):
                self.skipped.append(f"{start.name}: it is a link to a folder that holds {self.folder.name}")
                continue
            for folder, folders, names in os.walk(start, onerror=self._skip_folder):
                real = os.path.realpath(folder)
                if real in visited:
                    folders.clear()
                    if folder == str(start):
                        self.skipped.append(f"{start.name}: it is a link to a folder that counts once")
                    continue
                visited.add(real)
                starts += [path for name in sorted(folders) if (path := Path(folder, name)).is_symlink()]
                yield from (Path(folder, name) for name in names)

    def _skip_folder(self, error: OSError) -> None:
        self.skipped.append(f"{Path(str(error.filename)).name}: {_reason(error)}")

    @staticmethod
    def _size(path: Path, endings: frozenset[str]) -> tuple[int, int] | None:
        """Width and height of a picture file, or None for what is none."""
        ending = path.suffix.lower()
        if ending in endings or ending in decode.UNREAD:
            if path.is_dir():
                return None
            if not path.is_file():
                raise ValueError("it is a link that leads nowhere, a pipe or a device")
            if ending not in endings:
                raise ValueError(f"{ending} files cannot be read; accepted are {ACCEPTED}")
            return decode.read_size(path)  # the header only: a folder may hold 200,000 pictures
        if path.is_file() and (kind := decode.signature(path)) in decode.formats():
            raise ValueError(f"it is a {kind} file, and its name does not end as those do")
        return None

    def read(self, index: int) -> Picture:
        """Picture `index`, not to be written to, or a ValueError where it turns out damaged or is there no more."""
        path = self.paths[index]
        picture = self._shelf.get(path)
        if picture is None:
            try:
                picture = load_image(path)
            except OSError as error:
                raise ValueError(str(error)) from None
            picture.flags.writeable = False  # it may be kept, and be given out again
            # Nothing is dropped for it: an epoch asks for each picture once, so the first are as good as the last.
            self._shelf.put(path, picture)
        return picture

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Picture:  # type: ignore[override]
        """Picture `index`; one that is damaged or gone is skipped with a warning, and the next stands in."""
        if not -len(self) <= index < len(self):
            raise IndexError(f"picture {index} of {len(self)}")
        for offset in range(len(self)):
            at = (index + offset) % len(self)
            try:
                return self.read(at)
            except ValueError as error:
                warnings.warn(f"skipped: {error}", stacklevel=2)
        raise ValueError(f"{self.folder} holds no readable picture")

    def part(self, start: int, stop: int) -> Pictures:
        """Pictures `start` to `stop` - 1 alone."""
        part = copy(self)
        part.paths = self.paths[start:stop]
        return part

    def summary(self) -> dict[str, Any]:
        """What is kept of the folder in a checkpoint: its name, the number of pictures, a hash of names and sizes."""
        lines = [f"{path.relative_to(self.folder).as_posix()} {self._lengths[path]}" for path in self.paths]
        digest = hashlib.sha256(as_label("\n".join(lines)).encode()).hexdigest()
        return {"folder": self.folder.name, "pictures": len(self), "skipped": len(self.skipped), "sha256": digest}


def _reason(error: Exception) -> str:
    """Why a picture cannot be read, as part of a sentence."""
    if isinstance(error, decode.TooLargeError):
        return f"it has more than {LARGEST // 1_000_000} million pixels"
    if isinstance(error, UnidentifiedImageError):
        return "it is not a picture" + f" that can be read ({error})" * bool(str(error))
    return str(error.strerror or error) if isinstance(error, OSError) else str(error)
