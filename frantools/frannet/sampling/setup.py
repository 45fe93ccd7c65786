"""The sampler of FranNet's note: DDPM and DDIM with noise projection, and the note's four setups."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from math import sqrt
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...checks import invalid, is_number, to_python
from ...settings import setting, validate
from .samplers import (
    KernelCoefficients,
    Noise,
    Predict,
    Sampler,
    Step,
    StepCoefficients,
    name_samplers,
    name_with_changes,
    noise_length_setting,
    noise_stddev_setting,
)
from .schedule import RULES, STEPS, Schedule, steps

SAMPLERS = ("ddim", "ddpm")
MINIMUM_SQUARE = 1e-24  # of a length
DDPM_SETTINGS = {"stochasticity": 1, "K": 1, "noise_projection": False, "steps": "uniform"}


def _check_clipping(clipping: object) -> tuple[float, float]:
    """Return clipping bounds as a pair of floats; JSON has a list."""
    bounds = to_python(clipping)
    if isinstance(bounds, (tuple, list)) and len(bounds) == 2 and all(map(is_number, bounds)) and bounds[0] < bounds[1]:
        return float(bounds[0]), float(bounds[1])
    raise invalid("clipping", "None or (low, high) with low < high", bounds)


@dataclass(frozen=True)
class Setup(Sampler):
    """The settings of a sampler. `Setup()` is the note's B.

    Parameters
    ----------
    stochasticity : float
        DDIM's eta, 0 to 1: 0 adds no noise along the way, 1 as much as DDPM.
    K : int
        The stride of the "uniform" steps, from 1 and below the schedule's number of steps. Of FranNet's 100 steps, 1
        visits all 100, and 8 visits 15.
    noise_projection : bool
        Whether the noisy value is pulled back to the distance that it had from the predicted colour before the noise
        was added.
    noise_stddev : {"normal", "squared", "zero"}
        The standard deviation of the added noise: sigma, its square, or 0.
    clipping : (float, float), optional
        Bounds of the values, at the start and after every step.
    steps : {"uniform", "quadratic"}
        The rule for the steps; see `frantools.frannet.sampling.schedule.steps`.
    sampler : {"ddim", "ddpm"}
        "ddpm" steps with the posterior mean and variance. It visits all steps and has no projection: it requires
        ``stochasticity=1, K=1, noise_projection=False, steps="uniform"``.
    noise_length : float
        The length over which the noise of neighbouring points is correlated, in fractions of the picture. With 0, each
        point has its own random numbers, and chance is visible as grain. Above 0, the noise is white noise filtered by
        a Gaussian of this standard deviation and scaled to a variance of 1: at a distance d it is correlated by
        ``exp(-d**2 / (4 * noise_length**2))``, and chance is visible as different colours. The expected loss does not
        change. With ``math.inf``, or "inf", all points have the same noise. See `noise`.
    start, stop : int, optional
        The diffusion steps to start and stop at, in FranNet's count: the first step visited is ``start - 1``, and
        the last is `stop`, which leads to ``stop - 1``. They require "uniform" steps. Default: all steps.

    Raises
    ------
    ValueError
        If a setting is out of range, or does not go with the sampler.
    """

    stochasticity: float = setting(
        1.0,
        "Stochasticity",
        "DDIM's eta: 0 adds no noise, 1 as much as DDPM",
        range=(0, 1),
        step=0.05,
        applies=lambda setup: setup.sampler != "ddpm",
    )
    K: int = setting(
        8,
        "K",
        "The stride of the uniform steps: 1 calls the network 100 times, 8 calls it 15 times",
        range=(1, None),
        slider=(1, 99),
        applies=lambda setup: setup.sampler != "ddpm" and setup.steps == "uniform",
    )
    noise_projection: bool = setting(
        True,
        "Noise projection",
        "Pull each noisy value back to the distance that it had from the predicted colour before noise was added",
        applies=lambda setup: setup.sampler != "ddpm",
        advanced=True,
    )
    noise_stddev: str = noise_stddev_setting(applies=lambda setup: setup.stochasticity > 0)
    clipping: tuple[float, float] | None = setting(
        None,
        "Clipping",
        "Bounds of the values, at the start and after each step",
        slider=(-1.0, 1.0),
        check=_check_clipping,
        advanced=True,
    )
    steps: str = setting(
        "uniform",
        "Steps",
        "The rule for the diffusion steps",
        choices=RULES,
        applies=lambda setup: setup.sampler != "ddpm",
        advanced=True,
    )
    sampler: str = setting(
        "ddim",
        "Sampler",
        "DDPM steps with the posterior mean and visits all steps",
        choices=SAMPLERS,
        advanced=True,
    )
    noise_length: float = noise_length_setting()
    start: int | None = setting(
        None,
        "Start",
        "The first diffusion step visited is one less than this",
        range=(0, None),
        ticks=(*range(1, STEPS), None),
        applies=lambda setup: setup.steps == "uniform",
        advanced=True,
    )
    stop: int | None = setting(
        None,
        "Stop",
        "The last diffusion step visited",
        range=(0, None),
        ticks=(None, *range(STEPS)),
        applies=lambda setup: setup.steps == "uniform",
        advanced=True,
    )

    recipe_settings = ()

    def __post_init__(self) -> None:
        validate(self)
        if self.start is not None and self.start <= (self.stop or 0):
            raise ValueError(f"start must be above stop, got start={self.start} and stop={self.stop}")
        if (self.start, self.stop) != (None, None) and self.steps != "uniform":
            raise ValueError(f"start and stop require steps='uniform', got steps={self.steps!r}")
        if self.sampler == "ddpm" and any(getattr(self, name) != value for name, value in DDPM_SETTINGS.items()):
            required = ", ".join(f"{name}={value!r}" for name, value in DDPM_SETTINGS.items())
            raise ValueError(f"the 'ddpm' sampler requires {required}; for other settings use sampler='ddim'")

    def calls_on(self, schedule: Schedule) -> int:
        """Return the number of network calls for a point; a ValueError if K exceeds the schedule's steps."""
        return len(self.visited(schedule)[0])

    def visited(self, schedule: Schedule) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the diffusion steps visited on a schedule, and those that they lead to; see `schedule.steps`."""
        return steps(self.steps, self.K, schedule.steps, self.start, self.stop)

    def to_dict(self) -> dict[str, Any]:
        """Return the settings by name, for JSON; `Setup(**settings)` equals this setup."""
        unset = [name for name in ("start", "stop") if getattr(self, name) is None]
        settings = {field.name: getattr(self, field.name) for field in fields(self) if field.name not in unset}
        settings.pop("noise_length")
        return settings | self.noise_settings()

    @property
    def name(self) -> str:
        """The shortest text that names it, such as "B:K=25"; of equally short ones that of the note's last setup."""
        candidates = [(name, setup) for name, setup in reversed([*SETUPS.items()]) if setup.sampler == self.sampler]
        return min((name_with_changes(name, self, setup) for name, setup in candidates), key=len)

    def coefficients(self, schedule: Schedule) -> list[StepCoefficients]:
        """Return the coefficients of each step.

        References
        ----------
        DDIM: Song et al. (2021), https://arxiv.org/abs/2010.02502, equation 12. DDPM: Ho et al. (2020),
        https://arxiv.org/abs/2006.11239, algorithm 2.
        """
        return [self.step_coefficients(t, t_prev, schedule) for t, t_prev in zip(*self.visited(schedule), strict=True)]

    def step_coefficients(self, t: int, t_prev: int, schedule: Schedule) -> StepCoefficients:
        """Return the coefficients of the step from one diffusion step to another; see `coefficients`."""
        a, p = float(schedule.alpha_bar[t + 1]), float(schedule.alpha_bar[t_prev + 1])
        match self.sampler:
            case "ddpm":
                beta, sigma = float(schedule.beta[t + 1]), sqrt(schedule.posterior_variance[t + 1])
                keep, toward = sqrt(1 - beta), beta / sqrt(1 - a)
            case "ddim":
                sigma = ddim_sigma(a, p, self.stochasticity)
                keep, toward = sqrt(p), sqrt(max(1 - p - sigma**2, 0.0))
            case _:
                raise invalid("sampler", f"one of {', '.join(map(repr, SAMPLERS))}", self.sampler)
        noise_stddev = {"normal": sigma, "squared": sigma**2, "zero": 0.0}[self.noise_stddev]
        return StepCoefficients(int(t), int(t_prev), a, keep, toward, noise_stddev)

    def kernel_coefficients(self, schedule: Schedule) -> KernelCoefficients | None:
        """Return the steps for the compiled kernel, which computes DDIM and DDPM, but no subclass."""
        if type(self) is not Setup:
            return None
        return KernelCoefficients(
            tuple(self.coefficients(schedule)), self.sampler == "ddpm", self.noise_projection, self.clipping
        )

    def first_value(self, x: Tensor, restorator: str) -> Tensor:
        """Clip the drawn values of diffusion models, as FranNet does; those of its interpolants stay unclipped."""
        return self._clip(x) if restorator == "diffusion" else x

    def sample(self, predict: Predict, x: Tensor, schedule: Schedule, noise: Noise) -> Iterator[Step]:
        """Take noise to a clean value; see `Sampler.sample`. The noise projection is FranNet's."""
        for index, c in enumerate(self.coefficients(schedule)):
            x0, e = predict(x, c.t)
            mean = (x - c.toward * e) / c.keep if self.sampler == "ddpm" else c.keep * x0 + c.toward * e
            x = mean + c.sigma * noise(tuple(x.shape)) if c.sigma > 0 else mean
            if self.noise_projection:
                x = project(x, centre=x0, radius=length(mean - x0))
            x = self._clip(x)
            yield Step(index, c.t, c.t_prev, x, x0)

    def _clip(self, x: Tensor) -> Tensor:
        return x if self.clipping is None else x.clamp(*self.clipping)


