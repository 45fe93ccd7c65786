"""The data of a sweep's figures: means by setting, panels over some axes, and the scale of numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import isfinite, sqrt
from typing import Any, Protocol

import numpy as np
from matplotlib.colors import LogNorm, Normalize
from matplotlib.ticker import Locator, LogLocator, MaxNLocator

from ..checks import choice
from ..photos.file_names import as_label
from ..scores.measures import Measure, measures
from ..scores.stratified import pooled

Place = tuple[Any, ...]


class SweepLike(Protocol):
    """The parts of a `frantools.Sweep` that figures read."""

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
    """The mean of a measure over pictures, for one setting of a sweep."""

    value: float
    """NaN if nothing was measured."""
    error: float
    """Its standard error."""
    pictures: int
    failed: int
    calls: int | None


def means(sweep: SweepLike, measure: str = "mse", error: str = "pictures") -> dict[Place, Mean]:
    """The mean of a measure for each setting, by its values on the axes.

    Parameters
    ----------
    sweep : Sweep
        From `frantools.sweep`.
    measure : str
        One of the sweep's measures.
    error : {"pictures", "points"}
        The source of the standard error: the choice of pictures, which all settings share; or the choice of points in
        these pictures, which is 0 without `points`.

    Raises
    ------
    ValueError
        If the sweep has no such measure, or `error` is invalid.
    """
    if measure not in sweep.measures:
        raise ValueError(f"the sweep has no measure {measure!r}; accepted: {', '.join(sweep.measures)}")
    choice("error", error, ("pictures", "points"))
    rows_by_place: dict[Place, list[Mapping[str, Any]]] = {}
    for row in sweep.rows:
        rows_by_place.setdefault(tuple(row[name] for name in sweep.axes), []).append(row)
    return {place: _mean(rows, measure, error) for place, rows in rows_by_place.items()}


def _mean(rows: Sequence[Mapping[str, Any]], measure: str, error: str) -> Mean:
    good = [row for row in rows if not row["sentence"]]
    values = np.array([row[measure] for row in good], dtype=np.float64)
    if not len(values):
        return Mean(float("nan"), float("nan"), 0, len(rows), None)
    pictures = sum(row.get("pictures", 1) for row in good)  # a published number is a mean over many, without an error
    has_error = len(values) > 1 and bool(np.isfinite(values).all())
    standard_error = float(np.std(values, ddof=1)) / sqrt(len(values)) if has_error else 0.0
    if error == "points":
        standard_error = pooled(values, [row.get(f"{measure}_se") or 0.0 for row in good]).error
    return Mean(float(values.mean()), standard_error, pictures, len(rows) - len(good), good[0]["calls"])


def ordered(values: Iterable[Any]) -> list[Any]:
    """Distinct values: None first, then numbers in ascending order, then the rest in their order."""
    unique = list(dict.fromkeys(values))
    numbers = [value for value in unique if is_number(value)]
    rest = [value for value in unique if value is not None and value not in numbers]
    return [None] * (None in unique) + sorted(numbers) + rest


def is_number(value: Any) -> bool:
    """Whether a value of an axis is a number, which has a place on a scale."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def format_value(value: Any) -> str:
    """Format a value of an axis."""
    if isinstance(value, tuple):
        return f"({', '.join(map(format_value, value))})"
    return f"{value:g}" if isinstance(value, float) else as_label(str(value))


@dataclass(frozen=True)
class SettingMeans:
    """The means of a sweep's settings, divided into panels over one or two axes."""

    measure: Measure
    means: dict[Place, Mean]
    names: tuple[str, ...]
    axes: tuple[int, ...]
    """The indices of the axes that a panel shows."""
    panel_axes: tuple[int, ...]
    """The indices of the axes that differ from panel to panel."""
    fixed: str
    """The selected values of other axes."""

    def values(self, axis: int) -> list[Any]:
        """The distinct values on an axis."""
        return ordered(place[axis] for place in self.means)

    def panels(self) -> list[tuple[str, dict[Place, Mean]]]:
        """The titles of the panels, and their means by the values on the panel's axes."""
        panels = []
        for values in product(*(self.values(axis) for axis in self.panel_axes)):
            fixed = dict(zip(self.panel_axes, values, strict=True))
            means = {
                tuple(place[axis] for axis in self.axes): mean
                for place, mean in self.means.items()
                if all(place[axis] == value for axis, value in fixed.items())
            }
            if means:
                title = ", ".join(f"{self.names[axis]} = {format_value(value)}" for axis, value in fixed.items())
                panels.append((title, means))
        return panels

    @property
    def finite(self) -> list[float]:
        """The finite numbers."""
        return [mean.value for mean in self.means.values() if isfinite(mean.value)]

    @property
    def comparable(self) -> dict[Place, Mean]:
        """The settings that can be compared: they have a number, and were measured on all pictures."""
        return {
            place: mean for place, mean in self.means.items() if mean.pictures == self.pictures and isfinite(mean.value)
        }

    @property
    def best(self) -> float:
        """The best number of comparable settings; NaN if no setting has one."""
        values = [mean.value for mean in self.comparable.values()] or [float("nan")]
        return (min if self.measure.better == "lower" else max)(values)

    @property
    def pictures(self) -> int:
        """The maximum number of pictures on which a setting was measured."""
        return max(mean.pictures for mean in self.means.values())

    @property
    def over(self) -> str:
        """A description of the numbers."""
        return f"mean over {self.pictures} pictures" if self.pictures > 1 else "number of one picture"

    @property
    def heading(self) -> str:
        """The heading of a figure."""
        heading = f"{Scale.of(self.finite).unit(self.measure)}, {self.over}"
        return f"{heading}; {self.fixed}" if self.fixed else heading


