"""Columns side by side, or the difference of two."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from textwrap import wrap
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..comparisons.cache import Cache
from ..comparisons.comparison import FIGURES, Comparison
from ..comparisons.recipes import Recipe
from ..photos.photo import Photo
from ..restorers.base import Progress, Restoration
from ..restorers.custom import run_with_timeout
from ..restorers.resizing import resized_picture
from ..scores.measures import measures
from ..settings import setting, validate
from .layout import GAP, VERBATIM, Row, blank, grid, pixels, plain, show
from .progressive import Part, Showing, Shown, job_of, part_of, sharpen
from .registry import View, register

WIDTH = 960  # pixels of a figure
CELL = 320  # pixels that a column is wide at most
LARGE = 480  # pixels that a single picture is shown at
REMARK = 34  # characters of a line of a remark under a picture
VIEWS = ("side by side", "difference")
KEPT = 10_000  # restorations whose numbers are kept
WORTH = 0.03  # seconds that what is next takes, if what there is is drawn before
NUMBERS = ("mse", "psnr", "ssim")

_measured: dict[str, dict[str, float]] = {}  # a few numbers for each restoration: few enough to keep all


@dataclass(frozen=True)
class Look(Part):
    """How columns are looked at: the view's part of a recipe.

    Parameters
    ----------
    view : {"side by side", "difference"}
        All columns, or the difference of two of them.
    left, right : int
        Which two, counted from 0.
    """

    view: str = setting(VIEWS[0], "Saved as", "All columns, or the difference of two of them", choices=VIEWS)
    left: int = setting(
        0, "First", "The first of the two columns", range=(0, None), applies=lambda look: look.view == "difference"
    )
    right: int = setting(
        1, "Second", "The second of the two columns", range=(0, None), applies=lambda look: look.view == "difference"
    )

    def __post_init__(self) -> None:
        validate(self)


@dataclass(frozen=True)
class Compared(Showing):
    """What is shown: the pictures by column, and the numbers of those that are complete."""

    shown: Shown
    numbers: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    urgent: bool = False
    """Whether what is next takes its time, as measuring does at 2048 pixels: it is drawn before."""
    referenced: bool = True
    """Whether there is anything to measure against."""


def compute(
    recipe: Recipe, photos: Sequence[Photo], progress: Progress, cache: Cache, first: Sequence[str] = ()
) -> Iterator[Compared]:
    """Restore the columns, those with the titles `first` before; measure each once it is complete."""
    job = job_of(recipe, photos[0], cache, part_of(recipe))
    target = job.photo.reference(job.size, job.region)
    numbers: dict[str, Mapping[str, float]] = {}
    for shown in sharpen(job, recipe.columns, progress, early=True, first=first):
        fresh = {} if target is None else {
            column.title: job.key(column)
            for column in recipe.columns
            if column.title in shown.sharp and column.title not in {*numbers, *shown.errors}
        }  # fmt: skip
        urgent = shown.left > WORTH or any(key not in _measured for key in fresh.values())
        yield Compared(shown, dict(numbers), urgent, target is not None)
        for title, key in fresh.items():
            picture = shown.pictures[title].image
            # It takes seconds at 2048 pixels, and whoever wants no more does not wait for it.
            numbers[title] = run_with_timeout(partial(_numbers, key, picture, target), "", lambda: progress(0.0))
        if fresh:  # the next column may take its time
            yield Compared(shown, dict(numbers), referenced=True)
    yield Compared(shown, numbers, referenced=target is not None)


def _numbers(key: str, picture: Any, target: Any) -> Mapping[str, float]:
    if key not in _measured:
        if len(_measured) >= KEPT:
            _measured.clear()
        fitted = resized_picture(picture, target.shape[1::-1])
        _measured[key] = {name: measures[name](fitted, target) for name in NUMBERS}
    return _measured[key]


def caption(restoration: Restoration, numbers: Mapping[str, float] | None, sharp: bool, referenced: bool) -> str:
    """What stands under a column: its numbers, what it took, and the remarks of its restorer."""
    if not sharp:
        return f"coarse: {max(restoration.image.shape[:2])} px\n   \n   "
    measured = "not yet measured\n   " if referenced else "\n"
    if numbers is not None:
        measured = f"loss {numbers['mse']:.4f}\nPSNR {numbers['psnr']:.1f} dB   SSIM {numbers['ssim']:.3f}"
    calls = "1 call" if restoration.calls == 1 else f"{restoration.calls} calls" if restoration.calls else ""
    seconds = f"{restoration.seconds:.1f} s" if restoration.seconds >= 0.05 else "under 0.1 s"
    took = f"{calls}   {seconds}" if calls else seconds
    return "\n".join([measured, took, *(line for remark in restoration.remarks for line in wrap(remark, REMARK))])


@plain
def draw(data: Compared, recipe: Recipe, figure: Figure | None = None) -> Figure:
    """The figure: columns side by side, or the difference of the two chosen ones."""
    look, titles = Look.of(recipe), [column.title for column in recipe.columns]
    images = data.shown.images(titles)
    if look.view == "side by side":
        captions = [
            ""
            if title in data.shown.errors
            else caption(data.pictures[title], data.numbers.get(title), title in data.shown.sharp, data.referenced)
            for title in titles
        ]
        return side_by_side(images, captions, figure)
    a, b = (titles[min(index, len(titles) - 1)] for index in (look.left, look.right))
    left, right = images[a], images[b]
    wide, tall = LARGE + 240, LARGE + 60
    figure = blank(wide, tall, figure)
    axes = figure.add_axes((120 / wide, 16 / tall, LARGE / wide, LARGE / tall))
    axes.set_title(f"|{a} - {b}|", fontsize=14, pad=8, **VERBATIM)
    if isinstance(left, str) or isinstance(right, str):
        show(axes, left if isinstance(left, str) else right)
    elif not {a, b} <= data.shown.sharp:
        show(axes, "the two columns are not complete yet; their difference follows")
    else:
        _difference(axes, pixels(left), pixels(right))
    return figure


def side_by_side(images: Mapping[str, Any], captions: Sequence[str], figure: Figure | None = None) -> Figure:
    """One row of pictures with lines below them; pan and zoom move all of one size together."""
    cell = max(48, min(CELL, WIDTH // len(images) - GAP))
    figure = grid([Row(list(images.values()), captions=captions)], list(images), cell, figure)
    if len({pixels(image).shape for image in images.values() if not isinstance(image, str)}) == 1:
        first, *others = [axes for axes, image in zip(figure.axes, images.values(), strict=True) if axes.images]
        for axes in others:
            axes.sharex(first)
            axes.sharey(first)
    return figure


def _difference(axes: Axes, left: Any, right: Any) -> None:
    """The mean over channels of the absolute difference, and its scale."""
    right = resized_picture(np.asarray(right, np.float32), (left.shape[1], left.shape[0]))
    difference = np.abs(left.astype(float) - right).mean(axis=-1)
    image = axes.imshow(difference, cmap="magma", vmin=0, vmax=max(float(difference.max()), 1e-6))
    axes.set_xticks([])
    axes.set_yticks([])
    scale = axes.figure.colorbar(image, cax=axes.inset_axes((1.03, 0.0, 0.04, 1.0)))
    scale.set_label("mean absolute difference of R, G and B")


@plain
def draw_comparison(comparison: Comparison) -> Figure:
    """The figure of a comparison; see `Comparison.figure`."""
    shown = Shown(comparison.restorations, comparison.errors, frozenset(comparison.titles))
    data = Compared(shown, comparison.numbers(NUMBERS), referenced=comparison.reference is not None)
    return draw(data, Recipe(columns=comparison.columns))


FIGURES["comparison"] = draw_comparison
VIEW = register(View("compare", compute, draw, Look.of, lambda data: data.errors))
