"""Any coordinate model at points, through its own `latents` and `decode`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeGuard

import torch
from torch import Tensor

from ..network.ablations import random_positions
from ..network.coordinate_model import Answer, CoordinateModel, is_plain_frannet
from ..network.model import FranNet
from .coordinates import LEAST, LEAST_FLOAT32, exact
from .grid_decoder import serves


def is_fast(model: CoordinateModel, encoded: Any) -> TypeGuard[FranNet]:
    """Whether the fast engine (`engine`) serves a model; the others do their own work, here."""
    return is_plain_frannet(model) and serves(model.config) and not encoded.astray


class PlainDecoder:
    """A model's decoder for one encoded picture and the columns of a grid of points; see `engine.GridDecoder`.

    It does all of a point's work at every step, and is several times slower.

    Parameters
    ----------
    model : CoordinateModel
        In evaluation mode.
    encoded : object
        What its `encode` gave for one picture.
    columns : Tensor
        (W,) float32 or float64: the x coordinates of the grid, in [0, 1].
    dtype : torch.dtype
        Of the products: float32, or bfloat16 by torch's automatic mixed precision.

    Raises
    ------
    ValueError
        If float64 no longer tells the columns apart.
    """

    def __init__(
        self, model: CoordinateModel, encoded: Any, columns: Tensor, dtype: torch.dtype = torch.float32
    ) -> None:
        self.model, self.encoded, self.dtype = model, encoded, dtype
        self.least = LEAST if isinstance(model, FranNet) else LEAST_FLOAT32
        self.columns = exact(columns, self.least)

    def _points(self, rows: Tensor, start: int, stop: int | None) -> Tensor:
        """(H * W, 2): the points of a part of the grid, row by row."""
        y, x = torch.meshgrid(rows, self.columns[start:stop], indexing="ij")
        kind = torch.promote_types(x.dtype, y.dtype) if isinstance(self.model, FranNet) else torch.float32
        return torch.stack([x.to(kind), y.to(kind)], dim=-1).flatten(0, 1)

    def tile(self, rows: Tensor, start: int = 0, stop: int | None = None) -> Answer:
        """The decoder at a part of the grid, as `engine.GridDecoder.tile`."""
        return answer_at(self.model, self.encoded, self._points(rows, start, stop), self.dtype)

    def colours(self, value: Tensor, rows: Tensor, start: int = 0, stop: int | None = None) -> Tensor:
        """The colours of the (H * W, 3) clean values at a part of the grid, in about [-1, 1]; see `tile`."""
        return colours_at(self.model, self.encoded, self._points(rows, start, stop))(value)


def answer_at(model: CoordinateModel, encoded: Any, points: Tensor, dtype: torch.dtype) -> Answer:
    """A model's own `decode` at (N, 2) points, their latents made once; see `engine.FastDecoder.tile`."""
    points = points[None]
    at = random_positions(points) if getattr(encoded, "astray", False) else points
    kind, mixed = points.device.type, dtype != torch.float32

    @torch.no_grad()
    def answer(value: Tensor, t: int | float | None) -> Tensor:
        with torch.autocast(kind, dtype, enabled=mixed):
            return model.decode(latents, at, t, value[None])[0].float()

    with torch.no_grad(), torch.autocast(kind, dtype, enabled=mixed):
        latents = model.latents(encoded, points)
    return answer


def colours_at(model: CoordinateModel, encoded: Any, points: Tensor) -> Callable[[Tensor], Tensor]:
    """What makes colours, in about [-1, 1], of the (..., N, 3) clean values at (N, 2) points."""
    base, to_colour = (getattr(model, name, None) for name in ("base", "to_colour"))
    if base is None or to_colour is None:
        return lambda value: value
    below = base(encoded, points[None])[0]
    return lambda value: to_colour(value, below)
