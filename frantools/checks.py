"""Questions that arguments are asked in several places, and the sentences that answer wrong ones."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from numbers import Integral, Real
from operator import is_
from typing import Any, TypeGuard

LARGEST = sys.float_info.max  # whole numbers beyond it are none that float() takes


def plain(value: Any) -> Any:
    """Replace NumPy's and torch's scalars by Python's own, also in lists, tuples and dicts.

    Scalars are numbers, booleans, and arrays and tensors without dimensions; other values stay as they are. A number of
    less than double precision becomes the one that is written the same: 0.1 of float32 is 0.1.

    Examples
    --------
    >>> import numpy as np
    >>> plain((np.float32(0.1), np.array(3), [np.bool_(True)]))
    (0.1, 3, [True])
    """
    numpy, torch = (sys.modules.get(name) for name in ("numpy", "torch"))  # not imported: there are none of theirs
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
        items = [plain(each) for each in value]
        return value if all(map(is_, items, value)) else type(value)(items)
    if type(value) is dict:
        items = [plain(each) for each in value.values()]
        return value if all(map(is_, items, value.values())) else dict(zip(value, items, strict=True))
    return value


def is_whole(value: object) -> TypeGuard[int]:
    """Whether a value is a whole number, Python's, NumPy's or torch's; True and False are none."""
    value = plain(value)
    return isinstance(value, Integral) and not isinstance(value, bool)


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value is a finite number, Python's, NumPy's or torch's; True and False are none."""
    number: Any = plain(value)
    if not isinstance(number, Real) or isinstance(number, bool):
        return False
    return bool(abs(number) <= LARGEST)  # type: ignore[operator]


def flag(name: str, value: Any) -> bool:
    """True or False as Python's own; a ValueError if the value is neither."""
    value = plain(value)
    if not isinstance(value, bool):
        raise ValueError(f"{name} is {value!r}; accepted are True and False")
    return value


def whole(name: str, value: Any, least: int = 1, most: int | None = None) -> int:
    """A whole number as Python's own, which JSON takes; a ValueError if it is none, or is beyond the bounds."""
    value = plain(value)
    if not is_whole(value) or value < least or (most is not None and value > most):
        to = "" if most is None else f" to {most}"
        raise ValueError(f"{name} is {value!r}; accepted are whole numbers from {least}{to}")
    return int(value)


def number(name: str, value: Any, most: float | None = None) -> float:
    """A finite number from 0, up to `most`, as Python's own; a ValueError if it is none."""
    value = plain(value)
    if not is_number(value) or value < 0 or (most is not None and value > most):
        raise ValueError(f"{name} is {value!r}; accepted are numbers from 0{'' if most is None else f' to {most:g}'}")
    return float(value)


def one_of(name: str, value: Any, accepted: Iterable[Any]) -> None:
    """Raise a ValueError if a value is none of those accepted."""
    own = plain(value)
    if not any(isinstance(own, type(each)) and own == each for each in accepted):  # an array is no text that it holds
        raise ValueError(f"{name} is {value!r}; accepted are {', '.join(map(repr, accepted))}")


def settle(made: object, **values: Any) -> None:
    """Set attributes of a frozen dataclass, from its ``__post_init__``."""
    for name, value in values.items():
        object.__setattr__(made, name, value)
