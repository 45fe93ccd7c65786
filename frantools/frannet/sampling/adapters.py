"""Schedulers of the diffusers library as samplers.

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

from ...checks import integer, invalid, set_fields
from ...files import to_json, with_infinite
from ...settings import setting, validate
from ...system.devices import on_processor
from .samplers import NAMED_SAMPLERS, Noise, Predict, Sampler, Step, format_settings, noise_length_setting, sample
from .schedule import STEPS, Schedule, make

COMMON_SCHEDULERS = ("DPMSolverMultistep", "UniPCMultistep", "DEISMultistep", "EulerDiscrete", "DDIM")
EXAMPLES = f"for example {', '.join(COMMON_SCHEDULERS)}"
MODEL_OPTIONS = {"trained_betas", "beta_start", "beta_end", "beta_schedule", "num_train_timesteps", "prediction_type"}

# Values are not only pixels, so nothing is clipped; "trailing" starts at pure noise with integer steps.
DEFAULTS: dict[str, Any] = {"clip_sample": False, "timestep_spacing": "trailing"}


@dataclass(frozen=True)
class SchedulerSetup(Sampler):
    """A scheduler of diffusers as a sampler, usable like a `Setup`.

    Parameters
    ----------
    scheduler : str
        The name of its class, with or without the "Scheduler" at the end: "DPMSolverMultistep" (DPM-Solver++),
        "UniPCMultistep", "HeunDiscrete" ...
    steps : int
        diffusers' ``num_inference_steps``, from 1 to the schedule's number; some schedulers call the network twice a
        step, see `calls`.
    options : dict, optional
        Arguments of the class that JSON can hold, such as ``{"solver_order": 3}``. The noise schedule is the model's
        own and no option.
    noise_length
        As for `Setup`: of the noise at the start, and of that which a scheduler adds.

    Raises
    ------
    ModuleNotFoundError
        If diffusers is not installed.
    ValueError
        If diffusers has no such scheduler, or the scheduler does not accept a noise schedule, goes from pictures to
        noise, or rejects an option.

    Notes
    -----
    All noise belongs to the point: both that which a scheduler receives from its caller, and that which it draws
    itself, as "EulerAncestralDiscrete" does.

    Examples
    --------
    >>> SchedulerSetup("UniPCMultistep", steps=6).calls
    6
    """

    scheduler: str = "DPMSolverMultistep"
    steps: int = setting(15, "Steps", "The number of network calls for a point", range=(1, None), slider=(1, STEPS))
    options: Mapping[str, Any] = field(default_factory=dict)
    noise_length: float = noise_length_setting()

    recipe_settings = ("scheduler",)

    def __post_init__(self) -> None:
        validate(self)
        set_fields(self, scheduler=str(self.scheduler).removesuffix("Scheduler"))
        try:
            set_fields(self, options=with_infinite(json.loads(to_json(dict(self.options)))))
        except (TypeError, ValueError):
            raise invalid("options", "a mapping that JSON can hold", self.options) from None
        self._create(make(), min(self.steps, STEPS))  # `calls_on` checks the steps against the actual schedule

    def __hash__(self) -> int:
        return hash(to_json(self.to_dict(), sort_keys=True))

    def calls_on(self, schedule: Schedule) -> int:
        """Return the number of network calls for a point; a ValueError if the schedule has too few steps."""
        return len(self._create(schedule).timesteps)

    def check(self, schedule: Schedule) -> None:
        """Test the scheduler on a noise schedule, with an optimal model.

        Warns
        -----
        UserWarning
            If its steps leave the range, so that restorations are mostly noise.

        Raises
        ------
        ValueError
            If it fails, or ends in values that are NaN or infinite.
        """
        mean, stddev = _sample_test_values(self, schedule.name, schedule.steps)
        advice = f"try other steps, options such as timestep_spacing='leading', or {', '.join(COMMON_SCHEDULERS)}"
        if not isfinite(mean) or not isfinite(stddev):
            raise ValueError(f"{self} ends in values that are NaN or infinite on this noise schedule; {advice}")
        if abs(mean - TEST_MEAN) > 0.25 or stddev > 1.5 * TEST_STDDEV:
            warnings.warn(
                f"{self} leaves the range on the {schedule.name} noise schedule of {schedule.steps} steps: test values "
                f"of {TEST_MEAN} +- {TEST_STDDEV} become {mean:.3g} +- {stddev:.3g}, and pictures noise; {advice}",
                stacklevel=2,
            )

    def __str__(self) -> str:
        options = f" and options={dict(self.options)}" if self.options else ""
        return f"{self.scheduler}Scheduler with steps={self.steps}{options}"

    def to_dict(self) -> dict[str, Any]:
        """Return the settings by name, for JSON; `SchedulerSetup(**settings)` equals this setup."""
        return {"scheduler": self.scheduler, "steps": self.steps, "options": dict(self.options)} | self.noise_settings()

    @property
    def name(self) -> str:
        """The shortest text that names it, such as "UniPCMultistep:6"."""
        name = f"{self.scheduler}Scheduler" if self.scheduler.upper() in NAMED_SAMPLERS else self.scheduler
        settings = format_settings({**self.options, **self.noise_settings()})
        return f"{name}:{self.steps}{',' if settings else ''}{settings}"

    def versions(self) -> dict[str, str]:
        """Return the version of diffusers."""
        return {"diffusers": version("diffusers")}

    def _create(self, schedule: Schedule, steps: int | None = None) -> Any:
        """Create a scheduler at its start; schedulers are stateful, so each sampling needs its own."""
        steps = self.steps if steps is None else steps
        integer("steps", steps, 1, schedule.steps)
        name = f"{self.scheduler}Scheduler"
        kind = getattr(_diffusers(), name, None)
        if kind is None:
            raise ValueError(f"diffusers has no {name}; {EXAMPLES}")
        logging.getLogger(kind.__module__).addFilter(LOG_ONCE)
        accepted = inspect.signature(kind).parameters
        if "trained_betas" not in accepted or not _has_standard_step(kind):
            raise ValueError(f"{name} cannot sample with a model's noise schedule alone; {EXAMPLES}")
        if unknown := sorted(self.options.keys() - accepted.keys() | self.options.keys() & MODEL_OPTIONS):
            available = ", ".join(sorted(accepted.keys() - MODEL_OPTIONS))
            raise ValueError(f"{name} has no option {', '.join(unknown)}; it has {available}")
        arguments = DEFAULTS | dict(self.options) | _model_arguments(schedule)
        try:
            with on_processor():
                scheduler = kind(**{key: value for key, value in arguments.items() if key in accepted})
                scheduler.set_timesteps(steps)
        except Exception as error:  # diffusers raises assertions, KeyErrors and more
            message = f"{name} rejects steps={steps} and options={dict(self.options)}: {_one_line(error)}"
            raise ValueError(message) from None
        if not bool((scheduler.timesteps == scheduler.timesteps.round()).all()):
            raise ValueError(
                f"{name} visits fractional diffusion steps, which the models do not have; try the option "
                "timestep_spacing='leading' or 'trailing'"
            )
        if any(t < after for t, after in pairwise(scheduler.timesteps.tolist())):
            raise ValueError(f"{name} goes from the picture to noise, and is no sampler; {EXAMPLES}")
        return scheduler

    def sample(self, predict: Predict, x: Tensor, schedule: Schedule, noise: Noise) -> Iterator[Step]:
        """Take noise to a clean value; see `Sampler.sample`. The steps are the scheduler's."""
        scheduler = self._create(schedule)
        takes_noise = "variance_noise" in inspect.signature(scheduler.step).parameters
        x = x * scheduler.init_noise_sigma
        times = [int(t) for t in scheduler.timesteps]
        for index, t in enumerate(scheduler.timesteps):
            x0, e = predict(scheduler.scale_model_input(x, t), times[index])
            extra = {"variance_noise": noise(tuple(x.shape))} if takes_noise else {}
            with on_processor(), _PointNoise(noise, tuple(x.shape)):
                x = scheduler.step(e, t, x, **extra).prev_sample
            yield Step(index, times[index], times[index + 1] if index + 1 < len(times) else -1, x, x0)


