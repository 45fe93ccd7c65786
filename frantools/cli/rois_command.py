"""`frantools rois`: regions with much detail in which pictures differ."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ..files import check_extension, write_json
from .column_options import (
    add_columns,
    add_photo_options,
    parse_columns,
    report_failures,
    selected_degradation,
    selected_photo,
)
from .options import Options, Parser, add_seed, parse_size, selected_device
from .progress_bar import show_progress


def add_arguments(parser: Parser) -> None:
    parser.add_argument("pictures", metavar="PICTURE", nargs="+",
                        help="two or more pictures of the same scene; or one photo, with --column")  # fmt: skip
    parser.add_argument("--size", type=int,
                        help="pixels a side of a region (default: three eighths of the shorter side)")  # fmt: skip
    parser.add_argument("--count", type=int, default=4, help="maximum number of regions (default: 4)")
    parser.add_argument("--merge", action="store_true", help="merge regions that share an edge")
    parser.add_argument("--at", type=parse_size, default=1024, metavar="SIZE",
                        help="with --column: pixels of the restorations' longer side (default: 1024)")  # fmt: skip
    add_seed(parser, "with --column: seed of the random numbers (default: 0)")
    add_columns(parser, required=False)
    add_photo_options(parser)
    parser.add_argument("--out", action="append", default=[], metavar="FILE",
                        help="a .png with the outlined regions, or a .json; repeatable")  # fmt: skip


def run(options: Options) -> int:
    from ..comparisons.comparison import compare
    from ..comparisons.recipes import save_figure
    from ..comparisons.tables import Table
    from ..photos.photo import Photo
    from ..restorers.columns import as_columns
    from ..scores.roi_search import RoiSearch
    from ..views.rois import draw_outlines, find_regions

    outputs = [check_extension(path, ".png", ".json") for path in options.out]
    pictures, settings = options.pictures, dict[str, Any](precision=options.precision)
    if options.column:
        if len(pictures) > 1:
            raise ValueError(f"--column needs exactly one photo, got {len(pictures)}")
        photo, columns, size = selected_photo(options, pictures[0]), parse_columns(options.column), options.at
        settings |= {"device": selected_device(options), "timeout": options.timeout}
    else:
        if len(pictures) < 2:
            raise ValueError("at least two pictures are needed to find where they differ, got 1")
        photo = Photo(pictures[0], "whole", None)
        size = photo.pixels.shape[1::-1]
        _check_shapes(pictures)
        columns = as_columns([path if path.startswith(("/", ".", "~")) else f"./{path}" for path in pictures])
    with show_progress("restoring") as progress:
        degradation = selected_degradation(options)
        comparison = compare(photo, columns, size, None, options.seed, degradation, progress, **settings)
    if comparison.errors and len(comparison) < 2:
        return report_failures(comparison.errors, len(columns))
    side = max(1, min(comparison.size) * 3 // 8) if options.size is None else options.size
    result = find_regions(comparison, RoiSearch(side, options.count, sub_count=0, merge=options.merge))
    rows = [asdict(roi) for roi in result.rois]
    search = {"size": side, "count": options.count, "merge": options.merge}
    recipe = comparison.recipe.replace(view="outlines", options={"search": search})
    for path in outputs:
        if path.suffix.lower() == ".json":
            write_json(path, {**recipe.to_dict(), "regions": rows})
        else:
            save_figure(draw_outlines(result, recipe), path, recipe)
    print(Table(rows))
    return report_failures(comparison.errors, len(columns))


def _check_shapes(paths: list[str]) -> None:
    from ..photos.images import load_image

    shapes = {load_image(path).shape for path in paths}
    if len(shapes) > 1:
        raise ValueError(f"the pictures must have the same shape, got {', '.join(map(str, sorted(shapes)))}")
