"""Tasks on Dask: sent a few at a time, sent again when a worker or the scheduler goes, checked before they are sent."""

from __future__ import annotations

import ast
import logging
import multiprocessing
import pickle
import sys
import threading
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import frantools

from ..checks import is_integer
from ..photos.photo import Photo
from ..system.cores import usable_cores
from .plan import Plan
from .tasks import Refused, Task, given_up, perform

if TYPE_CHECKING:
    from distributed import Client, Future

Work = tuple[Task, Any]

HERE = "127.0.0.1"
AHEAD = 4
"""Tasks a worker that the scheduler has at a time: none waits, and the scheduler of many workers has few to keep."""
LOOK = 0.05
"""Seconds between looks at what is finished."""
WAIT = 0.5
"""Seconds until a task that another process has is asked for again."""


@contextmanager
def connected(where: Any, planned: Plan) -> Iterator[Client]:
    """A Dask client: of a cluster on this machine for "local" or a number, of an address, or the given one.

    Nothing is started where the plan has something that cannot be sent.

    Raises
    ------
    ModuleNotFoundError
        If Dask is not installed.
    Refused
        If something cannot be sent.
    ValueError, OSError
        If it is none of these, there is no scheduler, or a script would run itself again; see `check_script`.
    """
    local = where == "local" or is_integer(where)
    if local:
        check_script()
        if multiprocessing.current_process().daemon:
            raise ValueError(
                f"client is {where!r}, which starts processes, and this process is daemonic (a worker of a "
                "multiprocessing.Pool or of Dask) and may start none; use client=None here"
            )
    try:
        from distributed import Client, LocalCluster
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "a sweep in several processes is Dask's work: pip install 'frantools[sweeps]'"
        ) from None
    check_sendable(planned)
    if isinstance(where, Client):
        if where.asynchronous:
            raise ValueError(
                f"client must be a synchronous Dask client, got the asynchronous {where!r}; make it without "
                "asynchronous=True, outside of async functions"
            )
        if where.status in ("closing", "closed"):
            raise ValueError(f"client must be connected to a scheduler, got {where!r}, which is {where.status}")
        yield where
    elif local:
        count = usable_cores() if where == "local" else int(where)
        if count < 1:
            raise ValueError(f"client is {where}; accepted are numbers of workers from 1")
        address, quiet = f"{HERE}:0", logging.ERROR  # a worker that is ended while it works is no news
        with (
            LocalCluster(
                n_workers=count,
                threads_per_worker=1,
                processes=True,
                host=HERE,
                dashboard_address=address,
                silence_logs=quiet,
                preload="frantools.sweeps.preload",
            ) as made,
            Client(made) as client,
        ):
            yield client
    elif isinstance(where, str):
        try:
            opened = Client(where)
        except Exception as error:  # Dask raises assertions too, without a word
            why = str(error) or type(error).__name__
            raise OSError(f"there is no Dask scheduler at {where}: {why}") from None
        with opened as client:
            yield client
    else:
        raise ValueError(
            f"client is {where!r}; accepted are None, 'local', a number of workers, the address of a scheduler, and a "
            "Client of dask.distributed"
        )


def spread(client: Client, planned: Plan, jobs: Sequence[Work], report: Callable[..., None]) -> None:
    """Compute tasks on a cluster.

    Whatever dies on the way, a task that was not finished is sent again: to other workers, or once the scheduler is
    there again, for which Dask waits as long as its `distributed.comm.timeouts.connect` says.

    Parameters
    ----------
    client : Client
        Of the cluster.
    planned : Plan
        That the tasks are of.
    jobs : sequence of (Task, object)
        The tasks, with what restores in each.
    report : callable
        Told the results of each task, and several times a second nothing.

    Raises
    ------
    Refused
        If a worker is of another version, or cannot do what this process can.
    ConnectionError
        If the scheduler does not come back.
    """
    check_workers(client)
    left, later = deque(jobs), deque[tuple[float, Work]]()
    running: dict[Future, Work] = {}
    sending = _Sending(client, planned, Counter(task.picture.sha256 for task, _ in jobs))
    try:
        while left or later or running:
            if client.status == "closed":
                raise ConnectionError("the Dask scheduler is gone, and did not come back; the same sweep goes on later")
            while later and later[0][0] < time.monotonic():
                left.append(later.popleft()[1])
            while client.status == "running" and left and len(running) < AHEAD * max(1, len(client.nthreads())):
                job = left.popleft()
                running[sending.send(*job)] = job
            for future in [each for each in running if each.done()]:
                job = running.pop(future)
                try:
                    records = _answer(future, job)
                except _Lost:
                    sending.forget()
                    left.appendleft(job)
                    continue
                if records is None:
                    later.append((time.monotonic() + WAIT, job))
                else:
                    sending.done(job[0])
                    report(records)
            report()
            time.sleep(LOOK)
    finally:
        if running and client.status == "running":
            client.cancel(list(running))


class _Lost(Exception):  # noqa: N818
    """A task has no answer, because the scheduler has gone."""


