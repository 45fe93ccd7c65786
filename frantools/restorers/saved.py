"""Finished results: a folder of pictures, a file, an array."""

from __future__ import annotations

import hashlib
import time
import weakref
from functools import lru_cache
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..files import hash_of
from ..photos.decode import extensions
from ..photos.file_names import composed, find_spelling
from ..photos.images import ACCEPTED, as_picture, load_image
from ..photos.photo import Photo
from ..photos.regions import Region
from .base import (
    Colours,
    Progress,
    Restoration,
    RestorationInput,
    Restorer,
    RestorerError,
    check_picture,
    missing,
    named_token,
)
from .identity import object_number
from .kinds import Kind


def matching(folder: Path, photo: Photo) -> Path:
    """Find the picture of a folder that belongs to a photo.

    It is the picture with the same file name; otherwise with the same stem; otherwise the only one whose name starts
    with the stem, such as ``cat_x4.png`` for ``cat.jpg``. Raises a RestorerError if there is none, or several.
    """
    photo_path = Path(composed(photo.name))
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in extensions() and path.is_file())
    if not paths:
        raise RestorerError(f"{folder}: the folder contains no pictures ({ACCEPTED})")
    names = {path: Path(composed(path.name)) for path in paths}
    for candidates in (
        [path for path in paths if path.name == Path(photo.name).name],
        [path for path, name in names.items() if name.name == photo_path.name],
        [path for path, name in names.items() if name.stem == photo_path.stem],
        [path for path, name in names.items() if name.stem.startswith(photo_path.stem)],
    ):
        if len({path.resolve() for path in candidates}) == 1:  # several links to one file count once
            return candidates[0]
        if candidates:
            listed = ", ".join(path.name for path in candidates[:4])
            raise RestorerError(f"{folder}: the folder has {len(candidates)} pictures for {photo_path.name} ({listed})")
    raise RestorerError(f"{folder}: the folder has no picture whose name starts with the stem of {photo_path.name}")


def cut_to_frame(image: Colours, photo: Photo) -> Colours:
    """Cut a picture of the whole photo to its centre square if that is the photo's frame.

    A picture with another aspect ratio than the whole photo is one of the frame already.
    """
    (height, width), (image_height, image_width) = photo.pixels.shape[:2], image.shape[:2]
    errors = abs(image_width - image_height * width / height), abs(image_height - image_width * height / width)
    shows_whole_photo = min(errors) <= 1  # sizes are rounded
    if photo.frame == "whole" or image_height == image_width or not shows_whole_photo:
        return image
    side = min(image_height, image_width)
    top, left = (image_height - side) // 2, (image_width - side) // 2
    return image[top : top + side, left : left + side]


@lru_cache(maxsize=256)
def _hash_of(path: Path, version: object) -> str:
    """The hash of a file, computed again if the file has changed."""
    return hash_of(path)


class SavedPictures(Restorer):
    """A folder of finished results, or one picture file.

    Parameters
    ----------
    path : path
        A folder, in which the result for a photo is matched by file name (see `matching`), or a file.

    Raises
    ------
    FileNotFoundError
        If there is no such file or folder.
    """

    interruptible = persistent = True
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
        started = time.perf_counter()
        image = load_image(self.of(given.photo)).astype(np.float32) / np.float32(255)
        return Restoration(cut_to_frame(image, given.photo), time.perf_counter() - started, calls=0)

    def token(self, photo: Photo | None = None) -> dict[str, Any]:
        """Identify the file that belongs to a photo by its content."""
        return named_token({"model": self.path.as_posix(), "setup": None}, self._file_hashes(photo))

    def hashes(self, photo: Photo | None) -> dict[str, str]:
        """The hash of the file that belongs to a photo; without a photo, a folder has none."""
        if photo is None and self.path.is_dir():
            return {}
        path = self.path if photo is None else self.of(photo)
        status = path.stat()
        return {path.as_posix(): _hash_of(path, (status.st_mtime_ns, status.st_size))}

    def to_dict(self) -> dict[str, Any]:
        """The path."""
        return {"path": self.path.as_posix()}


class SavedArray(Restorer):
    """A finished result as an array.

    Parameters
    ----------
    array : ndarray
        (H, W, 3) uint8 or floats in [0, 1]; gray and transparent pictures are converted as `as_picture` does.
    """

    interruptible = True
    cost: float | None = 0.01

    def __init__(self, array: Any, title: str | None = None) -> None:
        self.title = title or "array"
        self.image, self.remarks, self._sha256 = _check_array(np.asarray(array), self.title)

    def restore(
        self, given: RestorationInput, size: tuple[int, int], region: Region | None, seed: int, progress: Progress
    ) -> Restoration:
        """Return the array; see `Restorer`."""
        return Restoration(cut_to_frame(self.image, given.photo), 0.0, calls=0, remarks=self.remarks)

    def to_dict(self) -> dict[str, Any]:
        return missing(self.title, f"{self.title} is an array, which no recipe can name") | {"sha256": self._sha256}


_checked_arrays: dict[int, tuple[Colours, tuple[str, ...], str]] = {}


def _check_array(array: NDArray[Any], title: str) -> tuple[Colours, tuple[str, ...], str]:
    """Convert an array to a picture, with remarks and its hash; once if it is read-only, as in a column."""
    key = object_number(array)
    if key in _checked_arrays:
        return _checked_arrays[key]
    image, remarks = check_picture(array if array.ndim == 3 and array.shape[2] == 3 else as_picture(array), title)
    image.flags.writeable = False
    result = image, remarks, hashlib.sha256(np.ascontiguousarray(image).data).hexdigest()
    if not array.flags.writeable:
        _checked_arrays[key] = result
        weakref.finalize(array, _checked_arrays.pop, key, None)
    return result


PICTURES = Kind(
    "path",
    lambda path: path.is_dir() or path.suffix.lower() in extensions(),
    lambda what, options: options.without_settings(SavedPictures(what, options.title)),
)
ARRAY = Kind(
    "array",
    lambda what: isinstance(what, np.ndarray),
    lambda what, options: options.without_settings(SavedArray(what, options.title)),
    title=lambda what: "array",
)
