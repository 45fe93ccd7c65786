"""Background work of a notebook, which keeps the kernel free: workers, rendering and sweeps."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from tempfile import TemporaryDirectory
from threading import Event, Lock, RLock, Thread
from typing import Any
from weakref import WeakSet

from ..restorers.base import Cancelled, Progress
from ..sweeps.plan import Plan
from ..sweeps.result import Sweep
from ..sweeps.run import SweepProgress, read_records, run_plan, to_sweep
from ..sweeps.store import Store
from ..views.sweep_data import ordered

# The background, the kernel and the threads on which JupyterLab lets a kernel answer widgets while a cell runs all
# change what is shown: one at a time.
LOCK = RLock()

EXIT_TIMEOUT = 20.0  # seconds to wait for work when Python exits: one step may be long on a busy machine
LONG = 1.0  # seconds of work from which progress is shown
DRAWING = 0.06  # seconds for the browser to draw the first result before the work takes all cores again
PATIENCE = 0.03  # seconds that a result waits for a better one before it is shown
TASK = 0.3  # seconds of a task of a background sweep
UPDATE = 0.25  # seconds between two updates of a background sweep
STRIDES = (4, 2, 1)  # of the cells along an axis: every fourth first, then every second, then all

Work = Callable[[Progress], Iterator[Any]]
"""Yields results, each better than the one before; one that is `urgent` is shown before the work continues."""


class Worker:
    """A background thread that runs one piece of work at a time; new work cancels running and waiting work."""

    def __init__(self) -> None:
        self._turn = Lock()
        self._cancelled = Event()
        self._thread: Thread | None = None
        _workers.add(self)

    def submit(self, work: Callable[[Event], None]) -> None:
        """Start work as soon as the running work has stopped.

        Parameters
        ----------
        work : callable
            Receives the event that cancels it, which it checks often.
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
        """Cancel the running work."""
        self._cancelled.set()

    def is_latest(self, cancelled: Event) -> bool:
        """Return whether nothing has been submitted since the work that this event cancels."""
        return self._cancelled is cancelled

    @property
    def busy(self) -> bool:
        """Whether the latest work is waiting or running."""
        return self._thread is not None and self._thread.is_alive()

    def join(self, timeout: float) -> bool:
        """Wait for the latest work; return False if it takes longer than `timeout` seconds."""
        if self._thread is not None:
            self._thread.join(timeout)
        return not self.busy


_workers: WeakSet[Worker] = WeakSet()


def _stop_workers() -> None:
    """Stop all work before Python exits: a thread that is killed inside PyTorch aborts the process."""
    for worker in list(_workers):
        worker.stop()
    for worker in list(_workers):
        worker.join(EXIT_TIMEOUT)


# Python joins the threads of pools before it runs atexit handlers, and they would complete the picture.
threading._register_atexit(_stop_workers)  # type: ignore[attr-defined]


class Stopwatch:
    """The time that work has taken and will take, estimated from the completed fraction."""

    def __init__(self) -> None:
        self._start = time.perf_counter()

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self._start

    def estimate(self, fraction: float) -> tuple[float, float]:
        """Return the estimated total time and the remaining part of it, in seconds."""
        elapsed = self.elapsed
        total = elapsed / max(fraction, 1e-3)
        return total, total - elapsed


class Renderer(Worker):
    """Renders in the background and shows each result as soon as it is there.

    All callbacks are called on the background thread, under `LOCK`, and never for work that has been cancelled.

    Parameters
    ----------
    on_progress : callable
        ``on_progress(fraction, remaining)``, with the remaining time as a text.
    on_error : callable
        ``on_error(message)``, if the work fails.
    on_still_running : callable
        ``on_still_running(message)``, if a function could not be interrupted; with an empty message once it has ended.
    """

    def __init__(
        self,
        on_progress: Callable[[float, str], None],
        on_error: Callable[[str], None],
        on_still_running: Callable[[str], None],
    ) -> None:
        super().__init__()
        self._on_progress, self._on_error, self._on_still_running = on_progress, on_error, on_still_running
        self.first_result = Event()
        """Set by the first result or error."""

    def render(self, work: Work, show: Callable[[Any], None], finish: Callable[[], None]) -> None:
        """Start work instead of the running work; `show` receives the results, `finish` is called at the end."""
        self.submit(lambda cancelled: self._render(work, show, finish, cancelled))

    def _render(self, work: Work, show: Callable[[Any], None], finish: Callable[[], None], cancelled: Event) -> None:
        stopwatch, result_time = Stopwatch(), 0.0
        pending: list[Any] = []  # the result that waits to be shown

        def call(callback: Callable[..., None], *arguments: Any) -> None:
            with LOCK:
                if not cancelled.is_set():
                    callback(*arguments)

        def show_pending() -> None:
            if pending:
                call(show, pending.pop())
                self.first_result.set()

        def progress(fraction: float) -> None:
            if cancelled.is_set():
                raise Cancelled
            total, remaining = stopwatch.estimate(fraction)
            is_long = (total if fraction > 0 else stopwatch.elapsed) > LONG
            if is_long or time.perf_counter() - result_time > PATIENCE:  # the next result is not cached
                show_pending()
            if is_long:
                call(self._on_progress, fraction, f"{remaining:.0f} s left" if fraction > 0 else "under way")

        try:
            for index, result in enumerate(work(progress)):
                pending[:], result_time = [result], time.perf_counter()
                if getattr(result, "urgent", False):
                    show_pending()
                    cancelled.wait(DRAWING if index == 0 else 0)
            show_pending()
            call(finish)
        except Cancelled as stop:
            if stop.running is not None:
                self._watch(stop.running, str(stop), cancelled)
        except Exception as error:  # shown on the screen, whatever it is, and the widget stays usable
            call(self._on_error, str(error) or type(error).__name__)
        finally:
            self.first_result.set()

    def _watch(self, running: Thread, message: str, cancelled: Event) -> None:
        """Show that a function still runs, until it ends or something newer is rendered."""

        def show(text: str) -> None:
            with LOCK:
                if self.is_latest(cancelled):
                    self._on_still_running(text)

        def wait() -> None:
            running.join()
            show("")

        show(message)
        with suppress(RuntimeError):  # the system allows no more threads
            Thread(target=wait, daemon=True).start()


