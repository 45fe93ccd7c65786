"""Extractors: from feature maps and a point to the point's local context."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from . import architecture
from .layers import GATES, dense

AROUND = tuple((dx, dy) for dy in (-1, 0, 1) for dx in (-1, 0, 1))  # the cells around one, row by row


def interpolate(features: Tensor, points: Tensor) -> Tensor:
    """(B, C, h, w) maps read bilinearly at (B, N, 2) points, to (B, N, C): pixel-centre alignment, zeros outside."""
    grid = points[:, :, None] * 2 - 1
    read = F.grid_sample(features.to(grid.dtype), grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return read[..., 0].transpose(1, 2).to(features.dtype)


def padded(features: Tensor, mode: str) -> Tensor:
    """(B, C, h, w) maps with a cell more on each side."""
    if mode == "symmetric":  # the cells at the edge again, corners too
        mode = "replicate"
    return F.pad(features, (1, 1, 1, 1), mode)


def neighbours(features: Tensor, points: Tensor, mode: str = "constant") -> Tensor:
    """The 3 x 3 cells around points, and where they are.

    Parameters
    ----------
    features : Tensor
        (B, C, S, S) maps.
    points : Tensor
        (B, N, 2), (x, y) in [0, 1].
    mode : {"constant", "reflect", "symmetric"}
        What lies beyond the edge: zeros, or the map mirrored without or with the cells at the edge.

    Returns
    -------
    Tensor
        (B, N, C + 3, 3, 3): of each cell its numbers, the unit vector (x, y) from the point to its centre, and the
        distance in picture widths.

    Notes
    -----
    The centre cell is ``floor(point * (S - 1))``, as FranNet has it: not the nearest one, but towards the top left.
    """
    size = features.shape[-1]
    centre = (points * (size - 1)).floor()
    cells = centre[..., None, :] + torch.tensor(AROUND, dtype=points.dtype, device=points.device)
    offset = (cells + 0.5) / size - points[..., None, :]
    distance = offset.square().sum(dim=-1, keepdim=True).sqrt()
    unit = torch.where(distance > 0, offset / torch.where(distance > 0, distance, 1), 0)
    column, row = (cells + 1).long().unbind(-1)
    flat = padded(features, mode).flatten(2)
    place = (row * (size + 2) + column).flatten(1)[:, None].expand(-1, flat.shape[1], -1)
    read = flat.gather(2, place).unflatten(2, row.shape[1:])  # (B, C, N, 9)
    where = torch.cat([unit, distance], dim=-1).to(features.dtype)
    return torch.cat([read.permute(0, 2, 1, 3), where.transpose(2, 3)], dim=2).unflatten(3, (3, 3))


class Interpolation(nn.Sequential):
    """All maps read at the point, then dense layers."""

    def __init__(self, channels: tuple[int, ...], latent: int, of: architecture.Extractor) -> None:
        super().__init__(*dense((sum(channels), *of.mlp, latent), of.final))

    def forward(self, maps: tuple[Tensor, ...], points: Tensor) -> Tensor:  # type: ignore[override]
        return super().forward(torch.cat([interpolate(features, points) for features in maps], dim=-1))


class Separable(nn.Sequential):
    """A convolution of each channel alone, then one of all channels at each place, and a ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        alone = nn.Conv2d(inputs, inputs, kernel, groups=inputs, bias=False)
        super().__init__(alone, nn.Conv2d(inputs, outputs, 1), nn.ReLU())


class Neighbourhood(nn.Module):
    """The 3 x 3 cells around the point in each map, narrowed by convolutions to one."""

    def __init__(self, channels: tuple[int, ...], latent: int, of: architecture.Extractor) -> None:
        super().__init__()
        self.padding = of.padding
        inputs = sum(channels) + 3 * len(channels)
        self.convs = nn.Sequential(*(Separable(*each) for each in ((inputs, latent, 1), *[(latent, latent, 2)] * 2)))
        self.out = nn.Sequential(nn.Linear(latent, latent), nn.ReLU())

    def patches(self, maps: tuple[Tensor, ...], points: Tensor) -> Tensor:
        """(B, N, C, 3, 3): what `neighbours` reads of all maps."""
        return torch.cat([neighbours(features, points, self.padding) for features in maps], dim=2)

    def forward(self, maps: tuple[Tensor, ...], points: Tensor) -> Tensor:
        patches = self.patches(maps, points)
        return self.out(self.convs(patches.flatten(0, 1)).flatten(1)).unflatten(0, patches.shape[:2])


class Combined(nn.Module):
    """The first extractor, and the others each times its gate."""

    def __init__(self, channels: tuple[int, ...], of: architecture.EncoderConfig) -> None:
        super().__init__()
        self.parts = nn.ModuleList(_one(channels, of.latent, each) for each in of.extractors)
        self.gates = nn.Parameter(torch.zeros(len(of.extractors) - 1))
        self.activation = of.gates

    def forward(self, maps: tuple[Tensor, ...], points: Tensor) -> Tensor:
        first, *others = (part(maps, points) for part in self.parts)
        for gate, other in zip(GATES[self.activation](self.gates), others, strict=True):
            first = first + gate * other
        return cast(Tensor, first)


def _one(channels: tuple[int, ...], latent: int, of: architecture.Extractor) -> nn.Module:
    return (Interpolation if of.kind == "interpolate" else Neighbourhood)(channels, latent, of)


def extractor(channels: tuple[int, ...], of: architecture.EncoderConfig) -> nn.Module | None:
    """The extractor of an encoder's maps, which have so many channels; None where there is none."""
    if not of.extractors:
        return None
    return _one(channels, of.latent, of.extractors[0]) if len(of.extractors) == 1 else Combined(channels, of)
