"""The live view of a recipe: pictures in a viewer, rendered in the background."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any, ClassVar

import ipywidgets as widgets
import traitlets
from IPython import get_ipython
from matplotlib.figure import Figure

from ..comparisons.cache import Cache, Disk
from ..comparisons.comparison import Comparison
from ..comparisons.recipes import Recipe
from ..comparisons.render_job import RenderJob, model_hashes
from ..photos.photo import Photo
from ..restorers.base import Progress
from ..restorers.columns import Column
from ..viewer.panes import Panes
from ..views.progressive import job_of
from ..views.registry import View
from . import cleanup, deep_zoom
from .background import EXIT_TIMEOUT, LOCK, Renderer
from .column_editor import describe_column
from .controls import component_widgets
from .status import Messages, Status, UnfinishedError
from .viewer_widget import Viewer, with_png

DISPLAY_TIMEOUT = 1.0  # seconds that a notebook waits for a first picture, which it keeps for use without a kernel
HEADLESS_TIMEOUT = 60.0  # seconds that a program that runs a notebook waits for the final pictures
STORE = os.environ.get("FRANTOOLS_STORE")  # a folder that keeps restorations for the next kernel
CACHE = Cache(disk=Disk(STORE) if STORE else None)  # shared by all widgets: they often show the same


def pictures_of(comparison: Comparison) -> dict[str, Any]:
    """Return the restorations of a comparison by title; None for a column that failed."""
    return {title: comparison.restorations.get(title) for title in comparison.titles}


def is_headless() -> bool:
    """Return whether a program such as nbconvert runs the notebook, without a user."""
    kernel = getattr(get_ipython(), "kernel", None)
    return kernel is not None and not kernel.get_parent().get("content", {}).get("allow_stdin", True)


class LiveView(widgets.VBox):
    """The pictures of a recipe, with a stop button, progress and messages.

    Parameters
    ----------
    photo : Photo
        The photo to start with.
    titles : sequence of str
        The titles of the panes to start with.

    Notes
    -----
    `result` and `final` change on the background thread, under `LOCK`: an observer must be quick.
    """

    view: ClassVar[View]
    live: ClassVar[tuple[str, ...]] = ()
    """The view's options that change only how the figure is drawn."""
    can_zoom: ClassVar[bool] = True
    """Whether the panes are the columns, which are re-rendered when the user zooms in."""

    recipe = traitlets.Instance(Recipe, allow_none=True, read_only=True, help="The recipe of the figure.")
    result = traitlets.Any(None, read_only=True, help="The latest result of the view's `compute`, which is shown.")
    final = traitlets.Bool(False, read_only=True, help="Whether the result is complete and belongs to the recipe.")

    def __init__(self, photo: Photo, titles: Sequence[str]) -> None:
        self.cache = CACHE
        self.message = Messages()
        self.status = Status(self.cancel)
        self.viewer = Viewer(dict.fromkeys(titles, photo.with_frame("square").small))  # until the first result
        self._result_recipe: Recipe | None = None
        self._hashes: dict[str, str] = {}  # of the models of the result
        self._job: RenderJob | None = None  # of the whole picture
        self._sources: dict[str, Any] = {}  # by title, everything that a pane depends on
        self._tiles: list[deep_zoom.PyramidTile] = []  # the visible ones
        self._renderer = Renderer(self.status.advance, self.fail, self._show_still_running)
        super().__init__([self.viewer])
        self.viewer.observe(self._on_move, ["view", "screen"])

    # For subclasses

    def compute(self, recipe: Recipe, photo: Photo, progress: Progress, first: Sequence[str]) -> Iterator[Any]:
        """Yield the results of a recipe, coarse ones first; `first` are the titles of the columns that changed."""
        return self.view.compute(recipe, [photo], progress, self.cache)

    def panes(self, result: Any, recipe: Recipe) -> Panes:
        """Return the panes of a result."""
        raise NotImplementedError

    def pane_size(self, job: RenderJob) -> int:
        """Return the longer side of the pictures in the panes, in pixels."""
        return max(job.size)

    # Rendering

    def set_recipe(self, recipe: Recipe) -> None:
        """Set the recipe of the result; it is no longer final if more changes than how it is drawn."""
        before = self._result_recipe
        if before is not None:
            recipe = recipe.replace(models=before.models)
        if before is None or recipe.columns != before.columns or recipe.replace(options=before.options) != before:
            self.set_trait("final", False)
        self.set_trait("recipe", recipe)

    def start(self, recipe: Recipe, photo: Photo) -> None:
        """Render a recipe instead of the current one."""
        before = self.recipe.columns if self.recipe is not None else ()
        first = [column.title for column in recipe.columns if column not in before]
        self.set_trait("recipe", recipe)
        self.status.begin()
        self._photo = photo
        self._renderer.render(
            partial(self._render, recipe, photo, first), partial(self._show_result, recipe), self.finish
        )

    def _render(self, recipe: Recipe, photo: Photo, first: Sequence[str], progress: Progress) -> Iterator[Any]:
        """Yield the first result, then the visible tiles of a zoomed-in view, then all other results."""
        results = self.compute(recipe, photo, progress, first)
        job = job_of(recipe.replace(region=None), photo, self.cache)
        with LOCK:
            self._job = job
        for result in results:
            yield result
            break
        yield from self._render_tiles(job, recipe, progress)
        yield from results
        self._hashes = model_hashes(recipe.columns, [photo], job.restorers)  # not on each change of a slider

    def _render_tiles(self, job: RenderJob, recipe: Recipe, progress: Progress) -> Iterator[Any]:
        with LOCK:
            self._tiles = tiles = self._visible_tiles(job)
        yield from deep_zoom.restore_tiles(job, recipe.columns, tiles, progress)

    def _visible_tiles(self, job: RenderJob) -> list[deep_zoom.PyramidTile]:
        """Return the visible tiles if the screen has more pixels than the pictures."""
        if not self.can_zoom:
            return []
        return deep_zoom.tiles_to_render(job, self.viewer.view, self.viewer.screen, self.pane_size(job))

    def _on_move(self, _: object) -> None:
        """Re-render what has become visible."""
        with LOCK:
            job, recipe = self._job, self._result_recipe
            if self.comm is None or job is None or recipe is None or self.recipe is None:
                return
            tiles = self._visible_tiles(job)
            if tiles == self._tiles:
                return
            self._tiles = tiles
            self.update_chips()
            if self.busy and not self.final:
                self.start(self.recipe, self._photo)
            elif tiles:
                self.status.begin()
                self._renderer.render(
                    partial(self._render_tiles, job, recipe), partial(self._show_result, recipe), self.status.end
                )
            else:
                self.cancel()

    def cancel(self) -> None:
        """Stop rendering and keep what is shown."""
        with LOCK:
            self._renderer.stop()
            self.status.end()

    def wait(self, timeout: float = 60.0) -> bool:
        """Wait until the pictures are complete, for scripts; return False after `timeout` seconds."""
        return self._renderer.join(timeout)

    @property
    def busy(self) -> bool:
        """Whether the widget is rendering."""
        return self._renderer.busy

    def close(self) -> None:
        """Stop rendering, and free the widget with all its parts."""
        # It may be closed, or never have been open: Python closes widgets that it deletes, even at its very end.
        if self.comm is None or sys.is_finalizing():
            return
        self._renderer.stop()
        self._renderer.join(EXIT_TIMEOUT)  # outside the lock, which the work needs to stop
        with LOCK:
            self.set_trait("result", None)
            parts = component_widgets(self) - {self}
            self.viewer.close()  # before its pictures, as an open viewer sends changes of them
            for part in parts:
                part.close()
            super().close()

    # Results

    def _show_result(self, recipe: Recipe, result: Any) -> None:
        """Show a result, or a re-rendered tile."""
        if isinstance(result, deep_zoom.RestoredTile):
            is_shown = asdict(result.tile.region) in self.viewer.details.get(result.title, [])
            if not is_shown and self.viewer.pictures.get(result.title) is not None:
                self.viewer.detail(result.title, result.tile.region, result.image)
                self.update_chips()
            return
        self._result_recipe = recipe
        self.set_trait("result", result)
        self.paint()

    def finish(self) -> None:
        """Handle the end of rendering: the result is complete."""
        self._result_recipe = self.result_recipe().replace(models=self._hashes)
        self.set_trait("recipe", self._result_recipe)
        self.set_trait("final", True)
        self.message.clear("unfinished")
        self.status.end()

    def fail(self, error: str) -> None:
        """Handle an error that ended rendering."""
        self.message.error("render", error)
        self.status.end()

    def _show_still_running(self, text: str) -> None:
        """Show that a function could not be interrupted; an empty text removes that message."""
        if self.comm is not None:
            self.message.error("render", text)

    # Drawing

    def result_recipe(self) -> Recipe:
        """Return the recipe of the result, with the current values of the options that change only the drawing."""
        assert self._result_recipe is not None
        assert self.recipe is not None
        live = {name: self.recipe.options[name] for name in self.live if name in self.recipe.options}
        return self._result_recipe.replace(options={**self._result_recipe.options, **live})

    def paint(self) -> None:
        """Show the latest result; zoom and boxes stay."""
        if self.result is None or self._job is None:
            return
        recipe, job = self.result_recipe(), self._job
        panes = self.panes(self.result, recipe)
        common = (job.photo.key, job.size, job.seed, job.given, job.device)
        before, self._sources = self._sources, {column.title: (column, common) for column in recipe.columns}
        with self.viewer.hold_sync():
            self.viewer.frame = job.size
            self.viewer.show(panes, [title for title, source in self._sources.items() if before.get(title) == source])
        self.update_chips()

    def update_chips(self) -> None:
        """Describe each column above its pane, and how it is enlarged if the user has zoomed in."""
        if self._result_recipe is None or self._job is None:
            return
        columns = self._result_recipe.columns
        chips = {column.title: describe_column(column) for column in columns}
        if not self.can_zoom:
            chips = {next(iter(self.viewer.pictures)): next(iter(chips.values()))}
        elif self._tiles:
            continuous = deep_zoom.continuous_columns(self._job, columns)
            for column in columns:
                detail = self._describe_detail(column) if column in continuous else "pixels"
                if detail and self.viewer.pictures.get(column.title) is not None:
                    chips[column.title] += f" · {detail}"
        self.viewer.chips = chips

    def _describe_detail(self, column: Column) -> str:
        """Return "re-rendered" once the whole visible part of a column is."""
        if isinstance(column.what, str) and column.what in deep_zoom.UNRESTORED:
            return ""
        sharp = [asdict(tile.region) for tile in self._tiles if tile.whole == self._tiles[-1].whole]
        details = self.viewer.details.get(column.title, [])
        return "re-rendered" if all(part in details for part in sharp) else ""

    def figure(self) -> tuple[Figure, Recipe]:
        """Return the figure and its recipe; raise a ValueError while it is not complete."""
        if not self.final:
            raise UnfinishedError("the figure is not complete yet, so no recipe reproduces it; wait until it is")
        recipe = self.result_recipe()
        return self.view.draw(self.result, recipe, None), recipe

    def _still_picture(self) -> bytes:
        """Return the PNG that a notebook shows without a kernel."""
        return self.viewer.contact_sheet()

    def _repr_mimebundle_(self, **options: Any) -> Any:
        """Return the widget, and a PNG for notebooks that are shown without a kernel."""
        cleanup.register_display(self)
        bundle = super()._repr_mimebundle_(**options)
        if is_headless():
            self._renderer.join(HEADLESS_TIMEOUT)
        else:
            self._renderer.first_result.wait(DISPLAY_TIMEOUT)
        return with_png(bundle, self._still_picture)
