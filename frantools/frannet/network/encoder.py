"""The encoder: what reads the gray picture, once."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ...photos.images import INPUT_SIZE
from . import architecture
from .architecture import Conv
from .layers import conv, convs, dense

FINE = 32  # channels of the features at the input's own resolution


class Encoded(NamedTuple):
    """What the encoder keeps of a batch of gray pictures."""

    context: Tensor
    """(B, 64): the global context; (B, 1) zeros of a model without one."""
    maps: tuple[Tensor, ...]
    """Feature maps, (B, 64, h, h) with h = 32, 16, 8; then, where the model has more, (B, C, 64, 64)."""
    gray: Tensor
    """(B, 1, 64, 64): the input."""
    local: bool = True
    """Whether points have their local context, or zeros in its place."""
    astray: bool = False
    """Whether the decoder is told random positions in the place of the points' own."""


class Stage(nn.Module):
    """Halve the picture; branch off a feature map of local context; go on."""

    def __init__(self, inputs: int, channels: int, local: tuple[Conv, ...], before: int, after: int) -> None:
        super().__init__()
        self.down = conv(inputs, Conv(channels, stride=2))
        self.before = nn.Sequential(*convs(channels, [Conv(channels)] * before))
        self.local = nn.Sequential(*convs(channels, local))
        self.on = nn.Sequential(*convs(channels, [Conv(channels)] * after))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.before(self.down(x))
        return self.local(x), self.on(x)


class Encoder(nn.Module):
    """Gray pictures (B, 1, 64, 64) in [-1, 1] to their `Encoded` features."""

    def __init__(self, of: architecture.EncoderConfig, features: str = "note") -> None:
        super().__init__()
        self.features = features
        # Keras' defaults: epsilon 1e-3, momentum 0.99 (which PyTorch counts from the other end).
        self.normalise = nn.BatchNorm2d(1, eps=1e-3, momentum=0.01)
        local = of.local or ((),) * len(of.stages)
        inputs = (1, *of.stages)
        self.stages = nn.ModuleList(
            Stage(*each, of.before, of.after) for each in zip(inputs, of.stages, local, strict=False)
        )
        self.squeeze = self.context = None
        self.width = 1
        """Numbers in the global context."""
        if of.context is not None:
            layers: list[nn.Module] = []
            channels, size = of.stages[-1], INPUT_SIZE >> len(of.stages)
            for each in of.context.convs:
                layers += conv(channels, each)
                channels, size = each.channels, -(-size // each.stride)
            self.squeeze = nn.Sequential(*layers)
            sizes = (channels * size**2, *of.context.mlp, of.latent)
            self.context = nn.Sequential(*dense(sizes, of.context.final))
            self.width = of.latent
        if features == "fine":
            fine = (Conv(FINE // 2, 5), Conv(FINE), Conv(FINE))
            self.fine = nn.Sequential(*convs(1, fine))
        beside = {"note": (), "gray": (1,), "fine": (1 + FINE,)}[features]
        self.channels = (*(stage[-1].channels for stage in of.local), *beside)
        """Of each map."""

    def forward(self, gray: Tensor) -> Encoded:
        x = normal = self.normalise(gray)
        maps = []
        for stage in self.stages:
            local, x = stage(x)
            maps.append(local)
        if self.features == "gray":
            maps.append(normal)
        elif self.features == "fine":
            maps.append(torch.cat([normal, self.fine(normal)], dim=1))
        if self.squeeze is None or self.context is None:
            context = gray.new_zeros(len(gray), self.width)
        else:
            cells = self.squeeze(x).permute(0, 2, 3, 1)  # flattened in (height, width, channel) order, as in Keras
            context = self.context(cells.flatten(1))
        return Encoded(context, tuple(maps) if self.channels else (), gray)
