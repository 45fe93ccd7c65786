"""Work in the background of a notebook: the latest request wins, and its results come back to the kernel's thread."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Lock, Thread

Call = Callable[[], None]


class Cancelled(Exception):  # noqa: N818
    """Raised inside work that something newer has replaced."""


class Inbox:
    """Calls from other threads, made on the thread that created the inbox.

    Where an event loop runs (in a kernel) it makes them between two cells; elsewhere `drain` does. Of calls posted
    under one key while the thread was busy, the last alone is made: a slow screen skips frames, it does not lag.
    """

    def __init__(self) -> None:
        self._calls: dict[str, Call] = {}
        self._lock = Lock()
        try:
            self._loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            self._loop = None

    def post(self, key: str, call: Call) -> None:
        """Have a call made soon."""
        with self._lock:
            scheduled = bool(self._calls)
            self._calls.pop(key, None)  # so that it goes to the end
            self._calls[key] = call
        if self._loop is not None and not scheduled:
            with suppress(RuntimeError):  # the kernel is shutting down
                self._loop.call_soon_threadsafe(self.drain)

    def drain(self) -> None:
        """Make the calls that wait."""
        with self._lock:
            calls, self._calls = list(self._calls.values()), {}
        for call in calls:
            call()


class Worker:
    """One piece of work at a time on a background thread; a new one cancels what runs and what waits."""

    def __init__(self) -> None:
        self._turn = Lock()
        self._cancelled = Event()
        self._thread: Thread | None = None

    def submit(self, work: Callable[[Event], None]) -> None:
        """Start work once what runs has left.

        Parameters
        ----------
        work : callable
            Given the event that is set when the work is no longer wanted. It looks often, and leaves when it is set.
        """
        self.stop()
        self._cancelled = Event()
        self._thread = Thread(target=self._run, args=(work, self._cancelled), daemon=True)
        self._thread.start()

    def _run(self, work: Callable[[Event], None], cancelled: Event) -> None:
        with self._turn:
            if not cancelled.is_set():
                work(cancelled)

    def stop(self) -> None:
        """Cancel what runs."""
        self._cancelled.set()

    @property
    def busy(self) -> bool:
        """Whether the latest work is still to come or running."""
        return self._thread is not None and self._thread.is_alive()

    def join(self, timeout: float) -> bool:
        """Wait for the latest work; False if it takes longer than `timeout` seconds."""
        if self._thread is not None:
            self._thread.join(timeout)
        return not self.busy


class Clock:
    """The time left of work, from the share that is done."""

    def __init__(self) -> None:
        self._begun = time.perf_counter()

    def left(self, share: float) -> tuple[float, float]:
        """Seconds that the whole will take, and those of them still to come."""
        spent = time.perf_counter() - self._begun
        whole = spent / max(share, 1e-3)
        return whole, whole - spent
