"""A folder of pictures, decoded on demand."""

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
from .images import ACCEPTED, Picture, load_image
from .shared_cache import SharedPictureCache

CACHE_BYTES = 1_000_000_000  # of decoded pictures: 8,500 of CelebA's


class Pictures(Sequence[Picture]):
    """The readable pictures of a folder and its subfolders, sorted by path.

    Symbolic links to folders and pictures are followed. A picture with several paths counts once. A truncated picture
    is listed, and loads with a warning.

    Parameters
    ----------
    folder : path
        The folder.

    Attributes
    ----------
    paths : list of Path
        The readable pictures.
    skipped : list of str
        Pictures that cannot be read, and links to pictures that are already listed, with the reason. Other files are
        ignored.

    Raises
    ------
    ValueError
        If there is no such folder, or no readable picture in it.
    """

    def __init__(self, folder: str | PathLike[str]) -> None:
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise ValueError(f"there is no folder {folder}")
        self.paths: list[Path] = []
        self.skipped: list[str] = []
        self._file_sizes: dict[Path, int] = {}
        sizes: dict[Path, tuple[int, int]] = {}
        extensions = decode.extensions()
        path_of: dict[str, Path] = {}  # by the real path
        for path in sorted(self._files(), key=lambda path: (path.is_symlink(), path)):
            try:
                size = _read_size(path, extensions)
                if size is not None:
                    if (first := path_of.setdefault(os.path.realpath(path), path)) is not path:
                        raise ValueError(f"it is a link to the picture {first.name}, which is listed already")
                    self._file_sizes[path] = path.stat().st_size
                    sizes[path] = size
                    self.paths.append(path)
            except Exception as error:  # Pillow's plugins raise any exception on damage
                self.skipped.append(f"{path.name}: {_reason(error)}")
        self.paths.sort()
        if not self.paths:
            unreadable = f" ({len(self.skipped)} unreadable)" if self.skipped else ""
            raise ValueError(f"{folder} contains no readable picture{unreadable}; accepted: {ACCEPTED}")
        self._cache = SharedPictureCache(sizes, CACHE_BYTES)

    def _files(self) -> Iterator[Path]:
        """Yield the files of the folder, its subfolders and linked folders, entering each folder once."""
        visited: set[str] = set()
        roots = [self.folder]
        for root in roots:  # grows: links are followed last
            if root is not self.folder and self.folder.resolve().is_relative_to(root.resolve()):
                self.skipped.append(f"{root.name}: it is a link to a folder that contains {self.folder.name}")
                continue
            for folder, subfolders, names in os.walk(root, onerror=self._skip_folder):
                real = os.path.realpath(folder)
                if real in visited:
                    subfolders.clear()
                    if folder == str(root):
                        self.skipped.append(f"{root.name}: it is a link to a folder that is listed already")
                    continue
                visited.add(real)
                roots += [path for name in sorted(subfolders) if (path := Path(folder, name)).is_symlink()]
                yield from (Path(folder, name) for name in names)

    def _skip_folder(self, error: OSError) -> None:
        self.skipped.append(f"{Path(str(error.filename)).name}: {_reason(error)}")

    def read(self, index: int) -> Picture:
        """Return picture `index`, read-only. Raises a ValueError if it is damaged or has disappeared."""
        path = self.paths[index]
        picture = self._cache.get(path)
        if picture is None:
            try:
                picture = load_image(path)
            except OSError as error:
                raise ValueError(str(error)) from None
            picture.flags.writeable = False
            self._cache.put(path, picture)
        return picture

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Picture:  # type: ignore[override]
        """Return picture `index`, or the next readable one, with a warning, if it is damaged or has disappeared."""
        if not -len(self) <= index < len(self):
            raise IndexError(f"picture {index} of {len(self)}")
        for offset in range(len(self)):
            try:
                return self.read((index + offset) % len(self))
            except ValueError as error:
                warnings.warn(f"skipped: {error}", stacklevel=2)
        raise ValueError(f"{self.folder} contains no readable picture")

    def part(self, start: int, stop: int) -> Pictures:
        """Return only pictures `start` to `stop` - 1."""
        part = copy(self)
        part.paths = self.paths[start:stop]
        return part

    def summary(self) -> dict[str, Any]:
        """Return what identifies the folder in a checkpoint: its name, counts, and a hash of file names and sizes."""
        lines = [f"{path.relative_to(self.folder).as_posix()} {self._file_sizes[path]}" for path in self.paths]
        digest = hashlib.sha256(as_label("\n".join(lines)).encode()).hexdigest()
        return {"folder": self.folder.name, "pictures": len(self), "skipped": len(self.skipped), "sha256": digest}


def _read_size(path: Path, extensions: frozenset[str]) -> tuple[int, int] | None:
    """Read the width and height of a picture file; None for other files.

    Raises a ValueError that states why a picture cannot be read.
    """
    extension = path.suffix.lower()
    if extension not in extensions and extension not in decode.UNREADABLE_EXTENSIONS:
        if path.is_file() and (name := decode.detect_format(path)) in decode.formats():
            raise ValueError(f"it is a {name} file without the extension of one")
        return None
    if path.is_dir():
        return None
    if not path.is_file():
        raise ValueError("it is a broken link, a pipe or a device")
    if extension not in extensions:
        raise ValueError(f"{extension} files cannot be read; accepted: {ACCEPTED}")
    return decode.read_size(path)  # the header only: a folder may contain 200,000 pictures


def _reason(error: Exception) -> str:
    """Return why a picture cannot be read."""
    if isinstance(error, decode.TooLargeError):
        return f"it has more than {decode.MAX_PIXELS // 1_000_000} million pixels"
    if isinstance(error, UnidentifiedImageError):
        return "it is not a picture" + f" that can be read ({error})" * bool(str(error))
    return str(error.strerror or error) if isinstance(error, OSError) else str(error)
