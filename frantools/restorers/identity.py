"""What tells settings, samplers and objects from others, within a process."""

from __future__ import annotations

import hashlib
import itertools
import weakref
from typing import Any

import numpy as np

from ..files import to_json


def is_json(value: object) -> bool:
    """Whether JSON can hold it."""
    try:
        to_json(value)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def alike(a: Any, b: Any) -> bool:
    """Whether two settings are the same; arrays have no equality that says it."""
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        return np.array_equal(a, b)
    return bool(a == b)


def in_full(value: Any) -> str:
    """A setting in full; the repr of a large array leaves most of it out."""
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape} {hashlib.sha256(np.ascontiguousarray(value).data).hexdigest()}"
    return repr(value)


def sampler(setup: Any) -> list[Any]:
    """What tells a sampler from others, in this process."""
    try:
        described = setup.to_dict()
    except Exception:  # of whatever kind: of a user's own
        described = None
    return [token(setup) if type(setup).__repr__ is object.__repr__ else repr(setup), described]


_tokens: dict[int, tuple[Any, int]] = {}
_numbers = itertools.count()


def token(what: Any) -> int:
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
