"""The figures: pictures in rows and columns. No sampling in here, and no pyplot: each function returns a `Figure`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.patches import Rectangle
from matplotlib.ticker import LogLocator, NullFormatter
from numpy.typing import NDArray

from ..frannet.restoration import Restoration
from ..scores.roi import Roi, RoiSearch

Image = NDArray[Any] | Restoration
Pictures = Mapping[str, Mapping[str, Image]]

CELL = 256  # pixels that a picture is wide
GAP = 8  # pixels between pictures
TITLE = 34  # pixels above the first row
LABEL = 30  # pixels left of the first column, where rows have labels
CAPTION = 22  # pixels for a line below a picture
DPI = 100
VERBATIM: dict[str, Any] = {"parse_math": False}  # titles and names are a user's: a $ in them begins no formula
OUTLINE = "#ffd60a"  # seen on skin, cloth and sky alike, with a dark edge


@dataclass(frozen=True)
class Row:
    """A row of a figure: pictures of one shape.

    Parameters
    ----------
    images : sequence of ndarray or Restoration
        (H, W, 3) or (H, W): uint8, or floats in [0, 1].
    label : str
        Stands left of the row, upright.
    outlines : sequence of sequences of Roi
        For each picture, the rectangles to outline in it, in its own pixels.
    captions : sequence of str
        For each picture, a line below it.
    """

    images: Sequence[Image]
    label: str = ""
    outlines: Sequence[Sequence[Roi]] = ()
    captions: Sequence[str] = ()


class Shown(Figure):
    """A figure that a notebook shows as it is laid out, whether or not pyplot and a backend are loaded."""

    def _repr_png_(self) -> bytes:
        file = BytesIO()
        self.savefig(file, format="png", dpi=self.dpi)
        return file.getvalue()


def grid(rows: Sequence[Row], titles: Sequence[str] = (), cell: int = CELL, figure: Figure | None = None) -> Figure:
    """Pictures in rows and columns, each `cell` pixels wide at the figure's own resolution.

    Parameters
    ----------
    rows : sequence of Row
        A picture's height follows from its shape.
    titles : sequence of str
        Stand above the columns.
    cell : int
        Pixels.
    figure : Figure, optional
        One to draw in anew, as widgets do. Default: a new one.

    Returns
    -------
    Figure
        Of matplotlib, laid out at 100 pixels an inch; `frantools.recipes.save_figure` writes it.

    Raises
    ------
    ValueError
        If there is no row, or a row has more pictures than the first.
    """
    if not rows or not rows[0].images:
        raise ValueError("a figure needs at least one picture")
    columns = len(rows[0].images)
    if any(len(row.images) > columns for row in rows) or len(titles) not in (0, columns):
        raise ValueError(f"the first row has {columns} pictures; the other rows and the titles must not have more")
    left = LABEL if any(row.label for row in rows) else GAP
    top = TITLE if titles else GAP
    heights = [max(1, round(cell * shape[0] / shape[1])) for shape in (pixels(row.images[0]).shape for row in rows)]
    below = [GAP + _lines(row.captions) for row in rows]
    width = left + columns * (cell + GAP)
    height = top + sum(heights) + sum(below)

    figure = blank(width, height, figure)
    y = height - top
    for row, tall, gap in zip(rows, heights, below, strict=True):
        y -= tall
        for column, image in enumerate(row.images):
            x = left + column * (cell + GAP)
            axes = figure.add_axes((x / width, y / height, cell / width, tall / height))
            show(axes, image)
            if column < len(row.outlines):
                outline(axes, row.outlines[column])
            if column < len(row.captions):
                text = axes.text(0.5, -4 / tall, row.captions[column], transform=axes.transAxes, size=9, **VERBATIM)
                text.set(ha="center", va="top")
            if row is rows[0] and titles:
                axes.set_title(titles[column], fontsize=14, pad=8, **VERBATIM)
            if column == 0 and row.label:
                axes.set_ylabel(row.label, fontsize=11, labelpad=6, **VERBATIM)
        y -= gap
    return figure


def _verbatim(legend: Legend) -> None:
    for text in legend.get_texts():
        text.set(**VERBATIM)


def _lines(captions: Sequence[str]) -> int:
    """Pixels that captions take below their pictures."""
    return max((CAPTION + 15 * text.count("\n") for text in captions), default=0)


def blank(width: float, height: float, figure: Figure | None = None) -> Figure:
    """An empty figure of so many pixels: a new one, or `figure` cleared."""
    inches = (width / DPI, height / DPI)
    if figure is None:
        return Shown(figsize=inches, dpi=DPI, facecolor="white")
    figure.clear()
    if tuple(figure.get_size_inches()) != inches:
        figure.set_size_inches(*inches)
    return figure


def pixels(image: Image) -> NDArray[Any]:
    """The array of a restoration, or the array itself."""
    return image.image if isinstance(image, Restoration) else np.asarray(image)


def show(axes: Axes, image: Image) -> None:
    """A picture without ticks, its pixels as they are: enlarged ones stay squares."""
    array = pixels(image)
    axes.imshow(array, cmap="gray" if array.ndim == 2 else None, vmin=0, vmax=1 if array.dtype.kind == "f" else 255)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)


def outline(axes: Axes, rois: Sequence[Roi], colour: str = OUTLINE, width: float = 1.6) -> None:
    """Rectangles over a picture, numbered where there are several."""
    edge = [patheffects.Stroke(linewidth=width + 1.4, foreground="black"), patheffects.Normal()]
    for number, roi in enumerate(rois, start=1):
        axes.add_patch(
            Rectangle(
                (roi.left - 0.5, roi.top - 0.5),
                roi.right - roi.left,
                roi.bottom - roi.top,
                fill=False,
                edgecolor=colour,
                linewidth=width,
                path_effects=edge,
                clip_on=False,
            )
        )
        if len(rois) > 1:
            axes.annotate(
                str(number),
                (roi.left, roi.top),
                (3, -3),
                textcoords="offset points",
                ha="left",
                va="top",
                color=colour,
                fontsize=9,
                fontweight="bold",
                path_effects=[patheffects.Stroke(linewidth=2, foreground="black"), patheffects.Normal()],
            )


def _table(pictures: Pictures, beyond: Sequence[str] = ()) -> Figure:
    """One row a picture, one column a restoration; those named in `beyond` in a second row, with their names below."""
    titles = [title for title in next(iter(pictures.values())) if title not in beyond]
    rows = []
    for name, columns in pictures.items():
        rows.append(Row([columns[title] for title in titles], label=name))
        if beyond:
            rows.append(Row([columns[title] for title in beyond], label="beyond the note", captions=beyond))
    return grid(rows, titles)


def ddpm_vs_ddim(pictures: Pictures, beyond: Sequence[str] = ()) -> Figure:
    """Figure 1: what the two samplers make of the same input.

    Parameters
    ----------
    pictures : dict of dict of Restoration
        By portrait and by column: Input, DDIM, DDPM.
    beyond : sequence of str
        Columns that go into a second row, "beyond the note".
    """
    return _table(pictures, beyond)


def entire_image(pictures: Pictures, beyond: Sequence[str] = ()) -> Figure:
    """Figure 2: whole portraits.

    Parameters
    ----------
    pictures : dict of dict of Restoration
        By portrait and by column: Input, A, B, masking-32, masking-8.
    beyond : sequence of str
        Columns that go into a second row, "beyond the note".
    """
    return _table(pictures, beyond)


def local_region(pictures: Pictures, beyond: Sequence[str] = ()) -> Figure:
    """Figure 4: a region restored on its own, at full size.

    Parameters
    ----------
    pictures : dict of dict of Restoration
        By portrait and by column: A, B, masking-32, masking-8.
    beyond : sequence of str
        Columns that go into a second row, "beyond the note".
    """
    return _table(pictures, beyond)


def detail(pictures: Pictures, roi: Roi) -> Figure:
    """The same rectangle of each restoration, pixel by pixel: the grain that a figure at notebook width hides."""
    crops = {
        name: {title: roi.crop(pixels(image)) for title, image in columns.items()} for name, columns in pictures.items()
    }
    return _table(crops)


def roi_crops(pictures: Pictures, search: RoiSearch | None = None) -> Figure:
    """Figure 3: crops of the regions in which the restorations differ most, sub-regions outlined.

    Parameters
    ----------
    pictures : dict of dict of Restoration
        By portrait and by column: A, B, masking-32, masking-8, whole portraits.
    search : RoiSearch, optional
        Sizes and counts of regions and sub-regions.

    Returns
    -------
    Figure
        One row a region, one column a restoration; the first column shows where the region lies.
    """
    search = search or RoiSearch()
    rows = []
    for name, columns in pictures.items():
        images = [pixels(image) for image in columns.values()]
        for number, roi in enumerate(search.regions(images), start=1):
            crops = [roi.crop(image) for image in images]
            inner = search.sub_regions(crops)
            where = _where(images[0], roi)
            rows.append(Row([where, *crops], f"{name} {number}", [[], *([inner] * len(crops))]))
    return grid(rows, ["Where", *next(iter(pictures.values()))])


def _where(image: NDArray[Any], roi: Roi) -> NDArray[Any]:
    """The picture with all but a region dimmed, padded to the region's shape."""
    dim = 0.25 * (image / 255 if image.dtype == np.uint8 else image) + 0.55
    dim[roi.top : roi.bottom, roi.left : roi.right] = roi.crop(image) / (255 if image.dtype == np.uint8 else 1)
    height, width = image.shape[:2]
    aspect = (roi.bottom - roi.top) / (roi.right - roi.left)
    if aspect <= height / width:  # a wide region: white left and right
        pad = round((height / aspect - width) / 2)
        return np.pad(dim, ((0, 0), (pad, pad), (0, 0)), constant_values=1.0)
    pad = round((width * aspect - height) / 2)
    return np.pad(dim, ((pad, pad), (0, 0), (0, 0)), constant_values=1.0)


