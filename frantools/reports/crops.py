"""Crops of a comparison, for a paper or a report."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from matplotlib.figure import Figure

from ..comparisons.comparison import Comparison
from ..scores.roi_search import Roi
from ..viewer.boxes import check_box, named_rois
from ..views.layout import Row, grid

LAYOUTS = ("below", "alone")
CELL = 200  # pixels that a picture is wide


def crops(
    comparison: Comparison,
    boxes: Iterable[Any] | None = None,
    rois: Iterable[Roi] | None = None,
    layout: str = "below",
) -> Figure:
    """The same parts of all columns of a comparison, enlarged pixel by pixel.

    Parameters
    ----------
    comparison : Comparison
        Of `frantools.compare`. Columns of another size are resampled to its own.
    boxes : sequence, optional
        (left, top, right, bottom) in pixels of the comparison, right and bottom exclusive, such as the rows of an array
        (N, 4); or such a box with a name: ``{"name": "eye", "box": (10, 20, 42, 52)}``.
    rois : sequence of Roi, optional
        Regions of interest, in place of boxes. Default: those of `Comparison.rois`.
    layout : {"below", "alone"}
        Whether the crops stand below the whole pictures, in which they are outlined, or alone.

    Returns
    -------
    Figure
        Of matplotlib: a column a column, a row a box.

    Raises
    ------
    ValueError
        If both or no box is given, one leaves the picture, or the layout is unknown.

    Examples
    --------
    >>> import frantools as ft
    >>> made = ft.compare("hopper", ["bicubic", "nearest"], size=64)
    >>> len(crops(made, boxes=[(8, 8, 24, 24)]).axes)
    4
    """
    if layout not in LAYOUTS:
        raise ValueError(f"layout is {layout!r}; accepted are {' and '.join(map(repr, LAYOUTS))}")
    if boxes is not None and rois is not None:
        raise ValueError("boxes and rois are given; accepted is one of the two")
    found = comparison.rois() if rois is None else list(rois)
    named = [(str(n), roi) for n, roi in enumerate(found, start=1)] if boxes is None else named_rois(boxes)
    if not named:
        raise ValueError("there is no box; accepted are one or more")
    for _, roi in named:
        check_box(roi, comparison.size)
    titles = comparison.titles
    images: list[Any] = [comparison.errors.get(title) or comparison.fitted(title) for title in titles]
    rows = [Row(images, outlines=[[roi for _, roi in named]] * len(images))] if layout == "below" else []
    for name, roi in named:
        rows.append(Row([each if isinstance(each, str) else roi.crop(each) for each in images], label=name))
    return grid(rows, titles, CELL)
