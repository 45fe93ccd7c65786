"""A restoration step by step: what the sampler holds and predicts after each call of the network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isqrt

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...photos.regions import axes
from ...system.devices import without_autocast
from ..network.ablations import Ablation, encode
from ..network.coordinate_model import CoordinateModel, schedule_of
from ..sampling.samplers import Sampler, Step
from .pictures import Progress, decoder_of, sample_grid

LIMIT = 1_000_000_000  # bytes that all steps of a picture may take: 912 pixels a side with 100 calls
PIXEL = 2 * 3 * np.dtype(np.float16).itemsize  # bytes of one: two colours in each step


@dataclass(frozen=True)
class Trace:
    """A restoration step by step."""

    t: Sequence[int]
    """The diffusion step that each network call was about."""
    value: NDArray[np.float16]
    """(steps, H, W, 3): the value after each step, on the scale where colours lie in [0, 1]."""
    x0: NDArray[np.float16]
    """The same of the clean colour predicted in each step."""


@without_autocast()
def trace(
    model: CoordinateModel,
    x: Tensor,
    setup: Sampler,
    size: tuple[int, int],
    seed: int,
    progress: Progress | None = None,
    ablation: Ablation | None = None,
) -> Trace:
    """Restore a picture and keep all steps; the last value is what `restoration.restore` gives of the same arguments.

    The model is one that is sampled, and `x` its input, (1, 1, 64, 64). A ValueError says so where all steps would take
    more memory than `LIMIT`.
    """
    calls = setup.calls_on(schedule_of(model))
    check_memory(size, calls)
    device = next(model.parameters()).device
    columns, rows = (axis.to(device) for axis in axes(size))
    with torch.inference_mode():
        decoder = decoder_of(model, encode(model, x.to(device), ablation), columns)
    width, height = size
    t, stack = [0] * calls, np.empty((2, calls, height, width, 3), np.float16)
    last: dict[tuple[int, int], tuple[int, slice, slice]] = {}  # of each tile, its last step and its place

    def watch(step: Step, down: slice, across: slice, colours: Callable[[Tensor], Tensor]) -> None:
        t[step.index] = step.t
        last[down.start, across.start] = step.index, down, across
        stack[:, step.index, down, across] = colours(torch.stack([step.x, step.x0])).half().cpu().numpy()

    sample_grid(decoder, columns, rows, setup, seed, progress, watch)
    made = max(index for index, *_ in last.values()) + 1
    for index, down, across in last.values():  # a tile that was done before the others stays as it is
        stack[:, index + 1 : made, down, across] = stack[:, index : index + 1, down, across]
    return Trace([step - t[made - 1] + t[-1] for step in t[:made]] if made < calls else t, *stack[:, :made])


def check_memory(size: tuple[int, int], calls: int) -> None:
    """Raise a ValueError if all steps of a picture would take more than `LIMIT`."""
    width, height = size
    taken = PIXEL * calls * width * height
    if taken > LIMIT:
        fewer = LIMIT // (PIXEL * width * height)
        raise ValueError(
            f"all {calls} steps of {width} x {height} pixels take {taken / 1e9:.1f} GB; accepted is up to "
            f"{LIMIT / 1e9:g} GB: {isqrt(LIMIT // (PIXEL * calls))} pixels a side with so many steps"
            + (f", or {fewer} steps of that size" if fewer else "")
        )
