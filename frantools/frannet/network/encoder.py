"""The encoder: reads the gray picture once."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ...photos.images import INPUT_SIZE
from .architecture import Conv, EncoderConfig
from .layers import make_conv, make_convs, make_dense

FINE_CHANNELS = 32  # of the features at the input's own resolution


class Encoded(NamedTuple):
    """A batch of encoded gray pictures."""

    context: Tensor
    """(B, 64): the global context; (B, 1) zeros for a model without one."""
    maps: tuple[Tensor, ...]
    """Feature maps, (B, 64, h, h) with h = 32, 16, 8; then any others, (B, C, 64, 64)."""
    gray: Tensor
    """(B, 1, 64, 64): the input."""
    has_local: bool = True
    """Whether points have their local context; otherwise it is zeros."""
    random_positions: bool = False
    """Whether the decoder receives random positions instead of the points' own."""


class EncoderStage(nn.Module):
    """Halve the picture, and branch off a feature map for the local context."""

    def __init__(self, inputs: int, channels: int, local: tuple[Conv, ...], before: int, after: int) -> None:
        super().__init__()
        self.down = make_conv(inputs, Conv(channels, stride=2))
        self.before = nn.Sequential(*make_convs(channels, [Conv(channels)] * before))
        self.local = nn.Sequential(*make_convs(channels, local))
        self.on = nn.Sequential(*make_convs(channels, [Conv(channels)] * after))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.before(self.down(x))
        return self.local(x), self.on(x)


class Encoder(nn.Module):
    """From gray pictures (B, 1, 64, 64) in [-1, 1] to their `Encoded` features."""

    def __init__(self, config: EncoderConfig, features: str = "note") -> None:
        super().__init__()
        self.features = features
        # Keras' defaults: epsilon 1e-3, momentum 0.99 (PyTorch's 0.01).
        self.normalise = nn.BatchNorm2d(1, eps=1e-3, momentum=0.01)
        local = config.local or ((),) * len(config.stages)
        self.stages = nn.ModuleList(
            EncoderStage(inputs, channels, convs, config.before, config.after)
            for inputs, channels, convs in zip((1, *config.stages), config.stages, local, strict=False)
        )
        self.squeeze = self.context = None
        self.width = 1
        """Numbers in the global context."""
        if config.context is not None:
            layers: list[nn.Module] = []
            channels, size = config.stages[-1], INPUT_SIZE >> len(config.stages)
            for conv in config.context.convs:
                layers += make_conv(channels, conv)
                channels, size = conv.channels, -(-size // conv.stride)
            self.squeeze = nn.Sequential(*layers)
            sizes = (channels * size**2, *config.context.mlp, config.latent)
            self.context = nn.Sequential(*make_dense(sizes, config.context.final))
            self.width = config.latent
        if features == "fine":
            fine = (Conv(FINE_CHANNELS // 2, 5), Conv(FINE_CHANNELS), Conv(FINE_CHANNELS))
            self.fine = nn.Sequential(*make_convs(1, fine))
        extra = {"note": (), "gray": (1,), "fine": (1 + FINE_CHANNELS,)}[features]
        self.channels = (*(stage[-1].channels for stage in config.local), *extra)
        """Of each map."""

    def forward(self, gray: Tensor) -> Encoded:
        x = normalised = self.normalise(gray)
        maps = []
        for stage in self.stages:
            local, x = stage(x)
            maps.append(local)
        if self.features == "gray":
            maps.append(normalised)
        elif self.features == "fine":
            maps.append(torch.cat([normalised, self.fine(normalised)], dim=1))
        if self.squeeze is None or self.context is None:
            context = gray.new_zeros(len(gray), self.width)
        else:
            cells = self.squeeze(x).permute(0, 2, 3, 1)  # flattened in (height, width, channel) order, as in Keras
            context = self.context(cells.flatten(1))
        return Encoded(context, tuple(maps) if self.channels else (), gray)
