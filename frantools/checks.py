"""Questions that arguments are asked in several places, and the sentences that answer wrong ones."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite
from numbers import Integral, Real
from typing import Any, TypeGuard


def is_whole(value: object) -> TypeGuard[int]:
    """Whether a value is a whole number, Python's or NumPy's; True and False are none."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value is a finite number, Python's or NumPy's; True and False are none."""
    return isinstance(value, Real) and not isinstance(value, bool) and isfinite(value)


def whole(name: str, value: Any, least: int = 1, most: int | None = None) -> int:
    """A whole number as Python's own, which JSON takes; a ValueError if it is none, or is beyond the bounds."""
    if not is_whole(value) or value < least or (most is not None and value > most):
        to = "" if most is None else f" to {most}"
        raise ValueError(f"{name} is {value!r}; accepted are whole numbers from {least}{to}")
    return int(value)


def number(name: str, value: Any, most: float | None = None) -> float:
    """A finite number from 0, up to `most`, as Python's own; a ValueError if it is none."""
    if not is_number(value) or value < 0 or (most is not None and value > most):
        raise ValueError(f"{name} is {value!r}; accepted are numbers from 0{'' if most is None else f' to {most:g}'}")
    return float(value)


def one_of(name: str, value: Any, accepted: Iterable[Any]) -> None:
    """Raise a ValueError if a value is none of those accepted."""
    if value not in accepted:
        raise ValueError(f"{name} is {value!r}; accepted are {', '.join(map(repr, accepted))}")


def settle(made: object, **values: Any) -> None:
    """Set attributes of a frozen dataclass, from its ``__post_init__``."""
    for name, value in values.items():
        object.__setattr__(made, name, value)
