"""The widget that shows columns side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from html import escape
from typing import Any

import ipywidgets as widgets

from ..comparisons.comparison import Comparison
from ..comparisons.recipes import Recipe
from ..note.four_figures import FIGURES
from ..photos.degradation import Degradation
from ..photos.photo import Photo
from ..restorers.base import Progress
from ..restorers.columns import Column, as_columns
from ..scores.measures import measures
from ..settings import declarations
from ..viewer.panes import Panes, comparison_panes, reference_title
from ..views.compare import VIEW, CompareOptions, compute
from .controls import control, set_options
from .form import Form
from .view_widget import ViewWidget


class LookControls(Form):
    """How the saved figure shows the columns; on screen, the viewer can do all of this at once."""

    def __init__(self, titles: Sequence[str]) -> None:
        declared = declarations(CompareOptions)
        menus = {
            name: control(
                widgets.Dropdown,
                declared[name].label,
                declared[name].help,
                options=[("", declared[name].default)],
                value=declared[name].default,
            )
            for name in ("left", "right")
        }
        super().__init__(CompareOptions, menus, hide=True)
        self.set_titles(titles)

    def set_titles(self, titles: Sequence[str]) -> None:
        """Offer these columns."""
        options = [(title, index) for index, title in enumerate(titles)]
        with self.writing():
            for name in ("left", "right"):
                set_options(self[name], options, min(self[name].value, len(titles) - 1))
        self._on_change(None)


class CompareWidget(ViewWidget):
    """Columns side by side; see `frantools.widgets.compare`."""

    view = VIEW
    live = ("look",)

    def __init__(self, photo: Any, columns: Sequence[Column], size: int, seed: int, **options: Any) -> None:
        self.look = LookControls([column.title for column in columns])
        self.table = widgets.HTML()
        super().__init__(photo, columns, size, seed, {"look": self.look}, **options)

    def _panels(self) -> dict[str, tuple[str, widgets.Widget]]:
        panels = super()._panels()
        tooltip, files = panels.pop("Files")
        return {
            **panels,
            "Numbers": ("All numbers, with calls and seconds", self.table),
            "Files": (tooltip, widgets.VBox([files, self.look])),
        }

    def own_part(self, recipe: Recipe) -> dict[str, Any]:
        """Return the look, with defaults for what a recipe does not have."""
        return {"look": CompareOptions.from_recipe(recipe).to_dict()} if "look" in recipe.options else {}

    def _enable_controls(self) -> None:
        super()._enable_controls()
        self.look.set_titles([column.title for column in self.columns.value])

    def compute(self, recipe: Recipe, photo: Photo, progress: Progress, first: Sequence[str]) -> Iterator[Comparison]:
        """Yield the results of a recipe; columns that changed are rendered before the others."""
        return compute(recipe, [photo], progress, self.cache, first)

    def _pane_titles(self, columns: Sequence[Column]) -> list[str]:
        title, is_column = reference_title(self.photo.value, columns)
        return [*([] if title is None or is_column else [title]), *super()._pane_titles(columns)]

    def panes(self, result: Comparison, recipe: Recipe) -> Panes:
        """Return the columns with their numbers, after the original unless it is one of them."""
        return replace(comparison_panes(result, result.measured), caption="")

    def paint(self) -> None:
        """Show the latest result and its table."""
        super().paint()
        if self.result is not None:
            self.table.value = numbers_table(self.result)


def numbers_table(result: Comparison) -> str:
    """Return the numbers of complete columns as an HTML table, with calls and seconds."""
    rows = [("th", ["column", *(measures[name].head for name in measures.in_captions), "calls", "seconds"])]
    for title, restoration in result.items():
        if result.is_final(title):
            row = result.measured.get(title, {})
            cells = [f"{row[name]:{measures[name].format}}" if name in row else "" for name in measures.in_captions]
            rows.append(("td", [title, *cells, str(restoration.calls or ""), f"{restoration.seconds:.2f}"]))
    lines = ["".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) for tag, cells in rows]
    return f"<table style='width: 100%'>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def compare(
    photo: Any = None,
    columns: Sequence[Any] | None = None,
    size: int = 512,
    seed: int = 0,
    given: Degradation | None = None,
    device: str | None = None,
    timeout: float | None = None,
) -> CompareWidget:
    """CompareWidget any number of restorers on one photo.

    Parameters
    ----------
    photo : Photo, str, path or ndarray, optional
        See `frantools.Photo`. Default: the first portrait.
    columns : sequence, optional
        Anything that `frantools.compare` accepts: columns, titles of `frantools.note.COLUMNS`, names, functions,
        modules, paths, arrays. Default: those of the note's figure 2.
    size : int
        Pixels of the longer side.
    seed : int
        Seed of the random numbers.
    given : Degradation, optional
        The degradation of the photo for restorers.
    device : str, optional
        The device of FranNet models.
    timeout : float, optional
        Seconds after which a function or a module that has not returned has failed. Default: never.

    Raises
    ------
    FileNotFoundError, ValueError
        If the photo cannot be read, a column is unknown, or the size is not an integer in its range.
    """
    chosen = as_columns(FIGURES["entire-image"] if columns is None else columns)
    return CompareWidget(photo, chosen, size, seed, given=given, device=device, timeout=timeout)
