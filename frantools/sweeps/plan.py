"""The plan of a sweep: settings times photos, divided into tasks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import Any

from ..checks import integer, invalid, to_python
from ..comparisons.cache import ENGINE
from ..comparisons.evaluation import photos as read_photos
from ..comparisons.render_job import UNKNOWN_COST, preferred_frame
from ..frannet.engine.arguments import check_seed, resolve_precision
from ..photos.folder import Pictures
from ..photos.photo import Photo
from ..photos.regions import LARGEST
from ..scores.measures import Measure, measures
from ..scores.stratified import draw, means_of_points
from .axes import Axes, Setting, axis_names, expand_axes, group_by_model, to_table_value
from .keys import address, identity, measure_facts
from .records import Conditions
from .tasks import Cell, Task, TaskPhoto

SECONDS = 2.0
"""Target duration of a task: long compared with the cost of sending it, short enough to lose."""


@dataclass(frozen=True, eq=False)
class Plan:
    """The settings and photos of a sweep, with all that its results depend on."""

    axes: tuple[str, ...]
    settings: Sequence[Setting]
    pictures: Sequence[TaskPhoto]
    photos: dict[str, Photo]
    """By hash, the photos that workers cannot read from a folder."""
    measures: tuple[Measure, ...]
    size: int
    seed: int
    precision: str
    points: int | None
    identities: Sequence[dict[str, Any]]
    """One per setting."""
    file_identities: dict[tuple[int, int], dict[str, Any]] = field(default_factory=dict)
    """By setting and picture, for settings that read another file for each picture."""
    seconds: float = SECONDS
    """Target duration of a task."""

    def __len__(self) -> int:
        """Count the cells: settings times pictures."""
        return len(self.settings) * len(self.pictures)

    def subset(self, indices: Sequence[int], seconds: float = SECONDS) -> Plan:
        """Return the plan of some of the settings, in the given order."""
        return replace(
            self,
            settings=[self.settings[index] for index in indices],
            identities=[self.identities[index] for index in indices],
            file_identities={
                (new, picture): self.file_identities[old, picture]
                for new, old in enumerate(indices)
                for picture in range(len(self.pictures))
                if (old, picture) in self.file_identities
            },
            seconds=seconds,
        )

    def conditions(self, picture: int) -> Conditions:
        """Return what all results of a picture have in common."""
        photo, custom = self.pictures[picture], set(measures.custom)
        return {
            "engine": ENGINE, "picture": photo.sha256, "frame": photo.frame, "reference": photo.reference,
            "size": self.size, "points": None if self.points is None else [self.points, self.seed],
            "precision": self.precision,
            "measures": [
                measure_facts(measure, measure.name in custom or measure.name not in measures)
                for measure in self.measures
            ],
        }  # fmt: skip

    def key(self, context: str, setting: int, picture: int) -> str:
        """Return the key of a cell in the store; `context` is the hash of the picture's conditions."""
        column, restorer = self.settings[setting].column, self.settings[setting].restorer
        facts = self.file_identities.get((setting, picture), self.identities[setting])
        seed = self.seed + picture if restorer.random and column.seed is None else None
        return address({"context": context, "column": facts, "seed": seed})

    def cells(self) -> Iterator[tuple[int, int, str, str]]:
        """Yield the setting, picture, context and key of each cell."""
        for picture in range(len(self.pictures)):
            context = address(self.conditions(picture))
            for setting in range(len(self.settings)):
                yield setting, picture, context, self.key(context, setting, picture)

    def tasks(self, store: tuple[str, str] | None = None, retry: bool = False) -> Iterator[tuple[Task, Any]]:
        """Yield the tasks with their restorers; they do not depend on what is already in the store."""
        parts = [part for group in group_by_model(self.settings) for part in self._divide(group)]
        for index, picture in enumerate(self.pictures):
            conditions = self.conditions(index)
            context = address(conditions)
            for part in parts:
                first = self.settings[part[0]]
                # Each process reads the weights of a named model itself, and checks their hash.
                is_read = isinstance(first.column.what, str) and first.restorer.model is not None
                cells = tuple(self._cell(context, setting, index) for setting in part)
                task = Task(
                    name=address({"cells": [cell.key for cell in cells]}),
                    context=context,
                    conditions=conditions,
                    picture=picture,
                    title=first.column.title,
                    cells=cells,
                    size=self.size,
                    seed=self.seed + index,
                    precision=self.precision,
                    measures=self.measures,
                    points=None if self.points is None else (self.points, self.seed),
                    weights=first.restorer.sha256 if is_read else None,
                    store=store,
                    retry=retry,
                )
                yield task, first.column.what

    def _cell(self, context: str, setting: int, picture: int) -> Cell:
        column, sampler = self.settings[setting].column, self.settings[setting].restorer.sampler
        description = {
            "model": column.what if isinstance(column.what, str) else column.title,
            "setup": None if sampler is None else sampler.name,
            "seed": self.seed + picture if column.seed is None else column.seed,
            "given": None if column.given is None else str(column.given),
            **{name: to_table_value(value) for name, value in column.settings.items()},
        }
        key = self.key(context, setting, picture)
        return Cell(key, description, column.setup, column.seed, column.given, column.settings)

    def _divide(self, group: Sequence[int]) -> Iterator[list[int]]:
        """Divide a group of settings into parts that take about `seconds` each."""
        part: list[int] = []
        seconds = 0.0
        for setting in group:
            part.append(setting)
            seconds += self.cost(setting)
            if seconds >= self.seconds:
                yield part
                part, seconds = [], 0.0
        if part:
            yield part

    def cost(self, setting: int) -> float:
        """Estimate the seconds that a cell takes on one core."""
        restorer = self.settings[setting].restorer
        cost = UNKNOWN_COST if restorer.cost is None else float(restorer.cost)
        pixels = self.size**2 if self.points is None or not restorer.renders_points else self.points
        return cost * pixels / 1e6 * (2 if restorer.parallel else 1)  # the cost is measured on two cores


