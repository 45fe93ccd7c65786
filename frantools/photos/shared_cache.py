"""Decoded pictures kept in memory that processes share."""

from __future__ import annotations

from collections.abc import Mapping
from mmap import mmap
from pathlib import Path

import numpy as np

from .images import Picture


class Shelf:
    """Room for decoded pictures, one for a process and all that it forks, as the workers of a data loader.

    Each picture has a place of its own from the start. So nobody has to wait for anybody: two processes that put the
    same picture there write the same bytes. Memory is taken only where a picture is put.

    Parameters
    ----------
    sizes : mapping
        Width and height of each picture. The first ones that fit have a place.
    room : int
        Bytes for all of them.
    """

    def __init__(self, sizes: Mapping[Path, tuple[int, int]], room: int) -> None:
        self._places: dict[Path, tuple[int, int, int]] = {}  # number, first byte, bytes
        taken = 0
        for path, (width, height) in sizes.items():
            length = width * height * 3
            if taken + length <= room:
                self._places[path] = len(self._places), taken, length
                taken += length
        self._memory: mmap | None = None
        table = 8 * len(self._places)
        try:
            # Anonymous and shared: it is not bounded by a file system, and goes with the last process that has it.
            self._memory = mmap(-1, table + taken) if taken else None
        except OSError:  # there is no such room: pictures are decoded anew
            self._places = {}
        if self._memory is not None:
            # Height and width of the pictures that are there, and zeros for the others.
            self._shapes = np.frombuffer(self._memory, np.uint32, table // 4).reshape(-1, 2)
            self._bytes = np.frombuffer(self._memory, np.uint8, taken, offset=table)

    def get(self, path: Path) -> Picture | None:
        """A picture that was put here, not to be written to."""
        if path not in self._places or self._memory is None:
            return None
        number, start, length = self._places[path]
        height, width = self._shapes[number].tolist()
        if height == 0:
            return None
        picture = self._bytes[start : start + length].reshape(height, width, 3)
        picture.flags.writeable = False
        return picture

    def put(self, path: Path, picture: Picture) -> None:
        """Keep a picture, if there is a place of its size for it."""
        if path not in self._places or self._memory is None:
            return
        number, start, length = self._places[path]
        if picture.nbytes == length and self._shapes[number, 0] == 0:
            self._bytes[start : start + length] = picture.ravel()
            # The height says that the picture is there, and is written last.
            self._shapes[number, 1] = picture.shape[1]
            self._shapes[number, 0] = picture.shape[0]

    def __getstate__(self) -> dict[str, object]:
        """Nothing: a process that is started anew and not forked cannot share the memory, and keeps no pictures."""
        return {"_places": {}, "_memory": None}
