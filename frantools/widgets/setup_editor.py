"""The settings of a sampler as controls."""

from __future__ import annotations

from dataclasses import is_dataclass, replace
from typing import Any

import ipywidgets as widgets
import traitlets

from ..frannet.sampling.samplers import Sampler
from ..frannet.sampling.setup import DDPM_SETTINGS, SETUPS, Setup
from .controls import Composite, control, folded, set_options, set_visible
from .form import Form

OTHER = "another"
NONE = "none: a single pass"


class SetupEditor(Composite, widgets.VBox):
    """The settings of a sampler; `value` is a `Sampler`, or None for a model without one.

    Each class of samplers has its own form, generated from its declared settings; one without declared settings is
    shown by its name.
    """

    value = traitlets.Any()

    def __init__(self) -> None:
        self.name = control(
            widgets.Dropdown, "Setup", "The note's setups; another one once it is changed", options=[*SETUPS, OTHER]
        )
        self.forms: dict[type, Form] = {}
        self.main = widgets.VBox([])
        self.advanced = folded("More of the sampler", [])
        super().__init__([self.name, self.main, self.advanced])
        self.bind()
        self.name.observe(self._choose_preset, "value")
        self.set_value(Setup())

    def __getitem__(self, name: str) -> Any:
        """Return the control of a setting of the current sampler."""
        return self.form[name]

    @property
    def form(self) -> Form:
        """The form of the current sampler."""
        return self._form_of(self.value)

    def _form_of(self, value: Sampler) -> Form:
        """Return the form of a sampler's class, created the first time."""
        kind = type(value)
        if kind not in self.forms:
            form = Form(kind if is_dataclass(kind) else {})
            form.observe(self._on_change, "value")
            self.forms[kind] = form
        return self.forms[kind]

    def _choose_preset(self, change: dict[str, Any]) -> None:
        if not self._writing and change["new"] in SETUPS:
            self.set_value(SETUPS[change["new"]])

    def _read(self) -> Any:
        if self.value is None or not self.form.controls:
            return self.value
        settings = dict(self.form.value)
        if settings.get("sampler") == "ddpm" != self.value.sampler:
            settings |= DDPM_SETTINGS  # all that it accepts
        return replace(self.value, **settings)

    def _write(self, value: Any) -> None:
        if value is not None:
            form = self._form_of(value)
            settings = {name: getattr(value, name) for name in form.controls}
            if form.value != settings:
                form.set_value(settings)

    def _update_controls(self) -> None:
        with self.writing():
            self._write(self.value)
        is_preset_kind = self.value is None or self.value.model_kinds == Setup.model_kinds
        with self.writing():
            other = NONE if self.value is None else OTHER if isinstance(self.value, Setup) else self.value.name
            preset = next((name for name, setup in SETUPS.items() if setup == self.value), other)
            set_options(self.name, [*SETUPS, other], preset)
        set_visible(self.name, is_preset_kind)
        self.name.disabled = self.value is None
        controls = {} if self.value is None else self.form.controls
        is_advanced = {part: self.form.declared[name].advanced for name, part in controls.items()}
        for box, advanced in ((self.main, False), (self.advanced.children[0], True)):
            children = tuple(part for part, value in is_advanced.items() if value is advanced)
            if box.children != children:
                box.children = children
        set_visible(self.advanced, any(is_advanced.values()))
