"""Pictures that were made elsewhere: a folder of them, a file, an array."""

from __future__ import annotations

import hashlib
import time
from functools import cached_property, lru_cache
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from ..files import hash_of
from ..photos.decode import extensions
from ..photos.file_names import composed, find_spelling
from ..photos.images import ACCEPTED, as_picture, load_image
from ..photos.photo import Photo
from ..photos.regions import Region
from .base import Colours, Progress, Restoration, RestorationInput, Restorer, RestorerError, checked_picture, missing


def matching(folder: Path, photo: Photo) -> Path:
    """The picture of a folder that belongs to a photo.

    That is the one of the same file name; else the one of the same stem; else the only one whose name begins with the
    stem, such as ``cat_x4.png`` for ``cat.jpg``. Raises a RestorerError if there is none, or several could be meant.
    """
    wanted = Path(composed(photo.name))
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in extensions() and path.is_file())
    if not files:
        raise RestorerError(f"{folder} holds no pictures; accepted are {ACCEPTED}")
    names = {path: Path(composed(path.name)) for path in files}
    for alike in (
        [path for path in files if path.name == Path(photo.name).name],
        [path for path, name in names.items() if name.name == wanted.name],
        [path for path, name in names.items() if name.stem == wanted.stem],
        [path for path, name in names.items() if name.stem.startswith(wanted.stem)],
    ):
        if len({path.resolve() for path in alike}) == 1:  # also of several links to one file
            return alike[0]
        if alike:
            listed = ", ".join(path.name for path in alike[:4])
            raise RestorerError(
                f"{folder} has {len(alike)} pictures for {wanted.name} ({listed}); accepted is one of that stem"
            )
    raise RestorerError(
        f"{folder} has no picture for {wanted.name}; accepted are the same name, its stem, or one that begins so"
    )


def framed(image: Colours, photo: Photo) -> Colours:
    """A picture of the whole photo, cut to the centre square where that alone is looked at.

    A picture of another aspect than the photo's is taken for one of the frame, and stays as it is.
    """
    (height, width), (tall, wide) = photo.pixels.shape[:2], image.shape[:2]
    whole = min(abs(wide - tall * width / height), abs(tall - wide * height / width)) <= 1  # sizes are rounded
    if photo.frame == "whole" or tall == wide or not whole:
        return image
    side = min(tall, wide)
    top, left = (tall - side) // 2, (wide - side) // 2
    return image[top : top + side, left : left + side]


@lru_cache(maxsize=256)
def _hash_of(path: Path, state: object) -> str:
    """The hash of a file, read again where the file has changed."""
    return hash_of(path)


class SavedPictures(Restorer):
    """A folder of pictures, or one picture file, as they were made elsewhere.

    Parameters
    ----------
    path : path
        A folder, in which the photo's picture is found by its name (see `matching`), or a file.

    Raises
    ------
    FileNotFoundError
        If there is nothing.
    """

    interruptible = True
    cost: float | None = 0.1

    def __init__(self, path: str | PathLike[str], title: str | None = None) -> None:
        self.path = find_spelling(Path(path).expanduser())
        if not self.path.exists():
            raise FileNotFoundError(f"there is no file or folder {path}")
        self.title = title or self.path.stem or str(path)

    @property
    def reads_files(self) -> bool:  # type: ignore[override]
        """Whether it is a folder."""
        return self.path.is_dir()

    def of(self, photo: Photo) -> Path:
        """The file that belongs to a photo; see `matching`."""
        return matching(self.path, photo) if self.path.is_dir() else self.path

    def restore(
        self, given: RestorationInput, size: tuple[int, int], region: Region | None, seed: int, progress: Progress
    ) -> Restoration:
        """Read the picture; see `Restorer`."""
        begun = time.perf_counter()
        image = load_image(self.of(given.photo)).astype(np.float32) / np.float32(255)
        return Restoration(framed(image, given.photo), time.perf_counter() - begun, calls=0)

    def state(self) -> list[tuple[str, int, int]]:
        """What tells whether a picture has changed."""
        files = sorted(self.path.iterdir()) if self.path.is_dir() else [self.path]
        return [(path.name, path.stat().st_mtime_ns, path.stat().st_size) for path in files if path.is_file()]

    def hashes(self, photo: Photo | None) -> dict[str, str]:
        """The hash of the file that belongs to a photo; without one a folder has none."""
        if photo is None and self.path.is_dir():
            return {}
        path = self.path if photo is None else self.of(photo)
        status = path.stat()
        return {path.as_posix(): _hash_of(path, (status.st_mtime_ns, status.st_size))}

    def to_dict(self) -> dict[str, Any]:
        """The path."""
        return {"path": self.path.as_posix()}


class SavedArray(Restorer):
    """A picture that is given as an array: the answer itself.

    Parameters
    ----------
    array : ndarray
        (H, W, 3) uint8 or floats in [0, 1]; gray and transparent ones are taken as `as_picture` takes them.
    """

    interruptible = True
    cost: float | None = 0.01

    def __init__(self, array: Any, title: str | None = None) -> None:
        self.title = title or "array"
        given = np.asarray(array)
        colours = given if given.ndim == 3 and given.shape[2] == 3 else as_picture(array)
        self.image: Colours
        self.image, self.remarks = checked_picture(colours, self.title)
        self.image.flags.writeable = False

    def restore(
        self, given: RestorationInput, size: tuple[int, int], region: Region | None, seed: int, progress: Progress
    ) -> Restoration:
        """The array; see `Restorer`."""
        return Restoration(framed(self.image, given.photo), 0.0, calls=0, remarks=self.remarks)

    def to_dict(self) -> dict[str, Any]:
        return missing(self.title, f"{self.title} is an array, which no name finds again") | {"sha256": self._sha256}

    @cached_property
    def _sha256(self) -> str:
        """The hash of the picture, which is never written to."""
        return hashlib.sha256(np.ascontiguousarray(self.image).data).hexdigest()
