"""What a network answers about a noisy value, and learns to answer: training and sampling both take it from here.

A noisy value is ``x = sqrt(a) x0 + sqrt(1 - a) x1``, with ``a`` the schedule's alpha_bar at its step. Of the clean
value `x0`, the noise `x1` and what the network answers, each two give the third.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import sqrt
from types import MappingProxyType

import torch
from torch import Tensor

Share = float | Tensor
"""alpha_bar: a number, or a Tensor of shapes that broadcast."""
Part = Callable[[Tensor, Tensor, Share], Tensor]


def root(a: Share) -> Share:
    """The square root of a number, or of each in a Tensor."""
    return a.sqrt() if isinstance(a, Tensor) else sqrt(a)


def noisy(x0: Tensor, x1: Tensor, a: Share) -> Tensor:
    """The noisy value, from the clean one and the noise."""
    return root(a) * x0 + root(1 - a) * x1


def predict_x0(x: Tensor, x1: Tensor, a: Share) -> Tensor:
    """The clean value, from a noisy one and its noise."""
    return (x - root(1 - a) * x1) / root(a)


@dataclass(frozen=True)
class Interpolant:
    """How the clean value x0, the noise x1 and the network's answer hang together."""

    x0: Part
    """``x0(answer, x, a)``: the clean value, from what the network answered about `x`, where alpha_bar is `a`."""
    x1: Part
    """``x1(answer, x, a)``: the noise."""
    target: Part
    """``target(x0, x1, a)``: what the network learns to answer."""
    seen: Part = noisy
    """``seen(x0, x1, a)``: the value that it is trained about."""
    blind: bool = False
    """Whether the network is asked about zeros, and not about `x`."""


INTERPOLANTS: Mapping[str, Interpolant] = MappingProxyType(
    {
        "noise": Interpolant(x0=lambda h, x, a: predict_x0(x, h, a), x1=lambda h, x, a: h, target=lambda x0, x1, a: x1),
        # The velocity: Salimans and Ho (2022), https://arxiv.org/abs/2202.00512, appendix D.
        "v": Interpolant(
            x0=lambda h, x, a: root(a) * x - root(1 - a) * h,
            x1=lambda h, x, a: root(1 - a) * x + root(a) * h,
            target=lambda x0, x1, a: root(a) * x1 - root(1 - a) * x0,
        ),
        "direction": Interpolant(
            x0=lambda h, x, a: x + h,
            x1=lambda h, x, a: x,
            target=lambda x0, x1, a: x0 - x1,
            seen=lambda x0, x1, a: x1,
        ),
        "constant": Interpolant(
            x0=lambda h, x, a: h,
            x1=lambda h, x, a: h,
            target=lambda x0, x1, a: x0,
            seen=lambda x0, x1, a: torch.zeros_like(x0),
            blind=True,
        ),
    }
)
"""By what the network answers; FranNet's table."""
OBJECTIVES = ("noise", "v")
"""Those that a diffusion model can have."""
