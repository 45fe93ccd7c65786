"""Columns side by side, and the other ways to look at them: a curtain, blinking, the difference."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any

import ipywidgets as widgets
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backend_bases import MouseEvent
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ..comparisons import COLUMNS, SOURCES, Cache, Column, original
from ..comparisons import compare as restorations
from ..frannet.restoration import Progress, Restoration
from ..images import Picture
from ..recipes import Recipe
from ..regions import Region
from ..scores.measures import measure
from ..views import figures
from ..views.figures import OUTLINE, VERBATIM, Row, pixels
from ..views.note import FIGURES
from .controls import Numbers, control
from .explorer import WIDTH, Explorer
from .worker import aside

PREVIEW = 64  # pixels a side of what is shown first
SOON = 0.3  # seconds after which some coarse columns are shown before the others
LARGE = 480  # pixels that a single picture is shown at
VIEWS = ("side by side", "curtain", "blink", "difference")

_measured: dict[str, dict[str, float]] = {}  # four numbers for each restoration: few enough to keep all


@dataclass(frozen=True)
class Compared:
    """What is shown: the pictures by column, and the numbers of those that are as large as they will be."""

    pictures: Mapping[str, Restoration]
    numbers: Mapping[str, Mapping[str, float]]
    urgent: bool = False
    """Whether others are measured next, which takes seconds at 2048 pixels: it is drawn before."""


def columns_of(recipe: Recipe) -> list[Column]:
    """The columns of a recipe."""
    return [Column.from_dict(column) for column in recipe["columns"]]


def first_seed(recipe: Recipe) -> int:
    """The seed of a recipe's first column: its own, or that of all."""
    own: int | None = columns_of(recipe)[0].seed
    return recipe["seed"] if own is None else own


def shares(columns: Sequence[Column], progress: Progress) -> Iterator[tuple[Column, Progress]]:
    """Each column with a report of its own, by which the progress of all goes on."""
    costs = [column.setup.calls if column.setup else 1 for column in columns]
    for index, column in enumerate(columns):

        def report(share: float, index: int = index) -> None:
            progress((sum(costs[:index]) + share * costs[index]) / sum(costs))

        yield column, report


def sharpen(
    recipe: Recipe,
    image: Picture,
    progress: Progress,
    cache: Cache,
    region: Region | None = None,
    aspect: float = 1.0,
    early: bool = False,
) -> Iterator[dict[str, Restoration]]:
    """The columns of a recipe: all of them coarse, then one after the other at the recipe's size.

    `aspect` is width over height of what is made; the longer side has that size. Where `early`, a column whose coarse
    picture takes its time is shown as the gray input until it comes.
    """
    columns, size, begun = columns_of(recipe), recipe["size"], perf_counter()

    def made(columns: Sequence[Column], size: int, report: Progress) -> dict[str, Restoration]:
        sides = (round(size * min(1.0, aspect)), round(size / max(1.0, aspect)))
        return restorations(image, columns, sides, region, recipe["seed"], progress=report, cache=cache)

    coarse = min(PREVIEW, size)
    shown = made([Column(column.title, SOURCES[0]) for column in columns], coarse, lambda _: progress(0.0))
    for column in columns:
        shown = {**shown, **made([column], coarse, lambda _: progress(0.0))}
        if early and column is not columns[-1] and perf_counter() - begun > SOON:
            yield shown
            begun = perf_counter()
    yield shown
    for column, report in shares(columns, progress):
        shown = {**shown, **made([column], size, report)}
        yield shown


def compute(recipe: Recipe, image: Picture, progress: Progress, cache: Cache) -> Iterator[Compared]:
    """Restore the columns; measure each against the original once it is at its full size."""
    size = recipe["size"]
    target = original(image, size)
    numbers: dict[str, Mapping[str, float]] = {}
    for shown in sharpen(recipe, image, progress, cache, early=True):
        fresh = {
            title: (json.dumps([recipe["pictures"], each.recipe]), each.image)
            for title, each in shown.items()
            if title not in numbers and each.calls and len(each.image) == size
        }
        yield Compared(shown, dict(numbers), urgent=any(key not in _measured for key, _ in fresh.values()))
        for title, (key, picture) in fresh.items():
            numbers[title] = aside(partial(_numbers, key, picture, target), lambda: progress(0.0))
    yield Compared(shown, numbers)


