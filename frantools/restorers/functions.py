"""Functions as restorers."""

from __future__ import annotations

import hashlib
import inspect
import json
import sys
import textwrap
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from ..checks import to_python
from ..files import to_json
from ..photos.photo import Photo
from ..photos.regions import Region
from .base import Progress, Restoration, RestorationInput, Restorer, check_picture, missing
from .custom import run_with_timeout
from .identity import process_token, setting_identity
from .kinds import Kind, Options
from .python_files import FILES, from_file, look_up, split_file_function


class FunctionRestorer(Restorer):
    """A function ``f(picture) -> picture``.

    Parameters
    ----------
    function : callable
        It takes float32 (H, W, 3) in [0, 1], a copy that it may change, and returns the same in any size. Parameters
        with these names are filled in: `seed`, `size` (the requested width and height), `region`, `sigma` (the standard
        deviation of the noise in the picture; if unknown, the parameter's default or 0) and `channel_axis` (-1, as in
        scikit-image).
    settings : dict
        Further arguments, by name.
    title : str, optional
        Default: the function's name.
    timeout : float, optional
        Seconds to wait for the result. Default: no limit.

    Raises
    ------
    ValueError
        If the function has no parameter of that name.
    """

    interruptible = True

    def __init__(
        self,
        function: Callable[..., Any],
        settings: Mapping[str, Any] | None = None,
        title: str | None = None,
        timeout: float | None = None,
    ) -> None:
        while isinstance(function, partial) and not function.args:  # a function and its settings
            settings = {**function.keywords, **(settings or {})}
            function = function.func
        self.function, self.settings, self.timeout = function, to_python(dict(settings or {})), timeout
        self.title = title or name_of(function)
        self.is_required, takes_any = parameters(function)
        unknown = self.settings.keys() - self.is_required.keys()
        if unknown and not takes_any:
            names = ", ".join(sorted(self.is_required)) or "none"
            raise ValueError(f"{self.title} has no parameter {', '.join(sorted(unknown))}; its parameters: {names}")
        self.random = "seed" in self.is_required.keys() - self.settings.keys()
        self.continuous = {"size", "region"} <= self.is_required.keys()
        self.persistent = getattr(function, "__module__", None) in FILES

    def restore(
        self, given: RestorationInput, size: tuple[int, int], region: Region | None, seed: int, progress: Progress
    ) -> Restoration:
        """Call the function; see `Restorer`."""
        values: dict[str, Any] = {"seed": seed, "size": size, "region": region, "channel_axis": -1}
        if given.degradation is not None or self.is_required.get("sigma"):
            values["sigma"] = given.degradation.noise if given.degradation is not None else 0.0
        arguments = {name: value for name, value in values.items() if name in self.is_required} | self.settings
        started, picture = time.perf_counter(), np.array(given.picture)
        result = run_with_timeout(
            lambda: self.function(picture, **arguments), self.title, lambda: progress(0.0), self.timeout
        )
        image, remarks = check_picture(result, self.title)
        return Restoration(image, time.perf_counter() - started, calls=0, remarks=remarks)

    def token(self, photo: Photo | None = None) -> dict[str, Any]:
        """Identify the function by its name and source, and its arguments; a function of a file by the file, too."""
        token = super().token(photo)
        if "process" in token:
            settings = {name: setting_identity(value) for name, value in self.settings.items()}
            return process_token(self.function, settings=settings)
        if self.persistent:
            token["module"] = self.function.__module__  # contains the hash of the file
        return token

    def to_dict(self) -> dict[str, Any]:
        """The module and the name of the function, and the hash of its source."""
        return named_function(self.function, self.title, self.settings)


def parameters(function: Callable[..., Any]) -> tuple[dict[str, bool], bool]:
    """The parameters after the picture that can be passed by name.

    Returns
    -------
    dict
        For each name, whether it is required.
    bool
        Whether the function accepts other names, too.
    """
    try:
        listed = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # of some builtins
        return {}, True
    named = [p for p in listed[1:] if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    return {p.name: p.default is p.empty for p in named}, any(p.kind == p.VAR_KEYWORD for p in listed)


def name_of(function: Callable[..., Any]) -> str:
    """The name of a callable."""
    inner = getattr(function, "func", function)  # functools.partial
    return str(getattr(inner, "__name__", type(inner).__name__))


def source_hash(function: Callable[..., Any]) -> str | None:
    """The hash of a function's source, or None without a source."""
    try:
        source = textwrap.dedent(inspect.getsource(inspect.unwrap(function)))
    except (OSError, TypeError):
        return None
    return hashlib.sha256(source.encode()).hexdigest()


def named_function(function: Callable[..., Any], title: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Describe a function for a recipe by its module, name and settings, or say why no recipe can name it."""
    try:
        json_settings = json.loads(to_json(dict(settings)))
    except (TypeError, ValueError):
        return missing(title, f"{title} has settings that JSON cannot represent")
    if reason := _why_unnamed(function):
        return missing(title, f"{title} {reason}") | ({"settings": json_settings} if json_settings else {})
    module, name = function.__module__, function.__qualname__
    place = {"file": FILES[module]} if module in FILES else {"module": module}
    return {"function": name, **place, "sha256": source_hash(function), "settings": json_settings}


def _why_unnamed(function: Callable[..., Any]) -> str:
    """Why a recipe cannot name a function; empty if it can."""
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
    if not module or not name:
        return f"is a {type(function).__name__}, which no recipe can name"
    if "<lambda>" in name:
        return "is a lambda, which no recipe can name"
    if "<locals>" in name:
        return "was defined inside another function, and no recipe can name it"
    if module == "__main__":
        return "was defined in a notebook or script, and no recipe can name it"
    if look_up(sys.modules.get(module), name) is not function:  # a method of an object, or a name that was reassigned
        return f"is not {name} of {module}, and no recipe can name it"
    return ""


def _build(what: Any, options: Options) -> Restorer:
    place = split_file_function(what)
    function = what if place is None else from_file(*place)
    return FunctionRestorer(function, options.settings, options.title, options.timeout)


FUNCTION = Kind("function", lambda what: callable(what) and not isinstance(what, type), _build, title=name_of)
FILE_FUNCTION = Kind(
    "function",
    lambda what: split_file_function(what) is not None,
    _build,
    label="the function",
    title=lambda what: what.rpartition(":")[2],
)
