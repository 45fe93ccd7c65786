"""The public function: check, look up what is done, compute what is left, and give it all."""

from __future__ import annotations

import warnings
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from os import PathLike
from threading import Event
from time import sleep
from typing import Any

from ..comparisons.evaluation import SIZE
from ..frannet.engine.threads import run_parts
from ..restorers.base import Cancelled
from ..scores.measures import Measure
from .axes import Axes
from .export import numbers_of
from .plan import Plan, plan
from .result import Sweep
from .store import Record, Store
from .tasks import Task, is_done, perform

Work = tuple[Task, Any]


class Share(float):
    """The share of a sweep that is done, 0 to 1, which knows the cells too."""

    done: int
    """Cells that are done, those too that were there before."""
    total: int
    failures: int
    began: int
    """Cells that were there before."""
    dashboard: str
    """The address of Dask's dashboard; empty without Dask."""
    found: Mapping[str, Record]
    """The results so far, by key; see `gathered`."""


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
    progress: Callable[[Share], None] | None = None,
    *,
    limit: int | None = None,
    precision: str = "float32",
    retry: bool = False,
) -> Sweep:
    """Measure many settings on many pictures.

    The numbers are those of `evaluate`, with products on one thread: they do not depend on where, in what order and by
    how many processes they are computed.

    Parameters
    ----------
    axes : dict or list of dict
        A list of values for each parameter of a column that varies: "model", "setup", "scheduler", "seed", "given", the
        settings of a sampler by name, or the arguments of a function. All combinations are taken. Of a list of dicts,
        those of each, what is the same once.
    photos : path or sequence
        A folder of pictures, or the pictures: see `evaluate`.
    base : object, optional
        A column, or whatever can be one, with all that the axes do not say. Default: the note's model under B.
    measures : sequence of str
        Of `frantools.measures`.
    points : int, optional
        On how many random points of each picture restorers are measured that can answer points, without bias and with a
        standard error. Default: every pixel.
    size : int
        Pixels of the longer side at which pictures are kept and compared, 1 to 16384.
    seed : int
        Of the first picture's random numbers; the next have the next.
    store : path, optional
        A folder that keeps each result as soon as it is there. What is in it is not computed again. Default: memory.
    client : "local", int, str or dask.distributed.Client, optional
        Where to compute: with Dask on all cores of this machine, by so many workers, or on the cluster of an address or
        a client. Default: in this process.
    progress : callable, optional
        Called with the share that is done, 0 to 1, which also knows `done`, `total` and `failures` in cells. What it
        raises ends the work.
    limit : int, optional
        Only the first so many pictures.
    precision : str
        Of FranNet's products, as for `restore`; "auto" is resolved here, for all workers.
    retry : bool
        Whether cells that failed before are tried again.

    Returns
    -------
    Sweep
        With what went wrong, a sentence a cell, in its `failures`.

    Raises
    ------
    FileNotFoundError, ValueError, ImportError
        If an argument is not as above, before anything is computed.
    OSError
        If the store cannot be written; what it holds is kept.

    Examples
    --------
    >>> import frantools as ft
    >>> made = ft.sweep({"K": [25, 50], "noise_stddev": ["normal", "zero"]}, ["hopper"], size=16)
    >>> made
    Sweep of K, noise_stddev: 4 settings on 1 picture, 4 cells
    """
    planned = plan(axes, photos, base, measures, points, size, seed, limit, precision)
    kept = None if store is None else Store(store)
    found = compute(planned, kept, client, progress, retry)
    return gathered(planned, found)


