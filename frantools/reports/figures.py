"""What draws figures, by name: `ft.figures`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from ..note.charts import Estimate, lengths, loss_against_calls, losses
from ..note.figure_layouts import ddpm_vs_ddim, detail, entire_image, local_region, roi_crops, table
from ..note.strides import formula, spheres, strides
from ..note.trajectory_charts import paths, predicted_losses, strips, traces
from ..scores.roi_search import RoiSearch
from ..views import heatmap, layout
from ..views.heatmap import plane
from ..views.layout import Row, Shown, blank, outline, pixels, show
from ..views.slices import best_under, front, slices
from ..views.sweep_data import Swept

__all__ = [
    "Estimate",
    "RoiSearch",
    "Row",
    "Shown",
    "best_under",
    "blank",
    "ddpm_vs_ddim",
    "detail",
    "entire_image",
    "formula",
    "front",
    "grid",
    "lengths",
    "local_region",
    "loss_against_calls",
    "losses",
    "outline",
    "paths",
    "pixels",
    "plane",
    "predicted_losses",
    "roi_crops",
    "show",
    "slices",
    "spheres",
    "strides",
    "strips",
    "table",
    "traces",
]


def grid(what: Swept | Sequence[Row], *arguments: Any, **named: Any) -> Figure:
    """Pictures in rows and columns: those of a sweep, restored anew over two of its axes, see `planes.grid`; or given
    ones, see `drawing.grid`.
    """
    make: Any = heatmap.grid if hasattr(what, "to_frame") else layout.grid
    made: Figure = make(what, *arguments, **named)
    return made
