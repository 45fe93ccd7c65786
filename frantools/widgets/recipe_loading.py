"""A recipe back into controls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
import traitlets

from ..comparisons.recipes import Recipe, as_recipe
from ..restorers.columns import Column, as_columns
from ..views.progressive import longer_side
from ..views.registry import check_models, outside
from .controls import reach, side

if TYPE_CHECKING:
    from .view_widget import ViewWidget


def loaded(widget: ViewWidget, recipe: Any, columns: Mapping[str, Any] | None, trust: bool) -> tuple[str, str]:
    """Set a widget's controls as a recipe says; they are as before where it is damaged.

    Returns
    -------
    str
        What is wrong with its photo or its models; empty if nothing.
    str
        Which files outside its own folder it reads; empty if none.

    Raises
    ------
    FileNotFoundError, ValueError
        If it is no recipe of a figure, or a part of it is not what a control accepts.
    """
    state = (widget.photo.value, widget.columns.value, widget.given, widget.device, widget.timeout)
    before = {name: each.value for name, each in widget.controls.items() if name != "columns"}
    try:
        read = as_recipe(recipe, trust)
        if not read.columns:
            raise ValueError("the recipe has no columns; accepted are those of figures")
        made = as_columns(_completed(read.columns, [*widget.columns.value, *widget.columns.presets.values()], columns))
        far = outside(read)
        widget.message.info("paths", far)  # before they are read
        with widget.writing():
            remark = widget.photo.find(read.photos[0]) if read.photos else ""
            _fill(widget, read, made)
        widget.check()
    except Exception as error:  # of whatever kind: a damaged recipe may hold anything
        with widget.writing():
            widget.photo.value, columns_before, widget.given, widget.device, widget.timeout = state
            widget.columns.show(columns_before)
            for name, value in before.items():
                widget.controls[name].value = value
        if isinstance(error, (ValueError, OSError)):
            raise
        raise ValueError(f"the recipe is damaged: {error}") from None
    return "; ".join(filter(None, (remark, _retrained(read)))), far


def _fill(widget: ViewWidget, recipe: Recipe, columns: list[Column]) -> None:
    widget.columns.show(tuple(columns))
    if recipe.size is not None:
        size, control = side(longer_side(recipe)), widget.controls["size"]
        control.options = sorted({*control.options, size})
        control.value = size
    if recipe.seed is not None:
        set_control("seed", widget.controls["seed"], recipe.seed)
    widget.given = recipe.degradation
    widget.device = recipe.options.get("device", widget.device)
    widget.timeout = recipe.options.get("timeout", widget.timeout)
    for name, value in widget.own_part(recipe).items():
        set_control(name, widget.controls[name], value)
    if recipe.region is not None:
        widget.viewer.view = recipe.region


def set_control(name: str, control: widgets.Widget, value: Any) -> None:
    """Set a control to what a recipe says; a ValueError if it does not accept it."""
    if isinstance(control, (widgets.IntSlider, widgets.BoundedIntText)):
        reach(control, f"the recipe's {name}", value)
        return
    try:
        control.value = value
    except traitlets.TraitError:
        raise ValueError(f"the recipe's {name} is {value!r}, which its control does not accept") from None


def _completed(columns: tuple[Column, ...], known: list[Column], given: Mapping[str, Any] | None) -> list[Column]:
    """Columns with what a recipe does not name: as it is given, or as the widget has it already."""
    left, made = dict(given or {}), []
    for column in columns:
        if column.title in left:
            column = column.with_restorer(left.pop(column.title))
        elif column.missing:
            content = column.content
            same = next((each for each in known if _name(each.to_dict()) == _name(content)), None)
            if same is not None:
                settings = content.get("settings") or same.settings
                column = same.replace(title=column.title, seed=column.seed, given=column.given, settings=settings)
        made.append(column)
    if left:
        titles = ", ".join(column.title for column in columns)
        raise ValueError(f"the recipe has no column {next(iter(left))!r}; accepted are {titles}")
    return made


def _name(content: Mapping[str, Any]) -> dict[str, Any]:
    """What names a restorer in a recipe: no settings, and for a function no title."""
    others = {"seed", "settings", "degradation", "setup", *(["title"] if "function" in content else [])}
    return {name: value for name, value in content.items() if name not in others}


def _retrained(recipe: Recipe) -> str:
    """Which model is another one than a recipe was made with, in a sentence; empty if none is."""
    try:
        check_models(recipe)
    except (ValueError, TypeError, OSError) as error:
        return str(error)
    return ""
