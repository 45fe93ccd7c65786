"""The columns of a widget in their order, and the settings of one of them."""

from __future__ import annotations

import re
from collections.abc import Sequence

import ipywidgets as widgets
import traitlets

from ..restorers.columns import COLUMNS, Column
from ..restorers.resizing import MODES
from .column_editor import ColumnEditor, default_title, is_same_restorer, with_separate_setup
from .controls import WRAP, Composite, ShowError, button, control, set_options


class ColumnList(Composite, widgets.VBox):
    """Columns in their order, and the settings of one of them; `value` is a tuple of `Column`.

    Parameters
    ----------
    columns : sequence of Column
        The columns to start with.
    show_error : callable
        Called with the error of a weight file.
    several : bool
        Whether columns can be added and removed.
    """

    value = traitlets.Tuple()

    def __init__(self, columns: Sequence[Column], show_error: ShowError = print, several: bool = True) -> None:
        columns = tuple(map(with_separate_setup, columns))
        own = {column.title: column for column in columns if not isinstance(column.what, str)}
        self.presets = {**COLUMNS, **{name: Column(name, name) for name in MODES}, **own}
        self.chosen = control(widgets.Dropdown, "Column", "The column whose settings are shown")
        self.editor = ColumnEditor(show_error)
        self.editor.title.disabled = not several  # a single column shows no title
        self.preset = control(
            widgets.Dropdown,
            "Preset",
            "The note's setups, plain resizing, and your own restorers: to add, or to set this column to",
            options=list(self.presets),
        )
        self.add = button("Add", "A new column of that preset, after this one", "plus", self._add)
        self.apply = button("Set", "Set this column to the preset", "check", self._apply)
        self.remove = button("Remove", "Remove this column", "minus", self._remove)
        self.left = button("", "Move this column to the left", "arrow-left", lambda: self._move(-1), "40px")
        self.right = button("", "Move this column to the right", "arrow-right", lambda: self._move(1), "40px")
        row = [self.apply, *([self.add, self.remove, self.left, self.right] if several else [])]
        buttons = widgets.HBox(row, layout=widgets.Layout(**WRAP))
        super().__init__([*([self.chosen] if several else []), self.editor, self.preset, buttons])
        self.set_value(columns)
        self._select_preset()
        self.bind(self.editor)
        self.editor.observe(self._on_change, "error")
        self.chosen.observe(self._choose, "index")

    @property
    def index(self) -> int:
        """The index of the column that is shown."""
        return min(self.chosen.index or 0, len(self.value) - 1)

    def _read(self) -> tuple[Column, ...]:
        if self.editor.error:
            raise ValueError(self.editor.error)
        index, new = self.index, self.editor.value
        before = self.value[index]
        has_default_title = re.fullmatch(re.escape(default_title(before)) + r"( \(\d+\))?", before.title)
        if has_default_title and new.title == before.title:  # a changed DDIM must not be called DDIM
            new = new.replace(title=self._free_title(default_title(new), index))
        columns = (*self.value[:index], new, *self.value[index + 1 :])
        titles = [column.title for column in columns]
        if titles.count(new.title) > 1:
            raise ValueError(f"two columns have the same title among {', '.join(titles)}; titles must differ")
        return columns

    def _write(self, columns: Sequence[Column]) -> None:
        self._write_column(columns, min(self.chosen.index or 0, len(columns) - 1))

    def _write_column(self, columns: Sequence[Column], index: int) -> None:
        """Set the menu and the editor to one of these columns."""
        titles = [(column.title, number) for number, column in enumerate(columns)]
        set_options(self.chosen, titles, index)
        if self.editor.value != columns[index] or self.editor.error:
            self.editor.set_value(columns[index])

    def _update_controls(self) -> None:
        index = self.index
        with self.writing():
            self._write_column(self.value, index)
        self.remove.disabled = len(self.value) == 1
        self.left.disabled, self.right.disabled = index == 0, index == len(self.value) - 1

    def _choose(self, _: object) -> None:
        """Show the settings of another column; errors of the previous one are dropped."""
        if self._writing:
            return
        self.error = ""
        self._update_controls()
        self._select_preset()

    def _select_preset(self) -> None:
        """Select the preset of the column that is shown, if it has one."""
        column = self.value[self.index]
        preset = self.presets.get(column.title)
        is_preset = preset is not None and is_same_restorer(preset.what, column.what)
        name = column.title if is_preset else default_title(column)
        if name in self.presets:
            self.preset.value = name

    def set_columns(self, columns: Sequence[Column], index: int) -> None:
        """Set the columns, and show one of them."""
        with self.writing():
            self._write_column(columns, index)
            self.value = tuple(columns)
        self.error = ""
        self._update_controls()

    def _free_title(self, title: str, index: int | None = None) -> str:
        """Return a title, numbered if another column than that at `index` uses it."""
        used = {column.title for number, column in enumerate(self.value) if number != index}
        candidates = [title, *(f"{title} ({number})" for number in range(2, len(used) + 3))]
        return next(candidate for candidate in candidates if candidate not in used)

    def _add(self) -> None:
        preset, index = self.presets[self.preset.value], self.index + 1
        new = preset.replace(title=self._free_title(preset.title))
        self.set_columns([*self.value[:index], new, *self.value[index:]], index)

    def _apply(self) -> None:
        index, preset = self.index, self.presets[self.preset.value]
        if any(column.title == preset.title for number, column in enumerate(self.value) if number != index):
            preset = preset.replace(title=self.value[index].title)
        self.set_columns([*self.value[:index], preset, *self.value[index + 1 :]], index)

    def _remove(self) -> None:
        index = self.index
        if len(self.value) > 1:
            self.set_columns([*self.value[:index], *self.value[index + 1 :]], max(index - 1, 0))

    def _move(self, by: int) -> None:
        index, target = self.index, self.index + by
        if 0 <= target < len(self.value):
            columns = list(self.value)
            columns[index], columns[target] = columns[target], columns[index]
            self.set_columns(columns, target)
