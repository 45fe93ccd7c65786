"""Identities of objects and settings."""

from __future__ import annotations

import hashlib
import itertools
import uuid
import weakref
from typing import Any

import numpy as np

from ..files import to_json

PROCESS = uuid.uuid4().hex
"""Part of the identity of an object without a name, such as a lambda: it is unknown to other processes."""


def is_json(value: object) -> bool:
    """Whether JSON can represent a value."""
    try:
        to_json(value)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def is_equal(a: Any, b: Any) -> bool:
    """Whether two settings are equal, arrays included."""
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        return np.array_equal(a, b)
    return bool(a == b)


def setting_identity(value: Any) -> str:
    """The repr of a setting; an array's hash, because its repr omits most of it."""
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape} {hashlib.sha256(np.ascontiguousarray(value).data).hexdigest()}"
    return repr(value)


def process_token(value: object, **facts: Any) -> dict[str, Any]:
    """The token of a restorer without a name, valid in this process: an object, and what else its results depend on."""
    return {"process": PROCESS, "object": object_number(value), **facts}


_numbers: dict[int, tuple[Any, int]] = {}
_counter = itertools.count()


def object_number(value: Any) -> int:
    """A number that belongs to an object as long as it lives."""
    entry = _numbers.get(id(value))
    if entry is not None and entry[0]() is value:
        return entry[1]
    try:
        reference: Any = weakref.ref(value)
    except TypeError:
        reference = lambda: value  # noqa: E731 - keeps the object alive, so that its id is not used again
    _numbers[id(value)] = (reference, next(_counter))
    return _numbers[id(value)][1]
