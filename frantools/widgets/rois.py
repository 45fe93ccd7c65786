"""The regions in which columns differ most: outlined, cropped, and one of them restored anew at full size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import ipywidgets as widgets
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..comparisons import Cache, Column
from ..frannet.restoration import Progress, Restoration
from ..images import Picture
from ..recipes import Recipe
from ..scores.roi import Roi, RoiSearch
from ..views import figures
from ..views.figures import Row
from ..views.note import FIGURES
from .compare import chosen, sharpen
from .controls import Numbers, control, side
from .explorer import WIDTH, Drag, Explorer


@dataclass(frozen=True)
class Found:
    """What is shown: the pictures by column, the regions, in each its sub-regions, and one restored anew."""

    pictures: Mapping[str, Restoration]
    regions: Sequence[Roi]
    inner: Sequence[Sequence[Roi]]
    anew: Mapping[str, Restoration]


def compute(recipe: Recipe, image: Picture, progress: Progress, cache: Cache) -> Iterator[Found]:
    """Restore the columns, search for regions, and restore the chosen one on its own."""
    search, choice = RoiSearch(**recipe["search"]), recipe["anew"]
    if len(recipe["columns"]) < 2:
        raise ValueError("one column alone differs from nothing; regions need two columns or more")
    search.check(recipe["size"])
    for shown in sharpen(recipe, image, lambda share: progress(share / 2), cache):
        sizes = {len(each.image) for each in shown.values()}
        if len(sizes) > 1:
            continue  # some are still coarse
        found = _search(shown, search.scaled(sizes.pop(), of=recipe["size"]))
        yield found
    if not 1 <= choice <= len(found.regions):
        return
    part = found.regions[choice - 1].region(recipe["size"])
    aspect = part.width / part.height  # of two regions that have become one, not 1
    for anew in sharpen(recipe, image, lambda share: progress(0.5 + share / 2), cache, part, aspect):
        yield replace(found, anew=anew)


def _search(shown: Mapping[str, Restoration], search: RoiSearch) -> Found:
    regions = search.regions(list(shown.values()))
    inner = [search.sub_regions([roi.crop(each.image) for each in shown.values()]) for roi in regions]
    return Found(shown, regions, inner, {})


def draw(data: Found, recipe: Recipe, figure: Figure | None = None) -> Figure:
    """One row a column: its picture with the regions outlined, their crops, and the one restored anew."""
    choice = recipe["anew"]
    titles = ["Regions", *(f"{n}: {roi.score:.0f}" for n, roi in enumerate(data.regions, start=1))]
    if 1 <= choice <= len(data.regions):
        titles.append(f"{choice} anew")
    rows = []
    for title, restoration in data.pictures.items():
        crops = [roi.crop(restoration.image) for roi in data.regions]
        last = [data.anew.get(title, crops[choice - 1])] if 1 <= choice <= len(data.regions) else []
        rows.append(Row([restoration, *crops, *last], title, [data.regions, *data.inner]))
    most = (
        1 + recipe["search"]["count"] + (choice > 0)
    )  # as wide as if all were found: the layout stays as they sharpen
    cell = max(32, min(240, (WIDTH - figures.LABEL) // max(most, len(titles)) - figures.GAP))
    return figures.grid(rows, titles, cell, figure)


def follow(control: widgets.Widget, leader: widgets.Widget) -> None:
    """Let the value of one control be the most that another takes, from when it changes: what was asked for stays."""

    def bound(_: object) -> None:
        control.max = max(control.min, leader.value)

    leader.observe(bound, "value")
    control.max = max(control.value, leader.value)


class Rois(Explorer):
    """Regions and their crops; see `frantools.widgets.rois`."""

    kind = "rois"
    compute = staticmethod(compute)
    draw = staticmethod(draw)

    def __init__(self, image: Any, columns: Sequence[Column], size: int, seed: int, search: RoiSearch) -> None:
        slow = {"continuous_update": False}
        self.search = Numbers(
            {
                "size": control(
                    widgets.IntSlider, "Region size", "Pixels a side of a region", min=1, max=2048, **slow
                ),
                "count": control(
                    widgets.IntSlider, "Regions", "How many at most", min=1, max=8, **slow
                ),
                "sub_size": control(
                    widgets.IntSlider, "Sub-region size", "Pixels a side of what is outlined in a crop", min=1,
                    max=1024, **slow,
                ),
                "sub_count": control(
                    widgets.IntSlider, "Sub-regions", "How many in a crop at most", min=0, max=8, **slow
                ),
                "merge": control(widgets.Checkbox, "Merge", "Regions that share a whole edge become one"),
            },
            open_ended=True,
        )  # fmt: skip
        self.search.value = asdict(search)
        search.check(side(size))
        anew = control(
            widgets.BoundedIntText,
            "Restore anew",
            "The region that is restored at full size: its number, or a click on it; 0 for none",
            value=1,
            max=8,
        )
        super().__init__(image, columns, size, seed, {"search": self.search, "anew": anew})
        self._drag = Drag(self.canvas, clicked=self._clicked)

    def _set(self, name: str, control: widgets.Widget, value: Any) -> None:
        if name == "search":  # no figure has a region that is larger than the picture
            value = {**value, "size": min(value["size"], self.controls["size"].value)}
        super()._set(name, control, value)

    def _bound(self) -> None:
        """A region is no larger than the picture, a sub-region than a region; what is restored anew is one of them."""
        size, search = self.controls["size"], self.search.controls
        size.observe(self._scale, "value")
        follow(search["size"], size)
        follow(search["sub_size"], search["size"])
        follow(self.controls["anew"], search["count"])
        search["sub_count"].observe(lambda _: self._enable(), "value")

    def _scale(self, change: dict[str, Any]) -> None:
        """In a smaller picture, regions are of fewer pixels: the same shares of it."""
        if not self._loading:
            self.search.value = asdict(RoiSearch(**self.search.value).scaled(change["new"], of=change["old"]))

    def _enable(self) -> None:
        super()._enable()
        self.search.controls["sub_size"].disabled = self.search.controls["sub_count"].value == 0

    def _clicked(self, axes: Axes, x: float, y: float) -> None:
        if self._data is None:
            return
        column = list(self.canvas.figure.axes).index(axes) % (len(self.canvas.figure.axes) // len(self._data.pictures))
        if column == 0:
            hits = [n for n, r in enumerate(self._data.regions, 1) if r.left <= x < r.right and r.top <= y < r.bottom]
        else:
            hits = [column] if column <= len(self._data.regions) else []
        if hits:
            self.controls["anew"].value = hits[0]


def rois(
    image: Any = None,
    columns: Sequence[Column | str] | None = None,
    size: int = 512,
    seed: int = 0,
    search: RoiSearch | None = None,
) -> Rois:
    """See where restorations differ most, and restore such a region anew: a crop with real detail.

    Parameters
    ----------
    image, columns, size, seed
        As for `frantools.widgets.compare`. Default columns: A, B, masking-32, masking-8.
    search : RoiSearch, optional
        Sizes and counts of regions and sub-regions. Default: the note's, in proportion to `size`.
    """
    search = search or RoiSearch().scaled(side(size))
    return Rois(image, chosen(columns, FIGURES["roi-crops"]), size, seed, search)
