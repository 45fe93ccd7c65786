"""Columns side by side, or the difference of two."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
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
from .layout import GAP, VERBATIM, Canvas, Row, grid, pixels, show, with_default_style
from .progressive import ViewOptions, coarse_to_fine, job_of, partial_region
from .registry import View, register

WIDTH = 960  # pixels of a figure
CELL = 320  # pixels that a column is wide at most
LARGE = 480  # pixels that a single picture is wide
REMARK = 34  # characters of a line of a remark below a picture
VIEWS = ("side by side", "difference")
CACHED = 10_000  # restorations whose numbers are cached

_cached_numbers: dict[str, dict[str, float]] = {}  # by what was measured


@dataclass(frozen=True)
class CompareOptions(ViewOptions):
    """Options of the view.

    Parameters
    ----------
    view : {"side by side", "difference"}
        All columns, or the difference of two of them.
    left, right : int
        The two columns, counted from 0.
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


def compute(
    recipe: Recipe, photos: Sequence[Photo], progress: Progress, cache: Cache, first: Sequence[str] = ()
) -> Iterator[Comparison]:
    """Restore the columns, those with the titles `first` before the others; measure each once it is final."""
    job = job_of(recipe, photos[0], cache, partial_region(recipe))
    target = job.photo.reference(job.size, job.region)
    measured: dict[str, Mapping[str, float]] = {}
    for comparison in coarse_to_fine(job, recipe.columns, progress, early=True, first=first):
        keys = {} if target is None else {
            column.title: job.key(column)
            for column in recipe.columns
            if comparison.is_final(column.title) and column.title not in {*measured, *comparison.errors}
        }  # fmt: skip
        urgent = comparison.urgent or any(key not in _cached_numbers for key in keys.values())
        yield replace(comparison, measured=dict(measured), urgent=urgent)
        for title, key in keys.items():
            # Measuring takes seconds at 2048 pixels, so run it where it can be cancelled.
            work = partial(_measure, key, comparison[title].image, target)
            measured[title] = run_with_timeout(work, "", lambda: progress(0.0))
        if keys:  # the next column may take long
            yield replace(comparison, measured=dict(measured), urgent=False)
    yield replace(comparison, measured=measured, urgent=False)


def _measure(key: str, picture: Any, target: Any) -> Mapping[str, float]:
    if key not in _cached_numbers:
        if len(_cached_numbers) >= CACHED:
            _cached_numbers.clear()
        fitted = resized_picture(picture, target.shape[1::-1])
        _cached_numbers[key] = {name: measures[name](fitted, target) for name in measures.in_captions}
    return _cached_numbers[key]


def caption(comparison: Comparison, title: str) -> str:
    """The lines below a column: its numbers, its calls and seconds, and the remarks of its restorer."""
    if title in comparison.errors:
        return ""
    restoration = comparison[title]
    if not comparison.is_final(title):
        return f"coarse: {max(restoration.image.shape[:2])} px\n   \n   "
    lines = "not yet measured\n   " if comparison.reference is not None else "\n"
    if (numbers := comparison.measured.get(title)) is not None:
        first, *rest = (measures[name].describe(value) for name, value in numbers.items())
        lines = f"{first}\n{'   '.join(rest)}"
    remarks = [line for remark in restoration.remarks for line in wrap(remark, REMARK)]
    return "\n".join([lines, _effort(restoration), *remarks])


def _effort(restoration: Restoration) -> str:
    """The network calls and seconds of a restoration."""
    calls = "1 call" if restoration.calls == 1 else f"{restoration.calls} calls" if restoration.calls else ""
    seconds = f"{restoration.seconds:.1f} s" if restoration.seconds >= 0.05 else "under 0.1 s"
    return f"{calls}   {seconds}" if calls else seconds


@with_default_style
def draw(data: Comparison, recipe: Recipe, figure: Figure | None = None) -> Figure:
    """Draw the columns side by side, or the difference of the two chosen ones."""
    options, titles = CompareOptions.from_recipe(recipe), data.titles
    if options.view == "side by side":
        return side_by_side(data.images, [caption(data, title) for title in titles], figure)
    a, b = (titles[min(index, len(titles) - 1)] for index in (options.left, options.right))
    canvas = Canvas(LARGE + 240, LARGE + 60, figure)
    axes = canvas.axes(120, 44, LARGE, LARGE)
    axes.set_title(f"|{a} - {b}|", fontsize=14, pad=8, **VERBATIM)
    if error := data.errors.get(a) or data.errors.get(b):
        show(axes, error)
    elif {a, b} & data.pending:
        show(axes, "the two columns are not complete yet; their difference follows")
    else:
        _draw_difference(axes, data[a].image, data[b].image)
    return canvas.figure


def side_by_side(images: Mapping[str, Any], captions: Sequence[str], figure: Figure | None = None) -> Figure:
    """Draw a row of pictures with captions; pan and zoom move all together if they have the same size."""
    cell = max(48, min(CELL, WIDTH // len(images) - GAP))
    figure = grid([Row(list(images.values()), captions=captions)], list(images), cell, figure)
    if len({pixels(image).shape for image in images.values() if not isinstance(image, str)}) == 1:
        first, *rest = [axes for axes, image in zip(figure.axes, images.values(), strict=True) if axes.images]
        for axes in rest:
            axes.sharex(first)
            axes.sharey(first)
    return figure


def _draw_difference(axes: Axes, left: Any, right: Any) -> None:
    """Draw the mean over channels of the absolute difference, and its scale."""
    right = resized_picture(np.asarray(right, np.float32), (left.shape[1], left.shape[0]))
    difference = np.abs(left.astype(float) - right).mean(axis=-1)
    image = axes.imshow(difference, cmap="magma", vmin=0, vmax=max(float(difference.max()), 1e-6))
    axes.set_xticks([])
    axes.set_yticks([])
    scale = axes.figure.colorbar(image, cax=axes.inset_axes((1.03, 0.0, 0.04, 1.0)))
    scale.set_label("mean absolute difference of R, G and B")


def draw_comparison(comparison: Comparison) -> Figure:
    """Draw a comparison; see `Comparison.figure`."""
    measured = comparison.numbers(measures.in_captions)
    return draw(replace(comparison, measured=measured), Recipe(columns=comparison.columns))


FIGURES["comparison"] = draw_comparison
VIEW = register(View("compare", compute, draw, CompareOptions.from_recipe, lambda data: data.errors))
