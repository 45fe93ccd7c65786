"""Columns: a title, what restores, and its settings."""

from __future__ import annotations

import itertools
import json
import os
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch

from ..checks import is_whole
from ..degradation import Degradation
from ..frannet.adapters import named_setup, setup_from_dict
from ..frannet.samplers import QUICK, SETUPS, Setup, Solver
from .door import DEFAULT, Unknown, meaning, restorer
from .functions import from_file, from_module, name_of, named_function
from .protocol import Restorer, missing

Setting = Setup | Solver


class Column:
    """One column of a comparison: a title, and what restores. It does not change.

    Parameters
    ----------
    title : str
        What stands above it.
    what : object
        Whatever restores a picture: see the README's table of kinds.
    setup : Setup, SchedulerSetup or str, optional
        For FranNet's diffusion models; default B.
    seed : int, optional
        Default: that of the comparison.
    given : Degradation, optional
        What it is given of the photo. Default: as for the other columns.
    **settings
        Arguments of a function, or `tile` and `overlap` of a module.

    Raises
    ------
    ValueError
        If the title is no text, nothing is given that restores, or the seed is no whole number.

    Examples
    --------
    >>> Column("sharp", "bicubic").to_dict()
    {'title': 'sharp', 'model': 'bicubic', 'setup': None, 'seed': None}
    """

    def __init__(
        self,
        title: str,
        what: Any = None,
        setup: Setting | str | None = None,
        seed: int | None = None,
        given: Degradation | None = None,
        *,
        model: Any = None,
        **settings: Any,
    ) -> None:
        what = model if what is None else what
        if not isinstance(title, str) or what is None:
            raise ValueError("a column needs a title and what restores, as in Column('small', 'bicubic')")
        if seed is not None and not is_whole(seed):
            raise ValueError(f"seed is {seed!r}; accepted are whole numbers, and None")
        if given is not None and not isinstance(given, Degradation):
            raise ValueError(f"given is {given!r}; accepted is a Degradation")
        self.title = title
        self.what = str(what) if isinstance(what, os.PathLike) else what
        self.setup = named_setup(setup) if isinstance(setup, str) else setup
        self.seed = None if seed is None else int(seed)
        self.given, self.settings = given, MappingProxyType(dict(settings))
        self._made: dict[Any, Restorer] = {}

    @property
    def model(self) -> Any:
        """The old name of `what`."""
        return self.what

    def __repr__(self) -> str:
        return f"Column({self.title!r}, {self.what!r}, setup={self.setup!r}, seed={self.seed!r})"

    def _facts(self) -> tuple[Any, ...]:
        return self.title, self.setup, self.seed, self.given, dict(self.settings)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Column) or self._facts() != other._facts():
            return False
        same = type(self.what) is type(other.what) and isinstance(self.what, (str, Setup)) and self.what == other.what
        return self.what is other.what or same

    def __hash__(self) -> int:
        return hash((self.title, self.seed))

    def but(self, **changes: Any) -> Column:
        """The same column with some of its parts changed, `settings` among them as a whole."""
        parts = {"title": self.title, "what": self.what, "setup": self.setup, "seed": self.seed, "given": self.given}
        settings = changes.pop("settings", self.settings)
        return Column(**{**parts, **changes}, **settings)

    def restorer(
        self,
        precision: str = "float32",
        device: str | torch.device | None = None,
        timeout: float | None = None,
    ) -> Restorer:
        """What restores; see `door.restorer` for what it raises."""
        key = (precision, device, timeout)
        if isinstance(self.what, str):  # a file may have changed
            return restorer(self.what, self.setup, self.settings, self.title, precision, device, timeout)
        if key not in self._made:
            self._made[key] = restorer(self.what, self.setup, self.settings, self.title, precision, device, timeout)
        return self._made[key]

    def to_dict(self) -> dict[str, Any]:
        """The column as JSON can hold it. It never raises: what nothing names again is said to be missing."""
        made: dict[str, Any] = {"title": self.title, **self._named(), "seed": self.seed}
        made["title"] = self.title  # of what a recipe could not name, another may be known
        if self.given is not None:
            made["degradation"] = self.given.to_dict()
        return made

    def _named(self) -> dict[str, Any]:
        what, setup = self.what, self.setup
        try:
            if isinstance(what, (Setup, Solver)) and not isinstance(what, type):
                what, setup = DEFAULT, what
            if isinstance(what, str):
                kind = meaning(what)
                if kind == "setup":
                    what, setup = DEFAULT, named_setup(what)
                if kind == "function":
                    file, _, name = what.rpartition(":")
                    return named_function(from_file(file, name), self.title, self.settings)
                extra = {"settings": dict(self.settings)} if self.settings else {}
                return {"model": what, "setup": setup.to_dict() if setup is not None else None, **extra}
            if isinstance(what, Unknown) and self.settings:
                return {**what.to_dict(), "settings": dict(self.settings)}
            return self.restorer().to_dict()
        except Exception as error:  # of whatever kind: a recipe can be written of what cannot be made
            if isinstance(what, str):
                return {"model": what, "setup": None}
            return missing(self.title, f"{self.title} cannot be named: {error}")

    def key(self) -> str:
        """What tells its restorations from others', within this process at least."""
        made = self.to_dict()
        if "missing" in made and "sha256" not in made:
            made["object"] = _token(self.what)
            made["settings"] = {name: repr(value) for name, value in self.settings.items()}
        made.pop("title")
        if isinstance(self.what, str) and (state := getattr(self.restorer(), "state", None)):
            made["state"] = state()
        return json.dumps(made, sort_keys=True, default=repr)

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
            settings = dict(column.get("settings") or {})
            made = cls(column["title"], _what(column, trust), setup, column.get("seed"), given, **settings)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{column!r} is not a column: {error}") from None
        return made


