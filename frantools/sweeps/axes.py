"""Axes of a sweep: names and lists of values, expanded to columns."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from itertools import chain, count, product
from typing import Any

import numpy as np
from torch import Tensor

from ..checks import invalid, listing, to_python
from ..frannet.sampling.adapters import SchedulerSetup
from ..frannet.sampling.named_setups import named_setup
from ..frannet.sampling.samplers import Sampler
from ..photos.degradation import Degradation
from ..restorers.base import Restorer
from ..restorers.columns import Column, as_column
from ..restorers.frannet import DEFAULT_MODEL
from ..restorers.functions import FILE_FUNCTION, name_of
from ..restorers.resolve import PATH, expand_setup, interpretation
from .keys import address, identity

Axes = Mapping[str, Sequence[Any]] | Sequence[Mapping[str, Sequence[Any]]]
RESERVED = {"picture", "calls", "seconds", "sentence"}
"""Table columns that every sweep has."""


@dataclass(frozen=True, eq=False)
class Setting:
    """One point in the space of the axes.

    Parameters
    ----------
    column : Column
        The base column with the values of the axes.
    values : dict
        The column's value on each axis, including those that only other settings vary.
    restorer : Restorer
        The column's restorer.
    """

    column: Column
    values: Mapping[str, Any]
    restorer: Restorer


def axis_names(axes: Axes) -> list[str]:
    """List the names of all axes, in order."""
    return list(dict.fromkeys(name for grid in _grids(axes) for name in grid))


def expand_axes(axes: Axes, base: Any = None, precision: str = "float32") -> list[Setting]:
    """Expand axes to settings, in order and without duplicates.

    Parameters
    ----------
    axes : dict or list of dict
        A list of values for each name: "model", "setup", "scheduler", "seed", "given", the settings of a sampler, such
        as "K", or the arguments of a function. All combinations of a dict are taken; a list of dicts is their union.
    base : object, optional
        A column, or anything accepted as one, for all that the axes do not specify. Default: the note's model.
    precision : str
        The precision of FranNet's matrix products.

    Raises
    ------
    FileNotFoundError, ValueError, ImportError
        If a name or a value is not accepted.
    """
    names = axis_names(axes)
    base_column = _normalise(as_column(DEFAULT_MODEL if base is None else base))
    settings: dict[str, Setting] = {}
    for grid in _grids(axes):
        for values in product(*grid.values()):
            setting = _make_setting(base_column, dict(zip(grid, values, strict=True)), names, precision)
            settings.setdefault(address(identity(setting.column, setting.restorer)), setting)
    return _number_duplicate_names(list(settings.values()))


def _grids(axes: Axes) -> list[dict[str, list[Any]]]:
    """Check the axes and return them as dicts of lists."""
    grids: Any = [axes] if isinstance(axes, Mapping) else axes
    if not isinstance(grids, (list, tuple)) or not grids or not all(isinstance(grid, Mapping) for grid in grids):
        raise invalid("axes", "a dict of lists, such as {'K': [1, 8]}, or a list of such", axes)
    return [{name: _check_axis(name, values) for name, values in grid.items()} for grid in grids]


def _check_axis(name: Any, values: Any) -> list[Any]:
    if not isinstance(name, str) or not name or name in RESERVED:
        raise invalid("the name of an axis", f"a text, such as 'K', but not {listing(sorted(RESERVED))}", name)
    is_list = isinstance(values, (list, tuple, range)) or (
        isinstance(values, (np.ndarray, Tensor)) and values.ndim == 1
    )
    if not is_list or len(values) == 0:
        raise invalid(f"the axis {name}", "a list of at least one value", values)
    return [to_python(value) for value in values]


def _normalise(column: Column) -> Column:
    """Replace the name of a setup by its model and sampler, and a relative path by an absolute one for all workers."""
    what, setup = expand_setup(column.what, column.setup)
    if isinstance(what, str):
        kind = interpretation(what)
        if kind is PATH:
            what = os.path.abspath(os.path.expanduser(what))
        elif kind is FILE_FUNCTION:
            file, _, name = what.rpartition(":")
            what = f"{os.path.abspath(os.path.expanduser(file))}:{name}"
    return column.replace(what=what, setup=setup)


def _make_setting(base: Column, values: dict[str, Any], names: Sequence[str], precision: str) -> Setting:
    changes: dict[str, Any] = {name: values[name] for name in ("setup", "seed") if name in values}
    if "given" in values:
        changes["given"] = _degradation(values["given"])
    if "model" in values:
        changes["what"] = values["model"]
        changes["title"] = as_column(values["model"]).title
    column = _normalise(base.replace(**changes)) if changes else base
    restorer = column.resolve(precision)
    settings = {name: value for name, value in values.items() if name not in ("model", "setup", "seed", "given")}
    if settings:
        if restorer.sampler is not None:
            column = column.replace(setup=_change_sampler(restorer.sampler, settings))
        elif restorer.model is not None:
            raise ValueError(
                f"the single-pass model {restorer.title} has no sampler, so {', '.join(settings)} cannot vary"
            )
        else:
            column = column.replace(settings={**column.settings, **settings})
        restorer = column.resolve(precision)
    return Setting(column, {name: _axis_value(name, column, restorer) for name in names}, restorer)


def _degradation(given: Any) -> Degradation | None:
    try:
        return Degradation(**given) if isinstance(given, Mapping) else given
    except TypeError:
        raise invalid("given", "a dict of gray, shrink, noise, blur, jpeg and seed", given) from None


def _change_sampler(sampler: Any, changes: dict[str, Any]) -> Any:
    """Change settings of a sampler, the scheduler first."""
    if changes.get("scheduler") is not None:
        scheduler = str(changes["scheduler"])
        sampler = named_setup(scheduler if ":" in scheduler else f"{scheduler}:{SchedulerSetup.steps}")
    accepted = [field.name for field in fields(sampler)] if is_dataclass(sampler) else []
    changes = {name: value for name, value in changes.items() if name != "scheduler"}
    options = {name: value for name, value in changes.items() if name not in accepted}
    if options and "options" in accepted:
        changes = {name: value for name, value in changes.items() if name in accepted}
        changes["options"] = {**changes.get("options", sampler.options), **options}
    elif options:
        names = ", ".join(["model", "setup", "scheduler", "seed", "given", *accepted])
        unknown = ", ".join(map(repr, options))
        raise ValueError(f"the axes of the sampler {sampler.name} must be {names}, got {unknown}")
    return replace(sampler, **changes) if changes else sampler


def _number_duplicate_names(settings: list[Setting]) -> list[Setting]:
    """Number different models or samplers of the same name, so that the table tells them apart."""
    owners: dict[tuple[str, Any], Any] = {}
    numbered = []
    for setting in settings:
        values = dict(setting.values)
        for axis, owner in (("model", setting.column.what), ("setup", setting.restorer.sampler)):
            if axis in values:
                names = chain([values[axis]], (f"{values[axis]} ({number})" for number in count(2)))
                values[axis] = next(name for name in names if _is_same(owners.setdefault((axis, name), owner), owner))
        numbered.append(replace(setting, values=values))
    return numbered


def _is_same(first: Any, second: Any) -> bool:
    """Whether two models or samplers are equal texts, equal samplers, or the same object."""
    comparable = type(first) is type(second) and isinstance(first, (str, Sampler))
    return first is second or (comparable and bool(first == second))


def _axis_value(name: str, column: Column, restorer: Restorer) -> Any:
    """Look up the value that a column has on an axis, as a table value."""
    sampler = restorer.sampler
    if name == "model":
        return column.title
    if name == "setup":
        return None if sampler is None else sampler.name
    if name in ("seed", "given"):
        return to_table_value(getattr(column, name))
    if sampler is None:
        return to_table_value(column.settings.get(name))
    return to_table_value(getattr(sampler, name, getattr(sampler, "options", {}).get(name)))


def to_table_value(value: Any) -> Any:
    """Convert a value for a table: scalars, texts and None stay, tuples are converted, anything else becomes a text."""
    value = to_python(value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (tuple, list)):
        return tuple(map(to_table_value, value))
    return name_of(value) if callable(value) else str(value)


def group_by_model(settings: Sequence[Setting]) -> Iterator[list[int]]:
    """Group the indices of settings that differ only in their setup, seed, degradation or function arguments."""
    indices: dict[Any, list[int]] = {}
    for index, setting in enumerate(settings):
        what = setting.column.what
        indices.setdefault(what if isinstance(what, str) else id(what), []).append(index)
    yield from indices.values()
