"""The settings of FranNet's sampler as controls."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from typing import Any

import ipywidgets as widgets
import traitlets

from ..frannet.sampling.adapters import SchedulerSetup
from ..frannet.sampling.autoregressive import AutoregressiveSetup
from ..frannet.sampling.samplers import NOISE_STDDEVS
from ..frannet.sampling.schedule import RULES, STEPS
from ..frannet.sampling.setup import SAMPLERS, SETUPS, Setup
from .autoregressive_controls import AutoregressiveControls
from .controls import Composed, control, folded, offer

DDPM = {"stochasticity": 1.0, "K": 1, "noise_projection": False, "steps": "uniform"}  # what its sampler needs
NAMES = [name for name in Setup.__dataclass_fields__ if name != "clipping"]
NOISE = ("noise_stddev", "noise_length")  # the settings of both kinds of sampler
ALL = "all"  # where the sliders of a start and a stop that are None stand
LENGTHS = (0.0, 0.002, 0.005, 0.01, 0.02, 0.035, 0.05, 0.1, 0.2, 0.5, inf)  # of noise, of the picture
OTHER = "another"
NONE = "none: a single pass"
BOUNDS = (-1.0, 1.0)  # to start clipping with: where colours lie


class SetupEditor(Composed, widgets.VBox):
    """The settings of a sampler.

    `value` is a `Setup` or an `AutoregressiveSetup`, each with controls of its own; a solver of another library, which
    is shown by its name and kept; or None of a model without a sampler, which leaves nothing to set.
    """

    value = traitlets.Any()

    def __init__(self) -> None:
        slow = {"continuous_update": False}
        self.name = control(
            widgets.Dropdown, "Setup", "The note's setups; another one where it is changed", options=[*SETUPS, OTHER]
        )
        self.sampler = control(
            widgets.Dropdown, "Sampler", "DDPM steps with the posterior mean and visits all steps", options=SAMPLERS
        )
        self.stochasticity = control(
            widgets.FloatSlider,
            "Stochasticity",
            "DDIM's eta: 0 adds no noise along the way, 1 as much as DDPM",
            max=1.0,
            step=0.05,
        )
        self.K = control(
            widgets.IntSlider, "K", "The stride of the steps: 1 calls the network 100 times, 8 15 times", min=1, max=99
        )
        self.steps = control(widgets.Dropdown, "Steps", "Which diffusion steps are visited", options=RULES)
        self.start = control(
            widgets.SelectionSlider, "Start", "Diffusion steps from this one on are skipped", options=[ALL], **slow
        )
        self.stop = control(
            widgets.SelectionSlider, "Stop", "Diffusion steps below this one are skipped", options=[ALL], **slow
        )
        self.noise_projection = control(
            widgets.Checkbox,
            "Noise projection",
            "Pull the noisy value back to its distance from the predicted colour before the noise came in",
        )
        self.noise_stddev = control(
            widgets.Dropdown, "Noise stddev", "The added noise: sigma, sigma squared, or none", options=NOISE_STDDEVS
        )
        self.noise_length = control(
            widgets.SelectionSlider,
            "Noise length",
            "Over which neighbouring points draw alike, in fractions of the picture: 0 is grain, inf one draw for all",
            options=LENGTHS,
            **slow,
        )
        self.clip = control(widgets.Checkbox, "Clipping", "Keep values within bounds, at the start and after each step")
        self.low = control(
            widgets.FloatText, "From", "The lower bound; colours lie in [-1, 1]", value=BOUNDS[0], **slow
        )
        self.high = control(widgets.FloatText, "To", "The upper bound; colours lie in [-1, 1]", value=BOUNDS[1], **slow)
        self._solver: Any = None
        self.autoregressive = AutoregressiveControls()
        rest = [self.sampler, self.steps, self.start, self.stop, self.noise_projection, self.noise_stddev]
        rest += [self.noise_length, self.clip, self.low, self.high]
        first = [self.name, self.stochasticity, self.K, self.autoregressive]
        self.more = folded("More of the sampler", rest)
        super().__init__([*first, self.more])
        diffusion = [*(getattr(self, name) for name in NAMES if name not in NOISE), self.clip, self.low, self.high]
        self._diffusion = (self.name, *diffusion)
        self._all = (*diffusion, *(getattr(self, name) for name in NOISE))
        self.sampler.observe(self._bind, "value")  # before the value is read of them
        self.compose(*self._all, self.autoregressive)
        self.name.observe(self._choose, "value")
        self.show(None)

    def _choose(self, change: dict[str, Any]) -> None:
        """Take one of the note's setups."""
        if not self._writing and change["new"] in SETUPS:
            self.show(SETUPS[change["new"]])

    def _bind(self, change: dict[str, Any]) -> None:
        """DDPM's sampler leaves no choice of the other settings."""
        if change["new"] == "ddpm":
            with self.writing():
                for name, needed in DDPM.items():
                    getattr(self, name).value = needed
            self._changed(None)

    def _read(self) -> Any:
        if self.value is None:
            return None
        if isinstance(self.value, AutoregressiveSetup):
            noise = {name: getattr(self, name).value for name in NOISE}
            return AutoregressiveSetup(**self.autoregressive.value, **noise)
        if self.sampler.value not in SAMPLERS:
            if isinstance(self._solver, SchedulerSetup):
                return replace(self._solver, noise_length=self.noise_length.value)
            return self._solver
        bounds = (self.low.value, self.high.value) if self.clip.value else None
        said: dict[str, Any] = {name: getattr(self, name).value for name in NAMES}
        said |= {name: None for name in ("start", "stop") if said[name] == ALL}
        return Setup(**said, clipping=bounds)

    def _write(self, value: Any) -> None:
        length = 0.0 if value is None else value.noise_length
        offer(self.noise_length, sorted({*LENGTHS, length}), length)
        if isinstance(value, AutoregressiveSetup):
            self.autoregressive.show({name: getattr(value, name) for name in self.autoregressive.controls})
            self.noise_stddev.value = value.noise_stddev
        elif value is None or isinstance(value, Setup):
            self.sampler.options, shown = SAMPLERS, value or Setup()
            at = {name: getattr(shown, name) for name in ("start", "stop")}
            numbers = {name: sorted({*range(STEPS), each or 0}) for name, each in at.items()}
            offer(self.start, [*numbers["start"][1:], ALL], ALL if shown.start is None else shown.start)
            offer(self.stop, [ALL, *numbers["stop"]], ALL if shown.stop is None else shown.stop)
            for name in NAMES:
                if name not in at:
                    getattr(self, name).value = getattr(shown, name)
            self.clip.value = shown.clipping is not None
            self.low.value, self.high.value = shown.clipping or BOUNDS
        else:
            self._solver, name = value, value.name
            self.sampler.options = [*SAMPLERS, name]
            self.sampler.value = name

    def _settle(self) -> None:
        autoregressive = isinstance(self.value, AutoregressiveSetup)
        for each in self._diffusion:
            each.layout.display = "none" if autoregressive or (self.value is None and each is not self.name) else ""
        self.more.layout.display = "none" if self.value is None else ""
        self.autoregressive.layout.display = "" if autoregressive else "none"
        ours = autoregressive or (self.value is not None and self.sampler.value in SAMPLERS)
        free = self.sampler.value != "ddpm"
        with self.writing():
            other = NONE if self.value is None else OTHER
            named = next((name for name, setup in SETUPS.items() if setup == self.value), other)
            offer(self.name, [*SETUPS, other], named)
        uniform = self.steps.value == "uniform"
        able = dict.fromkeys(self._all, ours) | dict.fromkeys((self.sampler, self.name), self.value is not None)
        if ours:
            able |= {getattr(self, name): free for name in DDPM} | {self.start: uniform, self.stop: uniform}
            able |= {self.K: free and uniform, self.noise_stddev: autoregressive or self.stochasticity.value > 0}
        coloured = ours or isinstance(self.value, SchedulerSetup)
        able |= {self.noise_length: coloured}
        able |= {self.low: ours and self.clip.value, self.high: ours and self.clip.value}
        for each, on in able.items():  # each is set once: the browser is told of every change
            each.disabled = not on
