"""Whether the intervals of some points hold the measure of all pixels: 20 setups on the pictures of a folder.

    python benchmarks/estimates.py ../shared/portraits/test --size 96 --points 596 2048 --limit 128

Every pixel is restored once, on one thread, and the estimate of some of them is held against all. The points of a
picture are the same for all setups, so that what counts is the pictures; `--draws` takes other points of the same
pixels, at no cost. The share of the 95 % intervals that hold the full value is to lie within 90 and 98 %. Beside it
stands the share that 1.96 standard errors hold, for which the errors are taken to be sure themselves.
"""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import suppress
from itertools import product
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import frantools as ft
from frantools.comparisons.evaluation import photos
from frantools.scores.measures import measures
from frantools.scores.stratified import Estimate, draw, pooled, quantile

NAMES = ("mse", "mse_gray")
KINDS = ((0.0, False, "zero"), (1.0, False, "normal"), (1.0, True, "normal"), (1.0, False, "zero"))
SETUPS = [
    ft.Setup(stochasticity, K, projection, noise)
    for (stochasticity, projection, noise), K in product(KINDS, (8, 15, 20, 25, 30))
]


def main() -> int:
    """Print what share of the intervals hold; 1 where it is not as stated."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--size", type=int, default=178, help="pixels a side (default: %(default)s)")
    parser.add_argument("--points", type=int, nargs="+", default=[2048], help="of a picture (default: 2048)")
    parser.add_argument("--limit", type=int, default=128, help="how many pictures (default: %(default)s)")
    parser.add_argument("--draws", type=int, default=10, help="sets of points of a picture (default: %(default)s)")
    calls = parser.parse_args()
    torch.set_num_threads(1)
    model, start_time = ft.load_model("diffusion-basic"), time.process_time()
    result: dict[int, list[list[list[list[Estimate]]]]] = {count: [] for count in calls.points}
    full: list[list[list[float]]] = []  # by picture, measure and setup
    with suppress(KeyboardInterrupt):  # what is done so far is told
        for index, count, photo in photos(calls.folder, calls.limit):
            if photo is None:
                continue
            original = photo.with_frame("square").at(calls.size).reference(calls.size)
            assert original is not None
            restored = [ft.restore(model, photo, setup, calls.size, seed=index).image for setup in SETUPS]
            errors = [[measures[name].at_points(image, original) for image in restored] for name in NAMES]
            for points, of_pictures in result.items():
                subsets = [draw(calls.size, points, seed, photo.sha256) for seed in range(calls.draws)]
                of_pictures.append(
                    [[[s.estimate(s.of(item)) for item in fields] for fields in errors] for s in subsets]
                )
            full.append([[float(field.mean()) for field in fields] for fields in errors])
            print(f"\r{index + 1} of {count}", end="", file=sys.stderr)
    print(
        f"\n{len(SETUPS)} setups, {len(full)} pictures of {calls.size} x {calls.size}, {calls.draws} draws; "
        f"{time.process_time() - start_time:.0f} s of a processor"
    )
    return max([message(points, np.array(item[: len(full)]), np.array(full)) for points, item in result.items()])


def message(points: int, estimates: NDArray[Any], full: NDArray[Any]) -> int:
    """Print how many intervals hold, of (pictures, draws, measures, setups, 3) estimates; 1 where not as stated."""
    value, error, freedom = np.moveaxis(estimates, -1, 0)
    off = np.abs(value - full[:, None])
    near = off <= error * np.vectorize(quantile)(0.975, freedom)
    normal = off <= error * quantile(0.975)
    of_mean = np.apply_along_axis(lambda item: pooled(item, item).error, 0, error)
    near_mean = np.abs(value.mean(axis=0) - full.mean(axis=0)) <= of_mean * quantile(0.975)
    print(
        f"\n{points} points:\n\n| measure | intervals | hold, first draw | all draws | by draw | "
        "1.96 errors, first draw | all draws | means over pictures, all draws | error of a picture, median |\n"
        "| --- | --: | --: | --: | --: | --: | --: | --: | --: |"
    )
    for which, name in enumerate(NAMES):
        at = np.s_[:, :, which]
        item = near[at].mean(axis=(0, 2))
        print(
            f"| {name} | {near[at][:, 0].size} | {item[0]:.1%} | {item.mean():.1%} | {item.min():.1%} to "
            f"{item.max():.1%} | {normal[at][:, 0].mean():.1%} | {normal[at].mean():.1%} | "
            f"{near_mean[:, which].mean():.1%} | {np.median(error[at] / full[:, None, which]):.2%} |"
        )
    print(
        "\n| setup | mse, first draw | all draws | mse_gray, first draw | all draws |\n| --- | --: | --: | --: | --: |"
    )
    for number, setup in enumerate(SETUPS):
        shares = [share for which in range(2) for share in (near[:, 0, which, number], near[:, :, which, number])]
        print(f"| {setup.name} | {' | '.join(f'{share.mean():.1%}' for share in shares)} |")
    whole = near.mean(axis=(0, 1, 3))
    return int(not 0.90 <= whole.min() <= whole.max() <= 0.98)


if __name__ == "__main__":
    sys.exit(main())
