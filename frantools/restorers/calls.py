"""Calls of functions that nobody can interrupt: what waits for one can leave all the same."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from .protocol import Cancelled, RestorerError

Answer = TypeVar("Answer")

LOOK = 0.03  # seconds between looks whether the answer is still wanted


def abandonable(
    work: Callable[[], Answer], title: str, look: Callable[[], None] | None = None, timeout: float | None = None
) -> Answer:
    """Call a function on a thread of its own, and leave it behind where its answer is no longer wanted.

    Python cannot end a thread. What is left behind runs to its end, and its answer is dropped.

    Parameters
    ----------
    work : callable
        Without arguments.
    title : str
        What it is called in messages; empty if whoever wants no more need not know that it still runs.
    look : callable, optional
        Called every few hundredths of a second. What it raises ends the waiting and is raised from here; `Cancelled`
        is told that the function still runs.
    timeout : float, optional
        Seconds to wait. Default: without end.

    Raises
    ------
    RestorerError
        If there is no answer in time.
    """
    if look is None and timeout is None:
        return work()
    answer: list[Any] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            answer.append(work())
        except BaseException as error:  # raised again where the answer is waited for
            failure.append(error)

    thread = threading.Thread(target=run, name=f"frantools: {title}", daemon=True)
    begun = time.monotonic()
    thread.start()
    while thread.is_alive():
        thread.join(LOOK)
        if not thread.is_alive():
            break
        if look is not None:
            try:
                look()
            except Cancelled:
                if not title:
                    raise
                stopped = Cancelled(f"{title} cannot be interrupted: it still runs, and its answer will be dropped")
                stopped.running = thread
                raise stopped from None
        if timeout is not None and time.monotonic() - begun > timeout:
            raise RestorerError(
                f"{title} did not answer within {timeout:g} s; it still runs, and its answer will be dropped"
            )
    if failure:
        raise failure[0]
    made: Answer = answer[0]
    return made
