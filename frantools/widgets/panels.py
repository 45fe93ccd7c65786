"""What is beside the pictures while one wants it there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ipywidgets as widgets

from .controls import control

WIDTH = "320px"


class SidePanels(widgets.HBox):
    """A button for each panel; `side` holds the one that is open, or none.

    Parameters
    ----------
    panels : dict of (str, Widget)
        By what stands on its button: the tooltip and the panel.
    """

    def __init__(self, panels: Mapping[str, tuple[str, widgets.Widget]]) -> None:
        self.panels = {name: panel for name, (_, panel) in panels.items()}
        self.buttons = {
            name: control(widgets.ToggleButton, name, tooltip, value=False, layout=widgets.Layout(width="auto"))
            for name, (tooltip, _) in panels.items()
        }
        # No higher than the pictures: what is said above them stays in view.
        self.side = widgets.VBox(
            layout=widgets.Layout(
                width=WIDTH,
                flex=f"0 0 {WIDTH}",
                display="none",
                margin="0 0 0 8px",
                max_height="70vh",
                overflow="hidden auto",
            )
        )
        super().__init__(list(self.buttons.values()))
        for name, each in self.buttons.items():
            each.observe(lambda change, name=name: self._turn(name, change["new"]), "value")

    def show(self, name: str) -> None:
        """Show a panel."""
        self.buttons[name].value = True

    def _turn(self, name: str, on: Any) -> None:
        if on:
            for other, each in self.buttons.items():
                if other != name:
                    each.value = False
            self.side.children = [self.panels[name]]
        if not any(each.value for each in self.buttons.values()):
            self.side.children = []
        self.side.layout.display = "" if self.side.children else "none"
