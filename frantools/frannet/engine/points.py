"""Single points of a picture, prepared once, then sampled with any setup.

A point has the colour that it has in a restoration of the whole picture. The colour does not depend on the number of
threads: tiles have a fixed size, and each is computed on one thread. Prepared points take about a kilobyte each.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Event
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from ...noise import point_draws
from ...photos.images import prepare_input
from ...system.devices import without_autocast
from ..network.ablations import Ablation, encode
from ..network.coordinate_model import Answer, CoordinateModel, check_model, device_of
from ..network.model import Encoded, FranNet
from ..sampling.samplers import Sampler
from .arguments import PRECISIONS, check_input, check_seed, check_setup, resolve_precision
from .coordinates import round_points
from .fast_decoder import FastDecoder
from .pictures import GPU_TILE_POINTS, TILE_POINTS
from .plain_decoder import answer_at, colours_at, is_fast
from .threads import run_parts
from .tiles import Colours, PointTile, Progress, sample_tiles


class PointDecoder(FastDecoder):
    """A FranNet's decoder for one encoded picture; `tile` takes points, (N, 2).

    The points are the rows of a grid of one column, and each row encodes both coordinates.
    """

    def __init__(self, model: FranNet, encoded: Encoded, dtype: torch.dtype = torch.float32) -> None:
        super().__init__(model, encoded, encoded.context.new_empty(1, 0), dtype)
        self.encoded = encoded

    def _encode_rows(self, rows: Tensor) -> Tensor:
        return self.model.encode_position(rows)

    def _local(self, rows: Tensor, part: slice) -> Tensor:
        if self.model.local is None:
            return rows.new_empty(len(rows), 0, dtype=self.dtype)
        return self.model.local_context(self.encoded, rows[None])[0].to(self.dtype)

    def _gray(self, rows: Tensor, part: slice) -> Tensor | None:
        return self.model.gray_latents(self.encoded, rows[None])[0] if self.model.config.gray_latents else None


@dataclass(frozen=True)
class PreparedPoints:
    """A model's decoder for one picture at some points, for any number of setups; see `prepare_points`."""

    model: CoordinateModel
    tiles: list[PointTile]
    count: int
    """The number of points."""


@without_autocast()
def prepare_points(
    model: CoordinateModel,
    image: NDArray[Any] | Tensor,
    points: Tensor | NDArray[Any],
    precision: str = "float32",
    ablation: Ablation | None = None,
) -> PreparedPoints:
    """Prepare points of a picture for `sample_prepared_points`.

    Parameters
    ----------
    model, image, precision, ablation
        As for `pictures.restore`.
    points : Tensor or ndarray
        (N, 2) float64, (x, y) in [0, 1], in any order; N is 1 or more.

    Raises
    ------
    ValueError
        If an argument is not as above.
    """
    model = check_model(model)
    device = device_of(model)
    positions = torch.as_tensor(points, device=device)
    if positions.ndim != 2 or positions.shape[1] != 2 or positions.dtype != torch.float64 or not len(positions):
        raise ValueError(
            f"points must be (N, 2) float64 with N from 1, got {positions.dtype} of shape {tuple(positions.shape)}"
        )
    if not (positions.amin() >= 0 and positions.amax() <= 1):  # false for NaN too
        raise ValueError("points must lie in [0, 1], and one lies outside of the picture")
    dtype = PRECISIONS[resolve_precision(precision, device)]
    x = (check_input(image) if isinstance(image, Tensor) else prepare_input(image)).to(device)
    rounded = round_points(positions) if isinstance(model, FranNet) else positions.float()
    size = TILE_POINTS[0] if device.type == "cpu" else GPU_TILE_POINTS
    tiles: list[PointTile] = []

    @torch.inference_mode()
    def prepare_tiles(_: int = 0) -> None:
        encoded = encode(model, x, ablation)
        fast = PointDecoder(model, encoded, dtype) if is_fast(model, encoded) else None
        start = 0
        for exact, part in zip(positions.split(size), rounded.split(size), strict=True):
            answer = fast.tile(part) if fast else answer_at(model, encoded, part, dtype)
            place = slice(start, start := start + len(exact))
            tiles.append(_point_tile(place, exact, answer, colours_at(model, encoded, part)))

    # On one thread, so that sums have the same order on every machine.
    if torch.get_num_threads() == 1:
        prepare_tiles()
    else:
        run_parts(prepare_tiles, 1, lambda: None, Event(), parallel=False)
    return PreparedPoints(model, tiles, len(positions))


def _point_tile(place: slice, points: Tensor, answer: Answer, colours: Callable[[Tensor], Tensor]) -> PointTile:
    x, y = points.unbind(-1)
    return PointTile(place, len(points), lambda: answer, lambda seed, length: point_draws(seed, x, y, length), colours)


@without_autocast()
def sample_prepared_points(
    prepared: PreparedPoints, setup: Sampler | None = None, seed: int = 0, progress: Progress | None = None
) -> Colours:
    """Sample prepared points.

    Parameters
    ----------
    prepared : PreparedPoints
        From `prepare_points`.
    setup, seed, progress
        As for `pictures.restore`.

    Returns
    -------
    ndarray
        (N, 3) float32 in [0, 1], in the order of the points.

    Raises
    ------
    ValueError
        If the setup does not suit the model, or the result is not finite.

    Examples
    --------
    >>> import frantools as ft
    >>> import numpy as np
    >>> points = np.array([[0.25, 0.5], [0.7, 0.1]])
    >>> prepared = prepare_points(ft.load_model("diffusion-basic"), ft.portraits()["hopper"], points)
    >>> sample_prepared_points(prepared, ft.SETUPS["B"], seed=3).shape
    (2, 3)
    """
    setup, seed = check_setup(prepared.model, setup), check_seed(seed)
    return sample_tiles(prepared.model, prepared.tiles, (prepared.count,), setup, seed, progress)[0]
