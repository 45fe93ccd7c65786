"""The named arguments of a function as controls."""

from __future__ import annotations

import json
from ast import literal_eval
from collections.abc import Mapping
from math import floor, isfinite, log10
from typing import Any

import ipywidgets as widgets
import traitlets

from .controls import Composed, control

MULTIPLE = 4  # times a number that its slider goes to
STEPS = 80  # of a slider, about


def is_jsonable(value: object) -> bool:
    """Whether JSON gives a value back as it is: what is not is kept, and has no control."""
    try:
        return bool(json.loads(json.dumps(value, allow_nan=False)) == value)
    except (TypeError, ValueError):
        return False


def span(value: float) -> tuple[float, float]:
    """From where to where a slider goes: from 0 to a multiple of a number, or to its negative below 0.

    Examples
    --------
    >>> span(0.1), span(3), span(0), span(-2)
    ((0.0, 0.4), (0.0, 12.0), (0.0, 1.0), (-8.0, 8.0))
    """
    most = float(abs(value)) * MULTIPLE or 1.0
    digits = 1 - floor(log10(most))  # two digits: no 0.30000000000000004
    most = max(abs(value), round(most, digits))
    return (-most if value < 0 else 0.0, most)


def stride(value: float, most: float) -> float:
    """The step of a slider: one, two or five of a digit, no more than lets it go in some steps and come by the value.

    Examples
    --------
    >>> stride(0.1, 0.4), stride(0.123, 0.49), stride(2.0, 8.0)
    (0.005, 0.001, 0.1)
    """
    digit = floor(log10(most / STEPS))
    steps = [each * 10.0**place for place in (digit, digit - 1, digit - 2) for each in (5, 2, 1)]
    fitting = [step for step in steps if step <= most / STEPS and abs(value / step - round(value / step)) < 1e-6]
    return float(f"{next(iter(fitting), steps[-1]):.3g}")


class SettingsEditor(Composed, widgets.VBox):
    """Arguments by name; `value` is a dict of them. Numbers are sliders, yes or no is a box, all else is text."""

    value = traitlets.Dict()

    def __init__(self) -> None:
        self.controls: dict[str, widgets.Widget] = {}
        super().__init__([])
        self.compose()

    def _read(self) -> dict[str, Any]:
        made = dict(self.value)
        for name, each in self.controls.items():
            made[name] = parsed(each.value, made[name]) if isinstance(each, widgets.Text) else each.value
        return made

    def _write(self, value: Mapping[str, Any]) -> None:
        wanted = {name: each for name, each in value.items() if is_jsonable(each)}
        if [*wanted] == [*self.controls] and all(map(fits, self.controls.values(), wanted.values())):
            for name, each in wanted.items():
                box = self.controls[name]
                box.value = said(each) if isinstance(box, widgets.Text) else each
            return
        old = list(self.controls.values())
        self.controls = {name: made(name, each) for name, each in wanted.items()}
        for each in self.controls.values():
            each.observe(self._changed, "value")
        self.children = list(self.controls.values())
        for each in old:
            for part in (each.layout, each.style, each):
                part.close()


def made(name: str, value: Any) -> widgets.Widget:
    """The control of an argument."""
    slow = {"continuous_update": False}  # a function cannot be interrupted: it is called where the slider stops
    tooltip = f"The argument {name} of the function"
    if isinstance(value, bool):
        return control(widgets.Checkbox, name, tooltip, value=value)
    if isinstance(value, int):
        least, most = (int(end) for end in span(value))
        return control(widgets.IntSlider, name, tooltip, min=least, max=max(most, MULTIPLE), value=value, **slow)
    if isinstance(value, float) and isfinite(value):
        low, high = span(value)
        step = stride(value, high)
        digits = max(0, -floor(log10(step)))
        return control(
            widgets.FloatSlider, name, tooltip, min=low, max=high, step=step, value=value,
            readout_format=f".{digits}f", **slow,
        )  # fmt: skip
    return control(widgets.Text, name, tooltip, value=said(value), **slow)


def fits(box: widgets.Widget, value: Any) -> bool:
    """Whether a control can show a value as what it is."""
    if isinstance(box, widgets.Checkbox):
        return isinstance(value, bool)
    if isinstance(box, widgets.Text):
        return isinstance(value, bool) is False and not isinstance(value, (int, float))
    kind = int if isinstance(box, widgets.IntSlider) else float
    return type(value) is kind and box.min <= value <= box.max


def said(value: Any) -> str:
    """A value as it is typed: a text as it is, all else as Python writes it."""
    return value if isinstance(value, str) else repr(value)


def parsed(text: str, before: Any) -> Any:
    """What was typed: a text where there was one, else what Python reads.

    Raises
    ------
    ValueError
        If Python cannot read it.
    """
    if isinstance(before, str):
        return text
    try:
        return literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        raise ValueError(f"{text!r} is no value; accepted are numbers, 'texts', True, None and lists of them") from None
