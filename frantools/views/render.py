"""Figures from recipes: `frantools.render`, and the checks that a recipe still renders the same."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
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
from .registry import View, view_of


def complete_columns(recipe: Recipe, columns: Mapping[str, Any] | None = None) -> Recipe:
    """Fill in the columns that a recipe could not name, from `columns` by title.

    Raises a ValueError if one is still missing, or a title is not in the recipe.
    """
    supplied, titles = dict(columns or {}), [column.title for column in recipe.columns]
    if unknown := [title for title in supplied if title not in titles]:
        raise ValueError(f"the recipe has no column {unknown[0]!r}; accepted: {', '.join(titles)}")
    completed = []
    for column in recipe.columns:
        if column.title in supplied:
            column = column.with_restorer(supplied[column.title])
        elif column.missing:
            raise ValueError(column.missing)
        completed.append(_with_resolved_path(column, recipe.folder))
    return recipe.replace(columns=tuple(completed))


def _with_resolved_path(column: Column, folder: Path | None) -> Column:
    """A column whose file is next to the recipe, if it is there."""
    what = column.what
    if not isinstance(what, str) or what in BASELINES or is_shipped(what):
        return column
    file, colon, function = _split_function(what)
    path = resolve_path(file, folder)
    return column if path == file else column.replace(what=f"{path}{colon}{function}")


def _split_function(name: str) -> tuple[str, str, str]:
    """Split a function's name ``my_module.py:f`` into file, colon and function; other names are files alone."""
    return name.rpartition(":") if ".py:" in name else (name, "", "")


def load_photos(recipe: Recipe, photo: Any = None) -> list[Photo]:
    """Load the photos of a recipe by name; `photo` replaces the first.

    Raises a FileNotFoundError or ValueError if one is missing or has changed.
    """
    if not recipe.photos and photo is not None:
        return [Photo(photo)]
    if not recipe.photos:
        raise ValueError("the recipe is damaged: it has no picture")
    return [source.load(photo if index == 0 else None, recipe.folder) for index, source in enumerate(recipe.photos)]


def describe_outside_files(recipe: Recipe, has_photo: bool = False) -> str:
    """A message that lists the files outside a recipe's own folder that it reads; empty if it reads only its own.

    `has_photo` says that its first photo has been passed and is not read.
    """
    if recipe.folder is None:
        return ""
    names = [source.name for source in recipe.photos[1 if has_photo else 0 :]]
    names += [source.reference for source in recipe.photos if source.reference not in (None, "none")]
    names += [column.what for column in recipe.columns if isinstance(column.what, str)]
    outside = [name for name in dict.fromkeys([*names, *(recipe.models or {})]) if _is_outside(name, recipe.folder)]
    return f"the recipe reads files outside its own folder: {', '.join(outside)}" if outside else ""


def _is_outside(name: str, folder: Path) -> bool:
    """Whether a name of a photo or a restorer is a file outside a folder."""
    if name in (*portraits(), *BASELINES) or is_shipped(name):
        return False
    file = _split_function(name)[0]
    path = Path(resolve_path(file, folder)).expanduser().resolve()
    is_file = path.exists() or (path.is_absolute() and "/" in file)
    return is_file and not path.is_relative_to(folder.resolve())


def check_models(recipe: Recipe) -> None:
    """Raise a ValueError if a model, or a file that a column reads, differs from the recipe's."""
    for key, sha256 in (recipe.models or {}).items():
        name = key if is_shipped(key) else resolve_path(key, recipe.folder)
        path = Path(name).expanduser()
        if is_shipped(name) or is_frannet_file(path):
            if shared_model(name).sha256 != sha256:
                raise ContentChangedError(f"the model {name} has other weights than when the recipe was made")
        elif not path.is_file():
            raise FileNotFoundError(f"{name}: no such file; the recipe reads it")
        elif hash_of(path) != sha256:
            raise ContentChangedError(f"the file {name} has changed since the recipe was made")


def check_complete(recipe: Recipe) -> None:
    """Raise a ValueError if a recipe lacks what every figure needs."""
    missing = [name for name in ("columns", "size", "seed") if getattr(recipe, name) in (None, ())]
    if missing:
        raise ValueError(f"the recipe is damaged: it has no {', '.join(missing)}")


def prepare(
    recipe: Any, photo: Any = None, columns: Mapping[str, Any] | None = None, trust: bool = False
) -> tuple[View, Recipe, list[Photo]]:
    """Check a recipe, and find its view, its columns and its photos; see `render`."""
    checked = as_recipe(recipe, trust)
    try:
        view = view_of(checked)
        check_complete(checked)
        view.check(checked)
        complete = complete_columns(checked, columns)
        if warning := describe_outside_files(complete, photo is not None):
            warnings.warn(warning, stacklevel=4)
        check_models(complete)
        return view, complete, load_photos(complete, photo)
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
    """Render the figure of a recipe.

    Parameters
    ----------
    recipe : Recipe, dict or path
        Of a figure, a widget or a restored picture; or the file that contains it.
    photo : Photo, path or ndarray, optional
        The photo, if the recipe cannot find it. It must be identical.
    columns : dict, optional
        By title, the restorers of columns that the recipe cannot name, such as a function of a notebook.
    trust : bool
        Whether to import functions that the recipe names. That runs code: allow it for your own recipes only.
    progress : callable, optional
        Called with the fraction that is done, 0 to 1. Exceptions that it raises end the work.
    cache : Cache, optional
        Restorations to reuse.
    device : str, optional
        The device for FranNet: "auto", "cpu", "cuda" ... Default: the CPU.

    Returns
    -------
    Figure
        A matplotlib figure; `frantools.save_figure` writes it.

    Raises
    ------
    FileNotFoundError, ValueError
        If it is not the recipe of a figure, a column is missing, or the photo or a model has changed.
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
    """Render the figure of a recipe; return it with the errors of the columns that failed, by title. See `render`."""
    view, complete, photos = prepare(recipe, photo, columns, trust)
    cache = Cache() if cache is None else cache  # not `cache or Cache()`: an empty cache is false
    *_, data = view.compute(with_device(complete, device), photos, reporting(progress), cache)
    return view.draw(data, complete, None), view.errors(data)


def with_device(recipe: Recipe, device: str | None) -> Recipe:
    """A recipe whose FranNet columns run on a device; None changes nothing."""
    return recipe if device is None else recipe.replace(options={**recipe.options, "device": device})


def changed_versions(recipe: Recipe) -> dict[str, tuple[str, str]]:
    """The libraries whose version has changed since a recipe was made: before and now."""
    current = versions()
    before = dict(recipe.versions or {})
    return {name: (before[name], now) for name, now in current.items() if before.get(name, now) != now}