def _what(column: Mapping[str, Any], trust: bool) -> Any:
    """What restores, as a recipe names it."""
    title = column["title"]
    if "function" in column:
        return _function(column, trust)
    if "missing" in column:
        return Unknown(column, f"{column['missing']}; give it again: columns={{{title!r}: ...}}")
    name = column.get("model", column.get("path"))
    if not isinstance(name, str):
        raise ValueError(f"{dict(column)!r} is not a column: accepted are a title and a model by name")
    file, _, function = name.rpartition(":")
    if file.endswith(".py") and not trust:  # as a string it would be run as soon as it is asked to restore
        return _function({**column, "function": function, "file": file}, trust)
    if "path" in column and not name.startswith((".", "/", "~")):
        name = f"./{name}"
    return name


def _function(column: Mapping[str, Any], trust: bool) -> Any:
    title, name = column["title"], str(column["function"])
    where = str(column.get("file") or column.get("module"))
    if not trust:
        why = (
            f"{title} is the function {name} of {where}; a recipe runs no code: give it with columns={{{title!r}: ...}}"
        )
        return Unknown(column, f"{why}, or allow it with trust=True (--trust)")
    function = from_file(where, name) if column.get("file") else from_module(where, name)
    found = named_function(function, title, {}).get("sha256")
    if column.get("sha256") not in (None, found):
        raise ValueError(f"the function {name} of {where} has changed since the recipe was made")
    return function


_tokens: dict[int, tuple[Any, int]] = {}
_numbers = itertools.count()


def _token(what: Any) -> int:
    """A number of an object's own, as long as it lives."""
    known = _tokens.get(id(what))
    if known is not None and known[0]() is what:
        return known[1]
    try:
        reference: Any = weakref.ref(what)
    except TypeError:
        reference = lambda: what  # noqa: E731 - kept alive, so that its id is not used again
    _tokens[id(what)] = (reference, next(_numbers))
    return _tokens[id(what)][1]


COLUMNS: Mapping[str, Column] = MappingProxyType(
    {
        "Input": Column("Input", "input"),
        "Original": Column("Original", "original"),
        **{name: Column(name, DEFAULT, setup) for name, setup in SETUPS.items()},
        "masking-32": Column("masking-32", "single-masking-32"),
        "masking-8": Column("masking-8", "single-masking-8"),
        "diffusion-best": Column("diffusion-best", "diffusion-best", SETUPS["B"]),
        "diffusion-best, 6 calls": Column("diffusion-best, 6 calls", "diffusion-best", QUICK),
        "single-best": Column("single-best", "single-best"),
    }
)
"""The note's columns by title, and those beyond the note."""


def as_column(what: Any) -> Column:
    """A column, of a column, a title of `COLUMNS`, a pair (title, what), or whatever restores.

    Raises
    ------
    ValueError
        If a string names nothing, or two things.
    """
    if isinstance(what, Column):
        return what
    if isinstance(what, str):
        if what in COLUMNS and not Path(what).exists():
            return COLUMNS[what]
        meaning(what)  # a slip of the pen is told at once
        return Column(_title(what), what)
    if isinstance(what, tuple) and len(what) == 2 and isinstance(what[0], str):
        return Column(what[0], what[1])
    return Column(_title(what), what)


def _title(what: Any) -> str:
    if isinstance(what, (str, os.PathLike)):
        kind = meaning(what) if isinstance(what, str) else "path"
        if kind == "function":
            return str(what).rpartition(":")[2]
        return (Path(what).stem or str(what)) if kind == "path" else str(what)
    if isinstance(what, np.ndarray):
        return "array"
    title = getattr(what, "title", None) or getattr(what, "name", None)
    if isinstance(title, str):
        return title
    return name_of(what) if callable(what) else type(what).__name__


def as_columns(columns: Sequence[Any]) -> list[Column]:
    """Columns with titles that differ: of two that would be called the same, the second gets a number.

    Raises
    ------
    ValueError
        If there is none, or two have been given the same title.
    """
    if isinstance(columns, (str, Column)) or (not isinstance(columns, Sequence) and not hasattr(columns, "__iter__")):
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
        made.append(column if title == column.title else column.but(title=title))
    if not made:
        raise ValueError("there is no column; accepted is a list of one or more, such as ['A', 'bicubic']")
    return made
