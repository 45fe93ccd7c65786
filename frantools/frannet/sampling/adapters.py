"""Schedulers of the diffusers library as setups.

diffusers is an optional extra: ``pip install "frantools[schedulers]"``.
"""

from __future__ import annotations

import inspect
import json
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.metadata import version
from itertools import pairwise
from math import isfinite, sqrt
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from ...checks import integer, set_fields
from ...files import to_json, with_infinite
from ...noise import check_length
from ...system.devices import on_processor
from .samplers import Noise, Predict, Sampler, Step, sample
from .schedule import STEPS, Schedule, make
from .setup import SETUPS, settings_text


@dataclass(frozen=True)
class SchedulerSetup(Sampler):
    """A scheduler of diffusers, in the place of a `Setup`.

    Parameters
    ----------
    scheduler : str
        The name of its class, with or without the "Scheduler" at the end: "DPMSolverMultistep" (DPM-Solver++),
        "UniPCMultistep", "HeunDiscrete" ...
    steps : int
        diffusers' ``num_inference_steps``, from 1 and up to the schedule's; some schedulers call the network twice a
        step, see `calls`.
    options : dict, optional
        Arguments of the class, such as ``{"solver_order": 3}``, as JSON can hold them. The noise schedule is the
        model's own and cannot be among them.
    noise_length
        As for `Setup`: of the noise at the start, and of what a scheduler adds.

    Raises
    ------
    ModuleNotFoundError
        If diffusers is not installed.
    ValueError
        If diffusers has no such scheduler, it takes no noise schedule, makes noise of pictures, or refuses an option.

    Notes
    -----
    All noise belongs to the point, as everywhere here: that which a scheduler asks its caller for, and that which it
    draws itself, as "EulerAncestralDiscrete" does.

    Examples
    --------
    >>> SchedulerSetup("UniPCMultistep", steps=6).calls
    6
    """

    scheduler: str = "DPMSolverMultistep"
    steps: int = 15
    options: Mapping[str, Any] = field(default_factory=dict)
    noise_length: float = 0.0

    def __post_init__(self) -> None:
        length, name = check_length(self.noise_length), str(self.scheduler).removesuffix("Scheduler")
        set_fields(self, noise_length=length, scheduler=name, steps=integer("steps", self.steps))
        try:
            set_fields(self, options=with_infinite(json.loads(to_json(dict(self.options)))))
        except (TypeError, ValueError):
            raise ValueError(f"options are {self.options!r}; accepted is a mapping that JSON can hold") from None
        self._make(make(), min(self.steps, STEPS))  # more go with a longer schedule, which only `calls_on` knows

    def __hash__(self) -> int:
        return hash(to_json(self.to_dict(), sort_keys=True))

    def calls_on(self, schedule: Schedule) -> int:
        """How often the network is called for a point, on a schedule; a ValueError if it has fewer steps than asked."""
        return len(self._make(schedule).timesteps)

    def check(self, schedule: Schedule) -> None:
        """Try the scheduler on a noise schedule, with a model that is always right.

        Warns
        -----
        UserWarning
            If its steps lead out of the range: what it restores is mostly noise.

        Raises
        ------
        ValueError
            If they end in numbers that are not finite, or it cannot take them.
        """
        mean, spread = _tried(self, schedule.name, schedule.steps)
        other = f"accepted are other steps and options, such as timestep_spacing='leading', and {', '.join(COMMON)}"
        if not isfinite(mean) or not isfinite(spread):
            raise ValueError(f"{self} ends in numbers that are not finite on this noise schedule; {other}")
        if abs(mean - TRIED[0]) > 0.25 or spread > 1.5 * TRIED[1]:
            warnings.warn(
                f"{self} leaves the range on the {schedule.name} noise schedule of {schedule.steps} steps: of numbers "
                f"of {TRIED[0]} +- {TRIED[1]} it makes {mean:.3g} +- {spread:.3g}, and noise of pictures; {other}",
                stacklevel=2,
            )

    def __str__(self) -> str:
        options = f" and options={dict(self.options)}" if self.options else ""
        return f"{self.scheduler}Scheduler with steps={self.steps}{options}"

    def to_dict(self) -> dict[str, Any]:
        """The setup as JSON can hold it; `SchedulerSetup(**it)` is equal to this one."""
        return {"scheduler": self.scheduler, "steps": self.steps, "options": dict(self.options)} | self.noise_settings()

    @property
    def name(self) -> str:
        """The shortest text that names it, such as "UniPCMultistep:6"."""
        name = f"{self.scheduler}Scheduler" if self.scheduler.upper() in SETUPS else self.scheduler
        settings = settings_text({**self.options, **self.noise_settings()})
        return f"{name}:{self.steps}{',' if settings else ''}{settings}"

    def versions(self) -> dict[str, str]:
        """Return the version of diffusers."""
        return {"diffusers": version("diffusers")}

    def _make(self, schedule: Schedule, steps: int | None = None) -> Any:
        """The scheduler itself, at its start: it counts its steps, so each sampling has one of its own."""
        steps = self.steps if steps is None else steps
        if steps > schedule.steps:
            raise ValueError(f"steps is {steps}; accepted are whole numbers up to the schedule's {schedule.steps}")
        name = f"{self.scheduler}Scheduler"
        kind, examples = getattr(_diffusers(), name, None), f"for example, {', '.join(COMMON)}"
        if kind is None:
            raise ValueError(f"diffusers has no {name}; accepted are, {examples}")
        logging.getLogger(kind.__module__).addFilter(ONCE)
        accepted = inspect.signature(kind).parameters
        if "trained_betas" not in accepted or not _plain(kind.step):
            raise ValueError(f"{name} cannot sample with a model's noise schedule alone; accepted are, {examples}")
        wrong = sorted(self.options.keys() - accepted.keys() | self.options.keys() & OURS)
        if wrong:
            free = ", ".join(sorted(accepted.keys() - OURS))
            raise ValueError(f"{name} takes no option {', '.join(wrong)}; accepted are {free}")
        arguments = DEFAULTS | dict(self.options) | _fixed(schedule)
        try:
            with on_processor():
                made = kind(**{key: value for key, value in arguments.items() if key in accepted})
                made.set_timesteps(steps)
        except Exception as error:  # diffusers raises assertions, KeyErrors and more
            raise ValueError(f"{name} refuses steps={steps} and options={dict(self.options)}: {_why(error)}") from None
        if not bool((made.timesteps == made.timesteps.round()).all()):
            raise ValueError(
                f"{name} asks about diffusion steps between whole ones, which the models do not know; "
                "accepted are options with timestep_spacing 'leading' or 'trailing'"
            )
        if any(t < after for t, after in pairwise(made.timesteps.tolist())):
            raise ValueError(f"{name} goes from the picture to noise, and is no sampler; accepted are, {examples}")
        return made

    def sample(self, predict: Predict, x: Tensor, schedule: Schedule, noise: Noise) -> Iterator[Step]:
        """Take noise to a clean value; see `Sampler.sample`. The steps are the scheduler's."""
        scheduler = self._make(schedule)
        asks = "variance_noise" in inspect.signature(scheduler.step).parameters
        x = x * scheduler.init_noise_sigma
        times = [int(t) for t in scheduler.timesteps]
        for index, t in enumerate(scheduler.timesteps):
            seen = scheduler.scale_model_input(x, t)
            x0, e = predict(seen, times[index])
            extra = {"variance_noise": noise(tuple(x.shape))} if asks else {}
            with on_processor(), _Draws(noise, tuple(x.shape)):
                x = scheduler.step(e, t, x, **extra).prev_sample
            yield Step(index, times[index], times[index + 1] if index + 1 < len(times) else -1, x, x0)