def _answer(future: Future, job: Work) -> list[dict[str, Any]] | None:
    """What a task gave, None where another process has it."""
    from distributed import KilledWorker

    if future.status in ("cancelled", "lost"):
        raise _Lost
    try:
        records: list[dict[str, Any]] | None = future.result()
        return records
    except KilledWorker as error:
        return given_up(job[0], f"{error.allowed_failures + 1} workers died while they computed its task")
    except (Refused, OSError) as error:
        if future.status != "error":  # the connection broke on the way
            raise _Lost from None
        raise error.with_traceback(None) from None
    except Exception as error:  # of whatever kind: it comes of the way there, as tasks keep what goes wrong in cells
        if future.status != "error":
            raise _Lost from None
        raise Refused(f"a worker cannot take a task: {type(error).__name__}: {error}") from None


class _Sending:
    """Sends tasks, and what they need once: models in memory and functions, and pictures that lie nowhere."""

    def __init__(self, client: Client, planned: Plan, tasks: Counter[str]) -> None:
        self.client, self.planned, self.tasks = client, planned, tasks
        self.there: dict[Any, Future] = {}

    def send(self, task: Task, what: Any) -> Future:
        photo = self.planned.photos.get(task.picture.sha256)
        parts = [
            what if isinstance(what, str) else self._once(("what", id(what)), what),
            photo if photo is None else self._once(("photo", task.picture.sha256), Photo(photo)),
        ]
        # A name of its own: what the scheduler still has of a sweep that was stopped is not this one's.
        return self.client.submit(perform, task, *parts, key=f"sweep-{task.name}-{uuid.uuid4().hex}", pure=False)

    def _once(self, key: Any, value: Any) -> Future:
        # As a task and not as data, so that Dask makes it again where the worker that had it is gone.
        if key not in self.there:
            self.there[key] = self.client.submit(itself, value, key=f"sweep-given-{uuid.uuid4().hex}", pure=False)
        return self.there[key]

    def done(self, task: Task) -> None:
        """Let go of a picture that no task needs any more."""
        self.tasks[task.picture.sha256] -= 1
        if not self.tasks[task.picture.sha256]:
            self.there.pop(("photo", task.picture.sha256), None)

    def forget(self) -> None:
        """Nothing is there any more."""
        self.there.clear()


def itself(value: Any) -> Any:
    """What is given."""
    return value


def check_script() -> None:
    """Raise a ValueError where the script that runs would start a sweep again in each worker, which imports it.

    What counts is where its main thread stands, whichever thread asks.
    """
    if not threading.main_thread().is_alive():
        raise ValueError("the script has ended, and no process can be started any more; accepted are scripts that wait "
                         "for their threads, as join does")  # fmt: skip
    main: Any = sys.modules["__main__"]
    path, spec = getattr(main, "__file__", None), getattr(main, "__spec__", None)
    frame = sys._current_frames().get(threading.main_thread().ident or 0)
    while frame is not None and not (frame.f_globals is vars(main) and frame.f_code.co_name == "<module>"):
        frame = frame.f_back
    if frame is None or path is None or (spec is not None and spec.name.endswith("__main__")):  # workers leave it out
        return
    try:
        parts = ast.parse(Path(path).read_bytes()).body
    except (OSError, SyntaxError, ValueError):  # it is no script
        return
    line = frame.f_lineno
    now = next((each for each in parts if each.lineno <= line <= (each.end_lineno or 0)), None)
    if now is not None and not (isinstance(now, ast.If) and "__name__" in ast.unparse(now.test)):
        raise ValueError(
            f"line {line} of {path} starts processes, each of which would run it again; accepted are scripts that do "
            'their work under if __name__ == "__main__":'
        )


def check_sendable(planned: Plan) -> None:
    """Raise a `Refused` that names what cannot be sent to another process."""
    from cloudpickle import dumps

    checked: set[int] = set()
    for setting in planned.settings:
        column = setting.column
        for part in (column.what, column.setup, column.settings and dict(column.settings)):
            if isinstance(part, str) or id(part) in checked:
                continue
            try:
                dumps(part)
            except (pickle.PicklingError, TypeError, AttributeError, ValueError, RecursionError) as error:
                raise Refused(
                    f"{column.title} cannot be sent to workers: {error}; accepted are what pickle takes, and what "
                    "has a name, such as FILE.py:FUNCTION"
                ) from None
            checked.add(id(part))
    try:
        dumps(planned.measures)
    except Exception as error:  # of whatever kind: pickle raises anything
        raise Refused(f"the measures cannot be sent to workers: {error}") from None


def check_workers(client: Client) -> None:
    """Raise a `Refused` that names a worker without this version of the package."""
    own = frantools.__version__
    for address, version in client.run(getattr, frantools, "__version__", "unknown", on_error="return").items():
        if version != own:
            has = f"has FranTools {version}" if isinstance(version, str) else f"has no FranTools ({version})"
            raise Refused(f"the worker {address} {has}; accepted is {own}, the version of this sweep")
