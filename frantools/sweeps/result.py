"""The result of a sweep: one row per cell and picture, and the means over pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, Any

from ..comparisons.tables import Table
from ..restorers.columns import Column

if TYPE_CHECKING:
    from pandas import DataFrame

MAX_ROWS = 20
"""Settings that a notebook displays."""


@dataclass(frozen=True, eq=False)
class Sweep:
    """The results of a sweep. A notebook displays the means over the pictures.

    Parameters
    ----------
    axes : tuple of str
        The names of the axes.
    measures : tuple of str
        The names of the measures.
    columns : sequence of (dict, Column)
        For each setting its values on the axes, and its column: ``ft.compare(photo, [column])``.
    pictures : tuple of str
        The names of the pictures.
    rows : sequence of dict
        One row per setting and picture: `picture`, the axes, the measures, `calls`, `seconds`, `sentence`; with points,
        also the standard error of each measure.
    protocol : str
        How the results were measured.
    points : int, optional
        The number of random points measured in each picture. Default: every pixel.
    """

    axes: tuple[str, ...]
    measures: tuple[str, ...]
    columns: Sequence[tuple[Mapping[str, Any], Column]]
    pictures: tuple[str, ...]
    rows: Sequence[Mapping[str, Any]]
    protocol: str
    points: int | None = None

    @property
    def names(self) -> list[str]:
        """The columns of `to_frame`."""
        errors = [f"{name}_se" for name in self.measures] if self.points is not None else []
        return ["picture", *self.axes, *self.measures, *errors, "calls", "seconds", "sentence"]

    @property
    def cells(self) -> Table:
        """The table with one row per setting and picture; see `to_frame`."""
        return Table([{name: row.get(name) for name in self.names} for row in self.rows], self.protocol)

    def to_frame(self) -> DataFrame:
        """Return a pandas data frame with one row per setting and picture.

        Its columns are `picture`; the axes; the measures; with points, ``<measure>_se``, the standard errors; `calls`,
        the number of network calls per point; `seconds`; and `sentence`, the error message, which is empty if the cell
        succeeded. The measures of failed cells are nan. Settings that have no value on an axis have None there.

        Raises
        ------
        ModuleNotFoundError
            If pandas is not installed.
        """
        return self.cells.to_frame()

    @property
    def failures(self) -> Table:
        """The failed cells with their error messages."""
        names = ["picture", *self.axes, "sentence"]
        return Table([{name: row.get(name) for name in names} for row in self.rows if row["sentence"]])

    def table(self) -> Table:
        """Return the means over the pictures, one row per setting.

        With points, ``<measure>_se`` is the standard error from measuring points instead of every pixel; it does not
        include the variation between pictures. `pictures` is the number of pictures measured.
        """
        by_setting: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
        for row in self.rows:
            by_setting.setdefault(tuple(row[name] for name in self.axes), []).append(row)
        has_failures = any(row["sentence"] for row in self.rows)
        means = []
        for place, rows in by_setting.items():
            valid = [row for row in rows if not row["sentence"]]
            mean: dict[str, Any] = dict(zip(self.axes, place, strict=True))
            for name in self.measures:
                mean[name] = sum(row[name] for row in valid) / len(valid) if valid else None
                if self.points is not None:
                    squares = sum(row[f"{name}_se"] * row[f"{name}_se"] for row in valid)
                    mean[f"{name}_se"] = sqrt(squares) / len(valid) if valid else None
            mean |= {"calls": valid[0]["calls"] if valid else None, "pictures": len(valid)}
            means.append(mean | ({"failed": len(rows) - len(valid)} if has_failures else {}))
        return Table(means, self.protocol)

    def __len__(self) -> int:
        """Count the computed cells."""
        return len(self.rows)

    def __repr__(self) -> str:
        failed = len(self.failures.rows)
        total = len(self.columns) * len(self.pictures)
        cells = f"{len(self.rows)} of {total} cells" if len(self.rows) < total else _count(total, "cell")
        return (
            f"Sweep of {', '.join(self.axes) or 'one setting'}: {_count(len(self.columns), 'setting')} on "
            f"{_count(len(self.pictures), 'picture')}, {cells}{f', {failed} failed' if failed else ''}"
        )

    def _repr_markdown_(self) -> str:
        table = self.table()
        hidden = len(table.rows) - MAX_ROWS
        more = f"\n\n... and {hidden} more settings: `.table()`, `.to_frame()`" if hidden > 0 else ""
        return f"{self!r}\n\n{Table(table.rows[:MAX_ROWS], table.caption)._repr_markdown_()}{more}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"
