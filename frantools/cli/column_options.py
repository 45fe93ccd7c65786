"""Options for columns, photos and degradations."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .options import Options, Parser, add_device, add_precision, add_timeout, print_error

if TYPE_CHECKING:
    from ..photos.degradation import Degradation
    from ..photos.photo import Photo
    from ..restorers.columns import Column

KINDS = (
    "a named column (input, original, nearest, bilinear, bicubic, area), a shipped model, a setup (A, B:K=25), a "
    "weight file, a folder of pictures, a picture, or FILE.py:FUNCTION, which runs that file"
)


def add_columns(parser: Parser, required: bool = True) -> None:
    """Add the options that define a comparison."""
    parser.add_argument("--column", action="append", required=required, metavar="WHAT",
                        help=f"{KINDS}; TITLE=WHAT gives it a title; repeatable")  # fmt: skip
    add_degradation(parser)
    add_timeout(parser)
    add_precision(parser)
    add_device(parser)


def add_degradation(parser: Parser) -> None:
    parser.add_argument("--given", metavar="SETTINGS",
                        help="degradation of the restorers' input, such as shrink=4,noise=0.05,blur=1,jpeg=40,gray "
                        "(default: none)")  # fmt: skip


def add_photo_options(parser: Parser) -> None:
    parser.add_argument("--frame", choices=("square", "whole"),
                        help="the centre square or the whole photo (default: square for FranNet)")  # fmt: skip
    parser.add_argument("--reference", metavar="PATH",
                        help="picture to measure against instead of the photo, or none")  # fmt: skip


def selected_photo(options: Options, path: str) -> Photo:
    from ..photos.photo import ITSELF, Photo

    reference = {None: ITSELF, "none": None}.get(options.reference, options.reference)
    return Photo(path, options.frame, reference)


def parse_columns(texts: list[str] | None) -> list[Column]:
    """Parse the values of ``--column``."""
    from ..restorers.columns import as_column

    columns = []
    for text in texts or ():
        # The = of a setup's K=25, or in the name of an existing file, does not end a title.
        pair = None if _exists(text) else split_title(text)
        if pair is not None and not _is_known(pair[1]):
            raise ValueError(
                f"--column {text}: {pair[1]!r} is not a known restorer or an existing file; for the file or folder of "
                f"that whole name write ./{text}"
            )
        columns.append(as_column(pair or text))
    return columns


def split_title(text: str) -> tuple[str, str] | None:
    """Split TITLE=WHAT at the first = that is followed by a known restorer; otherwise at the first =."""
    parts = text.split("=")
    pairs = [("=".join(parts[:count]), "=".join(parts[count:])) for count in range(1, len(parts))]
    pairs = [(title, what) for title, what in pairs if title and not set(title) & set(":/\\")]
    return next((pair for pair in pairs if _is_known(pair[1])), pairs[0] if pairs else None)


def _exists(text: str) -> bool:
    """Whether text is the path of an existing file or folder, or a function of such a file."""
    return any(Path(path).expanduser().exists() for path in (text, text.rpartition(":")[0]) if path)


def _is_known(what: str) -> bool:
    """Whether text resolves to a restorer: files must exist."""
    from ..restorers.resolve import interpretations

    kinds = {kind.name for kind in interpretations(what)}
    return bool(kinds) and (not kinds <= {"path", "function"} or _exists(what))


def selected_degradation(options: Options) -> Degradation | None:
    """Parse the value of ``--given``."""
    from ..files import from_json
    from ..photos.degradation import Degradation
    from ..settings import declarations

    if options.given is None:
        return None
    settings: dict[str, Any] = {}
    for part in filter(None, map(str.strip, options.given.split(","))):
        name, equals, value = part.partition("=")
        try:
            settings[name.strip()] = from_json(value) if equals else True
        except ValueError:
            raise ValueError(f"--given must be settings such as shrink=4,noise=0.05,gray, got {part!r}") from None
    names = declarations(Degradation)
    if unknown := settings.keys() - names.keys():
        raise ValueError(f"--given must have settings of {', '.join(names)}, got {', '.join(sorted(unknown))}")
    return Degradation(**settings)


def report_failures(errors: Mapping[str, str], count: int) -> int:
    """Print the errors of the columns that failed, and return the exit code."""
    if errors:
        reasons = "; ".join(
            error if error.startswith(title) else f"{title}: {error}" for title, error in errors.items()
        )
        print_error(f"{len(errors)} of {count} columns failed: {reasons}")
    return int(bool(errors))
