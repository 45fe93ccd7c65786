"""Rectangles in fractions of a picture, and the grid of points to ask a model about."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from math import isfinite

import torch
from torch import Tensor

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
        if not all(isinstance(v, (int, float)) and isfinite(v) for v in astuple(self)):
            raise ValueError(f"{self} is not made of four finite numbers")
        if self.width <= 0 or self.height <= 0:
            raise ValueError(f"{self} is empty: its width and height must be above 0")
        if self.x < 0 or self.y < 0 or self.x + self.width > 1 + slack or self.y + self.height > 1 + slack:
            raise ValueError(f"{self} leaves the picture: accepted are 0 <= x, x + width <= 1, and likewise y, height")

    @classmethod
    def full(cls) -> Region:
        """The whole picture."""
        return cls(0.0, 0.0, 1.0, 1.0)

    def within(self, outer: Region) -> Region:
        """This rectangle, given in fractions of `outer`, in fractions of the picture: zooming in."""
        return Region(
            outer.x + self.x * outer.width,
            outer.y + self.y * outer.height,
            self.width * outer.width,
            self.height * outer.height,
        )

    def __str__(self) -> str:
        return f"Region(x={self.x:g}, y={self.y:g}, width={self.width:g}, height={self.height:g})"


def dimensions(size: int | tuple[int, int]) -> tuple[int, int]:
    """`size` as (width, height) in pixels; one number stands for both.

    Raises
    ------
    ValueError
        If it is not one whole number or two, each from 1 to 16384.
    """
    pair = tuple(size) if isinstance(size, (tuple, list)) else (size, size)
    whole = all(hasattr(side, "__index__") and not isinstance(side, bool) for side in pair)
    if len(pair) != 2 or not whole or not all(1 <= side <= LARGEST for side in pair):
        raise ValueError(f"size is {size!r}; accepted are a whole number or (width, height), each from 1 to {LARGEST}")
    return int(pair[0]), int(pair[1])


def points(size: int | tuple[int, int], region: Region | None = None, start: int = 0, stop: int | None = None) -> Tensor:
    """The pixel centres of a picture of a region, row by row.

    Parameters
    ----------
    size : int or (int, int)
        Width and height of the picture in pixels.
    region : Region, optional
        What the picture shows. Default: everything.
    start, stop : int, optional
        Only points `start` to `stop` - 1 of them, as a slice does.

    Returns
    -------
    Tensor
        (N, 2) float64, (x, y): ``origin + (i + 0.5) / size * extent``.
    """
    width, height = dimensions(size)
    region = region or Region.full()
    index = torch.arange(start, width * height if stop is None else min(stop, width * height))
    pixel = torch.stack([index % width, index // width], dim=-1).double()
    centres = (pixel + 0.5) / torch.tensor([width, height], dtype=torch.float64)
    extent = torch.tensor([region.width, region.height], dtype=torch.float64)
    return torch.tensor([region.x, region.y], dtype=torch.float64) + centres * extent
