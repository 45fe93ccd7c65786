"""Run user code on a thread of its own, with a timeout."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from math import inf
from numbers import Real
from threading import Event
from typing import Any, TypeVar

import torch

from ..checks import to_python
from ..photos.regions import Region
from .base import Cancelled, Progress, Restoration, RestorationInput, Restorer, RestorerError, missing

Answer = TypeVar("Answer")

POLL_SECONDS = 0.03  # seconds between checks whether the answer is still wanted
CAPABILITIES = [name for name in vars(Restorer) if not name.startswith("_") and name not in ("title", "restore")]
"""What a custom restorer may have beside its title and `restore`."""


def check_timeout(timeout: object) -> float | None:
    """Seconds after which an answer is no longer waited for, or None; a ValueError for anything else."""
    timeout = to_python(timeout)
    if timeout is None:
        return None
    if not isinstance(timeout, Real) or isinstance(timeout, bool) or not 0 < float(timeout) < inf:
        raise ValueError(f"timeout is {timeout!r}; accepted are seconds above 0, and None")
    return float(timeout)


def run_with_timeout(
    work: Callable[[], Answer],
    title: str,
    check_cancelled: Callable[[], None] | None = None,
    timeout: float | None = None,
    begun: float | None = None,
) -> Answer:
    """Call a function on a thread of its own, and leave it behind where its answer is no longer wanted.

    Python cannot end a thread. What is left behind runs to its end, and its answer is dropped. The number of threads
    that torch uses is the same after as before. Where no thread can be started, the function runs on this one, and its
    answer is waited for.

    Parameters
    ----------
    work : callable
        Without arguments.
    title : str
        What it is called in messages; empty if whoever wants no more need not know that it still runs.
    check_cancelled : callable, optional
        Called every few hundredths of a second. What it raises ends the waiting and is raised from here; `Cancelled`
        without a message is told that the function still runs, where it does not end at once.
    timeout : float, optional
        Seconds to wait. Default: without end.
    begun : float, optional
        The `time.monotonic` from which they count, where this is one call of several. Default: now.

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

    begun = time.monotonic() if begun is None else begun
    late = f"{title} did not answer within {timeout:g} s" if timeout is not None else ""
    if timeout is not None and time.monotonic() - begun > timeout:
        raise RestorerError(late)
    # The function finds the context variables of its caller, NumPy's handling of errors among them.
    thread = threading.Thread(target=copy_context().run, args=(run,), name=f"frantools: {title}", daemon=True)
    try:
        thread.start()
    except RuntimeError:  # the system allows no more threads, or the interpreter is about to end
        run()
    while thread.is_alive():
        thread.join(POLL_SECONDS)
        if not thread.is_alive():
            break
        if check_cancelled is not None:
            try:
                check_cancelled()
            except Cancelled as error:
                thread.join(POLL_SECONDS)
                if thread.is_alive():
                    if title and not error.args:
                        error.args = (f"{title} cannot be interrupted: it still runs, and its answer will be dropped",)
                    error.running = thread
                raise
        if timeout is not None and time.monotonic() - begun > timeout:
            raise RestorerError(f"{late}; it still runs, and its answer will be dropped")
    if failure:
        raise failure[0]
    made: Answer = answer[0]
    return made


class CustomRestorer(Restorer):
    """A custom object with a `restore` method, which runs on a thread of its own and can be left behind.

    Parameters
    ----------
    restorer : object
        Derived from `Restorer` or not. The progress that its `restore` is given raises `Cancelled` once it is left.
    title : str, optional
        Default: its own title, or the name of its class.
    timeout : float, optional
        Seconds to wait for a restoration. Default: without end.
    """

    def __init__(self, restorer: Any, title: str | None = None, timeout: float | None = None) -> None:
        self._restorer, self._timeout = restorer, timeout
        for name in CAPABILITIES:
            if hasattr(restorer, name):
                setattr(self, name, getattr(restorer, name))
        self.title = title or str(getattr(restorer, "title", type(restorer).__name__))

    def to_dict(self) -> dict[str, Any]:
        """Say that no recipe names it; an object with a `to_dict` of its own has that instead."""
        return missing(self.title, f"{self.title} is a {type(self._restorer).__name__}, which no name finds again")

    def restore(
        self, given: RestorationInput, size: tuple[int, int], region: Region | None, seed: int, progress: Progress
    ) -> Restoration:
        """Restore; see `Restorer`. Progress is told on the calling thread."""
        left, told = Event(), 0.0

        def report(share: float) -> None:
            nonlocal told
            if left.is_set():
                raise Cancelled
            told = float(share)  # what is no number is the restorer's error

        def check_cancelled() -> None:
            try:
                progress(told)
            except BaseException:
                left.set()
                raise

        def work() -> Restoration:
            return self._restorer.restore(given, size, region, seed, report)

        try:
            made = run_with_timeout(work, self.title, check_cancelled, self._timeout)
        finally:
            left.set()
        progress(told)
        return made
