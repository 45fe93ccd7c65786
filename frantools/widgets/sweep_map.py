"""The map of a sweep over two of its axes, in the browser."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

import anywidget
import traitlets
from matplotlib import colormaps
from matplotlib.colors import LogNorm, to_hex

from ..scores.measures import Measure, measures
from ..scores.stratified import Estimate
from ..viewer import scripts
from ..views.slices import best_under
from ..views.sweep_data import (
    Mean,
    Place,
    Scale,
    SettingMeans,
    SweepLike,
    capitalised,
    format_value,
    means,
    norm_of,
    ordered,
)

STOPS = 9  # colours of the key


class MapWidget(anywidget.AnyWidget):
    """A map of cells: hover or move to one to read its numbers, click or press Enter to choose it, drag to play.

    Attributes
    ----------
    x, y : dict
        An axis: its "name", and its "ticks", a text for each column from left to right or row from bottom to top.
    cells : list of dict
        "at", (column, row); "value" and "error", its standard error, or None; "failed", an error message or an empty
        string; "text" in the cell and "said", its description; "colour" and "ink"; and whether it is on the "front",
        the "best", or "dim". Settings that the sweep does not have are no cells.
    key : dict
        The colour key: "title", "colours", "ticks" as (fraction, text), and "notes".
    chosen : list
        (column, row), or empty; in both directions.
    """

    _esm = scripts.script("plane", ("geometry", "difference", "pictures", "pane", "gestures"))
    _css = scripts.style()

    x = traitlets.Dict({"name": "", "ticks": []}).tag(sync=True)
    y = traitlets.Dict({"name": "", "ticks": []}).tag(sync=True)
    cells: Any = traitlets.List().tag(sync=True)
    key = traitlets.Dict().tag(sync=True)
    chosen: Any = traitlets.List().tag(sync=True)


def describe_setting(names: tuple[str, ...], place: Place) -> str:
    """Describe a setting by the values of these axes."""
    return ", ".join(f"{name} {format_value(value)}" for name, value in zip(names, place, strict=True))


class SweepSummary:
    """The numbers of a sweep for a map, and their descriptions.

    Parameters
    ----------
    sweep : Sweep
        The computed part of a sweep.
    measure : str
        One of its measures.
    """

    def __init__(self, sweep: SweepLike, measure: str) -> None:
        self.sweep, self.names = sweep, tuple(sweep.axes)
        self.means: dict[Place, Mean] = {
            place: mean
            for error in ("points", "pictures")  # with several pictures, the error of their choice
            for place, mean in means(sweep, measure, error).items()
            if error == "points" or mean.pictures > 1
        }
        self.errors = {tuple(row[n] for n in self.names): row["sentence"] for row in sweep.rows if row["sentence"]}
        self.places = dict.fromkeys([tuple(values[n] for n in self.names) for values, _ in sweep.columns])
        self.places |= dict.fromkeys(self.means)
        known_measure = measures.get(measure) or Measure(measure, lambda a, b: 0.0, measure)
        self.data = SettingMeans(known_measure, self.means, self.names, (), (), "")
        self.scale = Scale.of(self.data.finite) if self.data.finite else Scale(1.0)

    def values(self, name: str) -> list[Any]:
        """Return the values of an axis, in order."""
        return ordered(place[self.names.index(name)] for place in self.places)

    def describe(self, mean: Mean) -> str:
        """Describe a number with its interval."""
        low, high = map(self.scale, Estimate(mean.value, mean.error).interval())
        interval = f" (95 %: {low} to {high})" if isfinite(mean.error) and mean.error else ""
        pictures = f", mean of {mean.pictures} pictures" if mean.pictures > 1 else ""
        calls = f", {mean.calls} call{'s' * (mean.calls != 1)}" if mean.calls else ""
        return f"{self.scale.unit(self.data.measure)} {self.scale(mean.value)}{interval}{pictures}{calls}"

    def matching(self, view: Mapping[str, Any]) -> list[Place]:
        """Return the settings that have these values."""
        fixed = [(self.names.index(name), value) for name, value in view.items()]
        return [place for place in self.places if all(place[axis] == value for axis, value in fixed)]

    def front(self, view: Mapping[str, Any]) -> list[tuple[int, Place]]:
        """Return the Pareto front of the settings with these values: network calls and settings; see `best_under`."""
        is_measured = any(place in self.data.comparable for place in self.matching(view))
        return best_under(self.sweep, self.data.measure.name, view) if is_measured else []

    def best(self, max_calls: int, view: Mapping[str, Any]) -> Place | None:
        """Return the best setting with these values and no more network calls, or None."""
        return next((place for calls, place in reversed(self.front(view)) if calls <= max_calls), None)

    def map_traits(self, x: str, y: str, view: Mapping[str, Any], max_calls: int) -> dict[str, Any]:
        """Return the traits of a `MapWidget` of two axes, or of one if `y` is empty, where the others have values."""
        columns, rows = self.values(x), self.values(y) if y else [None]
        shown_axes = [(self.names.index(x), columns), *([(self.names.index(y), rows)] if y else [])]
        norm = norm_of(self.data) if self.data.finite else None
        colormap = colormaps["viridis_r" if self.data.measure.better == "lower" else "viridis"]
        best, front = self.best(max_calls, view), {place for _, place in self.front(view)}
        cells = []
        for place in self.matching(view):
            mean, failure = self.means.get(place), ""
            position = [values.index(place[axis]) for axis, values in shown_axes] + [0] * (not y)
            cell: dict[str, Any] = {
                "at": position, "value": None, "error": None, "text": "", "colour": "", "ink": "", "failed": "",
                "front": place in front, "best": place == best, "dim": bool(mean and (mean.calls or 0) > max_calls),
            }  # fmt: skip
            if mean is None:
                description = "not computed yet"
            elif norm is None or not isfinite(mean.value):
                failure = self.errors.get(place) or f"the mean is {format_value(mean.value)}"
                description = failure if mean.pictures else f"failed: {failure}"
                cell |= {"failed": failure, "text": format_value(mean.value) if mean.pictures else "failed"}
            else:
                is_partial = mean.pictures < self.data.pictures
                description = self.describe(mean)
                description += "; not comparable: measured on fewer pictures" if is_partial else ""
                red, green, blue, _ = colour = colormap(float(norm(mean.value)))
                is_bright = 0.299 * red + 0.587 * green + 0.114 * blue > 0.5
                cell |= {"value": mean.value, "error": mean.error, "text": self.scale(mean.value) + "*" * is_partial}
                cell |= {"colour": to_hex(colour), "ink": "#000000" if is_bright else "#ffffff"}
            cells.append(cell | {"said": f"{describe_setting(self.names, place)}: {description}"})
        key: dict[str, Any] = {"title": capitalised(self.data.measure), "colours": [], "ticks": [], "notes": ""}
        if norm is not None:
            ticks = [[float(norm(tick)), text] for tick, text in self.scale.ticks(norm).items()]
            notes = ["brighter is better", *(["logarithmic"] if isinstance(norm, LogNorm) else [])]
            notes += ["outlined: the best with as few calls"] if front else []
            key = {"title": f"{self.scale.unit(self.data.measure)}, {self.data.over}", "ticks": ticks}
            key |= {"colours": [to_hex(colormap(n / (STOPS - 1))) for n in range(STOPS)], "notes": "; ".join(notes)}
        axes = {
            "x": {"name": x, "ticks": [*map(format_value, columns)]},
            "y": {"name": y, "ticks": [*map(format_value, rows)] if y else [""]},
        }
        return {**axes, "cells": cells, "key": key}
