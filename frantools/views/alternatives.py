"""What other seeds make of a photo, one picture each: alternatives to look at and to choose among."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
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
from .layout import CELL, Row, grid, plain
from .progressive import compared, longer_side
from .registry import View, register
from .variability import count_of

LEAST = 144  # pixels that a picture is shown at, and its title needs
ACROSS = 4  # pictures of a single column that stand side by side
NUMBERS = ("mse", "ssim")
LENGTHS = (0.0, 2 / 178, 6 / 178, 16 / 178, inf)
"""From grain to one draw for all points: 2, 6 and 16 pixels of pictures of 178."""


@dataclass(frozen=True)
class Alternatives:
    """What columns made of a photo with each seed, and how close it is to the photo."""

    made: Mapping[int, Comparison]
    """By seed."""
    numbers: Mapping[int, Mapping[str, Mapping[str, float]]]
    """By seed and title; none of a photo without a reference."""


def lengths(what: Any = DEFAULT_MODEL, setup: str | Setup = "DDPM", of: Sequence[float] = LENGTHS) -> list[Column]:
    """Columns that differ in the length of their noise alone.

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
    said = {0.0: "white noise", inf: "one draw for all"}
    titles = [said.get(length, f"length {length:.3f}") for length in of]
    setups = [replace(base, noise_length=length) for length in of]  # type: ignore[type-var]
    return [Column(title, what, setup) for title, setup in zip(titles, setups, strict=True)]


def recipe(photo: Any, columns: Any = None, size: int = 178, seed: int = 0, count: int = 3) -> Recipe:
    """What makes a figure of alternatives.

    Parameters
    ----------
    photo : Photo, path or ndarray
        What is restored.
    columns : object or list, optional
        By what. Default: DDPM with noise of several lengths, `lengths`.
    size : int
        Pixels of the longer side.
    seed : int
        The first of the seeds.
    count : int
        How many, 2 or more.
    """
    listed = columns if isinstance(columns, list) else [columns]
    chosen = lengths() if columns is None else as_columns(listed)
    return recipe_of("alternatives", as_photo(photo), chosen, size, None, seed, None, count=count)


def compute(recipe: Recipe, photos: Sequence[Photo], progress: Progress, cache: Cache) -> Iterator[Alternatives]:
    """Restore with one seed after the other, and measure; each is shown once it is complete."""
    made: dict[int, Comparison] = {}
    numbers: dict[int, Mapping[str, Mapping[str, float]]] = {}
    first, count = recipe.seed or 0, count_of(recipe)
    unseeded = recipe.replace(columns=tuple(column.replace(seed=None) for column in recipe.columns))
    for seed, report in enumerate(split_progress(progress, [1] * count), start=first):
        made[seed] = compared(unseeded.replace(seed=seed), photos[0], report, cache)
        numbers[seed] = made[seed].numbers(NUMBERS)
        yield Alternatives(dict(made), dict(numbers))


@plain
def draw(data: Alternatives, recipe: Recipe, figure: Figure | None = None) -> Figure:
    """A row for each seed, a column for each column; of a single one, the seeds side by side. Numbers stand below."""
    cell = min(CELL, max(LEAST, longer_side(recipe)))
    titles = [column.title for column in recipe.columns]
    images = {seed: [made.errors.get(title) or made[title] for title in titles] for seed, made in data.made.items()}
    below = {seed: [_caption(data.numbers[seed].get(title)) for title in titles] for seed in images}
    if len(titles) > 1:
        rows = [Row(images[seed], f"seed {seed}", captions=below[seed]) for seed in images]
        return grid(rows, titles, cell, figure)
    seeds = list(images)
    rows = [
        Row(
            [images[seed][0] for seed in some],
            captions=[f"seed {seed}   {below[seed][0]}".rstrip() for seed in some],
        )
        for some in (seeds[at : at + ACROSS] for at in range(0, len(seeds), ACROSS))
    ]
    return grid(rows, cell=cell, figure=figure)


def _caption(numbers: Mapping[str, float] | None) -> str:
    return f"loss {numbers['mse']:.4f}   SSIM {numbers['ssim']:.3f}" if numbers else ""


def errors_of(data: Alternatives) -> dict[str, str]:
    """The errors of columns that failed, by title and seed."""
    return {f"{title}, seed {seed}": error for seed, made in data.made.items() for title, error in made.errors.items()}


VIEW = register(View("alternatives", compute, draw, count_of, errors_of))
