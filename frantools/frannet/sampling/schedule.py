"""Noise schedules, and the diffusion steps that a sampler visits. All tables are float64."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ...checks import choice, integer

STEPS = 100  # of FranNet's own schedules
SCHEDULES = ("cosine", "linear", "quadratic", "sigmoid")
RULES = ("uniform", "quadratic")

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Schedule:
    """A discrete noise schedule.

    Every table is float64 of shape (steps + 1,). Index 0 is the clean picture and index t + 1 belongs to step t, so
    that the step before the first (t = -1) is no special case.

    Attributes
    ----------
    beta : ndarray
        The variance that a step adds; 0 for the clean picture.
    alpha_bar : ndarray
        The remaining share of the clean picture's variance: ``cumprod(1 - beta)``.
    posterior_variance : ndarray
        The variance of DDPM's reverse step, ``beta (1 - alpha_bar[t - 1]) / (1 - alpha_bar[t])``.
    snr : ndarray
        Signal-to-noise ratio, ``alpha_bar / (1 - alpha_bar)``; infinite for the clean picture.
    """

    name: str
    beta: Array
    alpha_bar: Array
    posterior_variance: Array
    snr: Array

    @property
    def steps(self) -> int:
        """The number of diffusion steps."""
        return len(self.beta) - 1


def cosine(steps: int, offset: float = 0.008) -> Array:
    """Return the betas of the cosine schedule: Nichol and Dhariwal, "Improved DDPM" (2021), equation 17."""
    time = np.linspace(0, 1, steps + 1)
    alpha_bar = np.cos((time + offset) / (1 + offset) * np.pi / 2) ** 2
    return np.clip(1 - alpha_bar[1:] / alpha_bar[:-1], 1e-4, 0.9999)


@cache
def make(name: str = "cosine", steps: int = STEPS) -> Schedule:
    """Make a noise schedule.

    Parameters
    ----------
    name : {"cosine", "linear", "quadratic", "sigmoid"}
        The growth of beta. All but "cosine" grow from 1e-4 to 0.02.
    steps : int
        Diffusion steps, at least 2.

    Raises
    ------
    ValueError
        If the name is unknown or there are fewer than 2 steps.
    """
    low, high = 1e-4, 0.02
    choice("schedule", name, SCHEDULES)
    integer("steps", steps, 2)
    match name:
        case "cosine":
            beta = cosine(steps)
        case "linear":
            beta = np.linspace(low, high, steps)
        case "quadratic":
            beta = np.linspace(low**0.5, high**0.5, steps) ** 2
        case _:  # "sigmoid"
            beta = low + (high - low) / (1 + np.exp(-np.linspace(-6, 6, steps)))
    beta = np.concatenate([[0.0], beta])
    alpha_bar = np.cumprod(1 - beta, dtype=np.float64)
    posterior = np.zeros_like(beta)
    posterior[1:] = beta[1:] * (1 - alpha_bar[:-1]) / (1 - alpha_bar[1:])
    snr = np.full_like(beta, np.inf)
    snr[1:] = alpha_bar[1:] / (1 - alpha_bar[1:])
    for table in (beta, alpha_bar, posterior, snr):
        table.flags.writeable = False  # the cached tables are shared
    return Schedule(name, beta, alpha_bar, posterior, snr)


def steps(
    rule: str = "uniform", K: int = 1, total: int = STEPS, start: int | None = None, stop: int | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the diffusion steps that a sampler visits, and the steps that they lead to.

    Parameters
    ----------
    rule : {"uniform", "quadratic"}
        "uniform" visits the last step, every K-th in between, and 0. "quadratic" visits the last step, and then one
        less than each power of 2.
    K : int
        The stride of "uniform", 1 to `total` - 1.
    total : int
        Steps of the schedule.
    start, stop : int, optional
        "uniform" visits `start` - 1, every K-th step in between, and `stop`. Default: `total` and 0.

    Returns
    -------
    t, t_prev : ndarray of int
        Steps from `start` - 1 down to `stop`, and the same shifted by one, ending in `stop` - 1 (-1 is the clean
        picture).

    Raises
    ------
    ValueError
        If the rule is unknown or K, `start` or `stop` is out of range.

    Examples
    --------
    >>> steps("uniform", K=30)[0].tolist()
    [99, 91, 61, 31, 1, 0]
    >>> steps("uniform", K=20, start=60, stop=10)[0].tolist()
    [59, 51, 31, 11, 10]
    >>> steps("quadratic")[0].tolist()
    [99, 63, 31, 15, 7, 3, 1, 0]
    """
    first, last = total if start is None else start, stop or 0
    if not 0 <= last < first <= total:
        raise ValueError(f"start must be above stop and at most {total}, got start={first} and stop={last}")
    choice("steps", rule, RULES)
    if rule == "uniform":
        integer("K", K, 1, total - 1)
        t = [first - 1, *reversed(range(last + 1, first - 1, K)), last]
    else:
        t = [total - 1, *(2**k - 1 for k in range(total.bit_length(), -1, -1) if 2**k < total)]
    visited = np.array(t, dtype=np.int64)
    return visited, np.append(visited[1:], visited[-1] - 1)
