"""Columns side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from html import escape
from typing import Any

import ipywidgets as widgets

from ..comparisons.recipes import Recipe
from ..note.four_figures import FIGURES
from ..photos.degradation import Degradation
from ..photos.photo import Photo
from ..restorers.base import Progress
from ..restorers.columns import Column, as_columns
from ..scores.measures import measures
from ..viewer.encoding import original_of, reference_among, remarks_of, score_lines
from ..views.compare import NUMBERS, VIEW, VIEWS, Compared, Look, compute
from .controls import Numbers, control
from .live_view import Panes, pictures_of
from .view_widget import ViewWidget


class LookControls(Numbers):
    """How the figure that is saved shows the columns; on screen, the viewer does all of this at once."""

    def __init__(self, titles: Sequence[str]) -> None:
        super().__init__(
            {
                "view": control(
                    widgets.Dropdown, "Saved as", "All columns, or the difference of two of them", options=VIEWS
                ),
                "left": control(widgets.Dropdown, "First", "The first of the two columns", options=[("", 0)]),
                "right": control(widgets.Dropdown, "Second", "The second of the two columns", options=[("", 0)]),
            }
        )  # fmt: skip
        self.name(titles)

    def name(self, titles: Sequence[str]) -> None:
        """Offer these columns."""
        for side, start in (("left", 0), ("right", 1)):
            each = self.controls[side]
            options = [(title, index) for index, title in enumerate(titles)]
            if list(each.options) != options:
                index = start if len(each.options) == 1 else each.value
                with self.writing():
                    each.options = options
                    each.value = min(index, len(titles) - 1)
        self._changed(None)
        self._settle()

    def _settle(self) -> None:
        """Show the two columns where their difference is saved."""
        for name in ("left", "right"):
            self.controls[name].layout.display = "" if self.controls["view"].value == "difference" else "none"


class Compare(ViewWidget):
    """Columns side by side; see `frantools.widgets.compare`."""

    view = VIEW
    live = ("look",)

    def __init__(self, photo: Any, columns: Sequence[Column], size: int, seed: int, **others: Any) -> None:
        self.look = LookControls([column.title for column in columns])
        self.table = widgets.HTML()
        super().__init__(photo, columns, size, seed, {"look": self.look}, **others)

    def _panels(self) -> dict[str, tuple[str, widgets.Widget]]:
        panels = super()._panels()
        tooltip, files = panels.pop("Files")
        return {
            **panels,
            "Numbers": ("All numbers, with calls and seconds", self.table),
            "Files": (tooltip, widgets.VBox([files, self.look])),
        }

    def own_part(self, recipe: Recipe) -> dict[str, Any]:
        """With the look as a whole, whatever part of it a recipe has."""
        return {"look": Look.of(recipe).to_dict()} if "look" in recipe.options else {}

    def _enable(self) -> None:
        super()._enable()
        self.look.name([column.title for column in self.columns.value])

    def compute(self, recipe: Recipe, photo: Photo, progress: Progress, first: Sequence[str]) -> Iterator[Compared]:
        """The results of a recipe: those of the columns that have changed come before the others."""
        return compute(recipe, [photo], progress, self.cache, first)

    def _titles(self, columns: Sequence[Column]) -> list[str]:
        title, own = reference_among(self.photo.value, columns)
        return [*([] if title is None or own else [title]), *super()._titles(columns)]

    def panes(self, data: Compared, recipe: Recipe) -> Panes:
        """The original, unless a column is it, and the columns with their numbers."""
        assert self._job is not None
        made, photo = panes_of(data, recipe), self._job.photo
        original = original_of(photo, self._job.size, None, recipe.columns)
        reference, _ = reference_among(photo, recipe.columns)
        return replace(made, pictures={**original, **made.pictures}, reference=reference)

    def paint(self) -> None:
        """Show the latest result, and all numbers of it."""
        super().paint()
        if self.result is not None:
            self.table.value = tabled(self.result)


def panes_of(data: Compared, recipe: Recipe) -> Panes:
    """What the viewer shows of compared columns: the pictures, with their numbers."""
    numbers, best = score_lines(data.numbers)
    sharp = (title for title in data.pictures if title in data.shown.sharp)
    notes = {title: note for title in sharp if (note := remarks_of(data.pictures[title]))}
    for title, made in data.pictures.items():
        if title in data.shown.errors:
            continue
        if title not in data.shown.sharp:
            numbers[title] = f"coarse: {max(made.image.shape[:2])} pixels"
        elif data.referenced and title not in data.numbers:
            numbers[title] = "not yet measured"
    return Panes(pictures_of(data.shown, recipe), {**notes, **data.shown.errors}, numbers, best)


def tabled(data: Compared) -> str:
    """The numbers of the columns that are complete as a table of HTML, with calls and seconds."""
    rows = [("th", ["column", *(measures[name].head for name in NUMBERS), "calls", "seconds"])]
    for title, made in data.pictures.items():
        if title in data.shown.sharp and title not in data.shown.errors:
            row = data.numbers.get(title, {})
            cells = [f"{row[name]:{measures[name].format}}" if name in row else "" for name in NUMBERS]
            rows.append(("td", [title, *cells, str(made.calls or ""), f"{made.seconds:.2f}"]))
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
    *,
    image: Any = None,
) -> Compare:
    """Compare any number of restorers on one photo.

    Parameters
    ----------
    photo : Photo, str, path or ndarray, optional
        See `frantools.Photo`. Default: the first portrait.
    columns : sequence, optional
        Whatever `frantools.compare` takes: columns, titles of `frantools.note.COLUMNS`, names, functions, modules,
        paths, arrays. Default: those of the note's figure 2.
    size : int
        Pixels of the longer side.
    seed : int
        Of the random numbers.
    given : Degradation, optional
        What restorers are given of the photo.
    device : str, optional
        Where FranNet runs.
    timeout : float, optional
        Seconds after which the answer of a function or a module is no longer waited for. Default: never.
    image : object, optional
        The old name of `photo`.

    Raises
    ------
    FileNotFoundError, ValueError
        If the photo cannot be read, a column names nothing, or the size is not one whole number.
    """
    made = as_columns(FIGURES["entire-image"] if columns is None else columns)
    photo = image if photo is None else photo
    return Compare(photo, made, size, seed, given=given, device=device, timeout=timeout)
