"""Regions of interest: the regions in which columns differ most, outlined, cropped, and re-rendered at full size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from matplotlib.figure import Figure

from ..checks import is_integer
from ..comparisons.cache import Cache
from ..comparisons.comparison import Comparison
from ..comparisons.recipes import Recipe
from ..photos.photo import Photo
from ..restorers.base import Colours, Progress, Restoration
from ..restorers.resizing import resized_picture
from ..scores.roi_search import Roi, RoiSearch
from .compare import WIDTH
from .layout import GAP, LABEL, Image, Row, grid, with_default_style
from .progressive import PREVIEW, coarse_to_fine, compare_columns, job_of, shrink
from .registry import View, register

OUTLINED = 512  # pixels that an outlined picture is wide at most


@dataclass(frozen=True)
class RoisOptions:
    """Options of the view.

    Parameters
    ----------
    search : RoiSearch
        Sizes and counts of regions and sub-regions.
    rerender : int
        The region to re-render at full size, counted from 1; 0 for none.
    """

    search: RoiSearch
    rerender: int = 0

    @classmethod
    def from_recipe(cls, recipe: Recipe) -> RoisOptions:
        """The options in a recipe; a ValueError if they are invalid."""
        try:
            return cls(RoiSearch(**recipe.options["search"]), int(recipe.options.get("rerender", 0)))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"the recipe is damaged: its search for regions is wrong ({error})") from None


@dataclass(frozen=True)
class RegionsOfInterest:
    """A comparison and its regions of interest."""

    comparison: Comparison
    rois: Sequence[Roi]
    sub_rois: Sequence[Sequence[Roi]] = ()
    """The sub-regions of each region."""
    rerendered: Mapping[str, Restoration | str] = field(default_factory=dict)
    """The chosen region at full size, or an error message, by title."""
    size: tuple[int, int] = (1, 1)
    """The width and height of the pictures in which the regions are measured."""

    def fitted(self, title: str) -> Colours:
        """A column's picture at `size`."""
        return resized_picture(self.comparison[title].image, self.size)


def compute(recipe: Recipe, photos: Sequence[Photo], progress: Progress, cache: Cache) -> Iterator[RegionsOfInterest]:
    """Restore the columns, search for regions, and re-render the chosen one at full size."""
    options = RoisOptions.from_recipe(recipe)
    if len(recipe.columns) < 2:
        raise ValueError("one column alone differs from nothing; regions need two columns or more")
    job = job_of(recipe, photos[0], cache)
    options.search.check(min(job.size))
    data = None
    for comparison in coarse_to_fine(job, recipe.columns, lambda share: progress(share / 2)):
        if data is not None and comparison.pending:
            continue
        size = shrink(job, PREVIEW).size if comparison.pending else job.size
        data = find_regions(comparison, options.search.scaled(min(size), of=min(job.size)), size)
        yield data
    if data is None or not 1 <= options.rerender <= len(data.rois):
        return
    region = data.rois[options.rerender - 1].region(*data.size)
    width, height = region.width * job.size[0], region.height * job.size[1]  # merged regions are not square
    region_job = job_of(recipe, photos[0], cache, region, width / height)
    for detail in coarse_to_fine(region_job, recipe.columns, lambda share: progress(0.5 + share / 2)):
        yield replace(data, rerendered=detail.images)


def find_regions(comparison: Comparison, search: RoiSearch, size: tuple[int, int] | None = None) -> RegionsOfInterest:
    """Search a comparison for regions and sub-regions; its pictures are resized to `size`, by default its own."""
    if len(comparison) < 2:
        errors = "; ".join(comparison.errors.values())
        raise ValueError(errors or "one column alone differs from nothing; regions need two columns or more")
    size = size or comparison.size
    images = [resized_picture(restoration.image, size) for restoration in comparison.values()]
    rois = search.regions(images)
    sub_rois = [search.sub_regions([roi.crop(image) for image in images]) for roi in rois]
    return RegionsOfInterest(comparison, rois, sub_rois, {}, size)


@with_default_style
def draw(data: RegionsOfInterest, recipe: Recipe, figure: Figure | None = None) -> Figure:
    """Draw a row per column: its picture with the regions outlined, their crops, and the re-rendered one."""
    options = RoisOptions.from_recipe(recipe)
    is_chosen = 1 <= options.rerender <= len(data.rois)
    titles = ["Regions", *(f"{n}: {roi.score:.0f}" for n, roi in enumerate(data.rois, start=1))]
    if is_chosen:
        titles.append(f"{options.rerender} re-rendered")
    rows, failed = [], []
    for title in data.comparison.titles:
        if title in data.comparison.errors:
            failed.append(Row([data.comparison.errors[title]], title))
            continue
        image = data.fitted(title)
        images: list[Image] = [image, *(roi.crop(image) for roi in data.rois)]
        if is_chosen:
            images.append(data.rerendered.get(title, images[options.rerender]))
        rows.append(Row(images, title, [data.rois, *data.sub_rois]))
    # As wide as with all regions found, so that the layout stays the same while pictures become final.
    columns = 1 + options.search.count + (options.rerender > 0)
    cell = max(32, min(240, (WIDTH - LABEL) // max(columns, len(titles)) - GAP))
    return grid([*rows, *failed], titles, cell, figure)  # the first row determines the number of columns


def outlines_search(recipe: Recipe) -> RoiSearch:
    """The search of a recipe of outlines; a ValueError if it is invalid."""
    search = recipe.options.get("search", {})
    if not isinstance(search, Mapping):
        raise ValueError(f"the recipe is damaged: its search is {search!r}")
    size, count = search.get("size", 384), search.get("count", 4)
    if not all(is_integer(number) and number >= 1 for number in (size, count)):
        raise ValueError(f"the recipe is damaged: its search is {dict(search)!r}")
    return RoiSearch(int(size), int(count), sub_count=0, merge=bool(search.get("merge", False)))


def compute_outlines(
    recipe: Recipe, photos: Sequence[Photo], progress: Progress, cache: Cache
) -> Iterator[RegionsOfInterest]:
    """Restore the columns and search for regions."""
    yield find_regions(compare_columns(recipe, photos[0], progress, cache), outlines_search(recipe))


@with_default_style
def draw_outlines(data: RegionsOfInterest, recipe: Recipe, figure: Figure | None = None) -> Figure:
    """Draw the pictures side by side, with the regions outlined in each."""
    comparison = data.comparison
    images: list[Image] = [comparison.errors.get(title) or data.fitted(title) for title in comparison.titles]
    row = Row(images, outlines=[data.rois] * len(images))
    return grid([row], comparison.titles, min(OUTLINED, comparison.size[0]), figure)


VIEW = register(View("rois", compute, draw, RoisOptions.from_recipe, lambda data: data.comparison.errors))
register(View("outlines", compute_outlines, draw_outlines, outlines_search, lambda data: data.comparison.errors))
