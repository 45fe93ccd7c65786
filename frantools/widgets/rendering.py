"""Work of which something is shown as it goes: coarse, then sharp, and stopped where it is no longer wanted."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from threading import Event, RLock, Thread
from typing import Any, Protocol

from ..restorers.base import Cancelled, Progress
from .worker import Clock, Worker

# What is shown is changed by the background, by the kernel, and by the threads on which JupyterLab has a kernel answer
# widgets while a cell runs. One at a time.
LOCK = RLock()

LONG = 1.0  # seconds from which a render shows its progress
BREATH = 0.06  # seconds that the browser has for drawing the first result before the work takes all cores again
PATIENCE = 0.03  # seconds that a result waits for a better one before it is shown

Work = Callable[[Progress], Iterator[Any]]
"""Yields one result after the other, each better than the one before; what is `urgent` is shown before it goes on."""


class Listener(Protocol):
    """What is told of the work. Each call comes on the background's thread, while nothing else is shown."""

    def advance(self, share: float, left: str) -> None:
        """Show how far it is."""

    def fail(self, text: str) -> None:
        """Something went wrong."""

    def still(self, text: str) -> None:
        """Something could not be stopped and still runs; empty once it does no more."""


class Rendering:
    """The background of a widget: the latest work wins.

    Parameters
    ----------
    listener : Listener
        Told of what comes. Nobody is told of what is no longer wanted.
    """

    def __init__(self, listener: Listener) -> None:
        self._listener, self._worker = listener, Worker()
        self.begun = Event()
        """Set from the first result or failure on."""

    def start(self, work: Work, show: Callable[[Any], None], finish: Callable[[], None]) -> None:
        """Work, in the place of what is under way; `show` is given the results, and `finish` is called at the end."""
        self._worker.submit(lambda cancelled: self._render(work, show, finish, cancelled))

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

    def _render(self, work: Work, show: Callable[[Any], None], finish: Callable[[], None], cancelled: Event) -> None:
        clock, since = Clock(), 0.0
        latest: list[Any] = []  # what waits to be shown

        def unless(call: Callable[..., None], *arguments: Any) -> None:
            with LOCK:
                if not cancelled.is_set():
                    call(*arguments)

        def shown() -> None:
            if latest:
                unless(show, latest.pop())
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
            for number, data in enumerate(work(report)):
                latest[:], since = [data], time.perf_counter()
                if getattr(data, "urgent", False):
                    shown()
                    cancelled.wait(BREATH if number == 0 else 0)
            shown()
            unless(finish)
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
        with suppress(RuntimeError):  # the system allows no more threads
            Thread(target=watch, daemon=True).start()
