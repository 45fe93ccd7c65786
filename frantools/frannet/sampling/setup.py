"""The sampler of FranNet's note: DDPM and DDIM with noise projection, and the note's four setups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from math import sqrt
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...checks import boolean, choice, integer, is_number, number, set_fields, to_python
from ...files import finite, to_json
from ...noise import check_length
from .samplers import KernelCoefficients, Noise, Predict, Sampler, Step, StepCoefficients
from .schedule import RULES, Schedule, steps

NOISE_STDDEVS = ("normal", "squared", "zero")
SAMPLERS = ("ddim", "ddpm")
LEAST = 1e-24  # of the square of a length


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
        Whether the noisy value is pulled back to its distance from the predicted colour before the noise came in.
    noise_stddev : {"normal", "squared", "zero"}
        The added noise has standard deviation sigma, sigma squared, or is left out.
    clipping : (float, float), optional
        Keep values within these bounds, at the start and after every step.
    steps : {"uniform", "quadratic"}
        Which steps are visited; see `frantools.frannet.sampling.schedule.steps`.
    sampler : {"ddim", "ddpm"}
        "ddpm" steps with the posterior mean and variance. It visits all steps and has no projection: it needs
        ``stochasticity=1, K=1, noise_projection=False, steps="uniform"``.
    noise_length : float
        Over which neighbouring points draw alike, in fractions of the picture. 0: each point draws numbers of its own,
        and chance shows as grain. Above: white noise, filtered with a Gaussian of this standard deviation and brought
        back to a variance of 1. Each point's own numbers are as random as before, so that the expected loss does not
        change; those of two points at a distance d are correlated by ``exp(-d**2 / (4 * noise_length**2))``, and what
        chance decides shows as another colouring. ``math.inf``, or "inf": one draw for all points. See `noise`.
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
    start: int | None = None
    stop: int | None = None

    def __post_init__(self) -> None:
        # NumPy's numbers are welcome, and JSON takes only Python's own.
        set_fields(self, stochasticity=number("stochasticity", self.stochasticity, 0, 1), K=integer("K", self.K))
        set_fields(self, noise_projection=boolean("noise_projection", self.noise_projection))
        for name, accepted in (("noise_stddev", NOISE_STDDEVS), ("steps", RULES), ("sampler", SAMPLERS)):
            choice(name, getattr(self, name), accepted)
        if self.clipping is not None:
            set_fields(self, clipping=_bounds(self.clipping))
        set_fields(self, noise_length=check_length(self.noise_length))
        for name in ("start", "stop"):
            value = getattr(self, name)
            set_fields(self, **{name: None if value is None else integer(name, value, 0)})
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
        settings = {each.name: getattr(self, each.name) for each in fields(self) if each.name not in unset}
        settings.pop("noise_length")
        return settings | self.noise_settings()

    @property
    def name(self) -> str:
        """The shortest text that names it, such as "B:K=25"; of two as short, the note's last: B."""
        alike = {name: setup for name, setup in SETUPS.items() if setup.sampler == self.sampler}  # it reads best
        return min((changed_name(name, self, setup) for name, setup in reversed(alike.items())), key=len)

    def coefficients(self, schedule: Schedule) -> list[StepCoefficients]:
        """Return what each step computes with.

        References
        ----------
        DDIM: Song et al. (2021), https://arxiv.org/abs/2010.02502, equation 12. DDPM: Ho et al. (2020),
        https://arxiv.org/abs/2006.11239, algorithm 2.
        """
        return [self.step_coefficients(t, t_prev, schedule) for t, t_prev in zip(*self.visited(schedule), strict=True)]

    def step_coefficients(self, t: int, t_prev: int, schedule: Schedule) -> StepCoefficients:
        """Return what the step from one diffusion step to another computes with; see `coefficients`."""
        a, p = float(schedule.alpha_bar[t + 1]), float(schedule.alpha_bar[t_prev + 1])
        match self.sampler:
            case "ddpm":
                beta, sigma = float(schedule.beta[t + 1]), sqrt(schedule.posterior_variance[t + 1])
                keep, toward = sqrt(1 - beta), beta / sqrt(1 - a)
            case "ddim":
                sigma = ddim_sigma(a, p, self.stochasticity)
                keep, toward = sqrt(p), sqrt(max(1 - p - sigma**2, 0.0))
            case _:
                raise ValueError(f"sampler must be one of {', '.join(map(repr, SAMPLERS))}, got {self.sampler!r}")
        added = {"normal": sigma, "squared": sigma**2, "zero": 0.0}[self.noise_stddev]
        return StepCoefficients(int(t), int(t_prev), a, keep, toward, added)

    def kernel_coefficients(self, schedule: Schedule) -> KernelCoefficients | None:
        """Return the steps for the compiled kernel, which knows DDIM and DDPM, but not what a subclass does."""
        if type(self) is not Setup:
            return None
        return KernelCoefficients(
            tuple(self.coefficients(schedule)), self.sampler == "ddpm", self.noise_projection, self.clipping
        )

    def first_value(self, x: Tensor, restorator: str) -> Tensor:
        """Clip the drawn values, as FranNet does for its diffusion models and not for its interpolants."""
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


def changed_name(name: str, sampler: Sampler, named: Sampler) -> str:
    """The name of a sampler that differs from a named one in some settings, such as "B:K=25"."""
    before = named.to_dict()
    changes = settings_text({key: value for key, value in sampler.to_dict().items() if value != before.get(key)})
    return f"{name}:{changes}" if changes else name


def settings_text(settings: Mapping[str, Any]) -> str:
    """Settings as a short text, such as "K=25,noise_stddev=zero"."""
    values = finite(dict(settings)).items()
    return ",".join(f"{key}={value if isinstance(value, str) else to_json(value)}" for key, value in values)


def _bounds(clipping: object) -> tuple[float, float]:
    """`clipping` as a pair of floats (JSON makes a list of it)."""
    clipping = to_python(clipping)
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
