"""Finished restorations, kept by what made them."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

from .restorers.protocol import Restoration


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
