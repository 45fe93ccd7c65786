"""What all widgets share: controls make a recipe, and the stage shows it; pictures first, controls out of the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import ipywidgets as widgets
import traitlets

from ..comparisons.comparison import recipe_of
from ..comparisons.recipes import Recipe
from ..photos.degradation import Degradation
from ..photos.photo import Photo
from ..photos.regions import Region
from ..restorers.columns import Column
from . import cleanup
from .column_editor import facts_of
from .column_list import ColumnList
from .controls import Composed, Guarded, side, slim
from .live_view import LiveView
from .panels import SidePanels
from .photo_chooser import PhotoChooser
from .recipe_loading import loaded
from .rendering import LOCK
from .save_controls import Files, script_of

SIZES = (64, 128, 256, 512, 1024, 2048)


class ViewWidget(Guarded, LiveView):
    """Controls around a view.

    A subclass names its view, and makes its own controls: their values are the view's part of the recipe.

    Parameters
    ----------
    photo : Photo, str, path or ndarray, optional
        The photo to start with.
    columns : sequence of Column
        The columns to start with.
    size : int
        Pixels of the longer side to sharpen to.
    seed : int
        Of the random numbers.
    controls : dict of Widget
        The subclass's own, by their name in the recipe.
    several : bool
        Whether columns can be added and removed.
    given, device, timeout
        See the traits.
    """

    given = traitlets.Instance(Degradation, allow_none=True, help="What restorers are given of the photo.")
    device = traitlets.Unicode(None, allow_none=True, help="Where FranNet runs.")
    timeout = traitlets.Float(None, allow_none=True, help="Seconds after which a function is no longer waited for.")

    def __init__(
        self,
        photo: Any,
        columns: Sequence[Column],
        size: int,
        seed: int,
        controls: Mapping[str, widgets.Widget],
        several: bool = True,
        given: Degradation | None = None,
        device: str | None = None,
        timeout: float | None = None,
    ) -> None:
        size = side(size)
        self.photo = PhotoChooser(photo)
        super().__init__(self.photo.value, self._titles(columns))
        report = partial(self.message.error, "action")
        self.photo.report = report
        self.columns = ColumnList(columns, report, several)
        self.own = dict(controls)
        self.controls: dict[str, widgets.Widget] = {
            "columns": self.columns,
            "size": slim(
                widgets.Dropdown,
                "Size",
                "Pixels of the longer side that the pictures sharpen to",
                "104px",
                options=sorted({*SIZES, size}),
                value=size,
            ),
            "seed": slim(
                widgets.IntText, "Seed", "Another seed, other random numbers", "96px", value=seed,
                continuous_update=False,
            ),
            **self.own,
        }  # fmt: skip
        self.files = Files(self.view.name, self.message, self.figure, self._said, self._load)
        self.panels = SidePanels(self._panels())
        row = [self.photo.choice, self.controls["size"], self.controls["seed"], *self._row(), self.panels]
        row += [self.message, self.status]
        wrap = widgets.Layout(flex_flow="row wrap", align_items="center")
        self.viewer.layout.flex, self.viewer.layout.min_width = "1 1 0", "0"
        body = widgets.HBox([self.viewer, self.panels.side], layout=widgets.Layout(align_items="flex-start"))
        self.children = [widgets.HBox(row, layout=wrap), *self._above(), body, *self._below()]
        self.add_class("frantools")
        self.viewer.on_chip(self._open)
        self._bound()
        self._enable()
        self.given, self.device, self.timeout = given, device, timeout
        for name, each in {"photo": self.photo, **self.controls}.items():
            changed = self._redrawn if name in self.live else self._changed
            each.observe(changed, ["value", "error"] if isinstance(each, Composed) else "value")
        self.columns.observe(self._enabled, "value")
        self.observe(self._changed, ["given", "device", "timeout"])
        self.refresh()
        cleanup.made(self)

    # Where the controls are

    def _titles(self, columns: Sequence[Column]) -> list[str]:
        """The titles of the panes that these columns will have."""
        return [column.title for column in columns]

    def _row(self) -> list[widgets.Widget]:
        """Controls in the row above the pictures, beside photo, size and seed."""
        return []

    def _panels(self) -> dict[str, tuple[str, widgets.Widget]]:
        """What a click opens beside the pictures: tooltips and panels by their names."""
        return {
            "Columns": ("The settings of a column; a click on what stands above it opens them, too", self.columns),
            "Files": (
                "Open another photo, save the figure, copy its code, load a recipe",
                widgets.VBox([self.photo, self.files]),
            ),
        }

    def _above(self) -> list[widgets.Widget]:
        """More rows of controls above the pictures."""
        return []

    def _below(self) -> list[widgets.Widget]:
        """What stands below the pictures."""
        return []

    def _open(self, title: str) -> None:
        """Show the settings of a column."""
        titles = [column.title for column in self.columns.value]
        self.columns.chosen.index = titles.index(title) if title in titles else 0
        self.panels.show("Columns")

    def _bound(self) -> None:
        """Bind controls to each other."""

    def _enabled(self, _: object) -> None:
        self._enable()

    def _enable(self) -> None:
        """Disable what does nothing with the columns as they are."""
        free = [column for column in self.columns.value if column.seed is None]
        self.controls["seed"].disabled = not any(facts_of(column).random for column in free)

    # What the controls say, as a recipe

    def _region(self) -> Region | None:
        """The region of the recipe, for a view that has one."""
        return None

    def _options(self) -> dict[str, Any]:
        """The view's own part of the recipe."""
        return {name: each.value for name, each in self.own.items()}

    def _read(self) -> Recipe:
        if self.columns.error:
            raise ValueError(self.columns.error)
        options = {**self._options(), "device": self.device, "timeout": self.timeout}
        recipe = recipe_of(
            self.view.name,
            self.photo.value,
            self.columns.value,
            self.controls["size"].value,
            self._region(),
            self.controls["seed"].value,
            self.given,
            **{name: value for name, value in options.items() if value is not None},
        )
        self.view.check(recipe)
        return recipe

    def own_part(self, recipe: Recipe) -> dict[str, Any]:
        """What a recipe says of the view's own controls, by name."""
        return {name: recipe.options[name] for name in self.own if name in recipe.options}

    def check(self) -> None:
        """Raise a ValueError or an OSError where what the controls say is wrong."""
        self._read()

    def load(self, recipe: Any, columns: Mapping[str, Any] | None = None, trust: bool = False) -> None:
        """Set the controls as a recipe says. Nothing that it names is imported or run.

        Parameters
        ----------
        recipe : Recipe, dict or path
            Of this widget, of another or of one of the note's figures: what it says of this widget's controls is
            taken over. Or a PNG, PDF, SVG or .json with such a recipe.
        columns : dict, optional
            By title, what restores in columns that the recipe cannot name. What this widget shows is known.
        trust : bool
            Whether functions that the recipe names are imported, which runs code.
        """
        try:
            self._load(recipe, columns, trust)
        except (ValueError, OSError) as error:
            self.message.error("action", str(error))

    def _load(self, recipe: Any, columns: Mapping[str, Any] | None = None, trust: bool = False) -> None:
        with LOCK:
            remark, far = loaded(self, recipe, columns, trust)
            self._enable()
            self.refresh()
            self.message.info("paths", far)
            self.message.error("action", remark)

    def _taken(self) -> Recipe | None:
        """What the controls say; None where it is wrong, which a message tells."""
        try:
            recipe = self._read()
        except Exception as error:  # of whatever kind: what a recipe brought into the controls may be anything
            self.message.error("controls", str(error) or type(error).__name__)
            return None
        self.message.clear("controls")
        return recipe

    # Rendering

    def refresh(self) -> None:
        """Render what the controls say, in the background."""
        if self.comm is None:  # closed
            return
        with LOCK:
            self.message.clear("action", "render", "paths", "unfinished")
            self.set_trait("final", False)
            recipe = self._taken()
            if recipe is None:
                self.cancel()
            else:
                self.start(recipe, self.photo.value)

    def redraw(self) -> None:
        """Show the latest result as the controls say."""
        if self.comm is None:
            return
        with LOCK:
            recipe = self._taken()
            if recipe is not None:
                self.take(recipe)
                self.paint()

    def _changed(self, _: object) -> None:
        with LOCK:
            if not self._writing:
                self.refresh()

    def _redrawn(self, _: object) -> None:
        with LOCK:
            if not self._writing:
                self.redraw()

    def _said(self) -> tuple[Recipe, Photo]:
        return self._read(), self.photo.value

    @property
    def script(self) -> str:
        """Python code that makes the figure of the recipe again."""
        return script_of(*self._said())