def capitalised(measure: Measure) -> str:
    """The name of a measure at the start of a heading."""
    return measure.head[:1].upper() + measure.head[1:]


def select_means(
    sweep: SweepLike, axes: Sequence[str], measure: str, where: Mapping[str, Any] | None, error: str = "pictures"
) -> SettingMeans:
    """Select the means of a sweep at the values of `where`, divided into panels over `axes`."""
    where = where or {}
    names = tuple(sweep.axes)
    for name in (*axes, *where):
        if name not in names:
            raise ValueError(f"the sweep has no axis {name!r}; accepted: {', '.join(names)}")
    if len({*axes, *where}) < len(axes) + len(where):
        raise ValueError(f"the axes must differ, got {', '.join((*axes, *where))}")
    selected = {
        place: mean
        for place, mean in means(sweep, measure, error).items()
        if all(place[names.index(name)] == value for name, value in where.items())
    }
    if not any(isfinite(mean.value) for mean in selected.values()):
        at = ", ".join(f"{name} = {format_value(value)}" for name, value in where.items())
        raise ValueError(f"the sweep has no number{f' at {at}' if at else ''} to show; see its failures")
    indices = tuple(names.index(name) for name in axes)
    varying = [axis for axis in range(len(names)) if len({place[axis] for place in selected}) > 1]
    panel_axes = tuple(axis for axis in varying if axis not in indices)
    fixed = ", ".join(f"{name} = {format_value(value)}" for name, value in where.items())
    definition = measures.get(measure) or Measure(measure, lambda a, b: 0.0, measure)
    return SettingMeans(definition, selected, names, indices, panel_axes, fixed)


@dataclass(frozen=True)
class Scale:
    """A number format: three digits, small numbers in thousandths."""

    factor: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Scale:
        """The scale for a figure's numbers."""
        return cls(1000.0 if 0 < np.median(np.abs(values)) < 0.1 else 1.0)

    def __call__(self, value: float) -> str:
        number = value * self.factor
        digits = 2 - int(np.floor(np.log10(abs(number)))) if number else 2
        return f"{number:.{max(0, digits)}f}"

    def unit(self, measure: Measure) -> str:
        """The name of the measure, with the factor of its numbers."""
        return capitalised(measure) + (" \u00d7 1000" if self.factor > 1 else "")

    def ticks(self, norm: Normalize, most: int = 12) -> dict[float, str]:
        """At most `most` round numbers along a scale of colours or heights, and their labels."""
        low, high = (float(bound or 0) * self.factor for bound in (norm.vmin, norm.vmax))
        locators: list[Locator] = [LogLocator(subs=subs) for subs in ((1, 2, 5), (1, 3), (1,))]
        if not isinstance(norm, LogNorm):
            locators = [MaxNLocator(min(5, most))]
        for locator in locators:
            ticks = [float(tick) for tick in locator.tick_values(low, high) if low <= tick <= high]
            if len(ticks) <= most:
                break
        return {tick / self.factor: f"{tick:g}" for tick in ticks}


def norm_of(data: SettingMeans) -> Normalize:
    """A linear scale, or a logarithmic one for numbers of several magnitudes."""
    low, high = min(data.finite), max(data.finite)
    if low == high:
        return Normalize(low - abs(low) / 10 - 1e-12, high + abs(high) / 10 + 1e-12)
    return LogNorm(low, high) if low > 0 and high / low > 4 else Normalize(low, high)
