"""Calls of functions that nobody can interrupt: what waits for one can leave all the same."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

import torch

from .protocol import Cancelled, RestorerError

Answer = TypeVar("Answer")

LOOK = 0.03  # seconds between looks whether the answer is still wanted


def abandonable(
    work: Callable[[], Answer], title: str, look: Callable[[], None] | None = None, timeout: float | None = None
) -> Answer:
    """Call a function on a thread of its own, and leave it behind where its answer is no longer wanted.

    Python cannot end a thread. What is left behind runs to its end, and its answer is dropped. The number of threads
    that torch uses is the same after as before.

    Parameters
    ----------
    work : callable
        Without arguments.
    title : str
        What it is called in messages; empty if whoever wants no more need not know that it still runs.
    look : callable, optional
        Called every few hundredths of a second. What it raises ends the waiting and is raised from here; `Cancelled`
        without a message is told that the function still runs.
    timeout : float, optional
        Seconds to wait. Default: without end.

    Raises
    ------
    RestorerError
        If there is no answer in time, or it ends the interpreter instead.
    """
    answer: list[Any] = []
    failure: list[BaseException] = []

    def run() -> None:
        threads = torch.get_num_threads()
        try:
            answer.append(work())
        except SystemExit as error:
            failure.append(RestorerError(f"{title} asked to end the interpreter (exit code {error.code})"))
        except BaseException as error:  # raised again where the answer is waited for
            failure.append(error)
        finally:
            if torch.get_num_threads() != threads:  # a new thread begins with the number that was set last
                torch.set_num_threads(threads)

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
            except Cancelled as error:
                if title and not error.args:
                    error.args = (f"{title} cannot be interrupted: it still runs, and its answer will be dropped",)
                error.running = thread
                raise
        if timeout is not None and time.monotonic() - begun > timeout:
            raise RestorerError(
                f"{title} did not answer within {timeout:g} s; it still runs, and its answer will be dropped"
            )
    if failure:
        raise failure[0]
    made: Answer = answer[0]
    return made
