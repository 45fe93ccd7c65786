"""FranNet's note: its four figures, its findings and claims, and their charts."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["claims", "findings", "plane_findings"],
    submod_attrs={
        "four_figures": [
            "BEYOND",
            "COLUMNS",
            "FIGURES",
            "LOCAL",
            "draw",
            "located",
            "measured",
            "recipe",
            "regions",
            "render",
            "restorations",
            "setups",
            "titles",
        ]
    },
)
