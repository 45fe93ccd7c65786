"""Extractors: from feature maps and a point to the point's local context."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .activations import GATES
from .architecture import EncoderConfig, Extractor
from .layers import make_dense

NEIGHBOURS = tuple((dx, dy) for dy in (-1, 0, 1) for dx in (-1, 0, 1))  # offsets of the 3 x 3 cells, row by row


def interpolate(features: Tensor, points: Tensor) -> Tensor:
    """Read (B, C, h, w) maps bilinearly at (B, N, 2) points: (B, N, C), aligned at pixel centres, zeros outside."""
    grid = points[:, :, None] * 2 - 1
    values = F.grid_sample(features.to(grid.dtype), grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return values[..., 0].transpose(1, 2).to(features.dtype)


def pad(features: Tensor, mode: str) -> Tensor:
    """Pad (B, C, h, w) maps by a cell on each side."""
    if mode == "symmetric":  # by one cell, both repeat the edge
        mode = "replicate"
    return F.pad(features, (1, 1, 1, 1), mode)


def neighbours(features: Tensor, points: Tensor, mode: str = "constant") -> Tensor:
    """Read the 3 x 3 cells around points, and their positions.

    Parameters
    ----------
    features : Tensor
        (B, C, S, S) maps.
    points : Tensor
        (B, N, 2), (x, y) in [0, 1].
    mode : {"constant", "reflect", "symmetric"}
        The padding beyond the edge: zeros, or the map mirrored without or with the cells at the edge.

    Returns
    -------
    Tensor
        (B, N, C + 3, 3, 3): for each cell its features, the unit vector (x, y) from the point to its centre, and the
        distance in picture widths.

    Notes
    -----
    The centre cell is ``floor(point * (S - 1))``, as in FranNet: not the nearest one, but towards the top left.
    """
    size = features.shape[-1]
    centre = (points * (size - 1)).floor()
    cells = centre[..., None, :] + torch.tensor(NEIGHBOURS, dtype=points.dtype, device=points.device)
    offset = (cells + 0.5) / size - points[..., None, :]
    distance = offset.square().sum(dim=-1, keepdim=True).sqrt()
    unit = torch.where(distance > 0, offset / torch.where(distance > 0, distance, 1), 0)
    column, row = (cells + 1).long().unbind(-1)
    flat = pad(features, mode).flatten(2)
    place = (row * (size + 2) + column).flatten(1)[:, None].expand(-1, flat.shape[1], -1)
    values = flat.gather(2, place).unflatten(2, row.shape[1:])  # (B, C, N, 9)
    positions = torch.cat([unit, distance], dim=-1).to(features.dtype)
    return torch.cat([values.permute(0, 2, 1, 3), positions.transpose(2, 3)], dim=2).unflatten(3, (3, 3))


class Interpolation(nn.Sequential):
    """All maps interpolated at the point, then dense layers."""

    def __init__(self, channels: tuple[int, ...], latent: int, config: Extractor) -> None:
        super().__init__(*make_dense((sum(channels), *config.mlp, latent), config.final))

    def forward(self, maps: tuple[Tensor, ...], points: Tensor) -> Tensor:  # type: ignore[override]
        return super().forward(torch.cat([interpolate(features, points) for features in maps], dim=-1))


class SeparableConv(nn.Sequential):
    """A depthwise separable convolution with a ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        depthwise = nn.Conv2d(inputs, inputs, kernel, groups=inputs, bias=False)
        super().__init__(depthwise, nn.Conv2d(inputs, outputs, 1), nn.ReLU())


class Neighbourhood(nn.Module):
    """The 3 x 3 cells around the point in each map, reduced to one by convolutions."""

    def __init__(self, channels: tuple[int, ...], latent: int, config: Extractor) -> None:
        super().__init__()
        self.padding = config.padding
        inputs = sum(channels) + 3 * len(channels)
        sizes = ((inputs, latent, 1), *[(latent, latent, 2)] * 2)
        self.convs = nn.Sequential(*(SeparableConv(*size) for size in sizes))
        self.out = nn.Sequential(nn.Linear(latent, latent), nn.ReLU())

    def patches(self, maps: tuple[Tensor, ...], points: Tensor) -> Tensor:
        """Return the `neighbours` of all maps: (B, N, C, 3, 3)."""
        return torch.cat([neighbours(features, points, self.padding) for features in maps], dim=2)

    def forward(self, maps: tuple[Tensor, ...], points: Tensor) -> Tensor:
        patches = self.patches(maps, points)
        return self.out(self.convs(patches.flatten(0, 1)).flatten(1)).unflatten(0, patches.shape[:2])


class CombinedExtractor(nn.Module):
    """The sum of several extractors, with a gate for each but the first."""

    def __init__(self, channels: tuple[int, ...], config: EncoderConfig) -> None:
        super().__init__()
        self.parts = nn.ModuleList(_make_one(channels, config.latent, part) for part in config.extractors)
        self.gates = nn.Parameter(torch.zeros(len(config.extractors) - 1))
        self.activation = config.gates

    def forward(self, maps: tuple[Tensor, ...], points: Tensor) -> Tensor:
        total, *contexts = (part(maps, points) for part in self.parts)
        for gate, context in zip(GATES[self.activation](self.gates), contexts, strict=True):
            total = total + gate * context
        return cast(Tensor, total)


def _make_one(channels: tuple[int, ...], latent: int, config: Extractor) -> nn.Module:
    return (Interpolation if config.kind == "interpolate" else Neighbourhood)(channels, latent, config)


def make_extractor(channels: tuple[int, ...], config: EncoderConfig) -> nn.Module | None:
    """Make the extractor of an encoder's maps, given their numbers of channels; None if the config has none."""
    if not config.extractors:
        return None
    if len(config.extractors) == 1:
        return _make_one(channels, config.latent, config.extractors[0])
    return CombinedExtractor(channels, config)
