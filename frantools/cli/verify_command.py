"""`frantools verify`: whether a file's recipe makes the same picture again."""

from __future__ import annotations

from .column_options import split_title
from .compare_command import device
from .options import Options, Parser, add_device
from .progress_bar import bar


def arguments(parser: Parser) -> None:
    parser.add_argument(
        "file",
        metavar="FILE",
        help="a .png that FranTools wrote; exit code 1 where it is different, 3 where nothing can be compared",
    )
    parser.add_argument("--picture", metavar="PATH", help="the photo, where the recipe cannot find it")
    add_device(parser)
    add_recipe(parser)


def add_recipe(parser: Parser) -> None:
    """The options that give what a recipe cannot name."""
    parser.add_argument("--column", action="append", default=[], metavar="TITLE=WHAT",
                        help="what restores in a column that the recipe cannot name; may be given again")  # fmt: skip
    parser.add_argument("--trust", action="store_true",
                        help="import the functions that the recipe names; that runs code")  # fmt: skip


def missing(options: Options) -> dict[str, object]:
    """The columns that are given for a recipe, by title."""
    given: dict[str, object] = {}
    for text in options.column:
        pair = split_title(text)
        if pair is None:
            raise ValueError(f"--column has {text!r}; accepted is TITLE=WHAT")
        given[pair[0]] = pair[1]
    return given


def run(options: Options) -> int:
    from ..views.verification import verify

    with bar("making it again") as progress:
        verdict = verify(options.file, options.picture, missing(options), options.trust, progress, device(options))
    print(f"{options.file}: {verdict.kind}")
    for sentence in verdict.sentences:
        print(sentence)
    return {"different": 1, "not comparable": 3}.get(verdict.kind, 0)
