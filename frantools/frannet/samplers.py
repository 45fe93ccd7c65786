"""From noise to a colour: the DDPM and DDIM samplers over a `denoise(x, t)` callable.

Nothing in here knows of images, models or files: the last axis of an array is the channels of one point.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, fields
from math import inf, sqrt
from types import MappingProxyType
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..checks import flag, is_number, is_whole, number, one_of, plain, settle, whole
from ..noise import checked
from .interpolants import INTERPOLANTS, predict_x0
from .schedule import RULES, Schedule, make, steps

Denoise = Callable[[Tensor, int], Tensor]
Guess = Callable[[Tensor, int], tuple[Tensor, Tensor]]
Noise = Callable[[tuple[int, ...]], Tensor]
Callback = Callable[["Step"], None]

NOISE_STDDEVS = ("normal", "squared", "zero")
SAMPLERS = ("ddim", "ddpm")
LEAST = 1e-24  # of the square of a length


class OnSchedule(ABC):
    """A sampler whose number of calls depends on the noise schedule."""

    @abstractmethod
    def calls_on(self, schedule: Schedule) -> int:
        """How often the network is called for a point, on a schedule; a ValueError where the two do not go together."""

    @property
    def calls(self) -> int:
        """How often the network is called for a point, on FranNet's 100 steps."""
        return self.calls_on(make())


@dataclass(frozen=True)
class Setup(OnSchedule):
    """The settings of a sampler. `Setup()` is the note's B.

    Parameters
    ----------
    stochasticity : float
        DDIM's eta, 0 to 1: 0 adds no noise along the way, 1 as much as DDPM.
    K : int
        The stride of the "uniform" steps, from 1 and below the schedule's number of steps. Of FranNet's 100 steps, 1
        visits all 100, and 8 visits 15.
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
    noise_length : float
        Over which neighbouring points draw alike, in fractions of the picture. 0: each point draws numbers of its own,
        and chance shows as grain. Above: white noise, filtered with a Gaussian of this standard deviation and brought
        back to a variance of 1. Each point's own numbers are as random as before, so that the expected loss does not
        change; those of two points at a distance d are correlated by ``exp(-d**2 / (4 * noise_length**2))``, and what
        chance decides shows as another colouring. ``math.inf``, or "inf": one draw for all points. See `noise`.
    noise_fields : {"fresh", "one"}
        Whether each step draws anew, or all steps after the start add the same numbers, which then add up: no longer
        the noise that the model was trained with.
    start, stop : int, optional
        The diffusion steps to begin and to end at, as FranNet counts them: the first step visited is ``start - 1``, and
        the last one `stop`, which leads to ``stop - 1``; with "uniform" steps. Default: all of them.

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
    noise_length: float = 0.0
    noise_fields: str = "fresh"
    start: int | None = None
    stop: int | None = None

    def __post_init__(self) -> None:
        # NumPy's numbers are welcome, and JSON takes only Python's own.
        settle(self, stochasticity=number("stochasticity", self.stochasticity, 1), K=whole("K", self.K))
        settle(self, noise_projection=flag("noise_projection", self.noise_projection))
        for name, accepted in (("noise_stddev", NOISE_STDDEVS), ("steps", RULES), ("sampler", SAMPLERS)):
            one_of(name, getattr(self, name), accepted)
        if self.clipping is not None:
            settle(self, clipping=_bounds(self.clipping))
        length = checked(self.noise_length, self.noise_fields)
        settle(self, noise_length=length)
        for name in ("start", "stop"):
            value = getattr(self, name)
            if value is not None and (not is_whole(value) or value < 0):
                raise ValueError(f"{name} is {value!r}; accepted are whole numbers from 0, and None")
            settle(self, **{name: None if value is None else int(value)})
        if self.start is not None and self.start <= (self.stop or 0):
            raise ValueError(f"start is {self.start} and stop {self.stop}; accepted are starts above the stop")
        if (self.start, self.stop) != (None, None) and self.steps != "uniform":
            raise ValueError(f"start and stop go with steps='uniform', not with {self.steps!r}")
        needs = {"stochasticity": 1, "K": 1, "noise_projection": False, "steps": "uniform"}
        if self.sampler == "ddpm" and any(getattr(self, name) != value for name, value in needs.items()):
            listed = ", ".join(f"{name}={value!r}" for name, value in needs.items())
            raise ValueError(f"the 'ddpm' sampler needs {listed}; for other settings use sampler='ddim'")

    def calls_on(self, schedule: Schedule) -> int:
        """How often the network is called for a point, on a schedule; a ValueError if K goes beyond its steps."""
        return len(self.visited(schedule)[0])

    def visited(self, schedule: Schedule) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The diffusion steps that are visited on a schedule, and where each leads; see `schedule.steps`."""
        return steps(self.steps, self.K, schedule.steps, self.start, self.stop)

    def to_dict(self) -> dict[str, Any]:
        """The settings by name, as JSON can hold them; `Setup(**it)` is equal to this setup."""
        unset = [name for name in ("start", "stop") if getattr(self, name) is None]
        made = {each.name: getattr(self, each.name) for each in fields(self) if each.name not in (*WHITE, *unset)}
        return made | coloured(self)


