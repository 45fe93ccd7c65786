"""Schedulers of the diffusers library as setups.

diffusers is an optional extra: ``pip install diffusers``.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from ..checks import is_whole
from .samplers import SETUPS, Callback, Denoise, Noise, Setup, Step, predict_x0
from .schedule import Schedule, make


@dataclass(frozen=True)
class SchedulerSetup:
    """A scheduler of diffusers, in the place of a `Setup`.

    Parameters
    ----------
    scheduler : str
        The name of its class, with or without the "Scheduler" at the end: "DPMSolverMultistep" (DPM-Solver++),
        "UniPCMultistep", "HeunDiscrete" ...
    steps : int
        diffusers' ``num_inference_steps``, 1 to 100; some schedulers call the network twice a step, see `calls`.
    options : dict, optional
        Arguments of the class, such as ``{"solver_order": 3}``, as JSON can hold them. The noise schedule is the
        model's own and cannot be among them.

    Raises
    ------
    ModuleNotFoundError
        If diffusers is not installed.
    ValueError
        If diffusers has no such scheduler, it takes no noise schedule, or it refuses an option.

    Notes
    -----
    Noise that a scheduler asks its caller for belongs to the point, as everywhere here. One that draws its own, such
    as "EulerAncestralDiscrete", draws it tile by tile: the same seed and size give the same picture, but a region's
    noise is then not that of the whole picture.

    Examples
    --------
    >>> SchedulerSetup("UniPCMultistep", steps=6).calls
    6
    """

    scheduler: str = "DPMSolverMultistep"
    steps: int = 15
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "scheduler", str(self.scheduler).removesuffix("Scheduler"))
        if not is_whole(self.steps) or not 1 <= self.steps <= 100:
            raise ValueError(f"steps is {self.steps!r}; accepted are whole numbers from 1 to 100")
        object.__setattr__(self, "steps", int(self.steps))
        try:
            object.__setattr__(self, "options", json.loads(json.dumps(dict(self.options))))
        except (TypeError, ValueError):
            raise ValueError(f"options are {self.options!r}; accepted is a mapping that JSON can hold") from None
        self._make(make())

    def __hash__(self) -> int:
        return hash(json.dumps(self.to_dict(), sort_keys=True))

    @property
    def calls(self) -> int:
        """How often the network is called for a point."""
        return len(self._make(make()).timesteps)

    def to_dict(self) -> dict[str, Any]:
        """The setup as JSON can hold it; `SchedulerSetup(**it)` is equal to this one."""
        return {"scheduler": self.scheduler, "steps": self.steps, "options": dict(self.options)}

    def _make(self, schedule: Schedule) -> Any:
        """The scheduler itself, at its start: it counts its steps, so each sampling has one of its own."""
        name = f"{self.scheduler}Scheduler"
        kind, examples = getattr(_diffusers(), name, None), f"for example, {', '.join(COMMON)}"
        if kind is None:
            raise ValueError(f"diffusers has no {name}; accepted are, {examples}")
        accepted = inspect.signature(kind).parameters
        if "trained_betas" not in accepted or not _plain(kind.step):
            raise ValueError(f"{name} cannot sample with a model's noise schedule alone; accepted are, {examples}")
        wrong = sorted(self.options.keys() - accepted.keys() | self.options.keys() & OURS)
        if wrong:
            free = ", ".join(sorted(accepted.keys() - OURS))
            raise ValueError(f"{name} takes no option {', '.join(wrong)}; accepted are {free}")
        arguments = DEFAULTS | dict(self.options) | _fixed(schedule)
        try:
            made = kind(**{key: value for key, value in arguments.items() if key in accepted})
            made.set_timesteps(self.steps)
        except (ValueError, TypeError, NotImplementedError, IndexError, ImportError) as error:
            raise ValueError(f"{name} refuses steps={self.steps} and options={dict(self.options)}: {error}") from None
        if not bool((made.timesteps == made.timesteps.round()).all()):
            raise ValueError(
                f"{name} asks about diffusion steps between whole ones, which the models do not know; "
                "accepted are options with timestep_spacing 'leading' or 'trailing'"
            )
        return made

    def sample(
        self,
        denoise: Denoise,
        x: Tensor,
        schedule: Schedule,
        noise: Noise | None = None,
        callback: Callback | None = None,
    ) -> Tensor:
        """Take noise to a clean value, as `samplers.sample` does; the steps are the scheduler's."""
        scheduler = self._make(schedule)
        takes = inspect.signature(scheduler.step).parameters
        # A seed that follows from that of the start value, for schedulers that draw their own noise.
        own = torch.Generator(x.device).manual_seed(int(x.reshape(-1)[:1].float().view(torch.int32)))
        x = x * scheduler.init_noise_sigma
        times = [int(t) for t in scheduler.timesteps]
        for index, t in enumerate(scheduler.timesteps):
            seen = scheduler.scale_model_input(x, t)
            e = denoise(seen, times[index])
            extra: dict[str, Any] = {}
            if "variance_noise" in takes:
                extra["variance_noise"] = noise(tuple(x.shape)) if noise is not None else torch.randn_like(x)
            elif "generator" in takes:
                extra["generator"] = own
            x = scheduler.step(e, t, x, **extra).prev_sample
            if callback is not None:
                x0 = predict_x0(seen, e, float(schedule.alpha_bar[times[index] + 1]))
                callback(Step(index, times[index], times[index + 1] if index + 1 < len(times) else -1, x, x0))
        return x


