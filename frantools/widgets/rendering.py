"""A recipe rendered in the background: coarse, then sharp, and stopped where it is no longer wanted."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event, Thread
from typing import Any, Protocol

from ..photo import Photo
from ..recipes import Recipe
from ..restorers.protocol import Cancelled
from ..store import Cache
from ..views.registry import View
from .canvas import LOCK
from .worker import Clock, Worker

LONG = 1.0  # seconds from which a render shows its progress
PATIENCE = 0.1  # seconds that a result waits for a better one before it is drawn


class Listener(Protocol):
    """What shows the results. Each call comes on the background's thread, while nothing else is drawn."""

    def show(self, data: Any, recipe: Recipe) -> None:
        """Show a result."""

    def advance(self, share: float, left: str) -> None:
        """Show how far it is."""

    def finish(self) -> None:
        """The result that is shown is complete."""

    def fail(self, text: str) -> None:
        """Something went wrong."""

    def still(self, text: str) -> None:
        """Something could not be stopped and still runs; empty once it does no more."""


class Rendering:
    """The background of a widget: the latest recipe wins.

    Parameters
    ----------
    view : View
        Whose `compute` is called.
    listener : Listener
        Told of what comes. Nobody is told of what is no longer wanted.
    """

    def __init__(self, view: View, listener: Listener) -> None:
        self._view, self._listener, self._worker = view, listener, Worker()
        self.begun = Event()
        """Set from the first result or failure on."""

    def start(self, recipe: Recipe, photo: Photo, cache: Cache) -> None:
        """Render a recipe, in the place of what is rendered."""
        self._worker.submit(lambda cancelled: self._render(recipe, photo, cache, cancelled))

    def stop(self) -> None:
        """Stop; what could not be interrupted is told of."""
        self._worker.stop()

    def join(self, timeout: float) -> bool:
        """Wait for what is rendered; False if it takes longer than `timeout` seconds."""
        return self._worker.join(timeout)

    @property
    def busy(self) -> bool:
        """Whether anything is rendered."""
        return self._worker.busy

    def _render(self, recipe: Recipe, photo: Photo, cache: Cache, cancelled: Event) -> None:
        clock, since = Clock(), 0.0
        latest: list[Any] = []  # what waits to be drawn

        def unless(call: Callable[..., None], *arguments: Any) -> None:
            with LOCK:
                if not cancelled.is_set():
                    call(*arguments)

        def shown() -> None:
            if latest:
                unless(self._listener.show, latest.pop(), recipe)
                self.begun.set()

        def report(share: float) -> None:
            if cancelled.is_set():
                raise Cancelled
            whole, left = clock.left(share)
            long = (whole if share > 0 else clock.spent) > LONG
            if long or time.perf_counter() - since > PATIENCE:  # what follows takes its time: it is not in the cache
                shown()
            if long:
                unless(self._listener.advance, share, f"{left:.0f} s left" if share > 0 else "under way")

        try:
            for data in self._view.compute(recipe, [photo], report, cache):
                latest[:], since = [data], time.perf_counter()
                if getattr(data, "urgent", False):
                    shown()
            shown()
            unless(self._listener.finish)
        except Cancelled as stopped:
            self._left_behind(stopped, cancelled)
        except Exception as error:  # of whatever kind: it belongs on the screen, and the widget goes on
            unless(self._listener.fail, str(error) or type(error).__name__)
        finally:
            self.begun.set()

    def _left_behind(self, stopped: Cancelled, cancelled: Event) -> None:
        """Tell what still runs after a stop, as long as it does and nothing newer is rendered."""
        running = stopped.running
        if running is None:
            return

        def tell(text: str) -> None:
            with LOCK:
                if self._worker.latest(cancelled):
                    self._listener.still(text)

        def watch() -> None:
            running.join()
            tell("")

        tell(str(stopped))
        Thread(target=watch, daemon=True).start()
