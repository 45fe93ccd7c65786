"""The processor cores that this process may use, and work shared among them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from contextvars import copy_context
from math import ceil
from pathlib import Path
from threading import Lock, Thread
from typing import TypeVar

ROOT = Path("/")
Item = TypeVar("Item")
Result = TypeVar("Result")


def usable_cores(root: Path = ROOT) -> int:
    """Count the cores that this process may use.

    They are limited by its affinity, which `taskset` and batch systems set, and by the quota of its control group
    (version 1 or 2), which containers have.

    Parameters
    ----------
    root : Path
        The folder of ``proc`` and ``sys``.

    Returns
    -------
    int
        At least 1.
    """
    try:
        cores = len(os.sched_getaffinity(0))
    except (AttributeError, OSError):  # not on macOS and Windows
        cores = os.cpu_count() or 1
    return max(1, min([cores, *map(ceil, _quotas(root))]))


def _quotas(root: Path) -> Iterator[float]:
    """Iterate over the quotas of the control group and of its parents, in cores."""
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return
    for line in lines:
        _, controllers, name = [*line.split(":", 2), "", ""][:3]
        if controllers and "cpu" not in controllers.split(","):
            continue
        top = root / "sys/fs/cgroup" / controllers
        group = top / name.strip("/")
        for folder in (group, *group.parents):
            # "max" and -1 stand for no quota.
            with suppress(OSError, ValueError, IndexError, ZeroDivisionError):
                if controllers:
                    quota, period = (_number(folder / f"cpu.cfs_{part}_us") for part in ("quota", "period"))
                else:
                    quota, period = map(int, (folder / "cpu.max").read_text(encoding="utf-8").split())
                if quota > 0:
                    yield quota / period
            if folder == top:
                break


def _number(path: Path) -> int:
    return int(path.read_text(encoding="utf-8"))


def map_on_threads(function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """Call a function for each item on one thread per core, and raise the first error.

    The calling thread takes part, so that the work is done even if the system allows no other. The threads have its
    context variables. A pool would accept no work once the main thread has ended.
    """
    results: dict[int, Result] = {}
    errors: list[BaseException] = []
    indices, lock = iter(range(len(items))), Lock()

    def work() -> None:
        try:
            while not errors:
                with lock:
                    index = next(indices, None)
                if index is None:
                    return
                results[index] = function(items[index])
        except BaseException as error:  # raised again once all threads have ended
            errors.append(error)

    threads: list[Thread] = []
    for _ in range(min(usable_cores(), len(items)) - 1):
        thread = Thread(target=copy_context().run, args=(work,))
        try:
            thread.start()
        except RuntimeError:  # the system allows no more threads
            break
        threads.append(thread)
    work()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return [results[index] for index in range(len(items))]
