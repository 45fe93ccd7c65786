"""The decoder's blocks, and a sampler's steps around them, as compiled functions, where there is a C++ compiler.

`engine.GridDecoder` works without them, through torch. Compiled, the MLPs are computed for a strip of points at a time,
and nothing between two layers leaves the innermost cache; nor, where a whole setup is compiled, what lies between two
steps. `benchmarks` tells what that brings. `compiled` says when and where the compiler runs.
"""

from __future__ import annotations

import ctypes
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from ...system import compiler
from ..network.model import BLOCKS, HIDDEN, OUTPUTS

SOURCE = Path(__file__).with_suffix(".cpp")


@cache
def library(hidden: int = HIDDEN, blocks: int = BLOCKS, channels: int = OUTPUTS) -> ctypes.CDLL | None:
    """The compiled functions for a decoder of these sizes, or None where there are none: see `compiled.library`.

    Parameters
    ----------
    hidden : int
        Units in a hidden layer: a multiple of 8, or there are none.
    blocks : int
        MLPs.
    channels : int
        Numbers of a value.
    """
    found = compiler.library(SOURCE, HIDDEN=hidden, BLOCKS=blocks, CHANNELS=channels)
    if found is not None:
        pointer, whole = ctypes.c_void_p, ctypes.c_int64
        found.prepare_float32.argtypes = [pointer, pointer, whole, pointer, pointer, pointer, whole, whole]
        found.decode_float32.argtypes = [pointer, pointer, pointer, pointer, pointer, whole, ctypes.c_int]
        found.decode_bfloat16.argtypes = found.decode_float32.argtypes
        found.sample_float32.argtypes = [*[pointer] * 6, whole, whole]
        found.sample_bfloat16.argtypes = found.sample_float32.argtypes
    return found


def at_hand(device: torch.device) -> bool:
    """Whether there are compiled functions for `device`."""
    return device.type == "cpu" and library() is not None


def _empty(*shape: int) -> Tensor:
    """float32 in the processor's memory, whatever torch's defaults are."""
    return torch.empty(shape, dtype=torch.float32, device="cpu")


class _Weights(ctypes.Structure):
    _fields_ = [(name, ctypes.c_void_p) for name in ("first", "hidden", "bias", "out", "out_bias")]


class Walk(ctypes.Structure):
    """How a setup moves, as the compiled functions read it."""

    _fields_ = [
        ("moves", ctypes.c_void_p),
        ("count", ctypes.c_int64),
        *((name, ctypes.c_int32) for name in ("from_value", "velocity", "ddpm", "projects", "clips")),
        *((name, ctypes.c_float) for name in ("low", "high", "least")),
    ]


