"""Columns side by side, and the other ways to look at them: a curtain, blinking, the difference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ipywidgets as widgets
from matplotlib.backend_bases import MouseEvent

from ..degradation import Degradation
from ..recipes import Recipe
from ..restorers.columns import Column, as_columns
from ..views.compare import VIEW, VIEWS, Look
from ..views.note import FIGURES
from .controls import Numbers, control
from .explorer import Explorer


class LookControls(Numbers):
    """The view, the two columns that it shows, the edge of the curtain, and the blinking."""

    def __init__(self) -> None:
        super().__init__(
            {
                "view": control(
                    widgets.Dropdown, "View", "All columns, or two of them on top of each other", options=VIEWS
                ),
                "left": control(widgets.Dropdown, "First", "The first of the two columns", options=[("", 0)]),
                "right": control(widgets.Dropdown, "Second", "The second of the two columns", options=[("", 0)]),
                "curtain": control(
                    widgets.FloatSlider, "Edge", "Where the curtain's edge is; drag it on the picture too", max=1,
                    value=0.5, step=0.01,
                ),
                "frame": widgets.Play(max=1, interval=600, repeat=True, tooltip="Blink between the two columns"),
            }
        )  # fmt: skip
        self.controls["view"].observe(lambda _: self._turn(), "value")
        self.enable()

    def name(self, titles: Sequence[str]) -> None:
        """Offer these columns."""
        for side, start in (("left", 0), ("right", 1)):
            each = self.controls[side]
            options = [(title, index) for index, title in enumerate(titles)]
            if list(each.options) != options:
                index = start if len(each.options) == 1 else each.value
                with self.writing():
                    each.options = options
                    each.value = min(index, len(titles) - 1)
        self._changed(None)

    def _turn(self) -> None:
        """To another view: to blink is to begin at once."""
        self.enable()
        self.controls["frame"].playing = self.controls["view"].value == "blink"

    def enable(self) -> None:
        """Disable what does nothing in the view."""
        view = self.controls["view"].value
        for side in ("left", "right"):
            self.controls[side].disabled = view == "side by side"
        self.controls["curtain"].disabled = view != "curtain"
        self.controls["frame"].disabled = view != "blink"


class Compare(Explorer):
    """Columns side by side; see `frantools.widgets.compare`."""

    view = VIEW

    def __init__(self, photo: Any, columns: Sequence[Column], size: int, seed: int, **others: Any) -> None:
        self.look = LookControls()
        self.look.name([column.title for column in columns])
        super().__init__(photo, columns, size, seed, {"look": self.look}, live=["look"], **others)
        self._dragging = False
        self.canvas.mpl_connect("button_press_event", self._press)
        self.canvas.mpl_connect("motion_notify_event", self._pull)
        self.canvas.mpl_connect("button_release_event", self._release)

    def own_part(self, recipe: Recipe) -> dict[str, Any]:
        """With the look as a whole, whatever part of it a recipe has."""
        return {"look": Look.of(recipe).to_dict()} if "look" in recipe.options else {}

    def _enable(self) -> None:
        super()._enable()
        self.look.name([column.title for column in self.columns.value])

    def _press(self, event: MouseEvent) -> None:
        self._dragging = self.canvas.free and self.look.value["view"] == "curtain" and event.inaxes is not None
        self._pull(event)

    def _pull(self, event: MouseEvent) -> None:
        if self._dragging and event.inaxes is not None and event.xdata is not None:
            left, right, *_ = self.canvas.full[0]
            self.look.controls["curtain"].value = round((event.xdata - left) / (right - left), 3)

    def _release(self, _: MouseEvent) -> None:
        self._dragging = False


def compare(
    photo: Any = None,
    columns: Sequence[Any] | None = None,
    size: int = 512,
    seed: int = 0,
    given: Degradation | None = None,
    device: str | None = None,
    timeout: float | None = None,
    *,
    image: Any = None,
) -> Compare:
    """Compare any number of restorers on one photo.

    Parameters
    ----------
    photo : Photo, str, path or ndarray, optional
        See `frantools.Photo`. Default: the first portrait.
    columns : sequence, optional
        Whatever `frantools.compare` takes: columns, titles of `frantools.comparisons.COLUMNS`, names, functions,
        modules, paths, arrays. Default: those of the note's figure 2.
    size : int
        Pixels of the longer side.
    seed : int
        Of the random numbers.
    given : Degradation, optional
        What restorers are given of the photo.
    device : str, optional
        Where FranNet runs.
    timeout : float, optional
        Seconds after which the answer of a function or a module is no longer waited for. Default: never.
    image : object, optional
        The old name of `photo`.

    Raises
    ------
    FileNotFoundError, ValueError
        If the photo cannot be read, a column names nothing, or the size is not one whole number.
    """
    made = as_columns(FIGURES["entire-image"] if columns is None else columns)
    photo = image if photo is None else photo
    return Compare(photo, made, size, seed, given=given, device=device, timeout=timeout)
