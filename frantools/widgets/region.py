"""A rectangle of the picture restored on its own, and rectangles within it, without end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, astuple
from math import floor, log10
from typing import Any

import ipywidgets as widgets
from matplotlib.axes import Axes

from ..degradation import Degradation
from ..recipes import Recipe
from ..regions import Region
from ..restorers.columns import Column, as_columns
from ..views.note import FIGURES, LOCAL
from ..views.region import VIEW
from .canvas import Drag, Limits, limits
from .controls import Numbers, button, control
from .explorer import Explorer


def rounded(region: Region) -> Region:
    """The region in as many digits as tell a thousandth of it."""
    digits = 3 - floor(log10(min(region.width, region.height)))
    x, y, width, height = (round(value, digits) for value in astuple(region))
    return Region(x, y, min(width, 1 - x), min(height, 1 - y))


class Zoom(Explorer):
    """A region on its own; see `frantools.widgets.region`."""

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
                layout=widgets.Layout(width="180px"),
                style={"description_width": "50px"},
            )
            for (name, what), value in zip(words.items(), astuple(region), strict=True)
        }
        self.edges = Numbers(edges)
        self.out = button("Out", "Back to the region before", "search-minus", self._out)
        self.whole = button("Whole", "The whole picture", "expand", lambda: self.go(Region.full()))
        self.edges.children = [*self.edges.children, self.out, self.whole]
        self._before: list[Region] = []
        super().__init__(photo, columns, size, seed, {"region": self.edges}, **others)
        self.out.disabled = True
        self._drag = Drag(self.canvas, self._clicked, self._drawn_on, self._held)

    def _region(self) -> Region:
        return Region(**self.edges.value)

    def _options(self) -> dict[str, Any]:
        return {}

    def own_part(self, recipe: Recipe) -> dict[str, Any]:
        """The region, by the names of its edges."""
        return {} if recipe.region is None else {"region": asdict(recipe.region)}

    @property
    def _seen(self) -> Region:
        """The region of the result."""
        assert self._shown is not None
        assert self._shown.region is not None
        return self._shown.region

    def go(self, region: Region, back: bool = False) -> None:
        """Show another region; `Out` comes back to this one."""
        if not back and self._shown is not None:
            self._before.append(self._seen)
        self.out.disabled = not self._before
        self.edges.value = {name: getattr(region, name) for name in ("x", "y", "width", "height")}

    def _out(self) -> None:
        if self._before:
            self.go(self._before.pop(), back=True)

    def _number(self, axes: Axes) -> int:
        """Which of the pictures was hit: 0 is the whole one; -1 for a sentence."""
        return self.canvas.figure.axes.index(axes) if axes.images and self._shown is not None else -1

    def _drawn_on(self, axes: Axes, left: float, top: float, right: float, bottom: float) -> None:
        """A rectangle on the whole picture is the region; on a result, a region within it."""
        number = self._number(axes)
        if number < 0:
            return
        x0, x1, y1, y0 = self.canvas.full[number]  # the picture's edges in pixels; rows count downwards
        wide, high = x1 - x0, y1 - y0
        part = Region((left - x0) / wide, (top - y0) / high, (right - left) / wide, (bottom - top) / high)
        self.go(rounded(part if number == 0 else part.within(self._seen)))

    def _held(self, axes: Axes, x: float, y: float) -> Limits | None:
        """The outlined region of the whole picture, where it is taken hold of; it must be all in view."""
        if self._number(axes) != 0 or limits(axes) != self.canvas.full[0]:
            return None
        region, (high, wide) = self._seen, self.result.whole.image.shape[:2]
        left, top = region.x * wide - 0.5, region.y * high - 0.5
        right, bottom = left + region.width * wide, top + region.height * high
        inside = left <= x < right and top <= y < bottom and region != Region.full()
        return (left, top, right, bottom) if inside else None

    def _clicked(self, axes: Axes, x: float, y: float) -> None:
        """A click on the whole picture moves the region there."""
        if self._number(axes) == 0:
            region, (high, wide) = self._seen, self.result.whole.image.shape[:2]
            left = min(max((x + 0.5) / wide - region.width / 2, 0.0), 1 - region.width)
            top = min(max((y + 0.5) / high - region.height / 2, 0.0), 1 - region.height)
            self.go(rounded(Region(left, top, region.width, region.height)))


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
    """Restore a rectangle of the picture on its own: draw it, drag it, click where it should go, or type it.

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
