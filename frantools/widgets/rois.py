"""The regions in which columns differ most: outlined, cropped, and one of them restored anew at full size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import ipywidgets as widgets

from ..degradation import Degradation
from ..note.four_figures import FIGURES
from ..recipes import Recipe
from ..restorers.columns import Column, as_columns
from ..scores.roi import RoiSearch
from ..viewer.boxes import scaled
from ..views.rois import VIEW, Found
from .controls import Numbers, control, follow, side
from .explorer import Explorer
from .stage import Panes, pictures_of


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
            "The region that is restored at full size, by its number; 0 for none",
            value=1,
            max=8,
        )
        self._found: list[str] = []  # the names of the boxes that were found
        self._anew_shown: dict[str, Any] = {}
        super().__init__(photo, columns, size, seed, {"search": self.search, "anew": anew}, **others)

    def _panels(self) -> dict[str, tuple[str, widgets.Widget]]:
        regions = widgets.VBox([self.search, self.controls["anew"]])
        return {"Regions": ("Which regions are searched for, and which is restored anew", regions), **super()._panels()}

    def panes(self, data: Found, recipe: Recipe) -> Panes:
        """The columns; what goes on in a region stands in the names of the boxes."""
        return Panes(pictures_of(data.shown, recipe), dict(data.shown.errors))

    def paint(self) -> None:
        """Show the latest result, its regions as boxes, and the one that was restored anew in its place."""
        with self.viewer.hold_sync():
            super().paint()
            if self.result is None:
                return
            data: Found = self.result
            own = [each for each in self.viewer.boxes if each["name"] not in self._found]
            wide, high = data.size
            frame = self.viewer.frame
            found: list[dict[str, Any]] = [
                {"name": f"{number}: {roi.score:.0f}", "box": [roi.left, roi.top, roi.right, roi.bottom]}
                for number, roi in enumerate(data.regions, start=1)
            ]
            self._found = [each["name"] for each in found]
            self.viewer.boxes = [*scaled(found, (wide, high), frame), *own]
            self._put_anew(data)

    def _put_anew(self, data: Found) -> None:
        number = self.controls["anew"].value
        if not data.anew or not 1 <= number <= len(data.regions):
            return
        region = data.regions[number - 1].region(*data.size)
        for title, picture in data.anew.items():
            if not isinstance(picture, str) and self._anew_shown.get(title) is not picture:
                self.viewer.detail(title, region, picture)
                self._anew_shown[title] = picture

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
