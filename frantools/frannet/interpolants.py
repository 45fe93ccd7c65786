"""What a model's answer says of a value, and how each kind of model is sampled: one place for pictures and points."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor

from .autoregressive import AutoregressiveSetup
from .config import Config
from .predictions import PREDICTIONS, Share, noisy, predict_x0, root
from .samplers import Callback, Noise, Setup, Solver, noise_of, sample, walk
from .schedule import Schedule

Answer = Callable[[Tensor, int | float | None], Tensor]
"""``answer(value, t)``: what the network says of a value, at a diffusion step, a time in [0, 1] or (None) time 0."""


@dataclass(frozen=True)
class Interpolant:
    """How the clean value x0, the noise x1 and the network's answer hang together."""

    pair: Callable[[Tensor, Tensor, Share], tuple[Tensor, Tensor]]
    """``pair(answer, x, a)``: x0 and x1, from what the network answered about `x`, where alpha_bar is `a`."""
    target: Callable[[Tensor, Tensor, Share], Tensor]
    """``target(x0, x1, a)``: what the network learns to answer."""
    seen: Callable[[Tensor, Tensor, Share], Tensor] = noisy
    """``seen(x0, x1, a)``: the value that it is trained about."""
    blind: bool = False
    """Whether the network is asked about zeros, and not about `x`."""


INTERPOLANTS: Mapping[str, Interpolant] = MappingProxyType(
    {
        "noise": Interpolant(lambda h, x, a: (predict_x0(x, h, a), h), PREDICTIONS["noise"].target),
        "v": Interpolant(
            lambda h, x, a: (root(a) * x - root(1 - a) * h, root(1 - a) * x + root(a) * h), PREDICTIONS["v"].target
        ),
        "direction": Interpolant(lambda h, x, a: (x + h, x), lambda x0, x1, a: x0 - x1, seen=lambda x0, x1, a: x1),
        "constant": Interpolant(
            lambda h, x, a: (h, h), lambda x0, x1, a: x0, seen=lambda x0, x1, a: torch.zeros_like(x0), blind=True
        ),
    }
)
"""By what the network answers; FranNet's table."""


def values(
    config: Config,
    answer: Answer,
    start: Tensor,
    schedule: Schedule,
    setup: Setup | AutoregressiveSetup | Solver | None,
    noise: Noise | None = None,
    callback: Callback | None = None,
    always: bool = False,
) -> Tensor:
    """The clean values that a model restores.

    Parameters
    ----------
    config : Config
        The kind of model.
    answer : callable
        Its network at some points.
    start : Tensor
        (..., 3): the drawn values, or of a single-pass model what it is asked about.
    schedule : Schedule
        The noise schedule that the model was trained with.
    setup : Setup, AutoregressiveSetup, Solver or None
        What goes with such a model; see `restoration.check_setup`.
    noise, callback, always
        As for `samplers.sample`.

    Returns
    -------
    Tensor
        In the shape of `start`.
    """
    if setup is None:
        return answer(start, None)
    if config.restorator == "diffusion":
        return sample(noise_of(answer, schedule, config.objective), start, schedule, setup, noise, callback, always)
    timed = config.restorator == "interpolant"
    made = INTERPOLANTS[config.objective if timed else config.restorator]

    def guess(x: Tensor, t: int | float) -> tuple[Tensor, Tensor]:
        asked = torch.zeros_like(x) if made.blind else x
        return made.pair(answer(asked, t), x, float(schedule.alpha_bar[int(t) + 1]) if timed else 0.0)

    if isinstance(setup, Setup):
        return walk(guess, start, schedule, setup, noise, callback, always)
    if isinstance(setup, AutoregressiveSetup):
        return setup.sample(guess, start, schedule, noise, callback)
    return setup.sample(lambda x, t: guess(x, t)[1], start, schedule, noise, callback)
