"""The floating-point precision of coordinates.

FranNet computes in float32, in an order that this package follows for pictures of ordinary size: at the network's
highest frequency, 10,000 periods, the rounding is visible. In a small region, neighbouring pixels would round to the
same float32 number. Their coordinates then stay float64, and so do phases and interpolation weights. The limit is that
of the noise, which counts coordinates in steps of ``2 ** -noise.BITS``: closer points share their random numbers.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ...noise import BITS

FLOAT64_BELOW = 2.0**-20
"""Spacing, as a fraction of the picture, below which coordinates stay float64: 16 steps of a float32 below 1."""
MINIMUM_SPACING = 2.0**-BITS
MINIMUM_SPACING_FLOAT32 = 2.0**-23
"""For models that read float32 coordinates only."""


def round_axis(axis: Tensor, minimum_spacing: float = MINIMUM_SPACING) -> Tensor:
    """Round the coordinates of a grid to float32 if that keeps its points apart.

    Parameters
    ----------
    axis : Tensor
        (N,) float64, evenly spaced in [0, 1]; float32 is returned unchanged.
    minimum_spacing : float
        Neighbours must be more than this apart.

    Returns
    -------
    Tensor
        (N,) float32, or float64 if neighbours are less than `FLOAT64_BELOW` apart.

    Raises
    ------
    ValueError
        If neighbours are too close to be distinguished.
    """
    count = len(axis)
    if axis.dtype != torch.float64 or count < 2:
        return axis.float()
    spacing = float(axis[-1] - axis[0]) / (count - 1)
    if spacing <= minimum_spacing:
        raise ValueError(
            f"the region is too small for its size: neighbouring pixels are {spacing:.2g} of the picture apart and "
            f"cannot be distinguished; at {count} pixels a region must be wider and higher than "
            f"{count * minimum_spacing:.2g}"
        )
    return axis if spacing < FLOAT64_BELOW else axis.float()


def round_points(points: Tensor) -> Tensor:
    """Round points to float32 if that keeps them apart; the pixels of a picture get the precision of their grid.

    Parameters
    ----------
    points : Tensor
        (N, 2) float64 in [0, 1].

    Returns
    -------
    Tensor
        (N, 2) float32; or float64 if N points spread evenly over the same rectangle would be less than
        `FLOAT64_BELOW` apart in either direction.
    """
    extent = float((points.amax(dim=0) - points.amin(dim=0)).min()) if len(points) else 1.0
    return points if 0 < extent < FLOAT64_BELOW * len(points) ** 0.5 else points.float()