WHITE: dict[str, Any] = {"noise_length": 0.0, "noise_fields": "fresh"}
"""The settings of noise that recipes leave out: those without them stay as they were."""


def coloured(setup: object) -> dict[str, Any]:
    """What a setup says of its noise beyond `WHITE`, as JSON can hold it."""
    said = {name: getattr(setup, name, value) for name, value in WHITE.items()}
    return {name: "inf" if value == inf else value for name, value in said.items() if value != WHITE[name]}


@runtime_checkable
class Solver(Protocol):
    """Any sampler, in the place of a `Setup`: an object with these three. `adapters.SchedulerSetup` is one.

    It may also have ``calls_on(schedule)``, where the number of calls depends on the schedule, a `name`, which
    `setups.setup_name` then gives, and `noise_length` and `noise_fields`, as a `Setup` has them.

    Examples
    --------
    A sampler that goes down the schedule in equal strides, and adds no noise:

    >>> class Strides:
    ...     calls = 4
    ...
    ...     def to_dict(self):
    ...         return {"strides": self.calls}
    ...
    ...     def sample(self, denoise, x, schedule, noise, callback):
    ...         for index in range(self.calls):
    ...             t = schedule.steps * (self.calls - index) // self.calls - 1
    ...             t_prev = schedule.steps * (self.calls - index - 1) // self.calls - 1
    ...             e = denoise(x, t)
    ...             x0 = predict_x0(x, e, schedule.alpha_bar[t + 1])
    ...             p = schedule.alpha_bar[t_prev + 1]
    ...             x = p**0.5 * x0 + (1 - p) ** 0.5 * e
    ...             if callback is not None:
    ...                 callback(Step(index, t, t_prev, x, x0))
    ...         return x
    >>> sample(lambda x, t: 0.9 * x, torch.ones(2, 3), make("cosine"), Strides()).shape
    torch.Size([2, 3])
    """

    @property
    def calls(self) -> int:
        """How often the network is called for a point."""

    def to_dict(self) -> dict[str, Any]:
        """The settings, as JSON can hold them; they go into recipes."""

    def sample(
        self, denoise: Denoise, x: Tensor, schedule: Schedule, noise: Noise | None, callback: Callback | None
    ) -> Tensor:
        """Take noise to a clean value, as the function `sample` does with the same arguments.

        It runs for each tile of a picture, on several threads at once. Random numbers are those of `noise`, as many
        as the sampler likes, and the same number of draws for every tile; they belong to the point, which others do
        not. `callback` is called after each step: it counts the progress, and ends the work by what it raises.
        """


def calls_on(setup: Setup | Solver | None, schedule: Schedule) -> int:
    """How often a setup calls the network for a point; None is a single pass.

    Raises a ValueError if the setup does not go with the schedule.
    """
    if setup is None:
        return 1
    counted = getattr(setup, "calls_on", None)
    return counted(schedule) if counted is not None else setup.calls


