"""Regions of a picture, and the positions of their pixels."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import partial

import torch
from torch import Tensor

from ..checks import invalid, is_integer, number, set_fields

LARGEST = 16384  # pixels a side: 3 GiB of float32 colours


@dataclass(frozen=True)
class Region:
    """A rectangle in fractions of the picture: (0, 0) is its top left corner and (1, 1) its bottom right.

    Parameters
    ----------
    x, y : float
        The left and the top edge, in [0, 1).
    width, height : float
        The extent, above 0; the rectangle ends within the picture.

    Raises
    ------
    ValueError
        If the rectangle is empty or leaves the picture.
    """

    x: float
    y: float
    width: float
    height: float

    def __post_init__(self) -> None:
        slack = 1e-9  # 0.7 + 0.3 and the like
        for field in fields(self):
            set_fields(self, **{field.name: number(f"the region's {field.name}", getattr(self, field.name), None)})
        if self.width <= 0 or self.height <= 0:
            raise ValueError(f"{self} is empty: its width and height must be above 0")
        if self.x < 0 or self.y < 0 or self.x + self.width > 1 + slack or self.y + self.height > 1 + slack:
            raise ValueError(f"{self} leaves the picture: it must have 0 <= x and x + width <= 1, likewise for y")

    @classmethod
    def full(cls) -> Region:
        """Return the region of the whole picture."""
        return cls(0.0, 0.0, 1.0, 1.0)

    def __str__(self) -> str:
        return f"Region(x={self.x:g}, y={self.y:g}, width={self.width:g}, height={self.height:g})"


def dimensions(size: int | tuple[int, int]) -> tuple[int, int]:
    """Return `size` as (width, height) in pixels; one number means both.

    Raises a ValueError unless each is an integer from 1 to 16384.
    """
    pair = tuple(size) if isinstance(size, (tuple, list)) else (size, size)
    if len(pair) != 2 or not all(is_integer(side) and 1 <= side <= LARGEST for side in pair):
        raise invalid("size", f"an integer or (width, height), each from 1 to {LARGEST}", size)
    return int(pair[0]), int(pair[1])


def axes(size: int | tuple[int, int], region: Region | None = None) -> tuple[Tensor, Tensor]:
    """Return the pixel centres of a picture of a region, by column and by row.

    Parameters
    ----------
    size : int or (int, int)
        Width and height of the picture in pixels.
    region : Region, optional
        Default: everything.

    Returns
    -------
    x, y : Tensor
        (width,) and (height,) float64: ``origin + (i + 0.5) / size * extent``.
    """
    region = region or Region.full()
    sides = zip(dimensions(size), (region.x, region.y), (region.width, region.height), strict=True)
    pixels = partial(torch.arange, dtype=torch.float64, device="cpu")  # independent of torch's defaults
    x, y = (origin + (pixels(side) + 0.5) / side * extent for side, origin, extent in sides)
    return x, y


def points(size: int | tuple[int, int], region: Region | None = None) -> Tensor:
    """Return the pixel centres of a picture of a region, row by row: (height * width, 2) float64, (x, y)."""
    x, y = axes(size, region)
    return torch.stack([x.expand(len(y), -1), y[:, None].expand(-1, len(x))], dim=-1).flatten(0, 1)
