"""What restorations of one photo have in common, one column's restoration, and the recipe of several."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

import numpy as np

from ..files import to_json
from ..photos.degradation import Degradation
from ..photos.photo import Photo
from ..photos.photo_reference import PhotoReference
from ..photos.regions import Region
from ..restorers.base import (
    Progress,
    Restoration,
    RestorationInput,
    Restorer,
    RestorerError,
    checked_picture,
    reporting,
    sentence,
)
from ..restorers.columns import Column
from ..restorers.resizing import resized_region
from ..system.versions import versions
from .cache import Cache
from .recipes import Recipe

UNKNOWN_COST = 10.0  # seconds a megapixel, of a restorer that does not know its own


Restorers = dict[int, tuple[Column, Restorer | Exception]]
"""By the ids of columns: the column, and what restores in it, or the error if nothing does."""


def resolve_columns(
    columns: Iterable[Column], precision: str = "float32", device: str | None = None, timeout: float | None = None
) -> Restorers:
    """Find out what restores in columns, once: it takes a look at folders, and runs the files of functions."""
    restorers: Restorers = {}
    for column in columns:
        try:
            restorers[id(column)] = column, column.resolve(precision, device, timeout)
        except Exception as error:  # of whatever kind: it may be a user's own, and is raised where the column restores
            restorers[id(column)] = column, error
    return restorers


@dataclass(frozen=True, eq=False)
class RenderJob:
    """All that restorations of one photo have in common."""

    photo: Photo
    size: tuple[int, int]
    region: Region | None = None
    seed: int = 0
    given: Degradation | None = None
    precision: str = "float32"
    device: str | None = None
    timeout: float | None = None
    cache: Cache | None = None
    around: tuple[int, int] | None = None
    """The width and height of the frame that a region is part of, where that is another than `size` makes it."""
    restorers: Restorers = field(default_factory=dict, compare=False, repr=False)
    """Of the columns that were looked at; see `resolve_columns`."""

    @property
    def whole(self) -> tuple[int, int]:
        """The width and height of the whole frame, where only a region of it is asked for."""
        if self.around is not None:
            return self.around
        return self.size if self.region is None else self.photo.size(max(self.size))

    def resolve(self, column: Column) -> Restorer:
        """What restores in a column."""
        if id(column) not in self.restorers:
            self.restorers.update(resolve_columns([column], self.precision, self.device, self.timeout))
        restorer = self.restorers[id(column)][1]
        if isinstance(restorer, Exception):
            raise restorer
        return restorer

    def fact(self, column: Column, name: str, default: Any) -> Any:
        """What a column's restorer says of itself; `default` where there is none, which is told when it restores."""
        try:
            return getattr(self.resolve(column), name)
        except Exception:  # of whatever kind: it may be a user's own
            return default

    def reads_copy(self, column: Column) -> bool:
        """Whether a column reads the photo's own 64 x 64 copy, whatever is given or where nothing is degraded."""
        reads = self.fact(column, "reads_copy", "")
        return reads == "always" or (reads == "undegraded" and self.given is None and column.given is None)

    def cut(self, column: Column) -> bool:
        """Whether a column's region is cut out of its whole picture."""
        return self.region is not None and not self.resolve(column).continuous

    def key(self, column: Column) -> str:
        """What a column's restoration is kept under."""
        (degradation, seed), region, cut = self._own(column), self.region, self.cut(column)
        return to_json(
            [
                self.photo.key,
                column.key(self.resolve(column)),
                self.whole if cut else self.size,
                None if region is None or cut else [region.x, region.y, region.width, region.height],
                seed if self.resolve(column).random else None,
                degradation and degradation.to_dict(),
                self.precision,
                self.device,
                *([] if cut or self.around is None else [self.around]),
            ]
        )

    def _own(self, column: Column) -> tuple[Degradation | None, int]:
        """What a column is given, and its seed: its own, or those of the job."""
        given = self.given if column.given is None else column.given
        return given, self.seed if column.seed is None else column.seed

    def kept(self, column: Column) -> Restoration | None:
        """A column's restoration where it was made before: it costs nothing."""
        return self.cache.get(self.key(column)) if self.cache is not None else None

    def restore(self, column: Column, progress: Progress) -> Restoration:
        """One column's restoration, or an error of whatever kind."""
        made, title, (degradation, seed) = self.resolve(column), column.title, self._own(column)
        region, cut = self.region, self.cut(column)
        size = self.whole if cut else self.size
        key = self.key(column) if self.cache is not None else ""
        kept = self.cache.get(key) if self.cache is not None else None
        if kept is None:
            given = RestorationInput(self.photo, self.whole, degradation)
            kept = _checked(made.restore(given, size, None if cut else region, seed, progress), title)
            if self.cache is not None:
                self.cache.put(key, kept, column.is_lasting(self.resolve(column)))
        if cut and region is not None:
            height, width = kept.image.shape[:2]
            remark = f"The region was cut out of the whole picture, {width} x {height}, and resampled (bicubic)"
            image = resized_region(kept.image, self.size, region, "bicubic")
            kept = replace(kept, image=image, remarks=(*kept.remarks, remark))
        return kept


