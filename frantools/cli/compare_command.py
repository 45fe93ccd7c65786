"""`frantools compare`: restorations of a photo side by side."""

from __future__ import annotations

from ..files import check_extension, write_json, write_text
from .column_options import (
    add_columns,
    add_photo_options,
    parse_columns,
    report_failures,
    selected_degradation,
    selected_photo,
)
from .options import Options, Parser, add_region, add_seed, add_size, selected_device, selected_region
from .progress_bar import show_progress

FIGURES, TABLES, PAGES = (".png", ".pdf", ".svg"), (".csv", ".json", ".md", ".tex"), (".html",)


def add_arguments(parser: Parser) -> None:
    parser.add_argument("photo", metavar="PHOTO", help="a picture file, astronaut or hopper")
    add_columns(parser)
    add_photo_options(parser)
    add_size(parser, 512, "pixels of the longer side, or WxH (default: 512)")
    add_region(parser)
    add_seed(parser)
    parser.add_argument("--out", action="append", default=[], metavar="FILE",
                        help=f"a figure ({', '.join(FIGURES)}), the numbers ({', '.join(TABLES)}) or a page with a "
                        f"viewer ({', '.join(PAGES)}); repeatable")  # fmt: skip


def run(options: Options) -> int:
    from ..comparisons.comparison import compare
    from ..comparisons.recipes import save_figure
    from ..viewer import page

    paths = [check_extension(path, *FIGURES, *TABLES, *PAGES) for path in options.out]
    columns, degradation = parse_columns(options.column), selected_degradation(options)
    with show_progress("comparing") as progress:
        comparison = compare(
            selected_photo(options, options.photo), columns, options.size, selected_region(options), options.seed,
            degradation, progress, precision=options.precision, device=selected_device(options),
            timeout=options.timeout,
        )  # fmt: skip
    table, recipe = comparison.measure(), comparison.recipe
    for path in paths:
        extension = path.suffix.lower()
        if extension in FIGURES:
            save_figure(comparison.figure(), path, recipe)
        elif extension in PAGES:
            page.write_page(path, page.comparison_page(comparison))
        elif extension == ".json":
            write_json(path, {**recipe.to_dict(), "protocol": comparison.protocol(), "results": list(table.rows)})
        else:
            write_text(path, {".csv": table.to_csv, ".md": table.to_markdown, ".tex": table.to_latex}[extension]())
    print(table)
    for path in paths:
        print(path)
    return report_failures(comparison.errors, len(columns))
