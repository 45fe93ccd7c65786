"""The unit of work: one picture under several settings that share a model, a few seconds long."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from .. import __version__
from ..comparisons.cache import ENGINE
from ..comparisons.render_job import RenderJob
from ..files import ContentChangedError
from ..photos.degradation import Degradation
from ..photos.images import load_image
from ..photos.photo import Photo
from ..restorers.base import Cancelled, Progress, sentence
from ..restorers.columns import Column
from ..restorers.resizing import resized_picture
from ..scores.measures import Measure
from ..scores.stratified import Subset, draw
from .records import Conditions, Record, value_names
from .store import Store

WRITE_INTERVAL = 5.0
"""Seconds after which a task that takes longer than planned writes its results so far."""


class WorkerError(ValueError):
    """A worker differs from this process: its version of FranTools, a model or a function is different or missing."""


@dataclass(frozen=True)
class TaskPhoto:
    """A reference to a photo: its path, or only its hash if the photo is sent with the task."""

    name: str
    sha256: str
    frame: str
    path: str | None = None
    reference: str | None = None
    """The hash of the reference, if that is a different picture."""

    def load(self, sent: Photo | None) -> Photo:
        """Read the photo; a ContentChangedError if the file has changed, a FileNotFoundError if it was deleted."""
        if self.path is None:
            assert sent is not None
            return sent.with_frame(self.frame)
        try:
            photo = Photo(load_image(Path(self.path)), self.frame, name=self.name)
        except FileNotFoundError:
            raise FileNotFoundError(f"the picture {self.name} was deleted during the sweep") from None
        if photo.sha256 != self.sha256:
            raise ContentChangedError(f"the picture {self.name} has changed during the sweep")
        return photo


@dataclass(frozen=True)
class Cell:
    """One setting of a task."""

    key: str
    description: Mapping[str, Any]
    """The setting's part of the record."""
    setup: Any
    seed: int | None
    given: Degradation | None
    settings: Mapping[str, Any]

    def column(self, title: str, what: Any) -> Column:
        return Column(title, what, self.setup, self.seed, self.given, settings=self.settings)


@dataclass(frozen=True)
class Task:
    """One picture under several settings.

    Parameters
    ----------
    name : str
        The hash of the cells' keys; equal tasks of different sweeps have the same name.
    context : str
        The hash of `conditions`, which the results share.
    points : (int, int), optional
        The number of points to draw, and the seed for drawing them.
    weights : str, optional
        The hash of the model's weights, if each process reads them itself.
    store : (str, str), optional
        The folder and id of the store.
    version : (str, int)
        The versions of FranTools and of its engine that planned the task.
    """

    name: str
    context: str
    conditions: Conditions
    picture: TaskPhoto
    title: str
    cells: tuple[Cell, ...]
    size: int
    seed: int
    precision: str
    measures: tuple[Measure, ...]
    points: tuple[int, int] | None = None
    weights: str | None = None
    store: tuple[str, str] | None = None
    retry: bool = False
    version: tuple[str, int] = (__version__, ENGINE)

    def read_records(self, store: Store | None) -> dict[str, Record]:
        """Read the results that the store has, by key."""
        return {} if store is None else store.read(self.context, value_names(self.conditions))


def run_task(
    task: Task, what: Any, photo: Photo | None = None, check_cancelled: Callable[[], None] = lambda: None
) -> list[Record] | None:
    """Compute a task and write its results to the store.

    Parameters
    ----------
    task : Task
    what : object
        The restorer of all cells, or its name.
    photo : Photo, optional
        The photo, if `task.picture` has no path.
    check_cancelled : callable
        Called several times a second. An exception from it ends the task; finished cells are still written.

    Returns
    -------
    list of dict or None
        The results of all cells, including those from the store; None if another process is computing the task.

    Raises
    ------
    WorkerError, StoreError
        If this process cannot compute the task, or cannot write its results.
    """
    if task.version != (__version__, ENGINE):
        raise WorkerError(
            f"{worker_name()} has FranTools {__version__} (engine {ENGINE}), and the sweep needs {task.version[0]} "
            f"(engine {task.version[1]})"
        )
    store = Store(*task.store) if task.store is not None else None
    with store.claim(task.name) if store is not None else nullcontext(True) as claimed:
        if not claimed:
            return None
        stored = task.read_records(store)
        missing = [cell for cell in task.cells if not is_done(stored.get(cell.key), task.retry)]
        records: list[Record] = []
        written, write_time = 0, time.monotonic()
        try:
            for record in _compute(task, missing, what, photo, check_cancelled):
                records.append(record)
                if store is not None and time.monotonic() - write_time > WRITE_INTERVAL:
                    store.write(task.context, task.conditions, records[written:])
                    written, write_time = len(records), time.monotonic()
        finally:
            if store is not None and records[written:]:
                store.write(task.context, task.conditions, records[written:])
    computed = {cell.key for cell in missing}
    return [stored[cell.key] for cell in task.cells if cell.key not in computed] + records


