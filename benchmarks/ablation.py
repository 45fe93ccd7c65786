"""What each change to FranNet brings: one at a time, the same pictures, steps and seed, measured on held-out pictures.

    python benchmarks/ablation.py --data TRAIN --held-out TEST                # trains what is missing, an hour or more
    python benchmarks/ablation.py --data TRAIN --held-out TEST --only fine    # one of them

The trainings are kept in `build/ablation/` and gone on with when they were stopped; the table goes to
`data/results/ablation.json`, which notebook 5 shows.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from pathlib import Path
from typing import Any

import torch

import frantools as ft
from frantools.files import replacing
from frantools.training import Settings, train

ROOT = Path(__file__).parent.parent
STEPS = 1200
SINGLE, DIFFUSION = {"restorator": "single-pass"}, {"restorator": "diffusion"}
RESIDUAL, FINE = {"target": "residual"}, {"features": "fine"}
BEST = DIFFUSION | RESIDUAL | FINE | {"objective": "v"}

VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "single": ("the note's single-pass model", SINGLE),
    "residual": ("+ answers the residual to the interpolated gray", SINGLE | RESIDUAL),
    "gray": ("+ residual, and reads the gray value at the point", SINGLE | RESIDUAL | {"features": "gray"}),
    "fine": ("+ residual, and features at the input's resolution", SINGLE | RESIDUAL | FINE),
    "strong": ("+ residual, fine features, stronger augmentation", SINGLE | RESIDUAL | FINE | {"augment": "strong"}),
    "diffusion": ("the note's diffusion model, B", DIFFUSION),
    "diffusion-fine": ("+ residual, fine features, B", DIFFUSION | RESIDUAL | FINE),
    "diffusion-v": (
        "+ residual, fine features, velocity objective, B",
        BEST,
    ),
    "diffusion-noisy": ("+ residual, fine, velocity, noisy steps more often, B", BEST | {"times": "noisy"}),
    "diffusion-huber": ("+ residual, fine, velocity, pseudo-Huber, B", BEST | {"error": "huber"}),
}


def row(name: str, data: Path, held_out: Path, precision: str) -> dict[str, Any]:
    """Train a variant, or go on with it, and measure it."""
    change, changes = VARIANTS[name]
    file = ROOT / "build" / "ablation" / f"{name}.safetensors"
    file.parent.mkdir(parents=True, exist_ok=True)
    settings = Settings(steps=STEPS, precision=precision, **changes)
    train(data, file, settings, held_out, resume=True, every=300)
    model = ft.load_model(file)
    metrics = ft.evaluate(model, held_out, precision=precision)
    return {
        "name": name,
        "change": change,
        "mse": metrics.mse,
        "mse_gray": metrics.mse_gray,
        "psnr": metrics.psnr,
        "ssim": metrics.ssim,
        "calls": metrics.calls,
        "precision": precision,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
    }


def keep(result: dict[str, Any], command: list[str]) -> None:
    """Put a row into the table, read anew: another process may have added one of its own."""
    out = ROOT / "data" / "results" / "ablation.json"
    cached = (
        {entry["name"]: entry for entry in json.loads(out.read_text(encoding="utf-8"))["rows"]} if out.is_file() else {}
    )
    cached[result["name"]] = result
    rows = [cached[name] for name in VARIANTS if name in cached]
    commands = []  # what makes all the rows that are there, those of earlier runs too
    for precision in sorted({entry["precision"] for entry in rows}):
        names = [entry["name"] for entry in rows if entry["precision"] == precision]
        commands.append(shlex.join([*command, "--precision", precision, "--only", *names]))
    with replacing(out) as temporary:
        temporary.write_text(
            json.dumps({"commands": commands, "steps": STEPS, "rows": rows}, indent=2) + "\n", encoding="utf-8"
        )


def main() -> None:
    """Train and measure, and keep the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a folder of pictures to train on")
    parser.add_argument("--held-out", type=Path, required=True, help="a folder of pictures to measure on")
    parser.add_argument("--only", nargs="+", choices=VARIANTS, default=list(VARIANTS), help="which variants")
    parser.add_argument("--threads", type=int, default=1, help="processor threads (default: 1)")
    parser.add_argument(
        "--precision",
        choices=("float32", "bfloat16"),
        default="bfloat16",
        help="of the products in training; float32 is the faster one on a processor without bfloat16",
    )
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    for name in options.only:
        result = row(name, options.data, options.held_out, options.precision)
        keep(
            result,
            ["python", "benchmarks/ablation.py", "--data", str(options.data), "--held-out", str(options.held_out)],
        )
        print(f"{name}: loss {result['mse']:.5f}, gray loss {result['mse_gray']:.5f}", file=sys.stderr)


if __name__ == "__main__":
    main()