class _Draws(TorchFunctionMode):
    """Within it, on this thread, `torch.randn` gives the draws of the points, whatever generator it is told of."""

    def __init__(self, draw: Noise, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.draw, self.shape = draw, shape

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name in ("randn", "randn_like"):
            asked = args[0].shape if name == "randn_like" else kwargs.get("size", args)
            if tuple(asked) in (self.shape, (self.shape,)):  # as one argument, or several
                return self.draw(self.shape).to(dtype=kwargs.get("dtype"))
        if name in RANDOM:
            raise ValueError(
                "the scheduler draws random numbers that belong to no point; accepted are other schedulers"
            )
        return func(*args, **kwargs)


# What draws random numbers in torch, by its name.
RANDOM = {"randn", "randn_like", "rand", "rand_like", "randint", "randint_like", "randperm", "normal", "normal_"}
RANDOM |= {"uniform_", "random_", "bernoulli", "bernoulli_", "multinomial", "exponential_", "poisson"}

TRIED = (0.8, 0.5)
"""The mean and the standard deviation of the numbers that schedulers are tried on."""


@lru_cache(maxsize=256)
def _tried(setup: SchedulerSetup, name: str, steps: int) -> tuple[float, float]:
    """The mean and the standard deviation of what a scheduler makes of noise, with the best answers that there are.

    Of normally distributed numbers the best answer is known: the mean of the noise, given the noisy number.
    """
    schedule, (mean, spread) = make(name, steps), TRIED

    def denoise(x: Tensor, t: int) -> Tensor:
        a = float(schedule.alpha_bar[t + 1])
        return sqrt(1 - a) / (a * spread**2 + 1 - a) * (x - sqrt(a) * mean)

    rng = torch.Generator().manual_seed(0)
    draw = lambda shape: torch.randn(shape, generator=rng, dtype=torch.float32, device="cpu")  # noqa: E731
    try:
        made = sample(denoise, draw((512, 3)), schedule, setup, draw)
    except Exception as error:  # as above
        raise ValueError(f"{setup} cannot sample this noise schedule: {_why(error)}") from None
    return float(made.mean()), float(made.std())


def _why(error: Exception) -> str:
    """The message of a library's error, in one line; with the kind of error where the message alone says little."""
    text = " ".join(str(error).split())
    if isinstance(error, ValueError) and text:
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


COMMON = ("DPMSolverMultistep", "UniPCMultistep", "DEISMultistep", "EulerDiscrete", "DDIM")
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


class _Once(logging.Filter):
    """Pass each message of a library once: schedulers are built again for each tile, and log the same again."""

    def __init__(self) -> None:
        super().__init__()
        self._messages: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the message is new."""
        message = record.getMessage()
        is_new = message not in self._messages
        self._messages.add(message)
        return is_new


ONCE = _Once()


@lru_cache(maxsize=1)
def _diffusers() -> Any:
    try:
        import diffusers
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "the schedulers of diffusers need that library: pip install 'frantools[schedulers]'"
        ) from None
    return diffusers
