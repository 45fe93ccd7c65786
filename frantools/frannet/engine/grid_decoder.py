"""The decoder over a grid of points, with the work that no diffusion step changes done once.

`FranNet.decode` is the definition; this is the same function, arranged for speed. Three things make the difference:

* Of a block's first layer, only the part that reads the value changes from step to step. The parts that read the
  latents and the position are computed once for each point, and the part that reads the time once for each step.
* The points are a grid, so what depends on x or y alone is computed once for each column or row: the position
  encoding, and the weights with which feature maps are read. Reading all three maps, together with the first layer
  that follows, is one product for each row of points.
* A tile is small enough to stay in the processor's cache through all steps.

Where there is a C++ compiler, compiled functions take over: the blocks of a step, or all steps of a setup (`kernel`).
What is here remains what runs elsewhere, on CUDA too.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import sqrt
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..network.architecture import Extractor
from ..network.colours import to_network
from ..network.config import Config
from ..network.coordinate_model import Answer
from ..network.model import BLOCKS, HIDDEN, INPUT_SIZE, LATENT, OUTPUTS, Encoded, FranNet, cubic
from ..sampling.samplers import KernelCoefficients
from ..sampling.setup import LEAST as LEAST_SQUARE
from . import kernel
from .coordinates import LEAST, exact

NOISE = 1 << 20  # numbers of noise that a tile holds at once: all steps of most setups
POINT_STEPS = 12_000  # about 10 ms of work: how long a tile works before it looks whether it is still wanted
CHUNK = 2048  # points whose local context is extracted at once, where no grid makes it cheap


@cache
def _fused(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether oneDNN's product with a fused ReLU is at hand, the one that `torch.compile` uses on processors."""
    if device.type != "cpu" or not torch.backends.mkldnn.is_available():
        return False
    one = torch.ones(1, 1, dtype=dtype, device=device)
    try:  # older processors have none of bfloat16, and nothing but oneDNN itself knows which
        torch.ops.mkldnn._linear_pointwise(one, one, None, "none", [], "")
    except (AttributeError, RuntimeError):
        return False
    return True


@dataclass(frozen=True)
class Layer:
    """A dense layer: `weight` (out, in) and `bias` (out,)."""

    weight: Tensor
    bias: Tensor | None = None

    def __call__(self, x: Tensor, relu: bool = False) -> Tensor:
        """``x @ weight.T + bias``, and the ReLU of it where asked. float32 goes to oneDNN, not MKL: twice as fast on
        AMD processors, no slower elsewhere.
        """
        if _fused(x.device, x.dtype):
            kind = "relu" if relu else "none"
            return torch.ops.mkldnn._linear_pointwise(x, self.weight, self.bias, kind, [], "")
        y = F.linear(x, self.weight, self.bias)
        return y.relu_() if relu else y

    def plus(self, x: Tensor, other: Tensor) -> Tensor:
        """``other + x @ weight.T``."""
        if _fused(x.device, x.dtype):
            return torch.ops.mkldnn._linear_pointwise.binary(x, other, self.weight, None, "add")
        return torch.addmm(other, x, self.weight.T)


def relu_(x: Tensor) -> Tensor:
    """ReLU in place. A negative bfloat16 is a negative int16, and clamping those is six times as fast."""
    if x.dtype == torch.bfloat16:
        x.view(torch.int16).clamp_(min=0)
        return x
    return x.relu_()


@dataclass(frozen=True)
class Block:
    """One of the decoder's MLPs, its first layer split by what it reads."""

    local: Layer
    """From the local latent."""
    gray: Tensor
    """(64, 3) or (64, 0): from the gray input, where latents end in it."""
    column: Tensor
    """(W, 64): from the global context, the bias and what is known of the position, for each column."""
    row: Tensor | None
    """(64, 33) or (64, 66): from the encoding of what differs from row to row, where the model knows it."""
    time: Tensor
    """(64, 33): from the encoding of the time."""
    value: Tensor
    """(64, 6): from the value and the sum so far."""
    hidden: tuple[Layer, ...]
    out: Layer


def serves(config: Config) -> bool:
    """Whether the decoder of a config can be arranged for speed: MLPs with ReLUs that add to a sum."""
    of = config.decoder
    return of.residual and of.activation == "relu" and of.final == "linear" and bool(of.sizes)


def dense(module: nn.Module) -> list[nn.Linear]:
    """The dense layers of a module, in the order that data flows through them."""
    return [layer for layer in module.modules() if isinstance(layer, nn.Linear)]


