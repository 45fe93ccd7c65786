"""The sampling core: tiles of points, each sampled on one thread, for pictures, single points and trajectories."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from math import prod
from threading import Event, get_ident
from time import monotonic
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...noise import Draws
from ..network.coordinate_model import Answer, CoordinateModel, device_of, predictor, schedule_of
from ..sampling.samplers import Callback, Sampler, Step, run_sampler
from .compiled_tile import CompiledTile
from .threads import REPORT_INTERVAL, run_inline, run_parts

Progress = Callable[[float], None]
Colours = NDArray[np.float32]


@dataclass(frozen=True)
class PointTile:
    """Some points of a picture, ready to be sampled."""

    place: Any
    """The index of the points in the output."""
    points: int
    """Their number."""
    answer: Callable[[], Answer]
    """Returns the model's decoder at the points; several threads may call it."""
    draws: Callable[[int, float], Draws]
    """``draws(seed, length)``: the points' random numbers; see `noise.grid_draws`."""
    colours: Callable[[Tensor], Tensor]
    """Colours, in about [-1, 1], of (..., points, 3) clean values, in the shape that they have in the output."""


TileCallback = Callable[[Step, PointTile], None]


def sample_tiles(
    model: CoordinateModel,
    tiles: Sequence[PointTile],
    shape: tuple[int, ...],
    setup: Sampler | None,
    seed: int,
    progress: Progress | None = None,
    on_step: TileCallback | None = None,
) -> tuple[Colours, int]:
    """Sample tiles in parallel.

    Parameters
    ----------
    model : CoordinateModel
        The model of the tiles.
    tiles : sequence of PointTile
        They fill the output.
    shape : tuple of int
        Of the output, without the channels.
    setup : Sampler or None
        None for a single pass.
    seed : int
        Of the noise.
    progress : callable, optional
        ``progress(share)`` is called on the calling thread; an exception that it raises ends the sampling.
    on_step : callable, optional
        ``on_step(step, tile)`` is called on the tile's thread after each step.

    Returns
    -------
    colours : ndarray
        float32 (*shape, 3) in [0, 1].
    calls : int
        The network calls of the point with the most; a sampler may end early.
    """
    calls, device = 1, device_of(model)
    if setup is not None:
        calls = setup.calls_on(schedule_of(model))
        setup.check(schedule_of(model))
    out = np.empty((*shape, 3), dtype=np.float32)
    stop, caller = Event(), get_ident()
    point_steps = [0.0] * len(tiles)
    steps_taken = [0] * len(tiles)
    reported = monotonic()

    def report() -> None:
        nonlocal reported
        reported = monotonic()
        if progress is not None:
            progress(sum(point_steps) / (calls * prod(shape)))

    def sample(index: int) -> None:
        tile = tiles[index]

        def on_progress(steps: float) -> None:
            if stop.is_set():
                raise InterruptedError
            if setup is not None and steps > calls:
                raise ValueError(f"{setup.name} takes more steps than its calls_on, which is {calls}")
            point_steps[index] = steps * tile.points
            if caller == get_ident() and monotonic() - reported > REPORT_INTERVAL:
                report()

        with torch.inference_mode():
            if stop.is_set():
                raise InterruptedError
            values, steps_taken[index] = sample_tile(
                model,
                tile.answer(),
                setup,
                tile.points,
                partial(tile.draws, seed),
                on_progress,
                None if on_step is None else lambda step: on_step(step, tile),
            )
            colours = _check_finite(tile.colours(values) / 2 + 0.5, setup)
            out[tile.place] = colours.clamp(0, 1).cpu().numpy()
        point_steps[index] = calls * tile.points

    # With a single thread, as in a worker process, starting and joining another would cost as much as a quick setup.
    if torch.get_num_threads() == 1:
        run_inline(sample, len(tiles), report)
    else:
        run_parts(sample, len(tiles), report, stop, parallel=device.type == "cpu")
    return out, max(steps_taken)


def sample_tile(
    model: CoordinateModel,
    answer: Answer,
    setup: Sampler | None,
    points: int,
    draws: Callable[[float], Draws],
    on_progress: Callable[[float], None],
    on_step: Callback | None = None,
) -> tuple[Tensor, int]:
    """Sample the points of one tile.

    Parameters
    ----------
    model : CoordinateModel
        The model.
    answer : callable
        Its decoder at the points.
    setup : Sampler or None
        None for a single pass.
    points : int
        Their number, N.
    draws : callable
        ``draws(length)``: the points' random numbers; see `noise.grid_draws`.
    on_progress : callable
        ``on_progress(steps)``, called from time to time with the number of completed steps; an exception that it raises
        ends the sampling.
    on_step : callable, optional
        Called with a `Step` after each step.

    Returns
    -------
    values : Tensor
        (N, 3) float32: the clean values.
    calls : int
        The number of network calls.
    """
    if setup is None:
        return answer(torch.zeros(points, 3, dtype=torch.float32, device=device_of(model)), None), 1
    noise, schedule = map(draws(setup.noise_length), count()), schedule_of(model)
    value = setup.first_value(model.config.source.from_normal(next(noise)), model.config.restorator)
    if on_step is None and isinstance(answer, CompiledTile) and model.config.restorator == "diffusion":
        coefficients = setup.kernel_coefficients(schedule)
        if coefficients is not None:
            return answer.sample(value, coefficients, lambda: next(noise), on_progress), len(coefficients.steps)
    calls, predict = 0, predictor(model.config, answer, schedule)
    for step in run_sampler(setup, predict, value, schedule, lambda _: next(noise)):
        value, calls = step.x, step.index + 1
        on_progress(calls)
        if on_step is not None:
            on_step(step)
    return value, calls


def _check_finite(colours: Tensor, setup: Sampler | None) -> Tensor:
    if not torch.isfinite(colours).all():
        source = f"sampling with {setup.name}" if setup is not None else "the model"
        raise ValueError(f"{source} ends in values that are NaN or infinite, which are no colours")
    return colours