def _bounds(clipping: object) -> tuple[float, float]:
    """`clipping` as a pair of floats (JSON makes a list of it)."""
    clipping = plain(clipping)
    if (
        isinstance(clipping, (tuple, list))
        and len(clipping) == 2
        and all(map(is_number, clipping))
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
class Move:
    """What one step of a setup computes with, on a schedule."""

    t: int
    """The diffusion step that the network is asked about."""
    t_prev: int
    """Where it leads."""
    a: float
    """alpha_bar at `t`."""
    keep: float
    """DDIM: ``x = keep x0 + toward e``. DDPM: ``x = (x - toward e) / keep``."""
    toward: float
    sigma: float
    """The standard deviation of the noise that is added then; 0 adds none."""


def moves(setup: Setup, schedule: Schedule) -> list[Move]:
    """The steps of a setup. DDPM's are the posterior's (algorithm 2), and DDIM's equation 12; see `sample`."""
    made = []
    for t, t_prev in zip(*(each.tolist() for each in setup.visited(schedule)), strict=True):
        a, p = float(schedule.alpha_bar[t + 1]), float(schedule.alpha_bar[t_prev + 1])
        if setup.sampler == "ddpm":
            beta, sigma = float(schedule.beta[t + 1]), sqrt(schedule.posterior_variance[t + 1])
            keep, toward = sqrt(1 - beta), beta / sqrt(1 - a)
        elif setup.sampler == "ddim":
            sigma = ddim_sigma(a, p, setup.stochasticity)
            keep, toward = sqrt(p), sqrt(max(1 - p - sigma**2, 0.0))
        else:  # a setup of another version, say: pickles are not checked
            raise ValueError(f"sampler must be one of {', '.join(map(repr, SAMPLERS))}, got {setup.sampler!r}")
        added = {"normal": sigma, "squared": sigma**2, "zero": 0.0}[setup.noise_stddev]
        made.append(Move(t, t_prev, a, keep, toward, added))
    return made


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


def noise_of(answer: Denoise, schedule: Schedule, objective: str) -> Denoise:
    """The noise, from what a model answers: that itself (`objective` "noise"), or the velocity ("v")."""
    noise = INTERPOLANTS[objective].x1
    return lambda x, t: noise(answer(x, t), x, float(schedule.alpha_bar[t + 1]))


def drawn(noise: Noise | None, x: Tensor) -> Noise:
    """What draws: `noise`, or where there is none `torch.randn`, as `x` is."""
    return noise if noise is not None else lambda shape: torch.randn(shape, dtype=x.dtype, device=x.device)


def ddim_sigma(a: float, p: float, eta: float) -> float:
    """Standard deviation of the noise in a step: Song et al., "DDIM" (2021), equation 16."""
    return eta * sqrt((1 - p) / (1 - a) * (1 - a / p))


def length(v: Tensor) -> Tensor:
    """The length of (..., C) vectors, (..., 1): above 0, so that it divides and has a gradient.

    At least 1e-12, where the dtype has such a number. As a sum of squares, because `vector_norm` is slow along so short
    an axis.
    """
    least = max(LEAST, torch.finfo(v.dtype).tiny)
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
    always: bool = False,
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
    always : bool
        Whether a `Setup` that adds noise draws it in each step, as FranNet does, and not only where it counts.

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

    def guess(x: Tensor, t: int) -> tuple[Tensor, Tensor]:
        e = denoise(x, t)
        return predict_x0(x, e, float(schedule.alpha_bar[t + 1])), e

    return walk(guess, _clipped(x, setup), schedule, setup, noise, callback, always)


def _clipped(x: Tensor, setup: Setup) -> Tensor:
    return x if setup.clipping is None else x.clamp(*setup.clipping)


def walk(
    guess: Guess,
    x: Tensor,
    schedule: Schedule,
    setup: Setup,
    noise: Noise | None = None,
    callback: Callback | None = None,
    always: bool = False,
) -> Tensor:
    """The steps of `sample`, whatever the network answers.

    Parameters
    ----------
    guess : callable
        ``guess(x, t)``: the clean value x0 and the noise that the network sees in `x` at diffusion step `t`.
    x, schedule, setup, noise, callback, always
        As for `sample`, but that `x` is taken as it is.
    """
    draw = drawn(noise, x)
    for index, move in enumerate(moves(setup, schedule)):
        x0, e = guess(x, move.t)
        posterior = setup.sampler == "ddpm"
        x = (x - move.toward * e) / move.keep if posterior else move.keep * x0 + move.toward * e
        radius = length(x - x0) if setup.noise_projection else None
        if move.sigma > 0 or (always and setup.noise_stddev != "zero"):
            x = x + move.sigma * draw(tuple(x.shape))
        if radius is not None:
            x = project(x, x0, radius)
        x = _clipped(x, setup)
        if callback is not None:
            callback(Step(index, move.t, move.t_prev, x, x0))
    return x
