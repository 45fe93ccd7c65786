"""What figures of a sweep show: the means of its settings, cut into panels of some axes, and the scale of numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import isfinite, sqrt
from typing import Any, Protocol

import numpy as np
from matplotlib.colors import LogNorm, Normalize
from matplotlib.ticker import Locator, LogLocator, MaxNLocator

from ..photos.file_names import as_label
from ..scores.measures import Measure, measures
from ..scores.stratified import pooled

Place = tuple[Any, ...]


class Swept(Protocol):
    """What is read of a `frantools.Sweep`."""

    @property
    def axes(self) -> Any: ...
    @property
    def measures(self) -> Any: ...
    @property
    def columns(self) -> Any: ...
    @property
    def rows(self) -> Any: ...


@dataclass(frozen=True)
class Mean:
    """A setting of a sweep: the mean of a measure over pictures."""

    value: float
    """NaN where nothing was measured."""
    error: float
    """Its standard error."""
    pictures: int
    failed: int
    calls: int | None


def means(sweep: Swept, measure: str = "mse", error: str = "pictures") -> dict[Place, Mean]:
    """The mean of a measure in each setting, by its values on the axes.

    Parameters
    ----------
    sweep : Sweep
        From `frantools.sweep`.
    measure : str
        One of the sweep's.
    error : {"pictures", "points"}
        What the standard error is of: having these pictures and no others, which all settings share; or having measured
        these on some of their points alone, which is 0 without `points`.

    Raises
    ------
    ValueError
        If the sweep has no such measure, or the error is another word.
    """
    if measure not in sweep.measures:
        raise ValueError(f"the sweep has no measure {measure!r}; accepted are {', '.join(sweep.measures)}")
    if error not in ("pictures", "points"):
        raise ValueError(f"error is {error!r}; accepted are 'pictures' and 'points'")
    found: dict[Place, list[Mapping[str, Any]]] = {}
    for row in sweep.rows:
        found.setdefault(tuple(row[name] for name in sweep.axes), []).append(row)
    return {place: _mean(rows, measure, error) for place, rows in found.items()}


def _mean(rows: Sequence[Mapping[str, Any]], measure: str, error: str) -> Mean:
    good = [row for row in rows if not row["sentence"]]
    values = np.array([row[measure] for row in good], dtype=np.float64)
    if not len(values):
        return Mean(float("nan"), float("nan"), 0, len(rows), None)
    pictures = sum(row.get("pictures", 1) for row in good)  # a published number stands for many, without its spread
    known = len(values) > 1 and bool(np.isfinite(values).all())
    spread = float(np.std(values, ddof=1)) / sqrt(len(values)) if known else 0.0
    if error == "points":
        spread = pooled(values, [row.get(f"{measure}_se") or 0.0 for row in good]).error
    return Mean(float(values.mean()), spread, pictures, len(rows) - len(good), good[0]["calls"])


def ordered(values: Iterable[Any]) -> list[Any]:
    """Each value once: numbers by size, others as they come, and none first."""
    each = list(dict.fromkeys(values))
    numbers = [value for value in each if is_number(value)]
    others = [value for value in each if value is not None and value not in numbers]
    return [None] * (None in each) + sorted(numbers) + others


def is_number(value: Any) -> bool:
    """Whether a value of an axis has a place on a scale."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def told(value: Any) -> str:
    """A value of an axis as figures write it."""
    if isinstance(value, tuple):
        return f"({', '.join(map(told, value))})"
    return f"{value:g}" if isinstance(value, float) else as_label(str(value))


