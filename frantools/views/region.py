"""A region of the picture, restored at full size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from matplotlib.figure import Figure

from ..comparisons.cache import Cache
from ..comparisons.comparison import Comparison
from ..comparisons.recipes import Recipe
from ..photos.photo import Photo
from ..photos.regions import Region
from ..restorers.base import Progress, Restoration
from ..scores.roi_search import Roi
from .compare import WIDTH
from .layout import GAP, Row, grid, with_default_style
from .progressive import PREVIEW, coarse_to_fine, job_of, shrink
from .registry import View, register

OVERVIEW = 256  # pixels of the longer side of the whole picture


@dataclass(frozen=True)
class RegionAndWhole:
    """The region by all columns, and the whole picture: coarse by all columns, and at last fine by the first one."""

    region: Comparison
    whole: Comparison


def region_of(recipe: Recipe) -> Region:
    """The region of a recipe; a ValueError if it has none."""
    if recipe.region is None:
        raise ValueError("the recipe is damaged: it has no region")
    return recipe.region


def compute(recipe: Recipe, photos: Sequence[Photo], progress: Progress, cache: Cache) -> Iterator[RegionAndWhole]:
    """Restore the region, and the whole picture by the first column."""
    region, first = region_of(recipe), recipe.columns[:1]
    whole_job = job_of(recipe.replace(size=OVERVIEW), photos[0], cache)
    width, height = region.width * whole_job.size[0], region.height * whole_job.size[1]
    is_square = whole_job.photo.frame == "square"  # as in the note, whatever the region's aspect
    job = job_of(recipe, photos[0], cache, region, 1.0 if is_square else width / height)
    whole: Comparison | None = None
    for detail in coarse_to_fine(job, recipe.columns, lambda share: progress(0.9 * share)):
        if whole is None:  # after the region, for which the user waits
            coarse_job = shrink(whole_job, PREVIEW)
            whole = next(iter(coarse_to_fine(coarse_job, recipe.columns, lambda _: progress(0.0))))
        yield RegionAndWhole(detail, whole)
    assert whole is not None
    *_, fine = coarse_to_fine(whole_job, first, lambda share: progress(0.9 + 0.1 * share))
    restorations = {title: image for title, image in whole.restorations.items() if title not in fine.errors}
    whole = replace(
        whole,
        restorations={**restorations, **fine.restorations},
        errors={title: text for title, text in whole.errors.items() if title not in fine} | dict(fine.errors),
    )
    yield RegionAndWhole(detail, whole)


@with_default_style
def draw(data: RegionAndWhole, recipe: Recipe, figure: Figure | None = None) -> Figure:
    """Draw the whole picture with the region outlined, then the region by each column."""
    whole = data.whole.images[recipe.columns[0].title]
    frame = [] if isinstance(whole, str) else [roi_of(region_of(recipe), whole)]
    titles = ["Whole picture", *data.region.titles]
    cell = max(48, min(320, WIDTH // len(titles) - GAP))
    return grid([Row([whole, *data.region.images.values()], outlines=[frame])], titles, cell, figure)


def roi_of(region: Region, whole: Restoration) -> Roi:
    """A region in pixels of the whole picture."""
    height, width = whole.image.shape[:2]
    return Roi(
        round(height * region.y),
        round(width * region.x),
        round(height * (region.y + region.height)),
        round(width * (region.x + region.width)),
    )


VIEW = register(View("region", compute, draw, region_of, lambda data: data.region.errors))
