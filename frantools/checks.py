"""Argument checks, and the messages of invalid arguments."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from numbers import Integral, Real
from operator import is_
from typing import Any, TypeGuard

LARGEST = sys.float_info.max  # float() takes no larger integer


def to_python(value: Any) -> Any:
    """Replace NumPy's and torch's scalars by Python's own, also in lists, tuples and dicts.

    Scalars are numbers, booleans, and arrays and tensors without dimensions; other values stay as they are. A number of
    less than double precision becomes the one that is written the same: 0.1 of float32 is 0.1.

    Examples
    --------
    >>> import numpy as np
    >>> to_python((np.float32(0.1), np.array(3), [np.bool_(True)]))
    (0.1, 3, [True])
    """
    numpy, torch = (sys.modules.get(name) for name in ("numpy", "torch"))  # neither has scalars until it is imported
    if torch is not None and isinstance(value, torch.Tensor) and value.ndim == 0:
        value = value.item() if value.dtype is torch.bfloat16 else value.detach().cpu().numpy()
    if numpy is not None:
        if isinstance(value, numpy.ndarray) and value.ndim == 0:
            value = value[()]
        if isinstance(value, (numpy.float32, numpy.float16)):
            return float(str(value))
        if isinstance(value, numpy.generic):
            return value.item()
    # A list in which there is nothing to replace stays the very same: a function may write to it.
    if type(value) in (list, tuple):
        items = [to_python(item) for item in value]
        return value if all(map(is_, items, value)) else type(value)(items)
    if type(value) is dict:
        items = [to_python(item) for item in value.values()]
        return value if all(map(is_, items, value.values())) else dict(zip(value, items, strict=True))
    return value


def is_integer(value: object) -> TypeGuard[int]:
    """Whether a value is an integer of Python, NumPy or torch; booleans are not."""
    value = to_python(value)
    return isinstance(value, Integral) and not isinstance(value, bool)


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value is a finite number of Python, NumPy or torch; booleans are not."""
    number: Any = to_python(value)
    if not isinstance(number, Real) or isinstance(number, bool):
        return False
    return bool(abs(number) <= LARGEST)  # type: ignore[operator]


def listing(items: Iterable[Any], last: str = "or") -> str:
    """Join items with commas and a final word.

    Examples
    --------
    >>> listing(["float32", "bfloat16", "auto"])
    "'float32', 'bfloat16' or 'auto'"
    """
    *first, final = map(repr, items)
    return f"{', '.join(first)} {last} {final}" if first else final


def invalid(name: str, accepted: str, value: object) -> ValueError:
    """The error of an invalid argument: its name, what is accepted, and the value.

    Examples
    --------
    >>> invalid("size", "an integer from 1 to 16384", 0)
    ValueError('size must be an integer from 1 to 16384, got 0')
    """
    return ValueError(f"{name} must be {accepted}, got {value!r}")


def bounds(minimum: float | None, maximum: float | None) -> str:
    """The bounds of a number in words, with a space before them.

    Examples
    --------
    >>> bounds(1, 16384), bounds(0, None), bounds(None, None)
    (' from 1 to 16384', ' from 0', '')
    """
    return ("" if minimum is None else f" from {minimum}") + ("" if maximum is None else f" to {maximum}")


def boolean(name: str, value: Any) -> bool:
    """Check that a value is True or False, and return Python's own."""
    value = to_python(value)
    if not isinstance(value, bool):
        raise invalid(name, "True or False", value)
    return value


def integer(name: str, value: Any, minimum: int | None = 1, maximum: int | None = None) -> int:
    """Check that a value is an integer within bounds, and return Python's own, which JSON takes."""
    value = to_python(value)
    if not is_integer(value) or not _is_within(value, minimum, maximum):
        raise invalid(name, f"an integer{bounds(minimum, maximum)}", value)
    return int(value)


def number(name: str, value: Any, minimum: float | None = 0, maximum: float | None = None) -> float:
    """Check that a value is a finite number within bounds, and return Python's own."""
    value = to_python(value)
    if not is_number(value) or not _is_within(value, minimum, maximum):
        raise invalid(name, f"a number{bounds(minimum, maximum)}", value)
    return float(value)


def _is_within(value: float, minimum: float | None, maximum: float | None) -> bool:
    return (minimum is None or value >= minimum) and (maximum is None or value <= maximum)


def choice(name: str, value: Any, choices: Iterable[Any]) -> None:
    """Check that a value is one of some choices."""
    scalar, choices = to_python(value), list(choices)
    if not any(isinstance(scalar, type(item)) and scalar == item for item in choices):  # types: an array is no string
        raise invalid(name, listing(choices), value)


def set_fields(instance: object, **values: Any) -> None:
    """Set attributes of a frozen dataclass, from its ``__post_init__``."""
    for name, value in values.items():
        object.__setattr__(instance, name, value)
