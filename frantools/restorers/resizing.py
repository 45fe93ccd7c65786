"""Baselines: plain resizing, and the photo itself."""

from __future__ import annotations

import time
from collections.abc import Mapping
from math import ceil, floor
from types import MappingProxyType
from typing import Any

import numpy as np
from torch import Tensor
from torch.nn import functional as F

from ..photos.images import to_array, to_tensor
from ..photos.regions import Region, axes, points
from .base import Colours, Progress, Restoration, RestorationInput, Restorer
from .kinds import Kind

MODES: Mapping[str, str] = MappingProxyType(
    {"nearest": "nearest-exact", "bilinear": "bilinear", "bicubic": "bicubic", "area": "area"}
)
"""PyTorch's names of the resizing methods."""


def resize(image: Tensor, size: int | tuple[int, int], method: str) -> Tensor:
    """Resize a picture with one of PyTorch's methods.

    Parameters
    ----------
    image : Tensor
        (B, C, H, W) floats in [0, 1].
    size : int or (int, int)
        Width and height of the result; one number stands for both.
    method : {"nearest", "bilinear", "bicubic", "area"}
        Area is the mean of the pixels that a new one touches. Bilinear and bicubic shrink with antialiasing; bicubic
        enlarges with a = -3/4, closer to the portraits than Pillow's -1/2.

    Returns
    -------
    Tensor
        (B, C, height, width) in [0, 1].
    """
    width, height = (size, size) if isinstance(size, int) else size
    shrinks = height < image.shape[-2] or width < image.shape[-1]
    antialias = method in ("bilinear", "bicubic") and shrinks
    return F.interpolate(image, size=(height, width), mode=MODES[method], antialias=antialias).clamp(0, 1)


def resized_picture(picture: Colours, size: tuple[int, int], method: str = "bicubic") -> Colours:
    """A picture, float32 (H, W, 3) in [0, 1], at another width and height; see `resize`."""
    if picture.shape[1::-1] == tuple(size):
        return picture
    return to_array(resize(to_tensor(picture), size, method))


def resized_region(picture: Colours, size: tuple[int, int], region: Region, method: str) -> Colours:
    """A region of a picture at a width and height.

    An enlarged region is interpolated at the points that the enlarged whole picture has there. A region that shrinks is
    cropped to whole pixels and resized.
    """
    height, width = picture.shape[:2]
    if region.width * width > size[0] or region.height * height > size[1]:
        left, top = floor(region.x * width), floor(region.y * height)
        right, bottom = ceil((region.x + region.width) * width), ceil((region.y + region.height) * height)
        return resized_picture(
            np.ascontiguousarray(picture[top : max(bottom, top + 1), left : max(right, left + 1)]), size, method
        )
    x, y = axes(size, region)
    if method in ("nearest", "area"):
        across, down = ((v * n).long().clamp(0, n - 1) for v, n in ((x, width), (y, height)))
        return np.ascontiguousarray(picture[down.numpy()[:, None], across.numpy()[None]])
    grid = points(size, region).unflatten(0, (len(y), len(x)))[None] * 2 - 1
    source = to_tensor(picture).double()
    values = F.grid_sample(source, grid, mode=method, padding_mode="border", align_corners=False)
    return to_array(values.float().clamp(0, 1))


class Resizing(Restorer):
    """Plain resizing to the requested size.

    Unless the picture is degraded, it reads what FranNet reads: the 64 x 64 copy of the photo, gray or in colour.

    Parameters
    ----------
    name : str
        See `BASELINES`: "input" shows each pixel as a square; the others are the methods of `resize`. With the suffix
        "-colour", the small copy keeps its colours.
    """

    interruptible = continuous = persistent = True
    cost: float | None = 0.05
    frame = ""
    reads_copy = "undegraded"

    def __init__(self, name: str, title: str | None = None) -> None:
        self.name, self.title = name, title or name
        method, self.colour = name.removesuffix("-colour"), name.endswith("-colour")
        self.method = "nearest" if method == "input" else method

    def restore(
        self, given: RestorationInput, size: tuple[int, int], region: Region | None, seed: int, progress: Progress
    ) -> Restoration:
        """Resize; see `Restorer`."""
        started = time.perf_counter()
        if given.degradation is not None:
            picture = given.picture
        else:
            picture = given.photo.small_colour if self.colour else given.photo.small
        if region is None or region == Region.full():
            image = resized_picture(picture, size, self.method)
        else:
            image = resized_region(picture, size, region, self.method)
        return Restoration(image, time.perf_counter() - started, calls=0)

    def to_dict(self) -> dict[str, Any]:
        return {"model": self.name, "setup": None}


class Original(Restorer):
    """The photo itself, whatever restorations are measured against."""

    interruptible = continuous = persistent = True
    cost: float | None = 0.05
    frame = ""

    def __init__(self, title: str | None = None) -> None:
        self.title = title or "original"

    def restore(
        self, given: RestorationInput, size: tuple[int, int], region: Region | None, seed: int, progress: Progress
    ) -> Restoration:
        """Resample the photo; see `Restorer`."""
        started = time.perf_counter()
        return Restoration(given.photo.resample(size, region), time.perf_counter() - started, calls=0)

    def to_dict(self) -> dict[str, Any]:
        return {"model": "original", "setup": None}


BASELINES: tuple[str, ...] = (
    "input",
    "original",
    *MODES,
    *(f"{name}-colour" for name in ("input", *MODES)),
)
"""The names of the baselines: the input, the photo, and plain resizing."""


def baseline(name: str, title: str | None = None) -> Resizing | Original:
    """The restorer with one of the names `BASELINES`."""
    return Original(title) if name == "original" else Resizing(name, title)


BASELINE = Kind(
    "baseline",
    lambda what: isinstance(what, str) and what in BASELINES,
    lambda what, options: options.without_settings(baseline(what, options.title)),
    label="the named column",
    names=lambda: BASELINES,
)
