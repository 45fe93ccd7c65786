"""How sharp models are in the local region of figure 4, on held-out pictures.

    python benchmarks/sharpness.py --data TEST --model single-best diffusion-best --setup B B:noise_stddev=zero

Sharpness is the mean gradient of the gray picture (`measures.sharpness`), of the region restored on its own at
128 x 128. It rewards grain as well as detail, so the loss of the same pictures stands beside it. The numbers go to
`data/results/sharpness.json`, which notebook 5 shows.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from pathlib import Path
from typing import Any

import frantools as ft
from frantools.comparisons.evaluation import SIZE
from frantools.files import replacing
from frantools.frannet.network.model import FranNet
from frantools.frannet.sampling.named_setups import named_setup
from frantools.note import LOCAL
from frantools.photos.folder import Pictures
from frantools.photos.images import crop_square, prepare_input
from frantools.scores.measures import sharpness

ROOT = Path(__file__).parent.parent
SIDE = 128  # pixels of a restored region


def main() -> None:
    """Measure, and keep the numbers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a folder of pictures")
    parser.add_argument(
        "--model", nargs="+", required=True, help="shipped models or weight files; diffusion ones use B"
    )
    parser.add_argument("--setup", nargs="+", default=["B"], help="of the diffusion models (default: B)")
    options = parser.parse_args()
    columns: dict[str, tuple[FranNet, Any]] = {}
    for name in options.model:
        model = ft.load_model(name)
        for setup in options.setup if model.setup else [""]:
            columns[f"{name} {setup}".strip()] = (model, named_setup(setup) if setup else None)
    item: dict[str, list[float]] = {"original": [], **{name: [] for name in columns}}
    for picture in Pictures(options.data):
        # The input is made as in `frantools.evaluate`.
        x = prepare_input(crop_square(picture, SIZE))
        item["original"].append(sharpness(ft.Photo(picture, "square").reference(SIDE, LOCAL)))
        for name, (model, setup) in columns.items():
            item[name].append(sharpness(ft.restore(model, x, setup, size=SIDE, region=LOCAL).image))
    result = {"command": shlex.join(["python", "benchmarks/sharpness.py", *sys.argv[1:]]), "side": SIDE, "each": item}
    with replacing(ROOT / "data" / "results" / "sharpness.json") as temporary:
        temporary.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    for name, values in item.items():
        print(f"{name}: {sum(values) / len(values):.5f}")


if __name__ == "__main__":
    main()
