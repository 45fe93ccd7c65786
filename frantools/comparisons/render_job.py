"""Restorations of one photo, and the recipe of several."""

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
    check_picture,
    reporting,
    sentence,
)
from ..restorers.columns import Column
from ..restorers.kinds import MissingRestorer
from ..restorers.resizing import resized_region
from ..system.versions import versions
from .cache import Cache
from .recipes import Recipe

UNKNOWN_COST = 10.0  # seconds per megapixel, of a restorer that does not know its own


Restorers = dict[int, tuple[Column, Restorer]]
"""The resolved restorers of columns, by the ids of the columns, with the columns that keep the ids valid."""


def resolve_columns(
    columns: Iterable[Column], precision: str = "float32", device: str | None = None, timeout: float | None = None
) -> Restorers:
    """Resolve each column once. A column that cannot be resolved raises its error when it is restored."""
    restorers: Restorers = {}
    for column in columns:
        try:
            restorers[id(column)] = column, column.resolve(precision, device, timeout)
        except Exception as error:  # custom code may raise anything
            restorers[id(column)] = column, MissingRestorer(error)
    return restorers


@dataclass(frozen=True, eq=False)
class RenderJob:
    """What the restorations of one photo have in common."""

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
    """The width and height of the frame that contains the region, if `size` does not imply them."""
    restorers: Restorers = field(default_factory=dict, compare=False, repr=False)
    """The resolved restorers; see `resolve_columns`."""

    @property
    def frame_size(self) -> tuple[int, int]:
        """The width and height of the whole frame."""
        if self.around is not None:
            return self.around
        return self.size if self.region is None else self.photo.size(max(self.size))

    def resolve(self, column: Column) -> Restorer:
        """The restorer of a column, resolved once."""
        if id(column) not in self.restorers:
            self.restorers.update(resolve_columns([column], self.precision, self.device, self.timeout))
        return self.restorers[id(column)][1]

    def require(self, column: Column) -> Restorer:
        """The restorer of a column; raise its error if it cannot be resolved."""
        restorer = self.resolve(column)
        if restorer.resolve_error is not None:
            raise restorer.resolve_error
        return restorer

    def cost(self, column: Column) -> float:
        """Estimated seconds per megapixel."""
        cost = self.resolve(column).cost
        return max(1e-3, UNKNOWN_COST if cost is None else float(cost))

    def reads_copy(self, column: Column) -> bool:
        """Whether a column reads the photo's own 64 x 64 copy."""
        reads_copy = self.resolve(column).reads_copy
        return reads_copy == "always" or (reads_copy == "undegraded" and self.given is None and column.given is None)

    def crops(self, column: Column) -> bool:
        """Whether the region of a column is cropped from its whole picture."""
        return self.region is not None and not self.resolve(column).continuous

    def key(self, column: Column) -> str:
        """The cache key of a column's restoration."""
        restorer, region, crops = self.resolve(column), self.region, self.crops(column)
        degradation, seed = self._given_and_seed(column)
        return to_json(
            [
                self.photo.key,
                restorer.token(self.photo),
                self.frame_size if crops else self.size,
                None if region is None or crops else [region.x, region.y, region.width, region.height],
                seed if restorer.random else None,
                degradation and degradation.to_dict(),
                self.precision,
                self.device,
                *([] if crops or self.around is None else [self.around]),
            ],
            sort_keys=True,
            default=repr,
        )

    def _given_and_seed(self, column: Column) -> tuple[Degradation | None, int]:
        """The degradation and the seed of a column: its own, or those of the job."""
        given = self.given if column.given is None else column.given
        return given, self.seed if column.seed is None else column.seed

    def cached(self, column: Column) -> Restoration | None:
        """The cached restoration of a column, if there is one."""
        return self.cache.get(self.key(column)) if self.cache is not None else None

    def restore(self, column: Column, progress: Progress) -> Restoration:
        """Restore one column, or raise its error."""
        restorer, (degradation, seed) = self.resolve(column), self._given_and_seed(column)
        region, crops = self.region, self.crops(column)
        size = self.frame_size if crops else self.size
        key = self.key(column) if self.cache is not None else ""
        restoration = self.cache.get(key) if self.cache is not None else None
        if restoration is None:
            given = RestorationInput(self.photo, self.frame_size, degradation)
            restoration = _check_restoration(
                restorer.restore(given, size, None if crops else region, seed, progress), column.title
            )
            if self.cache is not None:
                persistent = restorer.persistent and "process" not in restorer.token(self.photo)
                self.cache.put(key, restoration, persistent)
        if crops and region is not None:
            height, width = restoration.image.shape[:2]
            remark = f"The region was cropped from the whole picture, {width} x {height}, and resampled (bicubic)"
            image = resized_region(restoration.image, self.size, region, "bicubic")
            restoration = replace(restoration, image=image, remarks=(*restoration.remarks, remark))
        return restoration


