"""A photo: its pixels, name, frame and reference, with a memo of what is derived from them."""

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

from ..checks import integer, invalid, is_integer
from .file_names import find_spelling
from .images import Picture, as_picture, crop_square, load_image, portraits, prepare_input, resize, to_array, to_tensor
from .regions import LARGEST, Region, dimensions

FRAMES = ("square", "whole")
ITSELF = "itself"
MEMO_LIMIT = 8  # entries of each limited kind that a photo's memo holds: regions, degradations

T = TypeVar("T")
_memo_lock = RLock()  # widgets ask from several threads, and some entries take seconds to compute


@lru_cache(maxsize=8)
def _read_file(path: Path, state: object) -> Picture:
    """Read a picture file; `state` changes with the file."""
    picture = load_image(path)
    picture.flags.writeable = False
    return picture


def _read_named(name: str) -> Picture:
    """Return a built-in portrait by its name, or read a picture by its path."""
    built_in = portraits()
    if name in built_in:
        return built_in[name]
    path = find_spelling(Path(expanduser(name)))
    state = (path.stat().st_mtime_ns, path.stat().st_size) if path.is_file() else None
    return _read_file(path, state)


class Photo:
    """A photo, read once.

    Parameters
    ----------
    what : str, path, bytes, ndarray, PIL image or Photo
        The name of a built-in portrait, a picture file or its content, or a picture: see `load_image` and
        `as_picture`.
    frame : {"square", "whole"}, optional
        The part that is restored: the centre square, or everything. Default: the columns decide.
    reference : "itself", None, str, path or ndarray
        The picture that restorations are measured against: the photo itself, none (then there are no numbers), or
        another picture of the same scene, such as the sharp original of a small photo.
    name : str, optional
        Default: the file's name or path.

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
            raise invalid("frame", "'square' or 'whole'", frame)
        self.name = name or "picture"
        self.pixels: Picture
        self.frame: str | None
        self.origin = ""
        """The origin of a photo that its name does not lead to: "given as an array", "uploaded"."""
        self.downscaled_to: int | None = None
        """Pixels of the longer side that the frame is downscaled to; see `at`."""
        if isinstance(what, Photo):
            self.pixels, self.name, self.origin = what.pixels, name or what.name, what.origin
            self.downscaled_to, frame = what.downscaled_to, frame or what.frame
            reference = what._reference if _is_itself(reference) else reference
        elif isinstance(what, (str, PathLike)):
            self.pixels, self.name = _read_named(str(what)), name or str(what)
        else:
            is_content = isinstance(what, (bytes, bytearray, memoryview))
            self.pixels = load_image(what) if is_content else _read_only(as_picture(what))
            self.origin = "uploaded" if is_content else "given as an array"
            equal = [portrait for portrait, pixels in portraits().items() if np.array_equal(pixels, self.pixels)]
            if equal and name is None:
                self.name, self.origin = equal[0], ""
        self.frame = frame
        if not (reference is None or isinstance(reference, Photo) or _is_itself(reference)):
            reference = Photo(reference)
        self._reference: Photo | str | None = reference
        self._memo: dict[Any, Any] = {}

    def memo(self, key: Any, compute: Callable[[], T], limited: bool = False) -> T:
        """Return the memo's entry of a key, computing it the first time.

        If `limited`, only the latest entries whose keys are tuples with the same first item stay in memory.
        """
        with _memo_lock:
            if key not in self._memo:
                value = compute()
                if limited:
                    kind = [entry for entry in self._memo if isinstance(entry, tuple) and entry[0] == key[0]]
                    for entry in kind[: max(0, len(kind) - MEMO_LIMIT + 1)]:
                        del self._memo[entry]
                self._memo[key] = value
            result: T = self._memo[key]
            return result

    def __getstate__(self) -> dict[str, Any]:
        """Return the attributes without the memo, which another process computes itself."""
        return {**vars(self), "_memo": {}}

    def __repr__(self) -> str:
        height, width = self.pixels.shape[:2]
        return f"Photo({self.name!r}, {width} x {height}, frame={self.frame!r})"

    def with_frame(self, frame: str) -> Photo:
        """Return the photo with this frame, or itself if it has a frame already."""
        if self.frame is not None:
            return self
        return self.memo(("framed", frame), lambda: self._copy(frame, self.downscaled_to))

    def _copy(self, frame: str | None, downscaled_to: int | None) -> Photo:
        photo = Photo(self, frame)
        photo.downscaled_to = downscaled_to
        photo._memo["sha256"] = self.sha256
        return photo

    def at(self, size: int) -> Photo:
        """Return the photo with its frame downscaled to a longer side of `size` pixels."""
        side = integer("size", size, 1, LARGEST)
        return self.memo(("at", side), lambda: self._copy(self.frame, side))

    @property
    def sha256(self) -> str:
        """The hash of its pixels, which identifies it in recipes."""
        return self.memo("sha256", lambda: hashlib.sha256(np.ascontiguousarray(self.pixels).data).hexdigest())

    @property
    def reference_photo(self) -> Photo | None:
        """The photo that restorations are measured against: itself, another one, or None."""
        return self if isinstance(self._reference, str) else self._reference

    @property
    def key(self) -> tuple[Any, ...]:
        """A cache key: equal for photos whose restorations are equal."""
        reference = self._reference.sha256 if isinstance(self._reference, Photo) else self._reference
        return self.sha256, self.pixels.shape, self.name, self.frame, self.downscaled_to, reference

    @property
    def picture(self) -> Picture:
        """The pixels of the frame: uint8 (H, W, 3)."""
        return self.memo("picture", self._picture)

    def _picture(self) -> Picture:
        if self.frame != "whole":
            return crop_square(self.pixels, self.downscaled_to)
        if self.downscaled_to is None:
            return self.pixels
        return resize(self.pixels, _scaled_sides(self.pixels, self.downscaled_to))

    def size(self, size: int | tuple[int, int], region: Region | None = None) -> tuple[int, int]:
        """Return the width and height of a restoration.

        One number is the longer side of the frame or, with a region, both sides.
        """
        if region is not None or not is_integer(size):
            return dimensions(size)
        dimensions(size)
        return _scaled_sides(self.picture, int(size))

    @property
    def input(self) -> Tensor:
        """FranNet's input: the frame as (1, 1, 64, 64) float32 in [-1, 1], gray."""
        return self.memo("input", lambda: prepare_input(self.picture, crop=self.frame != "whole"))

    @property
    def small(self) -> NDArray[np.float32]:
        """FranNet's input as a gray picture: float32 (64, 64, 3) in [0, 1]."""
        gray = (self.input[0, 0] + 1) / 2
        return self.memo("small", lambda: np.repeat(gray.numpy()[..., None], 3, axis=-1))

    @property
    def small_colour(self) -> NDArray[np.float32]:
        """The frame in colour, shrunk like FranNet's input: float32 (64, 64, 3) in [0, 1]."""
        return self.memo("small colour", self._small_colour)

    def _small_colour(self) -> NDArray[np.float32]:
        side = self.input.shape[-1]
        colours = to_tensor(self.picture).float() / 255
        shrinks = side < max(colours.shape[-2:])
        small = torch.nn.functional.interpolate(colours, (side, side), mode="bilinear", antialias=shrinks)
        return to_array(small.clamp(0, 1))

    def resample(self, size: int | tuple[int, int], region: Region | None = None) -> NDArray[np.float32]:
        """Return the frame, or a region of it, at a size: float32 (H, W, 3) in [0, 1], bilinear with antialiasing."""
        sides = self.size(size, region)
        # Limited, because zooming asks for ever new regions.
        return self.memo(("resampled", sides, region), lambda: self._resample(sides, region), limited=True)

    def _resample(self, size: tuple[int, int], region: Region | None) -> NDArray[np.float32]:
        region = region or Region.full()
        height, width = self.picture.shape[:2]
        box = (
            region.x * width,
            region.y * height,
            min(width, region.x * width + region.width * width),
            min(height, region.y * height + region.height * height),
        )
        image = Image.fromarray(self.picture).resize(size, Image.Resampling.BILINEAR, box=box)
        array = np.asarray(image, dtype=np.float32) / np.float32(255)
        array.flags.writeable = False
        return array

    def reference(self, size: int | tuple[int, int], region: Region | None = None) -> NDArray[np.float32] | None:
        """Return what restorations are measured against: float32 (H, W, 3) in [0, 1], or None without a reference."""
        photo = self.reference_photo
        if photo is None:
            return None
        framed = photo if photo is self else photo.with_frame(self.frame or "square")
        return framed.resample(self.size(size, region), region)

    def restorer_pixels(self, size: tuple[int, int]) -> NDArray[np.float32]:
        """Return what restorers receive before degradation: float32 (H, W, 3) in [0, 1].

        If the photo is its own reference, that is the reference at `size`; otherwise the frame's pixels.
        """
        if self.reference_photo is self:
            return self.resample(size)
        return self.memo("restorer pixels", lambda: self.picture.astype(np.float32) / np.float32(255))


def _is_itself(reference: Any) -> bool:
    return isinstance(reference, str) and reference == ITSELF


def _read_only(picture: Picture) -> Picture:
    """Return a picture that cannot be changed: its hash identifies it."""
    copy = picture.copy() if picture.flags.writeable else picture
    copy.flags.writeable = False
    return copy


def _scaled_sides(picture: Picture, longer: int) -> tuple[int, int]:
    """Return the width and height of a picture scaled to a longer side of `longer` pixels."""
    height, width = picture.shape[:2]
    longest = max(height, width)
    return max(1, round(longer * width / longest)), max(1, round(longer * height / longest))


def with_distinct_names(photos: Iterable[Photo]) -> Iterator[Photo]:
    """Yield photos, with a number appended to a name that occurred before."""
    used: set[str] = set()
    for photo in photos:
        candidates = chain([photo.name], (f"{photo.name} ({number})" for number in count(2)))
        name = next(candidate for candidate in candidates if candidate not in used)
        used.add(name)
        yield photo if name == photo.name else Photo(photo, name=name)


def as_photo(what: Any) -> Photo:
    """Return a photo as it is, and anything else as `Photo` reads it."""
    return what if isinstance(what, Photo) else Photo(what)
