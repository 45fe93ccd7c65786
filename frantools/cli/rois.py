"""`frantools rois`: where much goes on and pictures of the same thing differ."""

from __future__ import annotations

from dataclasses import asdict

from ..files import check_output, write_json
from .parsing import Options, Parser


def arguments(parser: Parser) -> None:
    parser.add_argument("pictures", nargs="+", metavar="PICTURE", help="two or more pictures of the same thing")
    parser.add_argument("--size", type=int, default=384, help="pixels a side of a region (default: 384)")
    parser.add_argument("--count", type=int, default=4, help="how many regions at most (default: 4)")
    parser.add_argument("--merge", action="store_true", help="join regions that share an edge")
    parser.add_argument("--out", action="append", default=[], metavar="FILE",
                        help="a .png of the pictures, regions outlined, or a .json; again for both")  # fmt: skip


def run(options: Options) -> None:
    from ..images import load_image
    from ..scores.roi import find_rois, merge_rois
    from ..tables import Table

    outs = [check_output(out) for out in options.out]
    for out in outs:
        if out.suffix.lower() not in (".png", ".json"):
            raise ValueError(f"{out} cannot be written; accepted are names that end in .png and .json")
    images = [load_image(path) for path in options.pictures]
    found = find_rois(images, options.size, options.count)
    if options.merge:
        found = merge_rois(found)
    rows = [asdict(roi) for roi in found]
    print(Table(rows))
    recipe = {name: getattr(options, name) for name in ("pictures", "size", "count", "merge")}
    for out in outs:
        if out.suffix.lower() == ".json":
            write_json(out, {**recipe, "regions": rows})
            continue
        from ..recipes import save_figure
        from ..views.figures import Row, grid

        row = Row(images, outlines=[found] * len(images))
        save_figure(grid([row], cell=min(512, images[0].shape[1])), out, recipe)
