"""Columns: a title, what restores, and its settings."""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from torch import nn

from ..checks import invalid, is_integer, to_python
from ..files import ContentChangedError, to_json, with_infinite
from ..frannet.network.ablations import Ablation, check_ablation
from ..frannet.sampling.named_setups import named_setup, setup_from_dict
from ..frannet.sampling.samplers import Sampler
from ..photos.degradation import Degradation
from .base import Restorer, is_restorer, missing
from .frannet import FranNetRestorer, is_model, shared_model, unnamed
from .functions import from_file, from_module, name_of, named_function, parameters
from .identity import alike, in_full, is_json, sampler, token
from .resolve import NOTE_COLUMNS, MissingRestorer, interpretation, interpretations, resolve

FINDABLE = {"model", "path", "function", "missing"}
"""One of these stands in what describes a column: what finds it again, or why nothing does."""

OWN = {"title", "what", "model", "setup", "seed", "given", "settings"}
"""The names that arguments of a function cannot simply have."""


class Column:
    """One column of a comparison: a title, and what restores. It does not change.

    Parameters
    ----------
    title : str
        What stands above it.
    what : object
        Whatever restores a picture: see the README's table of kinds.
    setup : Sampler or str, optional
        For FranNet's models that are sampled; default B, or an autoregressive model's own.
    seed : int, optional
        Default: that of the comparison.
    given : Degradation, optional
        What it is given of the photo. Default: as for the other columns.
    model : object, optional
        The old name of `what`.
    settings : dict, optional
        Arguments of a function by names that are taken here, such as ``{"seed": 3}``.
    **others
        Arguments of a function, `tile` and `overlap` of a module, or a FranNet's `ablation`. `what`, `model` and
        `title` are among them where they are given a second time.

    Raises
    ------
    ValueError
        If the title is no text, nothing is given that restores, two things are, or the seed is no whole number.

    Examples
    --------
    >>> Column("sharp", "bicubic").to_dict()
    {'title': 'sharp', 'model': 'bicubic', 'setup': None, 'seed': None}
    """

    def __init__(
        self,
        title: Any = None,
        what: Any = None,
        /,  # so that a function may have arguments of these names
        setup: Sampler | str | None = None,
        seed: int | None = None,
        given: Degradation | None = None,
        *,
        settings: Mapping[str, Any] | None = None,
        **others: Any,
    ) -> None:
        title = others.pop("title", None) if title is None else title
        for name in ("what", "model"):
            what = others.pop(name, None) if what is None else what
        if not isinstance(title, str) or what is None:
            raise ValueError("a column needs a title and what restores, as in Column('small', 'bicubic')")
        if twice := [name for name in ("title", "what", "model") if name in others and not _takes(what, name)]:
            raise ValueError(
                f"{title} is given {twice[0]}={others[twice[0]]!r} beside what restores; accepted is that of a "
                "function which has an argument of this name"
            )
        if not (settings is None or isinstance(settings, Mapping)) or any(
            type(name) is not str for name in settings or ()
        ):
            raise ValueError(f"settings is {settings!r}; accepted is a dict of arguments by name")
        if seed is not None and not is_integer(seed):
            raise invalid("seed", "an integer or None", seed)
        if given is not None and not isinstance(given, Degradation):
            raise ValueError(f"given is {given!r}; accepted is a Degradation")
        self.title = title
        self.what = _as_path(what) if isinstance(what, os.PathLike) else what
        self.setup = named_setup(setup) if isinstance(setup, str) else setup
        self.seed = None if seed is None else int(seed)
        self.given, self.settings = given, MappingProxyType(to_python({**(settings or {}), **others}))
        self._made: dict[Any, Restorer] = {}

    @property
    def model(self) -> Any:
        """The old name of `what`."""
        return self.what

    def __repr__(self) -> str:
        what = repr(self.what) if isinstance(self.what, (str, Sampler)) else f"<{_title(self.what)}>"
        taken = {name: value for name, value in self.settings.items() if name in OWN}
        settings = "".join(f", {name}={value!r}" for name, value in self.settings.items() if name not in OWN)
        settings += f", settings={taken!r}" if taken else ""
        return f"Column({self.title!r}, {what}, setup={self.setup!r}, seed={self.seed!r}{settings})"

    def _facts(self) -> tuple[Any, ...]:
        return self.title, self.setup, self.seed, self.given

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Column) or self._facts() != other._facts():
            return False
        mine, others = self.settings, other.settings
        if mine.keys() != others.keys() or not all(alike(mine[name], others[name]) for name in mine):
            return False
        same = isinstance(self.what, (str, Sampler)) and type(self.what) is type(other.what) and self.what == other.what
        return self.what is other.what or same

    def __hash__(self) -> int:
        return hash((self.title, self.seed))

    def replace(self, **changes: Any) -> Column:
        """The same column with some of its parts changed, `settings` among them as a whole."""
        title, what = changes.pop("title", self.title), changes.pop("what", self.what)
        model = self.what.content.get("model") if isinstance(self.what, MissingRestorer) else None
        if model is not None and "setup" not in changes and isinstance(what, Sampler):
            what, changes["setup"] = model, what
        parts = {"setup": self.setup, "seed": self.seed, "given": self.given, "settings": self.settings}
        return Column(title, what, **{**parts, **changes})

    def resolve(
        self,
        precision: str = "float32",
        device: str | torch.device | None = None,
        timeout: float | None = None,
    ) -> Restorer:
        """What restores; see `resolve` for what it raises."""
        key = (precision, device, repr(timeout))
        if key not in self._made or not self._lasts(self._made[key]):
            self._made[key] = resolve(self.what, self.setup, self.settings, self.title, precision, device, timeout)
        return self._made[key]

    def _lasts(self, made: Restorer) -> bool:
        """Whether what was made before would be made again: a file, or weights of which there is a copy, may change."""
        if not isinstance(self.what, str):
            return not is_model(self.what)
        return isinstance(made, FranNetRestorer) and made.name is not None and shared_model(made.name) is made.model

    def to_dict(self) -> dict[str, Any]:
        """The column as JSON can hold it. It never raises: what nothing names again is said to be missing."""
        return self._described(None)

    def _described(self, made: Restorer | None) -> dict[str, Any]:
        """The same, from what restores in the column, if that is known."""
        try:
            named = self._named(made)
            if not is_json(named):
                raise TypeError("JSON cannot hold what describes it")
            if not FINDABLE & named.keys():
                raise TypeError(f"its to_dict says none of {', '.join(sorted(FINDABLE))}")
        except Exception as error:  # of whatever kind: a recipe can be written of what cannot be made
            named = missing(self.title, f"nothing finds {self.title} again: {error}")
            if isinstance(self.what, str) and not self.settings:
                named = {"model": self.what, "setup": None}
        if "missing" in named and is_json(dict(self.settings)) and self.settings:
            settings = {**(named.get("settings") or {}), **self.settings}
            named = {**named, "settings": settings}  # for what is given again
        described: dict[str, Any] = {**named, "title": self.title, "seed": self.seed}
        if self.given is not None:
            described["degradation"] = self.given.to_dict()
        return {"title": described.pop("title"), **described}

    def _named(self, made: Restorer | None) -> dict[str, Any]:
        """What finds again what restores, or says why nothing does."""
        what: Any = self.what
        setup: Sampler | None = self.setup
        kind = interpretation(what) if isinstance(what, str) else ""
        if kind == "setup":
            setup = named_setup(what)
            what = setup.default_model
        elif kind == "note":
            what, setup = NOTE_COLUMNS[what][0], NOTE_COLUMNS[what][1] if setup is None else setup
        elif isinstance(what, Sampler):
            what, setup = what.default_model, what
        elif kind in ("", "function"):
            return dict((self.resolve() if made is None else made).to_dict())
        if why := unnamed(setup):
            return missing(self.title, f"{self.title} {why}") | {"model": what}
        said = {
            name: value.to_dict() if isinstance(value, Ablation) else value for name, value in self.settings.items()
        }
        extra = {"settings": said} if said else {}
        return {"model": what, "setup": setup.to_dict() if setup is not None else None, **extra}

    def key(self, restorer: Restorer | None = None) -> str:
        """What tells its restorations from others', within this process at least.

        Parameters
        ----------
        restorer : Restorer, optional
            What restores in the column, if that is known.
        """
        described = self._described(restorer)
        described.pop("title")
        if described.pop("missing", None) and "sha256" not in described:
            described["object"] = self.what if isinstance(self.what, str) else token(self.what)
            described["settings"] = {name: in_full(value) for name, value in self.settings.items()}
            described["setup"] = sampler(self.setup)
        try:
            described["state"] = (self.resolve() if restorer is None else restorer).state()
        except Exception:  # of whatever kind: it is told where the column is restored
            described["state"] = None
        return to_json(described, sort_keys=True, default=repr)

    def is_lasting(self, restorer: Restorer | None = None) -> bool:
        """Whether `key` means the same in other processes: where names, which hashes go with, say all of it."""
        return isinstance(self.what, (str, Sampler)) and "missing" not in self._described(restorer)

    @classmethod
    def from_dict(cls, column: Mapping[str, Any], trust: bool = False) -> Column:
        """The column that `to_dict` described.

        Parameters
        ----------
        column : dict
            From a recipe.
        trust : bool
            Whether a function that it names is imported. Importing runs code.

        Raises
        ------
        ValueError
            If it describes no column.
        """
        try:
            setup = setup_from_dict(column["setup"]) if column.get("setup") else None
            given = Degradation(**column["degradation"]) if column.get("degradation") else None
            settings = with_infinite(dict(column.get("settings") or {}))
            what = _what(column, trust)
            if "model" in column and settings.keys() == {"ablation"}:
                settings = {"ablation": check_ablation(settings["ablation"])}
            if isinstance(what, MissingRestorer):  # it has its settings in its content
                setup, settings = None, {}
            made = cls(column["title"], what, setup, column.get("seed"), given, settings=settings)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{column!r} is not a column: {error}") from None
        return made


