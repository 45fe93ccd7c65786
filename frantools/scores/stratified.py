"""Stratified samples of a picture's pixels, and estimates of measures from them.

The pixels are divided into strata, compact patches of one size, and two pixels are drawn from each without replacement.
So the estimate is unbiased, and so is its variance, which a single pixel per stratum could not provide.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf, isinf, sqrt
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..checks import invalid, is_integer, listing
from ..photos.regions import dimensions
from .measures import Measure, measures


class Estimate(NamedTuple):
    """An estimate of a mean over all pixels from some of them."""

    value: float
    error: float
    """Its standard error; 0 if every pixel was measured."""
    freedom: float = inf
    """The degrees of freedom of Student's t; infinite for the normal distribution."""

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """A confidence interval of the mean over all pixels, by Student's t."""
        reach = quantile((1 + level) / 2, self.freedom) * self.error
        return self.value - reach, self.value + reach


def quantile(share: float, freedom: float = inf) -> float:
    """The quantile of Student's t; with infinite degrees of freedom that of the normal distribution."""
    if isinf(freedom):
        return NormalDist().inv_cdf(share)
    from scipy.special import stdtrit

    return float(stdtrit(freedom, share))


@dataclass(frozen=True)
class Subset:
    """A stratified sample of a picture's pixels; see `draw`."""

    size: tuple[int, int]
    """Width and height of the picture."""
    pixels: NDArray[np.int64]
    """(N,): their indices, row by row from the top left; the two of a stratum are adjacent."""
    strata: NDArray[np.int64]
    """(N / 2,): the number of pixels in each stratum; empty if all pixels are taken."""

    @property
    def points(self) -> NDArray[np.float64]:
        """(N, 2): the centres of the pixels, (x, y) in [0, 1], to the bit those of the picture's grid."""
        width, height = self.size
        rows, columns = np.divmod(self.pixels, width)
        return np.stack([(columns + 0.5) / width, (rows + 0.5) / height], axis=-1)

    def of(self, picture: NDArray[Any]) -> NDArray[Any]:
        """(N, 3): the colours of a picture (H, W, 3) of this size at the points."""
        width, height = self.size
        if picture.shape[:2] != (height, width):
            raise ValueError(f"picture must be {width} x {height} pixels, got an array of shape {picture.shape}")
        return picture.reshape(height * width, *picture.shape[2:])[self.pixels]

    def estimate(self, values: NDArray[Any]) -> Estimate:
        """Estimate the mean over all pixels from a number for each point, (N,).

        References
        ----------
        Cochran, "Sampling Techniques" (1977), theorems 5.1 and 5.5: the mean of stratified draws, and its variance;
        equation 5.16 (Satterthwaite's): the degrees of freedom. They are few, however many points are drawn, if a few
        strata make up most of the variance: squared errors are small except for some edges and spots.
        """
        numbers = np.asarray(values, dtype=np.float64)
        if numbers.shape != self.pixels.shape:
            raise ValueError(f"values must be one for each of {len(self.pixels)} points, got shape {numbers.shape}")
        if not len(self.strata):
            return Estimate(float(numbers.mean()), 0.0)
        pairs, share = numbers.reshape(-1, 2), self.strata / self.strata.sum()
        variance = (pairs[:, 0] - pairs[:, 1]) ** 2 / 2  # of the pixels of a stratum
        unseen = 1 - 2 / self.strata  # a stratum of which all pixels are drawn adds no variance
        parts = share**2 * unseen * variance / 2
        total, squares = share**2 @ (unseen * variance / 2), float((parts**2).sum())
        freedom = max(1.0, float(total**2) / squares) if squares else inf  # below 1 is rounding
        return Estimate(float(share @ pairs.mean(axis=1)), sqrt(float(total)), freedom)


def draw(size: int | tuple[int, int], count: int, seed: int = 0, picture: str = "") -> Subset:
    """Draw a stratified sample of a picture's pixels.

    Parameters
    ----------
    size : int or (int, int)
        Width and height of the picture in pixels.
    count : int
        The number of pixels, an even number from 2. If the picture has no more, all are taken.
    seed : int
        Of the draw.
    picture : str
        An identifier of the picture, such as its hash: every picture has points of its own, the same for all
        restorers.

    Raises
    ------
    ValueError
        If the size or the count is not as above.

    Examples
    --------
    >>> subset = draw((178, 178), 2048, picture="5f2c")
    >>> subset.points.shape
    (2048, 2)
    """
    width, height = dimensions(size)
    if not is_integer(count) or count < 2 or count % 2:
        raise invalid("points", "an even integer from 2, or None for every pixel", count)
    total = width * height
    if count >= total:
        return Subset((width, height), np.arange(total), np.empty(0, np.int64))
    digest = hashlib.sha256(f"{int(seed)} {picture}".encode()).digest()
    rng = np.random.default_rng(int.from_bytes(digest, "big"))
    # The strata are runs along bands of rows, alternately to the right and to the left, about as high as wide.
    rows, columns = np.divmod(np.arange(total), width)
    band = rows * max(1, round(height / sqrt(2 * total / count))) // height
    order = np.lexsort((rows, np.where(band % 2, -columns, columns), band))
    edges = np.arange(count // 2 + 1) * total // (count // 2)
    strata = np.diff(edges)
    first, second = (rng.random((2, len(strata))) * (strata - np.array([[0], [1]]))).astype(np.int64)
    second += second >= first
    pixels = order[edges[:-1, None] + np.stack([first, second], axis=-1)]
    return Subset((width, height), pixels.ravel(), strata)


def means_of_points(names: Iterable[str]) -> list[Measure]:
    """The measures of these names; a ValueError if one cannot be estimated from some of a picture's points."""
    chosen = [measures[name] for name in names]
    for measure in chosen:
        if measure.per_point is None:
            accepted = listing(name for name, other in measures.items() if other.per_point is not None)
            raise ValueError(
                f"measures with points must be {accepted}, got {measure.name!r}, which is not a mean over points; "
                "points=None measures every pixel"
            )
    return chosen


def estimates(
    restored: NDArray[Any], original: NDArray[Any], subset: Subset, names: Iterable[str] = ("mse",)
) -> dict[str, Estimate]:
    """Estimate measures of a restoration from some of its points.

    Parameters
    ----------
    restored, original : ndarray
        (N, 3) floats in [0, 1], or uint8: the colours at the points of `subset`.
    subset : Subset
        From `draw`.
    names : iterable of str
        Which measures; see `means_of_points`.

    Returns
    -------
    dict
        By name.

    Raises
    ------
    ValueError
        If a measure is unknown or not a mean over points, or the colours are not as above.
    """
    return {
        measure.name: subset.estimate(
            measure.at_points(np.asarray(restored)[:, None], np.asarray(original)[:, None])[:, 0]
        )
        for measure in means_of_points(names)
    }


def pooled(values: Sequence[float] | NDArray[Any], errors: Sequence[float] | NDArray[Any]) -> Estimate:
    """Average estimates over pictures; the error is that of measuring some points of these very pictures.

    `intervals.interval` covers the choice of pictures as well.

    Parameters
    ----------
    values, errors : sequence of float
        One of each for every picture.
    """
    value, error = (np.asarray(numbers, dtype=np.float64) for numbers in (values, errors))
    if value.shape != error.shape or value.ndim != 1 or not len(value):
        raise ValueError(
            f"values and errors must be one of each for every picture, got shapes {value.shape} and {error.shape}"
        )
    return Estimate(float(value.mean()), float(np.sqrt((error**2).sum()) / len(error)))
