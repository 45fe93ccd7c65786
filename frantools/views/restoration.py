"""A single restored picture, and pictures of the same thing with their regions outlined."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure

from ..checks import is_integer
from ..comparisons.cache import Cache
from ..comparisons.comparison import Comparison
from ..comparisons.recipes import Recipe
from ..photos.photo import Photo
from ..restorers.base import Progress, Restoration
from ..scores.roi_search import Roi, RoiSearch
from .layout import Row, blank, grid, plain, show
from .progressive import compared, job_of, part_of
from .registry import View, register

CELL = 512  # pixels that an outlined picture is wide at most


def restored(recipe: Recipe, photo: Photo, progress: Progress, cache: Cache | None) -> Restoration:
    """Render the only restoration of a recipe."""
    job = job_of(recipe, photo, cache, part_of(recipe))
    return job.restore(recipe.columns[0], progress)


def compute(recipe: Recipe, photos: Sequence[Photo], progress: Progress, cache: Cache) -> Iterator[Restoration]:
    """Restore the picture."""
    yield restored(recipe, photos[0], progress, cache)


@plain
def draw(data: Restoration, recipe: Recipe, figure: Figure | None = None) -> Figure:
    """The picture alone, pixel by pixel."""
    height, width = data.image.shape[:2]
    figure = blank(width, height, figure)
    show(figure.add_axes((0, 0, 1, 1)), data)
    return figure


@dataclass(frozen=True)
class Outlined:
    """Pictures of the same thing, and the regions in which they differ most."""

    comparison: Comparison
    regions: Sequence[Roi]


def search_of(recipe: Recipe) -> RoiSearch:
    """The search for regions that a recipe asks for."""
    search = recipe.options.get("search", {})
    if not isinstance(search, Mapping):
        raise ValueError(f"the recipe is damaged: its search is {search!r}")
    size, count = search.get("size", 384), search.get("count", 4)
    if not all(is_integer(each) and each >= 1 for each in (size, count)):
        raise ValueError(f"the recipe is damaged: its search is {dict(search)!r}")
    return RoiSearch(int(size), int(count), merge=bool(search.get("merge", False)))


def compute_outlined(recipe: Recipe, photos: Sequence[Photo], progress: Progress, cache: Cache) -> Iterator[Outlined]:
    """Restore the columns and search for regions."""
    yield outlined(compared(recipe, photos[0], progress, cache), search_of(recipe))


def outlined(made: Comparison, search: RoiSearch) -> Outlined:
    """The regions of a comparison."""
    if len(made) < 2:
        raise ValueError("; ".join(made.errors.values()) or "one column alone differs from nothing; give two or more")
    return Outlined(made, search.regions([made.fitted(title) for title in made]))


@plain
def draw_outlined(data: Outlined, recipe: Recipe, figure: Figure | None = None) -> Figure:
    """The pictures side by side, the regions outlined in each."""
    made = data.comparison
    images: list[Any] = [made.errors.get(title) or made.fitted(title) for title in made.titles]
    row = Row(images, outlines=[data.regions] * len(images))
    return grid([row], made.titles, min(CELL, made.size[0]), figure)


register(View("restoration", compute, draw))
register(View("outlines", compute_outlined, draw_outlined, search_of, lambda data: data.comparison.errors))
