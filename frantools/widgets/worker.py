"""Work in the background of a notebook, so that the kernel stays free: the latest request wins."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from threading import Event, Lock, Thread
from weakref import WeakSet

LEAVE = 20.0  # seconds that an end waits for work to leave: one step of it may be long on a busy machine


class Worker:
    """One piece of work at a time on a background thread; a new one cancels what runs and what waits."""

    def __init__(self) -> None:
        self._turn = Lock()
        self._cancelled = Event()
        self._thread: Thread | None = None
        _workers.add(self)

    def submit(self, work: Callable[[Event], None]) -> None:
        """Start work once what runs has left.

        Parameters
        ----------
        work : callable
            Given the event that is set when the work is no longer wanted. It looks often, and leaves when it is set.
        """
        self.stop()
        self._cancelled = Event()
        thread = Thread(target=self._run, args=(work, self._cancelled), daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the system allows no more threads
            self._run(work, self._cancelled)
        else:
            self._thread = thread

    def _run(self, work: Callable[[Event], None], cancelled: Event) -> None:
        with self._turn:
            if not cancelled.is_set():
                work(cancelled)

    def stop(self) -> None:
        """Cancel what runs."""
        self._cancelled.set()

    def latest(self, cancelled: Event) -> bool:
        """Whether nothing newer than the work that was given this event has been submitted."""
        return self._cancelled is cancelled

    @property
    def busy(self) -> bool:
        """Whether the latest work is still to come or running."""
        return self._thread is not None and self._thread.is_alive()

    def join(self, timeout: float) -> bool:
        """Wait for the latest work; False if it takes longer than `timeout` seconds."""
        if self._thread is not None:
            self._thread.join(timeout)
        return not self.busy


_workers: WeakSet[Worker] = WeakSet()


def _leave() -> None:
    """End all work before Python ends: a thread that is cut off inside PyTorch aborts the process."""
    for worker in list(_workers):
        worker.stop()
    for worker in list(_workers):
        worker.join(LEAVE)


# Before the threads of pools are waited for, which atexit comes after: they would finish the whole picture.
threading._register_atexit(_leave)  # type: ignore[attr-defined]


class Clock:
    """The time left of work, from the share that is done."""

    def __init__(self) -> None:
        self._begun = time.perf_counter()

    @property
    def spent(self) -> float:
        """Seconds since the work began."""
        return time.perf_counter() - self._begun

    def left(self, share: float) -> tuple[float, float]:
        """Seconds that the whole will take, and those of them still to come."""
        spent = self.spent
        whole = spent / max(share, 1e-3)
        return whole, whole - spent
