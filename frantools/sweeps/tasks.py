"""The unit of work: one picture under several settings that share a model, a few seconds long."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from .. import __version__
from ..comparisons.cache import ENGINE
from ..comparisons.render_job import Job
from ..files import ContentChangedError
from ..photos.degradation import Degradation
from ..photos.images import load_image
from ..photos.photo import Photo
from ..restorers.base import Cancelled, Progress, sentence
from ..restorers.columns import Column
from ..restorers.resizing import resized_picture
from ..scores.measures import Measure
from ..scores.stratified import Subset, draw
from .export import numbers_of
from .store import Record, Store

LASTING = 5.0
"""Seconds of work after which a task that goes on longer than it should writes what it has."""


class Refused(ValueError):  # noqa: N818
    """A process cannot do what others can: its FranTools, a model or a function is another one, or is missing."""


@dataclass(frozen=True)
class Picture:
    """A picture as tasks know it: where it lies, or by its hash alone where it is sent along."""

    name: str
    sha256: str
    frame: str
    path: str | None = None
    reference: str | None = None
    """The hash of what it is measured against, where that is another picture."""

    def photo(self, sent: Photo | None) -> Photo:
        """The photo; a FileNotFoundError or a ValueError where it cannot be read any more, or is another one."""
        if self.path is None:
            assert sent is not None
            return sent.framed_as(self.frame)
        try:
            photo = Photo(load_image(Path(self.path)), self.frame, name=self.name)
        except FileNotFoundError:
            raise FileNotFoundError(f"the picture {self.name} is not there any more") from None
        if photo.sha256 != self.sha256:
            raise ContentChangedError(f"the picture {self.name} has changed since the sweep began")
        return photo


@dataclass(frozen=True)
class Cell:
    """One setting of a task, less what all settings of the task share."""

    key: str
    said: Mapping[str, Any]
    """What the store says of it, for those who read it."""
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
        The hash of what is to be done; the same in every sweep that does the same.
    context : str
        The part of the store that its results belong to, and `facts` what they share.
    weights : str, optional
        The hash of the model's file, which each process reads for itself.
    store : (str, str), optional
        The folder and the id of the store.
    """

    name: str
    context: str
    facts: Mapping[str, Any]
    picture: Picture
    title: str
    cells: tuple[Cell, ...]
    size: int
    seed: int
    precision: str
    measures: tuple[Measure, ...]
    points: tuple[int, int] | None = None
    """How many are drawn of the picture, and the seed of the draw."""
    weights: str | None = None
    store: tuple[str, str] | None = None
    retry: bool = False
    made_by: tuple[str, int] = (__version__, ENGINE)

    @property
    def numbers(self) -> list[str]:
        """The names of what is measured in each cell."""
        return numbers_of(self.facts)


def perform(
    task: Task, what: Any, photo: Photo | None = None, look: Callable[[], None] = lambda: None
) -> list[Record] | None:
    """Compute a task, and write its results to the store.

    Parameters
    ----------
    task : Task
        What is to be done.
    what : object
        What restores, in all its cells.
    photo : Photo, optional
        Where it is sent along.
    look : callable
        Called several times a second; what it raises ends the task, and cells that are finished are written.

    Returns
    -------
    list of dict or None
        The results of all its cells, those too that were there before; None where another process is computing it.

    Raises
    ------
    Refused, StoreError
        If this process cannot do it, or not keep it.
    """
    if task.made_by != (__version__, ENGINE):
        version, engine = task.made_by
        raise Refused(
            f"{worker()} has FranTools {__version__} (engine {ENGINE}), and the sweep is of {version} (engine "
            f"{engine}); accepted is the same version everywhere"
        )
    store = Store(*task.store) if task.store is not None else None
    with store.claim(task.name) if store is not None else nullcontext(True) as ours:
        if not ours:
            return None
        found = store.read(task.context, task.numbers) if store is not None else {}
        kept = [found[cell.key] for cell in task.cells if is_done(found.get(cell.key), task.retry)]
        left = [cell for cell in task.cells if not is_done(found.get(cell.key), task.retry)]
        made: list[Record] = []
        written, last = 0, time.monotonic()
        try:
            for record in _computed(task, left, what, photo, look):
                made.append(record)
                if store is not None and time.monotonic() - last > LASTING:
                    store.write(task.context, task.facts, made[written:])
                    written, last = len(made), time.monotonic()
        finally:
            if store is not None and made[written:]:
                store.write(task.context, task.facts, made[written:])
    return kept + made


def is_done(record: Record | None, retry: bool) -> bool:
    """Whether a cell needs no work any more."""
    return record is not None and not (retry and record["sentence"])