SETUPS = name_samplers(
    DDPM=Setup(stochasticity=1.0, K=1, noise_projection=False, sampler="ddpm"),
    DDIM=Setup(stochasticity=0.0, K=1, noise_projection=False),
    A=Setup(stochasticity=1.0, K=1, noise_projection=True),
    B=Setup(stochasticity=1.0, K=8, noise_projection=True),
)
"""The note's four setups by name."""

QUICK = Setup(K=25)
"""B with 6 network calls: for models that predict the velocity, whose first steps are as accurate as the last."""


def ddim_sigma(a: float, p: float, eta: float) -> float:
    """Return the standard deviation of the noise in a step: Song et al., "DDIM" (2021), equation 16."""
    return eta * sqrt((1 - p) / (1 - a) * (1 - a / p))


def length(v: Tensor) -> Tensor:
    """Return the length of (..., C) vectors, (..., 1), above 0 so that it divides and has a gradient.

    It is at least 1e-12, if the dtype has such a number. Computed as a sum of squares, because `vector_norm` is slow
    along so short an axis.
    """
    minimum = max(MINIMUM_SQUARE, torch.finfo(v.dtype).tiny)
    return v.square().sum(dim=-1, keepdim=True).clamp(min=minimum).sqrt()


def project(noisy: Tensor, centre: Tensor, radius: Tensor) -> Tensor:
    """Project each point of `noisy` onto the sphere around its `centre`.

    Parameters
    ----------
    noisy, centre : Tensor
        (..., C).
    radius : Tensor
        (..., 1): the radius of the sphere. A point at its centre stays there.
    """
    offset = noisy - centre
    return centre + offset * (radius / length(offset))  # an offset of 0 stays 0
