"""Each kind of figure: what is computed for it, and how it is drawn."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=[
        "alternatives",
        "compare",
        "heatmap",
        "layout",
        "progressive",
        "region",
        "registry",
        "rois",
        "restoration",
        "slices",
        "sweep_data",
        "trajectories",
        "variability",
        "verification",
    ],
)
