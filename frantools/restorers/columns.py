"""Columns: a title, a restorer, and its settings."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import torch

from ..checks import invalid, is_integer, to_python
from ..files import ContentChangedError, with_infinite
from ..frannet.network.ablations import Ablation, check_ablation
from ..frannet.sampling.named_setups import named_setup, setup_from_dict
from ..frannet.sampling.samplers import Sampler
from ..photos.degradation import Degradation
from .base import Restorer, describe, missing
from .frannet import why_unnamed
from .functions import FILE_FUNCTION, FUNCTION, named_function
from .identity import is_equal, is_json
from .kinds import MissingRestorer
from .python_files import from_file, from_module
from .resolve import NOTE_COLUMNS, PATH, expand_setup, interpretation, interpretations, resolve
from .saved import ARRAY


class Column:
    """One column of a comparison: a title, and a restorer with its settings. It is immutable.

    Parameters
    ----------
    title : str
        Shown above the column.
    what : object
        The restorer; see the table in the README.
    setup : Sampler or str, optional
        For FranNet models with a sampler; default: B, or an autoregressive model's own.
    seed : int, optional
        Default: the seed of the comparison.
    given : Degradation, optional
        The degradation of the photo. Default: that of the comparison.
    settings : dict, optional
        Arguments of a function whose names are taken by other parameters, such as ``{"seed": 3}``.
    **other_settings
        Arguments of a function, `tile` and `overlap` of a module, or a FranNet's `ablation`.

    Raises
    ------
    ValueError
        If the title is not a string, `what` is missing, or the seed is not an integer.

    Examples
    --------
    >>> Column("sharp", "bicubic").to_dict()
    {'title': 'sharp', 'model': 'bicubic', 'setup': None, 'seed': None}
    """

    def __init__(
        self,
        title: str,
        what: Any = None,
        setup: Sampler | str | None = None,
        seed: int | None = None,
        given: Degradation | None = None,
        *,
        settings: Mapping[str, Any] | None = None,
        **other_settings: Any,
    ) -> None:
        if not isinstance(title, str) or what is None:
            raise ValueError("a column needs a title and a restorer, as in Column('small', 'bicubic')")
        if settings is not None and not (isinstance(settings, Mapping) and all(type(name) is str for name in settings)):
            raise invalid("settings", "a dict of arguments by name", settings)
        if seed is not None and not is_integer(seed):
            raise invalid("seed", "an integer or None", seed)
        if given is not None and not isinstance(given, Degradation):
            raise invalid("given", "a Degradation", given)
        self.title = title
        if isinstance(what, np.ndarray) and what.flags.writeable:
            what = what.copy()
            what.flags.writeable = False
        self.what = _as_path(what) if isinstance(what, os.PathLike) else what
        self.setup = named_setup(setup) if isinstance(setup, str) else setup
        self.seed = None if seed is None else int(seed)
        self.given, self.settings = given, MappingProxyType(to_python({**(settings or {}), **other_settings}))

    def __repr__(self) -> str:
        what = repr(self.what) if isinstance(self.what, (str, Sampler)) else f"<{_title(self.what)}>"
        settings = f", settings={dict(self.settings)!r}" if self.settings else ""
        return f"Column({self.title!r}, {what}, setup={self.setup!r}, seed={self.seed!r}{settings})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Column):
            return False
        mine, theirs = self.settings, other.settings
        return (
            (self.title, self.setup, self.seed, self.given) == (other.title, other.setup, other.seed, other.given)
            and mine.keys() == theirs.keys()
            and all(is_equal(mine[name], theirs[name]) for name in mine)
            and (
                self.what is other.what
                or (isinstance(self.what, (str, Sampler, np.ndarray)) and is_equal(self.what, other.what))
            )
        )

    def _has_equality(self) -> bool:
        return isinstance(self.what, (str, Sampler, np.ndarray))

    def __hash__(self) -> int:
        return hash((self.title, self.seed))

    def replace(self, **changes: Any) -> Column:
        """Return a copy with some fields replaced; `settings` are replaced as a whole."""
        fields = {name: getattr(self, name) for name in ("title", "what", "setup", "seed", "given", "settings")}
        return Column(**{**fields, **changes})

    def resolve(
        self,
        precision: str = "float32",
        device: str | torch.device | None = None,
        timeout: float | None = None,
    ) -> Restorer:
        """Resolve the restorer; see `resolve` for the errors."""
        return resolve(self.what, self.setup, self.settings, self.title, precision, device, timeout)

    @property
    def missing(self) -> str:
        """Why a recipe's column has no restorer; empty if it has one."""
        return str(self.what.resolve_error) if isinstance(self.what, MissingRestorer) else ""

    @property
    def content(self) -> Mapping[str, Any]:
        """The recipe's description of a column whose restorer is missing."""
        return self.what.content if isinstance(self.what, MissingRestorer) else {}

    def with_restorer(self, what: Any) -> Column:
        """Return a copy with another restorer, or the one that is missing, and the settings of the recipe."""
        if isinstance(what, Column):
            return what.replace(title=self.title)
        settings = self.content.get("settings") or self.settings
        if isinstance(what, Sampler) and "model" in self.content:  # only the sampler could not be named
            return self.replace(what=self.content["model"], setup=what, settings=settings)
        return self.replace(what=as_column((self.title, what)).what, settings=settings)

    def to_dict(self) -> dict[str, Any]:
        """Describe the column for a recipe. It never raises: a restorer without a name is marked as missing."""
        description = self._describe()
        if "missing" in description and self.settings and is_json(dict(self.settings)):
            settings = {**(description.get("settings") or {}), **self.settings}
            description = {**description, "settings": settings}  # for `with_restorer`
        description = {**description, "title": self.title, "seed": self.seed}
        if self.given is not None:
            description["degradation"] = self.given.to_dict()
        return {"title": description.pop("title"), **description}

    def _describe(self) -> dict[str, Any]:
        """Describe the restorer: by its name and settings, otherwise as it describes itself."""
        try:
            what, setup = expand_setup(self.what, self.setup)
            if not isinstance(what, str) or FILE_FUNCTION.accepts(what):
                return describe(self.resolve(), self.title)
            if reason := why_unnamed(setup):
                return missing(self.title, f"{self.title} {reason}") | {"model": what}
            settings = {
                name: value.to_dict() if isinstance(value, Ablation) else value for name, value in self.settings.items()
            }
            description = {"model": what, "setup": setup.to_dict() if setup is not None else None}
            description |= {"settings": settings} if settings else {}
            if is_json(description):
                return description
            return missing(self.title, f"no recipe can name {self.title}: JSON cannot represent its settings")
        except Exception as error:  # a recipe can contain a column that does not resolve
            if isinstance(self.what, str) and not self.settings:
                return {"model": self.what, "setup": None}
            return missing(self.title, f"no recipe can name {self.title}: {error}")

    @classmethod
    def from_dict(cls, column: Mapping[str, Any], trust: bool = False) -> Column:
        """Read a column from a recipe.

        Parameters
        ----------
        column : dict
            Returned by `to_dict`.
        trust : bool
            Whether a function that it names is imported, which runs code.

        Raises
        ------
        ValueError
            If it does not describe a column.
        """
        try:
            setup = setup_from_dict(column["setup"]) if column.get("setup") else None
            given = Degradation(**column["degradation"]) if column.get("degradation") else None
            settings = with_infinite(dict(column.get("settings") or {}))
            what = _restorer_from_dict(column, trust)
            if "model" in column and settings.keys() == {"ablation"}:
                settings = {"ablation": check_ablation(settings["ablation"])}
            if isinstance(what, MissingRestorer):  # its content has its settings
                setup, settings = None, {}
            return cls(column["title"], what, setup, column.get("seed"), given, settings=settings)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{column!r} is not a column: {error}") from None


