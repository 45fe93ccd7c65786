"""A cache of restorations, in memory and on disk."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections import OrderedDict
from contextlib import suppress
from os import PathLike
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..files import read_json, replacing, to_json
from ..restorers.base import Restoration

ENGINE = 1
"""The version of the engine, part of every address on disk. Increase it when the same recipe gives other numbers than
before, by more than the last digits: results of older versions are then computed again."""


class Disk:
    """Restorations in a folder, for later processes: an array (.npy, no pickle) and a JSON file for each.

    Several processes may share the folder. The least recently used restorations are removed first. A folder that is
    damaged or read-only causes no errors.

    Parameters
    ----------
    folder : path
        Such as a sweep's store; the files are in its folder ``arrays``.
    megabytes : int
        The limit of the arrays' total size.
    """

    def __init__(self, folder: str | PathLike[str], megabytes: int = 4096) -> None:
        self.folder = Path(folder).expanduser().absolute() / "arrays"
        self._limit = megabytes * 1_000_000

    def _path(self, key: str) -> Path:
        name = hashlib.sha256(f"{ENGINE} {key}".encode()).hexdigest()[:32]
        return self.folder / name[:2] / f"{name}.npy"

    def get(self, key: str) -> Restoration | None:
        """The restoration of a key, or None."""
        path = self._path(key)
        try:
            # A memory map refuses sizes that the file does not have, before memory is allocated for them.
            image = np.array(np.load(path, mmap_mode="r", allow_pickle=False))
            restoration = _restoration(image, read_json(path.with_suffix(".json")))
        except FileNotFoundError:
            return None
        except Exception as error:  # numpy's reader of headers raises many types
            warnings.warn(f"{path}: the file is damaged ({error!s:.200}) and skipped", stacklevel=2)
            return None
        with suppress(OSError):  # a folder of another user
            os.utime(path)
        return restoration

    def put(self, key: str, restoration: Restoration) -> None:
        """Store a restoration, and remove others to make room."""
        path = self._path(key)
        facts = {
            "seconds": restoration.seconds,
            "calls": restoration.calls,
            "recipe": dict(restoration.recipe),
            "remarks": list(restoration.remarks),
        }
        with suppress(OSError, ValueError, TypeError):  # a full disk, or a recipe that JSON cannot represent
            with replacing(path.with_suffix(".json")) as temporary:
                temporary.write_text(to_json(facts), encoding="utf-8")
            with replacing(path) as temporary, temporary.open("wb") as file:
                np.save(file, restoration.image, allow_pickle=False)
            self._make_room()

    def _make_room(self) -> None:
        files = []
        for path in self.folder.glob("*/*.npy"):
            with suppress(FileNotFoundError):  # another process makes room, too
                files.append((path.stat().st_mtime_ns, path.stat().st_size, path))
        total = sum(size for _, size, _ in files)
        for _, size, path in sorted(files):
            if total <= self._limit:
                return
            path.unlink(missing_ok=True)
            path.with_suffix(".json").unlink(missing_ok=True)
            total -= size


def _restoration(image: NDArray[Any], facts: Any) -> Restoration:
    """Combine the contents of two files; a ValueError if they are damaged."""
    if image.dtype != np.float32 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise ValueError(f"it must contain float32 (H, W, 3), got {image.dtype} {image.shape}")
    if not (image.min() >= 0 and image.max() <= 1):  # false for NaN
        raise ValueError("its values must be in [0, 1]")
    types: dict[str, type | tuple[type, ...]] = {"seconds": (int, float), "calls": int, "recipe": dict, "remarks": list}
    for name, expected in types.items():
        if not isinstance(facts, dict) or not isinstance(facts.get(name), expected):
            raise ValueError(f"the {name} in the .json beside it are damaged")
    if not all(isinstance(remark, str) for remark in facts["remarks"]):
        raise ValueError("the remarks in the .json beside it are damaged")
    return Restoration(image, facts["seconds"], facts["calls"], facts["recipe"], tuple(facts["remarks"]))


class Cache:
    """A cache of restorations, keyed by recipe. It is thread-safe, and its pictures are read-only.

    Parameters
    ----------
    megabytes : int
        The limit of the pictures' total size; the least recently used are removed first. Larger ones are not cached.
    disk : Disk, optional
        Stores them for later processes.
    """

    def __init__(self, megabytes: int = 512, disk: Disk | None = None) -> None:
        self._limit, self._disk = megabytes * 1_000_000, disk
        self._entries: OrderedDict[str, Restoration] = OrderedDict()
        self.bytes = 0
        """The pictures' total size."""
        self._lock = Lock()

    def get(self, key: str) -> Restoration | None:
        """The restoration of a key, or None."""
        with self._lock:
            restoration = self._entries.get(key)
            if restoration is not None:
                self._entries.move_to_end(key)
            if restoration is not None or self._disk is None:
                return restoration
        restoration = self._disk.get(key)
        if restoration is not None:
            self.put(key, restoration)
        return restoration

    def put(self, key: str, restoration: Restoration, persistent: bool = False) -> None:
        """Store a restoration, and remove others to make room; on disk, too, if its key is valid in other processes."""
        if persistent and self._disk is not None:
            self._disk.put(key, restoration)
        restoration.image.flags.writeable = False
        if restoration.image.nbytes > self._limit:
            return
        with self._lock:
            if key in self._entries:
                self._remove(key)
            self._entries[key] = restoration
            self.bytes += restoration.image.nbytes
            while self.bytes > self._limit:
                self._remove(next(iter(self._entries)))

    def _remove(self, key: str) -> None:
        self.bytes -= self._entries.pop(key).image.nbytes

    def __len__(self) -> int:
        return len(self._entries)

    def __bool__(self) -> bool:
        """True, so that ``cache or Cache()`` keeps an empty cache."""
        return True
