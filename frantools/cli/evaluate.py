"""`frantools evaluate`: models on a folder of pictures."""

from __future__ import annotations

import shlex
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from ..files import check_output, write_json
from .parsing import Options, Parser, add_device, add_precision, named_setup
from .progress import bar

if TYPE_CHECKING:
    import torch

    from ..frannet.network import FranNet


def arguments(parser: Parser) -> None:
    parser.add_argument(
        "--data", required=True, metavar="FOLDER", help="pictures to measure on, those of its folders too"
    )
    parser.add_argument("--model", nargs="+", required=True, metavar="MODEL",
                        help="shipped models, weight files, and baselines: nearest, bilinear, bicubic, area, and each "
                        "with -colour, which is given the true colour at low resolution")  # fmt: skip
    parser.add_argument("--setup", nargs="+", metavar="NAME",
                        help="for the diffusion models: DDPM, DDIM, A, B, one of these changed, as B:K=25, or a "
                        "scheduler of diffusers and its steps, as UniPCMultistep:6 (default: B)")  # fmt: skip
    parser.add_argument("--size", type=int, default=178, help="pixels a side at which to compare (default: 178)")
    parser.add_argument("--limit", type=int, metavar="COUNT", help="only the first so many pictures")
    parser.add_argument("--seed", type=int, default=0, help="of the noise of the first picture (default: 0)")
    add_precision(parser)
    add_device(parser)
    parser.add_argument("--out", metavar="FILE.json", help="a file for the numbers, those of each picture too")
    parser.add_argument("--cards", action="store_true", help="keep the numbers in the models' cards too")


def run(options: Options) -> None:
    from ..devices import find_device
    from ..evaluation import evaluate
    from ..frannet.checkpoints import card_path, is_card
    from ..frannet.network import FranNet
    from ..frannet.restoration import versions
    from ..pictures import Pictures
    from ..reports.cards import keep_quality
    from ..restorers.resizing import NAMED
    from ..tables import Table

    out = check_output(options.out) if options.out else None
    if out is not None and out.suffix.lower() != ".json":
        raise ValueError(f"{out} does not end in .json, the only format that numbers are written in")
    setups = {name: named_setup(name) for name in options.setup or ["B"]}
    device = find_device(options.device)
    models = [measurable(name, device) for name in options.model]
    if options.setup and not any(isinstance(model, FranNet) and model.is_diffusion for model in models):
        raise ValueError("neither single-pass models nor baselines have a sampler; --setup goes with a diffusion model")
    for name in options.model if options.cards else ():
        if name in NAMED or not is_card(card_path(name)):
            raise ValueError(f"{name} has no card {card_path(name)}; --cards goes with models that have one")
    pictures = Pictures(options.data)
    for reason in pictures.skipped:
        print(f"skipped {reason}", file=sys.stderr)
    results = []
    for model in models:
        title, sha256 = (model.name, model.sha256) if isinstance(model, FranNet) else (model, None)
        sampled = isinstance(model, FranNet) and model.is_diffusion
        for name, setup in setups.items() if sampled else [("", None)]:
            with bar(f"{title} {name}".strip()) as progress:
                metrics = evaluate(model, pictures, setup, options.size, options.limit, options.seed,
                                   options.precision, progress)  # fmt: skip
            results.append({"model": title, "sha256": sha256, "setup": name or None, **asdict(metrics)})
    columns = ("model", "setup", "mse", "mse_gray", "psnr", "ssim", "calls", "seconds")
    print(Table([{name: result[name] for name in columns} for result in results]))
    asked = {name: getattr(options, name) for name in ("size", "limit", "seed", "precision")}
    made = {"command": shlex.join(["frantools", *sys.argv[1:]]), "data": pictures.summary(), **asked}
    if out is not None:
        write_json(out, {**made, "versions": versions(), "results": results})
    for name, model in zip(options.model, models, strict=True) if options.cards else ():
        if isinstance(model, FranNet):
            keep_quality(card_path(name), made, [result for result in results if result["sha256"] == model.sha256])


def measurable(name: str, device: torch.device) -> FranNet | str:
    """A model on its device, or the name of a baseline."""
    from ..frannet.checkpoints import load_model
    from ..restorers.resizing import NAMED

    if name in NAMED:
        return name
    try:
        return load_model(name).to(device)
    except FileNotFoundError as error:
        raise ValueError(f"{error}, and the baselines {', '.join(NAMED)}") from None
