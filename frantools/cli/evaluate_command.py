"""`frantools evaluate`: measures of restorers on a folder of pictures."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, Any

from ..files import check_extension, write_json
from .column_options import KINDS, add_degradation, parse_columns, report_failures, selected_degradation
from .options import Options, Parser, add_device, add_precision, add_seed, add_timeout, selected_device
from .progress_bar import show_progress

if TYPE_CHECKING:
    from ..restorers.columns import Column


def add_arguments(parser: Parser) -> None:
    parser.add_argument("--data", required=True, metavar="FOLDER",
                        help="pictures to measure on, including subfolders")  # fmt: skip
    parser.add_argument("--model", nargs="+", default=[], metavar="MODEL",
                        help="shipped models, weight files, and the baselines nearest, bilinear, bicubic and area, "
                        "also with -colour, which read the picture in colour at low resolution")  # fmt: skip
    parser.add_argument("--setup", nargs="+", metavar="NAME",
                        help="for diffusion models: DDPM, DDIM, A, B, a changed one such as B:K=25, or a scheduler of "
                        "diffusers with its steps, such as UniPCMultistep:6 (default: B)")  # fmt: skip
    parser.add_argument("--column", action="append", default=[], metavar="WHAT",
                        help=f"any restorer: {KINDS}; TITLE=WHAT gives it a title; repeatable")  # fmt: skip
    add_degradation(parser)
    parser.add_argument("--size", type=int, default=178, help="pixels a side at which to compare (default: 178)")
    parser.add_argument("--limit", type=int, metavar="COUNT", help="number of pictures, from the first (default: all)")
    add_seed(parser, "seed of the first picture's noise (default: 0)")
    add_timeout(parser)
    add_precision(parser)
    add_device(parser)
    parser.add_argument("--out", metavar="FILE.json", help="file for the numbers, also of each picture")
    parser.add_argument("--cards", action="store_true", help="add the numbers to the models' cards")


def run(options: Options) -> int:
    from ..comparisons.evaluation import evaluate
    from ..comparisons.tables import Table
    from ..frannet.weights.checkpoints import card_path, is_card
    from ..photos.folder import Pictures
    from ..reports.cards import record_quality
    from ..restorers.base import RestorerError
    from ..restorers.resizing import BASELINES
    from ..scores.measures import measures
    from ..system.versions import versions

    path = check_extension(options.out, ".json") if options.out else None
    columns, device, degradation = _columns(options), selected_device(options), selected_degradation(options)
    if not columns:
        raise ValueError("there is nothing to measure; pass --model or --column")
    carded = options.model if options.cards else []
    for name in carded:
        if name in BASELINES or not is_card(card_path(name)):
            raise ValueError(f"{name} has no card {card_path(name)}, which --cards needs")
    pictures = Pictures(options.data)
    for reason in pictures.skipped:
        print(f"skipped {reason}", file=sys.stderr)
    results: list[dict[str, Any]] = []
    errors: dict[str, str] = {}
    for column, setup in columns:
        with show_progress(f"{column.title} {setup or ''}".strip()) as progress:
            try:
                metrics = evaluate(column, pictures, None, options.size, options.limit, options.seed, degradation,
                                   options.precision, progress, device=device, timeout=options.timeout)  # fmt: skip
            except RestorerError as error:  # the other columns are still measured
                errors[column.title] = str(error)
                continue
        sha256 = column.resolve().sha256
        results.append({"model": column.title, "sha256": sha256, "setup": setup, **metrics.to_dict()})
    protocol = {
        "command": shlex.join(["frantools", *sys.argv[1:]]),
        "data": pictures.summary(),
        **{name: getattr(options, name) for name in ("size", "limit", "seed", "precision")},
        **({} if degradation is None else {"given": degradation.to_dict()}),
        **({"errors": errors} if errors else {}),
    }
    if path is not None:
        write_json(path, {**protocol, "versions": versions(), "results": results})
    for name in carded:
        sha256 = _load_model(name).sha256
        record_quality(card_path(name), protocol, [result for result in results if result["sha256"] == sha256])
    if results:
        names = ("model", "setup", *measures.builtin, "calls", "seconds")
        print(Table([{name: result[name] for name in names} for result in results]))
    return report_failures(errors, len(columns))


def _columns(options: Options) -> list[tuple[Column, str | None]]:
    """Return the columns to measure, with the names of their setups: each model under each suitable setup."""
    from ..frannet.engine.arguments import check_setup, explain_unsuitable_setup
    from ..frannet.sampling.autoregressive import AutoregressiveSetup
    from ..frannet.sampling.named_setups import named_setup
    from ..restorers.columns import Column
    from ..restorers.resizing import BASELINES

    setups: dict[str, Any] = {name: named_setup(name) for name in options.setup or ["B"]}
    columns: list[tuple[Column, str | None]] = []
    for name in options.model:
        model = None if name in BASELINES else _load_model(name)
        default = None if model is None else check_setup(model, None)
        title = name if model is None else model.name or name
        if default is None:
            columns.append((Column(title, name), None))
            continue
        is_autoregressive = isinstance(default, AutoregressiveSetup)
        suitable = {
            text: setup for text, setup in setups.items() if isinstance(setup, AutoregressiveSetup) == is_autoregressive
        } or {default.name: default}
        columns += [(Column(title, name, setup), text) for text, setup in suitable.items()]
    columns += [(column, None) for column in parse_columns(options.column)]
    unused = setups.keys() - {text for _, text in columns} if options.setup else ()
    for text in unused:
        raise ValueError(explain_unsuitable_setup(setups[text], "none of what is measured has such a sampler"))
    return columns


def _load_model(name: str) -> Any:
    from ..restorers.frannet import shared_model
    from ..restorers.resizing import BASELINES

    try:
        return shared_model(name)
    except FileNotFoundError as error:
        baselines = [baseline for baseline in BASELINES if baseline not in ("input", "original")]
        raise ValueError(f"{error}, and the baselines {', '.join(baselines)}") from None
