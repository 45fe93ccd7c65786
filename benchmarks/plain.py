"""Straightforward implementations, as a reference for the speed of the engine and the search."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import frantools as ft
from frantools.frannet.network.model import FranNet
from frantools.photos.regions import points

BATCH = 262_144  # points


def restore(model: FranNet, image: NDArray[Any], setup: ft.Setup | None, size: int) -> NDArray[np.float32]:
    """Restore a picture in batches of 262,144 points, with all inputs of the decoder concatenated at each step.

    Parameters
    ----------
    model : FranNet
        From `ft.load_model`.
    image : ndarray
        A picture.
    setup : Setup or None
        None for single-pass models.
    size : int
        Pixels a side.

    Returns
    -------
    ndarray
        float32 (size, size, 3) in [0, 1].
    """
    with torch.inference_mode():
        encoded = model.encode(ft.prepare_input(image))
        schedule = ft.schedule.make(model.config.schedule)
        colours = []
        for part in points(size).float()[None].split(BATCH, dim=1):
            latents = model.latents(encoded, part)
            denoise = lambda value, t, latents=latents, part=part: model.decode(latents, part, t, value)  # noqa: E731
            if setup is None:
                colours.append(denoise(torch.zeros(1, part.shape[1], 3), None))
            else:
                colours.append(ft.samplers.sample(denoise, torch.randn(1, part.shape[1], 3), schedule, setup))
        values: NDArray[np.float32] = (torch.cat(colours, dim=1).view(size, size, 3) / 2 + 0.5).clamp(0, 1).numpy()
        return values


def rois(images: Sequence[NDArray[np.uint8]], size: int, count: int) -> list[tuple[int, int]]:
    """Return the (top, left) of the squares in which pictures differ most, measuring each candidate separately.

    Parameters
    ----------
    images : sequence of ndarray
        uint8 (H, W, 3), of one shape.
    size : int
        Pixels a side of a square.
    count : int
        How many at most.
    """
    stack = np.stack(images)
    starts = [
        [start for shift in range(8) for start in range(int(shift * size / 8), length - size + 1, size)]
        for length in stack.shape[1:3]
    ]
    scored = []
    for top, left in product(*starts):
        square = stack[:, top : top + size, left : left + size]
        inside = max(float(picture.std()) for picture in square)
        scored.append((inside + float(square.std(axis=0).max(axis=-1).mean()), top, left))
    result: list[tuple[int, int]] = []
    for _, top, left in sorted(scored, key=lambda candidate: -candidate[0]):
        if len(result) < count and not any(collide(top - y, left - x, size) for y, x in result):
            result.append((top, left))
    return result


def collide(down: int, right: int, size: int) -> bool:
    """Whether a square that lies `down` and `right` of another has a corner in it that is no corner of it."""
    down, right = abs(down), abs(right)
    return down <= size and right <= size and (down, right) not in ((0, size), (size, 0), (size, size))
