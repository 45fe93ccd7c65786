"""Several restorations of one picture, side by side: the columns of a figure."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .frannet.checkpoints import load_model
from .frannet.network import FranNet
from .frannet.restoration import Progress, Restoration, describe, restore
from .frannet.samplers import QUICK, SETUPS, Setup, Solver
from .frannet.setups import setup_from_dict
from .images import prepare_input, square
from .regions import Region, axes, dimensions

SOURCES = ("input", "original")


@dataclass(frozen=True)
class Column:
    """One column of a comparison.

    Parameters
    ----------
    title : str
        What stands above it.
    model : str
        The name of a shipped model or a weight file; "input" for the gray picture that the network reads, "original"
        for the picture itself.
    setup : Setup, optional
        For diffusion models; default B.
    seed : int, optional
        Default: that of the comparison.
    """

    title: str
    model: str
    setup: Setup | Solver | None = None
    seed: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """The column as JSON can hold it."""
        return {
            "title": self.title,
            "model": self.model,
            "setup": self.setup.to_dict() if self.setup else None,
            "seed": self.seed,
        }

    @classmethod
    def from_dict(cls, column: Mapping[str, Any]) -> Column:
        """The column that `to_dict` described; a ValueError says what is wrong with another mapping."""
        try:
            setup = setup_from_dict(column["setup"]) if column.get("setup") else None
            made = cls(column["title"], column["model"], setup, column.get("seed"))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{column!r} is not a column: {error}") from None
        if not isinstance(made.title, str) or not isinstance(made.model, str):
            raise ValueError(f"{column!r} is not a column: accepted are a title and a model by name")
        return made


COLUMNS: Mapping[str, Column] = MappingProxyType(
    {
        "Input": Column("Input", "input"),
        "Original": Column("Original", "original"),
        **{name: Column(name, "diffusion-basic", setup) for name, setup in SETUPS.items()},
        "masking-32": Column("masking-32", "single-masking-32"),
        "masking-8": Column("masking-8", "single-masking-8"),
        "diffusion-best": Column("diffusion-best", "diffusion-best", SETUPS["B"]),
        "diffusion-best, 6 calls": Column("diffusion-best, 6 calls", "diffusion-best", QUICK),
        "single-best": Column("single-best", "single-best"),
    }
)
"""The note's columns by title, and those beyond the note."""


def model(name: str) -> FranNet:
    """A model by name or path, loaded once, and again where its file has changed."""
    path = Path(name).resolve()
    status = path.stat() if path.is_file() else None
    return _load(name, status and (path, status.st_mtime_ns, status.st_size))


@lru_cache(maxsize=16)
def _load(name: str, state: object) -> FranNet:
    return load_model(name)


class Cache:
    """Restorations by recipe, the least recently used forgotten first. Safe to share between threads.

    What is kept cannot be written to: it is one picture for all who ask.

    Parameters
    ----------
    megabytes : int
        How much the pictures may take together. A picture that takes more is not kept.
    """

    def __init__(self, megabytes: int = 512) -> None:
        self._limit = megabytes * 1_000_000
        self._entries: OrderedDict[str, Restoration] = OrderedDict()
        self.bytes = 0
        """What the pictures take together."""
        self._lock = Lock()

    def get(self, key: str) -> Restoration | None:
        """What was kept under a key, or None."""
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
            return self._entries.get(key)

    def put(self, key: str, restoration: Restoration) -> None:
        """Keep a restoration, and forget others until it fits."""
        restoration.image.flags.writeable = False
        if restoration.image.nbytes > self._limit:
            return
        with self._lock:
            if key in self._entries:
                self._forget(key)
            self._entries[key] = restoration
            self.bytes += restoration.image.nbytes
            while self.bytes > self._limit:
                self._forget(next(iter(self._entries)))

    def _forget(self, key: str) -> None:
        self.bytes -= self._entries.pop(key).image.nbytes

    def __len__(self) -> int:
        return len(self._entries)


