"""The regions in which columns differ most: outlined, cropped, and one of them restored anew at full size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import ipywidgets as widgets
from matplotlib.axes import Axes

from ..degradation import Degradation
from ..recipes import Recipe
from ..restorers.columns import Column, as_columns
from ..scores.roi import RoiSearch
from ..views.note import FIGURES
from ..views.rois import VIEW
from .canvas import Drag
from .controls import Numbers, control, follow, side
from .explorer import Explorer


class Rois(Explorer):
    """Regions and their crops; see `frantools.widgets.rois`."""

    view = VIEW

    def __init__(
        self, photo: Any, columns: Sequence[Column], size: int, seed: int, search: RoiSearch, **others: Any
    ) -> None:
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
        self.search.show(asdict(search))
        search.check(side(size))
        anew = control(
            widgets.BoundedIntText,
            "Restore anew",
            "The region that is restored at full size: its number, or a click on it; 0 for none",
            value=1,
            max=8,
        )
        super().__init__(photo, columns, size, seed, {"search": self.search, "anew": anew}, **others)
        self._drag = Drag(self.canvas, clicked=self._clicked)

    def own_part(self, recipe: Recipe) -> dict[str, Any]:
        """With regions that are no larger than the picture."""
        found = super().own_part(recipe)
        if "search" in found:
            value = found["search"]
            found["search"] = {**value, "size": min(value["size"], self.controls["size"].value)}
        return found

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
        if not self._writing:
            self.search.show(asdict(RoiSearch(**self.search.value).scaled(change["new"], of=change["old"])))

    def _enable(self) -> None:
        super()._enable()
        self.search.controls["sub_size"].disabled = self.search.controls["sub_count"].value == 0

    def _clicked(self, axes: Axes, x: float, y: float) -> None:
        if self.result is None or not axes.images:
            return
        regions = self.result.regions
        rows = [each for each in self.canvas.figure.axes if each.images]
        column = rows.index(axes) % (len(rows) // max(1, len(self.result.pictures)))
        if column == 0:
            hits = [n for n, r in enumerate(regions, 1) if r.left <= x < r.right and r.top <= y < r.bottom]
        else:
            hits = [column] if column <= len(regions) else []
        if hits:
            self.controls["anew"].value = hits[0]


def rois(
    photo: Any = None,
    columns: Sequence[Any] | None = None,
    size: int = 512,
    seed: int = 0,
    search: RoiSearch | None = None,
    given: Degradation | None = None,
    device: str | None = None,
    timeout: float | None = None,
    *,
    image: Any = None,
) -> Rois:
    """See where restorations differ most, and restore such a region anew: a crop with real detail.

    Parameters
    ----------
    photo, columns, size, seed, given, device, timeout, image
        As for `frantools.widgets.compare`. Default columns: A, B, masking-32, masking-8.
    search : RoiSearch, optional
        Sizes and counts of regions and sub-regions. Default: the note's, in proportion to `size`.
    """
    search = search or RoiSearch().scaled(side(size))
    made = as_columns(FIGURES["roi-crops"] if columns is None else columns)
    photo = image if photo is None else photo
    return Rois(photo, made, size, seed, search, given=given, device=device, timeout=timeout)
