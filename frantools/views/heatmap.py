"""A sweep over two of its axes: a map of its numbers, and the pictures themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product
from math import isfinite
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import NullLocator

from ..comparisons.comparison import Comparison, compare
from ..photos.photo import as_photo
from ..restorers.base import Progress
from .layout import VERBATIM, Canvas, Row, fit_font_size, grid, hide_spines, text_width, with_default_style
from .sweep_data import Mean, Scale, SettingMeans, SweepLike, format_value, norm_of, select_means

CELL = (54, 30)
HATCH: dict[str, Any] = {"facecolor": "#f2f2f2", "edgecolor": "#bbbbbb", "hatch": "////", "linewidth": 0}


@with_default_style
def plane(
    sweep: SweepLike, x: str, y: str, measure: str = "mse", where: Mapping[str, Any] | None = None, across: int = 2
) -> Figure:
    """Draw a map of a measure over two axes of a sweep, with the numbers in it.

    Parameters
    ----------
    sweep : Sweep
        From `frantools.sweep`.
    x, y : str
        Its axes. Other axes that vary have a panel per value; all panels have the same scale.
    measure : str
        One of the sweep's measures.
    where : dict, optional
        Values of other axes to select.
    across : int
        The number of panels side by side.

    Returns
    -------
    Figure
        Brighter is better; the best cell is outlined. Cells that failed or are not finite are hatched.

    Raises
    ------
    ValueError
        If the sweep has no such axis or measure, or no number to show.
    """
    data = select_means(sweep, (x, y), measure, where)
    panels, scale = data.panels(), Scale.of(data.finite)
    columns, rows = data.values(data.axes[0]), data.values(data.axes[1])
    across = max(1, min(across, len(panels)))
    down = -(-len(panels) // across)
    wide, tall = len(columns) * CELL[0], len(rows) * CELL[1]
    left = 40 + max(text_width(format_value(value), 9) for value in rows)
    above, below, gap, bar = 22 if data.panel_axes else 6, 44, 24, 110
    notes, norm = _notes(data), norm_of(data)
    if isinstance(norm, LogNorm):
        notes.append("The scale of colours is logarithmic.")
    foot = 18 * len(notes) + 6
    lines = [text_width(data.heading, 12), *(text_width(note, 9) for note in notes)]
    width = max(left + across * wide + (across - 1) * gap + bar, max(lines) + 40)
    canvas = Canvas(width, 40 + down * (above + tall + below) + foot)
    canvas.text(14, 16, data.heading, size=12)
    cmap = "viridis_r" if data.measure.better == "lower" else "viridis"
    for number, (title, means) in enumerate(panels):
        row, column = divmod(number, across)
        axes = canvas.axes(left + column * (wide + gap), 40 + row * (above + tall + below) + above, wide, tall)
        axes.set_facecolor("#f4f4f4")
        values = np.array([[means[c, r].value if (c, r) in means else np.nan for c in columns] for r in rows])
        image = axes.imshow(np.ma.masked_invalid(values), cmap=cmap, norm=norm, aspect="auto", origin="lower")
        for (i, r), (j, c) in product(enumerate(rows), enumerate(columns)):
            _draw_cell(axes, j, i, means.get((c, r)), data, scale, image.to_rgba)
        axes.set_xticks(range(len(columns)), map(format_value, columns), size=9, **VERBATIM)
        axes.set_yticks(range(len(rows)), map(format_value, rows) if column == 0 else [], size=9, **VERBATIM)
        axes.set_xlabel(x, size=10, **VERBATIM)
        axes.tick_params(length=0)
        if column == 0:
            axes.set_ylabel(y, size=10, **VERBATIM)
        if title:
            axes.set_title(title, size=fit_font_size([title], 10, wide, 6), pad=5, **VERBATIM)
        hide_spines(axes)
    bar_left = left + across * wide + (across - 1) * gap + 18
    colour_bar = canvas.figure.colorbar(image, cax=canvas.axes(bar_left, 40 + above, 14, tall))
    colour_bar.set_label(scale.unit(data.measure), size=9, **VERBATIM)
    ticks = scale.ticks(norm, max(2, tall // 15))
    colour_bar.set_ticks(list(ticks), labels=list(ticks.values()))
    colour_bar.ax.yaxis.set_minor_locator(NullLocator())
    colour_bar.ax.tick_params(labelsize=8)
    for line, note in enumerate(reversed(notes)):
        canvas.text(14, canvas.height - 12 - 18 * line, note, size=9, color="#444444")
    return canvas.figure


def _draw_cell(
    axes: Axes, j: int, i: int, mean: Mean | None, data: SettingMeans, scale: Scale, colour: Callable[..., Any]
) -> None:
    """Draw the number of a cell, or a remark in its place."""
    if mean is None:
        text, ink = "", "black"
    elif not isfinite(mean.value):
        axes.add_patch(Rectangle((j - 0.5, i - 0.5), 1, 1, **HATCH))
        text, ink = ("failed" if mean.pictures == 0 else format_value(mean.value)), "#8a1c1c"
    else:
        text = scale(mean.value) + ("*" if mean.pictures < data.pictures else "")
        red, green, blue, _ = colour(mean.value)
        ink = "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else "white"
    size = fit_font_size([text], 9, CELL[0] - 6, 5)
    label = axes.text(j, i, text, size=size, color=ink, ha="center", va="center", **VERBATIM)
    if mean is not None and mean.value == data.best:
        label.set_fontweight("bold")
        axes.add_patch(Rectangle((j - 0.47, i - 0.45), 0.94, 0.9, fill=False, edgecolor="black", linewidth=1.8))


def _notes(data: SettingMeans) -> list[str]:
    """Explanations of the marks in a map."""
    means = list(data.means.values())
    notes = ["Brighter is better; the best is outlined."]
    cells = len(data.values(data.axes[0])) * len(data.values(data.axes[1]))
    if any(len(panel) < cells for _, panel in data.panels()):
        notes[0] += " Empty cells are not in the sweep, or not computed yet."
    if any(0 < mean.pictures < data.pictures for mean in means):
        notes.append("* measured on fewer pictures than the others: not to be compared with them")
    if failed := sum(mean.pictures == 0 for mean in means):
        notes.append(f"hatched: {failed} failed on every picture" if failed > 1 else "hatched: failed on every picture")
    if any(mean.pictures and not isfinite(mean.value) for mean in means):
        notes.append("hatched: the mean is not finite")
    return notes


@dataclass(frozen=True)
class PictureGrid:
    """A photo restored with the settings of a sweep's cells."""

    data: SettingMeans
    comparison: Comparison
    """A column per cell, titled by its number."""
    places: Mapping[tuple[Any, ...], str]
    """The title of the column by the cell's values on the two axes."""
    captions: Mapping[str, str]
    """By title, the number of the picture and the mean of the sweep."""


