"""The figure of a recipe on a page: rendered in the background, drawn on a canvas, with what there is to say of it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

import ipywidgets as widgets
import traitlets
from matplotlib.figure import Figure

from ..photo import Photo
from ..recipes import Recipe
from ..store import Cache
from ..views.registry import View
from .canvas import LOCK, Screen
from .controls import parts
from .messages import Messages, UnfinishedError
from .rendering import Rendering
from .status import Status

FIRST = 1.0  # seconds that a notebook waits for a picture to keep where no kernel runs
CACHE = Cache()  # of all widgets in the kernel: they often show the same restorations


class Stage(widgets.VBox):
    """The figure of a recipe, with Stop, progress and messages.

    Parameters
    ----------
    live : sequence of str
        The view's options that only change how the figure is drawn.

    Notes
    -----
    `result` and `final` change on the background's thread, while nothing else is drawn: an observer is quick.
    """

    view: ClassVar[View]

    recipe = traitlets.Instance(Recipe, allow_none=True, read_only=True, help="What makes the figure.")
    result = traitlets.Any(None, read_only=True, help="What the figure on screen shows: what the view's compute gave.")
    final = traitlets.Bool(False, read_only=True, help="Whether the figure is complete, and the recipe's.")

    def __init__(self, live: Sequence[str] = ()) -> None:
        self.cache = CACHE
        self.message = Messages()
        self.canvas = Screen()
        self.status = Status(self.canvas, self.message, self.cancel)
        self._live = tuple(live)
        self._shown: Recipe | None = None  # that of the result
        self._background = Rendering(self.view, self)
        super().__init__([self.status, self.canvas])

    def take(self, recipe: Recipe) -> None:
        """Take over a recipe of the result; one that differs in more than how it is drawn is not final."""
        before = self._shown
        if before is None or recipe.columns != before.columns or recipe.but(options=before.options) != before:
            self.set_trait("final", False)
        self.set_trait("recipe", recipe)

    def start(self, recipe: Recipe, photo: Photo) -> None:
        """Render a recipe, in the place of what is rendered."""
        self.set_trait("recipe", recipe)
        self.status.begin()
        self._background.start(recipe, photo, self.cache)

    def cancel(self) -> None:
        """Stop rendering; what is shown stays."""
        with LOCK:
            self._background.stop()
            self.status.rest()

    def wait(self, timeout: float = 60.0) -> bool:
        """Wait until the figure is complete, in scripts; False if it takes longer than `timeout` seconds."""
        return self._background.join(timeout)

    @property
    def busy(self) -> bool:
        """Whether anything is rendered."""
        return self._background.busy

    def close(self) -> None:
        """Stop rendering, and free the widget with all that it is made of."""
        if self.comm is None:  # it is closed, or was never open: Python closes what it deletes
            return
        self._background.stop()
        self._background.join(1.0)  # outside the lock, which the work needs to leave
        with LOCK:
            self.set_trait("result", None)
            self.canvas.figure.clear()
            for part in parts(self) - {self}:
                part.close()
            super().close()

    # What the background tells of

    def show(self, data: Any, recipe: Recipe) -> None:
        """Show a result."""
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
        self.message.say("render", text)
        self.status.rest()

    def still(self, text: str) -> None:
        """Say what could not be stopped and still runs."""
        if self.comm is not None:
            self.message.say("render", text)

    # Drawing

    def shown(self) -> Recipe:
        """The recipe of the result, with what only changes how it is drawn as `recipe` has it."""
        assert self._shown is not None
        assert self.recipe is not None
        live = {name: self.recipe.options[name] for name in self._live}
        return self._shown.but(options={**self._shown.options, **live})

    def paint(self) -> None:
        """Draw the latest result, panned and zoomed as it was."""
        if self.result is None:
            return
        try:
            self.canvas.paint(partial(self.view.draw, self.result, self.shown()))
        except ValueError as error:
            self.message.say("drawing", str(error))
        else:
            self.message.clear("drawing")

    def figure(self) -> tuple[Figure, Recipe]:
        """The figure anew, and its recipe; a ValueError while it is not complete."""
        if not self.final:
            raise UnfinishedError(
                "the figure is not complete, so that no recipe makes it again; let it render to its end"
            )
        recipe = self.shown()
        return self.view.draw(self.result, recipe, None), recipe

    def _repr_mimebundle_(self, **options: Any) -> Any:
        """The widget, and its first picture for where no kernel runs."""
        made = super()._repr_mimebundle_(**options)
        self._background.begun.wait(FIRST)
        data = made[0] if isinstance(made, tuple) else made
        if data is not None:
            data["image/png"] = b64encode(self.canvas.png()).decode()
        return made
