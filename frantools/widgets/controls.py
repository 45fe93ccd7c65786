"""What all controls are made of: labels, tooltips, and one value that several controls make up together."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import ipywidgets as widgets
import traitlets

from ..checks import integer
from ..photos.regions import LARGEST

Report = Callable[[str], None]

WIDTH = "100%"
WRAP = {"flex_flow": "row wrap"}


def control(kind: type[widgets.Widget], description: str, tooltip: str, **settings: Any) -> widgets.Widget:
    """A control with its label and what it does as a tooltip, all as wide as each other."""
    if "layout" not in settings:  # one that nothing uses would stay in the kernel for good
        settings["layout"] = widgets.Layout(width=WIDTH, margin="2px 0")
    if kind is not widgets.Button:
        settings.setdefault("style", {"description_width": "96px"})
    if kind in (widgets.Dropdown, widgets.Text, widgets.Checkbox):  # these show a tooltip only where there is no label
        settings["description_allow_html"] = True
        description = f'<span title="{html.escape(tooltip)}">{html.escape(description)}</span>'
    return kind(description=description, tooltip=tooltip, **settings)


def slim(kind: type[widgets.Widget], description: str, tooltip: str, width: str, **settings: Any) -> widgets.Widget:
    """A control of a row: as wide as is said, with a label no wider than it is."""
    layout, style = widgets.Layout(width=width), {"description_width": "initial"}
    return control(kind, description, tooltip, layout=layout, style=style, **settings)


def button(description: str, tooltip: str, icon: str, action: Callable[[], None], width: str = "auto") -> Any:
    """A button and what it does."""
    made = control(widgets.Button, description, tooltip, icon=icon, layout=widgets.Layout(width=width, flex="0 0 auto"))
    made.on_click(lambda _: action())
    return made


def folded(title: str, children: Sequence[widgets.Widget]) -> Any:
    """Controls that a click on their title unfolds."""
    return widgets.Accordion([widgets.VBox(list(children))], titles=(title,), selected_index=None)


def side(size: object) -> int:
    """Check the longer side of a widget's pictures, in pixels."""
    return integer("size", size, 1, LARGEST)


def reach(slider: widgets.Widget, name: str, value: object) -> None:
    """Set a slider to a number, and let it go as far; a ValueError if it is not whole, or below the least."""
    number = integer(name, value, slider.min)
    slider.max = max(slider.max, number)
    slider.value = number


def offer(slider: widgets.Widget, options: Sequence[Any], value: object) -> None:
    """Set a slider over some options to one of them."""
    if tuple(slider.options) != tuple(options):  # or it would jump to the first
        slider.options = options
    slider.value = value


def follow(control: widgets.Widget, leader: widgets.Widget) -> None:
    """Let the value of one control be the most that another takes, from when it changes: what was asked for stays."""

    def bound(_: object) -> None:
        control.max = max(control.min, leader.value)

    leader.observe(bound, "value")
    control.max = max(control.value, leader.value)


def parts(widget: widgets.Widget) -> set[widgets.Widget]:
    """A widget and all that it is made of: its children, its layout, those in its attributes, and theirs."""
    found: set[widgets.Widget] = set()
    beyond: list[Any] = [widget]
    while beyond:
        each = beyond.pop()
        if isinstance(each, (tuple, dict)):
            beyond += each.values() if isinstance(each, dict) else each
        elif isinstance(each, widgets.Widget) and each not in found:
            found.add(each)
            beyond += [*each.trait_values().values(), *vars(each).values()]
    return found


class Guarded(traitlets.HasTraits):
    """A widget that sets several controls at once."""

    # Controls tell of their changes one by one. While a whole value is written into several of them, what they say
    # together is half old and half new, and nobody must take it over: that is all that this flag is for.
    _writing = False

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Set several controls, of whose changes nobody is told in between."""
        before, self._writing = self._writing, True
        try:
            yield
        finally:
            self._writing = before


class Composed(Guarded):
    """A widget whose one value several controls make up together.

    A subclass has a trait `value`, and says how its controls make it up (`_read`) and how they are set to it
    (`_write`).
    """

    error = traitlets.Unicode(help="What is wrong with what the controls say; `value` is then what they said before.")

    def _read(self) -> Any:
        """What the controls say; a ValueError if that is nothing."""
        raise NotImplementedError

    def _write(self, value: Any) -> None:
        """Set the controls."""
        raise NotImplementedError

    def _settle(self) -> None:
        """Disable what does nothing with the controls as they are."""

    def compose(self, *controls: widgets.Widget) -> None:
        """Let these controls make up the value."""
        for each in controls:
            each.observe(self._changed, "value")
        self.observe(lambda change: None if self._writing else self.show(change["new"]), "value")

    def show(self, value: Any) -> None:
        """Set the controls to a value, whatever they said."""
        with self.writing():
            self._write(value)
            self.value = value
        self.error = ""
        self._settle()

    def _changed(self, _: object) -> None:
        if self._writing:
            return
        try:
            value = self._read()
        except ValueError as error:  # of bounds being typed, say
            self.error = str(error)
            return
        with self.writing():
            self.value = value
        self.error = ""
        self._settle()


class Numbers(Composed, widgets.VBox):
    """Some values with names; `value` is a dict of them.

    Parameters
    ----------
    controls : dict of Widget
        By name.
    open_ended : bool
        Whether sliders reach further where `value` does.
    """

    value = traitlets.Dict()

    def __init__(self, controls: Mapping[str, widgets.Widget], open_ended: bool = False) -> None:
        self.controls = dict(controls)
        self._open_ended = open_ended
        super().__init__(list(self.controls.values()))
        self.value = self._read()
        self.compose(*self.controls.values())

    def _read(self) -> dict[str, Any]:
        return {name: each.value for name, each in self.controls.items()}

    def _write(self, value: Mapping[str, Any]) -> None:
        for name, each in self.controls.items():
            if self._open_ended and isinstance(each, widgets.IntSlider):
                reach(each, name, value[name])
            else:
                each.value = value[name]

    def show(self, value: Any) -> None:
        """Set the controls; one may keep a number within its bounds."""
        super().show(value)
        self._changed(None)