def _numbers(key: str, picture: Any, target: Any) -> Mapping[str, float]:
    if key not in _measured:
        _measured[key] = measure(picture, target)
    return _measured[key]


def caption(restoration: Restoration, numbers: Mapping[str, float] | None, size: int) -> str:
    """What stands under a column that comes to be `size` pixels a side."""
    if not restoration.calls:
        return "\n\n"
    if len(restoration.image) < size:
        return f"coarse: {len(restoration.image)} px\n\n"
    measured = "not yet measured\n"
    if numbers is not None:
        measured = f"loss {numbers['loss']:.4f}\nPSNR {numbers['psnr']:.1f} dB   SSIM {numbers['ssim']:.3f}"
    calls = "1 call" if restoration.calls == 1 else f"{restoration.calls} calls"
    return f"{measured}\n{calls}   {restoration.seconds:.1f} s"


def draw(data: Compared, recipe: Recipe, figure: Figure | None = None) -> Figure:
    """The figure: columns side by side, or the two chosen ones in one of the other views."""
    look = {"view": VIEWS[0], "left": 0, "right": 1, "curtain": 0.5, "frame": 0, **recipe.get("look", {})}
    titles = list(data.pictures)
    if look["view"] == "side by side":
        return _side_by_side(data, recipe["size"], figure)
    a, b = (titles[min(look[side], len(titles) - 1)] for side in ("left", "right"))
    left, right = (pixels(data.pictures[title]) for title in (a, b))
    figure = figures.blank(LARGE + 240, LARGE + 60, figure)
    axes = figure.add_axes((120 / (LARGE + 240), 16 / (LARGE + 60), LARGE / (LARGE + 240), LARGE / (LARGE + 60)))
    if look["view"] == "curtain":
        _curtain(axes, left, right, look["curtain"])
        axes.set_title(f"{a}  |  {b}", fontsize=14, pad=8, **VERBATIM)
    elif look["view"] == "blink":
        figures.show(axes, (left, right)[look["frame"] % 2])
        axes.set_title((a, b)[look["frame"] % 2], fontsize=14, pad=8, **VERBATIM)
    else:
        _difference(axes, left, right)
        axes.set_title(f"|{a} - {b}|", fontsize=14, pad=8, **VERBATIM)
    return figure


