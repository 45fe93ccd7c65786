"""The decoder over a grid of points, with the work that no diffusion step changes done once.

`FranNet.decode` is the definition; this is the same function, arranged for speed. Three things make the difference:

* Of a block's first layer, only the part that reads the value changes from step to step. The parts that read the
  latents and the position are computed once for each point, and the part that reads the time once for each step.
* The points are a grid, so what depends on x or y alone is computed once for each column or row: the position
  encoding, and the weights with which feature maps are read. Reading all three maps, together with the first layer
  that follows, is one product for each row of points.
* A tile of rows is small enough to stay in the processor's cache through all steps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .network import HIDDEN, LATENT, Encoded, FranNet

Denoise = Callable[[Tensor, int | None], Tensor]


def _fused(device: torch.device) -> bool:
    """Whether oneDNN's product with a fused ReLU is at hand, the one that `torch.compile` uses on processors."""
    return device.type == "cpu" and torch.backends.mkldnn.is_available() and hasattr(
        torch.ops.mkldnn, "_linear_pointwise"
    )  # fmt: skip


@dataclass(frozen=True)
class Layer:
    """A dense layer: `weight` (out, in) and `bias` (out,)."""

    weight: Tensor
    bias: Tensor | None = None

    def __call__(self, x: Tensor, relu: bool = False) -> Tensor:
        """``x @ weight.T + bias``, and the ReLU of it where asked. float32 goes to oneDNN, not MKL: twice as fast on
        AMD processors, no slower elsewhere.
        """
        if _fused(x.device):
            kind = "relu" if relu else "none"
            return torch.ops.mkldnn._linear_pointwise(x, self.weight, self.bias, kind, [], "")
        y = F.linear(x, self.weight, self.bias)
        return y.relu_() if relu else y

    def plus(self, x: Tensor, other: Tensor) -> Tensor:
        """``other + x @ weight.T``."""
        if _fused(x.device):
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
    value: Tensor
    """(64, 6): from the value and the sum so far."""
    time: Tensor
    """(64, 33): from the time encoding."""
    hidden: tuple[Layer, Layer]
    out: Layer


def dense(module: nn.Module) -> list[nn.Linear]:
    """The dense layers of a module, in the order that data flows through them."""
    return [layer for layer in module.modules() if isinstance(layer, nn.Linear)]


class Decoder:
    """A model's decoder, prepared for one encoded picture.

    Parameters
    ----------
    model : FranNet
        In evaluation mode.
    encoded : Encoded
        Of one picture.
    dtype : torch.dtype
        Of the products: float32 or bfloat16. Sums over blocks and steps are float32 all the same.
    """

    def __init__(self, model: FranNet, encoded: Encoded, dtype: torch.dtype = torch.float32) -> None:
        self.model, self.dtype = model, dtype
        positions = len(model.config.position) * model.position.outputs
        parts = (LATENT, LATENT, positions, model.time.outputs, 6)
        cast = lambda w: w.to(dtype).contiguous()  # noqa: E731
        self.blocks, self.constants, self.places = [], [], []
        for mlp in model.decoder.blocks:
            first, second, third, out = dense(mlp)
            context, local, position, time, value = first.weight.split(parts, dim=1)
            # The global context is the same for all points of the picture: with the bias, a constant.
            self.constants.append(first.bias + encoded.context[0] @ context.T)
            self.places.append(position)
            self.blocks.append(
                Block(
                    local=Layer(cast(local)),
                    value=value,
                    time=time,
                    hidden=(Layer(cast(second.weight), cast(second.bias)), Layer(cast(third.weight), cast(third.bias))),
                    out=Layer(cast(out.weight), cast(out.bias)),
                )
            )
        # The first layer that follows the feature maps is linear, and so is reading them: their order may be swapped,
        # and then the layer runs over 1,344 cells and not over every point.
        mixer, mix = dense(model.local)
        self.local_bias = mixer.bias
        self.maps = [
            torch.einsum("chw,oc->hwo", features[0], weight)
            for features, weight in zip(encoded.maps, mixer.weight.split(LATENT, dim=1), strict=True)
        ]
        self.mix = Layer(cast(mix.weight), cast(mix.bias))

    def tile(self, x: Tensor, y: Tensor) -> Denoise:
        """The decoder at the points of a grid.

        Parameters
        ----------
        x, y : Tensor
            (W,) and (H,) float32 coordinates of columns and rows, in [0, 1].

        Returns
        -------
        callable
            ``denoise(value, t)``: `FranNet.decode` of (H * W, 3) float32 values, row by row.
        """
        fixed = self._fixed(x, y)
        count = len(x) * len(y)
        ones = torch.ones(count, 1, dtype=self.dtype, device=x.device)

        def denoise(value: Tensor, t: int | None) -> Tensor:
            encoded = self.model.encode_time(t)
            total = value
            for block, start in zip(self.blocks, fixed, strict=True):
                # What depends on the step: the value, the sum so far, and the time as the weight of a constant 1.
                weight = torch.cat([block.value, (block.time @ encoded)[:, None]], dim=1).to(self.dtype)
                h = relu_(Layer(weight).plus(torch.cat([value.to(self.dtype), total.to(self.dtype), ones], 1), start))
                for layer in block.hidden:
                    h = layer(h, relu=True)
                total = total + block.out(h)
            return total

        return denoise

    def _fixed(self, x: Tensor, y: Tensor) -> list[Tensor]:
        """For each block, what its first layer gets from latents, position and bias: (H * W, 64)."""
        hidden = torch.zeros(len(y), len(x), self.local_bias.numel(), device=x.device) + self.local_bias
        # One product a row of points: the maps, read at the row's y, times the weights of the columns.
        rows = torch.cat([torch.einsum("yh,hwo->ywo", hat(y, m.shape[0]), m) for m in self.maps], dim=1)
        columns = torch.cat([hat(x, m.shape[1]) for m in self.maps], dim=1).expand(len(y), -1, -1)
        hidden = torch.baddbmm(hidden, columns, rows).relu_().flatten(0, 1)
        local = self.mix(hidden.to(self.dtype), relu=True)
        coordinates = (x, y)[: len(self.model.config.position)]
        encodings = [self.model.position(v[:, None]) for v in coordinates]
        fixed = []
        for block, constant, places in zip(self.blocks, self.constants, self.places, strict=True):
            parts = [e @ w.T for e, w in zip(encodings, places.split(self.model.position.outputs, dim=1), strict=True)]
            place = (constant + parts[0]).expand(len(y), -1, -1)
            if len(parts) == 2:
                place = place + parts[1][:, None]
            fixed.append(block.local.plus(local, place.reshape(-1, HIDDEN).to(self.dtype)))
        return fixed


def hat(v: Tensor, cells: int) -> Tensor:
    """The weights of linear interpolation between the centres of cells, zero outside.

    Parameters
    ----------
    v : Tensor
        (N,) coordinates in [0, 1].
    cells : int
        How many cells share [0, 1].

    Returns
    -------
    Tensor
        (N, cells): at most two neighbours in a row are above 0.
    """
    centre = torch.arange(cells, dtype=v.dtype, device=v.device) + 0.5
    return (1 - (v[:, None] * cells - centre).abs()).clamp(min=0)