class _PointNoise(TorchFunctionMode):
    """Inside this context, on this thread, `torch.randn` returns the draws of the points, whatever its generator."""

    def __init__(self, draw: Noise, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.draw, self.shape = draw, shape

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name in ("randn", "randn_like"):
            shape = args[0].shape if name == "randn_like" else kwargs.get("size", args)
            if tuple(shape) in (self.shape, (self.shape,)):  # as one argument, or several
                return self.draw(self.shape).to(dtype=kwargs.get("dtype"))
        if name in RANDOM_FUNCTIONS:
            raise ValueError("the scheduler draws random numbers that belong to no point; choose another one")
        return func(*args, **kwargs)


RANDOM_FUNCTIONS = {"randn", "randn_like", "rand", "rand_like", "randint", "randint_like", "randperm", "normal"}
RANDOM_FUNCTIONS |= {
    "normal_",
    "uniform_",
    "random_",
    "bernoulli",
    "bernoulli_",
    "multinomial",
    "exponential_",
    "poisson",
}

TEST_MEAN, TEST_STDDEV = 0.8, 0.5  # of the values that schedulers are tested on


@lru_cache(maxsize=256)
def _sample_test_values(setup: SchedulerSetup, name: str, steps: int) -> tuple[float, float]:
    """Return the mean and the standard deviation of test values sampled with the optimal prediction.

    For normally distributed values it is known: the mean of the noise, given the noisy value.
    """
    schedule = make(name, steps)

    def denoise(x: Tensor, t: int) -> Tensor:
        a = float(schedule.alpha_bar[t + 1])
        return sqrt(1 - a) / (a * TEST_STDDEV**2 + 1 - a) * (x - sqrt(a) * TEST_MEAN)

    rng = torch.Generator().manual_seed(0)
    draw = lambda shape: torch.randn(shape, generator=rng, dtype=torch.float32, device="cpu")  # noqa: E731
    try:
        values = sample(denoise, draw((512, 3)), schedule, setup, draw)
    except Exception as error:  # as above
        raise ValueError(f"{setup} cannot sample this noise schedule: {_one_line(error)}") from None
    return float(values.mean()), float(values.std())


def _one_line(error: Exception) -> str:
    """Return the message of a library's error in one line, with its type unless it is a ValueError."""
    text = " ".join(str(error).split())
    if isinstance(error, ValueError) and text:
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _has_standard_step(kind: Any) -> bool:
    """Whether a scheduler's step requires only the network's output, the time and the value."""
    parameters = inspect.signature(kind.step).parameters.values()
    return sum(p.default is p.empty and p.kind != p.VAR_KEYWORD for p in parameters) == 4  # with self


def _model_arguments(schedule: Schedule) -> dict[str, Any]:
    """Return the arguments that the model determines: its noise schedule, and that it predicts noise."""
    return {
        "num_train_timesteps": schedule.steps,
        "trained_betas": schedule.beta[1:].tolist(),
        "prediction_type": "epsilon",
    }


class _LogOnce(logging.Filter):
    """Log each message of a library once, although schedulers are created for each tile."""

    def __init__(self) -> None:
        super().__init__()
        self._messages: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        is_new = message not in self._messages
        self._messages.add(message)
        return is_new


LOG_ONCE = _LogOnce()


@lru_cache(maxsize=1)
def _diffusers() -> Any:
    try:
        import diffusers
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "the schedulers of diffusers need that library: pip install 'frantools[schedulers]'"
        ) from None
    return diffusers
