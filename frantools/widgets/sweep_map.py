"""A sweep over two of its axes as a map in the browser, cell by cell."""

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
from ..views.sweep_data import Mean, Panels, Place, Scale, Swept, means, norm_of, ordered, titled, told

STOPS = 9  # colours that the key is made of


class MapWidget(anywidget.AnyWidget):
    """A map of cells: hover or move to one to read its numbers, click or press Enter to choose it, drag to play.

    Attributes
    ----------
    x, y : dict
        An axis: its "name", and its "ticks", a text a column from left to right or a row from bottom to top.
    cells : list of dict
        "at", (column, row); "value" and "error", its standard error, or None; "failed", a sentence, empty where nothing
        went wrong; "text" in the cell and "said" of it; "colour" and "ink"; whether it is on the "front", the "best",
        and "dim". What the sweep has not is no cell.
    key : dict
        What the colours are: "title", "colours", "ticks" as (share, text), and "notes".
    chosen : list
        (column, row), or nothing; in both directions.
    """

    _esm = scripts.script("plane", ("geometry", "difference", "pictures", "pane", "gestures"))
    _css = scripts.style()

    x = traitlets.Dict({"name": "", "ticks": []}).tag(sync=True)
    y = traitlets.Dict({"name": "", "ticks": []}).tag(sync=True)
    cells: Any = traitlets.List().tag(sync=True)
    key = traitlets.Dict().tag(sync=True)
    chosen: Any = traitlets.List().tag(sync=True)


def setting_told(names: tuple[str, ...], place: Place) -> str:
    """Where a setting lies, in words."""
    return ", ".join(f"{name} {told(value)}" for name, value in zip(names, place, strict=True))


class Mapped:
    """What a map shows of a sweep, and what its numbers are in words.

    Parameters
    ----------
    sweep : Sweep
        As far as it is computed.
    measure : str
        One of its measures.
    """

    def __init__(self, sweep: Swept, measure: str) -> None:
        self.sweep, self.names = sweep, tuple(sweep.axes)
        self.means: dict[Place, Mean] = {
            place: mean
            for error in ("points", "pictures")  # where there are several pictures, the error of having these
            for place, mean in means(sweep, measure, error).items()
            if error == "points" or mean.pictures > 1
        }
        self.sentences = {tuple(row[n] for n in self.names): row["sentence"] for row in sweep.rows if row["sentence"]}
        self.places = dict.fromkeys([tuple(values[n] for n in self.names) for values, _ in sweep.columns])
        self.places |= dict.fromkeys(self.means)
        known = measures.get(measure) or Measure(measure, lambda a, b: 0.0, measure)
        self.data = Panels(known, self.means, self.names, (), (), "")
        self.scale = Scale.of(self.data.finite) if self.data.finite else Scale(1.0)

    def values(self, name: str) -> list[Any]:
        """The values of an axis, in order."""
        return ordered(place[self.names.index(name)] for place in self.places)

    def number(self, mean: Mean) -> str:
        """A number with its interval, in words."""
        low, high = map(self.scale, Estimate(mean.value, mean.error).interval())
        within = f" (95 %: {low} to {high})" if isfinite(mean.error) and mean.error else ""
        over = f", mean of {mean.pictures} pictures" if mean.pictures > 1 else ""
        calls = f", {mean.calls} call{'s' * (mean.calls != 1)}" if mean.calls else ""
        return f"{self.scale.unit(self.data.measure)} {self.scale(mean.value)}{within}{over}{calls}"

    def inside(self, where: Mapping[str, Any]) -> list[Place]:
        """The settings that have these values."""
        at = [(self.names.index(name), value) for name, value in where.items()]
        return [place for place in self.places if all(place[which] == value for which, value in at)]

    def front(self, where: Mapping[str, Any]) -> list[tuple[int, Place]]:
        """Of the settings with these values the Pareto front, see `best_under`: network calls, and the setting."""
        known = any(place in self.data.whole for place in self.inside(where))
        return best_under(self.sweep, self.data.measure.name, where) if known else []

    def best(self, under: int, where: Mapping[str, Any]) -> Place | None:
        """Of the settings with these values, the best with no more network calls; None if there is none."""
        return next((place for calls, place in reversed(self.front(where)) if calls <= under), None)

    def traits(self, x: str, y: str, where: Mapping[str, Any], under: int) -> dict[str, Any]:
        """What `MapWidget` shows: two axes, or with an empty `y` one, where the others have these values."""
        columns, rows = self.values(x), self.values(y) if y else [None]
        at = [(self.names.index(x), columns), *([(self.names.index(y), rows)] if y else [])]
        norm = norm_of(self.data) if self.data.finite else None
        cmap = colormaps["viridis_r" if self.data.measure.better == "lower" else "viridis"]
        best, front = self.best(under, where), {place for _, place in self.front(where)}
        cells = []
        for place in self.inside(where):
            mean, wrong = self.means.get(place), ""
            position = [values.index(place[which]) for which, values in at] + [0] * (not y)
            cell: dict[str, Any] = {
                "at": position, "value": None, "error": None, "text": "", "colour": "", "ink": "", "failed": "",
                "front": place in front, "best": place == best, "dim": bool(mean and (mean.calls or 0) > under),
            }  # fmt: skip
            if mean is None:
                said = "not computed yet"
            elif norm is None or not isfinite(mean.value):
                wrong = self.sentences.get(place) or f"the mean is {told(mean.value)}"
                said = wrong if mean.pictures else f"failed: {wrong}"
                cell |= {"failed": wrong, "text": told(mean.value) if mean.pictures else "failed"}
            else:
                fewer = mean.pictures < self.data.pictures
                said = self.number(mean) + ("; not to be compared: measured on fewer pictures" if fewer else "")
                colour = cmap(float(norm(mean.value)))
                light = 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2] > 0.5
                cell |= {"value": mean.value, "error": mean.error, "text": self.scale(mean.value) + "*" * fewer}
                cell |= {"colour": to_hex(colour), "ink": "#000000" if light else "#ffffff"}
            cells.append(cell | {"said": f"{setting_told(self.names, place)}: {said}"})
        key: dict[str, Any] = {"title": titled(self.data.measure), "colours": [], "ticks": [], "notes": ""}
        if norm is not None:
            ticks = [[float(norm(tick)), text] for tick, text in self.scale.ticks(norm).items()]
            notes = ["brighter is better", *(["logarithmic"] if isinstance(norm, LogNorm) else [])]
            notes += ["outlined: the best with as few calls"] if front else []
            key = {"title": f"{self.scale.unit(self.data.measure)}, {self.data.over}", "ticks": ticks}
            key |= {"colours": [to_hex(cmap(n / (STOPS - 1))) for n in range(STOPS)], "notes": "; ".join(notes)}
        axes = {
            "x": {"name": x, "ticks": [*map(told, columns)]},
            "y": {"name": y, "ticks": [*map(told, rows)] if y else [""]},
        }
        return {**axes, "cells": cells, "key": key}
