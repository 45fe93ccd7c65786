"""A cache of decoded pictures in memory that processes share.

Without it, a training's data loader spends 60 % more processor time: 58 instead of 36 ms for 32 pictures of CelebA's
size.
"""

from __future__ import annotations

from collections.abc import Mapping
from mmap import mmap
from pathlib import Path

import numpy as np

from .images import Picture


class SharedPictureCache:
    """A cache for a process and its forks, such as the workers of a data loader.

    Each picture has a fixed place, so that no process has to wait: two that write the same picture write the same
    bytes. The operating system allocates only the memory that is written to.

    Parameters
    ----------
    sizes : mapping
        Width and height of each picture. The first ones that fit have a place.
    capacity : int
        Bytes for all of them.
    """

    def __init__(self, sizes: Mapping[Path, tuple[int, int]], capacity: int) -> None:
        self._places: dict[Path, tuple[int, int, int]] = {}  # index, first byte, length
        total = 0
        for path, (width, height) in sizes.items():
            length = width * height * 3
            if total + length <= capacity:
                self._places[path] = len(self._places), total, length
                total += length
        self._memory: mmap | None = None
        table = 8 * len(self._places)
        try:
            # Anonymous memory is not limited by a file system, and disappears with the last process that maps it.
            self._memory = mmap(-1, table + total) if total else None
        except OSError:  # too large: decode the pictures each time
            self._places = {}
        if self._memory is not None:
            self._shapes = np.frombuffer(self._memory, np.uint32, table // 4).reshape(-1, 2)  # zeros if not cached
            self._bytes = np.frombuffer(self._memory, np.uint8, total, offset=table)

    def get(self, path: Path) -> Picture | None:
        """Return a cached picture, read-only, or None."""
        if path not in self._places or self._memory is None:
            return None
        index, start, length = self._places[path]
        height, width = self._shapes[index].tolist()
        if height == 0:
            return None
        picture = self._bytes[start : start + length].reshape(height, width, 3)
        picture.flags.writeable = False
        return picture

    def put(self, path: Path, picture: Picture) -> None:
        """Cache a picture if it has a place of its size."""
        if path not in self._places or self._memory is None:
            return
        index, start, length = self._places[path]
        if picture.nbytes == length and self._shapes[index, 0] == 0:
            self._bytes[start : start + length] = picture.ravel()
            # The height marks the picture as cached, so it is written last.
            self._shapes[index, 1] = picture.shape[1]
            self._shapes[index, 0] = picture.shape[0]

    def __getstate__(self) -> dict[str, object]:
        """Return an empty cache: a process that was not forked cannot share the memory."""
        return {"_places": {}, "_memory": None}
