"""Per-point random numbers.

A draw depends only on the seed, the point's position in the picture and the index of the draw. It does not depend on
the tile that the point is rendered in, the region, the number of threads or the device, so a point that two renderings
share gets the same colour in both.

The draws of different points are independent (white noise) or correlated: a *field*. In a field, random numbers belong
to the nodes of a square lattice. A point's number is the sum of the numbers around it with the weights
``w(d) = exp(-d**2 / (2 * length**2))`` of their distances d, divided by the root of the sum of the squared weights.
Each point's number is then exactly standard normal, and two points at a distance d are correlated by
``exp(-d**2 / (4 * length**2))`` in any direction: nodes are one length apart, and the effect of the lattice is below
0.001.

Weights and the nodes' numbers are multiples of ``2 ** -16``. Sums of their products are then exact in float64 in any
order, which makes a field the same in every tile and on every device.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from numbers import Real
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from .checks import invalid, to_python
from .system import compiler

BITS = 30  # coordinates are rounded to steps of 2**-30 of the picture; closer points share their numbers
CHANNELS = 3  # numbers of a draw
UNIT = 2.0**-16  # of a field's weights and nodes: sums are multiples of its cube below 27, which takes 53 bits
TAPS = 10  # nodes along an axis with weights above 0: from a distance of five lengths, weights are rounded to 0
BAND = 64  # windows summed by one product of matrices, without the compiled functions
SHORTEST = 2.0**-BITS  # length of a field, of the picture

Draws = Callable[[int], Tensor]
"""``draws(index)``: the draws of some points, (N, 3) float32; see `normal`."""
SOURCE = Path(__file__).with_suffix(".cpp")


def _signed(value: int) -> int:
    """Return the int64 with the bits of an unsigned number."""
    return value - (1 << 64) if value >= 1 << 63 else value


# SplitMix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014).
GAMMA = _signed(0x9E3779B97F4A7C15)
MIX = (_signed(0xBF58476D1CE4E5B9), _signed(0x94D049BB133111EB))


def _mix(z: Tensor) -> Tensor:
    """Apply SplitMix64's finaliser: each bit of the input flips each bit of the output with probability one half."""
    z = z.clone()
    for shift, factor in ((30, MIX[0]), (27, MIX[1])):
        z ^= (z >> shift).bitwise_and_((1 << (64 - shift)) - 1)  # int64 shifts extend the sign, which is masked
        z *= factor
    z ^= (z >> 31).bitwise_and_((1 << 33) - 1)
    return z


def point_keys(seed: int, x: Tensor, y: Tensor) -> Tensor:
    """Return a key for each point.

    Parameters
    ----------
    seed : int
        Any integer of up to 64 bits.
    x, y : Tensor
        float64 coordinates in [0, 1], of shapes that broadcast.

    Returns
    -------
    Tensor
        int64, in the broadcast shape.
    """
    column, row = ((v * (1 << BITS)).round().long() for v in (x, y))
    return _keys(seed, column, row)


def _keys(seed: int, column: Tensor, row: Tensor) -> Tensor:
    """Return a key for each pair of integers, int64, in their broadcast shape."""
    start = torch.tensor(_signed(seed % (1 << 64)), dtype=torch.int64, device=column.device)
    return _mix(_mix(_mix(start + GAMMA) + column) + row * GAMMA)


@cache
def _quantiles(device: torch.device, unit: float = 0.0) -> Tensor:
    """Return the normal quantiles of the midpoints of 2**16 equal shares, scaled to a variance of exactly 1, float32.

    A table, because the inverse normal distribution differs in its last bits between devices, and because a look-up is
    faster. Its 65,536 values reach 4.17 standard deviations. With a `unit`, they are rounded to multiples of it.
    """
    middles = (torch.arange(1 << 16, dtype=torch.float64, device="cpu") + 0.5) / (1 << 16)
    values = torch.special.ndtri(middles)
    values /= values.square().mean().sqrt()
    return ((values / unit).round() * unit if unit else values).float().to(device)


@cache
def library() -> ctypes.CDLL | None:
    """Return the compiled functions for `normal` and the sums of fields, or None; see `compiler.library`."""
    functions = compiler.library(SOURCE, CHANNELS=CHANNELS, TAPS=TAPS)
    if functions is not None:
        pointer, integer = ctypes.c_void_p, ctypes.c_int64
        functions.normal.argtypes = [pointer, ctypes.c_uint64, pointer, pointer, integer]
        axis = (pointer, pointer, pointer, integer)
        functions.on_grid.argtypes = [pointer, integer, integer, *axis, *axis, pointer, pointer]
        functions.at_points.argtypes = [pointer, integer, integer, *[pointer] * 5, integer, pointer]
    return functions


