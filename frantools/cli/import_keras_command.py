"""`frantools import-keras`: FranNet's own weights as safetensors."""

from __future__ import annotations

from pathlib import Path

from ..files import check_output
from .options import Options, Parser


def arguments(parser: Parser) -> None:
    parser.add_argument("weights", metavar="WEIGHTS.h5", help="FranNet's Keras weights")
    parser.add_argument("config", nargs="?", metavar="CONFIG.json", help="its config (default: WEIGHTS.json)")
    parser.add_argument("--out", metavar="FILE", help="the .safetensors to write (default: WEIGHTS.safetensors)")


def run(options: Options) -> None:
    from ..frannet.weights.checkpoints import load_model, save_model

    weights = Path(options.weights)
    if weights.suffix != ".h5":
        raise ValueError(f"{weights} does not end in .h5; accepted are FranNet's Keras weights")
    out = check_output(options.out or weights.with_suffix(".safetensors"))
    save_model(load_model(weights, options.config or weights.with_suffix(".json")), out)
    print(out)