def _restorer_from_dict(column: Mapping[str, Any], trust: bool) -> Any:
    """The restorer that a recipe names."""
    title = column["title"]
    if "function" in column:
        return _function_from_dict(column, trust)
    if "missing" in column:
        return MissingRestorer(f"{column['missing']}; pass it: columns={{{title!r}: ...}} (--column)", column)
    name = column.get("model", column.get("path"))
    if not isinstance(name, str):
        raise ValueError(f"{dict(column)!r} is not a column: it has no title and model")
    name = _as_path(name) if "path" in column else name
    if FILE_FUNCTION.accepts(name) and not trust:
        file, _, function = name.rpartition(":")
        return _function_from_dict({**column, "function": function, "file": file}, trust)
    return name


def _as_path(path: str | os.PathLike[str]) -> str:
    """A path as a string that cannot be mistaken for another name."""
    text = os.fspath(path)
    return text if interpretations(text) == [PATH] else f"./{text}"


def _function_from_dict(column: Mapping[str, Any], trust: bool) -> Any:
    title, name = column["title"], str(column["function"])
    place = str(column.get("file") or column.get("module"))
    if not trust:
        reason = (
            f"{title} is the function {name} of {place}, and a recipe runs no code: pass it with "
            f"columns={{{title!r}: ...}}, or allow it with trust=True (--trust)"
        )
        return MissingRestorer(reason, column)
    load: Callable[[str, str], Any] = from_file if column.get("file") else from_module
    function = load(place, name)
    sha256 = named_function(function, title, {}).get("sha256")
    if column.get("sha256") not in (None, sha256):
        raise ContentChangedError(f"the function {name} of {place} has changed since the recipe was made")
    return function


