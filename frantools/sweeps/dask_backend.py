"""Run a sweep's tasks on a Dask cluster."""

from __future__ import annotations

import logging
import multiprocessing
import pickle
import threading
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import frantools

from ..checks import invalid, is_integer
from ..photos.photo import Photo
from ..system.cores import usable_cores
from .plan import Plan
from .tasks import Task, WorkerError, fail_task, run_task

if TYPE_CHECKING:
    from distributed import Client, Future

Work = tuple[Task, Any]
"""A task and its restorer."""

HOST = "127.0.0.1"
TASKS_PER_WORKER = 4
"""Tasks that the scheduler holds for each worker: enough to keep it busy, few for the scheduler's memory."""
POLL_INTERVAL = 0.05
"""Seconds between checks for finished tasks."""
RETRY_INTERVAL = 0.5
"""Seconds until a task that another process is computing is sent again."""
LOST = "lost the connection to the Dask scheduler; run the same sweep again to resume"


@contextmanager
def connect(where: Any, plan: Plan) -> Iterator[Client]:
    """Connect to a Dask cluster, or start one on this machine; first check that the plan can be sent to it.

    Parameters
    ----------
    where : "local", int, str or Client
        "local" or a number of workers to start, the address of a scheduler, or a client.
    plan : Plan

    Raises
    ------
    ModuleNotFoundError
        If Dask is not installed.
    WorkerError
        If the plan cannot be pickled.
    ValueError, OSError
        If `where` is none of the above, or nothing answers at the address.
    """
    is_local = where == "local" or is_integer(where)
    if is_local:
        check_can_start_processes(where)
    try:
        from distributed import Client, LocalCluster
    except ModuleNotFoundError:
        raise ModuleNotFoundError("sweeps in several processes need Dask: pip install 'frantools[sweeps]'") from None
    check_picklable(plan)
    if isinstance(where, Client):
        if where.asynchronous:
            raise ValueError(f"client must be a synchronous Dask client, got the asynchronous {where!r}")
        if where.status in ("closing", "closed"):
            raise ValueError(f"client must be connected to a scheduler, got {where!r}, which is {where.status}")
        yield where
    elif is_local:
        with (
            LocalCluster(
                n_workers=usable_cores() if where == "local" else int(where),
                threads_per_worker=1,
                processes=True,
                host=HOST,
                dashboard_address=f"{HOST}:0",
                silence_logs=logging.ERROR,  # no warnings about workers that are stopped during a task
                preload="frantools.sweeps.preload",
            ) as cluster,
            Client(cluster) as client,
        ):
            yield client
    elif isinstance(where, str):
        try:
            client = Client(where)
        except Exception as error:  # Dask raises assertions too, without a message
            reason = str(error) or type(error).__name__
            raise OSError(f"there is no Dask scheduler at {where}: {reason}") from None
        with client:
            yield client
    else:
        accepted = "None, 'local', a number of workers, the address of a scheduler or a Client of dask.distributed"
        raise invalid("client", accepted, where)


def run_on_cluster(client: Client, plan: Plan, tasks: Sequence[Work], report: Callable[..., None]) -> None:
    """Compute tasks on a cluster.

    Dask moves the tasks of a worker that dies to other workers.

    Parameters
    ----------
    client : Client
    plan : Plan
        The plan of the tasks.
    tasks : sequence of (Task, object)
        Tasks with their restorers.
    report : callable
        Receives the records of each finished task, and several times a second nothing.

    Raises
    ------
    WorkerError
        If a worker has another version, or cannot load what this process can.
    ConnectionError
        If the connection to the scheduler is lost.
    """
    check_workers(client)
    queue, retries = deque(tasks), deque[tuple[float, Work]]()
    running: dict[Future, Work] = {}
    sender = _Sender(client, plan, tasks)
    try:
        while queue or retries or running:
            if client.status != "running":
                raise ConnectionError(LOST)
            while retries and retries[0][0] < time.monotonic():
                queue.append(retries.popleft()[1])
            while queue and len(running) < TASKS_PER_WORKER * max(1, len(client.nthreads())):
                work = queue.popleft()
                running[sender.send(*work)] = work
            for future in [future for future in running if future.done()]:
                work = running.pop(future)
                records = _get_records(future, work[0])
                if records is None:
                    retries.append((time.monotonic() + RETRY_INTERVAL, work))
                else:
                    sender.release(work[0])
                    report(records)
            report()
            time.sleep(POLL_INTERVAL)
    finally:
        if running and client.status == "running":
            client.cancel(list(running))


