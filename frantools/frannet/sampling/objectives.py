"""Objectives: conversions between a network's output, the clean value and the noise, for training and sampling.

A noisy value is ``x = sqrt(a) x0 + sqrt(1 - a) x1``, with ``a`` the schedule's alpha_bar at its step. Given `x`, the
network's output determines the clean value `x0` and the noise `x1`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import sqrt
from types import MappingProxyType

import torch
from torch import Tensor

AlphaBar = float | Tensor
"""A number, or a Tensor whose shape broadcasts."""
Conversion = Callable[[Tensor, Tensor, AlphaBar], Tensor]


def root(a: AlphaBar) -> AlphaBar:
    """Return the square root."""
    return a.sqrt() if isinstance(a, Tensor) else sqrt(a)


def add_noise(x0: Tensor, x1: Tensor, a: AlphaBar) -> Tensor:
    """Return the noisy value."""
    return root(a) * x0 + root(1 - a) * x1


def predict_x0(x: Tensor, x1: Tensor, a: AlphaBar) -> Tensor:
    """Return the clean value, from a noisy one and its noise."""
    return (x - root(1 - a) * x1) / root(a)


@dataclass(frozen=True)
class Interpolant:
    """The relation of the clean value x0, the noise x1 and the network's output."""

    x0: Conversion
    """``x0(output, x, a)``: the clean value, from the network's output for `x`, at alpha_bar `a`."""
    x1: Conversion
    """``x1(output, x, a)``: the noise."""
    target: Conversion
    """``target(x0, x1, a)``: the output to learn."""
    training_input: Conversion = add_noise
    """``training_input(x0, x1, a)``: the value that the network reads in training."""
    blind: bool = False
    """Whether the network reads zeros instead of `x`."""


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
            training_input=lambda x0, x1, a: x1,
        ),
        "constant": Interpolant(
            x0=lambda h, x, a: h,
            x1=lambda h, x, a: h,
            target=lambda x0, x1, a: x0,
            training_input=lambda x0, x1, a: torch.zeros_like(x0),
            blind=True,
        ),
    }
)
"""FranNet's interpolants, by the network's output."""
OBJECTIVES = ("noise", "v")
"""Objectives of diffusion models."""
