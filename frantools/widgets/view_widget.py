"""The base class of the widgets: controls make up a recipe, and a live view shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import ipywidgets as widgets
import traitlets

from ..checks import integer
from ..comparisons.comparison import recipe_of
from ..comparisons.recipes import Recipe
from ..comparisons.render_job import Restorers
from ..photos.degradation import Degradation
from ..photos.photo import Photo
from ..photos.regions import LARGEST, Region
from ..restorers.columns import Column
from . import cleanup
from .background import LOCK
from .column_editor import inspect_column
from .column_list import ColumnList
from .controls import BatchedWrites, Composite, slim
from .live_view import LiveView
from .photo_chooser import PhotoChooser
from .recipe_loading import load_recipe_into
from .save_controls import SaveControls, recipe_script
from .status import SidePanels

SIZES = (64, 128, 256, 512, 1024, 2048)


class ViewWidget(BatchedWrites, LiveView):
    """Controls around a live view.

    A subclass names its view and creates its own controls, whose values are the view's part of the recipe.

    Parameters
    ----------
    photo : Photo, str, path or ndarray, optional
        The photo to start with.
    columns : sequence of Column
        The columns to start with.
    size : int
        Pixels of the longer side.
    seed : int
        Seed of the random numbers.
    controls : dict of Widget
        The subclass's own controls, by their names in the recipe.
    several : bool
        Whether columns can be added and removed.
    given, device, timeout
        See the traits.
    """

    given = traitlets.Instance(Degradation, allow_none=True, help="The degradation of the photo for restorers.")
    device = traitlets.Unicode(None, allow_none=True, help="The device of FranNet models.")
    timeout = traitlets.Float(None, allow_none=True, help="Seconds after which a function has failed.")

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
        size = integer("size", size, 1, LARGEST)
        self.photo = PhotoChooser(photo)
        super().__init__(self.photo.value, self._pane_titles(columns))
        self.photo.show_error = partial(self.message.error, "action")
        self.columns = ColumnList(columns, self.photo.show_error, several)
        self.own_controls = dict(controls)
        size_options = {"options": sorted({*SIZES, size}), "value": size}
        seed_options = {"value": seed, "continuous_update": False}
        self.controls: dict[str, widgets.Widget] = {
            "columns": self.columns,
            "size": slim(widgets.Dropdown, "Size", "Pixels of the longer side", "104px", **size_options),
            "seed": slim(widgets.IntText, "Seed", "Another seed, other random numbers", "96px", **seed_options),
            **self.own_controls,
        }
        self.files = SaveControls(self.view.name, self.message, self.figure, self._recipe_and_photo, self._load)
        self.panels = SidePanels(self._panels())
        row = [self.photo.choice, self.controls["size"], self.controls["seed"], *self._row(), self.panels]
        row += [self.message, self.status]
        wrap = widgets.Layout(flex_flow="row wrap", align_items="center")
        self.viewer.layout.flex, self.viewer.layout.min_width = "1 1 0", "0"
        body = widgets.HBox([self.viewer, self.panels.side], layout=widgets.Layout(align_items="flex-start"))
        self.children = [widgets.HBox(row, layout=wrap), *self._above(), body, *self._below()]
        self.add_class("frantools")
        self.viewer.on_chip(self._open_chip)
        self._link_controls()
        self._enable_controls()
        self.given, self.device, self.timeout = given, device, timeout
        for name, part in {"photo": self.photo, **self.controls}.items():
            handler = self._on_live_change if name in self.live else self._on_change
            part.observe(handler, ["value", "error"] if isinstance(part, Composite) else "value")
        self.columns.observe(lambda _: self._enable_controls(), "value")
        self.observe(self._on_change, ["given", "device", "timeout"])
        self.refresh()
        cleanup.register_widget(self)

    # The layout of the controls

    def _pane_titles(self, columns: Sequence[Column]) -> list[str]:
        """Return the titles of the panes that these columns will have."""
        return [column.title for column in columns]

    def _row(self) -> list[widgets.Widget]:
        """Return controls for the row above the pictures, after photo, size and seed."""
        return []

    def _panels(self) -> dict[str, tuple[str, widgets.Widget]]:
        """Return the panels beside the pictures, by name: their tooltips and contents."""
        return {
            "Columns": ("The settings of a column; a click on the chip above it opens them, too", self.columns),
            "Files": (
                "Open another photo, save the figure, copy its code, load a recipe",
                widgets.VBox([self.photo, self.files]),
            ),
        }

    def _above(self) -> list[widgets.Widget]:
        """Return more rows of controls above the pictures."""
        return []

    def _below(self) -> list[widgets.Widget]:
        """Return widgets below the pictures."""
        return []

    def _open_chip(self, title: str) -> None:
        """Show the settings of the column whose chip is clicked."""
        titles = [column.title for column in self.columns.value]
        self.columns.chosen.index = titles.index(title) if title in titles else 0
        self.panels.show("Columns")

    def _link_controls(self) -> None:
        """Link controls to each other."""

    def _enable_controls(self) -> None:
        """Disable the controls that have no effect on the current columns."""
        without_seed = [column for column in self.columns.value if column.seed is None]
        self.controls["seed"].disabled = not any(inspect_column(column).random for column in without_seed)

    # The recipe of the controls

    def _region(self) -> Region | None:
        """Return the region of the recipe, if the view has one."""
        return None

    def _options(self) -> dict[str, Any]:
        """Return the view's own part of the recipe."""
        return {name: part.value for name, part in self.own_controls.items()}

    def _read(self, restorers: Restorers | None = None) -> Recipe:
        """Return the recipe; pass an empty dict of restorers to leave out the hashes of models."""
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
            restorers=restorers,
            **{name: value for name, value in options.items() if value is not None},
        )
        self.view.check(recipe)
        return recipe

    def own_part(self, recipe: Recipe) -> dict[str, Any]:
        """Return the values of the view's own controls in a recipe, by name."""
        return {name: recipe.options[name] for name in self.own_controls if name in recipe.options}

    def check(self) -> None:
        """Raise a ValueError or an OSError if the controls are invalid."""
        self._read({})

    def load(self, recipe: Any, columns: Mapping[str, Any] | None = None, trust: bool = False) -> None:
        """Set the controls from a recipe. Nothing in it is imported or run.

        Parameters
        ----------
        recipe : Recipe, dict or path
            Of this widget, of another one or of one of the note's figures, or a PNG, PDF, SVG or .json with such a
            recipe. The parts that this widget has controls for are used.
        columns : dict, optional
            The restorers of columns that the recipe cannot name, by title. Those that this widget shows are known.
        trust : bool
            Whether to import functions that the recipe names, which runs code.
        """
        try:
            self._load(recipe, columns, trust)
        except (ValueError, OSError) as error:
            self.message.error("action", str(error))

    def _load(self, recipe: Any, columns: Mapping[str, Any] | None = None, trust: bool = False) -> None:
        with LOCK:
            warning, outside_files = load_recipe_into(self, recipe, columns, trust)
            self._enable_controls()
            self.refresh()
            self.message.info("paths", outside_files)
            self.message.error("action", warning)

    def _read_or_show_error(self) -> Recipe | None:
        """Return the recipe of the controls; if it is invalid, show a message and return None."""
        try:
            recipe = self._read({})  # hashing would delay every change of a slider
        except Exception as error:  # a recipe may have brought anything into the controls
            self.message.error("controls", str(error) or type(error).__name__)
            return None
        self.message.clear("controls")
        return recipe

    # Rendering

    def refresh(self) -> None:
        """Render the recipe of the controls, in the background."""
        if self.comm is None:  # closed
            return
        with LOCK:
            self.message.clear("action", "render", "paths", "unfinished")
            self.set_trait("final", False)
            recipe = self._read_or_show_error()
            if recipe is None:
                self.cancel()
            else:
                self.start(recipe, self.photo.value)

    def redraw(self) -> None:
        """Draw the latest result with the current controls."""
        if self.comm is None:
            return
        with LOCK:
            recipe = self._read_or_show_error()
            if recipe is not None:
                self.set_recipe(recipe)
                self.paint()

    def _on_change(self, _: object) -> None:
        with LOCK:
            if not self._writing:
                self.refresh()

    def _on_live_change(self, _: object) -> None:
        with LOCK:
            if not self._writing:
                self.redraw()

    def _recipe_and_photo(self) -> tuple[Recipe, Photo]:
        return self._read(), self.photo.value

    @property
    def script(self) -> str:
        """Python code that reproduces the figure."""
        return recipe_script(*self._recipe_and_photo())