class FastDecoder(ABC):
    """A model's decoder, prepared for one encoded picture; what it is asked at, `GridDecoder` and `scattered` know.

    Parameters
    ----------
    model : FranNet
        In evaluation mode.
    encoded : Encoded
        Of one picture.
    position : Tensor
        (W, 33 * k) float32: the first k coordinates of W columns of points, encoded; the rows tell the others.
    dtype : torch.dtype
        Of the products: float32 or bfloat16. Sums over blocks and steps are float32 all the same. Where a processor
        has no instructions for bfloat16, its rounded numbers are multiplied as float32: torch's own emulation takes
        twenty times as long.
    """

    least = LEAST

    def __init__(self, model: FranNet, encoded: Encoded, position: Tensor, dtype: torch.dtype) -> None:
        emulated = position.device.type == "cpu" and not _fused(position.device, dtype)
        self.model, self.dtype = model, torch.float32 if emulated else dtype
        cast = lambda w: w.to(dtype).to(self.dtype).contiguous()  # noqa: E731
        self._cast = cast
        self.blocks = []
        here = position.shape[1]
        left = model.position.outputs * len(model.config.position) - here
        for mlp in model.decoder.in_turn:
            first, *hidden, out = dense(mlp)
            parts = (*model.latent_parts, here, left, model.time.outputs, 2 * OUTPUTS)
            context, local, gray, column, row, time, value = first.weight.split(parts, dim=1)
            self.blocks.append(
                Block(
                    local=Layer(cast(local)),
                    gray=gray,
                    # The global context is the same for all points of the picture: with the bias, a constant.
                    column=position @ column.T + first.bias + encoded.context[0] @ context.T,
                    row=row if left else None,
                    time=time,
                    value=value,
                    hidden=tuple(Layer(cast(layer.weight), cast(layer.bias)) for layer in hidden),
                    out=Layer(cast(out.weight), cast(out.bias)),
                )
            )
        self.steps: dict[Any, list[Layer]] = {}
        self.times: dict[Any, Tensor] = {}
        of = model.config.decoder
        usual = (of.blocks, of.sizes, model.latent_parts[1]) == (BLOCKS, (HIDDEN,) * 3, LATENT)
        self.compiled = self._compiled(dtype) if usual and kernel.at_hand(position.device) else None

    def _compiled(self, dtype: torch.dtype) -> kernel.Blocks:
        """The blocks, for the compiled function."""
        layers = [dense(mlp) for mlp in self.model.decoder.in_turn]
        context, local, _ = self.model.latent_parts
        return kernel.Blocks(
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
        """The decoder at a part of the points.

        Parameters
        ----------
        rows : Tensor
            (H,) float32 or float64: the y coordinates of a grid, in [0, 1]; or of points anywhere, (H, 2): both.
        start, stop : int, optional
            Columns `start` to `stop` - 1 of the grid, as a slice does; W of them.

        Returns
        -------
        callable
            ``answer(value, t)``: `FranNet.decode` of (H * W, 3) float32 values, row by row. It has no gradient;
            `FranNet.decode` has one.
        """
        start, stop, _ = slice(start, stop).indices(len(self.blocks[0].column))
        local, gray = self._local(rows, slice(start, stop)), self._gray(rows, slice(start, stop))
        others = None if gray is None else torch.cat([gray @ block.gray.T for block in self.blocks], dim=1)
        if self.compiled is not None:
            tile = self.compiled.tile(local, torch.cat(self._rows(rows), dim=1), start, stop, others)
            return Compiled(tile, self._time, self.model)
        fixed = self._fixed(local, rows, slice(start, stop))
        if others is not None:
            parts = others.split([len(block.gray) for block in self.blocks], dim=1)
            fixed = [each + part.to(each.dtype) for each, part in zip(fixed, parts, strict=True)]

        @torch.no_grad()
        def answer(value: Tensor, t: float | None) -> Tensor:
            total = self.model.start(value)
            read = torch.ones(len(value), 7, dtype=self.dtype, device=value.device)  # threads may share an answer
            read[:, :3] = value
            for block, first, start in zip(self.blocks, self._first(t), fixed, strict=True):
                read[:, 3:6] = total
                h = relu_(first.plus(read, start))
                for layer in block.hidden:
                    h = layer(h, relu=True)
                total = total + block.out(h)
            return total

        return answer

    def _time(self, t: float | None) -> Tensor:
        """(3, 64): what each block's first layer gets from the time."""
        key = (type(t), t)  # step 1 is not time 1.0
        if key not in self.times:
            time = self.model.encode_time(t)
            self.times[key] = torch.stack([block.time @ time for block in self.blocks])
        return self.times[key]

    def _first(self, t: float | None) -> list[Layer]:
        """For each block, how its first layer reads [value, sum so far, 1] at a time: the 1 stands for the time."""
        key = (type(t), t)
        if key not in self.steps:
            pairs = zip(self.blocks, self._time(t), strict=True)
            self.steps[key] = [
                Layer(torch.cat([block.value, time[:, None]], dim=1).to(self.dtype)) for block, time in pairs
            ]
        return self.steps[key]

    @abstractmethod
    def _local(self, rows: Tensor, part: slice) -> Tensor:
        """The local latents: (H * W, 64), or (H * W, 0) of a model without."""

    @abstractmethod
    def _gray(self, rows: Tensor, part: slice) -> Tensor | None:
        """The gray input as latents end in it: (H * W, 3); None where they do not."""

    @abstractmethod
    def _position(self, rows: Tensor) -> Tensor:
        """The encoding of what differs from row to row: (H, 33 * k)."""

    def _rows(self, rows: Tensor) -> list[Tensor]:
        """For each block, what its first layer gets from the rows: (H, 64)."""
        position = self._position(rows)
        return [
            position @ block.row.T
            if block.row is not None
            else rows.new_zeros(len(rows), len(block.time), dtype=position.dtype)
            for block in self.blocks
        ]

    def _fixed(self, local: Tensor, rows: Tensor, part: slice) -> list[Tensor]:
        """For each block, what its first layer gets from latents, position and bias: (H * W, 64)."""
        places = [block.column[part] + row[:, None] for block, row in zip(self.blocks, self._rows(rows), strict=True)]
        places = [place.to(self.dtype).flatten(0, 1) for place in places]
        if not local.shape[1]:
            return places
        return [block.local.plus(local, place) for block, place in zip(self.blocks, places, strict=True)]


@dataclass(frozen=True)
class Compiled:
    """What a tile answers where the blocks are compiled. It also samples as a whole."""

    blocks: kernel.Tile
    time: Callable[[float | None], Tensor]
    """(B, H): what the first layers get at a step."""
    model: FranNet

    @torch.no_grad()
    def __call__(self, value: Tensor, t: float | None) -> Tensor:
        return self.blocks(value, self.time(t), self.model.adds_to_value)

    @torch.no_grad()
    def sample(
        self,
        x: Tensor,
        coefficients: KernelCoefficients,
        draw: Callable[[], Tensor],
        passed: Callable[[float], None],
    ) -> Tensor:
        """Sample as `Setup.sample` does, to the bit where torch's square roots are rounded correctly.

        Parameters
        ----------
        x : Tensor
            (N, 3) float32.
        coefficients : KernelCoefficients
            Of the sampler.
        draw : callable
            The next draw, (N, 3) float32.
        passed : callable
            Told from time to time how many steps are done, on average over the points.
        """
        value = x.float().T.clone(memory_format=torch.contiguous_format)
        low, high = coefficients.clipping or (0.0, 0.0)
        if coefficients.clipping is not None:
            value.clamp_(low, high)
        steps = coefficients.steps
        points, done, at_once = value.shape[1], 0, max(1, NOISE // value.numel())
        for first in range(0, len(steps), at_once):
            some = steps[first : first + at_once]
            noisy = [step for step in some if step.sigma > 0]
            noise = torch.empty(len(noisy), *value.shape, dtype=torch.float32, device="cpu")
            for each in noise:
                each.copy_(draw().T)
            times = torch.stack([self.time(step.t) for step in some]).contiguous()
            numbers = [(sqrt(c.alpha_bar), sqrt(1 - c.alpha_bar), c.keep, c.toward, c.sigma) for c in some]
            table = torch.tensor(numbers, dtype=torch.float32, device="cpu")
            walk = kernel.Walk(
                table.data_ptr(), len(some), self.model.adds_to_value, self.model.config.objective == "v",
                coefficients.posterior, coefficients.noise_projection, coefficients.clipping is not None, low, high,
                LEAST_SQUARE,
            )  # fmt: skip
            strip = self.blocks.blocks.strip
            stride = strip * max(1, POINT_STEPS // (strip * len(some)))
            for start in range(0, points, stride):
                stop = min(start + stride, points)
                self.blocks.sample(walk, times, noise, value, start, stop)
                passed(done + len(some) * stop / points)
            done += len(some)
        return value.T


class GridDecoder(FastDecoder):
    """A model's decoder, prepared for one encoded picture and the columns of a grid of points.

    Parameters
    ----------
    model, encoded, dtype
        As for `FastDecoder`.
    columns : Tensor
        (W,) float32, or float64 where float32 does not tell them apart: the x coordinates of the grid, in [0, 1].
    """

    def __init__(self, model: FranNet, encoded: Encoded, columns: Tensor, dtype: torch.dtype = torch.float32) -> None:
        columns = exact(columns, self.least)
        super().__init__(model, encoded, model.position(columns[:, None]), dtype)
        self.encoded, self.axis = encoded, columns
        self.mixer: nn.Linear | None = None
        if encoded.local and _reads(model.config.encoder.extractors):
            # The first layer that follows the feature maps is linear, and so is reading them: their order may be
            # swapped, and then the layer runs over 1,344 cells and not over every point.
            self.mixer, *mix = dense(model.local)
            weights = self.mixer.weight.split([features.shape[1] for features in encoded.maps], dim=1)
            self.maps = [
                torch.einsum("chw,oc->how", features[0], weight)
                for features, weight in zip(encoded.maps, weights, strict=True)
            ]
            self.columns = torch.cat([hat(columns, m.shape[2]) for m in self.maps], dim=1)
            self.mix = [Layer(self._cast(layer.weight), self._cast(layer.bias)) for layer in mix]
        gray = encoded.gray[0, 0]
        self.lines = gray @ hat(columns, INPUT_SIZE).T  # the gray input, read linearly in each column
        self.cubic_lines = gray @ cubic(columns, INPUT_SIZE).float().T

    def colours(self, value: Tensor, rows: Tensor, start: int = 0, stop: int | None = None) -> Tensor:
        """`FranNet.to_colour` of the (H * W, 3) clean values at a part of the grid; see `tile`."""
        base = value
        if self.model.config.target == "residual":
            base = (cubic(rows, INPUT_SIZE).float() @ self.cubic_lines[:, start:stop]).flatten()[:, None]
        elif self.model.config.target == "difference":
            base = self._read(rows, slice(start, stop))
        return self.model.to_colour(value, base)

    def _read(self, rows: Tensor, part: slice) -> Tensor:
        """(H * W, 1): the gray input, read linearly."""
        return (hat(rows, INPUT_SIZE) @ self.lines[:, part]).flatten()[:, None]

    def _gray(self, rows: Tensor, part: slice) -> Tensor | None:
        if not self.model.config.gray_latents:
            return None
        return to_network(self._read(rows, part).expand(-1, OUTPUTS), self.model.config.colours)

    def _position(self, rows: Tensor) -> Tensor:
        return self.model.position(rows[:, None])

    def _local(self, rows: Tensor, part: slice) -> Tensor:
        if self.mixer is None:
            return self._extracted(rows, part)
        maps, down = self.maps, [hat(rows, len(m)) for m in self.maps]
        across = self.columns[part].split([m.shape[2] for m in maps], dim=1)
        # The maps are read along the shorter side first; what that gives, read along the other one, line by line, is
        # the hidden layer of the local latent.
        first, then = down, across
        if tall := len(rows) > len(across[0]):
            first, then, maps = across, down, [m.transpose(0, 2) for m in maps]
        lines = torch.cat([torch.einsum("yh,how->yow", near, m) for near, m in zip(first, maps, strict=True)], dim=2)
        near = torch.cat(then, dim=1)
        hidden = [Layer(line, self.mixer.bias)(near, relu=True).to(self.dtype) for line in lines]
        local = torch.stack(hidden, dim=1 if tall else 0).flatten(0, 1)
        for layer in self.mix:
            local = layer(local, relu=True)
        return local

    def _extracted(self, rows: Tensor, part: slice) -> Tensor:
        """The local latents as the model itself makes them, some points at a time."""
        columns = self.axis[part]
        if self.model.local is None:
            return rows.new_empty(len(rows) * len(columns), 0, dtype=self.dtype)
        kind = torch.promote_types(columns.dtype, rows.dtype)
        y, x = torch.meshgrid(rows.to(kind), columns.to(kind), indexing="ij")
        points = torch.stack([x, y], dim=-1).flatten(0, 1)
        chunks = [self.model.local_context(self.encoded, each[None])[0] for each in points.split(CHUNK)]
        return torch.cat(chunks).to(self.dtype)


def _reads(extractors: tuple[Extractor, ...]) -> bool:
    """Whether the local context is the maps read at the point, through dense layers with a ReLU each."""
    return (
        len(extractors) == 1
        and extractors[0].kind == "interpolate"
        and extractors[0].final == "relu"
        and bool(extractors[0].mlp)
    )


def hat(v: Tensor, cells: int) -> Tensor:
    """The weights of linear interpolation between the centres of cells, zero outside.

    Parameters
    ----------
    v : Tensor
        (N,) float32 or float64 coordinates in [0, 1].
    cells : int
        How many cells share [0, 1].

    Returns
    -------
    Tensor
        (N, cells) float32: at most two neighbours in a row are above 0.
    """
    centre = torch.arange(cells, dtype=v.dtype, device=v.device) + 0.5
    return (1 - (v[:, None] * cells - centre).abs()).clamp(min=0).float()
