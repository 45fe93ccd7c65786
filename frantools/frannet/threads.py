"""Work in parts, each on a thread of its own with products on one thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from threading import Barrier, Event, Lock, Thread

import torch

_lock = Lock()


@contextmanager
def _kept() -> Iterator[None]:
    """Leave the number of torch threads that threads begin with as it was, whatever is set within.

    Each thread has a number of its own, and begins with the one that was set last in any thread. Only a thread that has
    not used torch yet can tell which that is, and only by setting its own number can it be set again.
    """
    asked, left = Event(), Event()

    def keep() -> None:
        number = torch.get_num_threads()
        asked.set()
        left.wait()
        torch.set_num_threads(number)

    with _lock:
        keeper = Thread(target=keep)
        keeper.start()
        asked.wait()
        try:
            yield
        finally:
            left.set()
            keeper.join()


def run(work: Callable[[int], None], parts: int, report: Callable[[], None], stop: Event, parallel: bool) -> None:
    """Call ``work(0) ... work(parts - 1)`` on threads, and `report` from time to time on this one.

    A part a thread, each with products on one thread: no product waits for the slower of two cores. The numbers of
    threads that torch uses in this thread, in others and in those to come stay as they are.
    """
    left, lock = iter(range(parts)), Lock()
    workers = min(torch.get_num_threads(), parts) if parallel else 1
    begun = Barrier(workers + 1)

    def worker() -> None:
        torch.get_num_threads()  # or torch's first operation here would take up the number that others set
        torch.set_num_threads(1)
        begun.wait()
        while not stop.is_set():
            with lock:
                index = next(left, None)
            if index is None:
                return
            work(index)

    with ThreadPoolExecutor(workers) as pool:
        with _kept():
            futures = [pool.submit(worker) for _ in range(workers)]
            begun.wait()
        try:
            pending = set(futures)
            while pending:
                finished, pending = wait(pending, timeout=0.05, return_when=FIRST_EXCEPTION)
                for future in finished:
                    future.result()
                report()
        except BaseException:
            stop.set()
            raise
