"""`frantools import-keras`: conversion of FranNet's Keras weights to safetensors."""

from __future__ import annotations

from pathlib import Path

from ..files import check_output
from .options import Options, Parser


def add_arguments(parser: Parser) -> None:
    parser.add_argument("weights", metavar="WEIGHTS.h5", help="FranNet's Keras weights")
    parser.add_argument("config", nargs="?", metavar="CONFIG.json", help="its config (default: WEIGHTS.json)")
    parser.add_argument("--out", metavar="FILE", help="the .safetensors file to write (default: WEIGHTS.safetensors)")


def run(options: Options) -> None:
    from ..frannet.weights.checkpoints import load_model, save_model

    weights = Path(options.weights)
    if weights.suffix != ".h5":
        raise ValueError(f"{weights}: the file name of Keras weights must end in .h5")
    path = check_output(options.out or weights.with_suffix(".safetensors"))
    save_model(load_model(weights, options.config or weights.with_suffix(".json")), path)
    print(path)
