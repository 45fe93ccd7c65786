"""Measures from some of a picture's points: which points, and what they say of all pixels.

The pixels are cut into strata, compact patches of one size, and two are drawn from each without replacement. So the
estimate is unbiased, and so is its variance: two points of a stratum say how much its pixels differ, which one does
not.
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

from ..checks import is_integer
from ..photos.regions import dimensions
from .measures import Measure, measures


class Estimate(NamedTuple):
    """A mean over all pixels, as far as some of them tell."""

    value: float
    error: float
    """Its standard error; 0 where every pixel was measured."""
    freedom: float = inf
    """How sure the error itself is: the degrees of freedom of Student's t; infinite for the normal distribution."""

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Between which bounds the full value lies, by Student's t."""
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
    """Some pixels of a picture, drawn from strata; see `draw`."""

    size: tuple[int, int]
    """Width and height of the picture."""
    pixels: NDArray[np.int64]
    """(N,): their numbers, row by row from the top left; the two of a stratum stand together."""
    strata: NDArray[np.int64]
    """(N / 2,): how many pixels each stratum has; empty where all pixels are taken."""

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
            raise ValueError(f"a picture of shape {picture.shape} is given; accepted are {width} x {height} pixels")
        return picture.reshape(height * width, *picture.shape[2:])[self.pixels]

    def estimate(self, values: NDArray[Any]) -> Estimate:
        """What the mean over all pixels is, from a number for each point, (N,).

        References
        ----------
        Cochran, "Sampling Techniques" (1977), theorems 5.1 and 5.5: the mean of stratified draws, and its variance;
        equation 5.16 (Satterthwaite's): the degrees of freedom. They are few, however many points are drawn, where a
        few strata make up most of the variance: squared errors are small but for some edges and spots.
        """
        numbers = np.asarray(values, dtype=np.float64)
        if numbers.shape != self.pixels.shape:
            raise ValueError(f"{numbers.shape} values are given; accepted is one for each of {len(self.pixels)} points")
        if not len(self.strata):
            return Estimate(float(numbers.mean()), 0.0)
        pairs, share = numbers.reshape(-1, 2), self.strata / self.strata.sum()
        variance = (pairs[:, 0] - pairs[:, 1]) ** 2 / 2  # of the pixels of a stratum
        left = 1 - 2 / self.strata  # nothing is unknown of a stratum of which all pixels are drawn
        each = share**2 * left * variance / 2
        whole, squares = share**2 @ (left * variance / 2), float((each**2).sum())
        freedom = max(1.0, float(whole**2) / squares) if squares else inf  # below 1 is rounding
        return Estimate(float(share @ pairs.mean(axis=1)), sqrt(float(whole)), freedom)


def draw(size: int | tuple[int, int], count: int, seed: int = 0, picture: str = "") -> Subset:
    """Draw some of a picture's pixels.

    Parameters
    ----------
    size : int or (int, int)
        Width and height of the picture in pixels.
    count : int
        How many: an even number from 2. Where the picture has no more pixels, all are taken.
    seed : int
        Of the draw.
    picture : str
        What tells the picture from others, such as its hash: each has points of its own, the same for all that
        restores it.

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
        raise ValueError(f"points is {count!r}; accepted are even numbers from 2, as 2048, and None for every pixel")
    total = width * height
    if count >= total:
        return Subset((width, height), np.arange(total), np.empty(0, np.int64))
    digest = hashlib.sha256(f"{int(seed)} {picture}".encode()).digest()
    rng = np.random.default_rng(int.from_bytes(digest, "big"))
    # The strata: runs along bands of rows, to the right and back, as high as a run is about wide.
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
    """The measures of these names, which some of a picture's points tell; a ValueError names one that they do not."""
    asked = [measures[name] for name in names]
    for measure in asked:
        if measure.each is None:
            accepted = ", ".join(name for name, other in measures.items() if other.each is not None)
            raise ValueError(
                f"{measure.name} is no mean over points, so that some of them do not tell it; accepted with points are "
                f"{accepted}, and with points=None, which is every pixel, all measures"
            )
    return asked


def estimates(
    restored: NDArray[Any], original: NDArray[Any], subset: Subset, names: Iterable[str] = ("mse",)
) -> dict[str, Estimate]:
    """Measures of a restoration from some of its points.

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
        If a measure is unknown or no mean of points, or the colours are not as above.
    """
    return {
        each.name: subset.estimate(each.at_points(np.asarray(restored)[:, None], np.asarray(original)[:, None])[:, 0])
        for each in means_of_points(names)
    }


def pooled(values: Sequence[float] | NDArray[Any], errors: Sequence[float] | NDArray[Any]) -> Estimate:
    """The mean over pictures, and its standard error as an estimate of the full mean over these very pictures.

    How much hangs on which pictures were measured is another question, which `intervals.interval` answers of the same
    values; its bounds hold the error of the points too.

    Parameters
    ----------
    values, errors : sequence of float
        One of each for every picture.
    """
    value, error = (np.asarray(each, dtype=np.float64) for each in (values, errors))
    if value.shape != error.shape or value.ndim != 1 or not len(value):
        raise ValueError(
            f"{value.shape} values and {error.shape} errors are given; accepted are one of each for every picture"
        )
    return Estimate(float(value.mean()), float(np.sqrt((error**2).sum()) / len(error)))