@dataclass(frozen=True)
class Estimate:
    """A mean over pictures, with how sure it is.

    Parameters
    ----------
    name : str
        Of the model.
    kind : str
        What models are told apart by: those of a kind have one colour.
    mean, low, high : float
        The mean and its interval.
    note : float, optional
        What FranNet's note reports for its own model of that kind, on other pictures.
    """

    name: str
    kind: str
    mean: float
    low: float
    high: float
    note: float | None = None


COLOURS = ("#767676", "#b8860b", "#0072b2", "#d55e00", "#009e73", "#cc79a7")  # told apart by the colour-blind too
LINE = 19  # pixels that a model's line is high


def losses(panels: Mapping[str, Sequence[Estimate]]) -> Figure:
    """Means with their intervals, a line a model.

    Parameters
    ----------
    panels : dict of sequences of Estimate
        By what is measured, such as "loss"; each of the same models in the same order.

    Returns
    -------
    Figure
        One panel beside the other, on logarithmic axes. What the note reports is a hollow diamond.

    Raises
    ------
    ValueError
        If there is no panel, or one without models.
    """
    if not panels or not all(panels.values()):
        raise ValueError("a figure of losses needs at least one model")
    first = next(iter(panels.values()))
    kinds = list(dict.fromkeys(estimate.kind for estimate in first))
    colours = {kind: COLOURS[index % len(COLOURS)] for index, kind in enumerate(kinds)}
    left = 16 + 7 * max(len(estimate.name) for estimate in first)  # what the longest name takes
    below, above, panel = 50, 64, 330
    width, height = left + len(panels) * (panel + 20), above + LINE * len(first) + below
    figure = blank(width, height)
    for column, (title, estimates) in enumerate(panels.items()):
        axes = figure.add_axes(
            (
                (left + column * (panel + 20)) / width,
                below / height,
                panel / width,
                LINE * len(first) / height,
            )
        )
        _estimates(axes, estimates, colours, names=column == 0)
        axes.set_xlabel(f"{title}: mean and 95 % interval (logarithmic)", **VERBATIM)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    _verbatim(figure.legend(handles, labels, loc="upper center", ncols=3, fontsize=9, frameon=False))
    return figure