def compute(
    planned: Plan,
    store: Store | None = None,
    client: Any = None,
    progress: Callable[[Share], None] | None = None,
    retry: bool = False,
) -> dict[str, Record]:
    """The results of a plan by key: those that the store has, and the others, computed now."""
    found = kept(planned, store, retry)
    place = None if store is None else (str(store.folder), store.id)
    jobs = list(planned.tasks(place, retry))
    cells = Counter(cell.key for task, _ in jobs for cell in task.cells)  # a picture given twice has equal ones
    began, total, dashboard = sum(cells[key] for key in found), len(planned), ""
    done, failures = began, sum(cells[key] for key, record in found.items() if record["sentence"])

    def report(records: Sequence[Record] = ()) -> None:
        nonlocal done, failures
        for record in records:
            times = cells[record["key"]] if record["key"] not in found else 0
            done, failures = done + times, failures + times * bool(record["sentence"])
            found[record["key"]] = record
        if progress is not None:
            share = Share(min(1.0, done / total))
            share.done, share.total, share.failures, share.began = done, total, failures, began
            share.dashboard, share.found = dashboard, found
            progress(share)

    different = {job[0].name: job for job in jobs}.values()
    left = [job for job in different if any(cell.key not in found for cell in job[0].cells)]
    try:
        report()
        if left and client is None:
            _here(planned, left, report)
        elif left:
            from .dask_backend import connected, spread

            with connected(client, planned) as cluster:
                dashboard = cluster.dashboard_link or ""
                report()
                spread(cluster, planned, left, report)
    except KeyboardInterrupt:
        where = f"are kept in {store.folder}; the same sweep goes on from there" if store is not None else "were done"
        raise KeyboardInterrupt(f"{done} of {total} cells {where}") from None
    return found


def kept(planned: Plan, store: Store | None, retry: bool = False) -> dict[str, Record]:
    """What of a plan a store has, by key."""
    found: dict[str, Record] = {}
    last, there = "", dict[str, Record]()
    if store is None:
        return found
    numbers, damage = numbers_of(planned.facts(0)), list[str]()
    for _, _, context, key in planned.rows():
        if context != last:
            last, there = context, store.read(context, numbers, damage)
        if is_done(there.get(key), retry):
            found[key] = there[key]
    for wrong in damage:
        warnings.warn(wrong, stacklevel=3)
    return found


def _here(planned: Plan, jobs: Sequence[Work], report: Callable[..., None]) -> None:
    """Compute tasks in this process: on several threads where all are FranNet's, whose work leaves them free."""
    parallel = all(setting.restorer.parallel for setting in planned.settings)
    finished: deque[list[Record]] = deque()
    left = list(jobs)
    while left:
        busy: list[Work] = []
        stop = Event()

        def look(stop: Event = stop) -> None:
            if stop.is_set():
                raise Cancelled

        def work(index: int, left: list[Work] = left, busy: list[Work] = busy) -> None:
            task, what = left[index]
            records = perform(task, what, planned.photos.get(task.picture.sha256), look)
            if records is None:
                busy.append(left[index])
            else:
                finished.append(records)

        def drain() -> None:
            records = [record for made in _all(finished) for record in made]
            report(records)

        try:
            run_parts(work, len(left), drain, stop, parallel)
        finally:
            for made in _all(finished):
                report(made)
        if len(busy) == len(left):
            sleep(WAIT)  # another process has them all
        left = busy


WAIT = 0.3
"""Seconds between looks whether another process has finished what it claimed."""


def _all(queue: deque[list[Record]]) -> Iterator[list[Record]]:
    while queue:
        yield queue.popleft()


def gathered(planned: Plan, found: dict[str, Record]) -> Sweep:
    """The results of a plan as far as they are there."""
    names = tuple(each.name for each in planned.measures)
    numbers = [*names, *(f"{name}_se" for name in names)] if planned.points is not None else names
    rows = []
    for setting, index, _, key in planned.rows():
        if (record := found.get(key)) is not None:
            made = {"picture": planned.pictures[index].name, **planned.settings[setting].values}
            made |= {name: float(record.get(name, "nan")) for name in numbers}
            rows.append(made | {name: record.get(name) for name in ("calls", "seconds", "sentence")})
    columns = [(each.values, each.column) for each in planned.settings]
    pictures = tuple(each.name for each in planned.pictures)
    return Sweep(planned.axes, names, columns, pictures, rows, _protocol(planned), planned.points)


def _protocol(planned: Plan) -> str:
    measured = "every pixel" if planned.points is None else f"{planned.points} random points of each"
    pictures = f"{len(planned.pictures)} picture{'s' * (len(planned.pictures) != 1)}"
    return (
        f"{pictures} ({planned.pictures[0].frame} frame) at {planned.size} pixels, measured on {measured}; seed "
        f"{planned.seed} for the first, the next have the next; {planned.precision}."
    )
