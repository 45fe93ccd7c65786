"""`frantools figures`: the note's four figures, and figures from recipes."""

from __future__ import annotations

import time
from pathlib import Path

from ..files import check_output
from .column_options import report_failures
from .options import Options, Parser, add_device, add_size, selected_device
from .progress_bar import show_progress
from .verify_command import add_recipe_options, parse_missing_columns


def add_arguments(parser: Parser) -> None:
    parser.add_argument("--out", default="figures", metavar="FOLDER", help="where to write (default: figures)")
    parser.add_argument("--only", nargs="+", metavar="FIGURE",
                        help="some of ddpm-vs-ddim, entire-image, roi-crops and local-region")  # fmt: skip
    parser.add_argument("--picture", action="append", metavar="PATH",
                        help="a picture instead of the built-in portraits, or a recipe's picture that has moved; "
                        "repeatable")  # fmt: skip
    add_size(parser, None, "pixels of each restoration, N or WxH (default: 1024)")
    parser.add_argument("--seed", type=int, metavar="SEED", help="seed of the noise (default: 0)")
    parser.add_argument("--precision", metavar="NAME",
                        help="float32, bfloat16 or auto, the faster one on this machine (default: auto)")  # fmt: skip
    parser.add_argument("--beyond", action="store_true", help="add a row of newer models below each picture")
    parser.add_argument("--recipe", metavar="FILE",
                        help="reproduce the figure of this .png, .pdf, .svg or .json file")  # fmt: skip
    add_device(parser)
    add_recipe_options(parser)


def run(options: Options) -> int:
    from .. import note
    from ..comparisons.cache import Cache
    from ..comparisons.recipes import load_recipe, save_figure
    from ..views.render import prepare, render_with_errors

    changes = {"pictures": options.picture, "size": options.size, "seed": options.seed, "precision": options.precision}
    changes = {name: value for name, value in changes.items() if value is not None}
    columns, device = parse_missing_columns(options), selected_device(options)
    if options.recipe is not None:
        if changes.keys() - {"pictures"} or options.only or options.beyond:
            raise ValueError("--recipe defines the figure; accepted with it: --out, --picture, --column and --trust")
        recipe = load_recipe(options.recipe, options.trust)
        recipes = [note.located(recipe, options.picture) if options.picture else recipe]
        prepare(recipes[0], columns=columns)
    else:
        # bfloat16 changes a loss by less than a hundredth; the recipe states the precision.
        changes = {"precision": "auto", "beyond": options.beyond} | changes
        recipes = [note.recipe(name, **changes) for name in options.only or note.FIGURES]
    paths = [check_output(Path(options.out) / f"{recipe.view}.png") for recipe in recipes]
    first_start, cache = time.perf_counter(), Cache()
    failures: dict[str, str] = {}
    for recipe, path in zip(recipes, paths, strict=True):
        start = time.perf_counter()
        with show_progress(recipe.view) as progress:
            figure, errors = render_with_errors(recipe, columns=columns, progress=progress, cache=cache, device=device)
        save_figure(figure, path, recipe)
        failures |= {f"{title} in {recipe.view}": error for title, error in errors.items()}
        print(f"{path}  {time.perf_counter() - start:.1f} s", flush=True)
    print(f"{len(paths)} figure(s) in {time.perf_counter() - first_start:.1f} s")
    return report_failures(failures, sum(len(recipe.columns) * len(recipe.photos) for recipe in recipes))
