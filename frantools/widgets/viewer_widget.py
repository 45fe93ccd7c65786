"""The viewer as a widget: pictures side by side that zoom together in the browser."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from itertools import chain
from math import isfinite
from numbers import Real
from os import PathLike
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets as widgets
import traitlets

from ..checks import is_integer
from ..comparisons.comparison import Comparison
from ..comparisons.recipes import Recipe
from ..photos.regions import Region
from ..viewer import page, scripts
from ..viewer.boxes import as_boxes, scaled
from ..viewer.encoding import (
    Collection,
    EncodedPicture,
    check_count,
    check_total,
    collect,
    content_key,
    encode,
    read,
    reference_of,
    sheet,
)

SHARED = {"view", "boxes", "selected"}  # traits that Python and the browser both change
DETAILS = 64  # sharper parts that are kept of a picture: one out of view goes, or the oldest


class PictureModel(widgets.Widget):
    """A picture in the browser. It is a model of its own, so that it is sent once, and freed when it is closed."""

    content = traitlets.Dict().tag(sync=True)

    def __init__(self, encoded: EncodedPicture) -> None:
        self.encoded = encoded
        super().__init__(content=encoded.content())


class Checked(traitlets.Any):
    """A trait whose validator is asked about None, too."""

    allow_none = False


def _dimensions(value: Any) -> tuple[int, int] | None:
    """Width and height, or None for the reference's own."""
    if value is None:
        return None
    if not isinstance(value, Sequence) or len(value) != 2 or not all(is_integer(each) and each > 0 for each in value):
        raise ValueError(f"frame is {value!r}; accepted are None and (width, height), two whole numbers from 1")
    return int(value[0]), int(value[1])


def _view(value: Any) -> dict[str, float]:
    """What is in view, as four finite fractions within the picture; None is all of it."""
    value = Region.full() if value is None else value
    if isinstance(value, Region):
        value = asdict(value)
    names = ("x", "y", "width", "height")
    if not isinstance(value, Mapping) or set(value) != set(names):
        raise traitlets.TraitError(f"view is {value!r}; accepted are a Region and a dict of {', '.join(names)}")
    if not all(isinstance(each, Real) and isfinite(each) for each in value.values()):
        raise traitlets.TraitError(f"view is {value!r}; accepted are finite numbers")
    try:
        return asdict(Region(**{name: float(value[name]) for name in names}))
    except ValueError as error:
        raise traitlets.TraitError(str(error)) from None


