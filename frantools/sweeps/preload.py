"""What Dask's workers begin with: `dask worker ... --preload frantools.sweeps.preload`. Those that we start do."""

from __future__ import annotations

import signal
from typing import Any

from . import tasks  # noqa: F401 - so that the first task need not wait for it


def dask_setup(worker: Any) -> None:
    """Leave Ctrl-C to the driver, which ends the workers: a terminal sends it to all of them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
