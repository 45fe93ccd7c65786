"""Run a sweep: plan it, read finished cells from the store, and compute the missing ones."""

from __future__ import annotations

import time
import warnings
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from threading import Event
from typing import Any

from ..comparisons.evaluation import SIZE
from ..frannet.engine.threads import run_parts
from ..restorers.base import Cancelled
from ..scores.measures import Measure
from .axes import Axes
from .plan import Plan, make_plan
from .records import Record, value_names
from .result import Sweep
from .store import Store
from .tasks import Task, is_done, run_task

Work = tuple[Task, Any]
"""A task and its restorer."""

RETRY_INTERVAL = 0.3
"""Seconds between attempts to claim a task that another process is computing."""


class SweepProgress(float):
    """The fraction of a sweep that is done, from 0 to 1, with the numbers behind it."""

    done: int
    """Finished cells, including those that were in the store."""
    total: int
    failures: int
    initial: int
    """Cells that were in the store."""
    dashboard: str
    """The address of Dask's dashboard; empty without Dask."""
    records: Mapping[str, Record]
    """The results so far, by key."""


def sweep(
    axes: Axes,
    photos: Any,
    base: Any = None,
    measures: Sequence[str | Measure] = ("mse",),
    points: int | None = None,
    size: int = SIZE,
    seed: int = 0,
    store: str | PathLike[str] | None = None,
    client: Any = None,
    progress: Callable[[SweepProgress], None] | None = None,
    *,
    limit: int | None = None,
    precision: str = "float32",
    retry: bool = False,
) -> Sweep:
    """Measure many settings on many pictures.

    The results are those of `evaluate`, with matrix products on one thread. They do not depend on the order, the number
    of processes or the machine.

    Parameters
    ----------
    axes : dict or list of dict
        A list of values for each parameter of a column that varies: "model", "setup", "scheduler", "seed", "given", the
        settings of a sampler by name, or the arguments of a function. All combinations of a dict are measured; a list
        of dicts is their union.
    photos : path or sequence
        A folder of pictures, or the pictures: see `evaluate`.
    base : object, optional
        A column, or anything accepted as one, for all that the axes do not specify. Default: the note's model with
        setup B.
    measures : sequence of str
        Names from `frantools.measures`.
    points : int, optional
        Measure restorers that can render points on this many random points of each picture, without bias and with a
        standard error. Default: on every pixel.
    size : int
        The longer side of the pictures in pixels, 1 to 16384.
    seed : int
        The seed for the first picture; the following pictures have the following seeds.
    store : path, optional
        A folder to which each result is written at once. Results that are in it are not computed. Default: memory.
    client : "local", int, str or dask.distributed.Client, optional
        Where to compute: "local" or a number starts workers on this machine, with Dask; an address or a client is that
        of a cluster. Default: in this process.
    progress : callable, optional
        Receives the fraction that is done, from 0 to 1, which has the attributes `done`, `total` and `failures`, in
        cells. An exception from it ends the sweep.
    limit : int, optional
        Only the first pictures.
    precision : str
        The precision of FranNet's matrix products, as for `restore`; "auto" is resolved here, for all workers.
    retry : bool
        Whether to compute cells again that failed before.

    Returns
    -------
    Sweep
        The results. Errors of single cells are in its `failures`.

    Raises
    ------
    FileNotFoundError, ValueError, ImportError
        If an argument is not as above, before anything is computed.
    OSError
        If the store cannot be written; its results are kept.
    ConnectionError
        If the connection to the Dask scheduler is lost. The same call resumes the sweep if it has a store.

    Examples
    --------
    >>> import frantools as ft
    >>> ft.sweep({"K": [25, 50], "noise_stddev": ["normal", "zero"]}, ["hopper"], size=16)
    Sweep of K, noise_stddev: 4 settings on 1 picture, 4 cells
    """
    plan = make_plan(axes, photos, base, measures, points, size, seed, limit, precision)
    opened = None if store is None else Store(store)
    return to_sweep(plan, run_plan(plan, opened, client, progress, retry))


