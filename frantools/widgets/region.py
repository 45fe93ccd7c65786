"""A rectangle of the picture restored on its own, and rectangles within it, without end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from math import floor, log10
from typing import Any

import ipywidgets as widgets
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..comparisons import Cache, Column, seen
from ..frannet.restoration import Progress, Restoration
from ..images import Picture
from ..recipes import Recipe
from ..regions import Region
from ..scores.roi import Roi
from ..views import figures
from ..views.figures import Row
from ..views.note import FIGURES, LOCAL
from .compare import chosen, sharpen
from .controls import Numbers, button, control
from .explorer import WIDTH, Drag, Explorer, Limits, limits

OVERVIEW = 256  # pixels a side of the whole picture


@dataclass(frozen=True)
class Local:
    """What is shown: the whole picture by the first column, and the region by all."""

    whole: Restoration
    pictures: Mapping[str, Restoration]


def compute(recipe: Recipe, image: Picture, progress: Progress, cache: Cache) -> Iterator[Local]:
    """Restore the region, beside the whole picture by the first column."""
    region = Region(*recipe["region"])
    first = {**recipe, "columns": recipe["columns"][:1], "size": OVERVIEW}
    gray = whole = Restoration(seen(image, OVERVIEW), 0.0, 0, {})  # the region first: it is what one waits for
    for shown in sharpen(recipe, image, lambda share: progress(0.9 * share), cache, region):
        yield Local(whole, shown)
        if whole is gray:
            (whole,) = next(iter(sharpen(first, image, lambda _: progress(0.0), cache))).values()
            yield Local(whole, shown)
    *_, fine = sharpen(first, image, lambda share: progress(0.9 + 0.1 * share), cache)
    (whole,) = fine.values()
    yield Local(whole, shown)


def draw(data: Local, recipe: Recipe, figure: Figure | None = None) -> Figure:
    """The whole picture with the region outlined, then the region by each column."""
    region, side = Region(*recipe["region"]), len(data.whole.image)
    edges = (region.y, region.x, region.y + region.height, region.x + region.width)
    frame = Roi(*(round(side * edge) for edge in edges), score=0.0)  # type: ignore[misc]
    titles = ["Whole picture", *data.pictures]
    cell = min(320, WIDTH // len(titles) - figures.GAP)
    return figures.grid([Row([data.whole, *data.pictures.values()], outlines=[[frame]])], titles, cell, figure)


def rounded(region: Region) -> Region:
    """The region in as many digits as tell a thousandth of it."""
    digits = 3 - floor(log10(min(region.width, region.height)))
    x, y, width, height = (round(value, digits) for value in astuple(region))
    return Region(x, y, min(width, 1 - x), min(height, 1 - y))


class Zoom(Explorer):
    """A region on its own; see `frantools.widgets.region`."""

    kind = "region"
    compute = staticmethod(compute)
    draw = staticmethod(draw)

    def __init__(self, image: Any, columns: Sequence[Column], size: int, seed: int, region: Region) -> None:
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
        super().__init__(image, columns, size, seed, {"region": self.edges})
        self.out.disabled = True
        self._drag = Drag(self.canvas, self._clicked, self._drawn, self._held)

    @property
    def recipe(self) -> Recipe:
        """With the region as the four numbers that other recipes have."""
        region = Region(**self.edges.value)
        return {**super().recipe, "region": list(astuple(region))}

    def _set(self, name: str, control: widgets.Widget, value: Any) -> None:
        if name == "region":
            value = dict(zip(("x", "y", "width", "height"), astuple(Region(*value)), strict=True))
        super()._set(name, control, value)

    def go(self, region: Region, back: bool = False) -> None:
        """Show another region; `Out` comes back to this one."""
        if not back and self._recipe:
            self._before.append(Region(*self._recipe["region"]))
        self.out.disabled = not self._before
        self.edges.value = {name: getattr(region, name) for name in ("x", "y", "width", "height")}

    def _out(self) -> None:
        if self._before:
            self.go(self._before.pop(), back=True)

    def _drawn(self, axes: Axes, left: float, top: float, right: float, bottom: float) -> None:
        """A rectangle on the whole picture is the region; on a result, a region within it."""
        number = list(self.canvas.figure.axes).index(axes)
        x0, x1, y1, y0 = self._full[number]  # the picture's edges in pixels; rows count downwards
        wide, high = x1 - x0, y1 - y0
        part = Region((left - x0) / wide, (top - y0) / high, (right - left) / wide, (bottom - top) / high)
        self.go(rounded(part if number == 0 else part.within(Region(*self._recipe["region"]))))

    def _held(self, axes: Axes, x: float, y: float) -> Limits | None:
        """The outlined region of the whole picture, where it is taken hold of; it must be all in view."""
        if self.canvas.figure.axes.index(axes) != 0 or limits(axes) != self._full[0]:
            return None
        region, side = Region(*self._recipe["region"]), len(self._data.whole.image)
        left, top = region.x * side - 0.5, region.y * side - 0.5
        right, bottom = left + region.width * side, top + region.height * side
        inside = left <= x < right and top <= y < bottom and region != Region.full()
        return (left, top, right, bottom) if inside else None

    def _clicked(self, axes: Axes, x: float, y: float) -> None:
        """A click on the whole picture moves the region there."""
        if self.canvas.figure.axes.index(axes) == 0:
            region, side = Region(*self._recipe["region"]), len(self._data.whole.image)
            left = min(max((x + 0.5) / side - region.width / 2, 0.0), 1 - region.width)
            top = min(max((y + 0.5) / side - region.height / 2, 0.0), 1 - region.height)
            self.go(rounded(Region(left, top, region.width, region.height)))


def region(
    image: Any = None,
    columns: Sequence[Column | str] | None = None,
    size: int = 512,
    seed: int = 0,
    region: Region = LOCAL,
) -> Zoom:
    """Restore a rectangle of the picture on its own: draw it, drag it, click where it should go, or type it.

    Parameters
    ----------
    image, columns, size, seed
        As for `frantools.widgets.compare`. Default columns: A, B, masking-32, masking-8.
    region : Region
        To start with. Default: the note's.
    """
    return Zoom(image, chosen(columns, FIGURES["local-region"]), size, seed, region)