def _checked(made: object, title: str) -> Restoration:
    """What a restorer answered, where it is a restoration; a user's own may answer anything."""
    if not isinstance(made, Restoration):
        raise RestorerError(f"{title} answered {type(made).__name__}; accepted is a Restoration")
    if isinstance(made.remarks, str):
        made = replace(made, remarks=(made.remarks,))
    image = made.image
    fits = isinstance(image, np.ndarray) and image.dtype == np.float32 and image.ndim == 3 and image.shape[2] == 3
    if fits and image.size and image.min() >= 0 and image.max() <= 1:  # NaN is neither
        return made
    picture, remarks = checked_picture(image, title)
    return replace(made, image=picture, remarks=(*made.remarks, *remarks))


def preferred_frame(restorers: Iterable[Restorer]) -> str:
    """The frame to look at: square where FranNet takes part or all is plain resizing, else whole."""
    wishes = {each.frame for each in restorers}
    return "square" if "square" in wishes or wishes <= {""} else "whole"


def with_preferred_frame(photo: Photo, restorers: Restorers) -> Photo:
    """The photo with the frame that columns look at."""
    return photo.with_frame(preferred_frame(each for _, each in restorers.values() if not isinstance(each, Exception)))


def run(
    job: RenderJob, columns: Sequence[Column], progress: Progress | None = None
) -> tuple[dict[str, Restoration], dict[str, str]]:
    """The restorations of a job's columns by title, and what went wrong in the others."""
    restorations: dict[str, Restoration] = {}
    errors: dict[str, str] = {}
    told = split_progress(reporting(progress), [cost_of(job, column) for column in columns])
    for column, tell in zip(columns, told, strict=True):
        stopped: list[BaseException] = []

        def report(share: float, tell: Progress = tell, stopped: list[BaseException] = stopped) -> None:
            try:
                tell(share)
            except BaseException as error:
                stopped.append(error)
                raise

        try:
            restorations[column.title] = job.restore(column, report)
        except Exception as error:  # of whatever kind: it belongs to this column
            if stopped:  # the caller wants no more
                raise stopped[0] from None
            errors[column.title] = sentence(error, column.title)
        report(1.0)
    return restorations, errors


def split_progress(progress: Progress, costs: Sequence[float]) -> list[Progress]:
    """For each part of some work, what is told its own share, and tells that of the whole, by what the parts cost."""

    def part(before: float, cost: float) -> Progress:
        return lambda share: progress((before + share * cost) / sum(costs))

    return [part(sum(costs[:index]), cost) for index, cost in enumerate(costs)]


def cost_of(job: RenderJob, column: Column) -> float:
    """About how long a column takes, in seconds a megapixel."""
    cost = job.fact(column, "cost", 1.0)
    return max(1e-3, UNKNOWN_COST if cost is None else float(cost))


def recipe_of(
    view: str,
    photos: Photo | Sequence[Photo],
    columns: Sequence[Column],
    size: int | tuple[int, int],
    region: Region | None = None,
    seed: int = 0,
    given: Degradation | None = None,
    precision: str = "float32",
    restorers: Restorers | None = None,
    **options: Any,
) -> Recipe:
    """The recipe of what was made of a photo, or of several; `restorers`, if known, are those of the columns.

    Hashing takes tenths of a second: without any `restorers`, an empty dict, the recipe has no hashes.
    """
    each = [photos] if isinstance(photos, Photo) else photos
    return Recipe(
        view=view,
        photos=tuple(map(PhotoReference.from_photo, each)),
        columns=tuple(columns),
        size=size,
        region=region,
        seed=seed,
        degradation=given,
        precision=precision,
        models=model_hashes(columns, each, restorers),
        options=options,
        versions=versions(),
    )


def model_hashes(
    columns: Sequence[Column], photos: Sequence[Photo] = (), restorers: Restorers | None = None
) -> dict[str, str]:
    """The hashes of what columns read: of FranNet's weights by name, of other files by path.

    Pictures that were made elsewhere are among them where there are photos to which they belong. What cannot be made or
    read has no hash: what is wrong with it is told where the column is restored.
    """
    found: dict[str, str] = {}
    given: Sequence[Photo | None] = photos or [None]
    restorers = resolve_columns(columns) if restorers is None else restorers
    for column, each in product(columns, given):
        try:
            _, restorer = restorers.get(id(column), (column, None))
            found |= {} if restorer is None or isinstance(restorer, Exception) else restorer.hashes(each)
        except (ValueError, OSError, ImportError):
            continue
    return found
