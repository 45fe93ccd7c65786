"""Axes of a sweep: from names and lists of values to columns, each once."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from itertools import chain, count, product
from typing import Any

import numpy as np
from torch import Tensor

from ..checks import to_python
from ..frannet.sampling.adapters import SchedulerSetup
from ..frannet.sampling.named_setups import named_setup
from ..frannet.sampling.samplers import Sampler
from ..photos.degradation import Degradation
from ..restorers.base import Restorer
from ..restorers.columns import Column, as_column
from ..restorers.functions import name_of
from ..restorers.resolve import DEFAULT, meaning
from .keys import address, identity

Axes = Mapping[str, Sequence[Any]] | Sequence[Mapping[str, Sequence[Any]]]
RESERVED = {"picture", "calls", "seconds", "sentence"}
"""Columns that every result has."""


@dataclass(frozen=True, eq=False)
class Setting:
    """One point of the axes: a column, and where it lies.

    Parameters
    ----------
    column : Column
        What restores, with all that the axes say.
    values : dict
        By the name of each axis the value that the column really has, of one that varies elsewhere too.
    restorer : Restorer
        Of the column.
    """

    column: Column
    values: Mapping[str, Any]
    restorer: Restorer


def names_of(axes: Axes) -> list[str]:
    """The names of all axes, in order; see `settings`."""
    return list(dict.fromkeys(name for part in _parts(axes) for name in part))


def settings(axes: Axes, base: Any = None, precision: str = "float32") -> list[Setting]:
    """The settings of axes, in order; of those that are the same, the first.

    Parameters
    ----------
    axes : dict or list of dict
        A list of values for each name: "model", "setup", "scheduler", "seed", "given", the settings of a sampler, such
        as "K", or the arguments of a function. All combinations are taken. Of a list of dicts, all that each has.
    base : object, optional
        A column, or whatever can be one, with all that the axes do not say. Default: the note's model.
    precision : str
        Of FranNet's products.

    Raises
    ------
    FileNotFoundError, ValueError, ImportError
        If a name or a value is not accepted.
    """
    parts, names = _parts(axes), names_of(axes)
    make = _Maker(precision)
    column, found = make.plain(as_column(DEFAULT if base is None else base)), dict[str, Setting]()
    for part in parts:
        for values in product(*part.values()):
            setting = _setting(column, dict(zip(part, values, strict=True)), names, make)
            found.setdefault(address(identity(setting.column, setting.restorer)), setting)
    return _told_apart(list(found.values()))


class _Maker:
    """Makes the restorers of columns; what a name stands for is looked up once, which takes a look at folders."""

    def __init__(self, precision: str) -> None:
        self.precision = precision
        self.models: dict[str, Any] = {}

    def restorer(self, column: Column) -> Restorer:
        if isinstance(column.what, str) and column.what in self.models:
            return column.but(what=self.models[column.what]).restorer(self.precision)
        made: Any = column.restorer(self.precision)
        if isinstance(column.what, str) and made.model is not None:
            self.models[column.what] = made.model
        return made

    def plain(self, column: Column) -> Column:
        """A column, with a setup that its name stands for written out, and paths that lead there from anywhere."""
        what: Any = column.what
        if isinstance(what, str) and what not in self.models and meaning(what) in ("setup", "noted"):
            made: Any = column.restorer(self.precision)
            return column.but(what=made.name, setup=made.sampler) if made.model is not None else column
        if isinstance(what, Sampler):
            return column.but(what=what.default_model, setup=what)
        return column if isinstance(what, str) and what in self.models else column.but(what=anywhere(what))


def _parts(axes: Axes) -> list[dict[str, list[Any]]]:
    """The axes as dicts of lists, checked."""
    several: Any = [axes] if isinstance(axes, Mapping) else axes
    if not isinstance(several, (list, tuple)) or not several or not all(isinstance(part, Mapping) for part in several):
        raise ValueError(f"axes is {axes!r}; accepted is a dict of lists, such as {{'K': [1, 8]}}, or a list of such")
    return [{name: _values(name, values) for name, values in part.items()} for part in several]


def _values(name: Any, values: Any) -> list[Any]:
    if not isinstance(name, str) or not name:
        raise ValueError(f"an axis is named {name!r}; accepted are texts, such as 'K'")
    if name in RESERVED:
        raise ValueError(f"an axis is named {name!r}, as a column of every result is; accepted are other names")
    listed = isinstance(values, (list, tuple, range)) or (isinstance(values, (np.ndarray, Tensor)) and values.ndim == 1)
    if not listed or len(values) == 0:
        raise ValueError(f"the axis {name} is {values!r}; accepted is a list of one value or more")
    return [to_python(value) for value in values]


def anywhere(what: Any) -> Any:
    """What restores, named so that a process with another working folder finds it."""
    if not isinstance(what, str):
        return what
    kind = meaning(what)
    if kind == "path":
        return os.path.abspath(os.path.expanduser(what))
    if kind == "function":
        file, _, name = what.rpartition(":")
        return f"{os.path.abspath(os.path.expanduser(file))}:{name}"
    return what


def _setting(base: Column, values: dict[str, Any], names: Sequence[str], make: _Maker) -> Setting:
    left = dict(values)
    changes: dict[str, Any] = {name: left.pop(name) for name in ("setup", "seed") if name in left}
    if "given" in left:
        changes["given"] = _given(left.pop("given"))
    if "model" in left:
        changes["what"] = left.pop("model")
        changes["title"] = as_column(changes["what"]).title
    column = make.plain(base.but(**changes)) if changes else base
    made = make.restorer(column)
    sampler = made.sampler
    if left:
        if sampler is not None:
            column = column.but(setup=_sampler(sampler, left))
        elif made.model is not None:
            raise ValueError(f"the single-pass model {made.title} has no sampler, and no {', '.join(left)} to vary")
        else:
            column = column.but(settings={**column.settings, **left})
        made = make.restorer(column)
    return Setting(column, {name: _value(name, column, made) for name in names}, made)


def _given(given: Any) -> Degradation | None:
    try:
        return Degradation(**given) if isinstance(given, Mapping) else given
    except TypeError:
        raise ValueError(f"given is {given!r}; accepted are gray, shrink, noise, blur, jpeg and seed") from None


def _sampler(sampler: Any, changes: dict[str, Any]) -> Any:
    """A sampler with some of its settings changed, and first of all its scheduler."""
    if changes.get("scheduler") is not None:
        scheduler = str(changes["scheduler"])
        sampler = named_setup(scheduler if ":" in scheduler else f"{scheduler}:{SchedulerSetup.steps}")
    changes = {name: value for name, value in changes.items() if name != "scheduler"}
    own = [field.name for field in fields(sampler)] if is_dataclass(sampler) else []
    options = {name: value for name, value in changes.items() if name not in own}
    if options and "options" in own:
        changes = {name: value for name, value in changes.items() if name in own}
        changes["options"] = {**changes.get("options", sampler.options), **options}
    elif options:
        accepted = ["model", "setup", "scheduler", "seed", "given", *own]
        raise ValueError(
            f"there is no axis {', '.join(map(repr, options))} of the sampler {sampler.name}; accepted are "
            f"{', '.join(accepted)}"
        )
    return replace(sampler, **changes) if changes else sampler


def _told_apart(settings: list[Setting]) -> list[Setting]:
    """Settings that differ in value where they differ: of two models or samplers of one name, one gets a number."""
    taken: dict[tuple[str, Any], Any] = {}
    made = []
    for setting in settings:
        values = dict(setting.values)
        for axis, what in (("model", setting.column.what), ("setup", setting.restorer.sampler)):
            if axis in values:
                names = chain([values[axis]], (f"{values[axis]} ({number})" for number in count(2)))
                values[axis] = next(name for name in names if _alike(taken.setdefault((axis, name), what), what))
        made.append(replace(setting, values=values))
    return made


def _alike(one: Any, other: Any) -> bool:
    """Whether two columns have the same model or sampler: one text, equal samplers, or the very same thing."""
    return one is other or (type(one) is type(other) and isinstance(one, (str, Sampler)) and bool(one == other))


def _value(name: str, column: Column, made: Restorer) -> Any:
    """What a column has on an axis: a number or a short text."""
    sampler = made.sampler
    if name == "model":
        return column.title
    if name == "setup":
        return None if sampler is None else sampler.name
    if name in ("seed", "given"):
        return said(getattr(column, name))
    if sampler is None:
        return said(column.settings.get(name))
    return said(getattr(sampler, name, getattr(sampler, "options", {}).get(name)))


def said(value: Any) -> Any:
    """A value as a table holds it: numbers, texts and None as they are, other things by a short text."""
    value = to_python(value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (tuple, list)):
        return tuple(map(said, value))
    return name_of(value) if callable(value) else str(value)


def groups(settings: Sequence[Setting]) -> Iterator[list[int]]:
    """The numbers of settings that share what restores, but for its setup, one group after the other."""
    found: dict[Any, list[int]] = {}
    for index, setting in enumerate(settings):
        what = setting.column.what
        found.setdefault(what if isinstance(what, str) else id(what), []).append(index)
    yield from found.values()
