"""What a sweep is to compute: settings times pictures, cut into tasks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import Any

from ..checks import integer, to_python
from ..comparisons.cache import ENGINE
from ..comparisons.evaluation import photos as read
from ..comparisons.render_job import UNKNOWN_COST, wished
from ..frannet.engine.arguments import check_seed, resolve_precision
from ..photos.folder import Pictures
from ..photos.photo import Photo
from ..photos.regions import LARGEST
from ..scores.measures import Measure, measures
from ..scores.stratified import draw, means_of_points
from .axes import Axes, Setting, groups, names_of, said, settings
from .keys import address, identity, measure_facts
from .tasks import Cell, Picture, Task

SECONDS = 2.0
"""About how long a task takes: long beside what it costs to send one, short beside what is lost with one."""


@dataclass(frozen=True, eq=False)
class Plan:
    """Settings and pictures of a sweep, with all that its numbers depend on."""

    axes: tuple[str, ...]
    settings: Sequence[Setting]
    pictures: Sequence[Picture]
    photos: dict[str, Photo]
    """By hash, those that are sent along."""
    measures: tuple[Measure, ...]
    size: int
    seed: int
    precision: str
    points: int | None
    identities: Sequence[dict[str, Any]]
    """Of the settings."""
    files: dict[tuple[int, int], dict[str, Any]] = field(default_factory=dict)
    """Identities of settings that read a file of their own for each picture, by the numbers of setting and picture."""
    seconds: float = SECONDS
    """About how long a task takes."""

    def __len__(self) -> int:
        """How many cells there are: settings times pictures."""
        return len(self.settings) * len(self.pictures)

    def only(self, numbers: Sequence[int], seconds: float = SECONDS) -> Plan:
        """The plan of these settings alone, in this order."""
        files = {
            (new, picture): self.files[old, picture]
            for new, old in enumerate(numbers)
            for picture in range(len(self.pictures))
            if (old, picture) in self.files
        }
        chosen, known = [self.settings[each] for each in numbers], [self.identities[each] for each in numbers]
        return replace(self, settings=chosen, identities=known, files=files, seconds=seconds)

    def facts(self, index: int) -> dict[str, Any]:
        """What all results of a picture share."""
        picture, own = self.pictures[index], set(measures.own)
        points = None if self.points is None else [self.points, self.seed]
        named = [measure_facts(each, each.name in own or each.name not in measures) for each in self.measures]
        return {
            "engine": ENGINE, "picture": picture.sha256, "frame": picture.frame, "reference": picture.reference,
            "size": self.size, "points": points, "precision": self.precision, "measures": named,
        }  # fmt: skip

    def key(self, context: str, setting: int, picture: int) -> str:
        """The address of a cell."""
        column, made = self.settings[setting].column, self.settings[setting].restorer
        found = self.files.get((setting, picture), self.identities[setting])
        seed = self.seed + picture if made.random and column.seed is None else None
        return address({"context": context, "column": found, "seed": seed})

    def rows(self) -> Iterator[tuple[int, int, str, str]]:
        """The cells: the numbers of setting and picture, the context and the key."""
        for index in range(len(self.pictures)):
            context = address(self.facts(index))
            for number in range(len(self.settings)):
                yield number, index, context, self.key(context, number, index)

    def tasks(self, store: tuple[str, str] | None = None, retry: bool = False) -> Iterator[tuple[Task, Any]]:
        """The tasks, and what restores in each: the same ones whatever is done already."""
        parts = [part for group in groups(self.settings) for part in self._cut(group)]
        weights = [self._weights(self.settings[part[0]]) for part in parts]
        for index, picture in enumerate(self.pictures):
            facts = self.facts(index)
            context = address(facts)
            for part, sha256 in zip(parts, weights, strict=True):
                first = self.settings[part[0]]
                cells = tuple(self._cell(context, number, index) for number in part)
                name = address({"cells": [cell.key for cell in cells]})
                task = Task(
                    name, context, facts, picture, first.column.title, cells,
                    self.size, self.seed + index, self.precision, self.measures,
                    None if self.points is None else (self.points, self.seed),
                    sha256, store, retry,
                )  # fmt: skip
                yield task, first.column.what

    @staticmethod
    def _weights(setting: Setting) -> str | None:
        """The hash of the weights that each process reads for itself; None where they are sent."""
        named = isinstance(setting.column.what, str) and setting.restorer.model is not None
        return setting.restorer.sha256 if named else None

    def _cell(self, context: str, number: int, index: int) -> Cell:
        setting = self.settings[number]
        column, sampler = setting.column, setting.restorer.sampler
        described = {
            "model": column.what if isinstance(column.what, str) else column.title,
            "setup": None if sampler is None else sampler.name,
            "seed": self.seed + index if column.seed is None else column.seed,
            "given": None if column.given is None else str(column.given),
            **{name: said(value) for name, value in column.settings.items()},
        }
        key = self.key(context, number, index)
        return Cell(key, described, column.setup, column.seed, column.given, column.settings)

    def _cut(self, group: Sequence[int]) -> Iterator[list[int]]:
        """A group of settings in parts that take about `seconds` each."""
        part: list[int] = []
        seconds = 0.0
        for number in group:
            part.append(number)
            seconds += self.cost(number)
            if seconds >= self.seconds:
                yield part
                part, seconds = [], 0.0
        if part:
            yield part

    def cost(self, number: int) -> float:
        """About how many seconds a cell takes, on one core."""
        made = self.settings[number].restorer
        cost = UNKNOWN_COST if made.cost is None else float(made.cost)
        measured = self.size**2 if self.points is None or not made.renders_points else self.points
        return cost * measured / 1e6 * (2 if made.parallel else 1)  # the cost is that of two cores


def plan(
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
    """Check what is asked for, and read each picture once for its hash; see `sweep` for arguments and errors."""
    size = integer("size", size, 1, LARGEST)
    seed, precision = check_seed(seed), resolve_precision(precision)
    chosen = _measures(names, points)
    made = settings(axes, base, precision)
    frame = wished(each.restorer for each in made)
    if isinstance(photos, (str, PathLike)) and Path(photos).is_dir():
        photos = Pictures(photos)
    pictures: list[Picture] = []
    sent: dict[str, Photo] = {}
    files: dict[tuple[int, int], dict[str, Any]] = {}
    for _, _, photo in read(photos, limit):
        if photo is None:
            continue
        framed = photo.framed_as(frame)
        if framed.reference_photo is None:
            raise ValueError(f"{photo.name} has no reference, so nothing can be measured; accepted are photos with one")
        path = str(Path(photo.name).absolute()) if isinstance(photos, Pictures) else None
        reference = None if framed.reference_photo is framed else framed.reference_photo.sha256
        for number, each in enumerate(made):
            if each.restorer.reads_files:
                files[number, len(pictures)] = identity(each.column, each.restorer, framed)
        pictures.append(Picture(photo.name, photo.sha256, framed.frame or frame, path, reference))
        if path is None:
            sent[photo.sha256] = photo
    if not pictures:
        raise ValueError("no picture could be read; accepted are whole picture files")
    identities = [identity(each.column, each.restorer) for each in made]
    return Plan(
        tuple(names_of(axes)),
        made,
        pictures,
        sent,
        chosen,
        int(size),
        seed,
        precision,
        to_python(points),
        identities,
        files,
    )


def _measures(names: Any, points: int | None) -> tuple[Measure, ...]:
    """The measures that are asked for, by name or themselves."""
    if isinstance(names, (str, Measure)) or not names:
        raise ValueError(f"measures is {names!r}; accepted is a list of names, such as ['mse', 'ssim']")
    if points is not None:
        draw(1, points)  # says what is wrong with the number
        means_of_points(each.name if isinstance(each, Measure) else each for each in names)
    return tuple(each if isinstance(each, Measure) else measures[each] for each in names)