def make_plan(
    axes: Axes,
    photos: Any,
    base: Any,
    names: Sequence[str | Measure],
    points: int | None,
    size: int,
    seed: int,
    limit: int | None,
    precision: str,
) -> Plan:
    """Check the arguments of `sweep`, and read each picture once to hash it."""
    size, seed, precision = integer("size", size, 1, LARGEST), check_seed(seed), resolve_precision(precision)
    chosen_measures = _check_measures(names, points)
    settings = expand_axes(axes, base, precision)
    frame = preferred_frame(setting.restorer for setting in settings)
    if isinstance(photos, (str, PathLike)) and Path(photos).is_dir():
        photos = Pictures(photos)
    pictures: list[TaskPhoto] = []
    unsaved: dict[str, Photo] = {}
    file_identities: dict[tuple[int, int], dict[str, Any]] = {}
    for _, _, photo in read_photos(photos, limit):
        if photo is None:
            continue
        framed = photo.with_frame(frame)
        if framed.reference_photo is None:
            raise ValueError(f"{photo.name} has no reference to measure against")
        path = str(Path(photo.name).absolute()) if isinstance(photos, Pictures) else None
        reference = None if framed.reference_photo is framed else framed.reference_photo.sha256
        for index, setting in enumerate(settings):
            if setting.restorer.reads_files:
                file_identities[index, len(pictures)] = identity(setting.column, setting.restorer, framed)
        pictures.append(TaskPhoto(photo.name, photo.sha256, framed.frame or frame, path, reference))
        if path is None:
            unsaved[photo.sha256] = photo
    if not pictures:
        raise ValueError("none of the photos could be read")
    return Plan(
        axes=tuple(axis_names(axes)),
        settings=settings,
        pictures=pictures,
        photos=unsaved,
        measures=chosen_measures,
        size=size,
        seed=seed,
        precision=precision,
        points=to_python(points),
        identities=[identity(setting.column, setting.restorer) for setting in settings],
        file_identities=file_identities,
    )


def _check_measures(names: Any, points: int | None) -> tuple[Measure, ...]:
    if isinstance(names, (str, Measure)) or not names:
        raise invalid("measures", "a list of names, such as ['mse', 'ssim']", names)
    if points is not None:
        draw(1, points)  # checks the number
        means_of_points(name.name if isinstance(name, Measure) else name for name in names)
    return tuple(name if isinstance(name, Measure) else measures[name] for name in names)
