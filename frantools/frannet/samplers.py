"""From noise to a colour: the DDPM and DDIM samplers over a `denoise(x, t)` callable.

Nothing in here knows of images, models or files: the last axis of an array is the channels of one point.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from math import isfinite, sqrt
from numbers import Real
from types import MappingProxyType
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from ..checks import is_whole
from .schedule import RULES, Schedule, steps

Denoise = Callable[[Tensor, int], Tensor]
Noise = Callable[[tuple[int, ...]], Tensor]
Callback = Callable[["Step"], None]

NOISE_STDDEVS = ("normal", "squared", "zero")
SAMPLERS = ("ddim", "ddpm")


@dataclass(frozen=True)
class Setup:
    """The settings of a sampler. `Setup()` is the note's B.

    Parameters
    ----------
    stochasticity : float
        DDIM's eta, 0 to 1: 0 adds no noise along the way, 1 as much as DDPM.
    K : int
        The stride of the "uniform" steps, 1 to 99: 1 calls the network 100 times, 8 calls it 15 times.
    noise_projection : bool
        Whether the noisy value is pulled back to its distance from the predicted colour before the noise came in.
    noise_stddev : {"normal", "squared", "zero"}
        The added noise has standard deviation sigma, sigma squared, or is left out.
    clipping : (float, float), optional
        Keep values within these bounds, at the start and after every step.
    steps : {"uniform", "quadratic"}
        Which steps are visited; see `frantools.frannet.schedule.steps`.
    sampler : {"ddim", "ddpm"}
        "ddpm" steps with the posterior mean and variance. It visits all steps and has no projection: it needs
        ``stochasticity=1, K=1, noise_projection=False, steps="uniform"``.

    Raises
    ------
    ValueError
        If a setting is out of its range, or does not go with the sampler.
    """

    stochasticity: float = 1.0
    K: int = 8
    noise_projection: bool = True
    noise_stddev: str = "normal"
    clipping: tuple[float, float] | None = None
    steps: str = "uniform"
    sampler: str = "ddim"

    def __post_init__(self) -> None:
        if not _is_number(self.stochasticity) or not 0 <= self.stochasticity <= 1:
            raise ValueError(f"stochasticity is {self.stochasticity!r}; accepted are numbers from 0 to 1")
        if not is_whole(self.K) or not 1 <= self.K <= 99:
            raise ValueError(f"K is {self.K!r}; accepted are whole numbers from 1 to 99")
        if not isinstance(self.noise_projection, (bool, np.bool_)):
            raise ValueError(f"noise_projection is {self.noise_projection!r}; accepted are True and False")
        for name, accepted in (("noise_stddev", NOISE_STDDEVS), ("steps", RULES), ("sampler", SAMPLERS)):
            if getattr(self, name) not in accepted:
                names = ", ".join(map(repr, accepted))
                raise ValueError(f"{name} is {getattr(self, name)!r}; accepted are {names}")
        if self.clipping is not None:
            object.__setattr__(self, "clipping", _bounds(self.clipping))
        # NumPy's numbers are welcome, and JSON takes only Python's own.
        object.__setattr__(self, "stochasticity", float(self.stochasticity))
        object.__setattr__(self, "K", int(self.K))
        object.__setattr__(self, "noise_projection", bool(self.noise_projection))
        needs = {"stochasticity": 1, "K": 1, "noise_projection": False, "steps": "uniform"}
        if self.sampler == "ddpm" and any(getattr(self, name) != value for name, value in needs.items()):
            listed = ", ".join(f"{name}={value!r}" for name, value in needs.items())
            raise ValueError(f"the 'ddpm' sampler needs {listed}; for other settings use sampler='ddim'")

    @property
    def calls(self) -> int:
        """How often the network is called for a point."""
        return len(steps(self.steps, self.K)[0])

    def to_dict(self) -> dict[str, Any]:
        """The settings by name, as JSON can hold them; `Setup(**it)` is equal to this setup."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


@runtime_checkable
class Solver(Protocol):
    """Another library's sampler, in the place of a `Setup`; see `adapters`."""

    @property
    def calls(self) -> int: ...

    def to_dict(self) -> dict[str, Any]: ...

    def sample(
        self, denoise: Denoise, x: Tensor, schedule: Schedule, noise: Noise | None, callback: Callback | None
    ) -> Tensor: ...


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and isfinite(value)


def _bounds(clipping: object) -> tuple[float, float]:
    """`clipping` as a pair of floats (JSON makes a list of it)."""
    if (
        isinstance(clipping, (tuple, list))
        and len(clipping) == 2
        and all(map(_is_number, clipping))
        and clipping[0] < clipping[1]
    ):
        return float(clipping[0]), float(clipping[1])
    raise ValueError(f"clipping is {clipping!r}; accepted are None and (low, high) with low < high")


SETUPS = MappingProxyType(
    {
        "DDPM": Setup(stochasticity=1.0, K=1, noise_projection=False, sampler="ddpm"),
        "DDIM": Setup(stochasticity=0.0, K=1, noise_projection=False),
        "A": Setup(stochasticity=1.0, K=1, noise_projection=True),
        "B": Setup(stochasticity=1.0, K=8, noise_projection=True),
    }
)
"""The note's four setups by name."""

QUICK = Setup(K=25)
"""B with 6 network calls: for models whose objective is the velocity, whose first steps are as sure as the last."""


