"""Messages, the progress of rendering, and the panels beside the pictures."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets as widgets

from .controls import button, control

ERROR = "color: var(--jp-error-color1, #d32f2f)"
PANEL_WIDTH = "320px"


class UnfinishedError(ValueError):
    """The figure is not complete yet; its message goes once it is."""


class Messages(widgets.HTML):
    """Messages by their cause: a message lasts until its cause has a new one, or none."""

    def __init__(self) -> None:
        self._messages: dict[str, str] = {}
        # In the row of controls, where there is room: a short message moves nothing.
        super().__init__(layout=widgets.Layout(margin="0 8px", flex="3 1 220px", width="auto", min_width="0"))

    def error(self, cause: str, text: str) -> None:
        """Show an error; an empty text removes it."""
        self._set(cause, text, f'role="alert" class="jp-mod-error" style="{ERROR}"')

    def info(self, cause: str, text: str) -> None:
        """Show information; an empty text removes it."""
        self._set(cause, text, 'role="status"')

    def clear(self, *causes: str) -> None:
        """Remove the messages of these causes."""
        for cause in causes:
            self._set(cause, "")

    def _set(self, cause: str, text: str, attributes: str = "") -> None:
        self._messages.pop(cause, None)
        if text:
            self._messages[cause] = f"<span {attributes}>{html.escape(text)}</span>"
        lines = "<br>".join(self._messages.values())
        self.value = f'<div style="line-height: 18px">{lines}</div>' if lines else ""


class Status(widgets.HBox):
    """The progress of rendering, and a button that stops it.

    Parameters
    ----------
    stop : callable
        Called when the button is clicked.
    """

    def __init__(self, stop: Callable[[], None]) -> None:
        self.stop = button("Stop", "Stop rendering and keep what is shown", "stop", stop)
        self.progress = widgets.FloatProgress(
            max=1.0, layout=widgets.Layout(flex="1 1 30px", width="auto", min_width="0", visibility="hidden")
        )
        self.left = widgets.Label(layout=widgets.Layout(width="70px"))
        super().__init__(
            [self.progress, self.left, self.stop], layout=widgets.Layout(flex="1 1 170px", justify_content="flex-end")
        )
        self.end()

    def begin(self) -> None:
        """Enable the button: rendering has begun."""
        self.stop.disabled = False

    def advance(self, fraction: float, remaining: str) -> None:
        """Show the progress and the remaining time."""
        self.progress.layout.visibility = "visible"
        self.progress.value, self.left.value = fraction, remaining

    def end(self) -> None:
        """Disable the button and hide the progress: rendering has ended."""
        self.stop.disabled = True
        self.progress.layout.visibility = "hidden"
        self.left.value = ""


class SidePanels(widgets.HBox):
    """A button for each panel; `side` shows the open one.

    Parameters
    ----------
    panels : dict of (str, Widget)
        By the label of the button: its tooltip and the panel.
    """

    def __init__(self, panels: Mapping[str, tuple[str, widgets.Widget]]) -> None:
        self.panels = {name: panel for name, (_, panel) in panels.items()}
        self.buttons = {
            name: control(widgets.ToggleButton, name, tooltip, value=False, layout=widgets.Layout(width="auto"))
            for name, (tooltip, _) in panels.items()
        }
        # No higher than the pictures, so that the messages above them stay in view.
        self.side = widgets.VBox(
            layout=widgets.Layout(
                width=PANEL_WIDTH,
                flex=f"0 0 {PANEL_WIDTH}",
                display="none",
                margin="0 0 0 8px",
                max_height="70vh",
                overflow="hidden auto",
            )
        )
        super().__init__(list(self.buttons.values()))
        for name, toggle in self.buttons.items():
            toggle.observe(lambda change, name=name: self._toggle(name, change["new"]), "value")

    def show(self, name: str) -> None:
        """Open a panel."""
        self.buttons[name].value = True

    def _toggle(self, name: str, is_open: Any) -> None:
        if is_open:
            self.side.children = [self.panels[name]]
            for other_name, toggle in self.buttons.items():
                if other_name != name:
                    toggle.value = False
        if not any(toggle.value for toggle in self.buttons.values()):
            self.side.children = []
        self.side.layout.display = "" if self.side.children else "none"
