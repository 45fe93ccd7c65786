"""Whether the intervals of some points hold the measure of all pixels: 20 setups on the pictures of a folder.

    python benchmarks/estimates.py ../shared/portraits/test --size 178 --points 2048 --limit 128

Every pixel is restored once, and the estimate of some of them is held against all. The points of a picture are the same
for all setups, so that what counts is the pictures; `--draws` takes other points of the same pixels, at no cost. The
share of the 95 % intervals that hold the full value is to lie within 90 and 98 %.
"""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import suppress
from itertools import product

import numpy as np

import frantools as ft
from frantools.evaluation import photos
from frantools.scores.measures import measures
from frantools.scores.sampling import Estimate, draw, pooled

NAMES = ("mse", "mse_gray")
SETUPS = [
    ft.Setup(stochasticity, K, projection, noise)
    for stochasticity, K, (projection, noise) in product(
        (0.0, 1.0), (6, 8, 10, 16, 25), ((True, "normal"), (False, "zero"))
    )
]


def main() -> int:
    """Print what share of the intervals hold; 1 where it is not as stated."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--size", type=int, default=178, help="pixels a side (default: %(default)s)")
    parser.add_argument("--points", type=int, default=2048, help="of a picture (default: %(default)s)")
    parser.add_argument("--limit", type=int, default=128, help="how many pictures (default: %(default)s)")
    parser.add_argument("--draws", type=int, default=10, help="sets of points of a picture (default: %(default)s)")
    asked = parser.parse_args()
    model, begun = ft.load_model("diffusion-basic"), time.perf_counter()
    estimates: list[list[list[list[Estimate]]]] = []  # by picture, draw, measure and setup
    full: list[list[list[float]]] = []  # by picture, measure and setup
    with suppress(KeyboardInterrupt):  # what is done so far is told
        for index, count, photo in photos(asked.folder, asked.limit):
            if photo is None:
                continue
            original = photo.framed_as("square").at(asked.size).reference(asked.size)
            assert original is not None
            restored = [ft.restore(model, photo, setup, asked.size, seed=index).image for setup in SETUPS]
            subsets = [draw(asked.size, asked.points, seed, photo.sha256) for seed in range(asked.draws)]
            errors = [[measures[name].at_points(image, original) for image in restored] for name in NAMES]
            full.append([[float(field.mean()) for field in fields] for fields in errors])
            estimates.append(
                [[[each.estimate(each.of(field)) for field in fields] for fields in errors] for each in subsets]
            )
            print(f"\r{index + 1} of {count}", end="", file=sys.stderr)
    print(file=sys.stderr)
    made = np.array(estimates).transpose(1, 2, 0, 3, 4)  # by draw, measure, picture and setup
    values = np.array(full).transpose(1, 0, 2)
    reach = Estimate(0.0, 1.0).interval()[1]
    good = True
    print(
        f"{len(SETUPS)} setups, {values.shape[1]} pictures of {asked.size} x {asked.size}, {asked.points} points, "
        f"{asked.draws} draws; {time.perf_counter() - begun:.0f} s\n"
    )
    print(
        "| measure | intervals | hold | of means over pictures | hold | mean error of a picture, % | of the mean, % |"
    )
    print("| --- | --: | --: | --: | --: | --: | --: |")
    for which, name in enumerate(NAMES):
        value, error = made[:, which, ..., 0], made[:, which, ..., 1]
        near = np.abs(value - values[which]) <= reach * error
        means = np.array(
            [[pooled(value[s, :, k], error[s, :, k]) for k in range(len(SETUPS))] for s in range(asked.draws)]
        )
        mean = values[which].mean(axis=0)
        near_mean = np.abs(means[..., 0] - mean) <= reach * means[..., 1]
        print(
            f"| {name} | {near.size} | {near.mean():.1%} | {near_mean.size} | {near_mean.mean():.1%} | "
            f"{np.mean(error / values[which]):.2%} | {np.mean(means[..., 1] / mean):.2%} |"
        )
        good &= bool(0.90 <= near.mean() <= 0.98)
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
