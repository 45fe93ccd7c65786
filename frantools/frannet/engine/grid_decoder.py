"""The fast decoder over a grid of points.

What depends on x or y alone is computed once for each column or row: the position encoding, and the weights with which
feature maps are read. Reading all three maps, together with the first layer that follows, is one product for each row
of points.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..network.architecture import Extractor
from ..network.colours import to_network
from ..network.model import INPUT_SIZE, OUTPUTS, Encoded, FranNet, cubic
from .coordinates import round_axis
from .fast_decoder import DenseLayer, FastDecoder, dense_layers

CHUNK = 2048  # points whose local context is extracted at once


class GridDecoder(FastDecoder):
    """A model's decoder for one encoded picture and the columns of a grid of points.

    Parameters
    ----------
    model, encoded, dtype
        As for `FastDecoder`.
    columns : Tensor
        (W,) float32 or float64: the x coordinates of the grid, in [0, 1]; see `round_axis`.
    """

    def __init__(self, model: FranNet, encoded: Encoded, columns: Tensor, dtype: torch.dtype = torch.float32) -> None:
        columns = round_axis(columns, self.minimum_spacing)
        super().__init__(model, encoded, model.position(columns[:, None]), dtype)
        self.encoded, self.axis = encoded, columns
        self.mixer: nn.Linear | None = None
        if encoded.has_local and _interpolates(model.config.encoder.extractors):
            # The first layer after the feature maps is linear, and so is reading them. In the other order, the layer
            # runs over 1,344 cells instead of all points.
            self.mixer, *mix = dense_layers(model.local)
            weights = self.mixer.weight.split([features.shape[1] for features in encoded.maps], dim=1)
            self.maps = [
                torch.einsum("chw,oc->how", features[0], weight)
                for features, weight in zip(encoded.maps, weights, strict=True)
            ]
            self.columns = torch.cat([linear_weights(columns, m.shape[2]) for m in self.maps], dim=1)
            self.mix = [DenseLayer(self._cast(layer.weight), self._cast(layer.bias)) for layer in mix]
        gray = encoded.gray[0, 0]
        self.lines = gray @ linear_weights(columns, INPUT_SIZE).T  # the gray input, read linearly in each column
        self.cubic_lines = gray @ cubic(columns, INPUT_SIZE).float().T

    def colours(self, value: Tensor, rows: Tensor, start: int = 0, stop: int | None = None) -> Tensor:
        """Return `FranNet.to_colour` of the (..., H * W, 3) clean values at a part of the grid; see `tile`."""
        base = value
        if self.model.config.target == "residual":
            base = (cubic(rows, INPUT_SIZE).float() @ self.cubic_lines[:, start:stop]).flatten()[:, None]
        elif self.model.config.target == "difference":
            base = self._read_gray(rows, slice(start, stop))
        return self.model.to_colour(value, base)

    def _read_gray(self, rows: Tensor, part: slice) -> Tensor:
        """Read the gray input linearly: (H * W, 1)."""
        return (linear_weights(rows, INPUT_SIZE) @ self.lines[:, part]).flatten()[:, None]

    def _gray(self, rows: Tensor, part: slice) -> Tensor | None:
        if not self.model.config.gray_latents:
            return None
        return to_network(self._read_gray(rows, part).expand(-1, OUTPUTS), self.model.config.colours)

    def _encode_rows(self, rows: Tensor) -> Tensor:
        return self.model.position(rows[:, None])

    def _local(self, rows: Tensor, part: slice) -> Tensor:
        if self.mixer is None:
            return self._extract_local(rows, part)
        maps, down = self.maps, [linear_weights(rows, len(m)) for m in self.maps]
        across = self.columns[part].split([m.shape[2] for m in maps], dim=1)
        # The maps are read along the shorter side first. The result, read along the other side line by line, is the
        # hidden layer of the local latent.
        first, second = down, across
        if is_tall := len(rows) > len(across[0]):
            first, second, maps = across, down, [m.transpose(0, 2) for m in maps]
        lines = torch.cat([torch.einsum("yh,how->yow", w, m) for w, m in zip(first, maps, strict=True)], dim=2)
        weights = torch.cat(second, dim=1)
        hidden = [DenseLayer(line, self.mixer.bias)(weights, relu=True).to(self.dtype) for line in lines]
        local = torch.stack(hidden, dim=1 if is_tall else 0).flatten(0, 1)
        for layer in self.mix:
            local = layer(local, relu=True)
        return local

    def _extract_local(self, rows: Tensor, part: slice) -> Tensor:
        """Return the local latents of the model's own extractor, computed for some points at a time."""
        columns = self.axis[part]
        if self.model.local is None:
            return rows.new_empty(len(rows) * len(columns), 0, dtype=self.dtype)
        dtype = torch.promote_types(columns.dtype, rows.dtype)
        y, x = torch.meshgrid(rows.to(dtype), columns.to(dtype), indexing="ij")
        points = torch.stack([x, y], dim=-1).flatten(0, 1)
        chunks = [self.model.local_context(self.encoded, chunk[None])[0] for chunk in points.split(CHUNK)]
        return torch.cat(chunks).to(self.dtype)


def _interpolates(extractors: tuple[Extractor, ...]) -> bool:
    """Whether the local context is read from the maps at the point, and dense layers with ReLUs follow."""
    return (
        len(extractors) == 1
        and extractors[0].kind == "interpolate"
        and extractors[0].final == "relu"
        and bool(extractors[0].mlp)
    )


def linear_weights(v: Tensor, cells: int) -> Tensor:
    """Return the weights of linear interpolation between the centres of cells, zero outside.

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
