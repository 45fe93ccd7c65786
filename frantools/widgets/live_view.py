"""A recipe's pictures in the viewer: rendered in the background, with what there is to say of them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, ClassVar

import ipywidgets as widgets
import traitlets
from IPython import get_ipython
from matplotlib.figure import Figure

from ..comparisons.cache import Cache, Disk
from ..comparisons.recipes import Recipe
from ..comparisons.render_job import RenderJob
from ..photos.photo import Photo
from ..restorers.base import Progress
from ..restorers.columns import Column
from ..views.progressive import Shown, job_of
from ..views.registry import View
from . import cleanup, endless_zoom
from .column_editor import chip_of
from .controls import parts
from .messages import Messages, UnfinishedError
from .rendering import LOCK, Rendering
from .status import Status
from .viewer_widget import Viewer
from .worker import LEAVE

FIRST = 1.0  # seconds that a notebook waits for a picture to keep where no kernel runs
UNATTENDED = 60.0  # the same, of a notebook that is run from end to end: nobody waits for it, and its pictures stay
STORE = os.environ.get("FRANTOOLS_STORE")  # a folder, where the next kernel finds restorations too
CACHE = Cache(disk=Disk(STORE) if STORE else None)  # of all widgets in the kernel: they often show the same


@dataclass(frozen=True)
class Panes:
    """What the viewer shows of a result."""

    pictures: Mapping[str, Any]
    """By title; None where a note stands in the place of a picture."""
    notes: Mapping[str, str] = field(default_factory=dict)
    numbers: Mapping[str, str] = field(default_factory=dict)
    best: Mapping[str, list[int]] = field(default_factory=dict)
    reference: str | None = None
    """The title of what the others are compared with. Default: found by its title."""


def pictures_of(shown: Shown, recipe: Recipe) -> dict[str, Any]:
    """What there is to show of a recipe's columns, in their order; None where there is a sentence."""
    titles = [column.title for column in recipe.columns]
    return {title: None if title in shown.errors else shown.pictures[title] for title in titles}


def is_headless() -> bool:
    """Whether a notebook is run by a program, such as nbconvert, which can answer no question."""
    kernel = getattr(get_ipython(), "kernel", None)
    return kernel is not None and not kernel.get_parent().get("content", {}).get("allow_stdin", True)


