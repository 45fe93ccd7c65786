"""Alternatives: the restorations of a photo with several seeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import inf
from typing import Any

from matplotlib.figure import Figure

from ..comparisons.cache import Cache
from ..comparisons.comparison import Comparison
from ..comparisons.recipes import Recipe
from ..comparisons.render_job import recipe_of, split_progress
from ..frannet.sampling.named_setups import named_setup
from ..frannet.sampling.setup import Setup
from ..photos.photo import Photo, as_photo
from ..restorers.base import Progress
from ..restorers.columns import Column, as_columns
from ..restorers.frannet import DEFAULT_MODEL
from ..scores.measures import measures
from .layout import CELL, Row, grid, with_default_style
from .progressive import compare_columns, longer_side
from .registry import View, register
from .variability import count_of

MINIMUM = 144  # pixels that a picture is wide at least, so that its title fits
ACROSS = 4  # pictures of a single column in a row
NUMBERS = ("mse", "ssim")
LENGTHS = (0.0, 2 / 178, 6 / 178, 16 / 178, inf)
"""From white noise to one draw for all points; 2, 6 and 16 pixels of pictures of 178."""

Alternatives = Mapping[int, Comparison]
"""A comparison for each seed, with its numbers."""


def lengths(what: Any = DEFAULT_MODEL, setup: str | Setup = "DDPM", of: Sequence[float] = LENGTHS) -> list[Column]:
    """Columns that differ only in the length of their noise.

    Parameters
    ----------
    what : object
        A diffusion model.
    setup : str or Setup
        The sampler's other settings.
    of : sequence of float
        The lengths, in fractions of the picture.
    """
    base = named_setup(setup) if isinstance(setup, str) else setup
    names = {0.0: "white noise", inf: "one draw for all"}
    titles = [names.get(length, f"length {length:.3f}") for length in of]
    setups = [replace(base, noise_length=length) for length in of]  # type: ignore[type-var]
    return [Column(title, what, setup) for title, setup in zip(titles, setups, strict=True)]


def recipe(photo: Any, columns: Any = None, size: int = 178, seed: int = 0, count: int = 3) -> Recipe:
    """The recipe of a figure of alternatives.

    Parameters
    ----------
    photo : Photo, path or ndarray
        The photo to restore.
    columns : object or list, optional
        The restorers. Default: DDPM with noise of several lengths, `lengths`.
    size : int
        Pixels of the longer side.
    seed : int
        The first of the seeds.
    count : int
        The number of seeds, 2 or more.
    """
    listed = columns if isinstance(columns, list) else [columns]
    chosen = lengths() if columns is None else as_columns(listed)
    return recipe_of("alternatives", as_photo(photo), chosen, size, None, seed, None, count=count)


def compute(recipe: Recipe, photos: Sequence[Photo], progress: Progress, cache: Cache) -> Iterator[Alternatives]:
    """Restore with one seed after the other, and measure."""
    alternatives: dict[int, Comparison] = {}
    first, count = recipe.seed or 0, count_of(recipe)
    unseeded = recipe.replace(columns=tuple(column.replace(seed=None) for column in recipe.columns))
    for seed, report in enumerate(split_progress(progress, [1] * count), start=first):
        comparison = compare_columns(unseeded.replace(seed=seed), photos[0], report, cache)
        alternatives[seed] = replace(comparison, measured=comparison.numbers(NUMBERS))
        yield dict(alternatives)


@with_default_style
def draw(data: Alternatives, recipe: Recipe, figure: Figure | None = None) -> Figure:
    """Draw a row per seed, or the seeds of a single column side by side, with numbers below."""
    cell = min(CELL, max(MINIMUM, longer_side(recipe)))
    titles = [column.title for column in recipe.columns]
    if len(titles) > 1:
        rows = [
            Row(list(comparison.images.values()), f"seed {seed}", captions=[_caption(comparison, t) for t in titles])
            for seed, comparison in data.items()
        ]
        return grid(rows, titles, cell, figure)
    images = [comparison.images[titles[0]] for comparison in data.values()]
    captions = [f"seed {seed}   {_caption(comparison, titles[0])}".rstrip() for seed, comparison in data.items()]
    starts = range(0, len(data), ACROSS)
    rows = [Row(images[i : i + ACROSS], captions=captions[i : i + ACROSS]) for i in starts]
    return grid(rows, cell=cell, figure=figure)


def _caption(comparison: Comparison, title: str) -> str:
    return "   ".join(measures[name].describe(value) for name, value in comparison.measured.get(title, {}).items())


def errors_of(data: Alternatives) -> dict[str, str]:
    """The errors of columns that failed, by title and seed."""
    return {
        f"{title}, seed {seed}": error
        for seed, comparison in data.items()
        for title, error in comparison.errors.items()
    }


VIEW = register(View("alternatives", compute, draw, count_of, errors_of))
