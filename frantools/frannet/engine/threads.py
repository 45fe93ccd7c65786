"""Work in parts, each on a thread of its own with products on one thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from queue import Empty, SimpleQueue
from threading import Event, Lock, Semaphore, Thread

import torch

from ...system.cores import usable_cores

_lock = Lock()
LOOK = 0.05
"""Seconds between calls of `report`."""


@contextmanager
def _kept() -> Iterator[bool]:
    """Leave the number of torch threads that threads begin with as it was, whatever is set within.

    Each thread has a number of its own, and begins with the one that was set last in any thread. Only a thread that has
    not used torch yet can tell which that is, and only by setting its own number can it be set again. Yields False
    where the system allows no such thread.
    """
    asked, left = Event(), Event()

    def keep() -> None:
        number = torch.get_num_threads()
        asked.set()
        left.wait()
        torch.set_num_threads(number)

    with _lock:
        keeper = Thread(target=keep)
        try:
            keeper.start()
        except RuntimeError:
            yield False
            return
        asked.wait()
        try:
            yield True
        finally:
            left.set()
            keeper.join()


def run(work: Callable[[int], None], parts: int, report: Callable[[], None], stop: Event, parallel: bool) -> None:
    """Call ``work(0) ... work(parts - 1)`` on threads, and `report` from time to time on this one.

    A part a thread, each with products on one thread: no product waits for the slower of two cores. The numbers of
    threads that torch uses in this thread, in others and in those to come stay as they are. The threads have the
    context variables of this one, NumPy's handling of errors among them.

    These are plain threads, as a pool takes no work once the main thread has ended. Where the system allows fewer
    threads, fewer do the work; where it allows none, this thread does it.
    """
    left, lock = iter(range(parts)), Lock()
    begun, ended = Semaphore(0), SimpleQueue[BaseException | None]()

    def worker() -> None:
        torch.get_num_threads()  # or torch's first operation here would take up the number that others set
        torch.set_num_threads(1)
        begun.release()
        error: BaseException | None = None
        try:
            while not stop.is_set():
                with lock:
                    index = next(left, None)
                if index is None:
                    break
                work(index)
        except BaseException as raised:  # raised again where it is waited for
            error = raised
        ended.put(error)

    threads: list[Thread] = []
    with _kept() as allowed:
        for _ in range(worker_count(parts) if parallel else 1):
            thread = Thread(target=copy_context().run, args=(worker,))
            try:
                if not allowed:
                    break
                thread.start()
            except RuntimeError:  # the system allows no more threads
                break
            threads.append(thread)
        for _ in threads:
            begun.acquire()
    if not threads:
        return _run_here(work, parts, report)
    try:
        for _ in threads:
            while not _wait(ended):
                report()
            report()
    except BaseException:
        stop.set()
        raise
    finally:
        for thread in threads:
            thread.join()


def worker_count(parts: int) -> int:
    """How many threads share so many parts of some work: as many as torch would use, and no more than have a core."""
    return max(1, min(torch.get_num_threads(), usable_cores(), parts))


def _wait(ended: SimpleQueue[BaseException | None]) -> bool:
    """Whether a thread has ended by now; what it raised is raised."""
    try:
        error = ended.get(timeout=LOOK)
    except Empty:
        return False
    if error is not None:
        raise error
    return True


def _run_here(work: Callable[[int], None], parts: int, report: Callable[[], None]) -> None:
    """Do the work on this thread, with products on one thread, as the others would."""
    number = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for index in range(parts):
            work(index)
            report()
    finally:
        torch.set_num_threads(number)
