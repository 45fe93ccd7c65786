"""A single restored picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from matplotlib.figure import Figure

from ..comparisons.cache import Cache
from ..comparisons.recipes import Recipe
from ..photos.photo import Photo
from ..restorers.base import Progress, Restoration
from .layout import blank, show, with_default_style
from .progressive import job_of, partial_region
from .registry import View, register


def compute(recipe: Recipe, photos: Sequence[Photo], progress: Progress, cache: Cache) -> Iterator[Restoration]:
    """Restore the picture."""
    yield job_of(recipe, photos[0], cache, partial_region(recipe)).restore(recipe.columns[0], progress)


@with_default_style
def draw(data: Restoration, recipe: Recipe, figure: Figure | None = None) -> Figure:
    """Draw the picture alone, pixel by pixel."""
    height, width = data.image.shape[:2]
    figure = blank(width, height, figure)
    show(figure.add_axes((0, 0, 1, 1)), data)
    return figure


register(View("restoration", compute, draw))
