"""Custom restorers, and user code that runs in a separate thread, with a timeout."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from math import inf
from threading import Event
from typing import Any, TypeVar

import torch
from torch import nn

from ..checks import invalid, is_number, to_python
from ..photos.regions import Region
from .base import Cancelled, Progress, Restoration, RestorationInput, Restorer, RestorerError, missing
from .identity import process_token
from .kinds import Kind, MissingRestorer, Options

Result = TypeVar("Result")

POLL_SECONDS = 0.03  # between checks whether the result is still wanted
CAPABILITIES = [name for name in vars(Restorer) if not name.startswith("_") and name not in ("title", "restore")]
"""The optional attributes of a custom restorer."""


def check_timeout(timeout: object) -> float | None:
    """Check that a timeout is a positive number of seconds, or None."""
    timeout = to_python(timeout)
    if timeout is None:
        return None
    if not is_number(timeout) or not 0 < float(timeout) < inf:
        raise invalid("timeout", "seconds above 0, or None", timeout)
    return float(timeout)


def run_with_timeout(
    function: Callable[[], Result],
    title: str,
    check_cancelled: Callable[[], None] | None = None,
    timeout: float | None = None,
    started: float | None = None,
) -> Result:
    """Call a function in a separate thread, and abandon it when its result is no longer wanted.

    Python cannot end a thread. An abandoned one runs to its end, and its result is dropped. The number of threads that
    torch uses is the same after as before. If no thread can be started, the function runs in this one.

    Parameters
    ----------
    function : callable
        Without arguments.
    title : str
        Its name in messages; empty if the user need not know that it is still running.
    check_cancelled : callable, optional
        Called every few hundredths of a second. What it raises ends the waiting and is raised from here; `Cancelled`
        without a message gets one if the function is still running.
    timeout : float, optional
        Seconds to wait. Default: no limit.
    started : float, optional
        The `time.monotonic` from which they count, if this is one call of several. Default: now.

    Raises
    ------
    RestorerError
        If the function does not return in time, or exits the interpreter.
    """
    results: list[Result] = []
    errors: list[BaseException] = []

    def run() -> None:
        threads = torch.get_num_threads()
        try:
            results.append(function())
        except SystemExit as error:
            errors.append(RestorerError(f"{title} called sys.exit (exit code {error.code})"))
        except BaseException as error:  # raised again in the calling thread
            errors.append(error)
        finally:
            if torch.get_num_threads() != threads:  # a new thread begins with the number that was set last
                torch.set_num_threads(threads)

    started = time.monotonic() if started is None else started
    message = f"{title} did not return within {timeout:g} s" if timeout is not None else ""
    if timeout is not None and time.monotonic() - started > timeout:
        raise RestorerError(message)
    # The function has the context variables of its caller, such as NumPy's handling of errors.
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
                        error.args = (
                            f"{title} cannot be interrupted: it is still running, and its result will be dropped",
                        )
                    error.running = thread
                raise
        if timeout is not None and time.monotonic() - started > timeout:
            raise RestorerError(f"{message}; it is still running, and its result will be dropped")
    if errors:
        raise errors[0]
    return results[0]


class CustomRestorer(Restorer):
    """A custom object with a `restore` method, which runs in a separate thread and can be abandoned.

    Parameters
    ----------
    restorer : object
        Derived from `Restorer` or not. The progress callback of its `restore` raises `Cancelled` once it is abandoned.
    title : str, optional
        Default: its own title, or the name of its class.
    timeout : float, optional
        Seconds to wait for a restoration. Default: no limit.
    """

    def __init__(self, restorer: Any, title: str | None = None, timeout: float | None = None) -> None:
        self._restorer, self._timeout = restorer, timeout
        for name in CAPABILITIES:
            if hasattr(restorer, name):
                setattr(self, name, getattr(restorer, name))
        self.title = title or str(getattr(restorer, "title", type(restorer).__name__))

    def to_dict(self) -> dict[str, Any]:
        """Say that no recipe can name it, unless the object has a `to_dict`."""
        return missing(self.title, f"{self.title} is a {type(self._restorer).__name__}, which no recipe can name")

    def token(self, photo: Any = None) -> dict[str, Any]:
        """Identify the object, unless it has a `token`."""
        token = super().token(photo)
        return process_token(self._restorer) if "process" in token else token

    def restore(
        self, given: RestorationInput, size: tuple[int, int], region: Region | None, seed: int, progress: Progress
    ) -> Restoration:
        """Restore; see `Restorer`. Progress is reported in the calling thread."""
        abandoned, fraction = Event(), 0.0

        def on_progress(value: float) -> None:
            nonlocal fraction
            if abandoned.is_set():
                raise Cancelled
            fraction = float(value)  # the restorer's error if it is not a number

        def check_cancelled() -> None:
            try:
                progress(fraction)
            except BaseException:
                abandoned.set()
                raise

        def work() -> Restoration:
            return self._restorer.restore(given, size, region, seed, on_progress)

        try:
            restoration = run_with_timeout(work, self.title, check_cancelled, self._timeout)
        finally:
            abandoned.set()
        progress(fraction)
        return restoration


def is_restorer(what: object) -> bool:
    """Whether an object is a restorer, derived from `Restorer` or not."""
    if isinstance(what, Restorer):
        return True
    return not isinstance(what, (type, nn.Module)) and callable(getattr(what, "restore", None))


def _build(what: Any, options: Options) -> Restorer:
    if isinstance(what, MissingRestorer):
        return what
    is_interruptible = isinstance(what, Restorer) and what.interruptible
    return options.without_settings(what if is_interruptible else CustomRestorer(what, options.title, options.timeout))


def title_of(what: Any) -> str:
    """The title or the name of an object, otherwise the name of its class."""
    names = (getattr(what, name, None) for name in ("title", "name"))
    return next((name for name in names if isinstance(name, str) and name), type(what).__name__)


CUSTOM = Kind("restorer", is_restorer, _build, title=title_of)
