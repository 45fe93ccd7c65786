"""The viewer as a widget: pictures side by side that zoom together in the browser."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import traitlets

from ..checks import is_integer
from ..comparisons.recipes import Recipe
from ..photos.regions import Region
from ..viewer import page
from ..viewer.boxes import scale_boxes
from ..viewer.encoding import EncodedPicture, contact_sheet, encode_picture, hash_pixels
from ..viewer.panes import (
    Panes,
    check_count,
    check_total_size,
    find_reference,
    read_panes,
    read_picture,
    read_pictures,
)
from .viewer_state import ViewerState, as_view

SAVED = (
    *("view", "boxes", "outlines", "selected", "chips", "numbers", "best", "notes", "caption"),
    *("_frame", "_reference"),
)
"""The traits that pages contain."""
MAX_DETAILS = 64  # sharper parts of a picture: beyond it, one that is out of view is dropped, or the oldest


class PictureModel(widgets.Widget):
    """A picture in the browser: a model of its own, so that it is sent once and freed when it is closed."""

    content = traitlets.Dict().tag(sync=True)

    def __init__(self, encoded: EncodedPicture) -> None:
        self.encoded = encoded
        super().__init__(content=encoded.content())


def _check_frame(frame: Any) -> tuple[int, int] | None:
    """Return a width and a height; None is the size of the reference."""
    if frame is None:
        return None
    if not isinstance(frame, Sequence) or len(frame) != 2 or not all(is_integer(side) and side > 0 for side in frame):
        raise ValueError(f"frame must be None or two positive integers (width, height), got {frame!r}")
    return int(frame[0]), int(frame[1])


class Viewer(ViewerState):
    """Pictures side by side that zoom and pan together, without waiting for the kernel.

    Parameters
    ----------
    pictures : mapping, Comparison or sequence
        Pictures by title, each an array (H, W), (H, W, 3) or (H, W, 4) of uint8 or floats in [0, 1], a tensor, a path,
        the content of a file, a Photo or a Restoration; pairs (title, picture); a Comparison, which brings its numbers,
        its recipe and, unless one of its columns is it, the original; or a stack of pictures, which are called 1, 2 ...
        An array (H, W, 3) or (H, W, 4) is one colour picture; pass a list to show it as a stack of gray ones. At most
        20 pictures, of up to 8,192 pixels a side and 400 megapixels in total.
    reference : str, optional
        The title of the picture that the others are compared with. Default: the one called "original" or "reference",
        else the first.
    boxes : sequence, optional
        (left, top, right, bottom) in pixels of the frame, or dicts with "name" and "box"; as for `frantools.crops`.
    frame : (int, int), optional
        Width and height of the frame, which boxes are in pixels of. Every picture fills it, whatever its own size.
        Default: the size of the reference.

    Attributes
    ----------
    view : dict
        The visible part: "x", "y", "width", "height" in fractions of the frame. A `Region` is accepted too, and None
        for all.
    boxes : list of dict
        ``{"name": ..., "box": [left, top, right, bottom]}``.
    outlines : list
        Rectangles without names, which do not react to the pointer: [left, top, right, bottom].
    movable : dict
        By the name of a box: True if it can be dragged without being selected first, False if it is fixed. All others
        can be dragged once they are selected.
    selected : str or None
        The title of the only picture shown, or None for all.
    chips, numbers, notes : dict
        A text by title: a description beside the title; the numbers in one line, parts two spaces apart; and a remark
        above the picture, or instead of it.
    best : dict
        By title, the indices of the parts of the numbers that are shown in bold.
    caption : str
        A line below all pictures, such as the protocol of the numbers.
    default_reference : str or None
        The title of the reference if `reference` is not set; the browser receives it with the next pictures.
    screen : dict
        "width" and "height" of a pane in CSS pixels, and "dpr", screen pixels per CSS pixel; empty until the viewer is
        displayed. Set by the browser only.

    Raises
    ------
    FileNotFoundError, ValueError
        If a picture cannot be read, or there are too many or too large ones.

    Examples
    --------
    >>> import numpy as np
    >>> viewer = Viewer({"original": np.zeros((8, 8)), "restored": np.ones((8, 8))}, boxes=[(0, 0, 4, 4)])
    >>> viewer.boxes
    [{'name': '1', 'box': [0, 0, 4, 4]}]
    """

    def __init__(
        self, pictures: Any, reference: str | None = None, boxes: Any = (), *, frame: tuple[int, int] | None = None
    ) -> None:
        self._models: dict[str, PictureModel | None] = {}
        self._details: dict[str, list[tuple[dict[str, float], PictureModel]]] = {}
        self._chosen_reference, self._chosen_frame = reference, _check_frame(frame)
        self.default_reference: str | None = None
        panes = read_panes(pictures)
        self._comparison = panes.comparison
        find_reference(list(panes.pictures), reference)
        super().__init__(view=Region.full())
        self.show(panes)
        self.boxes = boxes

    # Pictures

    @property
    def pictures(self) -> dict[str, Any]:
        """The (width, height) of each picture by title, or None if a note replaces it.

        Accepts what `Viewer` accepts. Unchanged pictures are not sent again; zoom and boxes stay.
        """
        return {title: model and (model.encoded.width, model.encoded.height) for title, model in self._models.items()}

    @pictures.setter
    def pictures(self, pictures: Any) -> None:
        panes = read_panes(pictures)
        if panes.comparison is None:  # numbers that were set by hand stay
            reference = None if self._comparison is not None else self.default_reference
            panes = replace(panes, numbers=self.numbers, best=self.best, caption=self.caption, reference=reference)
        self._comparison = panes.comparison
        self.show(panes)

    def show(self, panes: Panes, keep: Sequence[str] = ()) -> None:
        """Show these panes instead of all others; see `update` for `keep`."""
        with self.hold_sync():
            self.default_reference = panes.reference
            self._set_pictures(read_pictures(panes.pictures), keep)
            self.notes, self.numbers, self.best = dict(panes.notes), dict(panes.numbers), dict(panes.best)
            self.caption = panes.caption

    def update(self, pictures: Mapping[str, Any], keep: Sequence[str] = ()) -> None:
        """Replace or add pictures by title; None leaves the pane to its note.

        A replaced picture loses its sharper parts, unless its title is in `keep`.
        """
        self._set_pictures({**self._models, **read_pictures(pictures)}, keep)

    def _set_pictures(self, pictures: Mapping[str, Any], keep: Sequence[str]) -> None:
        """Show these pictures: existing models, uint8 arrays, or None."""
        check_count(len(pictures))
        check_total_size(
            (picture.encoded.height, picture.encoded.width) if isinstance(picture, PictureModel) else picture.shape
            for picture in pictures.values()
            if picture is not None
        )
        by_key = {model.encoded.key: model for model in self._models.values() if model is not None}
        models: dict[str, PictureModel | None] = {}
        for title, picture in pictures.items():
            if picture is not None and not isinstance(picture, PictureModel):
                key = hash_pixels(picture)
                by_key[key] = by_key.get(key) or PictureModel(encode_picture(picture, key))  # equal ones are sent once
                picture = by_key[key]
            if picture is not self._models.get(title) and title not in keep:
                self.clear_details(title)
            models[title] = picture
        self._models = models
        with self.hold_sync():
            self._update_panes()
            if self.selected not in models:
                self.selected = None
        for model in by_key.values():
            if model not in models.values():
                model.close()

    def _update_panes(self) -> None:
        """Send the panes to the browser, and move the boxes if the frame has another size."""
        candidates = (title for title in (self._chosen_reference, self.default_reference) if title in self._models)
        reference = find_reference(list(self._models), next(candidates, None))
        model = self._models[reference] or next(filter(None, self._models.values()), None)
        reference_size = (512, 512) if model is None else (model.encoded.width, model.encoded.height)
        frame = list(self._chosen_frame or reference_size)
        if self._frame and frame != self._frame and self.boxes:
            boxes = scale_boxes(self.boxes, self._frame, frame)
            self._frame = frame
            self.boxes = boxes
        self._frame, self._reference = frame, reference
        self._send_panes()

    def _send_panes(self) -> None:
        self._panes = [
            {
                "title": title,
                "picture": model and model.model_id,
                "details": [{**part, "picture": detail.model_id} for part, detail in self._details.get(title, [])],
            }
            for title, model in self._models.items()
        ]

    @property
    def reference(self) -> str:
        """The title of the picture that the others are compared with."""
        return str(self._reference)

    @reference.setter
    def reference(self, title: str | None) -> None:
        find_reference(list(self._models), title)
        self._chosen_reference = title
        self._update_panes()

    @property
    def frame(self) -> tuple[int, int]:
        """Width and height of the frame, which boxes are in pixels of; None sets the size of the reference."""
        return self._frame[0], self._frame[1]

    @frame.setter
    def frame(self, frame: tuple[int, int] | None) -> None:
        self._chosen_frame = _check_frame(frame)
        self._update_panes()

    # Sharper parts of pictures

    def detail(self, title: str, region: Region | Mapping[str, float], picture: Any) -> None:
        """Draw a sharper picture of a part over a picture, until that picture changes.

        Parameters
        ----------
        title : str
            The title of the pane.
        region : Region or dict
            The part, in fractions of the frame.
        picture : array, path, bytes, Photo or Restoration
            The picture of that part alone.
        """
        if title not in self._models:
            raise ValueError(f"title must be one of {', '.join(map(repr, self._models))}, got {title!r}")
        part, pixels = as_view(region), read_picture(picture, title)
        details, key = self._details.setdefault(title, []), hash_pixels(pixels)
        if any(other == part and model.encoded.key == key for other, model in details):
            return
        replaced = [detail for detail in details if detail[0] == part]
        if not replaced and len(details) >= MAX_DETAILS:
            replaced = [next((detail for detail in details if not self._is_visible(detail[0])), details[0])]
        new = (part, PictureModel(encode_picture(pixels, key)))
        self._details[title] = [detail for detail in details if detail not in replaced] + [new]
        self._send_panes()
        for _, model in replaced:
            model.close()

    @property
    def details(self) -> dict[str, list[dict[str, float]]]:
        """The parts of which there are sharper pictures, by title."""
        return {title: [part for part, _ in details] for title, details in self._details.items()}

    def _is_visible(self, part: Mapping[str, float]) -> bool:
        view: Mapping[str, float] = self.view
        sides = (("x", "width"), ("y", "height"))
        return all(part[a] < view[a] + view[b] and view[a] < part[a] + part[b] for a, b in sides)

    def clear_details(self, title: str | None = None) -> None:
        """Remove the sharper parts of one pane, or of all."""
        titles = list(self._details) if title is None else [title]
        models = [model for title in titles for _, model in self._details.pop(title, [])]
        if models:
            self._send_panes()
        for model in models:
            model.close()

    # Pages and pictures for use without a kernel

    @property
    def recipe(self) -> Recipe | None:
        """The recipe of the pictures, if they are a comparison's."""
        return None if self._comparison is None else self._comparison.recipe

    def _encoded(self) -> dict[str, EncodedPicture | None]:
        return {title: model and model.encoded for title, model in self._models.items()}

    def _page(self, quality: int | None) -> bytes:
        return page.build_page(self._encoded(), {name: getattr(self, name) for name in SAVED}, self.recipe, quality)

    def size(self, quality: int | None = None) -> int:
        """Return the number of bytes that `save` would write."""
        return len(self._page(quality))

    def save(self, path: str | PathLike[str], quality: int | None = None) -> None:
        """Write a single-file page that shows the same without a kernel and offline.

        Parameters
        ----------
        path : path
            Ends in ``.html``. `frantools.load_recipe` reads the recipe in the page.
        quality : int, optional
            Quality of lossy WebP, 1 to 100: smaller, with changed values. Default: the exact pixels.

        Raises
        ------
        ValueError
            If the path or the quality is not as above, or the page would have more than the 500 MB that browsers open.
        """
        page.write_page(Path(path), self._page(quality))

    def close(self) -> None:
        """Free the widget and its pictures, in the kernel and in the browser."""
        if self.comm is not None:
            details = [model for details in self._details.values() for _, model in details]
            self._details = {}  # without sending: at exit Python closes models in any order
            for model in filter(None, [*self._models.values(), *details]):
                model.close()
            self.layout.close()
        super().close()

    def _repr_mimebundle_(self, **options: Any) -> Any:
        """Return the widget, and a contact sheet for notebooks that are shown without a kernel."""
        return with_png(super()._repr_mimebundle_(**options), self.contact_sheet)

    def contact_sheet(self) -> bytes:
        """Return a small picture of all panes, as PNG."""
        return contact_sheet(self._encoded())


def with_png(bundle: Any, make_png: Callable[[], bytes]) -> Any:
    """Add a PNG to the MIME bundle of a widget that is displayed, for notebooks that are shown without a kernel."""
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    if data is not None:
        data["image/png"] = b64encode(make_png()).decode()
    return bundle
