"""Kinds of restorers: what each accepts, and how it is built."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

import torch

from ..frannet.sampling.samplers import Sampler
from .base import Restorer, RestorerError


@dataclass(frozen=True)
class Options:
    """The options of a column, with which its restorer is built; see `resolve`."""

    setup: Sampler | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    title: str | None = None
    precision: str = "float32"
    device: str | torch.device | None = None
    timeout: float | None = None

    def without_settings(self, restorer: Restorer) -> Restorer:
        """Return a restorer that takes no settings; raise a ValueError if there are any."""
        if self.settings:
            raise ValueError(f"{self.title or restorer.title} takes no settings, got {', '.join(self.settings)}")
        return restorer


def _not_built(what: Any, options: Options) -> NoReturn:
    raise AssertionError(f"{what!r} is expanded before it is built")


@dataclass(frozen=True)
class Kind:
    """A kind of restorer, an entry of the table in `resolve`.

    Parameters
    ----------
    name : str
        Such as "model".
    accepts : callable
        ``accepts(what)`` says whether a string or an object is of this kind.
    build : callable
        ``build(what, options)`` returns the restorer.
    expand : callable, optional
        ``expand(what)`` returns the model and the sampler that it stands for, instead of `build`.
    label : str
        The name in messages, in front of a string: "the shipped model".
    title : callable
        ``title(what)`` returns the default title of a column.
    names : callable
        Returns the known names, among which a misspelled one is looked up.
    """

    name: str
    accepts: Callable[[Any], bool]
    build: Callable[[Any, Options], Restorer] = _not_built
    expand: Callable[[Any], tuple[Any, Sampler | None]] | None = None
    label: str = ""
    title: Callable[[Any], str] = str
    names: Callable[[], Iterable[str]] = tuple


class MissingRestorer(Restorer):
    """The restorer of a column that cannot be resolved: it raises the reason.

    Parameters
    ----------
    reason : str or Exception
        The error that `restore` raises.
    content : dict, optional
        The column of the recipe that does not name its restorer.
    """

    interruptible = True
    cost: float | None = 0.01
    frame = ""

    def __init__(self, reason: str | Exception, content: Mapping[str, Any] | None = None) -> None:
        self.resolve_error: Exception | None = RestorerError(reason) if isinstance(reason, str) else reason
        self.content = dict(content or {})
        self.title = str(self.content.get("title", "this column"))

    def _fail(self, *_: Any, **__: Any) -> NoReturn:
        assert self.resolve_error is not None
        raise self.resolve_error

    restore = restore_input = trace = prepare = _fail

    def to_dict(self) -> dict[str, Any]:
        """Return the column of the recipe."""
        return self.content
