"""The kinds of figure by name, and the one way from a recipe to a figure."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from os import PathLike
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from ..comparisons.cache import Cache
from ..comparisons.recipes import Recipe, as_recipe
from ..files import ContentChangedError, hash_of
from ..frannet.weights.checkpoints import is_shipped
from ..photos.images import portraits
from ..photos.photo import Photo
from ..photos.photo_reference import resolve_path
from ..restorers.base import Progress, reporting
from ..restorers.columns import Column
from ..restorers.frannet import is_frannet_file, shared_model
from ..restorers.resizing import BASELINES
from ..system.versions import versions

Compute = Callable[[Recipe, Sequence[Photo], Progress, Cache], Iterator[Any]]
"""Restores what a figure shows: coarse at first, complete at last. It draws nothing."""
Draw = Callable[[Any, Recipe, Figure | None], Figure]
"""Makes the figure of what `Compute` yielded, new or in a given one. It restores nothing."""

VIEW_MODULES = (
    "..note.four_figures",
    ".compare",
    ".rois",
    ".region",
    ".trajectories",
    ".variability",
    ".alternatives",
    ".restoration",
)
"""The modules that register views, imported by name: a view is found without the registry knowing it."""


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
    errors : callable
        The errors of columns that failed, by title, of what `Compute` yielded.
    """

    name: str
    compute: Compute
    draw: Draw
    check: Callable[[Recipe], object] = lambda recipe: None
    errors: Callable[[Any], Mapping[str, str]] = lambda data: {}


_views: dict[str, View] = {}


def register(view: View) -> View:
    """Make a view known by its name."""
    _views[view.name] = view
    return view


def views() -> Mapping[str, View]:
    """All views by name."""
    for module in VIEW_MODULES:
        import_module(module, __package__)
    return _views


def view_of(recipe: Recipe) -> View:
    """The view of a recipe; a ValueError where FranTools has none."""
    known = views()
    if recipe.view not in known:
        raise ValueError(f"this is not the recipe of a figure; figures are {', '.join(known)}")
    return known[recipe.view]


def completed(recipe: Recipe, columns: Mapping[str, Any] | None = None) -> Recipe:
    """A recipe with the columns that it could not name, from `columns` by their titles.

    Raises a ValueError if one is still missing, or a title is none of the recipe's.
    """
    given, titles = dict(columns or {}), [column.title for column in recipe.columns]
    if wrong := [title for title in given if title not in titles]:
        raise ValueError(f"the recipe has no column {wrong[0]!r}; accepted are {', '.join(titles)}")
    made = []
    for column in recipe.columns:
        if column.title in given:
            column = column.with_restorer(given[column.title])
        elif column.missing:
            raise ValueError(column.missing)
        made.append(_beside(column, recipe.folder))
    return recipe.replace(columns=tuple(made))


def _beside(column: Column, folder: Path | None) -> Column:
    """A column whose file is found beside the recipe, where there is one."""
    what = column.what
    if not isinstance(what, str) or (what in BASELINES or is_shipped(what)):
        return column
    file, colon, function = what.rpartition(":") if ".py:" in what else (what, "", "")
    found = resolve_path(file, folder)
    return column if found == file else column.replace(what=f"{found}{colon}{function}")


def opened(recipe: Recipe, photo: Any = None) -> list[Photo]:
    """The photos of a recipe, found by their names, or `photo` in the place of the first.

    Raises a FileNotFoundError or ValueError if one is not at hand, or another one than the recipe was made with.
    """
    if not recipe.photos and photo is not None:
        return [Photo(photo)]
    if not recipe.photos:
        raise ValueError("the recipe is damaged: it has no picture")
    return [source.load(photo if index == 0 else None, recipe.folder) for index, source in enumerate(recipe.photos)]


