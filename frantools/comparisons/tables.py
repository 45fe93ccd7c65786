"""Tables for notebooks, terminals, papers and other programs."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from os import PathLike
from typing import TYPE_CHECKING, Any

from ..files import write_text
from ..photos.file_names import as_label, encodable
from ..scores.measures import measures

if TYPE_CHECKING:
    from pandas import DataFrame

FORMATS = {
    "loss": ".4f",
    "mse_se": ".5f",
    "mse_gray_se": ".6f",
    "sharpness": ".4f",
    "distance": ".4f",
    "seconds": ".2f",
    "score": ".1f",
}
"""The rounding of columns by name; measures have a format of their own."""
HEADS = {
    "calls": "network calls",
    "seconds": "seconds a picture",
}
"""The headings of columns by name; measures have a heading of their own, and other columns their name."""

# An underscore inside a word is not markup.
MARKDOWN = re.compile(r"[\\`*<|$~&\[\]]|(?<![^\W_])_|_(?![^\W_])")
LATEX = str.maketrans(
    {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    | {mark: f"\\{mark}" for mark in "&%$#_{}"}
    | {"[": "{[}", "*": "{*}"}  # otherwise options of the preceding line break
    | {"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}"}
)


@dataclass(frozen=True)
class Table:
    """Rows of named values.

    Parameters
    ----------
    rows : sequence of dict
        The names of the first row are the columns. Known names, such as "psnr", are rounded for display; `to_frame` and
        `to_csv` keep every digit.
    caption : str
        The protocol of the numbers, displayed below the table.
    """

    rows: Sequence[Mapping[str, Any]]
    caption: str = ""

    @property
    def names(self) -> list[str]:
        """The names of the columns, in order."""
        return list(self.rows[0]) if self.rows else []

    def to_frame(self) -> DataFrame:
        """Convert the table to a data frame of pandas, with unrounded values.

        Raises
        ------
        ModuleNotFoundError
            If pandas is not installed.
        """
        try:
            from pandas import DataFrame
        except ModuleNotFoundError:
            raise ModuleNotFoundError("to_frame needs pandas: pip install 'frantools[tables]'") from None
        rows = [[_encodable(row.get(name)) for name in self.names] for row in self.rows]
        return DataFrame(rows, columns=[encodable(name) for name in self.names])

    def to_csv(self, path: str | PathLike[str] | None = None) -> str:
        """Convert the table to comma-separated values with every digit: RFC 4180 with Unix line breaks.

        Parameters
        ----------
        path : path, optional
            A file to write it to as well, in UTF-8.

        Returns
        -------
        str
            The names, then one line per row; None is empty.
        """
        text = StringIO()
        lines: list[list[Any]] = [self.names] if self.rows else []
        lines += ([row.get(name) for name in self.names] for row in self.rows)
        csv.writer(text, lineterminator="\n").writerows(lines)
        if path is not None:
            write_text(path, text.getvalue())
        return encodable(text.getvalue())

    def to_latex(self) -> str:
        """Convert the table to a LaTeX `tabular` with the rules of booktabs."""
        if not self.rows:
            return ""
        head, *body = ([_line(cell).translate(LATEX) for cell in line] for line in self._cells())
        columns = "".join("r" if right else "l" for right in self._numeric())
        first, *lines = (rf"{' & '.join(line)} \\" for line in (head, *body))
        begin, end = rf"\begin{{tabular}}{{{columns}}}", r"\end{tabular}"
        return "\n".join([begin, r"\toprule", first, r"\midrule", *lines, r"\bottomrule", end])

    def to_markdown(self) -> str:
        """Convert the table to Markdown (a pipe table of GitHub)."""
        if not self.rows:
            return ""
        head, *body = ([MARKDOWN.sub(r"\\\g<0>", _line(cell)) for cell in line] for line in self._cells())
        rule = ["--:" if right else "---" for right in self._numeric()]
        return "\n".join(f"| {' | '.join(line)} |" for line in (head, rule, *body))

    def _cells(self) -> list[list[str]]:
        return [
            [_head(name) for name in self.names],
            *([_format(name, row.get(name)) for name in self.names] for row in self.rows),
        ]

    def _numeric(self) -> list[bool]:
        """Return whether each column contains numbers, judged by the first row."""
        return [isinstance(value, (int, float)) and not isinstance(value, bool) for value in self.rows[0].values()]

    def __repr__(self) -> str:
        if not self.rows:
            return ""
        cells = [list(map(_line, line)) for line in self._cells()]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = "\n".join(
            "  ".join(
                cell.rjust(width) if right else cell.ljust(width)
                for cell, width, right in zip(line, widths, self._numeric(), strict=True)
            ).rstrip()
            for line in cells
        )
        return f"{lines}\n{as_label(self.caption)}" if self.caption else lines

    def _repr_markdown_(self) -> str:
        below = MARKDOWN.sub(r"\\\g<0>", _line(as_label(self.caption)))
        return f"{self.to_markdown()}\n\n{below}" if below else self.to_markdown()


def _line(text: str) -> str:
    """Join the lines of a cell's text."""
    return " ".join(text.splitlines())


def _encodable(value: Any) -> Any:
    """Replace the lone surrogates of text, which pandas cannot write."""
    return encodable(value) if isinstance(value, str) else value


def _head(name: str) -> str:
    return measures[name].head if name in measures else HEADS.get(name, as_label(name))


def _format(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    rounding = measures[name].format if name in measures else FORMATS.get(name, "g")
    return format(value, rounding) if isinstance(value, float) else as_label(str(value))


def signed(value: float, digits: int) -> str:
    """Format a number with its sign; a number that rounds to 0 gets +."""
    return f"{round(value, digits) + 0.0:+.{digits}f}"
