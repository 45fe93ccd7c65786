"""Columns in their order, and the settings of one of them."""

from __future__ import annotations

import re
from collections.abc import Sequence

import ipywidgets as widgets
import traitlets

from ..restorers.columns import COLUMNS, Column
from ..restorers.resizing import MODES
from .column_editor import ColumnEditor, described, plain, same
from .controls import WRAP, Composed, Report, button, control


class ColumnList(Composed, widgets.VBox):
    """Columns in their order, and the settings of one of them; `value` is a tuple of `Column`.

    Parameters
    ----------
    columns : sequence of Column
        To start with.
    report : callable
        Told what is wrong with a weight file.
    several : bool
        Whether columns can be added and removed.
    """

    value = traitlets.Tuple()

    def __init__(self, columns: Sequence[Column], report: Report = print, several: bool = True) -> None:
        columns = tuple(map(plain, columns))
        own = {column.title: column for column in columns if not isinstance(column.what, str)}
        self.presets = {**COLUMNS, **{name: Column(name, name) for name in MODES}, **own}
        self.chosen = control(widgets.Dropdown, "Column", "The column whose settings are shown")
        self.editor = ColumnEditor(report)
        self.editor.title.disabled = not several  # there it stands nowhere
        self.preset = control(
            widgets.Dropdown,
            "Preset",
            "The note's setups, plain resizing, and what was given: what to add, or to set this column to",
            options=list(self.presets),
        )
        self.add = button("Add", "A new column of that preset, after this one", "plus", self._add)
        self.apply = button("Set", "Set this column to the preset", "check", self._apply)
        self.remove = button("Remove", "Take this column away", "minus", self._remove)
        self.left = button("", "Move this column to the left", "arrow-left", lambda: self._move(-1), "40px")
        self.right = button("", "Move this column to the right", "arrow-right", lambda: self._move(1), "40px")
        row = [self.apply, *([self.add, self.remove, self.left, self.right] if several else [])]
        wrap = widgets.Layout(**WRAP)
        super().__init__(
            [*([self.chosen] if several else []), self.editor, self.preset, widgets.HBox(row, layout=wrap)]
        )
        self.show(columns)
        self._offer()
        self.compose(self.editor)
        self.editor.observe(self._changed, "error")
        self.chosen.observe(self._choose, "index")

    @property
    def index(self) -> int:
        """Which column is shown."""
        return min(self.chosen.index or 0, len(self.value) - 1)

    def _read(self) -> tuple[Column, ...]:
        if self.editor.error:
            raise ValueError(self.editor.error)
        at, new = self.index, self.editor.value
        before = self.value[at]
        own = re.fullmatch(re.escape(described(before)) + r"( \(\d+\))?", before.title)
        if own and new.title == before.title:  # or a changed DDIM would still be called DDIM
            new = new.replace(title=self._free(described(new), at))
        columns = (*self.value[:at], new, *self.value[at + 1 :])
        if any(column.title == new.title for number, column in enumerate(columns) if number != at):
            titles = ", ".join(column.title for column in columns)
            raise ValueError(f"two columns have the same title among {titles}; titles must differ")
        return columns

    def _write(self, columns: Sequence[Column]) -> None:
        self._place(columns, min(self.chosen.index or 0, len(columns) - 1))

    def _place(self, columns: Sequence[Column], index: int) -> None:
        """Set the buttons and the editor to these columns, one of which is shown."""
        titles = [(column.title, number) for number, column in enumerate(columns)]
        if list(self.chosen.options) != titles:
            self.chosen.options = titles
        self.chosen.index = index
        self.editor.show(columns[index])

    def _settle(self) -> None:
        at = self.index
        with self.writing():
            self._place(self.value, at)
        self.remove.disabled = len(self.value) == 1
        self.left.disabled, self.right.disabled = at == 0, at == len(self.value) - 1

    def _choose(self, _: object) -> None:
        """Show the settings of another column; what is wrong with those of the one before is dropped."""
        if self._writing:
            return
        self.error = ""
        self._settle()
        self._offer()

    def _offer(self) -> None:
        """Offer the preset that the column shown is, if it is one."""
        column = self.value[self.index]
        own = self.presets.get(column.title)
        name = column.title if own is not None and same(own.what, column.what) else described(column)
        if name in self.presets:
            self.preset.value = name

    def put(self, columns: Sequence[Column], index: int) -> None:
        """Take over columns, with one of them shown."""
        with self.writing():
            self._place(columns, index)
            self.value = tuple(columns)
        self.error = ""
        self._settle()

    def _free(self, title: str, at: int | None = None) -> str:
        """A title, with a number behind it where another column than the one `at` has it."""
        taken = {column.title for number, column in enumerate(self.value) if number != at}
        names = (f"{title}{suffix}" for suffix in ["", *(f" ({n})" for n in range(2, len(taken) + 3))])
        return next(name for name in names if name not in taken)

    def _add(self) -> None:
        preset, at = self.presets[self.preset.value], self.index + 1
        new = preset.replace(title=self._free(preset.title))
        self.put([*self.value[:at], new, *self.value[at:]], at)

    def _apply(self) -> None:
        at, preset = self.index, self.presets[self.preset.value]
        if any(column.title == preset.title for number, column in enumerate(self.value) if number != at):
            preset = preset.replace(title=self.value[at].title)
        self.put([*self.value[:at], preset, *self.value[at + 1 :]], at)

    def _remove(self) -> None:
        at = self.index
        if len(self.value) > 1:
            self.put([*self.value[:at], *self.value[at + 1 :]], max(at - 1, 0))

    def _move(self, by: int) -> None:
        at, to = self.index, self.index + by
        if 0 <= to < len(self.value):
            columns = list(self.value)
            columns[at], columns[to] = columns[to], columns[at]
            self.put(columns, to)
