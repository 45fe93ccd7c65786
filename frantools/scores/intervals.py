"""Bootstrap confidence intervals of means over pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..checks import integer, invalid

CHUNK = 10**6  # numbers that a bootstrap draws at a time, which bounds its memory
ENOUGH = 20  # bootstrap intervals of fewer values are too narrow


def interval(
    values: Sequence[float] | NDArray[Any], level: float = 0.95, draws: int = 10_000, seed: int = 0
) -> tuple[float, float]:
    """A confidence interval of the mean: a bootstrap over pictures.

    Parameters
    ----------
    values : sequence of float
        One for each picture, such as `Metrics.per_picture["mse"]`; finite.
    level : float
        The confidence, above 0 and below 1.
    draws : int
        The number of resamples, each of as many pictures, with replacement.
    seed : int
        Of the resamples.

    Returns
    -------
    low, high : float
        The percentiles of the resampled means that leave half of 1 - `level` on either side.

    Raises
    ------
    ValueError
        If there are no values, one is not finite, or the level or the number of draws is not as above.

    Notes
    -----
    The percentile interval of [1]_. It covers the choice of pictures, not the variation between trainings of the same
    model. With fewer than about 20 values it is too narrow.

    References
    ----------
    .. [1] B. Efron and R. J. Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13.

    Examples
    --------
    >>> interval([0.5, 0.5, 0.5])
    (0.5, 0.5)
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not array.size or not np.isfinite(array).all():
        raise invalid("values", "one or more finite numbers, one for each picture", values)
    if not 0 < level < 1:
        raise invalid("level", "a number above 0 and below 1", level)
    integer("draws", draws)
    rng, means = np.random.default_rng(seed), np.empty(draws)
    for part in np.array_split(means, -(-draws * array.size // CHUNK)):
        part[:] = array[rng.integers(array.size, size=(part.size, array.size))].mean(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def paired_interval(
    values: Sequence[float] | NDArray[Any],
    baseline: Sequence[float] | NDArray[Any],
    **settings: Any,
) -> tuple[float, float]:
    """A confidence interval of the mean of `values - baseline`, the numbers of two models on the same pictures.

    Two models find the same pictures hard, so their difference is known better than either mean. If the interval
    excludes 0, the difference is unlikely to be due to the choice of pictures.

    Parameters
    ----------
    values, baseline : sequence of float
        One for each picture, in the same order.
    **settings
        As for `interval`.

    Raises
    ------
    ValueError
        If the two have different lengths, and as for `interval`.
    """
    if len(values) != len(baseline):
        raise ValueError(
            f"values and baseline must be of the same pictures, got {len(values)} and {len(baseline)} numbers"
        )
    return interval(np.subtract(values, baseline), **settings)


def is_real(low: float, high: float, count: int, digits: int = 5) -> bool | None:
    """Whether the interval of a difference, rounded to `digits`, excludes 0; None for fewer than `ENOUGH` values."""
    return (round(low, digits) > 0 or round(high, digits) < 0) if count >= ENOUGH else None
