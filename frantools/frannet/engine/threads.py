"""Work in parts, each on a thread of its own that computes products on one core."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from queue import Empty, SimpleQueue
from threading import Event, Lock, Semaphore, Thread

import torch

from ...system.cores import usable_cores

_lock = Lock()
REPORT_INTERVAL = 0.05
"""Seconds between calls of `report`."""


@contextmanager
def _preserved_thread_number() -> Iterator[bool]:
    """Preserve the number of torch threads that new threads start with, whatever is set inside the context.

    Torch keeps a number for each thread, and a new thread starts with the one that was set last in any thread. Only a
    thread that has not used torch yet can read that number, and it is restored by setting that thread's own number.
    Yields False if the system allows no such thread.
    """
    started, finished = Event(), Event()

    def restore_number() -> None:
        number = torch.get_num_threads()
        started.set()
        finished.wait()
        torch.set_num_threads(number)

    with _lock:
        thread = Thread(target=restore_number)
        try:
            thread.start()
        except RuntimeError:
            yield False
            return
        started.wait()
        try:
            yield True
        finally:
            finished.set()
            thread.join()


def run_parts(work: Callable[[int], None], parts: int, report: Callable[[], None], stop: Event, parallel: bool) -> None:
    """Call ``work(0) ... work(parts - 1)`` on threads, and `report` regularly on the calling thread.

    Each thread computes products on one core, so that none waits for the slower of two cores. The numbers of threads
    that torch uses in existing and future threads do not change. The threads have the caller's context variables,
    including NumPy's error handling.

    These are plain threads because a pool accepts no work once the main thread has ended. If the system allows fewer
    threads, fewer share the work; if it allows none, the calling thread does it.
    """
    indices, lock = iter(range(parts)), Lock()
    started, results = Semaphore(0), SimpleQueue[BaseException | None]()

    def worker() -> None:
        torch.get_num_threads()  # otherwise torch's first operation would adopt the number that another thread set
        torch.set_num_threads(1)
        started.release()
        error: BaseException | None = None
        try:
            while not stop.is_set():
                with lock:
                    index = next(indices, None)
                if index is None:
                    break
                work(index)
        except BaseException as raised:  # raised again on the calling thread
            error = raised
        results.put(error)

    threads: list[Thread] = []
    with _preserved_thread_number() as allowed:
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
            started.acquire()
    if not threads:
        return run_inline(work, parts, report)
    try:
        for _ in threads:
            while not _has_result(results):
                report()
            report()
    except BaseException:
        stop.set()
        raise
    finally:
        for thread in threads:
            thread.join()


def worker_count(parts: int) -> int:
    """Return how many threads share some parts: as many as torch would use, and at most one for each usable core."""
    return max(1, min(torch.get_num_threads(), usable_cores(), parts))


def _has_result(results: SimpleQueue[BaseException | None]) -> bool:
    """Wait for the next thread that ends, and raise its error; False after the report interval."""
    try:
        error = results.get(timeout=REPORT_INTERVAL)
    except Empty:
        return False
    if error is not None:
        raise error
    return True


def run_inline(work: Callable[[int], None], parts: int, report: Callable[[], None]) -> None:
    """Call ``work(0) ... work(parts - 1)`` on the calling thread, with products on one core."""
    number = torch.get_num_threads()
    try:
        if number != 1:
            torch.set_num_threads(1)
        for index in range(parts):
            work(index)
            report()
    finally:
        if number != 1:
            torch.set_num_threads(number)
