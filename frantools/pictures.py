"""A folder of pictures, read when they are asked for."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Sequence
from copy import copy
from os import PathLike
from pathlib import Path
from typing import Any

from PIL import Image

from .images import Picture, load_image

ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif")
CACHED = 1_000_000_000  # bytes of decoded pictures kept in memory: 8,500 of CelebA's


class Pictures(Sequence[Picture]):
    """The readable pictures of a folder and the folders in it, in the order of their names.

    Parameters
    ----------
    folder : path
        Where the pictures are.

    Attributes
    ----------
    paths : list of Path
        The readable ones.
    skipped : list of str
        Those that cannot be read, each with the reason.

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
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of large pictures: the limit is that of `load_image`
            for path in sorted(p for p in self.folder.rglob("*") if p.suffix.lower() in ENDINGS):
                try:
                    with Image.open(path):  # the header only: a folder may hold 200,000 pictures
                        self.paths.append(path)
                except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
                    self.skipped.append(f"{path.name}: {error}")
        if not self.paths:
            unreadable = f" ({len(self.skipped)} unreadable)" if self.skipped else ""
            raise ValueError(
                f"{folder} holds no readable picture{unreadable}; accepted are folders of {', '.join(ENDINGS)} files"
            )
        self._kept: dict[Path, Picture] = {}
        self._bytes = 0

    def read(self, index: int) -> Picture:
        """Picture `index`, not to be written to, or a ValueError where its pixels turn out damaged."""
        path = self.paths[index]
        picture = self._kept.get(path)
        if picture is None:
            picture = load_image(path)
            picture.flags.writeable = False  # it may be kept, and be given out again
            # Nothing is dropped for it: an epoch asks for each picture once, so the first are as good as the last.
            if self._bytes + picture.nbytes <= CACHED:
                self._kept[path] = picture
                self._bytes += picture.nbytes
        return picture

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Picture:  # type: ignore[override]
        """Picture `index`; one whose pixels turn out damaged is skipped with a warning, and the next stands in."""
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
        part._kept, part._bytes = {}, 0
        return part

    def summary(self) -> dict[str, Any]:
        """What is kept of the folder in a checkpoint: its name, the number of pictures, a hash of names and sizes."""
        listing = "\n".join(f"{p.relative_to(self.folder).as_posix()} {p.stat().st_size}" for p in self.paths)
        digest = hashlib.sha256(listing.encode()).hexdigest()
        return {"folder": self.folder.name, "pictures": len(self), "skipped": len(self.skipped), "sha256": digest}
