"""Columns that come coarse at once, then sharp one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from math import prod
from time import perf_counter
from typing import Any, Self

import numpy as np

from ..comparisons.cache import Cache
from ..comparisons.comparison import Comparison, compare
from ..comparisons.recipes import Recipe
from ..comparisons.render_job import RenderJob, render_columns, resolve_columns, split_progress, with_preferred_frame
from ..photos.photo import Photo
from ..photos.regions import Region
from ..restorers.base import Progress, Restoration, RestorationInput
from ..restorers.columns import Column
from ..restorers.resizing import Resizing

PREVIEW = 64  # pixels of the longer side of what is shown first
SOON = 0.3  # seconds after which some coarse columns are shown before the others
CHEAP = 0.5  # seconds a megapixel: what costs more, and is no continuous restorer, is not restored coarse first


@dataclass(frozen=True)
class Shown:
    """What there is to show of some columns at one time."""

    pictures: Mapping[str, Restoration] = field(default_factory=dict)
    """By title, coarse or sharp."""
    errors: Mapping[str, str] = field(default_factory=dict)
    """By title, what went wrong."""
    sharp: frozenset[str] = frozenset()
    """The titles of those that are complete."""
    left: float = 0.0
    """About how many seconds the others take."""

    def images(self, titles: Sequence[str]) -> dict[str, Any]:
        """By title, what a figure shows: the picture, or the sentence in its place."""
        return {title: self.errors.get(title) or self.pictures[title] for title in titles}


class Part:
    """A view's own part of a recipe, kept under "look"; a dataclass."""

    @classmethod
    def of(cls, recipe: Recipe) -> Self:
        """That of a recipe."""
        try:
            return cls(**recipe.options.get("look", {}))
        except TypeError as error:
            raise ValueError(f"the recipe is damaged: its look is {recipe.options['look']!r} ({error})") from None

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)  # type: ignore[call-overload]


class Showing:
    """What shows some columns, and more."""

    shown: Shown

    @property
    def pictures(self) -> Mapping[str, Restoration]:
        """By title."""
        return self.shown.pictures

    @property
    def errors(self) -> Mapping[str, str]:
        """Of columns that failed, by title."""
        return self.shown.errors


def job_of(
    recipe: Recipe, photo: Photo, cache: Cache | None, region: Region | None = None, aspect: float | None = None
) -> RenderJob:
    """What the restorations of a recipe have in common.

    What is made of a region has the recipe's size; or, with `aspect`, its width over its height, a longer side of
    that size.
    """
    longer = longer_side(recipe)
    given = recipe.precision or "float32", recipe.options.get("device"), recipe.options.get("timeout")
    restorers = resolve_columns(recipe.columns, *given)
    framed = with_preferred_frame(photo, restorers)
    if aspect is None:
        size = framed.size(recipe.size if isinstance(recipe.size, tuple) else longer, region)
    else:
        size = (max(1, round(longer * min(1.0, aspect))), max(1, round(longer / max(1.0, aspect))))
    return RenderJob(
        framed, size, region, recipe.seed or 0, recipe.degradation, *given, cache, restorers=restorers
    )  # fmt: skip


def compared(recipe: Recipe, photo: Photo, progress: Progress, cache: Cache | None) -> Comparison:
    """What the columns of a recipe make of a photo."""
    assert recipe.size is not None
    return compare(
        photo, recipe.columns, recipe.size, part_of(recipe), recipe.seed or 0, recipe.degradation, progress,
        precision=recipe.precision or "float32", device=recipe.options.get("device"), cache=cache,
    )  # fmt: skip


def part_of(recipe: Recipe) -> Region | None:
    """The region of a recipe, or None where it is of the whole picture."""
    return None if recipe.region == Region.full() else recipe.region


def longer_side(recipe: Recipe) -> int:
    """Pixels of the longer side of what a recipe makes."""
    assert recipe.size is not None
    return recipe.size if isinstance(recipe.size, int) else max(recipe.size)


def smaller(job: RenderJob, longer: int) -> RenderJob:
    """The same job at a longer side of at most so many pixels."""
    most = max(job.size)
    if most <= longer:
        return job
    width, height = (max(1, round(longer * side / most)) for side in job.size)
    return replace(job, size=(width, height))


def sharpen(
    job: RenderJob, columns: Sequence[Column], progress: Progress, early: bool = False, first: Sequence[str] = ()
) -> Iterator[Shown]:
    """Columns: all of them coarse, then one after the other as they will be, those with the titles `first` before.

    What is at hand is never coarse. Where `early`, a column whose coarse picture takes its time is shown as the small
    gray input until it comes. What cannot be asked for at another size, and takes its time, stands as the input until
    it is complete. Columns that do not know their cost come last, so that no other waits for them.
    """
    begun, coarse = perf_counter(), smaller(job, PREVIEW)
    errors: dict[str, str] = {}
    kept = {column.title: _kept(job, column) for column in columns}
    shown: dict[str, Restoration] = {title: made or _placeholder(coarse) for title, made in kept.items()}
    sharp = frozenset(title for title, made in kept.items() if made is not None)
    columns = sorted(columns, key=lambda column: column.title not in first)
    for column in columns:
        if column.title not in sharp and _is_quick(job, column):
            pictures, wrong = render_columns(coarse, [column], lambda _: progress(0.0))
            shown, errors = {**shown, **pictures}, {**errors, **wrong}
        if early and column is not columns[-1] and perf_counter() - begun > SOON:
            yield Shown(shown, errors, sharp)
            begun = perf_counter()
    columns = sorted(
        (column for column in columns if column.title not in sharp),
        key=lambda column: (job.resolve(column).cost is None, column.title not in first),
    )
    costs = [job.cost(column) for column in columns]
    yield Shown(shown, errors, sharp, sum(costs) * prod(job.size) / 1e6)
    for column, report in zip(columns, split_progress(progress, costs), strict=True):
        pictures, wrong = render_columns(job, [column], report)
        errors = {title: text for title, text in errors.items() if title != column.title} | wrong
        shown, sharp = {**shown, **pictures}, sharp | {column.title}
        yield Shown(shown, errors, sharp)


def _placeholder(job: RenderJob) -> Restoration:
    """The small gray input, until there is something better."""
    given = RestorationInput(job.photo, job.frame_size)
    made = Resizing("input").restore(given, job.size, job.region, 0, lambda _: None)
    return Restoration(np.asarray(made.image), 0.0, 0, {})


def _kept(job: RenderJob, column: Column) -> Restoration | None:
    """A column's restoration where it is at hand, as it will be."""
    try:
        return None if job.crops(column) else job.cached(column)
    except Exception:  # of whatever kind: it is told where the column is restored
        return None


def _is_quick(job: RenderJob, column: Column) -> bool:
    """Whether a coarse picture of a column is to be had at once."""
    restorer = job.resolve(column)
    return restorer.continuous or (restorer.cost is not None and restorer.cost <= CHEAP)
