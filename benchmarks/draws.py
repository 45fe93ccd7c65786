"""The time of a draw of noise: white noise and fields of several lengths, compared with a step of the sampler."""

from __future__ import annotations

import torch
from measure import best

import frantools as ft
from frantools import noise
from frantools.frannet.engine.grid_decoder import GridDecoder
from frantools.frannet.engine.pictures import tile_points
from frantools.photos.regions import axes

LENGTHS = {"white noise": 0.0, "half a pixel": 0.5, "1 pixel": 1.0, "3 pixels": 3.0, "one draw": float("inf")}


def draws(size: int, points: int | None, enough: float) -> list[tuple[str, float, float, float]]:
    """Measure draws for a tile on one thread: nanoseconds a point, relative to white noise, and to a step of B.

    Parameters
    ----------
    size : int
        Pixels a side of the picture.
    points : int, optional
        Of the tile. Default: as the engine has them.
    enough : float
        Seconds that each length is measured for.
    """
    torch.set_num_threads(1)
    model, (columns, rows) = ft.load_model("diffusion-basic"), axes(size)
    rows = rows[: max(1, (points or tile_points(size**2)) // size)]
    count = len(columns) * len(rows)
    with torch.inference_mode():
        encoded = model.encode(ft.prepare_input(ft.portraits()["hopper"]))
        output = GridDecoder(model, encoded, columns.float()).tile(rows.float())
        value = noise.grid_draws(0, columns, rows)(0)
        step = best(lambda: output(value, 50), enough)
        result = []
        for name, pixels in LENGTHS.items():
            drawn = noise.grid_draws(0, columns, rows, pixels / size)
            seconds = best(lambda: drawn(1), enough)  # noqa: B023
            result.append(
                (name, seconds / count * 1e9, seconds / (result[0][1] * count * 1e-9) if result else 1.0, seconds)
            )
    return [(name, item, times, seconds / step) for name, item, times, seconds in result]