def _what(column: Mapping[str, Any], trust: bool) -> Any:
    """What restores, as a recipe names it."""
    title = column["title"]
    if "function" in column:
        return _function(column, trust)
    if "missing" in column:
        return MissingRestorer(column, f"{column['missing']}; give it again: columns={{{title!r}: ...}} (--column)")
    name = column.get("model", column.get("path"))
    if not isinstance(name, str):
        raise ValueError(f"{dict(column)!r} is not a column: accepted are a title and a model by name")
    name = _as_path(name) if "path" in column else name
    if "function" in interpretations(name) and not trust:
        file, _, function = name.rpartition(":")
        return _function({**column, "function": function, "file": file}, trust)
    return name


def _as_path(path: str | os.PathLike[str]) -> str:
    """A path as a string that stands for nothing else."""
    text = os.fspath(path)
    return text if interpretations(text).keys() == {"path"} else f"./{text}"


def _function(column: Mapping[str, Any], trust: bool) -> Any:
    title, name = column["title"], str(column["function"])
    where = str(column.get("file") or column.get("module"))
    if not trust:
        why = (
            f"{title} is the function {name} of {where}; a recipe runs no code: give it with columns={{{title!r}: ...}}"
        )
        return MissingRestorer(column, f"{why}, or allow it with trust=True (--trust)")
    function = from_file(where, name) if column.get("file") else from_module(where, name)
    found = named_function(function, title, {}).get("sha256")
    if column.get("sha256") not in (None, found):
        raise ContentChangedError(f"the function {name} of {where} has changed since the recipe was made")
    return function


