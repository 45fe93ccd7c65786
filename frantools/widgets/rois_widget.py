"""The regions in which columns differ most: outlined, cropped, and one of them restored anew at full size."""

from __future__ import annotations

import html
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import asdict
from io import BytesIO
from typing import Any

import ipywidgets as widgets
from PIL import Image

from ..comparisons.recipes import Recipe
from ..note.four_figures import FIGURES
from ..photos.degradation import Degradation
from ..photos.images import as_picture
from ..photos.regions import Region
from ..restorers.columns import Column, as_columns
from ..scores.roi_search import RoiSearch
from ..viewer.boxes import scaled
from ..views.layout import OUTLINE
from ..views.rois import VIEW, Found
from .controls import Numbers, control, follow, side
from .live_view import Panes, pictures_of
from .region_widget import region_of
from .rendering import LOCK
from .view_widget import ViewWidget

CROP = 112  # CSS pixels that a crop is wide
SAME = 0.01  # of the picture: a view that is no farther from a box shows that box


class Rois(ViewWidget):
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
        self.crops = widgets.HTML()
        super().__init__(photo, columns, size, seed, {"search": self.search, "anew": anew}, **others)
        self.viewer.on_box(self._visit)

    def _panels(self) -> dict[str, tuple[str, widgets.Widget]]:
        regions = widgets.VBox([self.search, self.controls["anew"]])
        return {"Regions": ("Which regions are searched for, and which is re-rendered", regions), **super()._panels()}

    def _below(self) -> list[widgets.Widget]:
        return [self.crops]

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
            self.viewer.movable = dict.fromkeys(self._found, False)
            inner = [
                {"name": "", "box": [roi.left + at.left, roi.top + at.top, roi.left + at.right, roi.top + at.bottom]}
                for roi, parts in zip(data.regions, data.inner, strict=True)
                for at in parts
            ]
            self.viewer.outlines = [each["box"] for each in scaled(inner, (wide, high), frame)]
            self._put_anew(data)
        self.crops.value = strip(data, self.shown())

    def _put_anew(self, data: Found) -> None:
        number = self.controls["anew"].value
        if not data.anew or not 1 <= number <= len(data.regions):
            return
        region = data.regions[number - 1].region(*data.size)
        for title, picture in data.anew.items():
            if not isinstance(picture, str) and self._anew_shown.get(title) is not picture:
                self.viewer.detail(title, region, picture)
                self._anew_shown[title] = picture

    def _visit(self, name: str) -> None:
        """Show the box that is clicked at full size, restored anew; the whole picture again where it is in view."""
        with LOCK:
            box = next(each["box"] for each in self.viewer.boxes if each["name"] == name)
            region, view = region_of(box, self.viewer.frame), self.viewer.view
            if all(abs(view[side] - value) < SAME for side, value in asdict(region).items()):
                self.viewer.view = Region.full()
                return
            self.viewer.view = region
            if name in self._found:
                self.controls["anew"].value = self._found.index(name) + 1

    def _repr_mimebundle_(self, **options: Any) -> Any:
        """The widget, and for where no kernel runs its figure: the regions and their crops."""
        made = super()._repr_mimebundle_(**options)
        data = made[0] if isinstance(made, tuple) else made
        if data is not None and self.result is not None:
            figure = self.view.draw(self.result, self.shown(), None)
            data["image/png"] = b64encode(figure._repr_png_()).decode()  # type: ignore[attr-defined]
        return made

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


def strip(data: Found, recipe: Recipe) -> str:
    """The crops of all columns, region by region, with their sub-regions outlined, as HTML."""
    images = {c.title: data.fitted(c.title) for c in recipe.columns if c.title not in data.shown.errors}
    groups = []
    for number, (roi, parts) in enumerate(zip(data.regions, data.inner, strict=True), start=1):
        wide, high = roi.right - roi.left, roi.bottom - roi.top
        lines = "".join(
            f'<span style="position: absolute; left: {at.left / wide:.2%}; top: {at.top / high:.2%}; '
            f"width: {(at.right - at.left) / wide:.2%}; height: {(at.bottom - at.top) / high:.2%}; "
            f'box-sizing: border-box; border: 1px solid {OUTLINE}; outline: 1px solid rgba(0, 0, 0, 0.6)"></span>'
            for at in parts
        )
        crops = ""
        for title, image in images.items():
            file = BytesIO()
            Image.fromarray(as_picture(roi.crop(image))).save(file, "PNG", compress_level=1)
            text = html.escape(title)
            crops += (
                f'<span style="width: {CROP}px"><span style="position: relative; display: block">'
                f'<img src="data:image/png;base64,{b64encode(file.getvalue()).decode()}" alt="{text}, region {number}" '
                f'style="display: block; width: 100%; image-rendering: pixelated">{lines}</span>'
                f'<span style="display: block; overflow: hidden; text-overflow: ellipsis">{text}</span></span>'
            )
        row = f'<div style="display: flex; flex-wrap: wrap; gap: 4px">{crops}</div>'
        groups.append(f"<div><b>{number}: {roi.score:.0f}</b>{row}</div>")
    return (
        '<div style="display: flex; flex-wrap: wrap; gap: 8px 24px; font-size: 11px; line-height: 16px">'
        f"{''.join(groups)}</div>"
    )


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

    A click on a box shows it at full size, restored anew; a second click goes back.

    Parameters
    ----------
    photo, columns, size, seed, given, device, timeout, image
        As for `frantools.widgets.compare`. Default columns: A, B, masking-32, masking-8.
    search : RoiSearch, optional
        Sizes and counts of regions and sub-regions, in pixels of pictures of this `size`: `RoiSearch.scaled` makes a
        search for another size fit. Default: the note's, in proportion to `size`.
    """
    search = search or RoiSearch().scaled(side(size))
    made = as_columns(FIGURES["roi-crops"] if columns is None else columns)
    photo = image if photo is None else photo
    return Rois(photo, made, size, seed, search, given=given, device=device, timeout=timeout)