def normal(keys: Tensor, draw: int, unit: float = 0.0) -> Tensor:
    """Draw standard normal numbers, three for each point.

    Parameters
    ----------
    keys : Tensor
        (N,) int64, from `point_keys`.
    draw : int
        The index of the draw: 0, 1, 2 ...
    unit : float
        If not 0, numbers are rounded to multiples of it.

    Returns
    -------
    Tensor
        (N, 3) float32, channel by channel in memory, so that sums over channels are computed for many points at once.
    """
    step, table = _signed((draw + 1) * GAMMA % (1 << 64)), _quantiles(keys.device, unit)
    functions = library() if keys.device.type == "cpu" else None
    if functions is not None:
        keys = keys.contiguous()
        draws = torch.empty(CHANNELS, len(keys), dtype=torch.float32, device="cpu")  # whatever torch's defaults are
        functions.normal(keys.data_ptr(), step % (1 << 64), table.data_ptr(), draws.data_ptr(), len(keys))
        return draws.T
    bits = _mix(keys + step)
    shares = bits.view(torch.int16).view(-1, 4)[:, :CHANNELS].T  # 64 bits are four draws of 16
    return torch.index_select(table, 0, (shares.int() + (1 << 15)).reshape(-1)).view(CHANNELS, -1).T


class Windows(NamedTuple):
    """The nodes along one axis that contribute to the numbers of N coordinates."""

    first: Tensor
    """(N,) int64: the first of `TAPS` nodes."""
    weights: Tensor
    """(N, TAPS) float64."""
    scale: Tensor
    """(N,) float64: factors that scale the weighted sum of standard normal numbers to a variance of 1."""