def restorer_label(what: Any) -> str:
    """A short label for lists: the name of a restorer, and its kind."""
    if isinstance(what, str):
        return what
    if isinstance(what, MissingRestorer):
        return f"{what.title} (missing)"
    kind = interpretation(what)
    name, kind_name = kind.title(what), kind.name if kind in (ARRAY, FUNCTION) else type(what).__name__
    return name if name == kind_name else f"{name} ({kind_name})"


COLUMNS: Mapping[str, Column] = MappingProxyType(
    {title: Column(title, *entry) for title, entry in NOTE_COLUMNS.items()}
)
"""The note's columns by title, and those that go beyond the note."""


def as_column(what: Any) -> Column:
    """Convert a column, a title of `COLUMNS`, a pair (title, what), or a restorer to a column.

    Raises a ValueError if a string is unknown or ambiguous.
    """
    if isinstance(what, Column):
        return what
    if isinstance(what, str):
        title = _title(what)  # reports an unknown name at once
        return COLUMNS[what] if what in COLUMNS else Column(title, what)
    if isinstance(what, tuple) and len(what) == 2 and isinstance(what[0], str):
        return what[1].replace(title=what[0]) if isinstance(what[1], Column) else Column(what[0], what[1])
    return Column(_title(what), what)


def _title(what: Any) -> str:
    try:
        return interpretation(what).title(what)
    except ValueError:
        if isinstance(what, str):
            raise
        return type(what).__name__  # reported when the column is resolved


def as_columns(columns: Sequence[Any]) -> list[Column]:
    """Convert to columns with different titles: a number is appended to a default title that occurs twice.

    Raises a ValueError without columns, or if the same title is given twice.
    """
    if isinstance(columns, (str, Column, np.ndarray)) or callable(columns) or not hasattr(columns, "__iter__"):
        raise invalid("columns", "a list of columns, such as ['A', 'bicubic']", columns)
    result: list[Column] = []
    for item in columns:
        column, has_given_title = as_column(item), isinstance(item, (Column, tuple))
        taken = {previous.title for previous in result}
        if column.title in taken and has_given_title:
            titles = ", ".join([*taken, column.title])
            raise ValueError(f"titles of columns must differ, got {titles}")
        candidates = itertools.chain([column.title], (f"{column.title} ({n})" for n in itertools.count(2)))
        title = next(candidate for candidate in candidates if candidate not in taken)
        result.append(column if title == column.title else column.replace(title=title))
    if not result:
        raise invalid("columns", "a list of at least one column, such as ['A', 'bicubic']", columns)
    return result