def _takes(what: Any, name: str) -> bool:
    """Whether what restores is a function that has an argument of this name, or may have one."""
    if isinstance(what, str):
        return "function" in interpretations(what)  # which is not run before it is asked to restore
    if not callable(what) or isinstance(what, (type, nn.Module, Sampler)) or is_restorer(what):
        return False
    names, open_ended = parameters(what)
    return open_ended or name in names


COLUMNS: Mapping[str, Column] = MappingProxyType({title: Column(title, *made) for title, made in NOTE_COLUMNS.items()})
"""The note's columns by title, and those beyond the note."""


def as_column(what: Any) -> Column:
    """A column, of a column, a title of `COLUMNS`, a pair (title, what), or whatever restores.

    Raises a ValueError if a string names nothing, or two things.
    """
    if isinstance(what, Column):
        return what
    if isinstance(what, str):
        interpretation(what)  # a slip of the pen is told at once
        return COLUMNS[what] if what in COLUMNS else Column(_title(what), what)
    if isinstance(what, tuple) and len(what) == 2 and isinstance(what[0], str):
        return what[1].replace(title=what[0]) if isinstance(what[1], Column) else Column(what[0], what[1])
    return Column(_title(what), what)


def _title(what: Any) -> str:
    if isinstance(what, (str, os.PathLike)):
        kind = interpretation(what) if isinstance(what, str) else "path"
        if kind == "function":
            return str(what).rpartition(":")[2]
        return (Path(what).stem or str(what)) if kind == "path" else str(what)
    if isinstance(what, np.ndarray):
        return "array"
    if isinstance(what, Sampler):
        return what.name
    title = getattr(what, "title", None) or getattr(what, "name", None)
    if isinstance(title, str):
        return title
    return name_of(what) if callable(what) else type(what).__name__


def as_columns(columns: Sequence[Any]) -> list[Column]:
    """Columns with titles that differ: of two that would be called the same, the second gets a number.

    Raises a ValueError if there is none, or two have been given the same title.
    """
    if isinstance(columns, (str, Column, np.ndarray)) or callable(columns) or not hasattr(columns, "__iter__"):
        raise ValueError(f"columns is {columns!r}; accepted is a list of columns, such as ['A', 'bicubic']")
    made: list[Column] = []
    for each in columns:
        column, given = as_column(each), isinstance(each, (Column, tuple))
        taken = {before.title for before in made}
        if column.title in taken and given:
            titles = ", ".join([*taken, column.title])
            raise ValueError(f"two columns have the same title among {titles}; titles must differ")
        names = itertools.chain([column.title], (f"{column.title} ({n})" for n in itertools.count(2)))
        title = next(name for name in names if name not in taken)
        made.append(column if title == column.title else column.replace(title=title))
    if not made:
        raise ValueError("there is no column; accepted is a list of one or more, such as ['A', 'bicubic']")
    return made