def _side_by_side(data: Compared, size: int, figure: Figure | None) -> Figure:
    cell = min(320, WIDTH // len(data.pictures) - figures.GAP)
    captions = [caption(each, data.numbers.get(title), size) for title, each in data.pictures.items()]
    figure = figures.grid([Row(list(data.pictures.values()), captions=captions)], list(data.pictures), cell, figure)
    first, *others = figure.axes
    if len({restoration.image.shape for restoration in data.pictures.values()}) == 1:
        for axes in others:  # pan and zoom move all columns together, once all have sharpened
            axes.sharex(first)
            axes.sharey(first)
    return figure


def _curtain(axes: Axes, left: Any, right: Any, at: float) -> None:
    """Two pictures, one on either side of an edge."""
    figures.show(axes, right)
    height, width = right.shape[:2]
    above = axes.imshow(left, vmin=0, vmax=1, extent=(-0.5, width - 0.5, height - 0.5, -0.5))
    edge = at * width - 0.5
    above.set_clip_path(Rectangle((-0.5, -0.5), edge + 0.5, height, transform=axes.transData))
    axes.axvline(edge, color=OUTLINE, linewidth=1.6)


def _difference(axes: Axes, left: Any, right: Any) -> None:
    """The mean over channels of the absolute difference, and its scale."""
    if left.shape != right.shape:
        raise ValueError("the two columns are not yet of one size; the difference follows")
    difference = np.abs(left.astype(float) - right).mean(axis=-1)
    image = axes.imshow(difference, cmap="magma", vmin=0, vmax=max(float(difference.max()), 1e-6))
    axes.set_xticks([])
    axes.set_yticks([])
    scale = axes.figure.colorbar(image, cax=axes.inset_axes((1.03, 0.0, 0.04, 1.0)))
    scale.set_label("mean absolute difference of R, G and B")


class Look(Numbers):
    """The view, the two columns that it shows, the edge of the curtain, and the blinking."""

    def __init__(self) -> None:
        super().__init__(
            {
                "view": control(
                    widgets.Dropdown, "View", "All columns, or two of them on top of each other", options=VIEWS
                ),
                "left": control(widgets.Dropdown, "First", "The first of the two columns", options=[("", 0)]),
                "right": control(widgets.Dropdown, "Second", "The second of the two columns", options=[("", 0)]),
                "curtain": control(
                    widgets.FloatSlider, "Edge", "Where the curtain's edge is; drag it on the picture too", max=1,
                    value=0.5, step=0.01,
                ),
                "frame": widgets.Play(max=1, interval=600, repeat=True, tooltip="Blink between the two columns"),
            }
        )  # fmt: skip
        self.controls["view"].observe(lambda _: self._turn(), "value")
        self.enable()

    def name(self, titles: Sequence[str]) -> None:
        """Offer these columns."""
        for side, start in (("left", 0), ("right", 1)):
            each = self.controls[side]
            options = [(title, index) for index, title in enumerate(titles)]
            if list(each.options) != options:
                index = start if len(each.options) == 1 else each.value
                each.options = options
                each.value = min(index, len(titles) - 1)

    def _turn(self) -> None:
        """To another view: to blink is to begin at once."""
        self.enable()
        self.controls["frame"].playing = self.controls["view"].value == "blink"

    def enable(self) -> None:
        """Disable what does nothing in the view."""
        view = self.controls["view"].value
        for side in ("left", "right"):
            self.controls[side].disabled = view == "side by side"
        self.controls["curtain"].disabled = view != "curtain"
        self.controls["frame"].disabled = view != "blink"


class Compare(Explorer):
    """Columns side by side; see `frantools.widgets.compare`."""

    kind = "compare"
    compute = staticmethod(compute)
    draw = staticmethod(draw)

    def __init__(self, image: Any, columns: Sequence[Column], size: int, seed: int) -> None:
        self.look = Look()
        self.look.name([column.title for column in columns])
        super().__init__(image, columns, size, seed, {"look": self.look}, live=["look"])
        self.columns.observe(self._name, "value")
        self._dragging = False
        self.canvas.mpl_connect("button_press_event", self._press)
        self.canvas.mpl_connect("motion_notify_event", self._pull)
        self.canvas.mpl_connect("button_release_event", self._release)

    def _name(self, change: dict[str, Any]) -> None:
        self.look.name([column["title"] for column in change["new"]])

    def _press(self, event: MouseEvent) -> None:
        free = not self.canvas.manager.toolbar.mode
        self._dragging = free and self.look.value["view"] == "curtain" and event.inaxes is not None
        self._pull(event)

    def _pull(self, event: MouseEvent) -> None:
        if self._dragging and event.inaxes is not None and event.xdata is not None:
            left, right, *_ = self._full[0]
            self.look.controls["curtain"].value = round((event.xdata - left) / (right - left), 3)

    def _release(self, _: MouseEvent) -> None:
        self._dragging = False


def compare(
    image: Any = None, columns: Sequence[Column | str] | None = None, size: int = 512, seed: int = 0
) -> Compare:
    """Compare any number of models and setups on one picture.

    Parameters
    ----------
    image : str, path or ndarray, optional
        The name of a portrait, a path, or a picture. Default: the first portrait.
    columns : sequence of Column or str, optional
        Names of `frantools.comparisons.COLUMNS` ("Input", "DDPM", "DDIM", "A", "B", "masking-32", "masking-8"), or own
        columns. Default: those of the note's figure 2.
    size : int
        Pixels a side.
    seed : int
        Of the random numbers.
    """
    return Compare(image, chosen(columns, FIGURES["entire-image"]), size, seed)


def chosen(columns: Sequence[Column | str] | None, default: Sequence[str]) -> list[Column]:
    """Columns, given themselves or by their names."""
    made = [COLUMNS.get(each) if isinstance(each, str) else each for each in columns or default]
    if None in made:
        raise ValueError(f"unknown column among {columns!r}; accepted are {', '.join(COLUMNS)}, and Column(...)")
    return [each for each in made if each is not None]


def restored(columns: Sequence[Column]) -> list[Column]:
    """Those of columns that a model makes."""
    return [column for column in columns if column.model not in SOURCES]
