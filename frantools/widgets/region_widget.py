"""The widget that zooms into a picture at any depth, and marks the rectangle that a figure shows."""

from __future__ import annotations

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
from ..settings import Declaration
from ..viewer.encoding import contact_sheet, encode_picture
from ..viewer.panes import Panes, read_pictures
from ..views.progressive import PREVIEW
from ..views.region import VIEW, RegionAndWhole
from .background import LOCK
from .controls import button
from .form import Form
from .live_view import pictures_of
from .view_widget import ViewWidget

NAME = "region"  # of the rectangle among the boxes
EDGES = {"x": "the left edge", "y": "the top edge", "width": "the width", "height": "the height"}


def region_digits(region: Region) -> int:
    """Return the number of decimals that resolve a thousandth of a region."""
    return 3 - floor(log10(min(region.width, region.height)))


def round_region(region: Region) -> Region:
    """Round a region to a thousandth of its size."""
    x, y, width, height = (round(value, region_digits(region)) for value in astuple(region))
    return Region(x, y, min(width, 1 - x), min(height, 1 - y))


def region_of_box(box: Sequence[int], frame: tuple[int, int]) -> Region:
    """Return a box in fractions of its frame."""
    (left, top, right, bottom), (frame_width, frame_height) = box, frame
    return Region(left / frame_width, top / frame_height, (right - left) / frame_width, (bottom - top) / frame_height)


def box_of_region(region: Region, frame: tuple[int, int]) -> list[int]:
    """Return a region in pixels of a frame: its size does not depend on its place, and it lies within the frame."""
    (frame_width, frame_height), slack = frame, 1e-6
    width = max(1, ceil(region.width * frame_width - slack))
    height = max(1, ceil(region.height * frame_height - slack))
    left = min(round(region.x * frame_width), frame_width - width)
    top = min(round(region.y * frame_height), frame_height - height)
    return [left, top, left + width, top + height]


def drag_region(region: Region, before: Sequence[int], after: Sequence[int], frame: tuple[int, int]) -> Region:
    """Return the region after its box was dragged; what the drag does not change stays exactly equal.

    Parameters
    ----------
    region : Region
        The region before the drag.
    before, after : sequence of int
        Its box, in pixels of the frame.
    frame : (int, int)
        Width and height.

    Examples
    --------
    >>> drag_region(Region(0.2, 0.3, 0.125, 0.25), (2, 3, 4, 6), (5, 3, 7, 6), (10, 10))
    Region(x=0.5, y=0.3, width=0.125, height=0.25)
    """
    is_move = all(after[axis + 2] - after[axis] == before[axis + 2] - before[axis] for axis in (0, 1))
    round_to = partial(round, ndigits=region_digits(region_of_box(after, frame)))
    sides = []
    for axis, (low, extent) in enumerate(((region.x, region.width), (region.y, region.height))):
        (start, end), (old_start, old_end), pixels = after[axis::2], before[axis::2], frame[axis]
        if is_move and start != old_start:
            highest = 1 - extent
            moved = min(round_to(low + (start - old_start) / pixels), highest)
            low = 0.0 if start == 0 else highest if end == pixels else moved
        elif (start, end) != (old_start, old_end):
            high = low + extent if end == old_end else end / pixels
            low = low if start == old_start else round_to(start / pixels)
            extent = min(round_to(high - low), 1 - low)
        sides.append((low, extent))
    (x, width), (y, height) = sides
    return Region(x, y, width, height)


