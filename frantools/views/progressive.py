"""Progressive rendering: coarse previews of all columns first, then their final restorations one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import prod
from time import perf_counter
from typing import Any, Self

from ..comparisons.cache import Cache
from ..comparisons.comparison import Comparison, compare
from ..comparisons.recipes import Recipe
from ..comparisons.render_job import RenderJob, render_columns, resolve_columns, split_progress, with_preferred_frame
from ..photos.photo import Photo
from ..photos.regions import Region
from ..restorers.base import Progress, Restoration, RestorationInput
from ..restorers.columns import Column
from ..restorers.resizing import Resizing

PREVIEW = 64  # pixels of the longer side of previews
SOON = 0.3  # seconds after which the previews so far are shown
CHEAP = 0.5  # seconds per megapixel: slower restorers get no preview, unless they are continuous
WORTH = 0.03  # seconds of further work from which on a result is shown first


@dataclass(frozen=True)
class ViewOptions:
    """Base class of a view's options, which recipes keep under "look"."""

    @classmethod
    def from_recipe(cls, recipe: Recipe) -> Self:
        """The options in a recipe; a ValueError if they are invalid."""
        look = recipe.options.get("look", {})
        try:
            return cls(**look)
        except TypeError as error:
            raise ValueError(f"the recipe is damaged: its look is {look!r} ({error})") from None

    def to_dict(self) -> dict[str, Any]:
        """The options as JSON can hold them."""
        return asdict(self)


def job_of(
    recipe: Recipe, photo: Photo, cache: Cache | None, region: Region | None = None, aspect: float | None = None
) -> RenderJob:
    """The job that renders a recipe's columns.

    A region is rendered at the recipe's size; with `aspect`, its width over its height, that size is its longer side.
    """
    longer = longer_side(recipe)
    placement = recipe.precision or "float32", recipe.options.get("device"), recipe.options.get("timeout")
    restorers = resolve_columns(recipe.columns, *placement)
    framed = with_preferred_frame(photo, restorers)
    if aspect is None:
        size = framed.size(recipe.size if isinstance(recipe.size, tuple) else longer, region)
    else:
        size = (max(1, round(longer * min(1.0, aspect))), max(1, round(longer / max(1.0, aspect))))
    return RenderJob(framed, size, region, recipe.seed or 0, recipe.degradation, *placement, cache, restorers=restorers)


def compare_columns(recipe: Recipe, photo: Photo, progress: Progress, cache: Cache | None) -> Comparison:
    """Restore a photo by all columns of a recipe."""
    assert recipe.size is not None
    return compare(
        photo, recipe.columns, recipe.size, partial_region(recipe), recipe.seed or 0, recipe.degradation, progress,
        precision=recipe.precision or "float32", device=recipe.options.get("device"), cache=cache,
    )  # fmt: skip


def partial_region(recipe: Recipe) -> Region | None:
    """The region of a recipe, or None if it is the whole picture."""
    return None if recipe.region == Region.full() else recipe.region


def longer_side(recipe: Recipe) -> int:
    """The pixels of the longer side of a recipe's pictures."""
    assert recipe.size is not None
    return recipe.size if isinstance(recipe.size, int) else max(recipe.size)


def shrink(job: RenderJob, longer: int) -> RenderJob:
    """The same job with a longer side of at most `longer` pixels."""
    current = max(job.size)
    if current <= longer:
        return job
    width, height = (max(1, round(longer * side / current)) for side in job.size)
    return replace(job, size=(width, height))


def coarse_to_fine(
    job: RenderJob, columns: Sequence[Column], progress: Progress, early: bool = False, first: Sequence[str] = ()
) -> Iterator[Comparison]:
    """Render columns: coarse previews of all, then their final restorations one by one.

    Cached restorations are final at once. A column that is slow even at preview size has the small gray input as its
    placeholder. Columns of unknown cost come last, so that no other waits for them.

    Parameters
    ----------
    job : RenderJob
        What to render.
    columns : sequence of Column
        In their order of display.
    progress : callable
        Called with the fraction that is done. Exceptions that it raises end the work.
    early : bool
        Whether to yield the previews so far, if they take long.
    first : sequence of str
        The titles of columns to render before the others.
    """
    start, coarse = perf_counter(), shrink(job, PREVIEW)
    cached = {column.title: _cached(job, column) for column in columns}
    images = {title: restoration or _placeholder(coarse) for title, restoration in cached.items()}
    errors: dict[str, str] = {}
    pending = frozenset(title for title, restoration in cached.items() if restoration is None)

    def comparison(seconds_left: float = 0.0) -> Comparison:
        return comparison_of(job, columns, images, errors, pending, seconds_left > WORTH)

    ordered = sorted(columns, key=lambda column: column.title not in first)
    for column in ordered:
        if column.title in pending and _is_quick(job, column):
            restorations, failures = render_columns(coarse, [column], lambda _: progress(0.0))
            images, errors = {**images, **restorations}, {**errors, **failures}
        if early and column is not ordered[-1] and perf_counter() - start > SOON:
            yield comparison()
            start = perf_counter()
    ordered = [column for column in ordered if column.title in pending]
    ordered.sort(key=lambda column: (job.resolve(column).cost is None, column.title not in first))
    costs = [job.cost(column) for column in ordered]
    yield comparison(sum(costs) * prod(job.size) / 1e6)
    for column, report in zip(ordered, split_progress(progress, costs), strict=True):
        restorations, failures = render_columns(job, [column], report)
        errors = {title: text for title, text in errors.items() if title != column.title} | failures
        images, pending = {**images, **restorations}, pending - {column.title}
        yield comparison()


def comparison_of(
    job: RenderJob,
    columns: Sequence[Column],
    images: Mapping[str, Restoration],
    errors: Mapping[str, str],
    pending: frozenset[str] = frozenset(),
    urgent: bool = False,
) -> Comparison:
    """The comparison of a job's restorations, final or not."""
    titles = [column.title for column in columns]
    restorations = {title: images[title] for title in titles if title not in errors}
    return Comparison(job, tuple(columns), restorations, errors, pending, urgent=urgent)


def _placeholder(job: RenderJob) -> Restoration:
    """The small gray input."""
    restoration = Resizing("input").restore(
        RestorationInput(job.photo, job.frame_size), job.size, job.region, 0, lambda _: None
    )
    return Restoration(restoration.image, 0.0, 0, {})


def _cached(job: RenderJob, column: Column) -> Restoration | None:
    """A column's final restoration if it is in the cache."""
    try:
        return None if job.crops(column) else job.cached(column)
    except Exception:  # of any kind: rendering the column reports it
        return None


def _is_quick(job: RenderJob, column: Column) -> bool:
    """Whether a column's preview takes little time."""
    restorer = job.resolve(column)
    return restorer.continuous or (restorer.cost is not None and restorer.cost <= CHEAP)
