"""`frantools figures`: the note's four figures, and any figure again from its recipe."""

from __future__ import annotations

import time
from pathlib import Path

from ..files import check_output
from .column_options import report_failures
from .compare_command import device
from .options import Options, Parser, add_device, sides
from .progress_bar import bar
from .verify_command import add_recipe, missing


def arguments(parser: Parser) -> None:
    parser.add_argument("--out", default="figures", metavar="FOLDER", help="where to write (default: figures)")
    parser.add_argument("--only", nargs="+", metavar="FIGURE",
                        help="some of ddpm-vs-ddim, entire-image, roi-crops and local-region")  # fmt: skip
    parser.add_argument("--picture", action="append", metavar="PATH",
                        help="a picture in place of the built-in portraits, or the file of one that a recipe was made "
                        "with; may be given again")  # fmt: skip
    parser.add_argument("--size", type=sides, metavar="SIZE",
                        help="N or WxH pixels, to which a restoration is stretched (default: 1024)")  # fmt: skip
    parser.add_argument("--seed", type=int, metavar="SEED", help="of the noise (default: 0)")
    parser.add_argument("--precision", metavar="NAME", help="float32, bfloat16 or auto, the faster one here "
                        "(default: auto)")  # fmt: skip
    parser.add_argument("--beyond", action="store_true", help="below each picture, models that go beyond the note")
    parser.add_argument("--recipe", metavar="FILE",
                        help="make the figure of this file again: .png, .pdf, .svg or .json")  # fmt: skip
    add_device(parser)
    add_recipe(parser)


def run(options: Options) -> int:
    from .. import note
    from ..comparisons.cache import Cache
    from ..comparisons.recipes import load_recipe, save_figure
    from ..views.render import prepare, render_with_errors

    changes = {"pictures": options.picture, "size": options.size, "seed": options.seed, "precision": options.precision}
    changes = {name: value for name, value in changes.items() if value is not None}
    columns, where = missing(options), device(options)
    if options.recipe is not None:
        if changes.keys() - {"pictures"} or options.only or options.beyond:
            raise ValueError(
                "--recipe says all that makes the figure; accepted beside it are --out, --picture to tell where its "
                "picture is, --column and --trust"
            )
        recipe = load_recipe(options.recipe, options.trust)
        recipes = [note.located(recipe, options.picture) if options.picture else recipe]
        prepare(recipes[0], columns=columns)
    else:
        # bfloat16 changes a loss by less than a hundredth; the recipe says which precision it was.
        changes = {"precision": "auto", "beyond": options.beyond} | changes
        recipes = [note.recipe(name, **changes) for name in options.only or note.FIGURES]
    paths = [check_output(Path(options.out) / f"{recipe.view}.png") for recipe in recipes]
    begun, cache = time.perf_counter(), Cache()
    failures: dict[str, str] = {}
    for recipe, path in zip(recipes, paths, strict=True):
        start = time.perf_counter()
        with bar(recipe.view) as progress:
            figure, errors = render_with_errors(recipe, columns=columns, progress=progress, cache=cache, device=where)
        save_figure(figure, path, recipe)
        failures |= {f"{title} in {recipe.view}": error for title, error in errors.items()}
        print(f"{path}  {time.perf_counter() - start:.1f} s", flush=True)
    print(f"{len(paths)} figure(s) in {time.perf_counter() - begun:.1f} s")
    return report_failures(failures, sum(len(recipe.columns) * len(recipe.photos) for recipe in recipes))
