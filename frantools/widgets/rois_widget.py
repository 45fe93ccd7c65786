"""The widget of the regions in which columns differ most: outlined, cropped, and re-rendered at full size."""

from __future__ import annotations

import html
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import asdict
from io import BytesIO
from typing import Any

import ipywidgets as widgets
from PIL import Image

from ..checks import integer
from ..comparisons.recipes import Recipe
from ..note.four_figures import FIGURES
from ..photos.degradation import Degradation
from ..photos.images import as_picture
from ..photos.regions import LARGEST, Region
from ..restorers.columns import Column, as_columns
from ..scores.roi_search import Roi, RoiSearch
from ..viewer.boxes import scale_boxes
from ..viewer.panes import Panes
from ..views.layout import OUTLINE
from ..views.rois import VIEW, RegionsOfInterest
from .background import LOCK
from .controls import control, limit_by
from .form import Form
from .live_view import pictures_of
from .region_widget import region_of_box
from .view_widget import ViewWidget

CROP = 112  # CSS pixels that a crop is wide
TOLERANCE = 0.01  # of the picture: how far a view may be from a box and still show it


class RoisWidget(ViewWidget):
    """Regions of interest and their crops; see `frantools.widgets.rois`."""

    view = VIEW

    def __init__(
        self, photo: Any, columns: Sequence[Column], size: int, seed: int, search: RoiSearch, **options: Any
    ) -> None:
        self.search = Form(RoiSearch, continuous=False)
        self.search.set_value(asdict(search))
        search.check(integer("size", size, 1, LARGEST))
        rerender = control(
            widgets.BoundedIntText,
            "Re-render",
            "The region that is re-rendered at full size, by its number; 0 for none",
            value=1,
            max=8,
        )
        self._roi_names: list[str] = []  # of the boxes of regions
        self._details: dict[str, Any] = {}  # the re-rendered region, by column
        self.crops = widgets.HTML()
        super().__init__(photo, columns, size, seed, {"search": self.search, "rerender": rerender}, **options)
        self.viewer.on_box(self._show_box)

    def _panels(self) -> dict[str, tuple[str, widgets.Widget]]:
        regions = widgets.VBox([self.search, self.controls["rerender"]])
        return {"Regions": ("The search for regions, and the re-rendered one", regions), **super()._panels()}

    def _below(self) -> list[widgets.Widget]:
        return [self.crops]

    def panes(self, result: RegionsOfInterest, recipe: Recipe) -> Panes:
        """Return the columns; the scores of regions are the names of the boxes."""
        return Panes(pictures_of(result.comparison), dict(result.comparison.errors))

    def paint(self) -> None:
        """Show the latest result, its regions as boxes, and the re-rendered one in its place."""
        with self.viewer.hold_sync():
            super().paint()
            if self.result is None:
                return
            result: RegionsOfInterest = self.result
            drawn = [item for item in self.viewer.boxes if item["name"] not in self._roi_names]
            boxes = [_as_box(roi, f"{number}: {roi.score:.0f}") for number, roi in enumerate(result.rois, start=1)]
            outlines = [
                _as_box(sub_region, "", roi.left, roi.top)
                for roi, sub_regions in zip(result.rois, result.sub_rois, strict=True)
                for sub_region in sub_regions
            ]
            frame = self.viewer.frame
            self._roi_names = [item["name"] for item in boxes]
            self.viewer.boxes = [*scale_boxes(boxes, result.size, frame), *drawn]
            self.viewer.movable = dict.fromkeys(self._roi_names, False)
            self.viewer.outlines = [item["box"] for item in scale_boxes(outlines, result.size, frame)]
            self._show_details(result)
        self.crops.value = crops_html(result)

    def _show_details(self, result: RegionsOfInterest) -> None:
        """Show the re-rendered region in its place."""
        number = self.controls["rerender"].value
        if not result.rerendered or not 1 <= number <= len(result.rois):
            return
        region = result.rois[number - 1].region(*result.size)
        for title, picture in result.rerendered.items():
            if not isinstance(picture, str) and self._details.get(title) is not picture:
                self.viewer.detail(title, region, picture)
                self._details[title] = picture

    def _show_box(self, name: str) -> None:
        """Show the box that is clicked at full size, re-rendered; or the whole picture if the box fills the view."""
        with LOCK:
            box = next(item["box"] for item in self.viewer.boxes if item["name"] == name)
            region, view = region_of_box(box, self.viewer.frame), self.viewer.view
            if all(abs(view[edge] - value) < TOLERANCE for edge, value in asdict(region).items()):
                self.viewer.view = Region.full()
                return
            self.viewer.view = region
            if name in self._roi_names:
                self.controls["rerender"].value = self._roi_names.index(name) + 1

    def _still_picture(self) -> bytes:
        """Return the figure: the regions and their crops."""
        if self.result is None:
            return super()._still_picture()
        figure = self.view.draw(self.result, self.result_recipe(), None)
        png: bytes = figure._repr_png_()  # type: ignore[attr-defined]
        return png

    def own_part(self, recipe: Recipe) -> dict[str, Any]:
        """Return the search, with regions that are not larger than the picture."""
        part = super().own_part(recipe)
        if "search" in part:
            search = part["search"]
            part["search"] = {**search, "size": min(search["size"], self.controls["size"].value)}
        return part

    def _link_controls(self) -> None:
        """Limit regions to the size of the picture, sub-regions to that of regions, and numbers to the count."""
        size, search = self.controls["size"], self.search
        size.observe(self._scale_search, "value")
        limit_by(search["size"], size)
        limit_by(search["sub_size"], search["size"])
        limit_by(self.controls["rerender"], search["count"])

    def _scale_search(self, change: dict[str, Any]) -> None:
        """Keep the regions' shares of the picture when its size changes."""
        if not self._writing:
            self.search.set_value(asdict(RoiSearch(**self.search.value).scaled(change["new"], of=change["old"])))


