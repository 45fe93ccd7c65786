"""`frantools verify`: a check that a file's recipe reproduces its picture."""

from __future__ import annotations

from .column_options import split_title
from .options import Options, Parser, add_device, selected_device
from .progress_bar import show_progress


def add_arguments(parser: Parser) -> None:
    parser.add_argument("file", metavar="FILE",
                        help="a .png that FranTools wrote; the exit code is 1 if the result is different, 3 if it "
                        "cannot be compared")  # fmt: skip
    parser.add_argument("--picture", metavar="PATH", help="the recipe's photo, if it has moved")
    add_device(parser)
    add_recipe_options(parser)


def add_recipe_options(parser: Parser) -> None:
    """Add the options that supply the missing parts of a recipe."""
    parser.add_argument("--column", action="append", default=[], metavar="TITLE=WHAT",
                        help="the restorer of a column that the recipe cannot name; repeatable")  # fmt: skip
    parser.add_argument("--trust", action="store_true",
                        help="import the functions that the recipe names, which runs code")  # fmt: skip


def parse_missing_columns(options: Options) -> dict[str, object]:
    """Parse the values of ``--column`` for a recipe: restorers by title."""
    columns: dict[str, object] = {}
    for text in options.column:
        pair = split_title(text)
        if pair is None:
            raise ValueError(f"--column must be TITLE=WHAT, got {text!r}")
        columns[pair[0]] = pair[1]
    return columns


def run(options: Options) -> int:
    from ..views.verification import verify

    columns = parse_missing_columns(options)
    with show_progress("reproducing") as progress:
        verdict = verify(options.file, options.picture, columns, options.trust, progress, selected_device(options))
    print(f"{options.file}: {verdict.kind}")
    for sentence in verdict.sentences:
        print(sentence)
    return {"different": 1, "not comparable": 3}.get(verdict.kind, 0)