def fail_task(task: Task, message: str) -> list[Record]:
    """Record an error for each unfinished cell of a task that no worker could compute."""
    store = Store(*task.store) if task.store is not None else None
    stored = task.read_records(store)
    failures = [_record(task, cell, 0.0, sentence=message) for cell in task.cells if cell.key not in stored]
    if store is not None and failures:
        store.write(task.context, task.conditions, failures)
    return failures + [stored[cell.key] for cell in task.cells if cell.key in stored]


def is_done(record: Record | None, retry: bool) -> bool:
    """Whether a cell needs no more work."""
    return record is not None and not (retry and record["sentence"])


def worker_name() -> str:
    """Return the name of this machine and the id of this process."""
    return f"{platform.node()}:{os.getpid()}"


@contextmanager
def _one_thread() -> Iterator[None]:
    """Compute matrix products on one thread, so that their sums are the same on every machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _compute(
    task: Task, cells: Sequence[Cell], what: Any, photo: Photo | None, check_cancelled: Callable[[], None]
) -> Iterator[Record]:
    """Compute cells one by one; an error becomes the record of its cell."""
    if not cells:
        return
    try:
        resized = task.picture.load(photo).at(task.size)
    except Exception as error:  # decoders raise anything
        message = sentence(error, f"the picture {task.picture.name}")
        for cell in cells:
            yield _record(task, cell, 0.0, sentence=message)
        return
    with _one_thread():
        what = _resolve(task, cells[0], what)
        evaluator = _Evaluator(task, resized, check_cancelled)
        for cell in cells:
            check_cancelled()
            start = time.perf_counter()
            try:
                values = evaluator.evaluate(cell.column(task.title, what))
            except Cancelled:
                raise
            except Exception as error:  # restorers raise anything
                values = {"sentence": sentence(error, task.title)}
            yield _record(task, cell, time.perf_counter() - start, **values)


def _resolve(task: Task, cell: Cell, what: Any) -> Any:
    """Replace the name of a model by the model itself, so that it is loaded once for all cells."""
    try:
        restorer: Any = cell.column(task.title, what).resolve(task.precision)
    except Exception as error:  # it worked in the process that planned the sweep
        raise WorkerError(f"{worker_name()} cannot create {sentence(error, task.title)}") from None
    if task.weights not in (None, restorer.sha256):
        raise WorkerError(
            f"{worker_name()} has different weights of {what} than the sweep; use the same files everywhere"
        )
    return what if restorer.model is None else restorer.model


class _Evaluator:
    """Measures columns on one photo; their reference and points are prepared once."""

    def __init__(self, task: Task, photo: Photo, check_cancelled: Callable[[], None]) -> None:
        self.task, self.photo = task, photo
        self.progress: Progress = lambda _: check_cancelled()
        self.job = RenderJob(photo, photo.size(task.size), None, task.seed, None, task.precision)
        reference = photo.reference(self.job.size)
        assert reference is not None  # make_plan refuses photos without one
        self.reference = reference

    def evaluate(self, column: Column) -> Record:
        """Return the measured values by name, and the number of network calls."""
        restorer: Any = self.job.resolve(column)
        if self.task.points is not None and restorer.renders_points:
            return self._evaluate_points(column, restorer)
        restoration = self.job.restore(column, self.progress)
        image = resized_picture(restoration.image, self.job.size)
        values: Record = {measure.name: measure(image, self.reference) for measure in self.task.measures}
        if self.task.points is not None:  # measured on every pixel, so without sampling error
            values |= {f"{measure.name}_se": 0.0 for measure in self.task.measures}
        return values | {"calls": restoration.calls}

    def _evaluate_points(self, column: Column, restorer: Any) -> Record:
        subset, colours = self._points
        if self._prepared is None:  # does not depend on the setup
            self._prepared = restorer.prepare(self.photo, subset.points)
        seed = self.task.seed if column.seed is None else column.seed
        restored = restorer.at(self._prepared, seed, self.progress)
        values: Record = {}
        for measure in self.task.measures:
            estimate = subset.estimate(measure.at_points(restored[:, None], colours[:, None])[:, 0])
            values |= {measure.name: estimate.value, f"{measure.name}_se": estimate.error}
        return values | {"calls": restorer.calls}

    _prepared: Any = None

    @cached_property
    def _points(self) -> tuple[Subset, Any]:
        """The points and the reference's colours there."""
        assert self.task.points is not None
        subset = draw(self.job.size, *self.task.points, self.task.picture.sha256)
        return subset, subset.of(self.reference)


def _record(task: Task, cell: Cell, seconds: float, **values: Any) -> Record:
    time_stamp = datetime.now(UTC).isoformat(timespec="seconds")
    metadata = {"seconds": round(seconds, 4), "sentence": "", "worker": worker_name(), "time": time_stamp}
    identity = {"key": cell.key, "picture": task.picture.name}
    # The identity is repeated because a function may have an argument named "key" or "picture".
    return {**identity, **cell.description, **metadata, **values, **identity}
