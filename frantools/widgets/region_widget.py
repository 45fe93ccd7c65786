"""A picture that one zooms into without end, and the rectangle of it that a figure shows."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import asdict, astuple
from functools import partial
from math import ceil, floor, log10
from typing import Any

import ipywidgets as widgets

from ..comparisons.recipes import Recipe
from ..comparisons.render_job import RenderJob
from ..note.four_figures import FIGURES, LOCAL
from ..photos.degradation import Degradation
from ..photos.regions import Region
from ..restorers.columns import Column, as_columns
from ..viewer.encoding import encode, read, sheet
from ..views.progressive import PREVIEW
from ..views.region import VIEW, Local
from .controls import Numbers, button, control
from .live_view import Panes, pictures_of
from .rendering import LOCK
from .view_widget import ViewWidget

NAME = "region"  # of the rectangle among the boxes


def digits(region: Region) -> int:
    """As many digits as tell a thousandth of a region."""
    return 3 - floor(log10(min(region.width, region.height)))


def rounded(region: Region) -> Region:
    """The region in as many digits as tell a thousandth of it."""
    x, y, width, height = (round(value, digits(region)) for value in astuple(region))
    return Region(x, y, min(width, 1 - x), min(height, 1 - y))


def region_of(box: Sequence[int], frame: tuple[int, int]) -> Region:
    """A box in fractions of its frame."""
    (left, top, right, bottom), (wide, high) = box, frame
    return Region(left / wide, top / high, (right - left) / wide, (bottom - top) / high)


def box_of(region: Region, frame: tuple[int, int]) -> list[int]:
    """A region in pixels of a frame: as many wherever it lies, and all of them within the frame."""
    (wide, high), slack = frame, 1e-6
    across, down = max(1, ceil(region.width * wide - slack)), max(1, ceil(region.height * high - slack))
    left, top = min(round(region.x * wide), wide - across), min(round(region.y * high), high - down)
    return [left, top, left + across, top + down]


def dragged(region: Region, before: Sequence[int], after: Sequence[int], frame: tuple[int, int]) -> Region:
    """The region after its box was dragged: what the drag left alone is the same to the last digit.

    Parameters
    ----------
    region : Region
        Before the drag.
    before, after : sequence of int
        Its box, in pixels of the frame.
    frame : (int, int)
        Width and height.

    Examples
    --------
    >>> dragged(Region(0.2, 0.3, 0.125, 0.25), (2, 3, 4, 6), (5, 3, 7, 6), (10, 10))
    Region(x=0.5, y=0.3, width=0.125, height=0.25)
    """
    moved = all(after[axis + 2] - after[axis] == before[axis + 2] - before[axis] for axis in (0, 1))
    near = partial(round, ndigits=digits(region_of(after, frame)))
    sides = []
    for axis, (low, extent) in enumerate(((region.x, region.width), (region.y, region.height))):
        (start, end), (was, until), pixels = after[axis::2], before[axis::2], frame[axis]
        if moved and start != was:
            stop = 1 - extent
            low = 0.0 if start == 0 else stop if end == pixels else min(near(low + (start - was) / pixels), stop)
        elif (start, end) != (was, until):
            high = low + extent if end == until else end / pixels
            low = low if start == was else near(start / pixels)
            extent = min(near(high - low), 1 - low)
        sides.append((low, extent))
    (x, width), (y, height) = sides
    return Region(x, y, width, height)


class Zoom(ViewWidget):
    """The whole picture, zoomed into without end, and a region of it; see `frantools.widgets.region`."""

    view = VIEW

    def __init__(
        self, photo: Any, columns: Sequence[Column], size: int, seed: int, region: Region, **others: Any
    ) -> None:
        words = {"x": "the left edge", "y": "the top edge", "width": "the width", "height": "the height"}
        edges = {
            name: control(
                widgets.FloatText,
                name,
                f"The region: {what}, in fractions of the picture",
                value=value,
                step=0.01,
                continuous_update=False,
            )
            for (name, what), value in zip(words.items(), astuple(region), strict=True)
        }
        self.edges = Numbers(edges)
        self.there = button("Go there", "Show the region", "search-plus", self._look)
        self.take_view = button("Take the view", "Let what is in view be the region", "crop", self._take_view)
        self.edges.children = [*self.edges.children, widgets.HBox([self.there, self.take_view])]
        super().__init__(photo, columns, size, seed, {"region": self.edges}, **others)
        self.viewer.movable = {NAME: True}
        self.viewer.observe(self._drawn, "boxes")
        self.edges.observe(lambda _: self._outline(), "value")
        self._look()

    def _panels(self) -> dict[str, tuple[str, widgets.Widget]]:
        return {"Region": ("The region that a figure shows", self.edges), **super()._panels()}

    def _region(self) -> Region:
        return Region(**self.edges.value)

    def _options(self) -> dict[str, Any]:
        return {}

    def own_part(self, recipe: Recipe) -> dict[str, Any]:
        """The region, by the names of its edges."""
        return {} if recipe.region is None else {"region": asdict(recipe.region)}

    def pixels(self, job: RenderJob) -> int:
        """Few: what is in view is restored anew, the whole picture too."""
        return min(PREVIEW, max(job.size))

    def panes(self, data: Local, recipe: Recipe) -> Panes:
        """The whole pictures: coarse, or complete where one is at hand."""
        assert self._job is not None
        errors = {title: text for title, text in data.around.items() if isinstance(text, str)} | dict(data.shown.errors)
        made = {title: None if title in errors else picture for title, picture in data.around.items()}
        for column in recipe.columns:
            if column.title not in errors and (kept := self._job.cached(column)) is not None:
                made[column.title] = kept
        return Panes(made, errors)

    def _repr_mimebundle_(self, **options: Any) -> Any:
        """The widget, and for where no kernel runs what its view shows: the region, and not the whole pictures."""
        made = super()._repr_mimebundle_(**options)
        data = made[0] if isinstance(made, tuple) else made
        if data is not None and self.result is not None:
            shown = pictures_of(self.result.shown, self.shown())
            encoded = {title: None if each is None else encode(read(each, title)) for title, each in shown.items()}
            data["image/png"] = b64encode(sheet(encoded)).decode()
        return made

    def paint(self) -> None:
        """Show the latest result, and the region as a box."""
        with self.writing():
            super().paint()
        self._outline()

    def _box(self) -> dict[str, Any] | None:
        """The region as a box; None where what is typed is none."""
        try:
            return {"name": NAME, "box": box_of(self._region(), self.viewer.frame)}
        except ValueError:
            return None

    def _outline(self) -> None:
        with LOCK, self.writing():
            if (box := self._box()) is not None:
                self.viewer.boxes = [box]

    def _drawn(self, change: dict[str, Any]) -> None:
        """The box that was drawn, moved or resized is the region."""
        with LOCK:
            mine = self._box()
            fresh = [each for each in change["new"] if mine is None or each["box"] != mine["box"]]
            if self._writing or self.comm is None:
                return
            if fresh:
                box, frame = fresh[-1]["box"], self.viewer.frame
                if mine is not None and fresh[-1]["name"] == NAME:
                    self.edges.value = asdict(dragged(self._region(), mine["box"], box, frame))
                else:
                    self._go(region_of(box, frame))
            self._outline()

    def _go(self, region: Region) -> None:
        self.edges.value = asdict(rounded(region))

    def _look(self) -> None:
        self.viewer.view = self._region()

    def _take_view(self) -> None:
        self._go(Region(**self.viewer.view))


def region(
    photo: Any = None,
    columns: Sequence[Any] | None = None,
    size: int = 512,
    seed: int = 0,
    region: Region = LOCAL,
    given: Degradation | None = None,
    device: str | None = None,
    timeout: float | None = None,
    *,
    image: Any = None,
) -> Zoom:
    """Zoom in without end, each time restored anew; a rectangle is what a figure shows: draw it, drag it, or type it.

    Parameters
    ----------
    photo, columns, size, seed, given, device, timeout, image
        As for `frantools.widgets.compare`. Default columns: A, B, masking-32, masking-8.
    region : Region
        To start with. Default: the note's.
    """
    made = as_columns(FIGURES["local-region"] if columns is None else columns)
    photo = image if photo is None else photo
    return Zoom(photo, made, size, seed, region, given=given, device=device, timeout=timeout)
