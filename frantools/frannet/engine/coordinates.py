"""How exactly the coordinates of a grid are told.

FranNet computes in float32, and so do pictures of ordinary size here, in its very order: at its highest frequency,
10,000 periods, the rounding shows. Zoomed in, neighbouring pixels would round to the same float32: their coordinates
then stay float64, and phases and the weights of interpolation are computed in it. The limit is that of the noise, which
counts in steps of ``2 ** -noise.BITS``: points that are closer share their random numbers.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ...noise import BITS

FINE = 2.0**-20
"""Of the picture: neighbours that are closer are told in float64. It is 16 steps of a float32 below 1."""
LEAST = 2.0**-BITS
LEAST_FLOAT32 = 2.0**-23
"""For models that take float32 alone: closer points may be one."""


def exact(axis: Tensor, least: float = LEAST) -> Tensor:
    """An axis of a grid in the dtype that tells its points apart.

    Parameters
    ----------
    axis : Tensor
        (N,) float64, evenly spaced in [0, 1]; or float32, which is taken as it is.
    least : float
        Neighbours are to be more than this apart.

    Returns
    -------
    Tensor
        (N,) float32, or float64 where neighbours are less than `FINE` apart.

    Raises
    ------
    ValueError
        If neighbours can no longer be told apart.
    """
    count = len(axis)
    if axis.dtype != torch.float64 or count < 2:
        return axis.float()
    apart = float(axis[-1] - axis[0]) / (count - 1)
    if apart <= least:
        raise ValueError(
            f"the region is too small for its size: neighbouring pixels are {apart:.2g} of the picture apart and can "
            f"no longer be told from each other; accepted are regions wider and higher than {count * least:.2g} at "
            f"{count} pixels"
        )
    return axis if apart < FINE else axis.float()


def exact_points(points: Tensor) -> Tensor:
    """Points in the dtype that tells them apart: of a picture's pixels, the one of its grid.

    Parameters
    ----------
    points : Tensor
        (N, 2) float64 in [0, 1].

    Returns
    -------
    Tensor
        (N, 2) float32; or float64 where as many points, spread evenly over the rectangle that these lie in, would be
        less than `FINE` apart in either direction.
    """
    extent = float((points.amax(dim=0) - points.amin(dim=0)).min()) if len(points) else 1.0
    return points if 0 < extent < FINE * len(points) ** 0.5 else points.float()
