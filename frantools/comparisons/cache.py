"""Finished restorations, kept by what made them."""

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
"""The version of the engine, part of every address on disk. Raise it when the same recipe gives other numbers than
before, by more than the last digits: what is kept of older versions is then not found any more, and made anew."""


class Disk:
    """Restorations in a folder, for the next process too: an array (.npy, no pickle) and a JSON file for each.

    Several processes may share the folder. What was asked for last stays longest. A folder that cannot be written to
    keeps nothing, and one that is damaged makes nothing fail.

    Parameters
    ----------
    folder : path
        Such as a sweep's store, in which it is the folder ``arrays``.
    megabytes : int
        How much the arrays may take together.
    """

    def __init__(self, folder: str | PathLike[str], megabytes: int = 4096) -> None:
        self.folder = Path(folder).expanduser().absolute() / "arrays"
        self._limit = megabytes * 1_000_000

    def _path(self, key: str) -> Path:
        name = hashlib.sha256(f"{ENGINE} {key}".encode()).hexdigest()[:32]
        return self.folder / name[:2] / f"{name}.npy"

    def get(self, key: str) -> Restoration | None:
        """What was kept under a key, or None."""
        path = self._path(key)
        try:
            # A map of the file refuses sizes that the file does not have, before memory is taken for them.
            image = np.array(np.load(path, mmap_mode="r", allow_pickle=False))
            restoration = _restoration(image, read_json(path.with_suffix(".json")))
        except FileNotFoundError:
            return None
        except Exception as error:  # of any kind: numpy's reader of headers raises many
            warnings.warn(f"{path}: it is damaged ({error!s:.200}) and skipped", stacklevel=2)
            return None
        with suppress(OSError):  # a folder of somebody else
            os.utime(path)
        return restoration

    def put(self, key: str, restoration: Restoration) -> None:
        """Keep a restoration, and forget others until it fits."""
        path = self._path(key)
        said = {"seconds": restoration.seconds, "calls": restoration.calls, "recipe": dict(restoration.recipe)}
        with suppress(OSError, ValueError, TypeError):  # a full disk, or a recipe that JSON cannot hold
            with replacing(path.with_suffix(".json")) as temporary:
                temporary.write_text(to_json(said | {"remarks": list(restoration.remarks)}), encoding="utf-8")
            with replacing(path) as temporary, temporary.open("wb") as file:
                np.save(file, restoration.image, allow_pickle=False)
            self._make_room()

    def _make_room(self) -> None:
        kept = []
        for path in self.folder.glob("*/*.npy"):
            with suppress(FileNotFoundError):  # another process makes room too
                kept.append((path.stat().st_mtime_ns, path.stat().st_size, path))
        left = sum(size for _, size, _ in kept)
        for _, size, path in sorted(kept):
            if left <= self._limit:
                return
            path.unlink(missing_ok=True)
            path.with_suffix(".json").unlink(missing_ok=True)
            left -= size


def _restoration(image: NDArray[Any], facts: Any) -> Restoration:
    """A restoration, of what two files hold; a ValueError where that is damaged."""
    if image.dtype != np.float32 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise ValueError(f"it must hold float32 (H, W, 3), got {image.dtype} {image.shape}")
    if not (image.min() >= 0 and image.max() <= 1):  # NaN is neither
        raise ValueError("its values must be in [0, 1]")
    kinds: dict[str, tuple[type, ...]] = {
        "seconds": (int, float),
        "calls": (int,),
        "recipe": (dict,),
        "remarks": (list,),
    }
    for name, kind in kinds.items():
        if not isinstance(facts, dict) or not isinstance(facts.get(name), kind):
            raise ValueError(f"the {name} in the .json beside it are damaged")
    if not all(isinstance(remark, str) for remark in facts["remarks"]):
        raise ValueError("the remarks in the .json beside it are damaged")
    return Restoration(image, facts["seconds"], facts["calls"], facts["recipe"], tuple(facts["remarks"]))


class Cache:
    """Restorations by recipe, the least recently used forgotten first. Safe to share between threads.

    What is kept cannot be written to: it is one picture for all who ask.

    Parameters
    ----------
    megabytes : int
        How much the pictures may take together. A picture that takes more is not kept.
    disk : Disk, optional
        What finds them in the next process too.
    """

    def __init__(self, megabytes: int = 512, disk: Disk | None = None) -> None:
        self._limit, self._disk = megabytes * 1_000_000, disk
        self._entries: OrderedDict[str, Restoration] = OrderedDict()
        self.bytes = 0
        """What the pictures take together."""
        self._lock = Lock()

    def get(self, key: str) -> Restoration | None:
        """What was kept under a key, or None."""
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
            if (found := self._entries.get(key)) is not None or self._disk is None:
                return found
        found = self._disk.get(key)
        if found is not None:
            self.put(key, found)
        return found

    def put(self, key: str, restoration: Restoration, lasting: bool = False) -> None:
        """Keep a restoration, and forget others until it fits; one whose key means the same anywhere, on disk too."""
        if lasting and self._disk is not None:
            self._disk.put(key, restoration)
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

    def __bool__(self) -> bool:
        """True: an empty cache is one all the same, where `cache or Cache()` is written for None."""
        return True
