"""Any coordinate model at points, through its own `latents` and `decode`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeGuard

import torch
from torch import Tensor

from ..network.ablations import random_positions
from ..network.coordinate_model import Answer, CoordinateModel, is_plain_frannet
from ..network.model import FranNet
from .coordinates import MINIMUM_SPACING, MINIMUM_SPACING_FLOAT32, round_axis
from .fast_decoder import is_supported


def is_fast(model: CoordinateModel, encoded: Any) -> TypeGuard[FranNet]:
    """Whether a `FastDecoder` computes what the model does; otherwise a `PlainDecoder` calls the model's methods."""
    return is_plain_frannet(model) and is_supported(model.config) and not encoded.random_positions


class PlainDecoder:
    """A model's decoder for one encoded picture and the columns of a grid of points; see `GridDecoder`.

    It repeats all of a point's work at every step, and is several times slower.

    Parameters
    ----------
    model : CoordinateModel
        In evaluation mode.
    encoded : object
        The result of its `encode` for one picture.
    columns : Tensor
        (W,) float32 or float64: the x coordinates of the grid, in [0, 1].
    dtype : torch.dtype
        Of the products: float32, or bfloat16 by torch's automatic mixed precision.

    Raises
    ------
    ValueError
        If the columns are too close for float64.
    """

    def __init__(
        self, model: CoordinateModel, encoded: Any, columns: Tensor, dtype: torch.dtype = torch.float32
    ) -> None:
        self.model, self.encoded, self.dtype = model, encoded, dtype
        self.minimum_spacing = MINIMUM_SPACING if isinstance(model, FranNet) else MINIMUM_SPACING_FLOAT32
        self.columns = round_axis(columns, self.minimum_spacing)

    def _points(self, rows: Tensor, start: int, stop: int | None) -> Tensor:
        """Return the points of a part of the grid, row by row: (H * W, 2)."""
        y, x = torch.meshgrid(rows, self.columns[start:stop], indexing="ij")
        dtype = torch.promote_types(x.dtype, y.dtype) if isinstance(self.model, FranNet) else torch.float32
        return torch.stack([x.to(dtype), y.to(dtype)], dim=-1).flatten(0, 1)

    def tile(self, rows: Tensor, start: int = 0, stop: int | None = None) -> Answer:
        """Return the decoder at a part of the grid, as `FastDecoder.tile` does."""
        return answer_at(self.model, self.encoded, self._points(rows, start, stop), self.dtype)

    def colours(self, value: Tensor, rows: Tensor, start: int = 0, stop: int | None = None) -> Tensor:
        """Return the colours, in about [-1, 1], of (..., H * W, 3) clean values at a part of the grid; see `tile`."""
        return colours_at(self.model, self.encoded, self._points(rows, start, stop))(value)


def answer_at(model: CoordinateModel, encoded: Any, points: Tensor, dtype: torch.dtype) -> Answer:
    """Return a model's own `decode` at (N, 2) points, whose latents are computed once; see `FastDecoder.tile`."""
    points = points[None]
    positions = random_positions(points) if getattr(encoded, "random_positions", False) else points
    device, mixed = points.device.type, dtype != torch.float32

    @torch.no_grad()
    def answer(value: Tensor, t: int | float | None) -> Tensor:
        with torch.autocast(device, dtype, enabled=mixed):
            return model.decode(latents, positions, t, value[None])[0].float()

    with torch.no_grad(), torch.autocast(device, dtype, enabled=mixed):
        latents = model.latents(encoded, points)
    return answer


def colours_at(model: CoordinateModel, encoded: Any, points: Tensor) -> Callable[[Tensor], Tensor]:
    """Return a function from (..., N, 3) clean values at (N, 2) points to colours in about [-1, 1]."""
    base, to_colour = (getattr(model, name, None) for name in ("base", "to_colour"))
    if base is None or to_colour is None:
        return lambda value: value
    gray = base(encoded, points[None])[0]
    return lambda value: to_colour(value, gray)
