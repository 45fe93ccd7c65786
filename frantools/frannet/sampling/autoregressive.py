"""FranNet's autoregressive sampler: predict the colour, move part of the way, repeat.

The network predicts the colour from the current value, again and again, while the value approaches it. A point that
hardly moves any more is done. The network reads each value with noise, at most a quarter of the last move; the noise
does not accumulate.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from math import sqrt
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...checks import invalid, number
from ...settings import setting, validate
from .samplers import (
    Noise,
    Predict,
    Sampler,
    Step,
    name_samplers,
    name_with_changes,
    noise_length_setting,
    noise_stddev_setting,
)
from .schedule import Schedule

LEVELS = (0.0, *(float(f"{digit}e-{place}") for place in (4, 3, 2, 1) for digit in (1, 2, 5)), 1.0)


def _check_decay(decay: object) -> float:
    factor = number("decay", decay, 0, 1)
    if factor == 0:
        raise invalid("decay", "a number above 0 and up to 1", decay)
    return factor


@dataclass(frozen=True)
class AutoregressiveSetup(Sampler):
    """The settings of the autoregressive sampler.

    Step k leads to ``x0 + (x1 - x0) * share(k + 1)``. The network predicts x0 and x1, and
    ``share(k) = start * decay ** k``, at least `end`.

    Parameters
    ----------
    start, end : float
        The share of the noise at first, and at least: ``0 <= end <= start``.
    steps : int
        The maximum of network calls, from 1.
    decay : float
        The factor of the share from step to step, above 0 and up to 1.
    threshold : float
        A point that moves by at most this distance, over its three channels, is done. 0: when it does not move at all.
    converge_threshold : float
        A point whose value comes closer than this to x0 takes it, and is done. 0: never.
    noise_stddev : {"normal", "squared", "zero"}
        The standard deviation of the noise: a quarter of the last move, its square, or 0.
    noise_length
        As for `Setup`.

    Raises
    ------
    ValueError
        If a setting is out of range.

    Examples
    --------
    >>> AutoregressiveSetup(start=1.0, end=0.1, steps=4, decay=0.5).shares().tolist()
    [1.0, 0.5, 0.25, 0.125, 0.10000000149011612]
    """

    start: float = setting(
        1.0, "Start", "The share of the noise at first", range=(0, None), slider=(0.01, 1), step=0.01
    )
    end: float = setting(
        0.001,
        "End",
        "The smallest share of the noise: with 0, steps reach the prediction",
        range=(0, None),
        ticks=LEVELS,
    )
    steps: int = setting(100, "Steps", "The maximum of network calls for a point", range=(1, None), slider=(1, 100))
    decay: float = setting(
        0.9,
        "Decay",
        "The factor of the share from step to step: 1 keeps it",
        slider=(0.01, 1),
        step=0.01,
        check=_check_decay,
    )
    threshold: float = setting(
        0.0,
        "Threshold",
        "A point that moves by at most this distance in a step is done: with 0, when it does not move at all",
        range=(0, None),
        ticks=LEVELS,
    )
    converge_threshold: float = setting(
        0.0,
        "Converged",
        "A point that comes closer than this to its prediction takes it and is done: with 0, never",
        range=(0, None),
        ticks=LEVELS,
    )
    noise_stddev: str = noise_stddev_setting()
    noise_length: float = noise_length_setting()

    recipe_settings = ("decay",)
    model_kinds: ClassVar[frozenset[str]] = frozenset({"direction", "constant"})
    model_family: ClassVar[str] = "autoregressive models"
    default_model: ClassVar[str] = "direction-basic"
    ends_early: ClassVar[bool] = True

    def __post_init__(self) -> None:
        validate(self)
        if self.end > self.start:
            raise ValueError(f"end must be at most start, got end={self.end} and start={self.start}")

    def calls_on(self, schedule: Schedule) -> int:
        """Return the maximum of network calls for a point; the sampler does not use the noise schedule."""
        return self.steps

    @property
    def likely_calls(self) -> int:
        """The approximate network calls for a point that starts at distance 1 from a constant prediction."""
        distance = 1.0
        for k, share in enumerate(self.shares()[1:].tolist()):
            move, remaining = distance * (1 - share), distance * share
            sigma = {"normal": move / 4, "squared": (move / 4) ** 2, "zero": 0.0}[self.noise_stddev]
            if move <= self.threshold or remaining < self.converge_threshold:
                return k + 1
            distance = sqrt(remaining**2 + 3 * sigma**2)
        return self.steps

    def shares(self) -> NDArray[np.float32]:
        """Return the share of the noise at each step and after the last: (steps + 1,) float32."""
        k = np.arange(self.steps + 1, dtype=np.float32)
        return np.clip(np.float32(self.decay) ** k * np.float32(self.start), self.end, self.start).astype(np.float32)

    def to_dict(self) -> dict[str, Any]:
        """Return the settings by name, for JSON; `AutoregressiveSetup(**settings)` equals this setup."""
        settings = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "noise_length"}
        return settings | self.noise_settings()

    @property
    def name(self) -> str:
        """The shortest text that names it, such as "AR:decay=0.8"."""
        return name_with_changes("AR", self, FRANNET_DEFAULT)

    def sample(self, predict: Predict, x: Tensor, schedule: Schedule, noise: Noise) -> Iterator[Step]:
        """Take a drawn value to a clean one, without the noise of its last step; see `Sampler.sample`.

        The network is called at time 0.0. Noise is drawn in FranNet's order: before the first step, which does not use
        it, and after each step. A step's `t` counts the steps that may follow. Sampling ends early once no point moves.
        """
        noisy, power = self.noise_stddev != "zero", 2 if self.noise_stddev == "squared" else 1
        value = network_input = x
        active = torch.ones_like(x[..., :1], dtype=torch.bool)
        if noisy:
            noise(tuple(x.shape))
        for k, share in enumerate(self.shares()[1:].tolist()):
            x0, x1 = predict(network_input, 0.0)
            after = x0 + (x1 - x0) * share
            move = _length(network_input - after)
            if self.converge_threshold > 0:
                converged = _length(after - x0) < self.converge_threshold
                after, move = torch.where(converged, x0, after), torch.where(converged, 0, move)
            value = torch.where(active, after, value)
            sigma = torch.where(active, move / 4, 0)
            active = active & (move > self.threshold)
            network_input = value + noise(tuple(x.shape)) * sigma**power if noisy else value
            yield Step(k, self.steps - 1 - k, self.steps - 2 - k, value, x0)
            if not active.any():
                break


FRANNET_DEFAULT = AutoregressiveSetup(threshold=0.001)
"""The sampler of FranNet's own configs of autoregressive models."""
name_samplers(AR=FRANNET_DEFAULT)


def _length(v: Tensor) -> Tensor:
    """Return the length of (..., C) vectors, (..., 1), which is exactly 0 for a zero vector."""
    return v.square().sum(dim=-1, keepdim=True).sqrt()