def worker() -> str:
    """The machine and the process."""
    return f"{platform.node()}:{os.getpid()}"


@contextmanager
def _one_thread() -> Iterator[None]:
    """Products on one thread: their sums are then the same wherever they are computed."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _computed(
    task: Task, cells: Sequence[Cell], what: Any, photo: Photo | None, look: Callable[[], None]
) -> Iterator[Record]:
    """The results of cells, one after the other."""
    if not cells:
        return
    try:
        read = task.picture.photo(photo).at(task.size)
    except Exception as error:  # of whatever kind: decoders raise anything
        wrong = sentence(error, f"the picture {task.picture.name}")
        for cell in cells:
            yield _record(task, cell, 0.0, sentence=wrong)
        return
    with _one_thread():
        shared = _shared(task, cells[0], what)
        measured = _Measured(task, read, look)
        for cell in cells:
            look()
            begun = time.perf_counter()
            try:
                numbers = measured.of(cell.column(task.title, shared))
            except Cancelled:
                raise
            except Exception as error:  # of whatever kind: it belongs to this cell
                numbers = {"sentence": sentence(error, task.title)}
            yield _record(task, cell, time.perf_counter() - begun, **numbers)


def _shared(task: Task, cell: Cell, what: Any) -> Any:
    """What restores, found once for all cells: a model itself, where a name or a path stands for it."""
    try:
        made: Any = cell.column(task.title, what).restorer(task.precision)
    except Exception as error:  # of whatever kind: the driver could make it
        raise Refused(f"{worker()} cannot make {sentence(error, task.title)}") from None
    if task.weights not in (None, made.sha256):
        raise Refused(f"{worker()} has other weights of {what} than the sweep; accepted are the same files everywhere")
    return what if made.model is None else made.model


class _Measured:
    """Measures columns on one photo, with what they share made once."""

    def __init__(self, task: Task, photo: Photo, look: Callable[[], None]) -> None:
        self.task, self.photo = task, photo
        self.progress: Progress = lambda _: look()
        self.job = Job(photo, photo.size(task.size), None, task.seed, None, task.precision)
        reference = photo.reference(self.job.size)
        assert reference is not None  # the driver refuses photos without one
        self.reference = reference

    def of(self, column: Column) -> Record:
        """The numbers of one column, by name."""
        restorer: Any = self.job.restorer(column)
        if self.task.points is not None and restorer.renders_points:
            return self._at_points(column, restorer)
        made = self.job.restore(column, self.progress)
        image = resized_picture(made.image, self.job.size)
        numbers: Record = {each.name: each(image, self.reference) for each in self.task.measures}
        if self.task.points is not None:  # of every pixel
            numbers |= {f"{each.name}_se": 0.0 for each in self.task.measures}
        return numbers | {"calls": made.calls}

    def _at_points(self, column: Column, restorer: Any) -> Record:
        subset, original, prepared = self._drawn(restorer)
        restored = restorer.at(prepared, self.task.seed if column.seed is None else column.seed, self.progress)
        numbers: Record = {}
        for each in self.task.measures:
            made = subset.estimate(each.at_points(restored[:, None], original[:, None])[:, 0])
            numbers |= {each.name: made.value, f"{each.name}_se": made.error}
        return numbers | {"calls": restorer.calls}

    def _drawn(self, restorer: Any) -> tuple[Subset, Any, Any]:
        """The points, their colours, and what the model has prepared there, which no setup changes."""
        if self._made is None:
            assert self.task.points is not None
            subset = draw(self.job.size, *self.task.points, self.task.picture.sha256)
            self._made = subset, subset.of(self.reference), restorer.prepare(self.photo, subset.points)
        return self._made

    _made: tuple[Subset, Any, Any] | None = None


def given_up(task: Task, wrong: str) -> list[Record]:
    """The results of a task that nothing can compute."""
    store = Store(*task.store) if task.store is not None else None
    found = store.read(task.context, task.numbers) if store is not None else {}
    made = [_record(task, cell, 0.0, sentence=wrong) for cell in task.cells if cell.key not in found]
    if store is not None and made:
        store.write(task.context, task.facts, made)
    return made + [found[cell.key] for cell in task.cells if cell.key in found]


def _record(task: Task, cell: Cell, seconds: float, **numbers: Any) -> Record:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    facts = {"seconds": round(seconds, 4), "sentence": "", "worker": worker(), "time": now}
    own = {"key": cell.key, "picture": task.picture.name}
    return {**own, **cell.said, **facts, **numbers, **own}  # a function may have an argument of these names
