"""`frantools evaluate`: models, and whatever restores, on a folder of pictures."""

from __future__ import annotations

import shlex
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ..files import check_output, write_json
from .column_options import KINDS, add_given, columns, given, report_failures
from .compare_command import device
from .options import Options, Parser, add_device, add_precision, add_timeout, named_setup
from .progress_bar import bar

if TYPE_CHECKING:
    from ..restorers.columns import Column


def arguments(parser: Parser) -> None:
    parser.add_argument(
        "--data", required=True, metavar="FOLDER", help="pictures to measure on, those of its folders too"
    )
    parser.add_argument("--model", nargs="+", default=[], metavar="MODEL",
                        help="shipped models, weight files, and baselines: nearest, bilinear, bicubic, area, and each "
                        "with -colour, which is given the true colour at low resolution")  # fmt: skip
    parser.add_argument("--setup", nargs="+", metavar="NAME",
                        help="for the diffusion models: DDPM, DDIM, A, B, one of these changed, as B:K=25, or a "
                        "scheduler of diffusers and its steps, as UniPCMultistep:6 (default: B)")  # fmt: skip
    parser.add_argument("--column", action="append", default=[], metavar="WHAT", help=f"whatever restores: {KINDS}")
    add_given(parser)
    parser.add_argument("--size", type=int, default=178, help="pixels a side at which to compare (default: 178)")
    parser.add_argument("--limit", type=int, metavar="COUNT", help="only the first so many pictures")
    parser.add_argument("--seed", type=int, default=0, help="of the noise of the first picture (default: 0)")
    add_timeout(parser)
    add_precision(parser)
    add_device(parser)
    parser.add_argument("--out", metavar="FILE.json", help="a file for the numbers, those of each picture too")
    parser.add_argument("--cards", action="store_true", help="keep the numbers in the models' cards too")


def run(options: Options) -> int:
    from ..comparisons.evaluation import NAMES, evaluate
    from ..comparisons.tables import Table
    from ..frannet.weights.checkpoints import card_path, is_card
    from ..photos.folder import Pictures
    from ..reports.cards import keep_quality
    from ..restorers.base import RestorerError
    from ..restorers.resizing import BASELINES
    from ..system.versions import versions

    out = check_output(options.out) if options.out else None
    if out is not None and out.suffix.lower() != ".json":
        raise ValueError(f"{out} does not end in .json, the only format that numbers are written in")
    named, where, degradation = measured(options), device(options), given(options)
    if not named:
        raise ValueError("there is nothing to measure; accepted are --model and --column")
    for name in options.model if options.cards else ():
        if name in BASELINES or not is_card(card_path(name)):
            raise ValueError(f"{name} has no card {card_path(name)}; --cards goes with models that have one")
    pictures = Pictures(options.data)
    for reason in pictures.skipped:
        print(f"skipped {reason}", file=sys.stderr)
    results: list[dict[str, Any]] = []
    errors: dict[str, str] = {}
    for column, setup in named:
        with bar(f"{column.title} {setup or ''}".strip()) as progress:
            try:
                metrics = evaluate(column, pictures, None, options.size, options.limit, options.seed, degradation,
                                   options.precision, progress, device=where, timeout=options.timeout)  # fmt: skip
            except RestorerError as error:  # it belongs to this column
                errors[column.title] = str(error)
                continue
        sha256 = column.resolve().sha256
        results.append({"model": column.title, "sha256": sha256, "setup": setup, **asdict(metrics)})
    shown = ("model", "setup", *NAMES, "calls", "seconds")
    asked = {name: getattr(options, name) for name in ("size", "limit", "seed", "precision")}
    if degradation is not None:
        asked["given"] = degradation.to_dict()
    if errors:
        asked["errors"] = errors
    made = {"command": shlex.join(["frantools", *sys.argv[1:]]), "data": pictures.summary(), **asked}
    if out is not None:
        write_json(out, {**made, "versions": versions(), "results": results})
    for name in options.model if options.cards else ():
        keep_quality(card_path(name), made, [row for row in results if row["sha256"] == _model(name).sha256])
    if results:
        print(Table([{name: result[name] for name in shown} for result in results]))
    return report_failures(errors, len(named))


def measured(options: Options) -> list[tuple[Column, str | None]]:
    """What is measured, and the name of the setup where one is named: each model that is sampled under each
    setup that goes with it.
    """
    from ..frannet.engine.arguments import check_setup, explain_unsuitable_setup
    from ..frannet.sampling.autoregressive import AutoregressiveSetup
    from ..restorers.columns import Column
    from ..restorers.resizing import BASELINES

    setups: dict[str, Any] = {name: named_setup(name) for name in options.setup or ["B"]}
    found: list[tuple[Column, str | None]] = []
    for name in options.model:
        model = None if name in BASELINES else _model(name)
        usual = None if model is None else check_setup(model, None)
        if model is not None and usual is not None:
            autoregressive = isinstance(usual, AutoregressiveSetup)
            fit = {
                text: made for text, made in setups.items() if isinstance(made, AutoregressiveSetup) == autoregressive
            }
            fit = fit or {usual.name: usual}
            found += [(Column(model.name or name, name, setup), text) for text, setup in fit.items()]
        else:
            found.append((Column(name if model is None else model.name or name, name), None))
    found += [(column, None) for column in columns(options.column)]
    idle = [made for text, made in setups.items() if options.setup and text not in [setup for _, setup in found]]
    if idle:
        raise ValueError(explain_unsuitable_setup(idle[0], "none of what is measured has such a sampler"))
    return found


def _model(name: str) -> Any:
    """A FranNet by its name or path."""
    from ..restorers.frannet import shared_model
    from ..restorers.resizing import BASELINES

    try:
        return shared_model(name)
    except FileNotFoundError as error:
        baselines = [each for each in BASELINES if each not in ("input", "original")]
        raise ValueError(f"{error}, and the baselines {', '.join(baselines)}") from None