class Viewer(anywidget.AnyWidget):
    """Pictures side by side, which zoom and pan together, at once: nothing waits for the kernel.

    Parameters
    ----------
    pictures : mapping, Comparison or sequence
        Pictures by title, each an array (H, W), (H, W, 3) or (H, W, 4) of uint8 or floats in [0, 1], a path, the
        content of a file, a Photo or a Restoration; or pairs (title, picture); or a Comparison, with its numbers, its
        recipe and, before its columns, the original, unless one of them is it; or a stack of pictures, which are called
        1, 2 ... An array (H, W, 3) or (H, W, 4) is one picture in colour, and no stack of gray ones: `list` makes that
        of it. Tensors are taken as arrays. There are 1 to 20, of up to 8,192 pixels a side and 400 megapixels together.
    reference : str, optional
        The title of the picture that the others are compared with. Default: the one called "original" or "reference",
        else the first.
    boxes : sequence, optional
        (left, top, right, bottom) in pixels of the frame, or dicts with "name" and "box"; as for `frantools.crops`.
    frame : (int, int), optional
        Width and height of what all pictures show, in pixels, which boxes are in. Default: those of the reference.
        All pictures are laid over it, whatever their number of pixels.

    Attributes
    ----------
    view : dict
        What is in view: "x", "y", "width", "height" in fractions of the frame. It takes a `Region` too, and None
        for all.
    boxes : list of dict
        ``{"name": ..., "box": [left, top, right, bottom]}``.
    outlines : list
        Rectangles that are drawn without a name, and that no pointer takes hold of: [left, top, right, bottom].
    movable : dict
        By the name of a box: True lets a drag move it though it is not chosen, False keeps it where it is. Others move
        once they are chosen.
    selected : str or None
        The title of the picture that is shown alone.
    chips, numbers, notes : dict
        A text by title: what a picture is, beside its title; its numbers in one line, parts of which are two spaces
        apart; and a remark in the place of a picture, or above it.
    best : dict
        By title, which parts of the numbers are in bold, counted from 0.
    caption : str
        A line below all, such as how the numbers came about.
    default_reference : str or None
        The title of the reference where none is asked for; the browser is told with the next pictures.
    screen : dict
        "width" and "height" of a pane in the browser in CSS pixels, and "dpr", screen pixels for each of them; empty
        until the viewer is shown. In both directions but for this one.

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

    _esm = scripts.script("widget")
    _css = scripts.style()

    view = Checked().tag(sync=True)
    boxes = Checked().tag(sync=True)
    outlines: Any = traitlets.List().tag(sync=True)
    movable = traitlets.Dict().tag(sync=True)
    selected = traitlets.Unicode(None, allow_none=True).tag(sync=True)
    chips = traitlets.Dict().tag(sync=True)
    numbers = traitlets.Dict().tag(sync=True)
    best = traitlets.Dict().tag(sync=True)
    notes = traitlets.Dict().tag(sync=True)
    caption = traitlets.Unicode().tag(sync=True)
    screen = traitlets.Dict(read_only=True).tag(sync=True)
    _panes: Any = traitlets.List().tag(sync=True)
    _frame: Any = traitlets.List().tag(sync=True)
    _reference = traitlets.Unicode().tag(sync=True)
    _commits = traitlets.Int().tag(sync=True)  # how many states the browser has sent

    def __init__(
        self, pictures: Any, reference: str | None = None, boxes: Any = (), *, frame: tuple[int, int] | None = None
    ) -> None:
        self._models: dict[str, PictureModel | None] = {}
        self._details: dict[str, list[tuple[dict[str, float], PictureModel]]] = {}
        self._messages: list[Mapping[str, Any]] = []  # those that wait for the browser's state before them
        self._asked, self._sized = reference, _dimensions(frame)
        self.default_reference: str | None = None
        self._comparison: Comparison | None = None
        self._clicked = widgets.CallbackDispatcher()
        self._box_clicked = widgets.CallbackDispatcher()
        made = collect(pictures)
        reference_of(list(made.pictures), reference)
        super().__init__(view=Region.full())
        self.on_msg(self._receive)
        self._show(made)
        self.boxes = boxes

    # Pictures

    @property
    def pictures(self) -> dict[str, Any]:
        """The titles, each with the (width, height) of its picture, or None where a note stands in its place.

        Set it to what `Viewer` takes: what has not changed is not sent again, and zoom and boxes stay.
        """
        return {
            title: None if model is None else (model.encoded.width, model.encoded.height)
            for title, model in self._models.items()
        }

    @pictures.setter
    def pictures(self, pictures: Any) -> None:
        self._show(collect(pictures))

    def _show(self, made: Collection) -> None:
        if made.comparison is not self._comparison:
            self._comparison, self.default_reference = made.comparison, made.reference
        with self.hold_sync():
            self._take(made.pictures)
            if made.comparison is not None:
                self.numbers, self.best, self.caption = made.numbers, made.best, made.caption
            self.notes = made.notes

    def update(self, pictures: Mapping[str, Any], keep: Sequence[str] = ()) -> None:
        """Replace or add pictures, by title; the others stay. A None leaves the pane to its note.

        The sharper parts of a picture that is replaced go, unless its title is among those to `keep`.
        """
        fresh = {title: None if each is None else read(each, title) for title, each in pictures.items()}
        self._take({**self._models, **fresh}, keep)

    def _take(self, pictures: Mapping[str, Any], keep: Sequence[str] = ()) -> None:
        """Show these pictures: models that are there already, uint8 arrays, or None."""
        check_count(len(pictures))
        check_total(
            (each.encoded.height, each.encoded.width) if isinstance(each, PictureModel) else each.shape
            for each in pictures.values()
            if each is not None
        )
        before = {model.encoded.key: model for model in self._models.values() if model is not None}
        models: dict[str, PictureModel | None] = {}
        for title, each in pictures.items():
            if each is not None and not isinstance(each, PictureModel):
                key = content_key(each)
                before[key] = before.get(key) or PictureModel(encode(each, key))  # two alike are sent once
                each = before[key]
            if each is not self._models.get(title) and title not in keep:
                self.clear_details(title)
            models[title] = each
        self._models = models
        with self.hold_sync():
            self._lay()
            if self.selected not in models:
                self.selected = None
        for model in before.values():
            if all(model is not kept for kept in models.values()):
                model.close()

    def _lay(self) -> None:
        """Tell the browser of the panes, and keep boxes where they are where the frame's pixels change."""
        wished = (title for title in (self._asked, self.default_reference) if title in self._models)
        reference = reference_of(list(self._models), next(wished, None))
        first = self._models[reference] or next((each for each in self._models.values() if each is not None), None)
        own = (512, 512) if first is None else (first.encoded.width, first.encoded.height)
        frame = list(self._sized or own)
        if self._frame and frame != self._frame and self.boxes:
            moved = scaled(self.boxes, self._frame, frame)
            self._frame = frame
            self.boxes = moved
        self._frame, self._reference = frame, reference
        self._tell()

    def _tell(self) -> None:
        self._panes = [
            {
                "title": title,
                "picture": model and model.model_id,
                "details": [{**part, "picture": each.model_id} for part, each in self._details.get(title, [])],
            }
            for title, model in self._models.items()
        ]

    @property
    def reference(self) -> str:
        """The title of the picture that the others are compared with."""
        return str(self._reference)

    @reference.setter
    def reference(self, title: str | None) -> None:
        reference_of(list(self._models), title)
        self._asked = title
        self._lay()

    @property
    def frame(self) -> tuple[int, int]:
        """Width and height of what all pictures show, in pixels, which boxes are in. None sets the reference's."""
        return self._frame[0], self._frame[1]

    @frame.setter
    def frame(self, frame: tuple[int, int] | None) -> None:
        self._sized = _dimensions(frame)
        self._lay()

    def detail(self, title: str, region: Region | Mapping[str, float], picture: Any) -> None:
        """Draw a sharper picture of a part over the picture of a title, where the view shows it.

        It goes when the picture changes.

        Parameters
        ----------
        title : str
            Of the pane.
        region : Region or dict
            Which part, in fractions of the frame.
        picture : array, path, bytes, Photo or Restoration
            Of that part alone.
        """
        if title not in self._models:
            raise ValueError(f"there is no pane {title!r}; accepted are {', '.join(map(repr, self._models))}")
        part, pixels = _view(region), read(picture, title)
        details, key = self._details.setdefault(title, []), content_key(pixels)
        if any(each == part and old.encoded.key == key for each, old in details):
            return
        model = PictureModel(encode(pixels, key))
        replaced = [each for each in details if each[0] == part]
        if not replaced and len(details) >= DETAILS:
            replaced = [next((each for each in details if not self._seen(each[0])), details[0])]
        self._details[title] = [each for each in details if each not in replaced] + [(part, model)]
        self._tell()
        for _, old in replaced:
            old.close()

    @property
    def details(self) -> dict[str, list[dict[str, float]]]:
        """Which sharper parts there are, by title."""
        return {title: [part for part, _ in details] for title, details in self._details.items()}

    def _seen(self, part: Mapping[str, float]) -> bool:
        """Whether any of a part is in view."""
        view: Mapping[str, float] = self.view
        sides = (("x", "width"), ("y", "height"))
        return all(part[a] < view[a] + view[b] and view[a] < part[a] + part[b] for a, b in sides)

    def clear_details(self, title: str | None = None) -> None:
        """Take away the sharper parts of one pane, or of all."""
        titles = list(self._details) if title is None else [title]
        gone = [each for each in titles for _, each in self._details.pop(each, [])]
        if gone:
            self._tell()
        for model in gone:
            model.close()

    # Traits

    @traitlets.validate("view")
    def _check_view(self, proposal: Any) -> dict[str, float]:
        return _view(proposal["value"])

    @traitlets.validate("boxes")
    def _check_boxes(self, proposal: Any) -> list[dict[str, Any]]:
        try:
            value = proposal["value"]
            return as_boxes(() if value is None else value, self.frame) if self._frame else []
        except ValueError as error:
            raise traitlets.TraitError(str(error)) from None

    @traitlets.validate("selected")
    def _check_selected(self, proposal: Any) -> str | None:
        title = proposal["value"]
        if title is not None and title not in self._models:
            raise traitlets.TraitError(
                f"selected is {title!r}; accepted are None and the titles {', '.join(map(repr, self._models))}"
            )
        return str(title) if title is not None else None

    def on_chip(self, callback: Callable[[str], Any], remove: bool = False) -> None:
        """Call ``callback(title)`` when a chip is clicked; with `remove`, no longer."""
        self._clicked.register_callback(callback, remove)

    def on_box(self, callback: Callable[[str], Any], remove: bool = False) -> None:
        """Call ``callback(name)`` when a box is clicked; with `remove`, no longer."""
        self._box_clicked.register_callback(callback, remove)

    def _on_event(self, _: Any, content: Mapping[str, Any], __: Any) -> None:
        if content.get("kind") == "chip" and content.get("title") in self._models:
            self._clicked(content["title"])
        elif content.get("kind") == "box" and content.get("name") in [each["name"] for each in self.boxes]:
            self._box_clicked(content["name"])

    def _receive(self, _: Any, content: Mapping[str, Any], __: Any) -> None:
        self._messages.append(content)
        self._answer()

    @traitlets.observe("_commits")
    def _answer(self, _: Any = None) -> None:
        """Take messages, each once the browser's state before it has arrived, which it may overtake."""
        ready = [each for each in self._messages if each.get("after", 0) <= self._commits]
        self._messages = [each for each in self._messages if each.get("after", 0) > self._commits]
        for each in ready:
            self._on_event(self, each, [])

    def send_state(self, key: str | Iterable[str] | None = None) -> None:
        """Send traits, those that the browser changes too with the number of its last state that they follow."""
        names = {key} if isinstance(key, str) else key
        super().send_state(names if names is None or SHARED.isdisjoint(names) else {*names, "_commits"})

    # Without a kernel

    @property
    def recipe(self) -> Recipe | None:
        """What makes the pictures again, where they are a comparison's."""
        return None if self._comparison is None else self._comparison.recipe

    def _page(self, quality: int | None) -> bytes:
        said = "view boxes outlines selected chips numbers best notes caption _frame _reference"
        state = {name: getattr(self, name) for name in said.split()}
        encoded = {title: model and model.encoded for title, model in self._models.items()}
        return page.made(encoded, state, self.recipe, quality)

    def size(self, quality: int | None = None) -> int:
        """The bytes that `save` would write."""
        return len(self._page(quality))

    def save(self, path: str | PathLike[str], quality: int | None = None) -> None:
        """Write a page that shows the same without a kernel and without a network, in one file.

        Parameters
        ----------
        path : path
            Ends in ``.html``. `frantools.load_recipe` reads the recipe in it.
        quality : int, optional
            Of lossy WebP, 1 to 100: smaller, and no longer the very values. Default: the very pixels.

        Raises
        ------
        ValueError
            If the path or the quality is not as above, or the page would have more than the 500 MB that browsers open.
        """
        page.save(Path(path), self._page(quality))

    def close(self) -> None:
        """Free the widget and its pictures, here and in the browser."""
        if self.comm is not None:
            details = chain.from_iterable(self._details.values())
            self._details = {}  # the browser is not told: Python's end closes models in any order
            for model in [*self._models.values(), *(each for _, each in details)]:
                if model is not None:
                    model.close()
            self.layout.close()
        super().close()

    def _repr_mimebundle_(self, **options: Any) -> Any:
        """The widget, and a small picture for where no kernel runs."""
        made = super()._repr_mimebundle_(**options)
        data = made[0] if isinstance(made, tuple) else made
        if data is not None:
            encoded = {title: model and model.encoded for title, model in self._models.items()}
            data["image/png"] = b64encode(sheet(encoded)).decode()
        return made
