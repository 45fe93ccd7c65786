"""Schedules and samplers: from noise to colour. Nothing here knows a network."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submodules=["adapters", "samplers", "schedule"])