def _get_records(future: Future, task: Task) -> list[dict[str, Any]] | None:
    """Get the records of a task; None if another process is computing it."""
    from distributed import KilledWorker

    if future.status in ("cancelled", "lost"):
        raise ConnectionError(LOST)
    try:
        records: list[dict[str, Any]] | None = future.result()
        return records
    except KilledWorker as error:
        return fail_task(task, f"{error.allowed_failures + 1} workers died while they computed its task")
    except Exception as error:  # errors of cells are in their records
        if future.status != "error":
            raise ConnectionError(LOST) from None
        if isinstance(error, (WorkerError, OSError)):
            raise error.with_traceback(None) from None
        raise WorkerError(f"a worker cannot receive a task: {type(error).__name__}: {error}") from None


class _Sender:
    """Sends tasks, and once what they share: models in memory, functions, and pictures from memory."""

    def __init__(self, client: Client, plan: Plan, tasks: Sequence[Work]) -> None:
        self.client, self.plan = client, plan
        self.unfinished = Counter(task.picture.sha256 for task, _ in tasks)
        self.sent: dict[Any, Future] = {}

    def send(self, task: Task, what: Any) -> Future:
        sha256 = task.picture.sha256
        photo = self.plan.photos.get(sha256)
        restorer = what if isinstance(what, str) else self._share(id(what), what)
        sent_photo = photo if photo is None else self._share(sha256, Photo(photo))
        # A random key, because the scheduler may still have the tasks of a sweep that was stopped.
        key = f"sweep-{task.name}-{uuid.uuid4().hex}"
        return self.client.submit(run_task, task, restorer, sent_photo, key=key, pure=False)

    def _share(self, key: Any, value: Any) -> Future:
        # As a task, because Dask recomputes tasks if a worker dies, and loses scattered data.
        if key not in self.sent:
            self.sent[key] = self.client.submit(_identity, value, key=f"sweep-input-{uuid.uuid4().hex}", pure=False)
        return self.sent[key]

    def release(self, task: Task) -> None:
        """Forget a picture once its last task has finished."""
        self.unfinished[task.picture.sha256] -= 1
        if not self.unfinished[task.picture.sha256]:
            self.sent.pop(task.picture.sha256, None)


def _identity(value: Any) -> Any:
    return value


def check_can_start_processes(where: Any) -> None:
    """Raise a ValueError if this process cannot start workers."""
    if where != "local" and where < 1:
        raise ValueError(f"client must be at least 1 worker, got {where}")
    if not threading.main_thread().is_alive():
        raise ValueError("the script has ended, and can start no more processes; let it wait for its threads")
    process: Any = multiprocessing.current_process()
    if process.daemon or getattr(process, "_inheriting", False):
        raise ValueError(
            f"client={where!r} starts processes, which this worker process cannot do. In a script, put the sweep under "
            '`if __name__ == "__main__":`; in a multiprocessing.Pool or on Dask, use client=None'
        )


def check_picklable(plan: Plan) -> None:
    """Raise a `WorkerError` that names the part of a plan that cannot be sent to another process."""
    from cloudpickle import dumps

    parts = [
        (setting.column.title, part)
        for setting in plan.settings
        for part in (
            setting.column.what,
            setting.column.setup,
            setting.column.settings and dict(setting.column.settings),
        )
    ]
    distinct = {id(part): (title, part) for title, part in parts if not isinstance(part, str)}
    for title, part in (*distinct.values(), ("the measures", plan.measures)):
        try:
            dumps(part)
        except (pickle.PicklingError, TypeError, AttributeError, ValueError, RecursionError) as error:
            raise WorkerError(
                f"{title} cannot be sent to workers: {error}; use something that can be pickled, or has a name, such "
                "as FILE.py:FUNCTION"
            ) from None


def check_workers(client: Client) -> None:
    """Raise a `WorkerError` that names a worker with another version of the package."""
    expected = frantools.__version__
    for address, version in client.run(getattr, frantools, "__version__", "unknown", on_error="return").items():
        if version != expected:
            found = f"FranTools {version}" if isinstance(version, str) else f"no FranTools ({version})"
            raise WorkerError(f"the worker {address} has {found}; this sweep needs {expected}")
