"""FranNet's autoregressive sampler: guess the colour, go part of the way, and go on from there where it moved.

A network that answers with the way from a value to the colour is asked again and again, about a value that comes
closer. A point that hardly moves any more is left alone; noise, as much as a quarter of the last step, is what the
network is asked about in between, and is not kept.
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
from .samplers import Noise, Predict, Sampler, Step, noise_length_setting, noise_stddev_setting
from .schedule import Schedule
from .setup import changed_name

LEVELS = (0.0, *(float(f"{digit}e-{place}") for place in (4, 3, 2, 1) for digit in (1, 2, 5)), 1.0)


def _check_decay(decay: object) -> float:
    factor = number("decay", decay, 0, 1)
    if factor == 0:
        raise invalid("decay", "a number above 0 and up to 1", decay)
    return factor


@dataclass(frozen=True)
class AutoregressiveSetup(Sampler):
    """The settings of the autoregressive sampler.

    Step k leads to ``x0 + (x1 - x0) * share(k + 1)``, of which the network says x0 and x1, and
    ``share(k) = start * decay ** k``, at least `end`.

    Parameters
    ----------
    start, end : float
        The share of the noise that is left at first, and at least: ``0 <= end <= start``.
    steps : int
        At most so many calls of the network, from 1.
    decay : float
        What the share is multiplied by from step to step, above 0 and up to 1.
    threshold : float
        A point that moves by no more than this, over its three channels, is done. 0: where it stands still.
    converge_threshold : float
        A point whose value comes closer than this to x0 takes it, and is done. 0: never.
    noise_stddev : {"normal", "squared", "zero"}
        The noise that the network is asked with has a quarter of the last move as its standard deviation, or the
        square of that, or is left out.
    noise_length
        As for `Setup`.

    Raises
    ------
    ValueError
        If a setting is out of its range.

    Examples
    --------
    >>> AutoregressiveSetup(start=1.0, end=0.1, steps=4, decay=0.5).shares().tolist()
    [1.0, 0.5, 0.25, 0.125, 0.10000000149011612]
    """

    start: float = setting(
        1.0, "Start", "The share of the noise that is left at first", range=(0, None), slider=(0.01, 1), step=0.01
    )
    end: float = setting(
        0.001,
        "End",
        "The smallest share of the noise that is left: 0 lets steps reach the prediction",
        range=(0, None),
        ticks=LEVELS,
    )
    steps: int = setting(
        100, "Steps", "The largest number of network calls for a point", range=(1, None), slider=(1, 100)
    )
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
        "A point that moves by no more than this in a step is done: 0 goes on until it stands still",
        range=(0, None),
        ticks=LEVELS,
    )
    converge_threshold: float = setting(
        0.0,
        "Converged",
        "A point that comes closer than this to its prediction takes it and is done: 0 never does",
        range=(0, None),
        ticks=LEVELS,
    )
    noise_stddev: str = noise_stddev_setting()
    noise_length: float = noise_length_setting()

    model_kinds: ClassVar[frozenset[str]] = frozenset({"direction", "constant"})
    model_family: ClassVar[str] = "autoregressive models"
    default_model: ClassVar[str] = "direction-basic"
    ends_early: ClassVar[bool] = True

    def __post_init__(self) -> None:
        validate(self)
        if self.end > self.start:
            raise ValueError(f"end must be at most start, got end={self.end} and start={self.start}")

    def calls_on(self, schedule: Schedule) -> int:
        """How often the network is called for a point, at most: the sampler knows no noise schedule."""
        return self.steps

    @property
    def likely_calls(self) -> int:
        """About how often the network is called for a point: until one that begins at 1 is done.

        As if the network always guessed the same colour.
        """
        distance = 1.0
        for k, share in enumerate(self.shares()[1:].tolist()):
            moved, left = distance * (1 - share), distance * share
            sigma = {"normal": moved / 4, "squared": (moved / 4) ** 2, "zero": 0.0}[self.noise_stddev]
            if moved <= self.threshold or left < self.converge_threshold:
                return k + 1
            distance = sqrt(left**2 + 3 * sigma**2)
        return self.steps

    def shares(self) -> NDArray[np.float32]:
        """(steps + 1,) float32: the share of the noise at each step, and after the last."""
        k = np.arange(self.steps + 1, dtype=np.float32)
        return np.clip(np.float32(self.decay) ** k * np.float32(self.start), self.end, self.start).astype(np.float32)

    def to_dict(self) -> dict[str, Any]:
        """The settings by name, as JSON can hold them; `AutoregressiveSetup(**it)` is equal to this setup."""
        settings = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "noise_length"}
        return settings | self.noise_settings()

    @property
    def name(self) -> str:
        """The shortest text that names it, such as "AR:decay=0.8"."""
        return changed_name("AR", self, FRANNETS)

    def sample(self, predict: Predict, x: Tensor, schedule: Schedule, noise: Noise) -> Iterator[Step]:
        """Take a drawn value to a clean one, without the noise of its last step; see `Sampler.sample`.

        The network is asked about time 0.0. Noise is drawn as FranNet draws it: before the first step, where it is not
        used, and after each. A step's `t` counts the steps that may follow. It ends early once no point moves.
        """
        noisy, power = self.noise_stddev != "zero", 2 if self.noise_stddev == "squared" else 1
        value = asked = x
        active = torch.ones_like(x[..., :1], dtype=torch.bool)
        if noisy:
            noise(tuple(x.shape))
        for k, share in enumerate(self.shares()[1:].tolist()):
            x0, x1 = predict(asked, 0.0)
            after = x0 + (x1 - x0) * share
            moved = _length(asked - after)
            if self.converge_threshold > 0:
                there = _length(after - x0) < self.converge_threshold
                after, moved = torch.where(there, x0, after), torch.where(there, 0, moved)
            value = torch.where(active, after, value)
            sigma = torch.where(active, moved / 4, 0)
            active = active & (moved > self.threshold)
            asked = value + noise(tuple(x.shape)) * sigma**power if noisy else value
            yield Step(k, self.steps - 1 - k, self.steps - 2 - k, value, x0)
            if not active.any():
                break


FRANNETS = AutoregressiveSetup(threshold=0.001)
"""What FranNet's own configs sample autoregressive models with."""


def _length(v: Tensor) -> Tensor:
    """The length of (..., C) vectors, (..., 1): exactly 0 where a vector is."""
    return v.square().sum(dim=-1, keepdim=True).sqrt()
