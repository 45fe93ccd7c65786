"""Noise schedules and samplers: from noise to colour, independent of any network."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submodules=["adapters", "samplers", "schedule"])
