"""Crops of a comparison, for a paper or a report."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from matplotlib.figure import Figure

from ..checks import choice
from ..comparisons.comparison import Comparison
from ..scores.roi_search import Roi
from ..viewer.boxes import check_box, named_rois
from ..views.layout import Image, Row, grid, pixels

LAYOUTS = ("below", "alone")
CELL = 200  # pixels that a picture is wide


def crops(
    comparison: Comparison,
    boxes: Iterable[Any] | None = None,
    rois: Iterable[Roi] | None = None,
    layout: str = "below",
) -> Figure:
    """Draw the same parts of all columns of a comparison, enlarged pixel by pixel.

    Parameters
    ----------
    comparison : Comparison
        From `frantools.compare`. Columns of another size are resampled to its size.
    boxes : sequence, optional
        (left, top, right, bottom) in pixels of the comparison, right and bottom exclusive, such as the rows of an array
        (N, 4); or such a box with a name: ``{"name": "eye", "box": (10, 20, 42, 52)}``.
    rois : sequence of Roi, optional
        Regions of interest, instead of boxes. Default: those of `Comparison.rois`.
    layout : {"below", "alone"}
        Whether to draw the crops below the whole pictures, in which they are outlined, or alone.

    Returns
    -------
    Figure
        A matplotlib figure with a column per column and a row per box.

    Raises
    ------
    ValueError
        If both boxes and rois or neither are given, one is outside the picture, or the layout is unknown.

    Examples
    --------
    >>> import frantools as ft
    >>> comparison = ft.compare("hopper", ["bicubic", "nearest"], size=64)
    >>> len(crops(comparison, boxes=[(8, 8, 24, 24)]).axes)
    4
    """
    choice("layout", layout, LAYOUTS)
    if boxes is not None and rois is not None:
        raise ValueError("pass either boxes or rois, not both")
    rois = comparison.rois() if rois is None else list(rois)
    named = [(str(n), roi) for n, roi in enumerate(rois, start=1)] if boxes is None else named_rois(boxes)
    if not named:
        raise ValueError("boxes must be one or more, got none")
    for _, roi in named:
        check_box(roi, comparison.size)
    titles = comparison.titles
    images: list[Image] = [comparison.errors.get(title) or comparison.fitted(title) for title in titles]
    rows = [Row(images, outlines=[[roi for _, roi in named]] * len(images))] if layout == "below" else []
    for name, roi in named:
        rows.append(Row([image if isinstance(image, str) else roi.crop(pixels(image)) for image in images], label=name))
    return grid(rows, titles, CELL)