COMMON = ("DPMSolverMultistep", "UniPCMultistep", "DEISMultistep", "HeunDiscrete", "DDIM", "PNDM")
OURS = {"trained_betas", "beta_start", "beta_end", "beta_schedule", "num_train_timesteps", "prediction_type"}

# Values here are not of pictures alone, so nothing is clipped; "trailing" begins at pure noise with whole steps.
DEFAULTS: dict[str, Any] = {"clip_sample": False, "timestep_spacing": "trailing"}


def _plain(step: Any) -> bool:
    """Whether a scheduler's step asks for nothing but the network's answer, the time and the value."""
    asked = inspect.signature(step).parameters.values()
    return sum(p.default is p.empty and p.kind != p.VAR_KEYWORD for p in asked) == 4  # with self


def _fixed(schedule: Schedule) -> dict[str, Any]:
    """What every scheduler is told: the model's noise schedule, and that it predicts noise."""
    return {
        "num_train_timesteps": schedule.steps,
        "trained_betas": schedule.beta[1:].tolist(),
        "prediction_type": "epsilon",
    }


@lru_cache(maxsize=1)
def _diffusers() -> Any:
    try:
        import diffusers
    except ModuleNotFoundError:
        raise ModuleNotFoundError("the schedulers of diffusers need that library: pip install diffusers") from None
    return diffusers


def setup_from_dict(made: Mapping[str, Any]) -> Setup | SchedulerSetup:
    """The setup that a `to_dict` described."""
    return SchedulerSetup(**made) if "scheduler" in made else Setup(**made)


def named_setup(text: str) -> Setup | SchedulerSetup:
    """The setup that a short text names, as on the command line.

    Parameters
    ----------
    text : str
        The name of one of the note's setups, or of a scheduler of diffusers with its steps; then settings:
        "B", "B:K=25", "UniPCMultistep:6", "DPMSolverMultistep:15,solver_order=3".

    Raises
    ------
    ValueError
        If there is no such setup or setting.
    """
    name, _, rest = text.partition(":")
    name = name.upper() if name.upper() in SETUPS else name
    values: dict[str, Any] = {}
    for part in filter(None, re.split(r",(?![^\[]*\])", rest)):  # not at the commas of a list
        key, equals, value = part.partition("=")
        if not equals and name in SETUPS:
            raise ValueError(f"{part!r} in {text!r} is no setting; accepted are settings by name, as in {name}:K=10")
        if not equals:
            key, value = "steps", key
        try:
            values[key.strip()] = json.loads(value)
        except ValueError:
            values[key.strip()] = value.strip()
    if name in SETUPS:
        unknown = values.keys() - {entry.name for entry in fields(Setup)}
        if unknown:
            raise ValueError(f"the setup {name} has no {', '.join(sorted(unknown))} (in {text!r})")
        return replace(SETUPS[name], **values)
    try:
        return SchedulerSetup(name, values.pop("steps", SchedulerSetup.steps), values)
    except (ValueError, ModuleNotFoundError) as error:
        if name.removesuffix("Scheduler") in COMMON:
            raise
        raise ValueError(
            f"unknown setup {name!r}; accepted are {', '.join(SETUPS)}, and schedulers ({error})"
        ) from None


def setup_name(setup: Setup) -> str:
    """The shortest text that names a setup; `named_setup` makes the same one of it."""
    names = []
    for name, named in SETUPS.items():
        if named.sampler == setup.sampler:
            before = named.to_dict()
            changes = {key: value for key, value in setup.to_dict().items() if value != before[key]}
            listed = ",".join(f"{k}={v if isinstance(v, str) else json.dumps(v)}" for k, v in changes.items())
            names.append(f"{name}:{listed}" if changes else name)
    return min(reversed(names), key=len)  # of two as short as each other, the note's last: B
