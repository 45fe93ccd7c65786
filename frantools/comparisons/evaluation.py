"""Measures of restorers on many pictures."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any, overload

import numpy as np

from ..checks import integer, invalid
from ..frannet.engine.arguments import check_seed
from ..frannet.sampling.samplers import Sampler
from ..photos.degradation import Degradation
from ..photos.folder import Pictures
from ..photos.images import portraits
from ..photos.photo import Photo, as_photo, with_distinct_names
from ..photos.regions import LARGEST
from ..restorers.base import RestorerError
from ..restorers.columns import Column, as_column, as_columns
from ..scores.measures import measures
from .comparison import Comparison, compare
from .tables import Table

SIZE = 178  # pixels a side at which FranNet's losses are measured: CelebA's centre crop


@dataclass(frozen=True)
class Metrics:
    """How close restorations are to their originals: means over pictures.

    The means are attributes too: ``metrics.mse``, ``metrics.psnr``.
    """

    means: Mapping[str, float]
    """By the name of the measure, for built-in measures."""
    pictures: int = 1
    """The number of pictures."""
    calls: int = 0
    """Network calls per point."""
    seconds: float = 0.0
    """Seconds per picture; those of a baseline include shrinking it."""
    per_picture: Mapping[str, list[float]] = field(default_factory=dict, repr=False)
    """The numbers of every picture, by measure, in order; for confidence intervals."""

    def __getattr__(self, name: str) -> float:
        means: Mapping[str, float] = self.__dict__.get("means", {})  # empty while an instance is unpickled
        if name not in means:
            raise AttributeError(f"Metrics has no attribute {name!r}")
        return means[name]

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Metrics:
        """Read what `to_dict` returned."""
        means = {name: row[name] for name in measures.builtin if name in row}
        return cls(means, row["pictures"], row["calls"], row["seconds"], row["each"])

    def to_dict(self) -> dict[str, Any]:
        """Return all fields by name, for JSON."""
        facts = {"pictures": self.pictures, "calls": self.calls, "seconds": self.seconds}
        return {**self.means, **facts, "each": dict(self.per_picture)}


def summarise(rows: Sequence[Mapping[str, float]], calls: int = 0, seconds: float = 0.0) -> Metrics:
    """Average the numbers of several pictures, as `measure` returns them."""
    columns = {name: [row[name] for row in rows] for name in measures.builtin}
    means = {name: float(np.mean(values)) for name, values in columns.items()}
    return Metrics(means, len(rows), calls, seconds / len(rows), columns)


@overload
def evaluate(
    what: list[Any] | tuple[Any, ...],
    folder_or_images: Any,
    setup: None = None,
    size: int = SIZE,
    limit: int | None = None,
    seed: int = 0,
    given: Degradation | None = None,
    precision: str = "float32",
    progress: Callable[[float], None] | None = None,
    *,
    device: str | None = None,
    timeout: float | None = None,
) -> Table: ...


@overload
def evaluate(
    what: Any,
    folder_or_images: Any,
    setup: Sampler | str | None = None,
    size: int = SIZE,
    limit: int | None = None,
    seed: int = 0,
    given: Degradation | None = None,
    precision: str = "float32",
    progress: Callable[[float], None] | None = None,
    *,
    device: str | None = None,
    timeout: float | None = None,
) -> Metrics: ...


def evaluate(
    what: Any,
    folder_or_images: Any,
    setup: Sampler | str | None = None,
    size: int = SIZE,
    limit: int | None = None,
    seed: int = 0,
    given: Degradation | None = None,
    precision: str = "float32",
    progress: Callable[[float], None] | None = None,
    *,
    device: str | None = None,
    timeout: float | None = None,
) -> Metrics | Table:
    """Measure restorers on many pictures.

    Pictures are downscaled to `size` first: the numbers equal those of ``compare(photo.at(size), [what], size=size)``,
    digit for digit.

    Parameters
    ----------
    what : object or list
        Any restorer: a FranNet of `load_model`, "bicubic", a function, a path. Or a list of columns.
    folder_or_images : path or sequence
        A folder of pictures, or the pictures: see `Photo`. Damaged ones in a folder are skipped with a warning.
    setup : Sampler or str, optional
        For FranNet's diffusion models; default: B. Columns of a list have their own.
    size : int
        Pixels of the longer side at which pictures are measured, 1 to 16384.
    limit : int, optional
        The number of pictures, from the first.
    seed : int
        For the first picture; it increases by one per picture.
    given : Degradation, optional
        The degradation of the pictures; see `compare`.
    precision, device, timeout
        As for `restore`.
    progress : callable, optional
        Called with the completed fraction, 0 to 1.

    Returns
    -------
    Metrics or Table
        Of one restorer, means over the pictures, and the numbers of every picture in `per_picture`. Of a list, a row
        per picture and column, with its error if it failed.

    Raises
    ------
    ValueError
        If there is no readable picture, an argument is invalid, or a single restorer fails.
    """
    several = isinstance(what, (list, tuple)) and not _is_pair(what)
    if several and setup is not None:
        raise ValueError("setup applies to one model; columns of a list have their own")
    columns = as_columns(what if several else [_single_column(what, setup)])
    size, seed = integer("size", size, 1, LARGEST), check_seed(seed)
    rows: list[dict[str, Any]] = []
    for index, count, photo in photos(folder_or_images, limit):
        if photo is not None:
            comparison = compare(
                photo.at(size), columns, size, seed=seed + index, given=given, precision=precision, device=device,
                timeout=timeout,
            )  # fmt: skip
            rows += _rows(comparison, several)
        if progress is not None:
            progress((index + 1) / count)
    if not rows:
        raise ValueError("none of the pictures could be read")
    if not several:
        return summarise(rows, rows[-1]["calls"], sum(row["seconds"] for row in rows))
    failed = any(row["error"] for row in rows)
    names = ["picture", "column", *measures, "calls", "seconds", *(["error"] if failed else [])]
    caption = f"Each picture is downscaled to {size} pixels first. For the first: {rows[0]['protocol']}"
    return Table([{name: row.get(name) for name in names} for row in rows], caption)


def _rows(comparison: Comparison, several: bool) -> Iterator[dict[str, Any]]:
    """The numbers of a picture, a row per column; the error of a single column is raised."""
    if not several and comparison.errors:
        raise RestorerError(next(iter(comparison.errors.values())))
    numbers = comparison.numbers(tuple(measures) if several else measures.builtin)
    if not several and not numbers:
        raise ValueError(f"{comparison.photo.name} has no reference to measure against")
    protocol = comparison.protocol()
    for title in comparison.titles:
        row: dict[str, Any] = {"picture": comparison.photo.name, "column": title, **numbers.get(title, {})}
        if title in comparison:
            row |= {"calls": comparison[title].calls, "seconds": comparison[title].seconds}
        yield row | {"error": comparison.errors.get(title, ""), "protocol": protocol}


def _is_pair(what: Any) -> bool:
    return isinstance(what, tuple) and len(what) == 2 and isinstance(what[0], str)


def _single_column(what: Any, setup: Sampler | str | None) -> Column:
    if setup is None:
        return as_column(what)
    if isinstance(what, (Column, tuple)):
        raise ValueError("setup applies to a model; a column has its own")
    return Column(as_column(what).title, what, setup)


def photos(folder_or_images: Any, limit: int | None = None) -> Iterator[tuple[int, int, Photo | None]]:
    """Yield the photos of a folder or a sequence one by one: the index, the number of photos, and the photo.

    For a file that cannot be read any more, the photo is None, and a warning is issued.
    """
    if isinstance(folder_or_images, np.ndarray) and folder_or_images.ndim < 4:
        shape = folder_or_images.shape
        raise ValueError(f"folder_or_images must be a folder or a sequence of pictures, got an array of shape {shape}")
    images = _gather(folder_or_images)
    count = len(images) if limit is None else min(len(images), integer("limit", limit))
    if count == 0:
        raise ValueError("there is no picture to measure on: the folder or the sequence is empty")
    for index in range(count):
        try:
            if isinstance(images, Pictures):
                photo = Photo(images.read(index), name=str(images.paths[index]))
            else:
                photo = images[index]
        except (ValueError, OSError) as error:
            warnings.warn(f"skipped: {error}", stacklevel=3)
            yield index, count, None
        else:
            yield index, count, photo


def _gather(folder_or_images: Any) -> Pictures | list[Photo]:
    """A folder of pictures, or photos with different names."""
    if isinstance(folder_or_images, Photo):
        return [folder_or_images]
    if isinstance(folder_or_images, (str, PathLike)):
        is_picture = Path(folder_or_images).is_file() or str(folder_or_images) in portraits()
        return [Photo(folder_or_images)] if is_picture else Pictures(folder_or_images)
    if isinstance(folder_or_images, Pictures):
        return folder_or_images
    if isinstance(folder_or_images, (bytes, dict)) or not isinstance(folder_or_images, Iterable):
        raise invalid("folder_or_images", "a folder, a picture, or several pictures", folder_or_images)
    return list(with_distinct_names(map(as_photo, folder_or_images)))
