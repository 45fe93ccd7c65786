"""The variability of a column: the mean and the standard deviation over seeds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ..checks import integer
from ..comparisons.cache import Cache
from ..comparisons.recipes import Recipe
from ..comparisons.render_job import split_progress
from ..photos.photo import Photo
from ..restorers.base import Progress
from .compare import WIDTH
from .layout import GAP, TITLE, Canvas, show, with_default_style
from .progressive import PREVIEW, job_of, shrink
from .registry import View, register

SIDE = 280  # pixels that a picture is wide


@dataclass(frozen=True)
class Spread:
    """The mean and the spread of restorations with several seeds."""

    sample: NDArray[np.float32]
    """(H, W, 3): the first of them."""
    mean: NDArray[np.float32]
    """(H, W, 3)."""
    squares: NDArray[np.float32]
    """(H, W, 3): the sum over seeds of the squared distance from the mean."""
    count: int
    """The number of seeds."""

    @cached_property
    def deviation(self) -> NDArray[np.float32]:
        """(H, W): the standard deviation over seeds, as a mean over channels."""
        deviation: NDArray[np.float32] = np.sqrt(self.squares / np.float32(self.count)).mean(axis=-1)
        return deviation


def spreads(pictures: Iterable[NDArray[np.float32]]) -> Iterator[Spread]:
    """The spread of the first picture (H, W, 3), of the first two, and so on, without storing them.

    References
    ----------
    B. P. Welford, "Note on a method for calculating corrected sums of squares and products", Technometrics 4, 1962.
    """
    for count, picture in enumerate(pictures, start=1):
        if count == 1:
            sample, mean, squares = picture, picture, np.zeros_like(picture)
        else:
            before = picture - mean
            mean = mean + before / np.float32(count)
            squares = squares + before * (picture - mean)
        yield Spread(sample, mean, squares, count)


def count_of(recipe: Recipe) -> int:
    """The number of seeds of a recipe."""
    return integer("count", recipe.options.get("count", 8), 2)


def first_seed(recipe: Recipe) -> int:
    """The seed of a recipe's first column, or of the recipe if the column has none."""
    seed = recipe.columns[0].seed if recipe.columns else None
    return (recipe.seed or 0) if seed is None else seed


def seeds_of(recipe: Recipe) -> list[int]:
    """The seeds of a recipe: that of its first column, then those from the option `first` on."""
    base, count = first_seed(recipe), count_of(recipe)
    first = integer("first", recipe.options.get("first", base), None)
    return [base, *(seed for seed in range(first, first + count) if seed != base)][:count]


def compute(recipe: Recipe, photos: Sequence[Photo], progress: Progress, cache: Cache) -> Iterator[Spread]:
    """Restore with each seed: the first two coarse, all coarse, then one after the other at the recipe's size."""
    column, seeds = recipe.columns[0].replace(seed=None), seeds_of(recipe)
    count = len(seeds)
    job = job_of(recipe, photos[0], cache)
    if not job.require(column).random:
        raise ValueError(
            f"{column.title} does not depend on the seed; choose a diffusion model, or a function with a seed"
        )
    coarse = shrink(job, PREVIEW)
    previews = (replace(coarse, seed=seed).restore(column, lambda _: progress(0.0)).image for seed in seeds)
    for data in spreads(previews):
        if data.count in (2, count):
            yield data
    reports = zip(seeds, split_progress(progress, [1] * count), strict=True)
    for data in spreads(replace(job, seed=seed).restore(column, report).image for seed, report in reports):
        if data.count > 1:
            yield data


@with_default_style
def draw(data: Spread, recipe: Recipe, figure: Figure | None = None) -> Figure:
    """Draw one restoration, the mean of all, and the map of their standard deviation."""
    height = round(SIDE * data.sample.shape[0] / data.sample.shape[1])
    canvas = Canvas(WIDTH, height + TITLE + GAP, figure)
    titles = (f"Seed {first_seed(recipe)}", f"Mean of {data.count} seeds", "Standard deviation")
    for index, (title, picture) in enumerate(zip(titles, (data.sample, data.mean, data.deviation), strict=True)):
        axes = canvas.axes(GAP + index * (SIDE + GAP), TITLE, SIDE, height)
        show(axes, picture)
        axes.set_title(title, fontsize=14, pad=8)
    image = axes.images[0]
    image.set(cmap="magma", clim=(0, max(float(data.deviation.max()), 1e-6)))
    canvas.figure.colorbar(image, cax=canvas.axes(GAP + 3 * (SIDE + GAP), TITLE, 14, height))
    return canvas.figure


VIEW = register(View("variability", compute, draw, seeds_of))