def windows(axis: Tensor, length: float) -> Windows:
    """Return the windows of coordinates; node 0 is the picture's centre, so that a longer field is a zoomed one."""
    along = (axis.double() - 0.5) / max(length, SHORTEST)
    first = along.floor() - (TAPS // 2 - 1)
    distance = along[:, None] - first[:, None] - torch.arange(TAPS, device=axis.device)
    weights = ((-0.5 * distance.square()).exp() / UNIT).round() * UNIT
    return Windows(first.long(), weights.contiguous(), 1 / weights.square().sum(dim=1).sqrt())


def grid_draws(seed: int, columns: Tensor, rows: Tensor, length: float = 0.0) -> Draws:
    """Return the draws of a grid of points.

    Parameters
    ----------
    seed : int
        Any integer of up to 64 bits.
    columns, rows : Tensor
        (W,) and (H,) float64: the coordinates, in [0, 1].
    length : float
        The length of the correlation, in fractions of the picture; see the module's docstring. 0 is white noise, and
        infinity the same draw for all points. Lengths below ``2 ** -30`` count as that. Shorter lengths need more
        nodes: few for a length of some pixels, 4 for each point for half a pixel, 100 at most.

    Returns
    -------
    callable
        ``draws(index)``: (H * W, 3) float32, standard normal, row by row.
    """
    if length == 0:
        keys = point_keys(seed, columns, rows[:, None]).flatten()
        return lambda index: normal(keys, index)
    across, down = windows(columns, length), windows(rows, length)
    (x, left), (y, top) = (_nodes(window.first) for window in (across, down))
    keys, shape = _keys(seed, x, y[:, None]).flatten(), (CHANNELS, len(y), len(x))
    functions = library() if keys.device.type == "cpu" else None

    def compiled_draw(index: int) -> Tensor:
        assert functions is not None
        nodes = normal(keys, index, UNIT).T
        draws = torch.empty(CHANNELS, len(rows) * len(columns), dtype=torch.float32, device="cpu")
        row = torch.empty(len(x), dtype=torch.float64, device="cpu")
        functions.on_grid(
            nodes.data_ptr(), *shape[1:], *_pointers(top, *down[1:]), len(rows), *_pointers(left, *across[1:]),
            len(columns), *_pointers(row, draws),
        )  # fmt: skip
        return draws.T

    if functions is not None:
        return compiled_draw
    by_row, by_column = _bands(top, down.weights), _bands(left, across.weights)

    def draw(index: int) -> Tensor:
        nodes = normal(keys, index, UNIT).T.reshape(shape).double()
        sums = _sums(_sums(nodes.mT, by_row).mT, by_column)
        return (sums * down.scale[:, None] * across.scale).float().flatten(1).T

    return draw


def point_draws(seed: int, x: Tensor, y: Tensor, length: float = 0.0) -> Draws:
    """Return the draws of single points, which are the same as in any grid with these points.

    Parameters
    ----------
    seed, length
        As for `grid_draws`.
    x, y : Tensor
        (N,) float64: the coordinates, in [0, 1].

    Returns
    -------
    callable
        ``draws(index)``: (N, 3) float32, standard normal.
    """
    if length == 0:
        keys = point_keys(seed, x, y)
        return lambda index: normal(keys, index)
    across, down = windows(x, length), windows(y, length)
    (columns, left), (rows, top) = (_nodes(window.first) for window in (across, down))
    if len(columns) * len(rows) <= TAPS**2 * len(x):  # one lattice for all points
        stride, base = len(columns), top * len(columns) + left
        keys = _keys(seed, columns, rows[:, None]).flatten()
    else:  # distant points have separate nodes
        taps = torch.arange(TAPS, device=x.device)
        stride, base = TAPS, torch.arange(len(x), device=x.device) * TAPS**2
        keys = _keys(seed, across.first[:, None, None] + taps, down.first[:, None, None] + taps[:, None]).flatten()
    functions = library() if keys.device.type == "cpu" else None

    def compiled_draw(index: int) -> Tensor:
        assert functions is not None
        nodes = normal(keys, index, UNIT).T
        draws = torch.empty(CHANNELS, len(x), dtype=torch.float32, device="cpu")
        functions.at_points(
            nodes.data_ptr(), len(keys), stride, *_pointers(base, *down[1:], *across[1:]), len(x), draws.data_ptr()
        )
        return draws.T

    def draw(index: int) -> Tensor:
        nodes, sums = normal(keys, index, UNIT).T, torch.zeros(CHANNELS, len(x), dtype=torch.float64, device=x.device)
        for row in range(TAPS):
            for column in range(TAPS):
                weights = down.weights[:, row] * across.weights[:, column]
                sums += nodes[:, base + row * stride + column] * weights
        return (sums * down.scale * across.scale).float().T

    return draw if functions is None else compiled_draw


def field(seed: int, x: Tensor, y: Tensor, draw: int, length: float = 0.0) -> Tensor:
    """Return one draw of single points, (N, 3) float32; `point_draws` is faster for several."""
    return point_draws(seed, x, y, length)(draw)


def check_length(length: object) -> float:
    """Return a length as a Python float; "inf", as in JSON, is infinity."""
    number = float("inf") if isinstance(length, str) and length == "inf" else to_python(length)
    if not isinstance(number, Real) or isinstance(number, bool) or not float(number) >= 0:  # NaN too
        raise invalid("noise_length", "a number from 0, a fraction of the picture, or inf", length)
    return float(number)


def _nodes(first: Tensor) -> tuple[Tensor, Tensor]:
    """Return the sorted nodes of windows along an axis, and the index of each window's first node."""
    nodes = (first.unique()[:, None] + torch.arange(TAPS, device=first.device)).unique()
    return nodes, torch.searchsorted(nodes, first)


def _bands(first: Tensor, weights: Tensor) -> list[tuple[slice, Tensor]]:
    """Return the weights of windows as matrices (nodes, windows), for some windows at a time, with their nodes."""
    taps, bands = torch.arange(TAPS, device=first.device), []
    for starts, values in zip(first.split(BAND), weights.split(BAND), strict=True):
        low, high = int(starts.min()), int(starts.max()) + TAPS
        matrix = torch.zeros(len(starts), high - low, dtype=torch.float64, device=first.device)
        bands.append((slice(low, high), matrix.scatter_(1, starts[:, None] - low + taps, values).T))
    return bands


def _sums(nodes: Tensor, bands: list[tuple[slice, Tensor]]) -> Tensor:
    """Return the weighted sums of nodes along the last axis."""
    return torch.cat([nodes[..., window] @ weights for window, weights in bands], dim=-1)


def _pointers(*tensors: Tensor) -> list[int]:
    return [tensor.data_ptr() for tensor in tensors]