def compare(
    image: NDArray[Any],
    columns: Sequence[Column],
    size: int | tuple[int, int] = 1024,
    region: Region | None = None,
    seed: int = 0,
    precision: str = "float32",
    progress: Progress | None = None,
    cache: Cache | None = None,
) -> dict[str, Restoration]:
    """Restore a picture once for each column.

    Parameters
    ----------
    image : ndarray
        A picture.
    columns : sequence of Column
        With titles that differ.
    size, region, seed, precision
        As for `restore`, for all columns.
    progress : callable, optional
        Called with the share of the whole that is done, 0 to 1. What it raises ends the work.
    cache : Cache, optional
        Where to look for restorations that were made before, and to keep new ones.

    Returns
    -------
    dict of Restoration
        By title, in the order of the columns.
    """
    titles = [column.title for column in columns]
    if len(set(titles)) < len(titles):
        raise ValueError(f"two columns have the same title among {', '.join(titles)}; titles must differ")
    region = region or Region.full()
    costs = [_cost(column) for column in columns]
    restorations: dict[str, Restoration] = {}
    for index, column in enumerate(columns):
        before, share = sum(costs[:index]), costs[index]

        def report(done: float, before: float = before, share: float = share) -> None:
            if progress is not None:
                progress((before + done * share) / sum(costs))

        column_seed = seed if column.seed is None else column.seed
        restorations[column.title] = _one(image, column, size, region, column_seed, precision, report, cache)
        report(1.0)
    return restorations


def _cost(column: Column) -> float:
    """About how long a column takes, in network calls; preparing the points is worth a few."""
    if column.model in SOURCES:
        return 0.01
    return 3.0 + (column.setup or Setup()).calls if model(column.model).is_diffusion else 4.0


def _one(
    image: NDArray[Any],
    column: Column,
    size: int | tuple[int, int],
    region: Region,
    seed: int,
    precision: str,
    progress: Callable[[float], None],
    cache: Cache | None,
) -> Restoration:
    if column.model in SOURCES:
        shown = seen if column.model == "input" else original
        return Restoration(shown(image, size, region), seconds=0.0, calls=0, recipe={"model": column.model})
    network, x = model(column.model), prepare_input(image)
    key = json.dumps(describe(network, x, column.setup, size, region, seed, precision))
    kept = cache.get(key) if cache is not None else None
    if kept is None:
        kept = restore(network, x, column.setup, size, region, seed, precision, progress)
        if cache is not None:
            cache.put(key, kept)
    return kept


def seen(image: NDArray[Any], size: int | tuple[int, int], region: Region | None = None) -> NDArray[np.float32]:
    """What the network sees of a picture or a region of it, each of the 64 x 64 gray pixels as a square."""
    gray: NDArray[np.float32] = np.asarray((prepare_input(image)[0, 0] + 1) / 2, dtype=np.float32)
    x, y = ((axis * len(gray)).long().clamp(max=len(gray) - 1).numpy() for axis in axes(size, region))
    cells: NDArray[np.float32] = gray[np.ix_(y, x)]
    rgb: NDArray[np.float32] = np.repeat(cells[..., None], 3, axis=-1)
    return rgb


def original(image: NDArray[Any], size: int | tuple[int, int], region: Region | None = None) -> NDArray[np.float32]:
    """The picture itself, or a region of it, bilinear with antialiasing: what a restoration is measured against."""
    picture, region = square(image), region or Region.full()
    side = len(picture)
    left, top = region.x * side, region.y * side
    right, bottom = min(side, left + region.width * side), min(side, top + region.height * side)
    resized = Image.fromarray(picture).resize(
        dimensions(size), Image.Resampling.BILINEAR, box=(left, top, right, bottom)
    )
    return np.asarray(resized, dtype=np.float32) / np.float32(255)