def _as_box(roi: Roi, name: str, left: int = 0, top: int = 0) -> dict[str, Any]:
    """Return a region of a crop as a box of the picture; `left` and `top` are the crop's."""
    return {"name": name, "box": [left + roi.left, top + roi.top, left + roi.right, top + roi.bottom]}


def crops_html(result: RegionsOfInterest) -> str:
    """Return the crops of all columns, region by region, with their sub-regions outlined, as HTML."""
    images = {title: result.fitted(title) for title in result.comparison}
    groups = []
    for number, (roi, sub_regions) in enumerate(zip(result.rois, result.sub_rois, strict=True), start=1):
        width, height = roi.right - roi.left, roi.bottom - roi.top
        outlines = "".join(
            f'<span style="position: absolute; left: {sub.left / width:.2%}; top: {sub.top / height:.2%}; '
            f"width: {(sub.right - sub.left) / width:.2%}; height: {(sub.bottom - sub.top) / height:.2%}; "
            f'box-sizing: border-box; border: 1px solid {OUTLINE}; outline: 1px solid rgba(0, 0, 0, 0.6)"></span>'
            for sub in sub_regions
        )
        crops = ""
        for title, image in images.items():
            file = BytesIO()
            Image.fromarray(as_picture(roi.crop(image))).save(file, "PNG", compress_level=1)
            text = html.escape(title)
            crops += (
                f'<span style="width: {CROP}px"><span style="position: relative; display: block">'
                f'<img src="data:image/png;base64,{b64encode(file.getvalue()).decode()}" alt="{text}, region {number}" '
                f'style="display: block; width: 100%; image-rendering: pixelated">{outlines}</span>'
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
) -> RoisWidget:
    """Find the regions in which restorations differ most, and re-render one: a crop with real detail.

    A click on a box shows it at full size, re-rendered; a second click returns to the whole picture.

    Parameters
    ----------
    photo, columns, size, seed, given, device, timeout
        As for `frantools.widgets.compare`. Default columns: A, B, masking-32, masking-8.
    search : RoiSearch, optional
        Sizes and counts of regions and sub-regions, in pixels of pictures of this `size`; `RoiSearch.scaled` adapts a
        search to another size. Default: the note's, in proportion to `size`.
    """
    search = search or RoiSearch().scaled(integer("size", size, 1, LARGEST))
    chosen = as_columns(FIGURES["roi-crops"] if columns is None else columns)
    return RoisWidget(photo, chosen, size, seed, search, given=given, device=device, timeout=timeout)
