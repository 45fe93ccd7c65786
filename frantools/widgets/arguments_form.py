"""A form for the arguments of a function, generated from their values."""

from __future__ import annotations

import json
from ast import literal_eval
from collections.abc import Mapping
from math import floor, isfinite, log10
from typing import Any

import ipywidgets as widgets
import traitlets

from ..checks import invalid
from ..settings import Declaration
from .controls import Composite
from .form import make_control

MULTIPLE = 4  # the end of a slider, in multiples of its number
STEPS = 80  # of a slider, about


class ArgumentsForm(Composite, widgets.VBox):
    """Controls for arguments; `value` is a dict of them. Numbers are sliders, booleans checkboxes, all else is text."""

    value = traitlets.Dict()

    def __init__(self) -> None:
        self.controls: dict[str, widgets.Widget] = {}
        super().__init__([])
        self.bind()

    def _read(self) -> dict[str, Any]:
        value = dict(self.value)
        for name, part in self.controls.items():
            value[name] = _parse(part.value, value[name]) if isinstance(part, widgets.Text) else part.value
        return value

    def _write(self, value: Mapping[str, Any]) -> None:
        editable = {name: item for name, item in value.items() if _is_jsonable(item)}
        if [*editable] == [*self.controls] and all(map(_fits, self.controls.values(), editable.values())):
            for name, item in editable.items():
                part = self.controls[name]
                part.value = _as_text(item) if isinstance(part, widgets.Text) else item
            return
        old = list(self.controls.values())
        # A function cannot be interrupted, so it is called where a slider is released.
        self.controls = {name: make_control(declare(name, item), continuous=False) for name, item in editable.items()}
        for part in self.controls.values():
            part.observe(self._on_change, "value")
        self.children = list(self.controls.values())
        for part in old:
            for widget in (part.layout, part.style, part):
                widget.close()


def declare(name: str, value: Any) -> Declaration:
    """Declare an argument as a setting, from its value."""
    help_text = f"The argument {name} of the function"
    if isinstance(value, bool):
        return Declaration(name, help_text, value, kind=bool)
    if isinstance(value, int):
        ends = [int(end) for end in slider_range(value)]
        return Declaration(name, help_text, value, slider=(ends[0], max(ends[1], MULTIPLE)), kind=int)
    if isinstance(value, float) and isfinite(value):
        low, high = slider_range(value)
        step = slider_step(value, high)
        return Declaration(name, help_text, value, slider=(low, high), step=step, kind=float)
    return Declaration(name, help_text, _as_text(value), kind=str)


def slider_range(value: float) -> tuple[float, float]:
    """Return the ends of a slider: 0, or for a negative number its multiple, and a multiple of its size.

    Examples
    --------
    >>> slider_range(0.1), slider_range(3), slider_range(0), slider_range(-2)
    ((0.0, 0.4), (0.0, 12.0), (0.0, 1.0), (-8.0, 8.0))
    """
    high = float(abs(value)) * MULTIPLE or 1.0
    digits = 1 - floor(log10(high))  # two digits: no 0.30000000000000004
    high = max(abs(value), round(high, digits))
    return (-high if value < 0 else 0.0, high)


def slider_step(value: float, high: float) -> float:
    """Return the step of a slider: one, two or five of a digit, with about 80 steps, one of them at the value.

    Examples
    --------
    >>> slider_step(0.1, 0.4), slider_step(0.123, 0.49), slider_step(2.0, 8.0)
    (0.005, 0.001, 0.1)
    """
    digit = floor(log10(high / STEPS))
    steps = [factor * 10.0**exponent for exponent in (digit, digit - 1, digit - 2) for factor in (5, 2, 1)]
    fitting = [step for step in steps if step <= high / STEPS and abs(value / step - round(value / step)) < 1e-6]
    return float(f"{next(iter(fitting), steps[-1]):.3g}")


def _is_jsonable(value: object) -> bool:
    """Return whether JSON preserves a value; other values have no control, and stay."""
    try:
        return bool(json.loads(json.dumps(value, allow_nan=False)) == value)
    except (TypeError, ValueError):
        return False


def _fits(part: widgets.Widget, value: Any) -> bool:
    """Return whether a control can show a value of this type and size."""
    if isinstance(part, widgets.Checkbox):
        return isinstance(value, bool)
    if isinstance(part, widgets.Text):
        return not isinstance(value, (bool, int, float))
    kind = int if isinstance(part, widgets.IntSlider) else float
    return type(value) is kind and part.min <= value <= part.max


def _as_text(value: Any) -> str:
    """Return a string unchanged, and any other value as Python code."""
    return value if isinstance(value, str) else repr(value)


def _parse(text: str, before: Any) -> Any:
    """Return text unchanged if the argument was a string, and otherwise its value in Python."""
    if isinstance(before, str):
        return text
    try:
        return literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        raise invalid("an argument", "a number, a 'text', True, None or a list of them", text) from None
