"""Tools for a notebook, each in one line: controls around a figure, rendered in the background.

What a widget shows, `render` makes again from its recipe, in a script as well.
"""

from __future__ import annotations

from matplotlib.figure import Figure

from ..comparisons import Cache
from ..frannet.restoration import Progress
from ..images import Picture, as_picture
from ..recipes import Recipe
from ..views import note
from .compare import Compare, compare
from .explorer import Explorer
from .region import Zoom, region
from .rois import Rois, rois
from .trajectory import Trajectory, trajectory
from .variability import Variability, variability

__all__ = ["compare", "region", "render", "rois", "trajectory", "variability"]

KINDS: dict[str, type[Explorer]] = {each.kind: each for each in (Compare, Rois, Zoom, Trajectory, Variability)}


def render(
    recipe: Recipe,
    image: Picture | None = None,
    progress: Progress | None = None,
    cache: Cache | None = None,
) -> Figure:
    """Make the figure of a recipe, one of a widget or one of the note's.

    Parameters
    ----------
    recipe : dict
        From a widget's `recipe`, or from `frantools.load_recipe`.
    image : ndarray, optional
        The picture, where it was uploaded and the recipe alone cannot find it. It must be the very same.
    progress : callable, optional
        Called with the share that is done, 0 to 1. What it raises ends the work.
    cache : Cache, optional
        Restorations made before.

    Returns
    -------
    Figure
        Of matplotlib; `frantools.recipes.save_figure` writes it.

    Raises
    ------
    FileNotFoundError, ValueError
        If it is no recipe of a figure, or the picture or a model has changed since it was made.
    """
    kind = KINDS.get(recipe.get("figure", ""))
    if kind is None:
        return note.render(recipe, progress, cache)
    try:
        picture = None if image is None else as_picture(image)
        note.unchanged(recipe, picture)
        if picture is None:
            picture = note.find_picture(next(iter(recipe["pictures"])))
        *_, data = kind.compute(recipe, picture, progress or (lambda _: None), cache or Cache())
        return kind.draw(data, recipe, None)
    except (LookupError, TypeError, AttributeError, StopIteration) as error:
        raise ValueError(f"the recipe is damaged: {error!r}") from error
