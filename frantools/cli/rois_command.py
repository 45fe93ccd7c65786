"""`frantools rois`: where much goes on and pictures of the same thing differ."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ..files import check_output, write_json
from .column_options import add_columns, add_photo, columns, given, photo, report_failures
from .compare_command import device
from .options import Options, Parser, sides
from .progress_bar import bar


def arguments(parser: Parser) -> None:
    parser.add_argument("pictures", nargs="+", metavar="PICTURE",
                        help="two or more pictures of the same thing; or one photo, with --column")  # fmt: skip
    parser.add_argument("--size", type=int,
                        help="pixels a side of a region (default: three eighths of the shorter side)")  # fmt: skip
    parser.add_argument("--count", type=int, default=4, help="how many regions at most (default: 4)")
    parser.add_argument("--merge", action="store_true", help="join regions that share an edge")
    parser.add_argument("--at", type=sides, default=1024, metavar="SIZE",
                        help="with --column: pixels of the longer side at which the photo is restored (default: "
                        "1024)")  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="with --column: of the random numbers (default: 0)")
    add_columns(parser, required=False)
    add_photo(parser)
    parser.add_argument("--out", action="append", default=[], metavar="FILE",
                        help="a .png of the pictures, regions outlined, or a .json; again for both")  # fmt: skip


def run(options: Options) -> int:
    from ..comparisons.comparison import compare
    from ..comparisons.recipes import save_figure
    from ..comparisons.tables import Table
    from ..photos.photo import Photo
    from ..restorers.columns import as_columns
    from ..scores.roi_search import RoiSearch
    from ..views.restoration import draw_outlined, outlined

    outs = [check_output(out) for out in options.out]
    for out in outs:
        if out.suffix.lower() not in (".png", ".json"):
            raise ValueError(f"{out} cannot be written; accepted are names that end in .png and .json")
    settings: dict[str, Any] = {"precision": options.precision}
    if options.column:
        if len(options.pictures) > 1:
            raise ValueError(f"{len(options.pictures)} pictures are given; accepted with --column is one photo")
        shown, chosen, size = photo(options, options.pictures[0]), columns(options.column), options.at
        settings |= {"device": device(options), "timeout": options.timeout}
    else:
        if len(options.pictures) < 2:
            raise ValueError("1 picture(s) given; at least two are needed to see where they differ")
        shown = Photo(options.pictures[0], "whole", None)
        size = shown.pixels.shape[1::-1]
        same_size(options.pictures)
        chosen = as_columns(
            [f"./{each}" if not each.startswith(("/", ".", "~")) else each for each in options.pictures]
        )
    with bar("restoring") as progress:
        made = compare(shown, chosen, size, None, options.seed, given(options), progress, **settings)
    if made.errors and len(made) < 2:  # of which no regions can be found
        return report_failures(made.errors, len(chosen))
    side = max(1, min(made.size) * 3 // 8) if options.size is None else options.size
    found = outlined(made, RoiSearch(side, options.count, merge=options.merge))
    rows = [asdict(roi) for roi in found.regions]
    search = {"size": side, "count": options.count, "merge": options.merge}
    recipe = made.recipe.replace(view="outlines", options={"search": search})
    for out in outs:
        if out.suffix.lower() == ".json":
            write_json(out, {**recipe.to_dict(), "regions": rows})
        else:
            save_figure(draw_outlined(found, recipe), out, recipe)
    print(Table(rows))
    return report_failures(made.errors, len(chosen))


def same_size(paths: list[str]) -> None:
    """Raise a ValueError if pictures are of several sizes, which do not show the same thing."""
    from ..photos.images import load_image

    shapes = {path: load_image(path).shape for path in paths}
    if len(set(shapes.values())) > 1:
        listed = ", ".join(map(str, sorted(set(shapes.values()))))
        raise ValueError(f"the pictures differ in shape ({listed}); accepted is one shape")
