"""Versions of Python and the libraries."""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import version


@cache
def versions() -> dict[str, str]:
    """Return the versions that a result depends on."""
    names = ("frantools", "torch", "numpy")
    return {"python": platform.python_version(), **{name: version(name) for name in names}}
