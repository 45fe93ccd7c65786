"""The trajectory of a restoration: values and predictions after each call of the network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..network.ablations import Ablation
from ..network.coordinate_model import CoordinateModel, schedule_of
from ..sampling.samplers import Sampler, Step
from .pictures import prepare, sample_picture
from .tiles import PointTile, Progress

MEMORY_LIMIT = 1_000_000_000  # bytes of all steps of a picture: 912 pixels a side with 100 calls
BYTES_PER_PIXEL = 2 * 3 * np.dtype(np.float16).itemsize  # two colours for each step


@dataclass(frozen=True)
class Trace:
    """A restoration step by step."""

    t: Sequence[int]
    """The diffusion step of each network call."""
    value: NDArray[np.float16]
    """(steps, H, W, 3): the value after each step, on the scale on which colours lie in [0, 1]."""
    x0: NDArray[np.float16]
    """(steps, H, W, 3): the clean colour predicted in each step."""


def trace(
    model: CoordinateModel,
    x: Tensor,
    setup: Sampler,
    size: tuple[int, int],
    seed: int,
    progress: Progress | None = None,
    ablation: Ablation | None = None,
) -> Trace:
    """Restore a picture and record all steps; the last value equals the result of `pictures.restore`.

    The model must have a sampler; `x` is its input, (1, 1, 64, 64). Raises a ValueError if the steps would take more
    memory than `MEMORY_LIMIT`.
    """
    calls = setup.calls_on(schedule_of(model))
    check_memory(size, calls)
    width, height = size
    t, stack = [0] * calls, np.empty((2, calls, height, width, 3), np.float16)
    final_steps: dict[tuple[int, int], tuple[int, slice, slice]] = {}  # by the corner of the tile

    def record(step: Step, tile: PointTile) -> None:
        t[step.index] = step.t
        down, across = tile.place
        final_steps[down.start, across.start] = step.index, down, across
        colours = tile.colours(torch.stack([step.x, step.x0])) / 2 + 0.5
        stack[:, step.index, down, across] = colours.half().cpu().numpy()

    sample_picture(prepare(model, x, size, ablation=ablation), setup, seed, progress, record)
    count = max(index for index, *_ in final_steps.values()) + 1
    for index, down, across in final_steps.values():  # a tile that ended early keeps its last value
        stack[:, index + 1 : count, down, across] = stack[:, index : index + 1, down, across]
    return Trace([step - t[count - 1] + t[-1] for step in t[:count]] if count < calls else t, *stack[:, :count])


def check_memory(size: tuple[int, int], calls: int) -> None:
    """Raise a ValueError if all steps of a picture would take more than `MEMORY_LIMIT`."""
    width, height = size
    required = BYTES_PER_PIXEL * calls * width * height
    if required > MEMORY_LIMIT:
        side, steps = (
            isqrt(MEMORY_LIMIT // (BYTES_PER_PIXEL * calls)),
            MEMORY_LIMIT // (BYTES_PER_PIXEL * width * height),
        )
        raise ValueError(
            f"all {calls} steps of {width} x {height} pixels take {required / 1e9:.1f} GB, more than "
            f"{MEMORY_LIMIT / 1e9:g} GB; with so many steps, choose at most {side} pixels a side"
            + (f", or at most {steps} steps" if steps else "")
        )
