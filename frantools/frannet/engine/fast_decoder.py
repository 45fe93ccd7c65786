"""The decoder arranged for speed: work that no diffusion step changes is done once.

`FranNet.decode` is the definition, and this is the same function. Two things make the difference:

* Of a block's first layer, only the part that reads the value changes from step to step. The parts that read the
  latents and the position are computed once for each point, and the part that reads the time once for each step.
* A tile is small enough to stay in the processor's cache through all steps.

`GridDecoder` adds that the points are a grid. With a C++ compiler, compiled functions take over: the blocks of a step,
or all steps of a setup (`kernel`). Without one, and on CUDA, everything runs through torch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..network.config import Config
from ..network.coordinate_model import Answer
from ..network.model import BLOCKS, HIDDEN, LATENT, OUTPUTS, Encoded, FranNet
from . import kernel
from .compiled_tile import CompiledTile
from .coordinates import MINIMUM_SPACING


@cache
def has_fused_linear(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether oneDNN's product with a fused ReLU is available, which `torch.compile` uses on processors."""
    if device.type != "cpu" or not torch.backends.mkldnn.is_available():
        return False
    one = torch.ones(1, 1, dtype=dtype, device=device)
    try:  # older processors have none for bfloat16, and only oneDNN itself knows which
        torch.ops.mkldnn._linear_pointwise(one, one, None, "none", [], "")
    except (AttributeError, RuntimeError):
        return False
    return True


@dataclass(frozen=True)
class DenseLayer:
    """A dense layer: `weight` (out, in) and `bias` (out,)."""

    weight: Tensor
    bias: Tensor | None = None

    def __call__(self, x: Tensor, relu: bool = False) -> Tensor:
        """Return ``x @ weight.T + bias``, or its ReLU.

        float32 goes to oneDNN, not MKL: twice as fast on AMD processors, no slower elsewhere.
        """
        if has_fused_linear(x.device, x.dtype):
            activation = "relu" if relu else "none"
            return torch.ops.mkldnn._linear_pointwise(x, self.weight, self.bias, activation, [], "")
        y = F.linear(x, self.weight, self.bias)
        return y.relu_() if relu else y

    def add_to(self, total: Tensor, x: Tensor) -> Tensor:
        """Return ``total + x @ weight.T``."""
        if has_fused_linear(x.device, x.dtype):
            return torch.ops.mkldnn._linear_pointwise.binary(x, total, self.weight, None, "add")
        return torch.addmm(total, x, self.weight.T)


def relu_(x: Tensor) -> Tensor:
    """Apply the ReLU in place. A negative bfloat16 is a negative int16, and clamping those is six times as fast."""
    if x.dtype == torch.bfloat16:
        x.view(torch.int16).clamp_(min=0)
        return x
    return x.relu_()


@dataclass(frozen=True)
class Block:
    """One of the decoder's MLPs, with its first layer split by its inputs."""

    local: DenseLayer
    """From the local latent."""
    gray: Tensor
    """(64, 3) or (64, 0): from the gray input, if latents end in it."""
    column: Tensor
    """(W, 64): from the global context, the bias and the encoding of x, for each column."""
    row: Tensor | None
    """(64, 33) or (64, 66): from the encoding that differs from row to row, if the model reads it."""
    time: Tensor
    """(64, 33): from the encoding of the time."""
    value: Tensor
    """(64, 6): from the value and the sum so far."""
    hidden: tuple[DenseLayer, ...]
    out: DenseLayer


def is_supported(config: Config) -> bool:
    """Whether a `FastDecoder` can compute the decoder of a config: MLPs with ReLUs that add to a sum."""
    decoder = config.decoder
    return decoder.residual and decoder.activation == "relu" and decoder.final == "linear" and bool(decoder.sizes)


def dense_layers(module: nn.Module) -> list[nn.Linear]:
    """Return the dense layers of a module, in the order of the data flow."""
    return [layer for layer in module.modules() if isinstance(layer, nn.Linear)]


