"""A rectangle of the picture restored on its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from matplotlib.figure import Figure

from ..comparisons.cache import Cache
from ..comparisons.recipes import Recipe
from ..photos.photo import Photo
from ..photos.regions import Region
from ..restorers.base import Progress, Restoration
from ..scores.roi_search import Roi
from .compare import WIDTH
from .layout import GAP, Row, grid, plain
from .progressive import PREVIEW, Showing, Shown, job_of, sharpen, smaller
from .registry import View, register

OVERVIEW = 256  # pixels of the longer side of the whole picture


@dataclass(frozen=True)
class Local(Showing):
    """What is shown: the whole picture by the first column, and the region by all."""

    whole: Restoration | str
    shown: Shown
    around: Mapping[str, Any] = field(default_factory=dict)
    """The whole picture by all columns, coarse; or sentences."""


def region_of(recipe: Recipe) -> Region:
    """The region of a recipe, which it must have."""
    if recipe.region is None:
        raise ValueError("the recipe is damaged: it has no region")
    return recipe.region


def compute(recipe: Recipe, photos: Sequence[Photo], progress: Progress, cache: Cache) -> Iterator[Local]:
    """Restore the region, beside the whole picture by the first column."""
    region, first = region_of(recipe), recipe.columns[:1]
    title = first[0].title
    around = job_of(recipe.replace(size=OVERVIEW), photos[0], cache)
    wide, high = region.width * around.size[0], region.height * around.size[1]
    square = around.photo.frame == "square"  # as in the note, whatever the region's aspect
    job = job_of(recipe, photos[0], cache, region, 1.0 if square else wide / high)
    whole: Restoration | str | None = None
    for shown in sharpen(job, recipe.columns, lambda share: progress(0.9 * share)):
        if whole is None:  # the region first: it is what one waits for
            titles = [column.title for column in recipe.columns]
            coarse = smaller(around, PREVIEW)
            wholes = next(iter(sharpen(coarse, recipe.columns, lambda _: progress(0.0)))).images(titles)
            whole = wholes[title]
        yield Local(whole, shown, wholes)
    for fine in sharpen(around, first, lambda share: progress(0.9 + 0.1 * share)):
        whole = fine.images([title])[title]
    assert whole is not None
    yield Local(whole, shown, wholes)


@plain
def draw(data: Local, recipe: Recipe, figure: Figure | None = None) -> Figure:
    """The whole picture with the region outlined, then the region by each column."""
    frame = [] if isinstance(data.whole, str) else [outlined(region_of(recipe), data.whole)]
    titles = [column.title for column in recipe.columns]
    above = ["Whole picture", *titles]
    cell = max(48, min(320, WIDTH // len(above) - GAP))
    images = [data.whole, *data.shown.images(titles).values()]
    return grid([Row(images, outlines=[frame])], above, cell, figure)


def outlined(region: Region, whole: Restoration) -> Roi:
    """A region in pixels of a picture of the whole."""
    height, width = whole.image.shape[:2]
    return Roi(
        round(height * region.y),
        round(width * region.x),
        round(height * (region.y + region.height)),
        round(width * (region.x + region.width)),
    )


VIEW = register(View("region", compute, draw, region_of, lambda data: data.errors))