class RegionWidget(ViewWidget):
    """The whole picture, with deep zoom, and a region of it; see `frantools.widgets.region`."""

    view = VIEW

    def __init__(
        self, photo: Any, columns: Sequence[Column], size: int, seed: int, region: Region, **options: Any
    ) -> None:
        declared = {
            name: Declaration(
                name, f"The region: {EDGES[name]}, in fractions of the picture", value, step=0.01, kind=float
            )
            for name, value in asdict(region).items()
        }
        self.edges = Form(declared)
        self.show_region = button("Go there", "Show the region", "search-plus", self._show_region)
        self.take_view = button("Take the view", "Make the visible part the region", "crop", self._take_view)
        self.edges.children = [*self.edges.children, widgets.HBox([self.show_region, self.take_view])]
        super().__init__(photo, columns, size, seed, {"region": self.edges}, **options)
        self.viewer.movable = {NAME: True}
        self.viewer.observe(self._on_boxes, "boxes")
        self.edges.observe(lambda _: self._show_box(), "value")
        self._show_region()

    def _panels(self) -> dict[str, tuple[str, widgets.Widget]]:
        return {"Region": ("The region that a figure shows", self.edges), **super()._panels()}

    def _region(self) -> Region:
        return Region(**self.edges.value)

    def _options(self) -> dict[str, Any]:
        return {}

    def own_part(self, recipe: Recipe) -> dict[str, Any]:
        """Return the edges of the region."""
        return {} if recipe.region is None else {"region": asdict(recipe.region)}

    def pane_size(self, job: RenderJob) -> int:
        """Return a small size: whatever is visible is re-rendered, even the whole picture."""
        return min(PREVIEW, max(job.size))

    def panes(self, result: RegionAndWhole, recipe: Recipe) -> Panes:
        """Return the whole pictures, coarse or as the cache has them."""
        assert self._job is not None
        errors = {**result.whole.errors, **result.region.errors}
        pictures = {title: None if title in errors else image for title, image in pictures_of(result.whole).items()}
        for column in recipe.columns:
            if column.title not in errors and (cached := self._job.cached(column)) is not None:
                pictures[column.title] = cached
        return Panes(pictures, errors)

    def _still_picture(self) -> bytes:
        """Return the region, and not the whole pictures."""
        if self.result is None:
            return super()._still_picture()
        pictures = read_pictures(pictures_of(self.result.region))
        return contact_sheet({title: None if p is None else encode_picture(p) for title, p in pictures.items()})

    def paint(self) -> None:
        """Show the latest result, and the region as a box."""
        with self.writing():
            super().paint()
        self._show_box()

    def _box(self) -> dict[str, Any] | None:
        """Return the region as a box, or None if it is invalid."""
        try:
            return {"name": NAME, "box": box_of_region(self._region(), self.viewer.frame)}
        except ValueError:
            return None

    def _show_box(self) -> None:
        with LOCK, self.writing():
            if (box := self._box()) is not None:
                self.viewer.boxes = [box]

    def _on_boxes(self, change: dict[str, Any]) -> None:
        """Make a box that was drawn, moved or resized the region."""
        with LOCK:
            current = self._box()
            changed = [item for item in change["new"] if current is None or item["box"] != current["box"]]
            if self._writing or self.comm is None:
                return
            if changed:
                box, frame = changed[-1]["box"], self.viewer.frame
                if current is not None and changed[-1]["name"] == NAME:
                    self.edges.value = asdict(drag_region(self._region(), current["box"], box, frame))
                else:
                    self._set_region(region_of_box(box, frame))
            self._show_box()

    def _set_region(self, region: Region) -> None:
        self.edges.value = asdict(round_region(region))

    def _show_region(self) -> None:
        self.viewer.view = self._region()

    def _take_view(self) -> None:
        self._set_region(Region(**self.viewer.view))


def region(
    photo: Any = None,
    columns: Sequence[Any] | None = None,
    size: int = 512,
    seed: int = 0,
    region: Region = LOCAL,
    given: Degradation | None = None,
    device: str | None = None,
    timeout: float | None = None,
) -> RegionWidget:
    """Zoom in at any depth, with pictures that are re-rendered; and draw, drag or type the rectangle of a figure.

    Parameters
    ----------
    photo, columns, size, seed, given, device, timeout
        As for `frantools.widgets.compare`. Default columns: A, B, masking-32, masking-8.
    region : Region
        The region to start with. Default: the note's.
    """
    chosen = as_columns(FIGURES["local-region"] if columns is None else columns)
    return RegionWidget(photo, chosen, size, seed, region, given=given, device=device, timeout=timeout)
