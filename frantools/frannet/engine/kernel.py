"""The decoder's blocks and a sampler's steps as compiled functions.

A `FastDecoder` also works without them, through torch. The compiled MLPs are computed for a strip of points at a time,
and intermediate results of layers, or even of a sampler's steps, never leave the innermost cache. `benchmarks` measures
the effect; `system.compiler` describes when and where the compiler runs.
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
    """Return the compiled functions for a decoder of these sizes, or None; see `compiler.library`.

    Parameters
    ----------
    hidden : int
        Units in a hidden layer; other than multiples of 8 cannot be compiled.
    blocks : int
        MLPs.
    channels : int
        Numbers of a value.
    """
    functions = compiler.library(SOURCE, HIDDEN=hidden, BLOCKS=blocks, CHANNELS=channels)
    if functions is not None:
        pointer, integer = ctypes.c_void_p, ctypes.c_int64
        functions.prepare_float32.argtypes = [pointer, pointer, integer, pointer, pointer, pointer, integer, integer]
        functions.decode_float32.argtypes = [pointer, pointer, pointer, pointer, pointer, integer, ctypes.c_int]
        functions.decode_bfloat16.argtypes = functions.decode_float32.argtypes
        functions.sample_float32.argtypes = [*[pointer] * 6, integer, integer]
        functions.sample_bfloat16.argtypes = functions.sample_float32.argtypes
    return functions


def is_available(device: torch.device) -> bool:
    """Whether there are compiled functions for `device`."""
    return device.type == "cpu" and library() is not None


def _empty(*shape: int) -> Tensor:
    """Return float32 in the processor's memory, whatever torch's defaults are."""
    return torch.empty(shape, dtype=torch.float32, device="cpu")


class _KernelWeights(ctypes.Structure):
    _fields_ = [(name, ctypes.c_void_p) for name in ("first", "hidden", "bias", "out", "out_bias")]


class KernelPlan(ctypes.Structure):
    """The steps and settings of a setup, as the compiled functions read them."""

    _fields_ = [
        ("steps", ctypes.c_void_p),
        ("count", ctypes.c_int64),
        *((name, ctypes.c_int32) for name in ("from_value", "velocity", "ddpm", "projects", "clips")),
        *((name, ctypes.c_float) for name in ("low", "high", "least")),
    ]


class KernelBlocks:
    """The decoder's blocks, with their weights in the order in which the compiled functions read them.

    Parameters
    ----------
    dtype : torch.dtype
        Of the products of the hidden layers and the last: float32 or bfloat16. All else is float32. A processor
        without instructions for bfloat16 multiplies the rounded numbers as float32.
    first : Tensor
        (B, H, 2 * C): the weights of the value's C numbers and the sum so far in the first layers of B blocks of H
        units.
    hidden, hidden_bias : Tensor
        (B, 2, H, H) and (B, 2, H).
    out, out_bias : Tensor
        (B, C, H) and (B, C).
    local : Tensor
        (B, H, H): the weights of the local latents in the first layers.
    columns : Tensor
        (B, W, H): the share of each column of the grid in the first layers.
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
        self._tensors = (
            _pack(first, group),
            _pack(cast(hidden), group),
            hidden_bias.contiguous(),
            _pack(cast(out), out.shape[1]),
            out_bias.contiguous(),
        )
        self.weights = _KernelWeights(*(tensor.data_ptr() for tensor in self._tensors))
        self._local = _pack(local, group)
        self._columns = columns.transpose(1, 2).contiguous()

    def tile(self, local: Tensor, rows: Tensor, start: int, stop: int, from_gray: Tensor | None = None) -> KernelTile:
        """Return the blocks at a part of the grid.

        Parameters
        ----------
        local : Tensor
            (height * width, H): the local latents, row by row.
        rows : Tensor
            (height, B * H) float32: the share of each row in the first layers.
        start, stop : int
            The columns of the grid, as in a slice; `width` of them.
        from_gray : Tensor, optional
            (height * width, B * H) float32: the share of the gray input in the first layers.
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
        if from_gray is not None:
            padded = torch.nn.functional.pad(from_gray.float(), (0, 0, 0, strips * self.strip - points))
            fixed += padded.unflatten(0, (strips, self.strip)).transpose(1, 2)
        return KernelTile(self, fixed, points)


class KernelTile:
    """The blocks at some points; see `KernelBlocks.tile`."""

    def __init__(self, blocks: KernelBlocks, fixed: Tensor, points: int) -> None:
        self.blocks, self.points, self._fixed = blocks, points, fixed
        self._weights = ctypes.addressof(blocks.weights)

    def __call__(self, value: Tensor, time: Tensor, from_value: bool) -> Tensor:
        """Return the (N, C) float32 answer to values of that shape.

        `time`, (B, H) float32, is the share of the time in the first layers. The blocks add to the value or to 0.
        """
        # Channel by channel, as `noise.normal` lays values out.
        value = value.float().expand(self.points, self.blocks.channels).T.contiguous()
        time, total = time.float().contiguous(), _empty(self.blocks.channels, self.points)
        fixed = self._fixed.data_ptr()
        self.blocks.decode(
            self._weights, fixed, time.data_ptr(), value.data_ptr(), total.data_ptr(), self.points, from_value
        )
        return total.T

    def sample(self, plan: KernelPlan, times: Tensor, noise: Tensor, value: Tensor, first: int, last: int) -> None:
        """Take the points `first` to `last` - 1 through all steps, in place.

        Parameters
        ----------
        plan : KernelPlan
            The setup.
        times : Tensor
            (steps, B, H) float32: the share of the time in the first layers.
        noise : Tensor
            (draws, C, N) float32: random numbers for each step that adds noise.
        value : Tensor
            (C, N) float32: the values before the first step, and after the last.
        first, last : int
            `first` is a multiple of `blocks.strip`.
        """
        numbers, offset = self._fixed[0].numel() * (first // self.blocks.strip), 4 * first
        self.blocks.sample(
            self._weights,
            ctypes.addressof(plan),
            self._fixed.data_ptr() + 4 * numbers,
            times.data_ptr(),
            noise.data_ptr() + offset,
            value.data_ptr() + offset,
            self.points,
            last - first,
        )


def _pack(weight: Tensor, group: int) -> Tensor:
    """Order (..., outputs, inputs) weights by (groups of outputs, inputs, outputs of the group).

    Adjacent inputs share four bytes: one float32, or two bfloat16.
    """
    pair = 4 // weight.element_size()
    return weight.unflatten(-2, (-1, group)).unflatten(-1, (-1, pair)).transpose(-2, -3).contiguous()
