"""FranNet: its network, weights, samplers and engine."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submodules=["engine", "network", "sampling", "weights"])