class Blocks:
    """The decoder's blocks, their weights in the order in which the compiled function reads them.

    Parameters
    ----------
    dtype : torch.dtype
        Of the products of the hidden layers and the last: float32 or bfloat16. All else is float32. A processor
        without instructions for bfloat16 multiplies the rounded numbers as float32.
    first : Tensor
        (B, H, 2 * C): how the first layers of B blocks of H units read the value's C numbers and the sum so far.
    hidden, hidden_bias : Tensor
        (B, 2, H, H) and (B, 2, H).
    out, out_bias : Tensor
        (B, C, H) and (B, C).
    local : Tensor
        (B, H, H): how the first layers read the local latents.
    columns : Tensor
        (B, W, H): what they get in each column of the grid.
    """

    def __init__(
        self,
        dtype: torch.dtype,
        *,
        first: Tensor,
        hidden: Tensor,
        hidden_bias: Tensor,
        out: Tensor,
        out_bias: Tensor,
        local: Tensor,
        columns: Tensor,
    ) -> None:
        blocks, self.channels, units = out.shape
        functions = library(units, blocks, self.channels)
        assert functions is not None
        self.strip, group = functions.strip(), functions.group()
        emulated = dtype == torch.bfloat16 and functions.pair() == 1
        cast = lambda w: w.to(dtype).float() if emulated else w.to(dtype)  # noqa: E731
        self._prepare = functions.prepare_float32
        self.decode, self.sample = (
            getattr(functions, f"{name}_{str(dtype).removeprefix('torch.')}") for name in ("decode", "sample")
        )
        self._kept = (
            _packed(first, group),
            _packed(cast(hidden), group),
            hidden_bias.contiguous(),
            _packed(cast(out), out.shape[1]),
            out_bias.contiguous(),
        )
        self.weights = _Weights(*(tensor.data_ptr() for tensor in self._kept))
        self._local = _packed(local, group)
        self._columns = columns.transpose(1, 2).contiguous()

    def tile(self, local: Tensor, rows: Tensor, start: int, stop: int, others: Tensor | None = None) -> Tile:
        """The blocks at a part of the grid.

        Parameters
        ----------
        local : Tensor
            (height * width, H): the local latents, row by row.
        rows : Tensor
            (height, B * H) float32: what the first layers get in each row.
        start, stop : int
            Columns `start` to `stop` - 1 of the grid; `width` of them.
        others : Tensor, optional
            (height * width, B * H) float32: what else the first layers get at each point.
        """
        points, strips = len(local), -(-len(local) // self.strip)
        fixed = _empty(strips, rows.shape[1], self.strip)
        fixed[-1] = 0  # the last strip may have fewer points
        local, rows = local.float().contiguous(), rows.float().contiguous()
        columns = self._columns.data_ptr() + start * self._columns.element_size()
        stride = self._columns.shape[-1]
        self._prepare(
            self._local.data_ptr(),
            columns,
            stride,
            rows.data_ptr(),
            local.data_ptr(),
            fixed.data_ptr(),
            stop - start,
            len(rows),
        )
        if others is not None:
            padded = torch.nn.functional.pad(others.float(), (0, 0, 0, strips * self.strip - points))
            fixed += padded.unflatten(0, (strips, self.strip)).transpose(1, 2)
        return Tile(self, fixed, points)


class Tile:
    """The blocks at some points; `Blocks.tile` makes it."""

    def __init__(self, blocks: Blocks, fixed: Tensor, points: int) -> None:
        self.blocks, self.points, self._fixed = blocks, points, fixed
        self._weights = ctypes.addressof(blocks.weights)

    def __call__(self, value: Tensor, time: Tensor, from_value: bool) -> Tensor:
        """The (N, C) float32 answer to values of that shape.

        At a step at which the first layers get `time`, (B, H) float32. The blocks add to the value, or to 0.
        """
        # Channel by channel, as `noise.normal` lays values out.
        value = value.float().expand(self.points, self.blocks.channels).T.contiguous()
        time, total = time.float().contiguous(), _empty(self.blocks.channels, self.points)
        fixed = self._fixed.data_ptr()
        self.blocks.decode(
            self._weights, fixed, time.data_ptr(), value.data_ptr(), total.data_ptr(), self.points, from_value
        )
        return total.T

    def sample(self, walk: Walk, times: Tensor, noise: Tensor, value: Tensor, first: int, last: int) -> None:
        """Take the points `first` to `last` - 1 along all moves of a walk.

        Parameters
        ----------
        walk : Walk
            The setup.
        times : Tensor
            (moves, B, H) float32: what the first layers get at each.
        noise : Tensor
            (draws, C, N) float32: a draw for each move that adds one.
        value : Tensor
            (C, N) float32: what the points begin with, and what they end with.
        first, last : int
            `first` is a multiple of `blocks.strip`.
        """
        whole, offset = self._fixed[0].numel() * (first // self.blocks.strip), 4 * first
        self.blocks.sample(
            self._weights,
            ctypes.addressof(walk),
            self._fixed.data_ptr() + 4 * whole,
            times.data_ptr(),
            noise.data_ptr() + offset,
            value.data_ptr() + offset,
            self.points,
            last - first,
        )


def _packed(weight: Tensor, group: int) -> Tensor:
    """(..., outputs, inputs) weights in the order (groups of outputs, inputs, outputs of the group).

    As many inputs as four bytes hold stand together: one float32, or two bfloat16.
    """
    pair = 4 // weight.element_size()
    return weight.unflatten(-2, (-1, group)).unflatten(-1, (-1, pair)).transpose(-2, -3).contiguous()
