"""The kinds of figure by name, and the one way from a recipe to a figure."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from ..frannet.restoration import versions
from ..images import portraits
from ..photo import Photo
from ..recipes import Recipe, as_recipe
from ..restorers.columns import Column, as_column
from ..restorers.door import Unknown
from ..restorers.frannet import shared_model
from ..restorers.protocol import Progress
from ..store import Cache

Compute = Callable[[Recipe, Sequence[Photo], Progress, Cache], Iterator[Any]]
"""Restores what a figure shows: coarse at first, complete at last. It draws nothing."""
Draw = Callable[[Any, Recipe, Figure | None], Figure]
"""Makes the figure of what `Compute` yielded, new or in a given one. It restores nothing."""

HOMES = ("note", "compare", "rois", "region", "trajectory", "variability", "single")


@dataclass(frozen=True)
class View:
    """A kind of figure.

    Parameters
    ----------
    name : str
        What recipes call it.
    compute, draw : callable
        See `Compute` and `Draw`.
    check : callable
        ``check(recipe)`` raises a ValueError where the view's own part of a recipe is not what it should be.
    """

    name: str
    compute: Compute
    draw: Draw
    check: Callable[[Recipe], object] = lambda recipe: None


_views: dict[str, View] = {}


def register(view: View) -> View:
    """Make a view known by its name."""
    _views[view.name] = view
    return view


def views() -> Mapping[str, View]:
    """All views by name."""
    for home in HOMES:
        import_module(f".{home}", __package__)
    return _views


def view_of(recipe: Recipe) -> View:
    """The view of a recipe; a ValueError where FranTools has none."""
    known = views()
    if recipe.view not in known:
        raise ValueError(f"this is not the recipe of a figure; figures are {', '.join(known)}")
    return known[recipe.view]


def completed(recipe: Recipe, columns: Mapping[str, Any] | None = None) -> Recipe:
    """A recipe with the columns that it could not name, from `columns` by their titles.

    Raises
    ------
    ValueError
        If one is still missing, or a title is none of the recipe's.
    """
    given = dict(columns or {})
    made = []
    for column in recipe.columns:
        if column.title in given:
            new = as_column((column.title, given.pop(column.title)))
            column = column.but(what=new.what)
        elif isinstance(column.what, Unknown):
            raise ValueError(column.what.why)
        made.append(column)
    if given:
        titles = ", ".join(column.title for column in recipe.columns)
        raise ValueError(f"the recipe has no column {next(iter(given))!r}; accepted are {titles}")
    return recipe.but(columns=tuple(made))


def opened(recipe: Recipe, photo: Any = None) -> list[Photo]:
    """The photos of a recipe, found by their names, or `photo` in the place of the first.

    Paths outside the recipe's own folder and the working folder are named in a warning before they are read.

    Raises
    ------
    FileNotFoundError, ValueError
        If one is not at hand, or another one than the recipe was made with.
    """
    if far := outside(recipe, photo is not None):
        warnings.warn(far, stacklevel=3)
    if not recipe.photos:
        raise ValueError("the recipe is damaged: it has no picture")
    return [source.photo(photo if index == 0 else None) for index, source in enumerate(recipe.photos)]


def outside(recipe: Recipe, given: bool = False) -> str:
    """Which files outside a recipe's own folder and the working folder it reads, in a sentence; empty if none.

    `given` says that its first photo is at hand.
    """
    if recipe.folder is None:
        return ""
    names = [source.name for source in recipe.photos[1 if given else 0 :]]
    names += [column.what for column in recipe.columns if isinstance(column.what, str)]
    paths = [name for name in names if name not in portraits() and Path(name).expanduser().exists()]
    inside = (recipe.folder.resolve(), Path.cwd())
    far = [name for name in paths if not any(Path(name).expanduser().resolve().is_relative_to(each) for each in inside)]
    return f"the recipe reads files outside its own folder: {', '.join(dict.fromkeys(far))}" if far else ""


def check_models(recipe: Recipe) -> None:
    """Raise a ValueError if a model has other weights than those that a recipe was made with."""
    for name, sha256 in (recipe.models or {}).items():
        if shared_model(name).sha256 != sha256:
            raise ValueError(f"the model {name} has other weights than those that the recipe was made with")


def check_complete(recipe: Recipe) -> None:
    """Raise a ValueError if a recipe lacks what every figure needs."""
    lacking = [name for name in ("columns", "size", "seed") if getattr(recipe, name) in (None, ())]
    if lacking:
        raise ValueError(f"the recipe is damaged: it has no {', '.join(lacking)}")


def prepared(
    recipe: Any, photo: Any = None, columns: Mapping[str, Any] | None = None, trust: bool = False
) -> tuple[View, Recipe, list[Photo]]:
    """The view, the checked recipe and the photos of what is to be rendered; see `render`."""
    read = as_recipe(recipe, trust)
    view = view_of(read)
    check_complete(read)
    view.check(read)
    complete = completed(read, columns)
    check_models(complete)
    return view, complete, opened(complete, photo)


def render(
    recipe: Any,
    photo: Any = None,
    columns: Mapping[str, Any] | None = None,
    trust: bool = False,
    progress: Progress | None = None,
    cache: Cache | None = None,
) -> Figure:
    """Make the figure of a recipe again.

    Parameters
    ----------
    recipe : Recipe, dict or path
        Of a figure, a widget or a restored picture; or the file that carries it.
    photo : Photo, path or ndarray, optional
        The photo, where the recipe alone cannot find it. It must be the very same.
    columns : dict, optional
        By title, what restores in columns that the recipe cannot name, such as a function of a notebook.
    trust : bool
        Whether functions that the recipe names are imported. That runs code: allow it for your own recipes only.
    progress : callable, optional
        Called with the share that is done, 0 to 1. What it raises ends the work.
    cache : Cache, optional
        Restorations made before.

    Returns
    -------
    Figure
        Of matplotlib; `frantools.save_figure` writes it.

    Raises
    ------
    FileNotFoundError, ValueError
        If it is no recipe of a figure, a column is missing, or the photo or a model has changed since it was made.
    """
    view, complete, photos = prepared(recipe, photo, columns, trust)
    *_, data = view.compute(complete, photos, progress or (lambda _: None), cache or Cache())
    return view.draw(data, complete, None)


def changed_versions(recipe: Recipe) -> dict[str, tuple[str, str]]:
    """The libraries whose version is another one than a recipe was made with: before and now."""
    now = versions()
    before = dict(recipe.versions or {})
    return {name: (before[name], now[name]) for name in now if before.get(name, now[name]) != now[name]}


def columns_of(recipe: Recipe) -> list[Column]:
    """The columns of a recipe."""
    return list(recipe.columns)