class FastDecoder(ABC):
    """A model's decoder for one encoded picture.

    Parameters
    ----------
    model : FranNet
        In evaluation mode.
    encoded : Encoded
        Of one picture.
    position : Tensor
        (W, 33 * k) float32: the encoding of the first k coordinates, for W columns of points. The other coordinates
        differ from row to row.
    dtype : torch.dtype
        Of the products: float32 or bfloat16. Sums over blocks and steps are float32 in both. A processor without
        instructions for bfloat16 multiplies the rounded numbers as float32: torch's own emulation takes twenty times
        as long.
    """

    minimum_spacing = MINIMUM_SPACING

    def __init__(self, model: FranNet, encoded: Encoded, position: Tensor, dtype: torch.dtype) -> None:
        emulated = position.device.type == "cpu" and not has_fused_linear(position.device, dtype)
        self.model, self.dtype = model, torch.float32 if emulated else dtype
        cast = lambda w: w.to(dtype).to(self.dtype).contiguous()  # noqa: E731
        self._cast = cast
        self.blocks = []
        column_inputs = position.shape[1]
        row_inputs = model.position.outputs * len(model.config.position) - column_inputs
        for mlp in model.decoder.sequence:
            first, *hidden, out = dense_layers(mlp)
            inputs = (*model.latent_parts, column_inputs, row_inputs, model.time.outputs, 2 * OUTPUTS)
            context, local, gray, column, row, time, value = first.weight.split(inputs, dim=1)
            self.blocks.append(
                Block(
                    local=DenseLayer(cast(local)),
                    gray=gray,
                    # The global context is the same for all points of the picture: with the bias, a constant.
                    column=position @ column.T + first.bias + encoded.context[0] @ context.T,
                    row=row if row_inputs else None,
                    time=time,
                    value=value,
                    hidden=tuple(DenseLayer(cast(layer.weight), cast(layer.bias)) for layer in hidden),
                    out=DenseLayer(cast(out.weight), cast(out.bias)),
                )
            )
        self._first_layers: dict[Any, list[DenseLayer]] = {}
        self._times: dict[Any, Tensor] = {}
        decoder = model.config.decoder
        has_note_sizes = (decoder.blocks, decoder.sizes, model.latent_parts[1]) == (BLOCKS, (HIDDEN,) * 3, LATENT)
        self.compiled = self._compile(dtype) if has_note_sizes and kernel.is_available(position.device) else None

    def _compile(self, dtype: torch.dtype) -> kernel.KernelBlocks:
        layers = [dense_layers(mlp) for mlp in self.model.decoder.sequence]
        context, local, _ = self.model.latent_parts
        return kernel.KernelBlocks(
            dtype,
            first=torch.stack([block.value for block in self.blocks]),
            hidden=torch.stack([torch.stack([second.weight, third.weight]) for _, second, third, _ in layers]),
            hidden_bias=torch.stack([torch.stack([second.bias, third.bias]) for _, second, third, _ in layers]),
            out=torch.stack([out.weight for *_, out in layers]),
            out_bias=torch.stack([out.bias for *_, out in layers]),
            local=torch.stack([first.weight[:, context : context + local] for first, *_ in layers]),
            columns=torch.stack([block.column for block in self.blocks]),
        )

    def tile(self, rows: Tensor, start: int = 0, stop: int | None = None) -> Answer:
        """Return the decoder at a part of the points.

        Parameters
        ----------
        rows : Tensor
            (H,) float32 or float64: the y coordinates of a grid, in [0, 1]; of single points (H, 2), both coordinates.
        start, stop : int, optional
            The columns of the grid, as in a slice; W of them.

        Returns
        -------
        callable
            ``answer(value, t)``: `FranNet.decode` of (H * W, 3) float32 values, row by row. It has no gradient;
            `FranNet.decode` has one.
        """
        start, stop, _ = slice(start, stop).indices(len(self.blocks[0].column))
        local, gray = self._local(rows, slice(start, stop)), self._gray(rows, slice(start, stop))
        from_gray = None if gray is None else torch.cat([gray @ block.gray.T for block in self.blocks], dim=1)
        if self.compiled is not None:
            tile = self.compiled.tile(local, torch.cat(self._from_rows(rows), dim=1), start, stop, from_gray)
            return CompiledTile(tile, self._from_time, self.model)
        fixed = self._fixed(local, rows, slice(start, stop))
        if from_gray is not None:
            parts = from_gray.split([len(block.gray) for block in self.blocks], dim=1)
            fixed = [total + part.to(total.dtype) for total, part in zip(fixed, parts, strict=True)]

        @torch.no_grad()
        def answer(value: Tensor, t: float | None) -> Tensor:
            total = self.model.start(value)
            inputs = torch.ones(len(value), 7, dtype=self.dtype, device=value.device)  # one for each thread
            inputs[:, :3] = value
            for block, first, start in zip(self.blocks, self._first(t), fixed, strict=True):
                inputs[:, 3:6] = total
                h = relu_(first.add_to(start, inputs))
                for layer in block.hidden:
                    h = layer(h, relu=True)
                total = total + block.out(h)
            return total

        return answer

    def _from_time(self, t: float | None) -> Tensor:
        """Return the share of the time in each block's first layer: (3, 64)."""
        key = (type(t), t)  # step 1 is not time 1.0
        if key not in self._times:
            time = self.model.encode_time(t)
            self._times[key] = torch.stack([block.time @ time for block in self.blocks])
        return self._times[key]

    def _first(self, t: float | None) -> list[DenseLayer]:
        """Return each block's first layer for the inputs [value, sum so far, 1] at a time, whose weight is the 1's."""
        key = (type(t), t)
        if key not in self._first_layers:
            pairs = zip(self.blocks, self._from_time(t), strict=True)
            self._first_layers[key] = [
                DenseLayer(torch.cat([block.value, time[:, None]], dim=1).to(self.dtype)) for block, time in pairs
            ]
        return self._first_layers[key]

    @abstractmethod
    def _local(self, rows: Tensor, part: slice) -> Tensor:
        """Return the local latents: (H * W, 64), or (H * W, 0) of a model without."""

    @abstractmethod
    def _gray(self, rows: Tensor, part: slice) -> Tensor | None:
        """Return the gray input as latents end in it, (H * W, 3), or None if they do not."""

    @abstractmethod
    def _encode_rows(self, rows: Tensor) -> Tensor:
        """Return the encoding of the coordinates that differ from row to row: (H, 33 * k)."""

    def _from_rows(self, rows: Tensor) -> list[Tensor]:
        """Return the share of the rows in each block's first layer: (H, 64)."""
        position = self._encode_rows(rows)
        return [
            position @ block.row.T
            if block.row is not None
            else rows.new_zeros(len(rows), len(block.time), dtype=position.dtype)
            for block in self.blocks
        ]

    def _fixed(self, local: Tensor, rows: Tensor, part: slice) -> list[Tensor]:
        """Return the share of latents, position and bias in each block's first layer: (H * W, 64)."""
        positions = zip(self.blocks, self._from_rows(rows), strict=True)
        totals = [(block.column[part] + row[:, None]).to(self.dtype).flatten(0, 1) for block, row in positions]
        if not local.shape[1]:
            return totals
        return [block.local.add_to(total, local) for block, total in zip(self.blocks, totals, strict=True)]
