"""Stop, and how far it is."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as widgets

from .controls import button


class Status(widgets.HBox):
    """Stop, and how far it is.

    Parameters
    ----------
    stop : callable
        What Stop does.
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
