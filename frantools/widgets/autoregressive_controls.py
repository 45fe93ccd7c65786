"""The settings of FranNet's autoregressive sampler as sliders."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ipywidgets as widgets

from .controls import Numbers, control, offer

LEVELS = (0.0, *(float(f"{digit}e-{place}") for place in (4, 3, 2, 1) for digit in (1, 2, 5)), 1.0)


class AutoregressiveControls(Numbers):
    """What an `AutoregressiveSetup` says beyond its noise; `value` is a dict of it. Sliders reach as far as it does."""

    def __init__(self) -> None:
        sliders = {
            "start": (widgets.FloatSlider, "Start", "The share of the noise that is left at first: less goes further"),
            "end": (widgets.SelectionSlider, "End", "The share that is left at least: 0 lets steps reach the guess"),
            "steps": (widgets.IntSlider, "Steps", "The network is called so many times for a point, at most"),
            "decay": (widgets.FloatSlider, "Decay", "What the share is multiplied by in each step: 1 keeps it"),
            "threshold": (
                widgets.SelectionSlider,
                "Threshold",
                "A point that moves by no more than this in a step is done: 0 goes on until it stands still",
            ),
            "converge_threshold": (
                widgets.SelectionSlider,
                "Converged",
                "A point that comes closer than this to its guess takes it, and is done: 0 never does",
            ),
        }
        ranges: dict[type[widgets.Widget], dict[str, Any]] = {
            widgets.FloatSlider: {"min": 0.01, "max": 1.0, "step": 0.01},
            widgets.IntSlider: {"min": 1, "max": 100},
            widgets.SelectionSlider: {"options": LEVELS},
        }
        super().__init__({name: control(*made, **ranges[made[0]]) for name, made in sliders.items()})

    def _write(self, value: Mapping[str, Any]) -> None:
        for name, each in self.controls.items():
            if isinstance(each, widgets.SelectionSlider):
                offer(each, sorted({*LEVELS, value[name]}), value[name])
            else:
                each.min, each.max = min(each.min, value[name]), max(each.max, value[name])
                each.value = value[name]
