"""How sure a mean over pictures is: bootstrap intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..checks import integer, invalid

AT_ONCE = 10**6  # numbers that a bootstrap draws at a time, which bounds its memory
ENOUGH = 20  # values from which on a bootstrap's interval is to be trusted


def interval(
    values: Sequence[float] | NDArray[Any], level: float = 0.95, draws: int = 10_000, seed: int = 0
) -> tuple[float, float]:
    """Between which bounds the mean lies: a bootstrap over pictures.

    Parameters
    ----------
    values : sequence of float
        One for each picture, such as `Metrics.each["mse"]`; finite.
    level : float
        How sure, over 0 and below 1.
    draws : int
        How many sets of as many pictures are drawn from these, with replacement.
    seed : int
        Of the draws.

    Returns
    -------
    low, high : float
        The percentiles that leave half of 1 - `level` on either side, of the means of the sets.

    Raises
    ------
    ValueError
        If there is no value, one is not finite, or the level or the number of draws is not as above.

    Notes
    -----
    The percentile interval of [1]_. It tells how much hangs on which pictures were measured; what another training of
    the same model would have given, it does not. Of under some 20 values it is too narrow.

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
        raise ValueError("these values have no interval; accepted are one or more finite numbers, one for each picture")
    if not 0 < level < 1:
        raise invalid("level", "a number above 0 and below 1", level)
    integer("draws", draws)
    rng, means = np.random.default_rng(seed), np.empty(draws)
    for part in np.array_split(means, -(-draws * array.size // AT_ONCE)):
        part[:] = array[rng.integers(array.size, size=(part.size, array.size))].mean(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def paired_interval(
    values: Sequence[float] | NDArray[Any],
    others: Sequence[float] | NDArray[Any],
    **settings: Any,
) -> tuple[float, float]:
    """Between which bounds the mean of `values - others` lies, the numbers of two models on the same pictures.

    Two models find the same pictures hard, so their difference is surer than either mean. Where 0 is outside the
    bounds, the difference is more than these pictures' chance.

    Parameters
    ----------
    values, others : sequence of float
        One for each picture, in the same order.
    **settings
        As for `interval`.

    Raises
    ------
    ValueError
        If there are not as many values as others, and as for `interval`.
    """
    if len(values) != len(others):
        raise ValueError(
            f"{len(values)} and {len(others)} values are no pairs; accepted are those of the same pictures"
        )
    return interval(np.subtract(values, others), **settings)


def is_real(low: float, high: float, count: int, digits: int = 5) -> bool | None:
    """Whether the interval of a difference excludes 0, to so many digits; None of values too few to tell."""
    return (round(low, digits) > 0 or round(high, digits) < 0) if count >= ENOUGH else None