@dataclass(frozen=True)
class Step:
    """What a sampler's callback is told after each step."""

    index: int
    """0 for the first step taken."""
    t: int
    """The diffusion step that the network was asked about."""
    t_prev: int
    """The diffusion step that `x` is at now; -1 is the clean picture."""
    x: Tensor
    """The value after the step, in the shape of the sampler's start value."""
    x0: Tensor
    """The clean value that the network's answer predicts, in the same shape."""


def predict_x0(x: Tensor, e: Tensor, a: float) -> Tensor:
    """The clean value, from a noisy one and its noise: ``x = sqrt(a) x0 + sqrt(1 - a) e``, solved for x0."""
    return (x - sqrt(1 - a) * e) / sqrt(a)


def noise_of(answer: Denoise, schedule: Schedule, objective: str) -> Denoise:
    """The noise, from what a model answers: the noise itself, or the velocity.

    A velocity is ``v = sqrt(a) e - sqrt(1 - a) x0``, so ``e = sqrt(a) v + sqrt(1 - a) x``: Salimans and Ho (2022),
    https://arxiv.org/abs/2202.00512, appendix D.

    Parameters
    ----------
    answer : callable
        ``answer(x, t)``, in the shape of `x`.
    schedule : Schedule
        The noise schedule that the model was trained with.
    objective : {"noise", "v"}
        What it answers.
    """
    if objective == "noise":
        return answer

    def denoise(x: Tensor, t: int) -> Tensor:
        a = float(schedule.alpha_bar[t + 1])
        return sqrt(a) * answer(x, t) + sqrt(1 - a) * x

    return denoise


def ddim_sigma(a: float, p: float, eta: float) -> float:
    """Standard deviation of the noise in a step: Song et al., "DDIM" (2021), equation 16."""
    return eta * sqrt((1 - p) / (1 - a) * (1 - a / p))


def length(v: Tensor) -> Tensor:
    """The length of (..., C) vectors, (..., 1): above 0, so that it divides and has a gradient.

    At least 1e-12, where the dtype has such a number. As a sum of squares, because `vector_norm` is slow along so short
    an axis.
    """
    least = max(1e-24, torch.finfo(v.dtype).tiny)
    return v.square().sum(dim=-1, keepdim=True).clamp(min=least).sqrt()


def project(noisy: Tensor, centre: Tensor, radius: Tensor) -> Tensor:
    """Pull each point of `noisy` onto the sphere around its `centre`.

    Parameters
    ----------
    noisy, centre : Tensor
        (..., C).
    radius : Tensor
        (..., 1): the distance that a point is left at. A point that lies at its centre stays there.
    """
    offset = noisy - centre
    return centre + offset * (radius / length(offset))  # an offset of 0 stays 0


def sample(
    denoise: Denoise,
    x: Tensor,
    schedule: Schedule,
    setup: Setup | Solver,
    noise: Noise | None = None,
    callback: Callback | None = None,
) -> Tensor:
    """Take noise, step by step, to a clean value.

    Parameters
    ----------
    denoise : callable
        ``denoise(x, t)`` predicts the noise in `x` at diffusion step `t`, in the shape of `x`.
    x : Tensor
        (..., C): the start value, standard normal.
    schedule : Schedule
        The noise schedule that the model was trained with.
    setup : Setup or Solver
        The sampler and its settings.
    noise : callable, optional
        ``noise(shape)`` gives standard normal draws. Called in order, once for each step whose noise is not 0 by
        the setup or the schedule. Default: `torch.randn` on the device of `x`.
    callback : callable, optional
        Called with a `Step` after each step. What it raises ends the sampling.

    Returns
    -------
    Tensor
        The clean value, in the shape of `x`.

    References
    ----------
    DDIM: Song et al. (2021), https://arxiv.org/abs/2010.02502, equation 12. DDPM: Ho et al. (2020),
    https://arxiv.org/abs/2006.11239, algorithm 2. The noise projection is FranNet's.
    """
    if not isinstance(setup, Setup):
        return setup.sample(denoise, x, schedule, noise, callback)
    draw = noise if noise is not None else lambda shape: torch.randn(shape, dtype=x.dtype, device=x.device)
    low, high = setup.clipping or (None, None)
    clip = (lambda v: v) if low is None else (lambda v: v.clamp(low, high))
    power = 2 if setup.noise_stddev == "squared" else 1

    x = clip(x)
    visited, previous = steps(setup.steps, setup.K, schedule.steps)
    for index, (t, t_prev) in enumerate(zip(visited.tolist(), previous.tolist(), strict=True)):
        a, p = float(schedule.alpha_bar[t + 1]), float(schedule.alpha_bar[t_prev + 1])
        e = denoise(x, t)
        x0 = predict_x0(x, e, a)
        if setup.sampler == "ddpm":
            # Algorithm 2: the posterior mean.
            beta = float(schedule.beta[t + 1])
            sigma = sqrt(schedule.posterior_variance[t + 1])
            x = (x - beta / sqrt(1 - a) * e) / sqrt(1 - beta)
        else:
            # Equation 12: the predicted x0, and the direction that points to x_t.
            sigma = ddim_sigma(a, p, setup.stochasticity)
            x = sqrt(p) * x0 + sqrt(max(1 - p - sigma**2, 0.0)) * e
        radius = length(x - x0) if setup.noise_projection else None
        if sigma > 0 and setup.noise_stddev != "zero":
            x = x + sigma**power * draw(tuple(x.shape))
        if radius is not None:
            x = project(x, x0, radius)
        x = clip(x)
        if callback is not None:
            callback(Step(index, t, t_prev, x, x0))
    return x
