"""How much a setup leaves to chance: the mean and the standard deviation over seeds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import ipywidgets as widgets
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ..comparisons import Cache, Column, model
from ..comparisons import compare as restorations
from ..frannet.restoration import Progress
from ..images import Picture
from ..recipes import Recipe
from ..views import figures
from .compare import PREVIEW, chosen, first_seed
from .controls import control, reach
from .explorer import WIDTH, Explorer

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


def compute(recipe: Recipe, image: Picture, progress: Progress, cache: Cache) -> Iterator[Spread]:
    """Restore with one seed after the other: the first two coarse, all coarse, then at the recipe's size."""
    column = Column.from_dict(recipe["columns"][0])
    if not model(column.model).is_diffusion:
        raise ValueError(f"the single-pass model {column.model} leaves nothing to chance; choose a diffusion model")
    first, count = first_seed(recipe), recipe["count"]
    column = Column(column.title, column.model, column.setup)

    def one(index: int, size: int, report: Progress) -> NDArray[np.float32]:
        (made,) = restorations(image, [column], size, seed=first + index, progress=report, cache=cache).values()
        return made.image

    def share(index: int) -> Progress:
        return lambda done: progress((index + done) / count)

    coarse = min(PREVIEW, recipe["size"])
    for data in spreads(one(index, coarse, lambda _: progress(0.0)) for index in range(count)):
        if data.count in (2, count):
            yield data
    for data in spreads(one(index, recipe["size"], share(index)) for index in range(count)):
        if data.count > 1:
            yield data


def draw(data: Spread, recipe: Recipe, figure: Figure | None = None) -> Figure:
    """One restoration, the mean of all, and the map of their standard deviation."""
    width, height = WIDTH, SIDE + figures.TITLE + figures.GAP
    figure = figures.blank(width, height, figure)
    titles = (f"Seed {first_seed(recipe)}", f"Mean of {data.count} seeds", "Standard deviation")
    for index, (title, picture) in enumerate(zip(titles, (data.sample, data.mean, data.deviation), strict=True)):
        left = figures.GAP + index * (SIDE + figures.GAP)
        axes = figure.add_axes((left / width, figures.GAP / height, SIDE / width, SIDE / height))
        figures.show(axes, picture)
        axes.set_title(title, fontsize=14, pad=8)
    image = axes.images[0]
    image.set(cmap="magma", clim=(0, max(float(data.deviation.max()), 1e-6)))
    left += SIDE + figures.GAP
    figure.colorbar(image, cax=figure.add_axes((left / width, figures.GAP / height, 14 / width, SIDE / height)))
    return figure


class Variability(Explorer):
    """Seeds and their spread; see `frantools.widgets.variability`."""

    kind = "variability"
    compute = staticmethod(compute)
    draw = staticmethod(draw)

    def __init__(self, image: Any, columns: Sequence[Column], size: int, seed: int, count: int) -> None:
        seeds = control(
            widgets.IntSlider, "Seeds", "How many restorations, with seeds one after the other", min=2, max=32,
            continuous_update=False,
        )  # fmt: skip
        reach(seeds, "count", count)
        super().__init__(image, columns, size, seed, {"count": seeds}, several=False)


def variability(
    image: Any = None, column: Column | str = "B", size: int = 256, seed: int = 0, count: int = 8
) -> Variability:
    """See where a setup is unsure: the mean of several seeds and their standard deviation at each pixel.

    Parameters
    ----------
    image, size
        As for `frantools.widgets.compare`.
    column : Column or str
        A diffusion model and its setup. Default: the note's B.
    seed : int
        The first of the seeds.
    count : int
        How many, 2 or more.
    """
    return Variability(image, chosen([column], ()), size, seed, count)