def _check_restoration(restoration: object, title: str) -> Restoration:
    """Check what a restorer returns; a custom one may return anything."""
    if not isinstance(restoration, Restoration):
        raise RestorerError(f"{title} returned {type(restoration).__name__}; it must return a Restoration")
    if isinstance(restoration.remarks, str):
        restoration = replace(restoration, remarks=(restoration.remarks,))
    image = restoration.image
    is_valid = isinstance(image, np.ndarray) and image.dtype == np.float32 and image.ndim == 3 and image.shape[2] == 3
    if is_valid and image.size and image.min() >= 0 and image.max() <= 1:  # false for NaN
        return restoration
    picture, remarks = check_picture(image, title)
    return replace(restoration, image=picture, remarks=(*restoration.remarks, *remarks))


def preferred_frame(restorers: Iterable[Restorer]) -> str:
    """The frame that restorers prefer: "square" if a FranNet is among them or all are baselines, otherwise "whole"."""
    frames = {restorer.frame for restorer in restorers}
    return "square" if "square" in frames or frames <= {""} else "whole"


def with_preferred_frame(photo: Photo, restorers: Restorers) -> Photo:
    """The photo with the frame that the columns prefer, unless it has one."""
    return photo.with_frame(preferred_frame(restorer for _, restorer in restorers.values()))


def render_columns(
    job: RenderJob, columns: Sequence[Column], progress: Progress | None = None
) -> tuple[dict[str, Restoration], dict[str, str]]:
    """Restore columns. Returns restorations by title, and the error messages of the columns that failed."""
    restorations: dict[str, Restoration] = {}
    errors: dict[str, str] = {}
    callbacks = split_progress(reporting(progress), [job.cost(column) for column in columns])
    for column, callback in zip(columns, callbacks, strict=True):
        cancellations: list[BaseException] = []

        def on_progress(
            fraction: float, callback: Progress = callback, cancellations: list[BaseException] = cancellations
        ) -> None:
            try:
                callback(fraction)
            except BaseException as error:
                cancellations.append(error)
                raise

        try:
            restorations[column.title] = job.restore(column, on_progress)
        except Exception as error:  # custom code may raise anything
            if cancellations:  # the caller cancelled the work
                raise cancellations[0] from None
            errors[column.title] = sentence(error, column.title)
        on_progress(1.0)
    return restorations, errors


def split_progress(progress: Progress, costs: Sequence[float]) -> list[Progress]:
    """Split a progress callback: one for each part of the work, which reports the fraction of the whole by cost."""

    def part(previous: float, cost: float) -> Progress:
        return lambda fraction: progress((previous + fraction * cost) / sum(costs))

    return [part(sum(costs[:index]), cost) for index, cost in enumerate(costs)]


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
    """The recipe of a view of photos; `restorers` are those of the columns, if they are resolved.

    Hashing takes tenths of a second: with an empty dict of restorers, the recipe has no hashes.
    """
    photos = [photos] if isinstance(photos, Photo) else photos
    return Recipe(
        view=view,
        photos=tuple(map(PhotoReference.from_photo, photos)),
        columns=tuple(columns),
        size=size,
        region=region,
        seed=seed,
        degradation=given,
        precision=precision,
        models=model_hashes(columns, photos, restorers),
        options=options,
        versions=versions(),
    )


def model_hashes(
    columns: Sequence[Column], photos: Sequence[Photo] = (), restorers: Restorers | None = None
) -> dict[str, str]:
    """The hashes of the files that columns read: FranNet's weights by name, other files by path.

    Finished results are included for the photos to which they belong. Columns that fail have no hashes.
    """
    hashes: dict[str, str] = {}
    restorers = resolve_columns(columns) if restorers is None else restorers
    given: Sequence[Photo | None] = photos or [None]
    for column, photo in product(columns, given):
        try:
            hashes |= restorers[id(column)][1].hashes(photo) if restorers else {}
        except (ValueError, OSError, ImportError):  # `restore` raises it again
            continue
    return hashes
