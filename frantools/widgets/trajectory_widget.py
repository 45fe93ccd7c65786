"""The widget of the values and predictions at some points through the diffusion steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO
from typing import Any

import ipywidgets as widgets

from ..comparisons.recipes import Recipe
from ..frannet.engine.trajectory import Trace
from ..photos.degradation import Degradation
from ..restorers.columns import Column, as_columns
from ..settings import declarations
from ..viewer.panes import Panes
from ..views.layout import adapt_to_theme
from ..views.trajectories import VIEW, TrajectoryOptions, draw_chart, parse_points, pictures
from .background import LOCK
from .column_editor import inspect_column
from .controls import button
from .form import Form
from .view_widget import ViewWidget

MARK = 0.015  # half the side of a point's box, as a share of the picture
POINTS = "0.42 0.4; 0.6 0.75; 0.1 0.1"  # to start with
LAST = 99  # the last step of the slider if the number of steps is unknown


class TrajectoryWidget(ViewWidget):
    """Points through the steps; see `frantools.widgets.trajectory`."""

    view = VIEW
    live = ("look",)
    can_zoom = False

    def __init__(self, photo: Any, columns: Sequence[Column], size: int, seed: int, **options: Any) -> None:
        declared = declarations(TrajectoryOptions)
        points, step = replace(declared["points"], default=POINTS), replace(declared["frame"], default=LAST)
        self.look = Form({"points": points, "frame": replace(step, slider=(0, LAST))}, extend=False)
        self.play = widgets.Play(value=LAST, max=LAST, interval=150, tooltip="Play the restoration step by step")
        self.link = widgets.jslink((self.play, "value"), (self.look["frame"], "value"))
        self.clear = button("Clear", "Remove all points", "eraser", self._clear)
        self.look.children = [
            widgets.HBox([self.play, self.look["frame"]]),
            widgets.HBox([self.look["points"], self.clear]),
        ]
        self.chart = widgets.Image(format="png", layout=widgets.Layout(max_width="100%", object_fit="contain"))
        super().__init__(photo, columns, size, seed, {"look": self.look}, several=False, **options)
        self.viewer.observe(self._on_boxes, "boxes")

    def _above(self) -> list[widgets.Widget]:
        return [self.look]

    def _below(self) -> list[widgets.Widget]:
        return [self.chart]

    def panes(self, result: Trace, recipe: Recipe) -> Panes:
        """Return the value and the predicted picture at one step."""
        look = TrajectoryOptions.from_recipe(recipe)
        t = result.t[min(look.frame, len(result.t) - 1)]
        step_pictures = pictures(result, look)
        return Panes(step_pictures, numbers=dict.fromkeys(step_pictures, f"after step {t}"))

    def paint(self) -> None:
        """Show the latest result, its points as small boxes, and their chart."""
        with self.writing():
            super().paint()
            if self.result is None:
                return
            recipe = self.result_recipe()
            try:
                self.viewer.boxes = self._boxes(TrajectoryOptions.from_recipe(recipe).points)
                self.viewer.movable = {item["name"]: True for item in self.viewer.boxes}
                file = BytesIO()
                figure = draw_chart(self.result, recipe)
                adapt_to_theme(figure)
                figure.savefig(file, format="png", dpi="figure")
                self.chart.value = file.getvalue()
            except ValueError as error:
                self.message.error("drawing", str(error))
            else:
                self.message.clear("drawing")

    def _boxes(self, points: str) -> list[dict[str, Any]]:
        """Return points as small boxes, named by their numbers."""
        (width, height), boxes = self.viewer.frame, []
        half = max(1, round(max(width, height) * MARK))
        for number, (x, y) in enumerate(parse_points(points), start=1):
            left, top = max(0, int(x * width) - half), max(0, int(y * height) - half)
            box = [left, top, min(width, left + 2 * half + 1), min(height, top + 2 * half + 1)]
            boxes.append({"name": str(number), "box": box})
        return boxes

    def _on_boxes(self, change: dict[str, Any]) -> None:
        """Make the centres of the boxes the points; boxes that have not moved keep their exact points."""
        with LOCK:
            if self._writing or self.comm is None:
                return
            text, (width, height) = self.look["points"], self.viewer.frame
            before = [part.strip() for part in text.value.split(";") if part.strip()]
            exact = {tuple(item["box"]): point for item, point in zip(self._boxes(text.value), before, strict=True)}
            points = []
            for item in change["new"]:
                left, top, right, bottom = item["box"]
                centre = f"{(left + right) / 2 / width:.3f} {(top + bottom) / 2 / height:.3f}"
                points.append(exact.get((left, top, right, bottom), centre))
            text.value = "; ".join(points)

    def own_part(self, recipe: Recipe) -> dict[str, Any]:
        """Return the look, with defaults for what a recipe does not have."""
        return {"look": TrajectoryOptions.from_recipe(recipe).to_dict()} if "look" in recipe.options else {}

    def _link_controls(self) -> None:
        """Give the slider as many steps as the setup has."""
        self._update_steps(None)
        self.columns.observe(self._update_steps, "value")

    def _update_steps(self, _: object) -> None:
        facts = inspect_column(self.columns.value[0])
        if facts.setup is not None and facts.calls is not None:
            slider, last = self.look["frame"], facts.calls - 1
            is_at_end = slider.value == slider.max
            slider.max = self.play.max = last
            slider.value = self.play.value = last if is_at_end else min(slider.value, last)

    def _clear(self) -> None:
        self.look["points"].value = ""


def trajectory(
    photo: Any = None,
    column: Any = "A",
    size: int = 128,
    seed: int = 0,
    given: Degradation | None = None,
    device: str | None = None,
    timeout: float | None = None,
) -> TrajectoryWidget:
    """Mark points of the picture to see their colours through the diffusion steps, and play the restoration.

    Parameters
    ----------
    photo, seed, given, device, timeout
        As for `frantools.widgets.compare`.
    column : Column or str
        A diffusion model of FranNet and its setup. Default: the note's A.
    size : int
        Pixels of the longer side. All steps stay in memory, which takes 12 bytes times pixels times network calls, at
        most 1 GB.
    """
    return TrajectoryWidget(photo, as_columns([column]), size, seed, given=given, device=device, timeout=timeout)
