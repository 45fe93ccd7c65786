"""Random numbers that belong to the point.

A draw depends on the seed, the point's place in the picture and the number of the draw, and on nothing else: not on
the tile that the point is rendered in, on the rest of the region, on the number of threads or on the device. So
a point that two renderings share gets the same colour in both.
"""

from __future__ import annotations

import ctypes
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from . import compiled

BITS = 30  # a coordinate counts in steps of 2**-30 of the picture: points that are closer share their numbers
CHANNELS = 3  # numbers of a draw
SOURCE = Path(__file__).with_suffix(".cpp")


def _signed(value: int) -> int:
    """A 64-bit pattern as the int64 that holds it."""
    return value - (1 << 64) if value >= 1 << 63 else value


# SplitMix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014).
GAMMA = _signed(0x9E3779B97F4A7C15)
MIX = (_signed(0xBF58476D1CE4E5B9), _signed(0x94D049BB133111EB))


def _mix(z: Tensor) -> Tensor:
    """SplitMix64's finaliser: each bit of the input changes each bit of the output with probability one half."""
    z = z.clone()
    for shift, factor in ((30, MIX[0]), (27, MIX[1])):
        z ^= (z >> shift).bitwise_and_((1 << (64 - shift)) - 1)  # int64 shifts in the sign, which is masked off
        z *= factor
    z ^= (z >> 31).bitwise_and_((1 << 33) - 1)
    return z


def point_keys(seed: int, x: Tensor, y: Tensor) -> Tensor:
    """A key for each point.

    Parameters
    ----------
    seed : int
        Any whole number of up to 64 bits.
    x, y : Tensor
        float64 coordinates in [0, 1], of shapes that broadcast.

    Returns
    -------
    Tensor
        int64, in the broadcast shape.
    """
    start = torch.tensor(_signed(seed % (1 << 64)), dtype=torch.int64, device=x.device)
    column, row = ((v * (1 << BITS)).round().long() for v in (x, y))
    return _mix(_mix(_mix(start + GAMMA) + column) + row * GAMMA)


@cache
def _quantiles(device: torch.device) -> Tensor:
    """The normal quantiles of the middles of 2**16 equal shares, scaled to a variance of exactly 1, float32.

    A table, because the inverse of the normal distribution differs in its last bits from one device to the next, and
    because reading it is faster than computing it. Its 65,536 values reach 4.17 standard deviations.
    """
    middles = (torch.arange(1 << 16, dtype=torch.float64) + 0.5) / (1 << 16)
    values = torch.special.ndtri(middles)
    return (values / values.square().mean().sqrt()).float().to(device)


@cache
def library() -> ctypes.CDLL | None:
    """`normal`, compiled; None where it is not at hand."""
    functions = compiled.library(SOURCE, CHANNELS=CHANNELS)
    if functions is not None:
        pointer, whole = ctypes.c_void_p, ctypes.c_int64
        functions.normal.argtypes = [pointer, ctypes.c_uint64, pointer, pointer, whole]
    return functions


def normal(keys: Tensor, draw: int) -> Tensor:
    """Standard normal numbers, three for each point.

    Parameters
    ----------
    keys : Tensor
        (N,) int64, from `point_keys`.
    draw : int
        Which draw of the point: 0, 1, 2 ...

    Returns
    -------
    Tensor
        (N, 3) float32, channel by channel in memory: what is summed or measured over channels is then done for many
        points at once.
    """
    step, table = _signed((draw + 1) * GAMMA % (1 << 64)), _quantiles(keys.device)
    functions = library() if keys.device.type == "cpu" else None
    if functions is not None:
        keys = keys.contiguous()
        draws = torch.empty(CHANNELS, len(keys), dtype=torch.float32, device="cpu")  # whatever torch's defaults are
        functions.normal(keys.data_ptr(), step % (1 << 64), table.data_ptr(), draws.data_ptr(), len(keys))
        return draws.T
    bits = _mix(keys + step)
    shares = bits.view(torch.int16).view(-1, 4)[:, :CHANNELS].T  # 64 bits are four draws of 16
    return torch.index_select(table, 0, (shares.int() + (1 << 15)).reshape(-1)).view(CHANNELS, -1).T
