"""The functions that draw figures, by name: `ft.figures`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from ..note.charts import MeanInterval, lengths, loss_against_calls, losses
from ..note.figure_layouts import ddpm_vs_ddim, detail, entire_image, local_region, roi_crops, table
from ..note.strides import formula, spheres, strides
from ..note.trajectory_charts import paths, predicted_losses, strips, traces
from ..restorers.base import Progress
from ..scores.roi_search import RoiSearch
from ..views import layout
from ..views.heatmap import compute_grid, draw_grid, plane
from ..views.layout import InlineFigure, Row, blank, outline, pixels, show
from ..views.slices import best_under, front, slices
from ..views.sweep_data import SweepLike

__all__ = [
    "InlineFigure",
    "MeanInterval",
    "RoiSearch",
    "Row",
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


def grid(what: SweepLike | Sequence[Row], *arguments: Any, **options: Any) -> Figure:
    """Draw pictures in rows and columns.

    ``grid(rows, titles, ...)`` draws rows of pictures; see `frantools.views.layout.grid`. ``grid(sweep, x, y, photo,
    ...)`` restores a photo with the settings of a sweep; see `sweep_grid`.
    """
    if isinstance(what, Sequence):
        return layout.grid(what, *arguments, **options)
    return sweep_grid(what, *arguments, **options)


def sweep_grid(
    sweep: SweepLike,
    x: str,
    y: str,
    photo: Any,
    measure: str = "mse",
    where: Mapping[str, Any] | None = None,
    size: int = 178,
    seed: int = 0,
    cell: int = 132,
    progress: Progress | None = None,
) -> Figure:
    """Draw a photo restored with the settings of a sweep, over two of its axes, with the measure of each.

    Parameters
    ----------
    sweep : Sweep
        From `frantools.sweep`.
    x, y : str
        Its axes, from left to right and from bottom to top, as in `plane`.
    photo : Photo, path or ndarray
        The photo to restore.
    measure : str
        One of the sweep's measures. Below each picture is its own number, and the mean of the sweep.
    where : dict
        The values of all other axes that vary.
    size : int
        Pixels of the longer side to which the photo is first downscaled, as in a sweep.
    seed : int
        Of the random numbers.
    cell : int
        Pixels that a picture is wide in the figure.
    progress : callable, optional
        Called with the fraction that is done. Exceptions that it raises end the work.

    Raises
    ------
    ValueError
        As for `plane`, or if another axis varies.
    """
    return draw_grid(compute_grid(sweep, x, y, photo, measure, where, size, seed, progress), cell)
