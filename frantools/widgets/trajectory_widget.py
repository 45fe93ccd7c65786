"""How the colour of points comes about: the value and the predicted clean colour through the diffusion steps."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any

import ipywidgets as widgets

from ..comparisons.recipes import Recipe
from ..frannet.engine.trajectory import Trace
from ..photos.degradation import Degradation
from ..restorers.columns import Column, as_columns
from ..views.layout import ink
from ..views.trajectories import VIEW, Look, chart, parse, pictures
from .column_editor import facts_of
from .controls import Numbers, button, control
from .live_view import Panes
from .rendering import LOCK
from .view_widget import ViewWidget

MARK = 0.015  # half the side of a point's box, as a share of the picture
LAST = 99  # the last step of the slider where nothing says how many there are


class Trajectory(ViewWidget):
    """Points through the steps; see `frantools.widgets.trajectory`."""

    view = VIEW
    live = ("look",)
    zooms = False

    def __init__(self, photo: Any, columns: Sequence[Column], size: int, seed: int, **others: Any) -> None:
        typed = control(
            widgets.Text,
            "Points",
            "x y of points, in fractions of the picture, with ; between them: type them, or draw small boxes",
            value="0.42 0.4; 0.6 0.75; 0.1 0.1",
            continuous_update=False,
        )
        frame = control(widgets.IntSlider, "Step", "Which step is shown: first to last", value=LAST, max=LAST)
        self.look = Numbers({"points": typed, "frame": frame})
        self.play = widgets.Play(value=LAST, max=LAST, interval=150, tooltip="Play the restoration step by step")
        self.link = widgets.jslink((self.play, "value"), (frame, "value"))
        self.clear = button("Clear", "Take all points away", "eraser", self._clear)
        self.look.children = [widgets.HBox([self.play, frame]), widgets.HBox([typed, self.clear])]
        self.chart = widgets.Image(format="png", layout=widgets.Layout(max_width="100%", object_fit="contain"))
        super().__init__(photo, columns, size, seed, {"look": self.look}, several=False, **others)
        self.viewer.observe(self._drawn, "boxes")

    def _above(self) -> list[widgets.Widget]:
        return [self.look]

    def _below(self) -> list[widgets.Widget]:
        return [self.chart]

    def panes(self, data: Trace, recipe: Recipe) -> Panes:
        """The value and the predicted picture at one step."""
        look = Look.of(recipe)
        step = data.t[min(look.frame, len(data.t) - 1)]
        made = pictures(data, look)
        return Panes(made, numbers=dict.fromkeys(made, f"after step {step}"))

    def paint(self) -> None:
        """Show the latest result, its points as small boxes, and their chart."""
        with self.writing():
            super().paint()
            if self.result is None:
                return
            recipe = self.shown()
            try:
                self.viewer.boxes = self._boxes(Look.of(recipe).points)
                self.viewer.movable = {each["name"]: True for each in self.viewer.boxes}
                file = BytesIO()
                figure = chart(self.result, recipe)
                ink(figure)
                figure.savefig(file, format="png", dpi="figure")
                self.chart.value = file.getvalue()
            except ValueError as error:
                self.message.error("drawing", str(error))
            else:
                self.message.clear("drawing")

    def _boxes(self, points: str) -> list[dict[str, Any]]:
        """Points as boxes, by their numbers."""
        (wide, high), made = self.viewer.frame, []
        for number, (x, y) in enumerate(parse(points), start=1):
            half = max(1, round(max(wide, high) * MARK))
            left, top = max(0, int(x * wide) - half), max(0, int(y * high) - half)
            box = [left, top, min(wide, left + 2 * half + 1), min(high, top + 2 * half + 1)]
            made.append({"name": str(number), "box": box})
        return made

    def _drawn(self, change: dict[str, Any]) -> None:
        """The middles of boxes are the points: of those that are still where they were, the very points."""
        with LOCK:
            if self._writing or self.comm is None:
                return
            text, (wide, high) = self.look.controls["points"], self.viewer.frame
            points = [part.strip() for part in text.value.split(";") if part.strip()]
            before = {tuple(each["box"]): point for each, point in zip(self._boxes(text.value), points, strict=True)}
            made = []
            for each in change["new"]:
                left, top, right, bottom = each["box"]
                middle = f"{(left + right) / 2 / wide:.3f} {(top + bottom) / 2 / high:.3f}"
                made.append(before.get((left, top, right, bottom), middle))
            text.value = "; ".join(made)

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
    """Mark points of the picture and see their colour through the diffusion steps; play the restoration.

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