@dataclass(frozen=True)
class Panels:
    """The means of a sweep, cut into panels of two axes or one."""

    measure: Measure
    means: dict[Place, Mean]
    names: tuple[str, ...]
    shown: tuple[int, ...]
    """Which of the axes a panel shows."""
    left: tuple[int, ...]
    """Which of them differ from panel to panel."""
    fixed: str

    def values(self, which: int) -> list[Any]:
        return ordered(place[which] for place in self.means)

    def panels(self) -> list[tuple[str, dict[Place, Mean]]]:
        """By title: the means by what they have on the axes that are shown."""
        made = []
        for there in product(*(self.values(which) for which in self.left)):
            inside = {
                tuple(place[which] for which in self.shown): mean
                for place, mean in self.means.items()
                if all(place[which] == value for which, value in zip(self.left, there, strict=True))
            }
            if inside:
                title = ", ".join(f"{self.names[w]} = {told(v)}" for w, v in zip(self.left, there, strict=True))
                made.append((title, inside))
        return made

    @property
    def finite(self) -> list[float]:
        """What can be drawn to scale."""
        return [mean.value for mean in self.means.values() if isfinite(mean.value)]

    @property
    def whole(self) -> dict[Place, Mean]:
        """The settings that have a number, and were measured on as many pictures as any: these can be compared."""
        return {
            place: mean for place, mean in self.means.items() if mean.pictures == self.pictures and isfinite(mean.value)
        }

    @property
    def best(self) -> float:
        """The best number of those that can be compared; NaN if there is none."""
        values = [mean.value for mean in self.whole.values()] or [float("nan")]
        return (min if self.measure.better == "lower" else max)(values)

    @property
    def pictures(self) -> int:
        """On how many pictures a setting was measured, at most."""
        return max(mean.pictures for mean in self.means.values())

    @property
    def over(self) -> str:
        """What the numbers are."""
        return f"mean over {self.pictures} pictures" if self.pictures > 1 else "number of one picture"

    @property
    def heading(self) -> str:
        """What the figure shows."""
        made = f"{Scale.of(self.finite).unit(self.measure)}, {self.over}"
        return f"{made}; {self.fixed}" if self.fixed else made


def titled(measure: Measure) -> str:
    """The name of a measure, as a heading begins with it."""
    return measure.head[:1].upper() + measure.head[1:]


def panels_of(
    sweep: Swept, axes: Sequence[str], measure: str, where: Mapping[str, Any] | None, error: str = "pictures"
) -> Panels:
    """The means of a sweep where `where` says, cut into panels of `axes`; a ValueError says what the sweep has not."""
    where = where or {}
    names = tuple(sweep.axes)
    for name in (*axes, *where):
        if name not in names:
            raise ValueError(f"the sweep has no axis {name!r}; accepted are {', '.join(names)}")
    if len({*axes, *where}) < len(axes) + len(where):
        raise ValueError(f"an axis is named twice, of {', '.join((*axes, *where))}; accepted is each once")
    found = {
        place: mean
        for place, mean in means(sweep, measure, error).items()
        if all(place[names.index(name)] == value for name, value in where.items())
    }
    if not any(isfinite(mean.value) for mean in found.values()):
        at = ", ".join(f"{name} = {told(value)}" for name, value in where.items())
        raise ValueError(f"the sweep has no number{f' at {at}' if at else ''} to show; see its failures")
    shown = tuple(names.index(name) for name in axes)
    left = tuple(w for w in range(len(names)) if w not in shown and len({place[w] for place in found}) > 1)
    fixed = ", ".join(f"{name} = {told(value)}" for name, value in where.items())
    known = measures.get(measure) or Measure(measure, lambda a, b: 0.0, measure)
    return Panels(known, found, names, shown, left, fixed)


@dataclass(frozen=True)
class Scale:
    """How numbers are written: to three digits, small ones in thousandths."""

    factor: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Scale:
        """The scale of what a figure shows."""
        return cls(1000.0 if 0 < np.median(np.abs(values)) < 0.1 else 1.0)

    def __call__(self, value: float) -> str:
        number = value * self.factor
        digits = 2 - int(np.floor(np.log10(abs(number)))) if number else 2
        return f"{number:.{max(0, digits)}f}"

    def unit(self, measure: Measure) -> str:
        """The name of the measure, as its numbers are written."""
        return titled(measure) + (" \u00d7 1000" if self.factor > 1 else "")

    def ticks(self, norm: Normalize, most: int = 12) -> dict[float, str]:
        """At most so many round numbers along a scale of colours or heights, and how they are written."""
        low, high = (float(bound or 0) * self.factor for bound in (norm.vmin, norm.vmax))
        locators: list[Locator] = [LogLocator(subs=subs) for subs in ((1, 2, 5), (1, 3), (1,))]
        if not isinstance(norm, LogNorm):
            locators = [MaxNLocator(min(5, most))]
        for locator in locators:
            found = [float(tick) for tick in locator.tick_values(low, high) if low <= tick <= high]
            if len(found) <= most:
                break
        return {tick / self.factor: f"{tick:g}" for tick in found}


def norm_of(data: Panels) -> Normalize:
    """Linear, or logarithmic where numbers are of several magnitudes."""
    low, high = min(data.finite), max(data.finite)
    if low == high:
        return Normalize(low - abs(low) / 10 - 1e-12, high + abs(high) / 10 + 1e-12)
    return LogNorm(low, high) if low > 0 and high / low > 4 else Normalize(low, high)
