"""What a diffusion model's network answers: the one place that training and sampling take it from.

A noisy value is ``x = sqrt(a) x0 + sqrt(1 - a) e``, with ``a`` the schedule's alpha_bar at its step. Of `x0`, `e` and
what the network answers, each two give the third.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import sqrt
from types import MappingProxyType

from torch import Tensor

Share = float | Tensor
"""alpha_bar: a number, or a Tensor of shapes that broadcast."""


def root(a: Share) -> Share:
    """The square root of a number, or of each in a Tensor."""
    return a.sqrt() if isinstance(a, Tensor) else sqrt(a)


def noisy(x0: Tensor, e: Tensor, a: Share) -> Tensor:
    """The noisy value, from the clean one and the noise."""
    return root(a) * x0 + root(1 - a) * e


def predict_x0(x: Tensor, e: Tensor, a: Share) -> Tensor:
    """The clean value, from a noisy one and its noise."""
    return (x - root(1 - a) * e) / root(a)


@dataclass(frozen=True)
class Prediction:
    """What a network answers about a noisy value."""

    target: Callable[[Tensor, Tensor, Share], Tensor]
    """``target(x0, e, a)``: what it should answer."""
    noise: Callable[[Tensor, Tensor, Share], Tensor]
    """``noise(answer, x, a)``: the noise in `x` that its answer means."""

    def x0(self, answer: Tensor, x: Tensor, a: Share) -> Tensor:
        """The clean value that an answer about `x` means."""
        return predict_x0(x, self.noise(answer, x, a), a)


PREDICTIONS: Mapping[str, Prediction] = MappingProxyType(
    {
        "noise": Prediction(target=lambda x0, e, a: e, noise=lambda answer, x, a: answer),
        # The velocity: Salimans and Ho (2022), https://arxiv.org/abs/2202.00512, appendix D.
        "v": Prediction(
            target=lambda x0, e, a: root(a) * e - root(1 - a) * x0,
            noise=lambda answer, x, a: root(a) * answer + root(1 - a) * x,
        ),
    }
)
"""By the names of `network.Config.objective`."""
