"""`frantools compare`: what several restorers make of a photo, side by side."""

from __future__ import annotations

from pathlib import Path

from ..files import check_output, write_json
from .column_options import add_columns, add_photo, columns, given, photo, report_failures
from .options import Options, Parser, sides
from .progress_bar import bar

FIGURES, TABLES, PAGES = (".png", ".pdf", ".svg"), (".csv", ".json", ".md", ".tex"), (".html",)


def arguments(parser: Parser) -> None:
    parser.add_argument("photo", metavar="PHOTO", help="a picture file, or astronaut or hopper")
    add_columns(parser)
    add_photo(parser)
    parser.add_argument("--size", type=sides, default=512, metavar="SIZE",
                        help="pixels of the longer side, or WxH (default: 512)")  # fmt: skip
    parser.add_argument("--region", type=float, nargs=4, metavar=("X", "Y", "WIDTH", "HEIGHT"),
                        help="what to look at, in fractions of the picture (default: all)")  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="of the random numbers (default: 0)")
    parser.add_argument("--out", action="append", default=[], metavar="FILE",
                        help=f"a figure ({', '.join(FIGURES)}), the numbers ({', '.join(TABLES)}) or a page to zoom "
                        f"in ({', '.join(PAGES)}); may be given again")  # fmt: skip


def run(options: Options) -> int:
    from ..comparisons.comparison import compare
    from ..comparisons.recipes import save_figure
    from ..photos.regions import Region
    from ..viewer import page

    outs = [check_output(out) for out in options.out]
    for out in outs:
        if out.suffix.lower() not in (*FIGURES, *TABLES, *PAGES):
            raise ValueError(
                f"{out} cannot be written; accepted are names that end in {', '.join((*FIGURES, *TABLES, *PAGES))}"
            )
    chosen, region = columns(options.column), Region(*options.region) if options.region else None
    with bar("comparing") as progress:
        made = compare(
            photo(options, options.photo), chosen, options.size, region, options.seed, given(options), progress,
            precision=options.precision, device=device(options), timeout=options.timeout,
        )  # fmt: skip
    table = made.measure()
    for out in outs:
        if out.suffix.lower() in FIGURES:
            save_figure(made.figure(), out, made.recipe)
        elif out.suffix.lower() in PAGES:
            page.write_page(out, page.comparison_page(made))
        elif out.suffix.lower() == ".json":
            write_json(out, {**made.recipe.to_dict(), "protocol": made.protocol(), "results": list(table.rows)})
        else:
            write_table(table, out)
    print(table)
    for out in outs:
        print(out)
    return report_failures(made.errors, len(chosen))


def device(options: Options) -> str:
    """The name of the device that the options ask for."""
    from ..system.devices import find_device

    return str(find_device(options.device))


def write_table(table: object, path: Path) -> None:
    """Write a table as its ending asks."""
    from ..comparisons.tables import Table
    from ..files import write_text

    assert isinstance(table, Table)
    write_text(path, {".csv": table.to_csv, ".md": table.to_markdown, ".tex": table.to_latex}[path.suffix.lower()]())
