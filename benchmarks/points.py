"""Single points compared with a grid of as many points: point-steps a second, measured alternately in one run.

Run it with ``python benchmarks/points.py``: some seconds, on one thread like a worker of a sweep. Preparation, which is
done once for all setups of a picture, is printed separately.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np
import torch

import frantools as ft
from frantools.frannet.engine.pictures import grid_tiles, make_grid_decoder
from frantools.frannet.engine.points import prepare_points, sample_prepared_points
from frantools.frannet.engine.tiles import sample_tiles
from frantools.photos.regions import axes

POINTS = (64, 32)
ROUNDS = 5
AIM = 0.8


def seconds(work: Callable[[], object]) -> float:
    """Return the seconds that some work takes."""
    start_time = time.perf_counter()
    work()
    return time.perf_counter() - start_time


def main() -> int:
    """Print the table; return 1 if points are too slow."""
    torch.set_num_threads(1)
    model, x = ft.load_model("diffusion-basic"), ft.prepare_input(ft.portraits()["hopper"])
    columns, rows = axes(POINTS)
    count = len(columns) * len(rows)
    points = np.random.default_rng(0).random((count, 2))
    prepared = prepare_points(model, x, points)
    with torch.inference_mode():
        tiles = grid_tiles(make_grid_decoder(model, model.encode(x), columns), columns, rows)
    slow = False
    print(
        "| setup | calls | grid, M point-steps/s | points, M point-steps/s | ratio |\n| --- | --: | --: | --: | --: |"
    )
    for name in ("B", "A"):
        setup = ft.SETUPS[name]
        forms: list[Callable[[], object]] = [
            lambda setup=setup: sample_tiles(model, tiles, (len(rows), len(columns)), setup, 0),
            lambda setup=setup: sample_prepared_points(prepared, setup),
        ]
        on_grid, anywhere = np.min([[seconds(form) for form in forms] for _ in range(ROUNDS)], axis=0)
        steps = count * setup.calls / 1e6
        print(f"| {name} | {setup.calls} | {steps / on_grid:.2f} | {steps / anywhere:.2f} | {on_grid / anywhere:.2f} |")
        slow |= on_grid / anywhere < AIM
    run_once = min(seconds(lambda: prepare_points(model, x, points)) for _ in range(ROUNDS))
    print(f"\nPreparing a picture and {count} points, once for all setups: {run_once * 1e3:.0f} ms.")
    return int(slow)


if __name__ == "__main__":
    sys.exit(main())
