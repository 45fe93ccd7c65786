"""Views: each computes the data of a kind of figure, and draws it."""

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
        "render",
        "rois",
        "restoration",
        "slices",
        "sweep_data",
        "trajectories",
        "variability",
        "verification",
    ],
)