def outside(recipe: Recipe, given: bool = False) -> str:
    """Which files outside a recipe's own folder it reads, in a sentence; empty if none.

    `given` says that its first photo is at hand.
    """
    if recipe.folder is None:
        return ""
    names = [source.name for source in recipe.photos[1 if given else 0 :]]
    names += [source.reference for source in recipe.photos if source.reference not in (None, "none")]
    names += [column.what for column in recipe.columns if isinstance(column.what, str)]
    far = []
    for name in dict.fromkeys([*names, *(recipe.models or {})]):
        file = name.rpartition(":")[0] if ".py:" in name else name
        path = Path(resolve_path(file, recipe.folder)).expanduser().resolve()
        ours = (
            name in (*portraits(), *BASELINES)
            or is_shipped(name)
            or not (path.exists() or (path.is_absolute() and "/" in file))
        )
        if not ours and not path.is_relative_to(recipe.folder.resolve()):
            far.append(name)
    return f"the recipe reads files outside its own folder: {', '.join(far)}" if far else ""


def check_models(recipe: Recipe) -> None:
    """Raise a ValueError if a model, or a file that a column reads, is another one than a recipe was made with."""
    for named, sha256 in (recipe.models or {}).items():
        name = named if is_shipped(named) else resolve_path(named, recipe.folder)
        path = Path(name).expanduser()
        if is_shipped(name) or is_frannet_file(path):
            if shared_model(name).sha256 != sha256:
                raise ContentChangedError(
                    f"the model {name} has other weights than those that the recipe was made with"
                )
        elif not path.is_file():
            raise FileNotFoundError(f"there is no file {name}, which the recipe was made with")
        elif hash_of(path) != sha256:
            raise ContentChangedError(f"the file {name} has changed since the recipe was made")


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
    try:
        view = view_of(read)
        check_complete(read)
        view.check(read)
        complete = completed(read, columns)
        if far := outside(complete, photo is not None):
            warnings.warn(far, stacklevel=4)
        check_models(complete)
        return view, complete, opened(complete, photo)
    except (FileNotFoundError, ValueError) as error:
        if isinstance(recipe, (str, PathLike)) and type(error) in (FileNotFoundError, ValueError):
            raise type(error)(f"{recipe}: {error}") from None
        raise


def render(
    recipe: Any,
    photo: Any = None,
    columns: Mapping[str, Any] | None = None,
    trust: bool = False,
    progress: Progress | None = None,
    cache: Cache | None = None,
    device: str | None = None,
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
    device : str, optional
        Where FranNet runs: "auto", "cpu", "cuda" ... Default: the processor.

    Returns
    -------
    Figure
        Of matplotlib; `frantools.save_figure` writes it.

    Raises
    ------
    FileNotFoundError, ValueError
        If it is no recipe of a figure, a column is missing, or the photo or a model has changed since it was made.
    """
    return render_with_errors(recipe, photo, columns, trust, progress, cache, device)[0]


def render_with_errors(
    recipe: Any,
    photo: Any = None,
    columns: Mapping[str, Any] | None = None,
    trust: bool = False,
    progress: Progress | None = None,
    cache: Cache | None = None,
    device: str | None = None,
) -> tuple[Figure, Mapping[str, str]]:
    """Make the figure of a recipe again; and the errors of the columns that failed, by title. See `render`."""
    view, complete, photos = prepared(recipe, photo, columns, trust)
    # Not `cache or Cache()`: a cache that is still empty is to be filled, for the next figure to find.
    cache = Cache() if cache is None else cache
    *_, data = view.compute(on_device(complete, device), photos, reporting(progress), cache)
    return view.draw(data, complete, None), view.errors(data)


def on_device(recipe: Recipe, device: str | None) -> Recipe:
    """A recipe whose FranNet columns run on a device; None leaves them where they are."""
    return recipe if device is None else recipe.replace(options={**recipe.options, "device": device})


def changed_versions(recipe: Recipe) -> dict[str, tuple[str, str]]:
    """The libraries whose version is another one than a recipe was made with: before and now."""
    now = versions()
    before = dict(recipe.versions or {})
    return {name: (before[name], now[name]) for name in now if before.get(name, now[name]) != now[name]}
