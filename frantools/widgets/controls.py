"""The elements of all controls: labels, tooltips, and a value that several controls make up together."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import ipywidgets as widgets
import traitlets

from ..checks import integer

ShowError = Callable[[str], None]

WIDTH = "100%"
WRAP = {"flex_flow": "row wrap"}


def control(kind: type[widgets.Widget], description: str, tooltip: str, **options: Any) -> widgets.Widget:
    """Create a control of full width, with a label and a tooltip."""
    if "layout" not in options:  # an unused one would never be freed
        options["layout"] = widgets.Layout(width=WIDTH, margin="2px 0")
    if kind is not widgets.Button:
        options.setdefault("style", {"description_width": "96px"})
    if kind in (widgets.Dropdown, widgets.Text, widgets.Checkbox):  # these show a tooltip only without a label
        options["description_allow_html"] = True
        description = f'<span title="{html.escape(tooltip)}">{html.escape(description)}</span>'
    return kind(description=description, tooltip=tooltip, **options)


def slim(kind: type[widgets.Widget], description: str, tooltip: str, width: str, **options: Any) -> widgets.Widget:
    """Create a control for a row: of a given width, with a label no wider than its text."""
    layout, style = widgets.Layout(width=width), {"description_width": "initial"}
    return control(kind, description, tooltip, layout=layout, style=style, **options)


def button(description: str, tooltip: str, icon: str, action: Callable[[], None], width: str = "auto") -> Any:
    """Create a button that calls ``action()``."""
    layout = widgets.Layout(width=width, flex="0 0 auto")
    new_button = control(widgets.Button, description, tooltip, icon=icon, layout=layout)
    new_button.on_click(lambda _: action())
    return new_button


def folded(title: str, children: Sequence[widgets.Widget]) -> Any:
    """Create a section of controls that a click on its title unfolds."""
    return widgets.Accordion([widgets.VBox(list(children))], titles=(title,), selected_index=None)


def set_visible(widget: widgets.Widget, is_visible: bool) -> None:
    """Show or hide a widget."""
    widget.layout.display = "" if is_visible else "none"


def extend_to(slider: widgets.Widget, name: str, value: object) -> None:
    """Set a slider to an integer, and extend it if necessary; raise a ValueError if that is below its minimum."""
    number = integer(name, value, slider.min)
    slider.max = max(slider.max, number)
    slider.value = number


def set_options(menu: widgets.Widget, options: Sequence[Any], value: object) -> None:
    """Set the options of a menu or a slider, and its value."""
    if tuple(menu.options) != tuple(options):  # setting them again would select the first
        menu.options = options
    menu.value = value


def limit_by(limited: widgets.Widget, leader: widgets.Widget) -> None:
    """Make the value of one control the maximum of another whenever it changes; initial values stay."""

    def update(_: object) -> None:
        limited.max = max(limited.min, leader.value)

    leader.observe(update, "value")
    limited.max = max(limited.value, leader.value)


def component_widgets(widget: widgets.Widget) -> set[widgets.Widget]:
    """Return a widget with all its parts: its children, its layout, the widgets in its attributes, and their parts."""
    parts: set[widgets.Widget] = set()
    pending: list[Any] = [widget]
    while pending:
        item = pending.pop()
        if isinstance(item, (tuple, dict)):
            pending += item.values() if isinstance(item, dict) else item
        elif isinstance(item, widgets.Widget) and item not in parts:
            parts.add(item)
            pending += [*item.trait_values().values(), *vars(item).values()]
    return parts


class BatchedWrites(traitlets.HasTraits):
    """A widget that sets several controls at once."""

    # Controls report their changes one by one. While a whole value is written into several of them, their combination
    # is half old and half new, and must not be read: that is the only purpose of this flag.
    _writing = False

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Set several controls without reading them in between."""
        before, self._writing = self._writing, True
        try:
            yield
        finally:
            self._writing = before


class Composite(BatchedWrites):
    """A widget with one value that several controls make up together.

    A subclass has a trait `value`, and defines how to read it from the controls (`_read`) and how to write it into them
    (`_write`).
    """

    error = traitlets.Unicode(help="The error in the controls; `value` is then the last valid one.")

    def _read(self) -> Any:
        """Return the value of the controls; raise a ValueError if it is invalid."""
        raise NotImplementedError

    def _write(self, value: Any) -> None:
        """Set the controls."""
        raise NotImplementedError

    def _update_controls(self) -> None:
        """Disable or hide the controls that have no effect on the current value."""

    def bind(self, *controls: widgets.Widget) -> None:
        """Let these controls make up the value."""
        for part in controls:
            part.observe(self._on_change, "value")
        self.observe(lambda change: None if self._writing else self.set_value(change["new"]), "value")

    def set_value(self, value: Any) -> None:
        """Set the value and the controls, whatever their current state."""
        with self.writing():
            self._write(value)
            self.value = value
        self.error = ""
        self._update_controls()

    def _on_change(self, _: object) -> None:
        if self._writing:
            return
        try:
            value = self._read()
        except ValueError as error:  # such as bounds that are being typed
            self.error = str(error)
            return
        with self.writing():
            self.value = value
        self.error = ""
        self._update_controls()
