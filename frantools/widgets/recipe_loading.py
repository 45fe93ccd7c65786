"""Setting the controls of a widget from a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ipywidgets as widgets
import traitlets

from ..checks import integer
from ..comparisons.recipes import Recipe, as_recipe
from ..photos.regions import LARGEST
from ..restorers.columns import Column, as_columns
from ..views.progressive import longer_side
from ..views.render import check_models, describe_outside_files
from .controls import extend_to, set_options


def load_recipe_into(widget: Any, recipe: Any, columns: Mapping[str, Any] | None, trust: bool) -> tuple[str, str]:
    """Set the controls of a widget from a recipe; if it is damaged, they stay as they are.

    Returns
    -------
    str
        A warning about its photo or its models, or an empty string.
    str
        A note about the files outside its folder that it reads, or an empty string.

    Raises
    ------
    FileNotFoundError, ValueError
        If it is not the recipe of a figure, or a control does not accept a part of it.
    """
    state = (widget.photo.value, widget.columns.value, widget.given, widget.device, widget.timeout)
    before = {name: part.value for name, part in widget.controls.items() if name != "columns"}
    try:
        recipe = as_recipe(recipe, trust)
        if not recipe.columns:
            raise ValueError("the recipe has no columns, as the recipe of a figure has")
        known = [*widget.columns.value, *widget.columns.presets.values()]
        complete = as_columns(_complete_columns(recipe.columns, known, columns))
        outside_files = describe_outside_files(recipe)
        widget.message.info("paths", outside_files)  # before they are read
        with widget.writing():
            warning = widget.photo.find(recipe.photos[0]) if recipe.photos else ""
            _set_controls(widget, recipe, complete)
        widget.check()
    except Exception as error:  # a damaged recipe may contain anything
        with widget.writing():
            widget.photo.value, columns_before, widget.given, widget.device, widget.timeout = state
            widget.columns.set_value(columns_before)
            for name, value in before.items():
                widget.controls[name].value = value
        if isinstance(error, (ValueError, OSError)):
            raise
        raise ValueError(f"the recipe is damaged: {error}") from None
    return "; ".join(filter(None, (warning, _changed_models(recipe)))), outside_files


def _set_controls(widget: Any, recipe: Recipe, columns: list[Column]) -> None:
    widget.columns.set_value(tuple(columns))
    if recipe.size is not None:
        size, menu = integer("size", longer_side(recipe), 1, LARGEST), widget.controls["size"]
        set_options(menu, sorted({*menu.options, size}), size)
    if recipe.seed is not None:
        _set_control("seed", widget.controls["seed"], recipe.seed)
    widget.given = recipe.degradation
    widget.device = recipe.options.get("device", widget.device)
    widget.timeout = recipe.options.get("timeout", widget.timeout)
    for name, value in widget.own_part(recipe).items():
        _set_control(name, widget.controls[name], value)
    if recipe.region is not None:
        widget.viewer.view = recipe.region


def _set_control(name: str, control: widgets.Widget, value: Any) -> None:
    if isinstance(control, (widgets.IntSlider, widgets.BoundedIntText)):
        extend_to(control, f"the recipe's {name}", value)
        return
    try:
        control.value = value
    except traitlets.TraitError:
        raise ValueError(f"the recipe's {name} is not a value that its control accepts, got {value!r}") from None


def _complete_columns(
    columns: tuple[Column, ...], known: list[Column], given: Mapping[str, Any] | None
) -> list[Column]:
    """Return columns with the restorers that a recipe cannot name: given ones, or known ones of the widget."""
    remaining, complete = dict(given or {}), []
    for column in columns:
        if column.title in remaining:
            column = column.with_restorer(remaining.pop(column.title))
        elif column.missing:
            content = column.content
            match = next((c for c in known if _restorer_part(c.to_dict()) == _restorer_part(content)), None)
            if match is not None:
                settings = content.get("settings") or match.settings
                column = match.replace(title=column.title, seed=column.seed, given=column.given, settings=settings)
        complete.append(column)
    if remaining:
        titles = ", ".join(column.title for column in columns)
        raise ValueError(f"the recipe has no column {next(iter(remaining))!r}; its columns are {titles}")
    return complete


def _restorer_part(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a column's description that names its restorer; a function's title is not one."""
    excluded = {"seed", "settings", "degradation", "setup", *(["title"] if "function" in content else [])}
    return {name: value for name, value in content.items() if name not in excluded}


def _changed_models(recipe: Recipe) -> str:
    """Describe which models differ from those of the recipe, or return an empty string."""
    try:
        check_models(recipe)
    except (ValueError, TypeError, OSError) as error:
        return str(error)
    return ""
