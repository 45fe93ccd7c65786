"""The regions in which columns differ most: outlined, cropped, and one of them restored anew at full size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from matplotlib.figure import Figure

from ..comparisons.cache import Cache
from ..comparisons.recipes import Recipe
from ..photos.photo import Photo
from ..restorers.base import Colours, Progress
from ..restorers.resizing import resized_picture
from ..scores.roi_search import Roi, RoiSearch
from .compare import WIDTH
from .layout import GAP, LABEL, Row, grid, plain
from .progressive import PREVIEW, Showing, Shown, job_of, sharpen, smaller
from .registry import View, register


@dataclass(frozen=True)
class Options:
    """The view's part of a recipe.

    Parameters
    ----------
    search : RoiSearch
        Sizes and counts of regions and sub-regions.
    anew : int
        The region that is restored at full size, counted from 1; 0 for none.
    """

    search: RoiSearch
    anew: int = 0

    @classmethod
    def of(cls, recipe: Recipe) -> Options:
        """That of a recipe."""
        try:
            return cls(RoiSearch(**recipe.options["search"]), int(recipe.options.get("anew", 0)))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"the recipe is damaged: its search for regions is wrong ({error})") from None


@dataclass(frozen=True)
class Found(Showing):
    """What is shown: the pictures by column, the regions, in each its sub-regions, and one restored anew."""

    shown: Shown
    regions: Sequence[Roi]
    inner: Sequence[Sequence[Roi]]
    anew: Mapping[str, Any] = field(default_factory=dict)
    size: tuple[int, int] = (1, 1)
    """Width and height that the regions are in pixels of."""

    def fitted(self, title: str) -> Colours:
        """A picture at the size that the regions are in pixels of."""
        return resized_picture(self.pictures[title].image, self.size)


def compute(recipe: Recipe, photos: Sequence[Photo], progress: Progress, cache: Cache) -> Iterator[Found]:
    """Restore the columns, search for regions, and restore the chosen one on its own."""
    options = Options.of(recipe)
    if len(recipe.columns) < 2:
        raise ValueError("one column alone differs from nothing; regions need two columns or more")
    job = job_of(recipe, photos[0], cache)
    options.search.check(min(job.size))
    found = None
    for shown in sharpen(job, recipe.columns, lambda share: progress(share / 2)):
        complete = len(shown.sharp) == len(recipe.columns)
        if found is not None and not complete:
            continue  # some are still coarse
        size = job.size if complete else smaller(job, PREVIEW).size
        found = _search(shown, options.search.scaled(min(size), of=min(job.size)), size)
        yield found
    if found is None or not 1 <= options.anew <= len(found.regions):
        return
    part = found.regions[options.anew - 1].region(*found.size)
    wide, high = part.width * job.size[0], part.height * job.size[1]  # of two that have become one, no square
    local = job_of(recipe, photos[0], cache, part, wide / high)
    for anew in sharpen(local, recipe.columns, lambda share: progress(0.5 + share / 2)):
        yield replace(found, anew=anew.images([column.title for column in recipe.columns]))


def _search(shown: Shown, search: RoiSearch, size: tuple[int, int]) -> Found:
    images = [resized_picture(made.image, size) for title, made in shown.pictures.items() if title not in shown.errors]
    if len(images) < 2:
        raise ValueError(f"fewer than two columns have pictures: {'; '.join(shown.errors.values())}")
    regions = search.regions(images)
    inner = [search.sub_regions([roi.crop(image) for image in images]) for roi in regions]
    return Found(shown, regions, inner, {}, size)


@plain
def draw(data: Found, recipe: Recipe, figure: Figure | None = None) -> Figure:
    """One row a column: its picture with the regions outlined, their crops, and the one restored anew."""
    options = Options.of(recipe)
    choice, chosen = options.anew, 1 <= options.anew <= len(data.regions)
    titles = ["Regions", *(f"{n}: {roi.score:.0f}" for n, roi in enumerate(data.regions, start=1))]
    if chosen:
        titles.append(f"{choice} anew")
    rows = []
    for column in recipe.columns:
        title = column.title
        if title in data.shown.errors:
            rows.append(Row([data.shown.errors[title]], title))
            continue
        image = data.fitted(title)
        crops = [roi.crop(image) for roi in data.regions]
        last = [data.anew.get(title, crops[choice - 1])] if chosen else []
        rows.append(Row([image, *crops, *last], title, [data.regions, *data.inner]))
    rows.sort(
        key=lambda row: len(row.images) == 1
    )  # those without pictures last: the first row tells how many there are
    # As wide as if all were found: the layout stays as they sharpen.
    most = 1 + options.search.count + (choice > 0)
    cell = max(32, min(240, (WIDTH - LABEL) // max(most, len(titles)) - GAP))
    return grid(rows, titles, cell, figure)


VIEW = register(View("rois", compute, draw, Options.of, lambda data: data.errors))