def _estimates(axes: Axes, estimates: Sequence[Estimate], colours: Mapping[str, str], names: bool) -> None:
    """One panel: a line each, from top to bottom."""
    for kind, colour in colours.items():
        lines, shown = zip(*((y, e) for y, e in enumerate(estimates) if e.kind == kind), strict=True)
        means = [estimate.mean for estimate in shown]
        errors = [[max(e.mean - e.low, 0) for e in shown], [max(e.high - e.mean, 0) for e in shown]]
        axes.errorbar(means, lines, xerr=errors, fmt="o", color=colour, markersize=5, capsize=3, label=kind)
    if noted := [(e.note, y) for y, e in enumerate(estimates) if e.note is not None]:
        values, lines = zip(*noted, strict=True)
        axes.errorbar(values, lines, fmt="D", mfc="none", mec="black", ms=6, label="the note's own, on CelebA")
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_ylim(len(estimates) - 0.5, -0.5)
    axes.set_yticks(range(len(estimates)), [e.name for e in estimates] if names else [], fontsize=9, **VERBATIM)
    axes.grid(axis="both", which="both", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)


def loss_against_calls(
    curves: Mapping[str, Sequence[tuple[int, float]]], bar: tuple[str, float] | None = None
) -> Figure:
    """The loss of samplers that are given more and more calls of the network.

    Parameters
    ----------
    curves : dict of sequences of (int, float)
        By sampler: network calls and the loss.
    bar : (str, float), optional
        A loss to compare with, and its name: a line across.

    Returns
    -------
    Figure
        Both axes logarithmic.

    Raises
    ------
    ValueError
        If there is no curve, or one without points.
    """
    if not curves or not all(curves.values()):
        raise ValueError("a figure of loss against calls needs at least one sampler")
    figure = blank(760, 420)
    axes = figure.add_axes((0.12, 0.13, 0.85, 0.83))
    for index, (name, points) in enumerate(curves.items()):
        calls, losses = zip(*sorted(points), strict=True)
        axes.plot(calls, losses, marker="osD^v"[index % 5], color=COLOURS[index % len(COLOURS)], label=name)
    if bar is not None:
        axes.axhline(bar[1], color="black", linestyle=":", linewidth=1, label=bar[0])
    axes.set_xscale("log")
    axes.set_yscale("log")
    ticks = sorted({calls for points in curves.values() for calls, _ in points})
    shown = [tick for index, tick in enumerate(ticks) if index == 0 or tick >= 1.12 * ticks[index - 1]]
    axes.set_xticks(shown, [str(tick) for tick in shown])
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 3.0, 5.0)))
    axes.yaxis.set_major_formatter("{x:g}")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("network calls a point")
    axes.set_ylabel("loss")
    axes.grid(which="both", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    _verbatim(axes.legend(frameon=False))
    return figure
