"""Layers shared by the parts of the network."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .activations import ACTIVATIONS
from .architecture import Conv


class SameConv(nn.Conv2d):
    """A convolution with TensorFlow's "same" padding at any stride: the smaller half goes left and on top."""

    def forward(self, x: Tensor) -> Tensor:
        sides: list[int] = []
        for size, kernel, stride in zip(x.shape[:1:-1], self.kernel_size[::-1], self.stride[::-1], strict=True):
            total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            sides += [total // 2, total - total // 2]
        return super().forward(F.pad(x, sides))


def make_conv(inputs: int, config: Conv) -> nn.Sequential:
    """Make the convolution that a config describes, and its activation."""
    sizes = inputs, config.channels, config.kernel
    conv = nn.Conv2d(*sizes, padding="same") if config.stride == 1 else SameConv(*sizes, stride=config.stride)
    return nn.Sequential(conv, ACTIVATIONS[config.activation]())


def make_convs(inputs: int, configs: Iterable[Conv]) -> list[nn.Sequential]:
    """Make a sequence of convolutions."""
    layers = []
    for config in configs:
        layers.append(make_conv(inputs, config))
        inputs = config.channels
    return layers


def make_dense(sizes: Iterable[int], final: str) -> list[nn.Module]:
    """Make dense layers from each size to the next, with ReLUs, and `final` after the last."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return [*layers[:-1], ACTIVATIONS[final]()]


class Dropout(nn.Module):
    """FranNet's dropout of 0.05, to the nearest 256th.

    It draws one random byte a number instead of the four of `nn.Dropout`: on a processor, random numbers take a fifth
    of a training step.
    """

    dropped_of_256 = 13

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        words = torch.empty(-(-x.numel() // 8), dtype=torch.int64, device=x.device).random_(-(2**63), None)
        mask = words.view(torch.uint8)[: x.numel()].view(x.shape) >= self.dropped_of_256
        return x * mask.to(x.dtype).mul_(256 / (256 - self.dropped_of_256))
