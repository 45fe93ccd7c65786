"""Preload for Dask workers: `dask worker ... --preload frantools.sweeps.preload`."""

from __future__ import annotations

import signal
from typing import Any

from . import tasks  # noqa: F401 - imported now, so that the first task does not wait for it


def dask_setup(worker: Any) -> None:
    """Ignore Ctrl-C, which a terminal sends to all processes; the main process stops the workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
