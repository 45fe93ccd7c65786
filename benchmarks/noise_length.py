"""What the length of noise changes, and what it does not, on held-out pictures.

    python benchmarks/noise_length.py --data TEST --limit 48

A point's own noise has the same distribution whatever its length is, so the expected loss should stay. SSIM and
sharpness look at neighbours together, and should not. Each picture is restored at `--size` pixels under each setup,
length and seed; the spread is the root of the mean variance over seeds. The numbers go to
`data/results/noise-length.json` picture by picture: a run that was ended goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from math import inf
from pathlib import Path
from typing import Any

import numpy as np

import frantools as ft
from frantools.comparisons.evaluation import SIZE, photos
from frantools.files import write_json
from frantools.frannet.sampling.named_setups import named_setup
from frantools.restorers.columns import Column
from frantools.scores.measures import sharpness

OUT = Path(__file__).parent.parent / "data" / "results" / "noise-length.json"
NAMES = ("mse", "ssim", "sharpness", "spread")
LENGTHS = (0.0, *(pixels / SIZE for pixels in (2, 6, 16)), inf)


def measured(photo: ft.Photo, columns: Sequence[Column], size: int, seeds: Sequence[int]) -> list[dict[str, Any]]:
    """For each column of one photo: three numbers for each seed, and the root of the mean variance over seeds."""
    result = [ft.compare(photo.at(size), columns, size, seed=seed) for seed in seeds]
    numbers = [item.numbers(("mse", "ssim")) for item in result]
    rows = []
    for column in columns:
        pictures = np.stack([item[column.title].image for item in result])
        rows.append(
            {
                "column": column.title,
                **{name: [item[column.title][name] for item in numbers] for name in ("mse", "ssim")},
                "sharpness": [sharpness(picture) for picture in pictures],
                "spread": float(np.sqrt(pictures.var(axis=0, ddof=1).mean())),
            }
        )
    return rows


def main() -> None:
    """Measure, and keep the numbers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a folder of pictures")
    parser.add_argument("--limit", type=int, default=48, help="how many of them (default: 48)")
    parser.add_argument("--model", default="diffusion-basic", help="(default: diffusion-basic)")
    parser.add_argument("--setup", nargs="+", default=["DDPM", "DDIM", "A", "B"], help="(default: DDPM DDIM A B)")
    parser.add_argument(
        "--size", type=int, default=SIZE, help=f"pixels a side (default: {SIZE}; 89 takes a quarter of the time)"
    )
    parser.add_argument("--seeds", type=int, default=3, help="how many for each picture, 2 or more (default: 3)")
    parser.add_argument("--out", type=Path, default=OUT, help="(default: data/results/noise-length.json)")
    options = parser.parse_args()
    columns, calls = [], []
    for name, length in product(options.setup, LENGTHS):
        setup, pixels = replace(named_setup(name), noise_length=length), f"{length * options.size:g}"
        columns.append(Column(f"{name} {pixels}", options.model, setup))
        calls.append({"column": columns[-1].title, "setup": name, "pixels": pixels})
    protocol = {"model": options.model, "size": options.size, "seeds": options.seeds, "columns": calls}
    content = json.loads(options.out.read_text(encoding="utf-8")) if options.out.is_file() else {**protocol, "each": {}}
    if any(content.get(name) != value for name, value in protocol.items()):
        parser.error(f"{options.out} is of another model, size, setups or number of seeds; accepted is another --out")
    for index, _, photo in photos(options.data, options.limit):
        if photo is None or Path(photo.name).name in content["each"]:
            continue
        # Each picture has seeds of its own, so that chance averages out over pictures too.
        seeds = range(index * options.seeds, (index + 1) * options.seeds)
        content["each"][Path(photo.name).name] = measured(photo, columns, options.size, seeds)
        content["command"] = shlex.join(["python", "benchmarks/noise_length.py", *sys.argv[1:]])
        write_json(options.out, content)
        print(f"{len(content['each'])} pictures", file=sys.stderr, flush=True)
    rows = [
        {
            **item,
            **{name: float(np.mean([result[index][name] for result in content["each"].values()])) for name in NAMES},
        }
        for index, item in enumerate(calls)
    ]
    print(ft.Table([{name: value for name, value in row.items() if name != "column"} for row in rows]))


if __name__ == "__main__":
    main()
