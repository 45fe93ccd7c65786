"""A sweep of one photo that fills in the background, coarse cells first."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from tempfile import TemporaryDirectory
from threading import Event
from typing import Any

from ..restorers.base import Cancelled
from ..sweeps.plan import Plan
from ..sweeps.result import Sweep
from ..sweeps.run import SweepProgress, read_records, run_plan, to_sweep
from ..sweeps.store import Store
from ..views.sweep_data import ordered
from .rendering import LOCK
from .worker import Clock, Worker

TASK = 0.3  # seconds that a task takes
UPDATE = 0.25  # seconds between two updates
STRIDES = (4, 2, 1)
"""Of the cells along an axis that come first, next and last."""


@cache
def _folder() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="frantools-sweeps-")  # of this kernel, for sweeps without a store


def coarse_to_fine(
    settings: Sequence[Mapping[str, Any]], shown: Sequence[str], where: Mapping[str, Any]
) -> list[list[int]]:
    """The numbers of settings in the order in which they are computed, in parts.

    Parameters
    ----------
    settings : sequence of dict
        Their values, by axis.
    shown : sequence of str
        The axes of the map, of which every fourth value comes first, then every second, then all.
    where : dict
        The values of other axes that are in view: these settings come before the others.
    """
    values = {name: ordered(each[name] for each in settings) for name in shown}
    parts: dict[tuple[bool, int], list[int]] = {}
    for number, each in enumerate(settings):
        at = [values[name].index(each[name]) for name in shown]
        level = next(level for level, stride in enumerate(STRIDES) if all(place % stride == 0 for place in at))
        hidden = any(each[name] != value for name, value in where.items())
        parts.setdefault((hidden, level), []).append(number)
    return [parts[key] for key in sorted(parts)]


class BackgroundSweep:
    """The cells of a plan, computed in the background; one that is finished is not computed again.

    Parameters
    ----------
    planned : Plan
        Of one photo.
    store : path, optional
        Keeps each result. Default: a folder of this kernel.
    on_update : callable
        ``on_update(seconds)`` is called on the background's thread, under the lock of all widgets, when there are new
        results: with how long the others will take, or with None at the end and at a stop.
    failed : callable
        Likewise, with a sentence, where none can be computed any more.
    """

    def __init__(
        self, planned: Plan, store: Any, on_update: Callable[[float | None], None], failed: Callable[[str], None]
    ) -> None:
        self._planned, self._on_update, self._failed = planned, on_update, failed
        self._store = Store(_folder().name if store is None else store)
        self._keys = [key for _, _, _, key in planned.cells()]
        self.total = len(self._keys)
        self._records = read_records(planned, self._store)
        self._worker = Worker()

    @property
    def sweep(self) -> Sweep:
        """What is computed."""
        return to_sweep(self._planned, self._records)

    @property
    def done(self) -> int:
        """How many cells are computed."""
        return len(self._records)

    def start(self, shown: Sequence[str], where: Mapping[str, Any]) -> None:
        """Compute the cells that are left, in the order of `coarse_to_fine`, in the place of what runs."""
        order = coarse_to_fine([each.values for each in self._planned.settings], shown, where)
        parts = [[number for number in part if self._keys[number] not in self._records] for part in order]
        self._worker.submit(lambda cancelled: self._compute([part for part in parts if part], cancelled))

    def stop(self) -> None:
        """Leave the cells that are left."""
        self._worker.stop()

    def join(self, timeout: float) -> bool:
        """Wait for the cells; False if it takes longer than `timeout` seconds."""
        return self._worker.join(timeout)

    def _compute(self, parts: Sequence[Sequence[int]], cancelled: Event) -> None:
        clock, begun, total, last = Clock(), self.done, sum(map(len, parts)), 0.0

        def report(share: SweepProgress) -> None:
            nonlocal last
            with LOCK:
                before = self.done
                self._records.update(share.records)
                if cancelled.is_set():
                    raise Cancelled
                if self.done > before and time.monotonic() - last > UPDATE:
                    last = time.monotonic()
                    self._on_update(clock.left((self.done - begun) / total)[1])

        try:
            for part in parts:
                run_plan(self._planned.subset(part, TASK), self._store, None, report)
        except Cancelled:
            pass
        except Exception as error:  # of whatever kind, such as a full disk: it belongs on the screen
            with LOCK:
                if not cancelled.is_set():
                    self._failed(str(error) or type(error).__name__)
        with LOCK:
            self._on_update(None)
