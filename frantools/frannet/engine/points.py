"""The engine at points anywhere: a picture is prepared once, and then answers under any number of setups.

What no setup changes, the encoded picture and the fixed part of each point's first layers, is made by `points_decoder`
and kept, about a kilobyte a point. A point's colour is the one that it has in a restoration of the whole picture. It
does not depend on the number of threads: tiles are of one size, and each is computed with products on one thread.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from threading import Event, get_ident
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ... import noise
from ...photos.images import prepare_input
from ...system.devices import without_autocast
from ..network.ablations import Ablation, encode
from ..network.coordinate_model import Answer, CoordinateModel, check_model, device_of, schedule_of
from ..network.model import Encoded, FranNet
from ..sampling.samplers import Sampler
from .coordinates import exact_points
from .grid_decoder import FastDecoder
from .pictures import (
    PRECISIONS,
    TILE,
    Colours,
    Progress,
    check_input,
    check_seed,
    check_setup,
    finite,
    resolve_precision,
    values_at,
)
from .plain_decoder import answer_at, colours_at, is_fast
from .threads import run


class PointDecoder(FastDecoder):
    """A FranNet's decoder, prepared for one encoded picture: `tile` takes points, (N, 2).

    They are a grid of one column, which knows nothing of the position, and a row for each point.
    """

    def __init__(self, model: FranNet, encoded: Encoded, dtype: torch.dtype = torch.float32) -> None:
        super().__init__(model, encoded, encoded.context.new_empty(1, 0), dtype)
        self.encoded = encoded

    def _position(self, rows: Tensor) -> Tensor:
        return self.model.encode_position(rows)

    def _local(self, rows: Tensor, part: slice) -> Tensor:
        if self.model.local is None:
            return rows.new_empty(len(rows), 0, dtype=self.dtype)
        return self.model.local_context(self.encoded, rows[None])[0].to(self.dtype)

    def _gray(self, rows: Tensor, part: slice) -> Tensor | None:
        return self.model.gray_latents(self.encoded, rows[None])[0] if self.model.config.gray_latents else None


class PreparedTile(NamedTuple):
    """Some points of a prepared picture."""

    points: Tensor
    """(N, 2) float64."""
    answer: Answer
    """The decoder there; several threads may use it at once."""
    colours: Callable[[Tensor], Tensor]
    """The colours in about [-1, 1] of (N, 3) clean values."""


@dataclass(frozen=True)
class PreparedPoints:
    """A model's decoder for one picture at points; see `points_decoder`."""

    model: CoordinateModel
    tiles: list[PreparedTile]

    @property
    def count(self) -> int:
        """How many points there are."""
        return sum(len(tile.points) for tile in self.tiles)


@without_autocast()
def points_decoder(
    model: CoordinateModel,
    image: NDArray[Any] | Tensor,
    points: Tensor | NDArray[Any],
    precision: str = "float32",
    ablation: Ablation | None = None,
) -> PreparedPoints:
    """Prepare a picture for `sample_at`.

    Parameters
    ----------
    model, image, precision, ablation
        As for `restoration.restore`.
    points : Tensor or ndarray
        (N, 2) float64, (x, y) in [0, 1], in any order; N is 1 or more.

    Raises
    ------
    ValueError
        If an argument is not as above.
    """
    model = check_model(model)
    device = device_of(model)
    places = torch.as_tensor(points, device=device)
    if places.ndim != 2 or places.shape[1] != 2 or places.dtype != torch.float64 or not len(places):
        raise ValueError(
            f"points of shape {tuple(places.shape)} and {places.dtype} are given; accepted are (N, 2) float64, N from 1"
        )
    if not (places.amin() >= 0 and places.amax() <= 1):  # NaN is neither
        raise ValueError("a point lies outside of the picture; accepted are coordinates in [0, 1]")
    dtype = PRECISIONS[resolve_precision(precision, device)]
    x = (check_input(image) if isinstance(image, Tensor) else prepare_input(image)).to(device)
    near = exact_points(places) if isinstance(model, FranNet) else places.float()
    size = TILE[0] if device.type == "cpu" else 1 << 20
    tiles: list[PreparedTile] = []

    def prepare(_: int) -> None:
        with torch.inference_mode():
            encoded = encode(model, x, ablation)
            fast = PointDecoder(model, encoded, dtype) if is_fast(model, encoded) else None
            for exact, part in zip(places.split(size), near.split(size), strict=True):
                answer = fast.tile(part) if fast else answer_at(model, encoded, part, dtype)
                tiles.append(PreparedTile(exact, answer, colours_at(model, encoded, part)))

    _run(prepare, 1, lambda: None, Event(), device)
    return PreparedPoints(model, tiles)


def _run(work: Callable[[int], None], parts: int, report: Callable[[], None], stop: Event, on: torch.device) -> None:
    """Call ``work(0) ... work(parts - 1)``, each with products on one thread: their sums are then always the same.

    Where this thread has no more than one, as in a worker process, it does the work itself: threads to begin and to
    wait for would cost as much as a quick setup does.
    """
    if torch.get_num_threads() > 1:
        return run(work, parts, report, stop, parallel=on.type == "cpu")
    for index in range(parts):
        work(index)
        report()


@without_autocast()
def sample_at(
    prepared: PreparedPoints, setup: Sampler | None = None, seed: int = 0, progress: Progress | None = None
) -> Colours:
    """The colours of points.

    Parameters
    ----------
    prepared : PreparedPoints
        From `points_decoder`; it serves any number of setups.
    setup, seed, progress
        As for `restore`.

    Returns
    -------
    ndarray
        (N, 3) float32 in [0, 1], in the order of the points.

    Raises
    ------
    ValueError
        If the setup does not go with the model, or the numbers do not stay finite.

    Examples
    --------
    >>> import frantools as ft
    >>> points = np.array([[0.25, 0.5], [0.7, 0.1]])
    >>> prepared = points_decoder(ft.load_model("diffusion-basic"), ft.portraits()["hopper"], points)
    >>> sample_at(prepared, ft.SETUPS["B"], seed=3).shape
    (2, 3)
    """
    model, tiles = prepared.model, prepared.tiles
    setup, seed = check_setup(model, setup), check_seed(seed)
    calls = 1 if setup is None else setup.calls_on(schedule_of(model))
    if setup is not None:
        setup.check(schedule_of(model))
    stop, here, done = Event(), get_ident(), [0.0] * len(tiles)  # points times steps, by tile
    out: list[Colours] = [np.empty((0, 3), np.float32)] * len(tiles)

    def report() -> None:
        if progress is not None:
            progress(sum(done) / (calls * prepared.count))

    def render(index: int) -> None:
        tile = tiles[index]
        x, y = tile.points.unbind(-1)
        draws = partial(noise.point_draws, seed, x, y)

        def passed(steps: float) -> None:
            if stop.is_set():
                raise InterruptedError
            done[index] = steps * len(x)
            if here == get_ident():
                report()

        with torch.inference_mode():
            values, _ = values_at(model, tile.answer, setup, len(x), draws, passed)
            colours = finite(tile.colours(values) / 2 + 0.5, setup).clamp(0, 1)
        out[index] = colours.cpu().numpy()
        done[index] = calls * len(x)

    _run(render, len(tiles), report, stop, device_of(model))
    return np.concatenate(out)
