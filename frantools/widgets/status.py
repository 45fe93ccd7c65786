"""The row above a figure: Stop, the tools of the mouse, progress, and the messages."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as widgets

from .canvas import STYLE, TOOLS, Screen
from .controls import button
from .messages import Messages


class Status(widgets.VBox):
    """The row above a figure.

    Parameters
    ----------
    canvas : Screen
        That the tools of the mouse belong to.
    message : Messages
        Shown below the row.
    stop : callable
        What Stop does.
    """

    def __init__(self, canvas: Screen, message: Messages, stop: Callable[[], None]) -> None:
        self.stop = button("Stop", "Stop rendering and keep what is shown", "stop", stop)
        self.home = button("", "Show the whole pictures again", "home", canvas.home, "40px")
        self.tool = widgets.ToggleButtons(
            options=TOOLS,
            tooltips=["Click and drag choose", "Drag the pictures about", "Enlarge what a rectangle is drawn around"],
            style={"button_width": "auto"},
            layout=widgets.Layout(width="auto"),
        )
        self.tool.observe(canvas.take, "value")
        self.progress = widgets.FloatProgress(max=1.0, layout=widgets.Layout(width="300px", visibility="hidden"))
        self.left = widgets.Label(layout=widgets.Layout(width="110px"))
        style = widgets.HTML(STYLE, layout=widgets.Layout(display="none"))
        super().__init__([widgets.HBox([self.stop, self.home, self.tool, self.progress, self.left]), message, style])
        self.rest()

    def begin(self) -> None:
        """Something is rendered."""
        self.stop.disabled = False

    def advance(self, share: float, left: str) -> None:
        """Show how far it is."""
        self.progress.layout.visibility = "visible"
        self.progress.value, self.left.value = share, left

    def rest(self) -> None:
        """Nothing is rendered."""
        self.stop.disabled = True
        self.progress.layout.visibility = "hidden"
        self.left.value = ""
