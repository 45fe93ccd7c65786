"""How much a column leaves to chance: the mean and the standard deviation over seeds."""

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
from .layout import GAP, TITLE, blank, plain, show
from .progressive import PREVIEW, job_of, smaller
from .registry import View, register

SIDE = 280  # pixels that a picture is shown at


@dataclass(frozen=True)
class Spread:
    """What the restorations of several seeds have in common and where they differ."""

    sample: NDArray[np.float32]
    """(H, W, 3): the first of them."""
    mean: NDArray[np.float32]
    """(H, W, 3)."""
    squares: NDArray[np.float32]
    """(H, W, 3): the sum over seeds of the squared distance from the mean."""
    count: int
    """How many seeds."""

    @cached_property
    def deviation(self) -> NDArray[np.float32]:
        """(H, W): the standard deviation over seeds, as a mean over channels."""
        deviation: NDArray[np.float32] = np.sqrt(self.squares / np.float32(self.count)).mean(axis=-1)
        return deviation


def spreads(pictures: Iterable[NDArray[np.float32]]) -> Iterator[Spread]:
    """The mean and the spread of the first picture (H, W, 3), of the first two, and so on; none of them is kept.

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
    """How many seeds a recipe asks for."""
    return integer("count", recipe.options.get("count", 8), 2)


def first_seed(recipe: Recipe) -> int:
    """The seed of a recipe's first column: its own, or that of all."""
    own = recipe.columns[0].seed if recipe.columns else None
    return (recipe.seed or 0) if own is None else own


def seeds_of(recipe: Recipe) -> list[int]:
    """The seeds of a recipe: that of its first column, which is kept, and others from the option `first` on."""
    kept, count = first_seed(recipe), count_of(recipe)
    first = integer("first", recipe.options.get("first", kept), None)
    return [kept, *(seed for seed in range(first, first + count) if seed != kept)][:count]


def check(recipe: Recipe) -> None:
    """Raise a ValueError where a recipe asks for seeds that there are not."""
    seeds_of(recipe)


def compute(recipe: Recipe, photos: Sequence[Photo], progress: Progress, cache: Cache) -> Iterator[Spread]:
    """Restore with the kept seed, then the others: the first two coarse, all coarse, then at the recipe's size."""
    column, seeds = recipe.columns[0].replace(seed=None), seeds_of(recipe)
    count = len(seeds)
    job = job_of(recipe, photos[0], cache)
    if not job.require(column).random:
        raise ValueError(
            f"{column.title} leaves nothing to chance; choose a diffusion model, or a function with a seed"
        )
    coarse = smaller(job, PREVIEW)
    small = (replace(coarse, seed=seed).restore(column, lambda _: progress(0.0)).image for seed in seeds)
    for data in spreads(small):
        if data.count in (2, count):
            yield data
    told = zip(seeds, split_progress(progress, [1] * count), strict=True)
    for data in spreads(replace(job, seed=seed).restore(column, report).image for seed, report in told):
        if data.count > 1:
            yield data


@plain
def draw(data: Spread, recipe: Recipe, figure: Figure | None = None) -> Figure:
    """One restoration, the mean of all, and the map of their standard deviation."""
    high = round(SIDE * data.sample.shape[0] / data.sample.shape[1])
    width, height = WIDTH, high + TITLE + GAP
    figure = blank(width, height, figure)
    titles = (f"Seed {first_seed(recipe)}", f"Mean of {data.count} seeds", "Standard deviation")
    for index, (title, picture) in enumerate(zip(titles, (data.sample, data.mean, data.deviation), strict=True)):
        left = GAP + index * (SIDE + GAP)
        axes = figure.add_axes((left / width, GAP / height, SIDE / width, high / height))
        show(axes, picture)
        axes.set_title(title, fontsize=14, pad=8)
    image = axes.images[0]
    image.set(cmap="magma", clim=(0, max(float(data.deviation.max()), 1e-6)))
    left += SIDE + GAP
    figure.colorbar(image, cax=figure.add_axes((left / width, GAP / height, 14 / width, high / height)))
    return figure


VIEW = register(View("variability", compute, draw, check))
