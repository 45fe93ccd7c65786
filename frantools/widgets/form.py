"""Forms generated from declared settings."""

from __future__ import annotations

from collections.abc import Mapping
from math import floor, log10
from typing import Any

import ipywidgets as widgets
import traitlets

from ..settings import Declaration, declarations
from .controls import WRAP, Composite, control, set_options, set_visible, slim

UNSET = "all"  # instead of None, which no slider accepts


class Form(Composite, widgets.VBox):
    """Controls for declared settings; `value` is a dict of the settings by name.

    Parameters
    ----------
    settings : type or dict of Declaration
        A dataclass whose settings are declared, or the declarations by name.
    replacements : dict of Widget, optional
        Controls to use for some settings instead of generated ones, by name.
    continuous : bool
        Whether sliders report values while they are dragged; otherwise when they are released.
    extend : bool
        Whether sliders extend to values beyond their bounds; otherwise they limit them.
    hide : bool
        Whether settings that have no effect are hidden; otherwise they are disabled.
    """

    value = traitlets.Dict()

    def __init__(
        self,
        settings: type | Mapping[str, Declaration],
        replacements: Mapping[str, widgets.Widget] | None = None,
        continuous: bool = True,
        extend: bool = True,
        hide: bool = False,
    ) -> None:
        self._type = settings if isinstance(settings, type) else None
        self._extend, self._hide = extend, hide
        self.declared = declarations(settings) if isinstance(settings, type) else dict(settings)
        self.controls: dict[str, Any] = {
            name: (replacements or {}).get(name) or make_control(declaration, continuous)
            for name, declaration in self.declared.items()
        }
        super().__init__(list(self.controls.values()))
        self.value = self._read()
        self.bind(*self.controls.values())
        self._update_controls()

    def __getitem__(self, name: str) -> Any:
        """Return the control of a setting."""
        return self.controls[name]

    def _read(self) -> dict[str, Any]:
        return {name: None if part.value == UNSET else part.value for name, part in self.controls.items()}

    def _write(self, value: Mapping[str, Any]) -> None:
        for name, part in self.controls.items():
            declaration, new = self.declared[name], value[name]
            if isinstance(part, widgets.SelectionSlider):
                set_options(part, tick_options(declaration, new), UNSET if new is None else new)
                continue
            new = declaration.validate(name, new)
            if self._extend and isinstance(part, (widgets.IntSlider, widgets.FloatSlider)):
                part.min, part.max = min(part.min, new), max(part.max, new)
            part.value = new

    def set_value(self, value: Any) -> None:
        """Set the settings; sliders may limit them."""
        super().set_value(value)
        self._on_change(None)

    def _update_controls(self) -> None:
        """Disable or hide the controls of settings that have no effect."""
        if self._type is None:
            return
        try:
            settings = self._type(**self.value)
        except ValueError:  # such as bounds that are being typed
            return
        for name, part in self.controls.items():
            applies = self.declared[name].applies(settings)
            if self._hide:
                set_visible(part, applies)
            else:
                part.disabled = not applies


def make_control(declaration: Declaration, continuous: bool = True) -> Any:
    """Create the control of a declared setting, set to its default."""
    label, default, (low, high) = declaration.label, declaration.default, declaration.slider
    options: dict[str, Any] = {"value": default, "continuous_update": False}
    if declaration.kind is tuple:
        if declaration.choices:
            return MultipleChoice(declaration)
        return Bounds(declaration)
    if declaration.kind is bool or (declaration.choices and not declaration.ticks):
        del options["continuous_update"]
        options |= {"options": declaration.choices} if declaration.choices else {}
        kind = widgets.Dropdown if declaration.choices else widgets.Checkbox
    elif declaration.ticks:
        kind, options["options"] = widgets.SelectionSlider, tick_options(declaration, default)
        options["value"] = UNSET if default is None else default
    elif declaration.kind is str:
        kind = widgets.Text
    else:
        is_integer, is_slider = declaration.kind is int, low is not None and high is not None
        sliders, boxes = (widgets.FloatSlider, widgets.IntSlider), (widgets.FloatText, widgets.IntText)
        kind = (sliders if is_slider else boxes)[is_integer]
        if is_slider:
            options |= {"min": low, "max": high, "continuous_update": continuous}
        if declaration.step is not None:
            options["step"] = declaration.step
            if is_slider:
                options["readout_format"] = f".{max(0, -floor(log10(declaration.step)))}f"
    return control(kind, label, declaration.help, **options)


def tick_options(declaration: Declaration, value: Any) -> list[Any]:
    """Return the options of a slider with ticks: a value between them is inserted."""
    options: list[Any] = sorted({tick for tick in (*declaration.ticks, value) if tick is not None})
    if None in declaration.ticks:
        options.insert(0 if declaration.ticks[0] is None else len(options), UNSET)
    return options


class Bounds(Composite, widgets.VBox):
    """A lower and an upper bound that can be switched off; `value` is a pair of numbers or None."""

    value = traitlets.Any()
    disabled = traitlets.Bool(False)

    def __init__(self, declaration: Declaration) -> None:
        low, high = declaration.slider
        slow = {"continuous_update": False}
        self.on = control(widgets.Checkbox, declaration.label, declaration.help)
        self.low = control(widgets.FloatText, "From", f"The lower bound of {declaration.label}", value=low, **slow)
        self.high = control(widgets.FloatText, "To", f"The upper bound of {declaration.label}", value=high, **slow)
        super().__init__([self.on, self.low, self.high])
        self.bind(self.on, self.low, self.high)
        self.observe(lambda _: self._update_controls(), "disabled")
        self.set_value(declaration.default)

    def _read(self) -> tuple[float, float] | None:
        return (self.low.value, self.high.value) if self.on.value else None

    def _write(self, value: tuple[float, float] | None) -> None:
        self.on.value = value is not None
        if value is not None:
            self.low.value, self.high.value = value

    def _update_controls(self) -> None:
        self.on.disabled = self.disabled
        self.low.disabled = self.high.disabled = self.disabled or not self.on.value


class MultipleChoice(Composite, widgets.HBox):
    """A checkbox for each choice; `value` is a tuple of the selected ones."""

    value = traitlets.Tuple()
    disabled = traitlets.Bool(False)

    def __init__(self, declaration: Declaration) -> None:
        self.boxes = {
            choice: slim(widgets.Checkbox, f"{declaration.label} {choice}", declaration.help, "96px", indent=False)
            for choice in declaration.choices
        }
        super().__init__(list(self.boxes.values()), layout=widgets.Layout(**WRAP))
        self.bind(*self.boxes.values())
        self.set_value(declaration.default)

    def _read(self) -> tuple[Any, ...]:
        return tuple(choice for choice, box in self.boxes.items() if box.value)

    def _write(self, value: tuple[Any, ...]) -> None:
        for choice, box in self.boxes.items():
            box.value = choice in value

    def offer(self, choices: set[Any]) -> None:
        """Show these choices only."""
        for choice, box in self.boxes.items():
            set_visible(box, choice in choices)
