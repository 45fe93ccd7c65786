"""Tables, crops and figures for papers and reports."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submodules=["cards", "crops", "figures"])