def run_plan(
    plan: Plan,
    store: Store | None = None,
    client: Any = None,
    progress: Callable[[SweepProgress], None] | None = None,
    retry: bool = False,
) -> dict[str, Record]:
    """Read the results that the store has, compute the others, and return all by key."""
    records = read_records(plan, store, retry)
    planned = list(plan.tasks(None if store is None else (str(store.folder), store.id), retry))
    cells = Counter(cell.key for task, _ in planned for cell in task.cells)  # the same picture twice has equal keys
    total, initial = len(plan), sum(cells[key] for key in records)
    done, dashboard = initial, ""
    failures = sum(cells[key] for key, record in records.items() if record["sentence"])

    def report(new: Sequence[Record] = ()) -> None:
        nonlocal done, failures
        for record in new:
            count = cells[record["key"]] if record["key"] not in records else 0
            done, failures = done + count, failures + count * bool(record["sentence"])
            records[record["key"]] = record
        if progress is not None:
            fraction = SweepProgress(min(1.0, done / total))
            fraction.done, fraction.total, fraction.failures, fraction.initial = done, total, failures, initial
            fraction.dashboard, fraction.records = dashboard, records
            progress(fraction)

    missing = {task.name: (task, what) for task, what in planned if any(cell.key not in records for cell in task.cells)}
    tasks = list(missing.values())
    try:
        report()
        if client is None:
            while tasks:
                busy = _run_locally(plan, tasks, report)
                if len(busy) == len(tasks):
                    time.sleep(RETRY_INTERVAL)
                tasks = busy
        elif tasks:
            from .dask_backend import connect, run_on_cluster

            with connect(client, plan) as cluster:
                dashboard = cluster.dashboard_link or ""
                report()
                run_on_cluster(cluster, plan, tasks, report)
    except KeyboardInterrupt:
        hint = "" if store is None else f" and kept in {store.folder}; run the same sweep again to resume"
        raise KeyboardInterrupt(f"{done} of {total} cells are done{hint}") from None
    return records


def read_records(plan: Plan, store: Store | None, retry: bool = False) -> dict[str, Record]:
    """Read the results of a plan that are in the store, by key."""
    records: dict[str, Record] = {}
    if store is None:
        return records
    values, damage, current, stored = value_names(plan.conditions(0)), list[str](), "", dict[str, Record]()
    for _, _, context, key in plan.cells():
        if context != current:
            current, stored = context, store.read(context, values, damage)
        if is_done(stored.get(key), retry):
            records[key] = stored[key]
    for message in damage:
        warnings.warn(message, stacklevel=4)
    return records


def _run_locally(plan: Plan, tasks: Sequence[Work], report: Callable[[Sequence[Record]], None]) -> list[Work]:
    """Compute tasks in this process, on several threads if all restorers are FranNet's.

    Returns the tasks that another process is computing.
    """
    finished, busy, stop = deque[list[Record]](), list[Work](), Event()

    def check_cancelled() -> None:
        if stop.is_set():
            raise Cancelled

    def compute(index: int) -> None:
        task, what = tasks[index]
        records = run_task(task, what, plan.photos.get(task.picture.sha256), check_cancelled)
        if records is None:
            busy.append(tasks[index])
        else:
            finished.append(records)

    def report_finished() -> None:
        report([record for _ in range(len(finished)) for record in finished.popleft()])

    try:
        run_parts(
            compute, len(tasks), report_finished, stop, all(setting.restorer.parallel for setting in plan.settings)
        )
    finally:
        if finished:
            report_finished()
    return busy


def to_sweep(plan: Plan, records: Mapping[str, Record]) -> Sweep:
    """Build the result of a plan from the records computed so far."""
    measures, values = tuple(measure.name for measure in plan.measures), value_names(plan.conditions(0))
    rows = []
    for setting, picture, _, key in plan.cells():
        if (record := records.get(key)) is not None:
            rows.append(
                {"picture": plan.pictures[picture].name, **plan.settings[setting].values}
                | {name: float(record.get(name, "nan")) for name in values}
                | {name: record.get(name) for name in ("calls", "seconds", "sentence")}
            )
    count = len(plan.pictures)
    measured = "every pixel" if plan.points is None else f"{plan.points} random points of each"
    protocol = (
        f"{count} picture{'s' * (count != 1)} ({plan.pictures[0].frame} frame) at {plan.size} pixels, measured on "
        f"{measured}, with seeds from {plan.seed}, in {plan.precision}."
    )
    return Sweep(
        axes=plan.axes,
        measures=measures,
        columns=[(setting.values, setting.column) for setting in plan.settings],
        pictures=tuple(picture.name for picture in plan.pictures),
        rows=rows,
        protocol=protocol,
        points=plan.points,
    )
