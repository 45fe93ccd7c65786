"""What is taken away from a network, as switches."""

from __future__ import annotations

from dataclasses import replace

import ipywidgets as widgets
import traitlets

from ..frannet.network.ablations import CONTEXTS, MAX_MAPS, Ablation
from .controls import WRAP, Composed, control, slim


class AblationControls(Composed, widgets.VBox):
    """An ablation; `value` is an `Ablation`, or None where nothing is taken away."""

    value = traitlets.Any()

    def __init__(self) -> None:
        self.context = control(
            widgets.Dropdown,
            "Context",
            "What the network knows beside the position: both, only what is around the point, or only the whole",
            options=CONTEXTS,
        )
        self.without = {
            number: slim(
                widgets.Checkbox,
                f"No map {number}",
                f"Leave out feature map {number} from what the network knows of what is around the point",
                "96px",
                indent=False,
            )
            for number in range(1, MAX_MAPS + 1)
        }
        super().__init__([self.context, widgets.HBox(list(self.without.values()), layout=widgets.Layout(**WRAP))])
        self.compose(self.context, *self.without.values())

    def offer(self, maps: int) -> None:
        """Show the switches of as many maps as a network has."""
        for number, each in self.without.items():
            each.layout.display = "" if number <= maps else "none"

    def _read(self) -> Ablation | None:
        left_out = tuple(number for number, each in self.without.items() if each.value)
        made = replace(self.value or Ablation(), context=self.context.value, without=left_out)
        return made if made != Ablation() else None

    def _write(self, value: Ablation | None) -> None:
        shown = value or Ablation()
        self.context.value = shown.context
        for number, each in self.without.items():
            each.value = number in shown.without


def words(ablation: Ablation | None) -> list[str]:
    """What an ablation takes away, in a few words each.

    Examples
    --------
    >>> words(Ablation("global", without=(1, 3)))
    ['no local context', 'no maps 1, 3']
    """
    if ablation is None:
        return []
    context = {"local": ["no global context"], "global": ["no local context"]}.get(ablation.context, [])
    numbers = ", ".join(map(str, ablation.without))
    maps = [f"no map{'s' if len(ablation.without) > 1 else ''} {numbers}"] if numbers else []
    return [*context, *maps, *([] if ablation.positions is None else ["other positions"])]
