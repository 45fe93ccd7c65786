"""The state that a viewer shares with the browser."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from math import isfinite
from numbers import Real
from typing import Any

import anywidget
import ipywidgets as widgets
import traitlets

from ..photos.regions import Region
from ..viewer import scripts
from ..viewer.boxes import as_boxes

SHARED = {"view", "boxes", "selected"}  # traits that both Python and the browser change


class NullableTrait(traitlets.Any):
    """A trait whose validator also sees None."""

    allow_none = False


def as_view(value: Any) -> dict[str, float]:
    """Return a view as four fractions within the picture; None is the whole picture."""
    value = asdict(Region.full()) if value is None else asdict(value) if isinstance(value, Region) else value
    if not isinstance(value, Mapping) or set(value) != {"x", "y", "width", "height"}:
        raise traitlets.TraitError(f"view must be a Region or a dict of x, y, width, height, got {value!r}")
    if not all(isinstance(number, Real) and isfinite(number) for number in value.values()):
        raise traitlets.TraitError(f"view must be finite numbers, got {value!r}")
    try:
        return asdict(Region(**{name: float(number) for name, number in value.items()}))
    except ValueError as error:
        raise traitlets.TraitError(str(error)) from None


class ViewerState(anywidget.AnyWidget):
    """The traits of a `Viewer`, where they are described, and the events of the browser."""

    _esm = scripts.script("widget")
    _css = scripts.style()

    view = NullableTrait().tag(sync=True)
    boxes = NullableTrait().tag(sync=True)
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
    _commits = traitlets.Int().tag(sync=True)  # the number of states that the browser has sent

    def __init__(self, **traits: Any) -> None:
        self._events: list[Mapping[str, Any]] = []  # waiting for the browser's state before them
        self._chip_clicked, self._box_clicked = widgets.CallbackDispatcher(), widgets.CallbackDispatcher()
        super().__init__(**traits)
        self.on_msg(self._on_message)

    def _titles(self) -> list[str]:
        return [pane["title"] for pane in self._panes]

    @traitlets.validate("view")
    def _check_view(self, proposal: Any) -> dict[str, float]:
        return as_view(proposal["value"])

    @traitlets.validate("boxes")
    def _check_boxes(self, proposal: Any) -> list[dict[str, Any]]:
        try:
            boxes = () if proposal["value"] is None else proposal["value"]
            return as_boxes(boxes, self._frame) if self._frame else []
        except ValueError as error:
            raise traitlets.TraitError(str(error)) from None

    @traitlets.validate("selected")
    def _check_selected(self, proposal: Any) -> str | None:
        title: str | None = proposal["value"]
        if title is not None and title not in self._titles():
            titles = ", ".join(map(repr, self._titles()))
            raise traitlets.TraitError(f"selected must be None or one of {titles}, got {title!r}")
        return title

    def on_chip(self, callback: Callable[[str], Any], remove: bool = False) -> None:
        """Call ``callback(title)`` when a chip is clicked; `remove` ends that."""
        self._chip_clicked.register_callback(callback, remove)

    def on_box(self, callback: Callable[[str], Any], remove: bool = False) -> None:
        """Call ``callback(name)`` when a box is clicked; `remove` ends that."""
        self._box_clicked.register_callback(callback, remove)

    def _on_event(self, _: Any, event: Mapping[str, Any], __: Any = None) -> None:
        if event.get("kind") == "chip" and event.get("title") in self._titles():
            self._chip_clicked(event["title"])
        elif event.get("kind") == "box" and event.get("name") in [box["name"] for box in self.boxes]:
            self._box_clicked(event["name"])

    def _on_message(self, _: Any, event: Mapping[str, Any], __: Any) -> None:
        self._events.append(event)
        self._handle_events()

    @traitlets.observe("_commits")
    def _handle_events(self, _: Any = None) -> None:
        """Handle each event as soon as the browser's state before it has arrived, which it may overtake."""
        ready = [event for event in self._events if event.get("after", 0) <= self._commits]
        self._events = [event for event in self._events if event.get("after", 0) > self._commits]
        for event in ready:
            self._on_event(self, event)

    def send_state(self, key: str | Iterable[str] | None = None) -> None:
        """Send traits; shared ones together with the number of the browser's last state that they follow."""
        names = {key} if isinstance(key, str) else key
        super().send_state(names if names is None or SHARED.isdisjoint(names) else {*names, "_commits"})