def compute_grid(
    sweep: SweepLike,
    x: str,
    y: str,
    photo: Any,
    measure: str = "mse",
    where: Mapping[str, Any] | None = None,
    size: int = 178,
    seed: int = 0,
    progress: Progress | None = None,
) -> PictureGrid:
    """Restore a photo with the settings of a sweep over two of its axes; see `frantools.figures.grid`."""
    data = select_means(sweep, (x, y), measure, where)
    if data.panel_axes:
        varying = ", ".join(data.names[axis] for axis in data.panel_axes)
        raise ValueError(f"where must select one value of {varying}: otherwise a cell has several settings")
    columns = {tuple(values[name] for name in data.names): column for values, column in sweep.columns}
    titled = [columns[place].replace(title=str(number)) for number, place in enumerate(data.means)]
    comparison = compare(as_photo(photo).at(size), titled, size, seed=seed, progress=progress)
    numbers, scale = comparison.numbers((measure,)), Scale.of(data.finite)
    titles = [column.title for column in titled]
    captions = {
        title: f"{scale(numbers[title][measure])}   mean {scale(mean.value)}"
        for title, mean in zip(titles, data.means.values(), strict=True)
        if title in numbers
    }
    places = {tuple(place[axis] for axis in data.axes): title for place, title in zip(data.means, titles, strict=True)}
    return PictureGrid(data, comparison, places, captions)


def draw_grid(grid_data: PictureGrid, cell: int = 132) -> Figure:
    """Draw the pictures over the two axes, from left to right and from bottom to top, `cell` pixels wide each."""
    data, comparison = grid_data.data, grid_data.comparison
    (x, y), (columns, rows) = ([data.names[a] for a in data.axes], [data.values(a) for a in data.axes])
    lines = []
    for r in reversed(rows):
        titles = [grid_data.places.get((c, r), "") for c in columns]  # of a column, or empty
        images = [comparison.images[title] if title else "not in the sweep" for title in titles]
        captions = [grid_data.captions.get(title, "") for title in titles]
        lines.append(Row(images, f"{y} = {format_value(r)}", captions=captions))
    width, height = comparison.size
    unit = Scale.of(data.finite).unit(data.measure)
    heading = f"{comparison.photo.name} at {width} x {height}: {unit}, and the sweep's {data.over}"
    column_titles = [f"{x} = {format_value(c)}" for c in columns]
    return grid(lines, column_titles, cell, headings=[heading, *([data.fixed] if data.fixed else [])])
