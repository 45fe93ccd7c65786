"""Layers that the parts of the network share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

if TYPE_CHECKING:
    from .architecture import Conv

ACTIVATIONS: Mapping[str, type[nn.Module]] = MappingProxyType(
    {
        "linear": nn.Identity,
        "relu": nn.ReLU,
        "tanh": nn.Tanh,
        "sigmoid": nn.Sigmoid,
        "elu": nn.ELU,
        "selu": nn.SELU,
        "softplus": nn.Softplus,
        "softsign": nn.Softsign,
        "swish": nn.SiLU,
        "gelu": nn.GELU,
    }
)
"""By Keras' names."""
GATES: Mapping[str, Callable[[Tensor], Tensor]] = MappingProxyType(
    {"squared tanh": lambda w: torch.tanh(w) ** 2, **{name: kind() for name, kind in ACTIVATIONS.items()}}
)
"""What makes a gate of its weight, by name."""


class SameConv(nn.Conv2d):
    """A convolution with TensorFlow's "same" padding at any stride: the smaller half goes left and on top."""

    def forward(self, x: Tensor) -> Tensor:
        sides: list[int] = []
        for size, kernel, stride in zip(x.shape[:1:-1], self.kernel_size[::-1], self.stride[::-1], strict=True):
            total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            sides += [total // 2, total - total // 2]
        return super().forward(F.pad(x, sides))


def conv(inputs: int, of: Conv) -> nn.Sequential:
    """The convolution that a config describes, and its activation."""
    sizes = inputs, of.channels, of.kernel
    made = nn.Conv2d(*sizes, padding="same") if of.stride == 1 else SameConv(*sizes, stride=of.stride)
    return nn.Sequential(made, ACTIVATIONS[of.activation]())


def convs(inputs: int, of: Iterable[Conv]) -> list[nn.Sequential]:
    """Convolutions one after the other."""
    layers = []
    for each in of:
        layers.append(conv(inputs, each))
        inputs = each.channels
    return layers


def dense(sizes: Iterable[int], final: str) -> list[nn.Module]:
    """Dense layers from each size to the next: ReLUs, and `final` after the last."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return [*layers[:-1], ACTIVATIONS[final]()]


class Dropout(nn.Module):
    """FranNet's dropout of 0.05, to the nearest 256th: one random byte a number, where `nn.Dropout` takes four.

    Random numbers are a fifth of the time of a training step on a processor.
    """

    cut = 13
    """Of 256 numbers, how many are dropped on average."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        words = torch.empty(-(-x.numel() // 8), dtype=torch.int64, device=x.device).random_(-(2**63), None)
        kept = words.view(torch.uint8)[: x.numel()].view(x.shape) >= self.cut
        return x * kept.to(x.dtype).mul_(256 / (256 - self.cut))
