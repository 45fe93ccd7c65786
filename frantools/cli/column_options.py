"""Columns, and what they are given, as they are typed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .options import Options, Parser, add_device, add_precision, add_timeout, complain

if TYPE_CHECKING:
    from ..photos.degradation import Degradation
    from ..photos.photo import Photo
    from ..restorers.columns import Column

KINDS = (
    "a named column (input, original, nearest, bilinear, bicubic, area), a shipped model, a setup (A, B:K=25), a "
    "weight file, a folder of pictures, a picture, or FILE.py:FUNCTION, which runs that file; TITLE=WHAT gives it a "
    "title; may be given again"
)


def add_columns(parser: Parser, required: bool = True) -> None:
    """The options that say what is compared."""
    parser.add_argument("--column", action="append", required=required, metavar="WHAT", help=KINDS)
    add_given(parser)
    add_timeout(parser)
    add_precision(parser)
    add_device(parser)


def add_given(parser: Parser) -> None:
    """The option that says how pictures are made worse."""
    parser.add_argument("--given", metavar="SETTINGS",
                        help="what restorers are given of the photo, such as shrink=4,noise=0.05,blur=1,jpeg=40,gray "
                        "(default: the photo itself at that size)")  # fmt: skip


def add_photo(parser: Parser) -> None:
    """The options that say which part of a photo is looked at, and what is measured against."""
    parser.add_argument("--frame", choices=("square", "whole"),
                        help="the centre square or the whole photo (default: square where FranNet takes "
                        "part)")  # fmt: skip
    parser.add_argument("--reference", metavar="PATH",
                        help="a picture to measure against in place of the photo, or none")  # fmt: skip


def photo(options: Options, what: Any) -> Photo:
    """The photo that the options of `add_photo` ask for."""
    from ..photos.photo import ITSELF, Photo

    reference = {None: ITSELF, "none": None}.get(options.reference, options.reference)
    return Photo(what, options.frame, reference)


def columns(texts: list[str] | None) -> list[Column]:
    """The columns of what was typed."""
    from ..restorers.columns import as_column

    made = []
    for text in texts or ():
        pair = titled(text)
        if isinstance(pair, tuple):
            check_known(text, pair[1])
        made.append(as_column(pair))
    return made


def titled(text: str) -> str | tuple[str, str]:
    """What was typed, with its title where it has one: TITLE=WHAT.

    A setup's K=25 is no title, and neither is a part of the name of a file or folder that exists.
    """
    return text if is_file(text) else split_title(text) or text


def split_title(text: str) -> tuple[str, str] | None:
    """The title and the rest of TITLE=WHAT, split at the first = behind which something known stands."""
    parts = text.split("=")
    pairs = [("=".join(parts[:count]), "=".join(parts[count:])) for count in range(1, len(parts))]
    pairs = [(title, what) for title, what in pairs if title and not set(title) & set(":/\\")]
    return next((pair for pair in pairs if is_known(pair[1])), pairs[0] if pairs else None)


def is_file(text: str) -> bool:
    """Whether a file or folder is meant that exists, or a function of such a file."""
    return any(Path(path).expanduser().exists() for path in (text, text.rpartition(":")[0]) if path)


def is_known(what: str) -> bool:
    """Whether a text names something that restores: files must exist."""
    from ..restorers.resolve import interpretations

    kinds = interpretations(what).keys()
    return bool(kinds) and (not kinds <= {"path", "function"} or is_file(what))


def check_known(text: str, what: str) -> None:
    """Raise a ValueError if what stands behind a title is nothing: the = may belong to the name of a file."""
    if not is_known(what):
        raise ValueError(
            f"--column has {text!r}, and {what!r} is not a known restorer or an existing file; "
            f"for the file or folder of that whole name write ./{text}"
        )


def given(options: Options) -> Degradation | None:
    """The degradation that `--given` asks for."""
    from ..files import from_json
    from ..photos.degradation import Degradation

    if options.given is None:
        return None
    settings: dict[str, Any] = {}
    for part in filter(None, map(str.strip, options.given.split(","))):
        name, equals, value = part.partition("=")
        try:
            settings[name.strip()] = from_json(value) if equals else True
        except ValueError:
            raise ValueError(f"--given has {part!r}; accepted are settings as in shrink=4,noise=0.05,gray") from None
    try:
        return Degradation(**settings)
    except TypeError:
        raise ValueError(
            f"--given has {', '.join(settings)}; accepted are gray, shrink, noise, blur, jpeg and seed"
        ) from None


def report_failures(errors: Mapping[str, str], count: int) -> int:
    """Name the columns that failed; returns the exit code, 1 if any did."""
    if errors:
        reasons = "; ".join(titled_error(title, error) for title, error in errors.items())
        complain(f"{len(errors)} of {count} columns failed: {reasons}")
    return int(bool(errors))


def titled_error(title: str, error: str) -> str:
    """What went wrong in a column, as a line that begins with its title."""
    return error if error.startswith(title) else f"{title}: {error}"
