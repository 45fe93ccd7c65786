"""A profile of the step loop, by torch's profiler."""

from __future__ import annotations

from collections import Counter
from itertools import count

import torch
from torch.profiler import ProfilerActivity, profile, record_function

import frantools as ft
from frantools import noise
from frantools.frannet.engine.arguments import PRECISIONS
from frantools.frannet.engine.grid_decoder import GridDecoder
from frantools.frannet.engine.pictures import tile_points
from frantools.photos.regions import axes

PREPARING, NETWORK, NOISE, SAMPLER = "preparing the points", "network", "random numbers", "the sampler's arithmetic"
COMPILED = "the compiled function"
PRODUCTS = ("linear", "mm")
RELUS = ("relu", "clamp")


def shares(precision: str, name: str, size: int, tiles: int) -> dict[str, float]:
    """Measure the share of each part in restoring a few tiles on one thread, as each thread of `restore` does.

    Parameters
    ----------
    precision : {"float32", "bfloat16"}
        Of the products.
    name : str
        A key of `ft.SETUPS`.
    size : int
        Pixels a side of the picture.
    tiles : int
        How many of its tiles.
    """
    torch.set_num_threads(1)
    model, setup = ft.load_model("diffusion-basic"), ft.SETUPS[name]
    columns, rows = axes(size)
    down = max(1, tile_points(size**2) // size)

    def tile(decoder: GridDecoder, top: int) -> None:
        with record_function(PREPARING):
            part = rows[top : top + down]
            denoise = decoder.tile(part.float())
            keys, draws = noise.point_keys(0, columns, part[:, None]).flatten(), count()

        def network(value: torch.Tensor, t: int) -> torch.Tensor:
            with record_function(NETWORK):
                return denoise(value, t)

        def normal(shape: object = None) -> torch.Tensor:
            with record_function(NOISE):
                return noise.normal(keys, next(draws))

        start = normal()
        with record_function(SAMPLER):
            ft.samplers.sample(network, start, ft.schedule.make(), setup, noise=normal)

    with torch.inference_mode():
        encoded = model.encode(ft.prepare_input(ft.portraits()["hopper"]))
        decoder = GridDecoder(model, encoded, columns.float(), PRECISIONS[precision])
        tile(decoder, 0)
        with profile(activities=[ProfilerActivity.CPU]) as profiler:
            for index in range(tiles):
                tile(decoder, index * down % size)

    spent: Counter[str] = Counter()
    for event in profiler.events():
        within = event
        while within is not None and within.name not in (PREPARING, NETWORK, NOISE, SAMPLER):
            within = within.cpu_parent
        if within is not None:
            part = within.name
            if part == NETWORK:
                between = "Python between the calls" if decoder.compiled is None else COMPILED
                kind = "copies and sums" if event is not within else between
                kind = "products" if any(word in event.name for word in PRODUCTS) else kind
                kind = "ReLU" if any(word in event.name for word in RELUS) else kind
                part = f"{NETWORK}: {kind}"
            spent[part] += event.self_cpu_time_total
    return {part: time / spent.total() for part, time in spent.most_common()}
