"""The registry of views. A module of `views` or `note` that registers a view is found without being listed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from matplotlib.figure import Figure

from ..comparisons.cache import Cache
from ..comparisons.recipes import Recipe
from ..photos.photo import Photo
from ..restorers.base import Progress

Compute = Callable[[Recipe, Sequence[Photo], Progress, Cache], Iterator[Any]]
"""Restores what a figure shows, and yields it: coarse at first, complete at last. It draws nothing."""
Draw = Callable[[Any, Recipe, Figure | None], Figure]
"""Draws what `Compute` yielded, in a new figure or a given one. It restores nothing."""

PACKAGES = ("frantools.views", "frantools.note")
"""The packages whose modules register views."""


@dataclass(frozen=True)
class View:
    """A kind of figure.

    Parameters
    ----------
    name : str
        Its name in recipes.
    compute, draw : callable
        See `Compute` and `Draw`.
    check : callable
        ``check(recipe)`` raises a ValueError if the view's own part of a recipe is invalid.
    errors : callable
        Returns the errors of columns that failed, by title, from what `Compute` yielded.
    """

    name: str
    compute: Compute
    draw: Draw
    check: Callable[[Recipe], object] = lambda recipe: None
    errors: Callable[[Any], Mapping[str, str]] = lambda data: {}


_views: dict[str, View] = {}


def register(view: View) -> View:
    """Register a view by its name."""
    _views[view.name] = view
    return view


def views() -> Mapping[str, View]:
    """All views by name."""
    for package in PACKAGES:
        for module in iter_modules(import_module(package).__path__):
            import_module(f"{package}.{module.name}")
    return _views


def view_of(recipe: Recipe) -> View:
    """The view of a recipe; a ValueError if its name is unknown."""
    registered = _views if recipe.view in _views else views()
    if recipe.view not in registered:
        raise ValueError(f"this is not the recipe of a figure; figures are {', '.join(registered)}")
    return registered[recipe.view]