@cache
def _default_store() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="frantools-sweeps-")  # lasts as long as the kernel


def coarse_to_fine(
    settings: Sequence[Mapping[str, Any]], axes: Sequence[str], view: Mapping[str, Any]
) -> list[list[int]]:
    """Return the indices of settings in groups, in the order in which to compute them.

    Parameters
    ----------
    settings : sequence of dict
        The values of each setting, by axis.
    axes : sequence of str
        The axes of the map. Every fourth of their values comes first, then every second, then all.
    view : dict
        The values of the other axes that the map shows: these settings come before all others.
    """
    values = {axis: ordered(setting[axis] for setting in settings) for axis in axes}
    groups: dict[tuple[bool, int], list[int]] = {}
    for index, setting in enumerate(settings):
        positions = [values[axis].index(setting[axis]) for axis in axes]
        level = next(level for level, stride in enumerate(STRIDES) if all(p % stride == 0 for p in positions))
        is_hidden = any(setting[axis] != value for axis, value in view.items())
        groups.setdefault((is_hidden, level), []).append(index)
    return [groups[key] for key in sorted(groups)]


class BackgroundSweep(Worker):
    """The cells of a sweep, computed in the background; each is computed once.

    Parameters
    ----------
    plan : Plan
        Of one photo.
    store : path, optional
        Keeps each result. Default: a temporary folder of this kernel.
    on_update : callable
        ``on_update(seconds)`` is called on the background thread, under `LOCK`, when there are new results: with the
        remaining time, or with None at the end and after a stop.
    on_error : callable
        ``on_error(message)`` is called likewise if no more cells can be computed.
    """

    def __init__(
        self, plan: Plan, store: Any, on_update: Callable[[float | None], None], on_error: Callable[[str], None]
    ) -> None:
        super().__init__()
        self._plan, self._on_update, self._on_error = plan, on_update, on_error
        self._store = Store(_default_store().name if store is None else store)
        self._keys = [key for _, _, _, key in plan.cells()]
        self.total = len(self._keys)
        self._records = read_records(plan, self._store)

    @property
    def sweep(self) -> Sweep:
        """The computed part of the sweep."""
        return to_sweep(self._plan, self._records)

    @property
    def done(self) -> int:
        """The number of computed cells."""
        return len(self._records)

    def start(self, axes: Sequence[str], view: Mapping[str, Any]) -> None:
        """Compute the remaining cells in the order of `coarse_to_fine`."""
        groups = coarse_to_fine([setting.values for setting in self._plan.settings], axes, view)
        remaining = [[index for index in group if self._keys[index] not in self._records] for group in groups]
        self.submit(lambda cancelled: self._compute([group for group in remaining if group], cancelled))

    def _compute(self, groups: Sequence[Sequence[int]], cancelled: Event) -> None:
        stopwatch, start, total, last_update = Stopwatch(), self.done, sum(map(len, groups)), 0.0

        def collect(progress: SweepProgress) -> None:
            nonlocal last_update
            with LOCK:
                before = self.done
                self._records.update(progress.records)
                if cancelled.is_set():
                    raise Cancelled
                if self.done > before and time.monotonic() - last_update > UPDATE:
                    last_update = time.monotonic()
                    self._on_update(stopwatch.estimate((self.done - start) / total)[1])

        try:
            for group in groups:
                run_plan(self._plan.subset(group, TASK), self._store, None, collect)
        except Cancelled:
            pass
        except Exception as error:  # such as a full disk: shown on the screen
            with LOCK:
                if not cancelled.is_set():
                    self._on_error(str(error) or type(error).__name__)
        with LOCK:
            self._on_update(None)
