"""What a sweep gives: a row a cell and picture, and the means over pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, Any

from ..comparisons.tables import Table
from ..restorers.columns import Column

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True, eq=False)
class Sweep:
    """The results of a sweep. A notebook shows the means over the pictures.

    Parameters
    ----------
    axes : tuple of str
        The names of the axes, in order.
    measures : tuple of str
        The names of the measures.
    columns : sequence of (dict, Column)
        Of each setting where it lies on the axes, and what restores there: ``ft.compare(photo, [column])``.
    pictures : tuple of str
        The names of the pictures.
    rows : sequence of dict
        A row a setting and picture that was computed: `picture`, the axes, the measures, `calls`, `seconds`,
        `sentence`; with points, the standard error of each measure too.
    protocol : str
        How the numbers came about.
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
        """A row a setting and picture; see `to_frame`."""
        return Table([{name: row.get(name) for name in self.names} for row in self.rows], self.protocol)

    def to_frame(self) -> DataFrame:
        """A row a setting and picture, as pandas has it.

        Its columns are `picture`; each axis; each measure; where points are used, ``<measure>_se``, its standard error;
        `calls`, how often a network was called for a point; `seconds`; and `sentence`, what went wrong, empty where
        nothing did: there the measures are nan. Settings that have no value on an axis have None there.

        Raises
        ------
        ModuleNotFoundError
            If pandas is not installed.
        """
        return self.cells.to_frame()

    @property
    def failures(self) -> Table:
        """The cells in which something went wrong, and what."""
        names = ["picture", *self.axes, "sentence"]
        return Table([{name: row.get(name) for name in names} for row in self.rows if row["sentence"]])

    def table(self) -> Table:
        """The means over the pictures: a row a setting.

        With points, ``<measure>_se`` is the standard error that comes of measuring on points alone; that of having
        these pictures and no others is not in it. `pictures` is how many were measured.
        """
        by_setting: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
        for row in self.rows:
            by_setting.setdefault(tuple(row[name] for name in self.axes), []).append(row)
        made = []
        for place, rows in by_setting.items():
            good = [row for row in rows if not row["sentence"]]
            line: dict[str, Any] = dict(zip(self.axes, place, strict=True))
            for name in self.measures:
                line[name] = sum(row[name] for row in good) / len(good) if good else None
                if self.points is not None:
                    squares = sum(row[f"{name}_se"] * row[f"{name}_se"] for row in good)
                    line[f"{name}_se"] = sqrt(squares) / len(good) if good else None
            line |= {"calls": good[0]["calls"] if good else None, "pictures": len(good)}
            made.append(line | ({"failed": len(rows) - len(good)} if self.failures.rows else {}))
        return Table(made, self.protocol)

    def __len__(self) -> int:
        """How many cells were computed."""
        return len(self.rows)

    def __repr__(self) -> str:
        failed = len(self.failures.rows)
        of = len(self.columns) * len(self.pictures)
        cells = f"{len(self.rows)} of {of} cells" if len(self.rows) < of else _counted(of, "cell")
        return (
            f"Sweep of {', '.join(self.axes) or 'one setting'}: {_counted(len(self.columns), 'setting')} on "
            f"{_counted(len(self.pictures), 'picture')}, {cells}{f', {failed} failed' if failed else ''}"
        )

    def _repr_markdown_(self) -> str:
        table = self.table()
        shown = Table(table.rows[:SHOWN], table.caption)
        left = len(table.rows) - len(shown.rows)
        more = f"\n\n... and {left} more settings: `.table()`, `.to_frame()`" if left else ""
        return f"{self!r}\n\n{shown._repr_markdown_()}{more}"


def _counted(number: int, name: str) -> str:
    return f"{number} {name}{'s' * (number != 1)}"


SHOWN = 20
"""Settings that a notebook shows."""
