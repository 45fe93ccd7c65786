"""Tasks on Dask."""

from __future__ import annotations

from typing import Any


def connected(client: Any) -> Any: ...
def spread(*args: Any) -> None: ...
