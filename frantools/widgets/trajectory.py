"""How the colour of points comes about: the value and the predicted clean colour through the diffusion steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ipywidgets as widgets
from matplotlib.axes import Axes

from ..degradation import Degradation
from ..recipes import Recipe
from ..restorers.columns import Column, as_columns
from ..views.trajectory import VIEW, Look
from .canvas import Drag
from .controls import Numbers, button, control
from .editor import facts_of
from .explorer import Explorer

LAST = 99  # the last step of the slider where nothing says how many there are


class Trajectory(Explorer):
    """Points through the steps; see `frantools.widgets.trajectory`."""

    view = VIEW

    def __init__(self, photo: Any, columns: Sequence[Column], size: int, seed: int, **others: Any) -> None:
        typed = control(
            widgets.Text,
            "Points",
            "x y of points, in fractions of the picture, with ; between them: type them or click on the picture",
            value="0.42 0.4; 0.6 0.75; 0.1 0.1",
            continuous_update=False,
        )
        frame = control(widgets.IntSlider, "Step", "Which step is shown: first to last", value=LAST, max=LAST)
        self.look = Numbers({"points": typed, "frame": frame})
        self.play = widgets.Play(value=LAST, max=LAST, interval=150, tooltip="Play the restoration step by step")
        self.link = widgets.jslink((self.play, "value"), (frame, "value"))
        self.clear = button("Clear", "Take all points away", "eraser", self._clear)
        self.look.children = [typed, self.clear, frame, self.play]
        super().__init__(photo, columns, size, seed, {"look": self.look}, live=["look"], several=False, **others)
        self._drag = Drag(self.canvas, clicked=self._clicked)

    def own_part(self, recipe: Recipe) -> dict[str, Any]:
        """With the look as a whole, whatever part of it a recipe has."""
        return {"look": Look.of(recipe).to_dict()} if "look" in recipe.options else {}

    def _bound(self) -> None:
        """The steps are as many as the setup has."""
        self._count(None)
        self.columns.observe(self._count, "value")

    def _count(self, _: object) -> None:
        facts = facts_of(self.columns.value[0])
        if facts.setup is not None and facts.calls is not None:
            frame, last = self.look.controls["frame"], facts.calls - 1
            at_end = frame.value == frame.max
            frame.max = self.play.max = last
            frame.value = self.play.value = last if at_end else min(frame.value, last)

    def _clicked(self, axes: Axes, x: float, y: float) -> None:
        if self.canvas.figure.axes.index(axes) < 2 and self.result is not None:
            high, wide = self.result.value.shape[1:3]
            text = self.look.controls["points"]
            added = f"{(x + 0.5) / wide:.3f} {(y + 0.5) / high:.3f}"
            text.value = f"{text.value}; {added}" if text.value.strip() else added

    def _clear(self) -> None:
        self.look.controls["points"].value = ""


def trajectory(
    photo: Any = None,
    column: Any = "A",
    size: int = 128,
    seed: int = 0,
    given: Degradation | None = None,
    device: str | None = None,
    timeout: float | None = None,
    *,
    image: Any = None,
) -> Trajectory:
    """Pick points of the picture and see their colour through the diffusion steps; play the restoration.

    Parameters
    ----------
    photo, seed, given, device, timeout, image
        As for `frantools.widgets.compare`.
    column : Column or str
        A diffusion model of FranNet and its setup. Default: the note's A.
    size : int
        Pixels of the longer side. All steps are kept, which takes 12 bytes times pixels times network calls, at most
        1 GB.
    """
    photo = image if photo is None else photo
    return Trajectory(photo, as_columns([column]), size, seed, given=given, device=device, timeout=timeout)
