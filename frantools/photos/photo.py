"""A photo: its pixels, its name, the part that is looked at, and what is derived from them, made once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import chain, count
from os import PathLike
from os.path import expanduser
from pathlib import Path
from threading import RLock
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from ..checks import integer, is_integer
from .file_names import find_spelling
from .images import Picture, as_picture, load_image, portraits, prepare_input, resized, square, to_array, to_tensor
from .regions import LARGEST, Region, dimensions

FRAMES = ("square", "whole")
ITSELF = "itself"
KEPT = 8  # sizes and regions in which a photo is kept, and degradations

Made = TypeVar("Made")
_lock = RLock()  # widgets ask from several threads, and what is made once takes seconds


@lru_cache(maxsize=8)
def _read(path: Path, state: object) -> Picture:
    """The picture of a file, read again where the file has changed."""
    picture = load_image(path)
    picture.flags.writeable = False
    return picture


def _found(name: str) -> Picture:
    """A built-in portrait by its name, or a picture by its path."""
    built_in = portraits()
    if name in built_in:
        return built_in[name]
    path = find_spelling(Path(expanduser(name)))
    state = (path.stat().st_mtime_ns, path.stat().st_size) if path.is_file() else None
    return _read(path, state)


class Photo:
    """A photo, read once, with what is derived from it.

    Parameters
    ----------
    what : str, path, bytes, ndarray, PIL image or Photo
        The name of a built-in portrait, a picture file or its content, or a picture: see `load_image` and
        `as_picture`.
    frame : {"square", "whole"}, optional
        What of it is looked at: the centre square, or all. Default: left to what is done with the photo.
    reference : "itself", None, str, path or ndarray
        What restorations are measured against: the photo itself, nothing (then there are no numbers), or another
        picture of the same thing, such as the sharp original of a small photo.
    name : str, optional
        What the photo is called. Default: its file's name or path.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such file, it is not a picture, or the frame is unknown.

    Examples
    --------
    >>> photo = Photo("hopper")
    >>> photo.at(178).size(178)
    (178, 178)
    """

    def __init__(self, what: Any, frame: str | None = None, reference: Any = ITSELF, name: str | None = None) -> None:
        if frame not in (*FRAMES, None):
            raise ValueError(f"frame is {frame!r}; accepted are 'square' and 'whole'")
        self.name = name or "picture"
        self.pixels: Picture
        self.frame: str | None
        self.how = ""
        """How the photo came here, where its name does not find it: "given as an array", "uploaded"."""
        self.taken: int | None = None
        """Pixels of the longer side that it was taken down to; see `at`."""
        if isinstance(what, Photo):
            self.pixels, self.name, self.how, self.taken = what.pixels, name or what.name, what.how, what.taken
            frame = frame or what.frame
            reference = what.other if isinstance(reference, str) and reference == ITSELF else reference
        elif isinstance(what, (str, PathLike)):
            self.pixels, self.name = _found(str(what)), name or str(what)
        else:
            read = isinstance(what, (bytes, bytearray, memoryview))
            self.pixels = load_image(what) if read else _own(as_picture(what))
            self.how = "uploaded" if read else "given as an array"
            same = [each for each, picture in portraits().items() if np.array_equal(picture, self.pixels)]
            if same and name is None:
                self.name, self.how = same[0], ""
        self.frame = frame
        self.other: Any = reference
        """What it is measured against: "itself", None, or another Photo."""
        if not (
            reference is None or isinstance(reference, Photo) or (isinstance(reference, str) and reference == ITSELF)
        ):
            self.other = Photo(reference)
        self._made: dict[Any, Any] = {}

    def once(self, key: Any, make: Callable[[], Made], few: bool = False) -> Made:
        """What was made under a key, or is now. Of keys that are tuples, where `few`, the last ones are kept."""
        with _lock:
            if key not in self._made:
                made = make()
                kept = [each for each in self._made if few and isinstance(each, tuple) and each[0] == key[0]]
                for each in kept[: max(0, len(kept) - KEPT + 1)]:
                    del self._made[each]
                self._made[key] = made
            found: Made = self._made[key]
            return found

    def __getstate__(self) -> dict[str, Any]:
        """Without what was made of it: that is made again where it is sent to."""
        return {**vars(self), "_made": {}}

    def __repr__(self) -> str:
        height, width = self.pixels.shape[:2]
        return f"Photo({self.name!r}, {width} x {height}, frame={self.frame!r})"

    def framed_as(self, frame: str) -> Photo:
        """The same photo with this frame, unless it has one already."""
        if self.frame is not None:
            return self
        return self.once(("framed", frame), lambda: self._copy(frame, self.taken))

    def _copy(self, frame: str | None, taken: int | None) -> Photo:
        photo = Photo(self, frame)
        photo.taken = taken
        photo._made["sha256"] = self.sha256
        return photo

    def at(self, size: int) -> Photo:
        """The same photo taken down: its frame with a longer side of `size` pixels."""
        side = integer("size", size, 1, LARGEST)
        return self.once(("at", side), lambda: self._copy(self.frame, side))

    @property
    def sha256(self) -> str:
        """The hash of its pixels, by which recipes know it."""
        return self.once("sha256", lambda: hashlib.sha256(np.ascontiguousarray(self.pixels).data).hexdigest())

    @property
    def key(self) -> tuple[Any, ...]:
        """What tells its restorations from those of other photos."""
        other = self.other.sha256 if isinstance(self.other, Photo) else self.other
        return self.sha256, self.pixels.shape, self.name, self.frame, self.taken, other

    @property
    def picture(self) -> Picture:
        """The frame's own pixels: uint8 (H, W, 3)."""
        return self.once("picture", self._picture)

    def _picture(self) -> Picture:
        if self.frame == "whole":
            return self.pixels if self.taken is None else resized(self.pixels, _sides(self.pixels, self.taken))
        return square(self.pixels, self.taken)

    def size(self, size: int | tuple[int, int], region: Region | None = None) -> tuple[int, int]:
        """The width and height of what is made of the photo.

        One number stands for the longer side of the frame; with a region, for both sides.
        """
        if region is not None or not is_integer(size):
            return dimensions(size)
        dimensions(size)
        return _sides(self.picture, int(size))

    @property
    def input(self) -> Tensor:
        """What FranNet reads of the frame: (1, 1, 64, 64) float32 in [-1, 1], gray."""
        return self.once("input", lambda: prepare_input(self.picture, crop=self.frame != "whole"))

    @property
    def small(self) -> NDArray[np.float32]:
        """The same 64 x 64 pixels as a gray picture: float32 (64, 64, 3) in [0, 1]."""
        gray = (self.input[0, 0] + 1) / 2
        return self.once("small", lambda: np.repeat(gray.numpy()[..., None], 3, axis=-1))

    @property
    def small_colour(self) -> NDArray[np.float32]:
        """The frame at 64 x 64 with its true colours, shrunk as the input is: float32 (64, 64, 3) in [0, 1]."""
        return self.once("small colour", self._small_colour)

    def _small_colour(self) -> NDArray[np.float32]:
        side = self.input.shape[-1]
        colours = to_tensor(self.picture).float() / 255
        shrinks = side < max(colours.shape[-2:])
        small = torch.nn.functional.interpolate(colours, (side, side), mode="bilinear", antialias=shrinks)
        return to_array(small.clamp(0, 1))

    def shown(self, size: int | tuple[int, int], region: Region | None = None) -> NDArray[np.float32]:
        """The photo itself, or a region of it: float32 (H, W, 3) in [0, 1], bilinear with antialiasing."""
        sides = self.size(size, region)
        # Zooming asks for ever new regions.
        return self.once(("shown", sides, region), lambda: self._shown(sides, region), few=True)

    def _shown(self, size: tuple[int, int], region: Region | None) -> NDArray[np.float32]:
        picture, part = self.picture, region or Region.full()
        height, width = picture.shape[:2]
        box = (
            part.x * width,
            part.y * height,
            min(width, part.x * width + part.width * width),
            min(height, part.y * height + part.height * height),
        )
        made = Image.fromarray(picture).resize(size, Image.Resampling.BILINEAR, box=box)
        array = np.asarray(made, dtype=np.float32) / np.float32(255)
        array.flags.writeable = False
        return array

    def reference(self, size: int | tuple[int, int], region: Region | None = None) -> NDArray[np.float32] | None:
        """What restorations are measured against: float32 (H, W, 3) in [0, 1], or None where there is nothing."""
        if self.other is None:
            return None
        if isinstance(self.other, Photo):
            return self.other.framed_as(self.frame or "square").shown(self.size(size, region), region)
        return self.shown(size, region)

    def own(self, size: tuple[int, int]) -> NDArray[np.float32]:
        """What a restorer is given before it is degraded: float32 (H, W, 3) in [0, 1].

        That is the reference at `size`, where the photo is its own; without a reference, or with another one, the
        photo's own pixels.
        """
        if isinstance(self.other, str):
            return self.shown(size)
        return self.once("own", lambda: self.picture.astype(np.float32) / np.float32(255))


def _own(picture: Picture) -> Picture:
    """A picture that nobody else writes to: its hash is its name."""
    own = picture.copy() if picture.flags.writeable else picture
    own.flags.writeable = False
    return own


def _sides(picture: Picture, longer: int) -> tuple[int, int]:
    """Width and height of a picture whose longer side becomes so many pixels."""
    height, width = picture.shape[:2]
    most = max(height, width)
    return max(1, round(longer * width / most)), max(1, round(longer * height / most))


def distinct(photos: Iterable[Photo]) -> Iterator[Photo]:
    """Photos with names that differ: of two of one name, the second gets a number."""
    taken: set[str] = set()
    for photo in photos:
        numbers = chain([photo.name], (f"{photo.name} ({number})" for number in count(2)))
        name = next(each for each in numbers if each not in taken)
        taken.add(name)
        yield photo if name == photo.name else Photo(photo, name=name)


def as_photo(what: Any) -> Photo:
    """A photo, of whatever `Photo` takes."""
    return what if isinstance(what, Photo) else Photo(what)
