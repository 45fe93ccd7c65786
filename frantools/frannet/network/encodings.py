"""Encodings of coordinates and times: learned or fixed waves."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .architecture import Encoding

BANDS = Encoding().bands


def frequency_bands(bands: int = BANDS) -> tuple[Tensor, Tensor]:
    """Return the centres and half the widths of an even number of frequency bands, float32.

    Frequencies run from 1e-4 to 1e4 periods, geometrically on both sides of 1. They are computed in float32 in
    FranNet's own order: at 10,000 periods the rounding is visible.
    """
    with torch.device("cpu"):  # even for "meta", where torch imports its compiler for arithmetic, which takes seconds
        count = bands // 2 + 1
        powers = torch.tensor(1e4 ** (1 / count), dtype=torch.float32) ** torch.arange(count, dtype=torch.float32)
        low, high = (1 / powers).flip(0), powers
        base = torch.cat([(edges[1:] + edges[:-1]) / 2 for edges in (low, high)])
        half = torch.cat([(edges[1:] - edges[:-1]) / 2 for edges in (low, high)])
    device = torch.get_default_device()
    return base.to(device), half.to(device)


class CoordinateEncoding(nn.Module):
    """FranNet's learned encoding of a coordinate: itself, and gated waves, one for each band.

    ``concat(v, tanh(gate) * (W_sin sin(2 pi v f) + W_cos cos(2 pi v f) + b))`` with ``f = base + tanh(delta) * range``,
    so that each band learns its frequency within its range, its phase and whether it is used at all.
    """

    base: Tensor
    range: Tensor

    def __init__(self, bands: int = BANDS) -> None:
        super().__init__()
        self.outputs = 1 + bands
        """Numbers for each coordinate."""
        base, half = frequency_bands(bands)
        self.register_buffer("base", base, persistent=False)
        self.register_buffer("range", half, persistent=False)
        self.delta = nn.Parameter(torch.zeros(bands))
        self.sine = nn.Parameter(torch.ones(bands))
        self.cosine = nn.Parameter(torch.ones(bands))
        self.bias = nn.Parameter(torch.zeros(bands))
        self.gate = nn.Parameter(torch.zeros(bands))  # closed at first: the high bands would disturb early training

    def forward(self, v: Tensor) -> Tensor:
        """Encode (..., C) coordinates as (..., C * outputs) numbers, coordinate by coordinate.

        Phases are float64 for float64 coordinates; see `engine.coordinates`.
        """
        v = v[..., None]
        frequency = self.base + torch.tanh(self.delta) * self.range
        if v.dtype == torch.float64 and frequency.dtype != torch.float64:
            periods = v * frequency.double()
            angle = ((periods - periods.floor()) * (2 * torch.pi)).to(frequency.dtype)
            v = v.to(frequency.dtype)
        else:
            angle = (v * frequency) * (2 * torch.pi)
        waves = self.sine * torch.sin(angle) + self.cosine * torch.cos(angle) + self.bias
        return torch.cat([v, torch.tanh(self.gate) * waves], dim=-1).flatten(-2)


class FixedEncoding(nn.Module):
    """Sines, then cosines, of a coordinate times n frequencies ``10000 ** (-i / n)``, with n half the bands.

    References
    ----------
    Vaswani et al., "Attention is all you need" (2017), section 3.5; without a factor of 2 pi, as in FranNet.
    """

    base: Tensor

    def __init__(self, bands: int = BANDS) -> None:
        super().__init__()
        count = -(-bands // 2)
        self.outputs = 2 * count
        base = torch.tensor([1e4 ** -(i / count) for i in range(count)], dtype=torch.float32)
        self.register_buffer("base", base, persistent=False)

    def forward(self, v: Tensor) -> Tensor:
        """Encode (..., C) coordinates as (..., C * outputs) float32 numbers, coordinate by coordinate."""
        angle = v[..., None] * self.base
        return torch.cat([angle.sin(), angle.cos()], dim=-1).flatten(-2).to(self.base.dtype)


def make_encoding(config: Encoding) -> CoordinateEncoding | FixedEncoding:
    """Make the encoding that a config describes."""
    return (CoordinateEncoding if config.kind == "learned" else FixedEncoding)(config.bands)