class LiveView(widgets.VBox):
    """The pictures of a recipe, with Stop, progress and messages.

    Parameters
    ----------
    photo : Photo
        To start with.
    titles : sequence of str
        Of the panes, to start with.

    Notes
    -----
    `result` and `final` change on the background's thread, while nothing else is shown: an observer is quick.
    """

    view: ClassVar[View]
    live: ClassVar[tuple[str, ...]] = ()
    """The view's options that only change how the figure is drawn."""
    zooms: ClassVar[bool] = True
    """Whether the panes are the columns, which are restored anew where one zooms in."""

    recipe = traitlets.Instance(Recipe, allow_none=True, read_only=True, help="What makes the figure.")
    result = traitlets.Any(None, read_only=True, help="What is on screen: what the view's compute gave.")
    final = traitlets.Bool(False, read_only=True, help="Whether the result is complete, and the recipe's.")

    def __init__(self, photo: Photo, titles: Sequence[str]) -> None:
        self.cache = CACHE
        self.message = Messages()
        self.status = Status(self.cancel)
        small = photo.with_frame("square").small  # until there is something better
        self.viewer = Viewer(dict.fromkeys(titles, small))
        self._shown: Recipe | None = None  # that of the result
        self._job: RenderJob | None = None  # of the recipe that is rendered: the whole picture
        self._alike: dict[str, Any] = {}  # what the panes were made of, by column
        self._wanted: list[endless_zoom.PyramidTile] = []  # the tiles that are in view
        self._background = Rendering(self)
        super().__init__([self.viewer])
        self.viewer.observe(self._moved, ["view", "screen"])

    # What subclasses say

    def compute(self, recipe: Recipe, photo: Photo, progress: Progress, first: Sequence[str]) -> Iterator[Any]:
        """The results of a recipe, coarse first; `first` are the titles of the columns that have changed."""
        return self.view.compute(recipe, [photo], progress, self.cache)

    def panes(self, data: Any, recipe: Recipe) -> Panes:
        """What the viewer shows of a result."""
        raise NotImplementedError

    # Rendering

    def take(self, recipe: Recipe) -> None:
        """Take over a recipe of the result; one that differs in more than how it is drawn is not final."""
        before = self._shown
        if before is None or recipe.columns != before.columns or recipe.replace(options=before.options) != before:
            self.set_trait("final", False)
        self.set_trait("recipe", recipe)

    def start(self, recipe: Recipe, photo: Photo) -> None:
        """Render a recipe, in the place of what is rendered."""
        before = self.recipe.columns if self.recipe is not None else ()
        first = [column.title for column in recipe.columns if column not in before]
        self.set_trait("recipe", recipe)
        self.status.begin()
        self._photo = photo
        self._background.start(partial(self._work, recipe, photo, first), partial(self.show, recipe), self.finish)

    def _work(self, recipe: Recipe, photo: Photo, first: Sequence[str], progress: Progress) -> Iterator[Any]:
        """A recipe's results; what is in view, where one has zoomed in, comes after the first of them."""
        results = self.compute(recipe, photo, progress, first)
        job = job_of(recipe.replace(region=None), photo, self.cache)
        with LOCK:
            self._job = job
        yield from (each for each in (next(results, None),) if each is not None)
        yield from self._anew(job, recipe, progress)
        yield from results

    def _anew(self, job: RenderJob, recipe: Recipe, progress: Progress) -> Iterator[Any]:
        with LOCK:
            self._wanted = wanted = self._in_view(job)
        yield from endless_zoom.restored(job, recipe.columns, wanted, progress)

    def _in_view(self, job: RenderJob) -> list[endless_zoom.PyramidTile]:
        """The tiles that are in view where the screen has more pixels than the pictures."""
        if not self.zooms:
            return []
        return endless_zoom.wanted(job, self.viewer.view, self.viewer.screen, self.pixels(job))

    def pixels(self, job: RenderJob) -> int:
        """The longer side of the pictures in the panes."""
        return max(job.size)

    def _moved(self, _: object) -> None:
        """Restore anew what has come into view."""
        with LOCK:
            job, recipe = self._job, self._shown
            if self.comm is None or job is None or recipe is None or self.recipe is None:
                return
            before, wanted = self._wanted, self._in_view(job)
            if wanted == before:
                return
            self._wanted = wanted
            self.label()
            if self.busy and not self.final:
                self.start(self.recipe, self._photo)
            elif wanted:
                self.status.begin()
                self._background.start(partial(self._anew, job, recipe), partial(self.show, recipe), self.status.rest)
            else:
                self.cancel()

    def cancel(self) -> None:
        """Stop rendering; what is shown stays."""
        with LOCK:
            self._background.stop()
            self.status.rest()

    def wait(self, timeout: float = 60.0) -> bool:
        """Wait until the pictures are complete, in scripts; False if it takes longer than `timeout` seconds."""
        return self._background.join(timeout)

    @property
    def busy(self) -> bool:
        """Whether anything is rendered."""
        return self._background.busy

    def close(self) -> None:
        """Stop rendering, and free the widget with all that it is made of."""
        # It is closed, or was never open: Python closes what it deletes, at its very end too.
        if self.comm is None or sys.is_finalizing():
            return
        self._background.stop()
        self._background.join(LEAVE)  # outside the lock, which the work needs to leave
        with LOCK:
            self.set_trait("result", None)
            made = parts(self) - {self}
            self.viewer.close()  # before its pictures, which it tells of as long as it is open
            for part in made:
                part.close()
            super().close()

    # What the background tells of

    def show(self, recipe: Recipe, data: Any) -> None:
        """Show a result, or a part that was restored anew."""
        if isinstance(data, endless_zoom.RestoredTile):
            there = asdict(data.tile.region) in self.viewer.details.get(data.title, [])
            if not there and self.viewer.pictures.get(data.title) is not None:
                self.viewer.detail(data.title, data.tile.region, data.image)
                self.label()
            return
        self._shown = recipe
        self.set_trait("result", data)
        self.paint()

    def advance(self, share: float, left: str) -> None:
        """Show how far it is."""
        self.status.advance(share, left)

    def finish(self) -> None:
        """The result that is shown is complete."""
        self.set_trait("final", True)
        self.message.clear("unfinished")
        self.status.rest()

    def fail(self, text: str) -> None:
        """Say what went wrong."""
        self.message.error("render", text)
        self.status.rest()

    def still(self, text: str) -> None:
        """Say what could not be stopped and still runs."""
        if self.comm is not None:
            self.message.error("render", text)

    # On screen

    def shown(self) -> Recipe:
        """The recipe of the result, with what only changes how it is drawn as `recipe` has it."""
        assert self._shown is not None
        assert self.recipe is not None
        live = {name: self.recipe.options[name] for name in self.live if name in self.recipe.options}
        return self._shown.replace(options={**self._shown.options, **live})

    def paint(self) -> None:
        """Show the latest result; zoom and boxes stay."""
        if self.result is None or self._job is None:
            return
        recipe, job = self.shown(), self._job
        panes = self.panes(self.result, recipe)
        others = (job.photo.key, job.size, job.seed, job.given, job.device)
        before, self._alike = self._alike, {column.title: (column, others) for column in recipe.columns}
        with self.viewer.hold_sync():
            self.viewer.frame, self.viewer.default_reference = job.size, panes.reference
            if list(self.viewer.pictures) == list(panes.pictures):
                keep = [title for title, made in self._alike.items() if before.get(title) == made]
                self.viewer.update(panes.pictures, keep)
            else:
                self.viewer.pictures = panes.pictures
            self.viewer.notes = dict(panes.notes)
            self.viewer.numbers, self.viewer.best = dict(panes.numbers), dict(panes.best)
        self.label()

    def label(self) -> None:
        """Say above each pane what it is, and how it is enlarged where one zooms in."""
        if self._shown is None or self._job is None:
            return
        chips = {column.title: chip_of(column) for column in self._shown.columns}
        if not self.zooms:
            chips = {next(iter(self.viewer.pictures)): next(iter(chips.values()))}
        elif self._wanted:
            anew = endless_zoom.continuous(self._job, self._shown.columns)
            for column in self._shown.columns:
                said = self._sharp(column) if column in anew else "pixels"
                if said and self.viewer.pictures.get(column.title) is not None:
                    chips[column.title] += f" · {said}"
        self.viewer.chips = chips

    def _sharp(self, column: Column) -> str:
        """What is said of a column once all of it that is in view is made anew."""
        if isinstance(column.what, str) and column.what in endless_zoom.UNRESTORED:
            return ""
        sharp = [asdict(tile.region) for tile in self._wanted if tile.whole == self._wanted[-1].whole]
        there = self.viewer.details.get(column.title, [])
        return "re-rendered" if all(part in there for part in sharp) else ""

    def figure(self) -> tuple[Figure, Recipe]:
        """The figure, and its recipe; a ValueError while it is not complete."""
        if not self.final:
            raise UnfinishedError(
                "the figure is not complete, so that no recipe makes it again; let it render to its end"
            )
        recipe = self.shown()
        return self.view.draw(self.result, recipe, None), recipe

    def _repr_mimebundle_(self, **options: Any) -> Any:
        """The widget, and its first pictures for where no kernel runs."""
        cleanup.shown(self)
        made = super()._repr_mimebundle_(**options)
        if is_headless():
            self._background.join(UNATTENDED)
        else:
            self._background.begun.wait(FIRST)
        data, still = (each[0] if isinstance(each, tuple) else each for each in (made, self.viewer._repr_mimebundle_()))
        if data is not None and still is not None:
            data["image/png"] = still["image/png"]
        return made
