"""A sweep over two of its axes: as a map with the numbers in it, and as the pictures themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import product
from math import isfinite
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import NullLocator

from ..comparisons.comparison import compare
from ..photos.photo import as_photo
from ..restorers.base import Progress
from . import layout
from .layout import VERBATIM, Row, blank, extent, fitting, plain
from .sweep_data import Mean, Panels, Scale, Swept, norm_of, panels_of, told

CELL = (54, 30)
HATCH: dict[str, Any] = {"facecolor": "#f2f2f2", "edgecolor": "#bbbbbb", "hatch": "////", "linewidth": 0}


@plain
def plane(
    sweep: Swept, x: str, y: str, measure: str = "mse", where: Mapping[str, Any] | None = None, across: int = 2
) -> Figure:
    """A map of a measure over two axes of a sweep, with the numbers in it.

    Parameters
    ----------
    sweep : Sweep
        From `frantools.sweep`.
    x, y : str
        Its axes. Others that vary have a panel for each value, all of one scale.
    measure : str
        One of the sweep's.
    where : dict, optional
        The values of other axes that are shown alone.
    across : int
        How many panels stand side by side.

    Returns
    -------
    Figure
        Brighter is better; the best cell is outlined. What failed or is not finite is hatched.

    Raises
    ------
    ValueError
        If the sweep has no such axis or measure, or no number to show.
    """
    data = panels_of(sweep, (x, y), measure, where)
    panels, scale = data.panels(), Scale.of(data.finite)
    columns, rows = data.values(data.shown[0]), data.values(data.shown[1])
    across = max(1, min(across, len(panels)))
    down = -(-len(panels) // across)
    wide, tall = len(columns) * CELL[0], len(rows) * CELL[1]
    left = 40 + max(extent(told(value), 9) for value in rows)
    above, below, gap, bar = 22 if data.left else 6, 44, 24, 110
    notes, norm = _notes(data), norm_of(data)
    if isinstance(norm, LogNorm):
        notes.append("The scale of colours is logarithmic.")
    foot = 18 * len(notes) + 6
    lines = [extent(data.heading, 12), *(extent(note, 9) for note in notes)]
    width = max(left + across * wide + (across - 1) * gap + bar, max(lines) + 40)
    height = 40 + down * (above + tall + below) + foot
    figure = blank(width, height)
    figure.text(14 / width, 1 - 16 / height, data.heading, size=12, va="center", **VERBATIM)
    cmap = "viridis_r" if data.measure.better == "lower" else "viridis"
    for number, (title, inside) in enumerate(panels):
        row, column = divmod(number, across)
        box = (left + column * (wide + gap), foot + (down - 1 - row) * (above + tall + below) + below, wide, tall)
        axes = figure.add_axes((box[0] / width, box[1] / height, wide / width, tall / height))
        axes.set_facecolor("#f4f4f4")
        values = np.array([[inside[c, r].value if (c, r) in inside else np.nan for c in columns] for r in rows])
        image = axes.imshow(np.ma.masked_invalid(values), cmap=cmap, norm=norm, aspect="auto", origin="lower")
        for (i, r), (j, c) in product(enumerate(rows), enumerate(columns)):
            _cell(axes, j, i, inside.get((c, r)), data, scale, image.to_rgba)
        axes.set_xticks(range(len(columns)), map(told, columns), size=9, **VERBATIM)
        axes.set_yticks(range(len(rows)), map(told, rows) if column == 0 else [], size=9, **VERBATIM)
        axes.set_xlabel(x, size=10, **VERBATIM)
        axes.tick_params(length=0)
        if column == 0:
            axes.set_ylabel(y, size=10, **VERBATIM)
        if title:
            axes.set_title(title, size=fitting([title], 10, wide, 6), pad=5, **VERBATIM)
        for spine in axes.spines.values():
            spine.set_visible(False)
    beside = left + across * wide + (across - 1) * gap + 18
    bottom = foot + (down - 1) * (above + tall + below) + below
    key = figure.add_axes((beside / width, bottom / height, 14 / width, tall / height))
    legend = figure.colorbar(image, cax=key)
    legend.set_label(scale.unit(data.measure), size=9, **VERBATIM)
    ticks = scale.ticks(norm, max(2, tall // 15))
    legend.set_ticks(list(ticks), labels=list(ticks.values()))
    legend.ax.yaxis.set_minor_locator(NullLocator())
    legend.ax.tick_params(labelsize=8)
    for line, note in enumerate(reversed(notes)):
        figure.text(14 / width, (12 + 18 * line) / height, note, size=9, color="#444444", va="center", **VERBATIM)
    return figure


def _cell(
    axes: Axes, j: int, i: int, mean: Mean | None, data: Panels, scale: Scale, colour: Callable[..., Any]
) -> None:
    """The number of a cell, or what stands in its place."""
    if mean is None:
        text, ink = "", "black"
    elif not isfinite(mean.value):
        axes.add_patch(Rectangle((j - 0.5, i - 0.5), 1, 1, **HATCH))
        text, ink = ("failed" if mean.pictures == 0 else told(mean.value)), "#8a1c1c"
    else:
        text = scale(mean.value) + ("*" if mean.pictures < data.pictures else "")
        red, green, blue, _ = colour(mean.value)
        ink = "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else "white"
    size = fitting([text], 9, CELL[0] - 6, 5)
    label = axes.text(j, i, text, size=size, color=ink, ha="center", va="center", **VERBATIM)
    if mean is not None and mean.value == data.best:
        label.set_fontweight("bold")
        axes.add_patch(Rectangle((j - 0.47, i - 0.45), 0.94, 0.9, fill=False, edgecolor="black", linewidth=1.8))


def _notes(data: Panels) -> list[str]:
    """What the marks of a map mean."""
    cells = list(data.means.values())
    notes = ["Brighter is better; the best is outlined."]
    if any(
        len(inside) < len(data.values(data.shown[0])) * len(data.values(data.shown[1])) for _, inside in data.panels()
    ):
        notes[0] += " Empty cells are not in the sweep, or not computed yet."
    if any(0 < mean.pictures < data.pictures for mean in cells):
        notes.append("* measured on fewer pictures than the others: not to be compared with them")
    if failed := sum(mean.pictures == 0 for mean in cells):
        notes.append(f"hatched: {failed} failed on every picture" if failed > 1 else "hatched: failed on every picture")
    if any(mean.pictures and not isfinite(mean.value) for mean in cells):
        notes.append("hatched: the mean is not finite")
    return notes


def grid(
    sweep: Swept,
    x: str,
    y: str,
    photo: Any,
    measure: str = "mse",
    where: Mapping[str, Any] | None = None,
    size: int = 178,
    seed: int = 0,
    cell: int = 132,
    progress: Progress | None = None,
) -> Figure:
    """The pictures themselves over two axes of a sweep, with the measure of each.

    Parameters
    ----------
    sweep : Sweep
        From `frantools.sweep`.
    x, y : str
        Its axes, from left to right and from bottom to top, as in `plane`.
    photo : Photo, path or ndarray
        What is restored.
    measure : str
        One of the sweep's. Below each picture stands its own, and the mean of the sweep.
    where : dict
        The values of all other axes that vary.
    size : int
        Pixels of the longer side to which it is taken down first, as in a sweep.
    seed : int
        Of the random numbers.
    cell : int
        Pixels that a picture is wide in the figure.
    progress : callable, optional
        Called with the share that is done. What it raises ends the work.

    Raises
    ------
    ValueError
        As for `plane`, or if another axis varies.
    """
    data = panels_of(sweep, (x, y), measure, where)
    if data.left:
        other = ", ".join(data.names[which] for which in data.left)
        raise ValueError(f"a cell has several settings, as {other} varies; accepted is one value of it, by where")
    places = {tuple(values[name] for name in data.names): column for values, column in sweep.columns}
    chosen = {tuple(place[which] for which in data.shown): (place, places[place]) for place in data.means}
    titled = [column.replace(title=str(number)) for number, (_, column) in enumerate(chosen.values())]
    made = compare(as_photo(photo).at(size), titled, size, seed=seed, progress=progress)
    numbers, scale = made.numbers((measure,)), Scale.of(data.finite)
    images = {
        where: (
            made[column.title] if column.title in made else made.errors[column.title],
            f"{scale(numbers[column.title][measure])}   mean {scale(data.means[place].value)}"
            if column.title in numbers
            else "",
        )
        for (where, (place, _)), column in zip(chosen.items(), titled, strict=True)
    }
    columns, rows = (data.values(which) for which in data.shown)
    lines = []
    for r in reversed(rows):
        cells = [images.get((c, r), ("not in the sweep", "")) for c in columns]
        shown, captions = zip(*cells, strict=True)
        lines.append(Row(shown, f"{y} = {told(r)}", captions=captions))
    figure = layout.grid(lines, [f"{x} = {told(c)}" for c in columns], cell)
    width, height = made.size
    heading = f"{made.photo.name} at {width} x {height}: {scale.unit(data.measure)}, and the sweep's {data.over}"
    return _headed(figure, [heading, data.fixed] if data.fixed else [heading])


def _headed(figure: Figure, lines: list[str]) -> Figure:
    """A figure with lines above it."""
    width, height = figure.get_size_inches() * layout.DPI
    taller = height + 14 + 20 * len(lines)
    for axes in figure.axes:
        box = axes.get_position()
        axes.set_position((box.x0, box.y0 * height / taller, box.width, box.height * height / taller))
    figure.set_size_inches(width / layout.DPI, taller / layout.DPI)
    for number, line in enumerate(lines):
        size = fitting([line], 12 - 2 * number, 0.94 * (width - 16), 5)
        figure.text(8 / width, 1 - (17 + 20 * number) / taller, line, va="center", size=size, **VERBATIM)
    return figure
