"""Crops of a comparison, for a paper or a report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from ..checks import is_whole
from ..comparisons import Comparison
from ..scores.roi import Roi
from ..views.drawing import Row, grid

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
        (left, top, right, bottom) in pixels of the comparison, right and bottom exclusive; or such a box with a name:
        ``{"name": "eye", "box": (10, 20, 42, 52)}``.
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
    named = [(str(n), roi) for n, roi in enumerate(found, start=1)] if boxes is None else _named(boxes)
    if not named:
        raise ValueError("there is no box; accepted are one or more")
    for _, roi in named:
        _check(roi, comparison.size)
    titles = comparison.titles
    images: list[Any] = [comparison.errors.get(title) or comparison.fitted(title) for title in titles]
    rows = [Row(images, outlines=[[roi for _, roi in named]] * len(images))] if layout == "below" else []
    for name, roi in named:
        rows.append(Row([each if isinstance(each, str) else roi.crop(each) for each in images], label=name))
    return grid(rows, titles, CELL)


def _named(boxes: Iterable[Any]) -> list[tuple[str, Roi]]:
    """Boxes with their names, or their numbers."""
    made = []
    for number, each in enumerate(boxes, start=1):
        name, box = (each.get("name"), each.get("box")) if isinstance(each, Mapping) else (None, each)
        if not isinstance(box, Sequence) or len(box) != 4 or not all(is_whole(edge) for edge in box):
            raise ValueError(f"{each!r} is no box; accepted are four whole numbers: (left, top, right, bottom)")
        left, top, right, bottom = map(int, box)
        made.append((str(name or number), Roi(top, left, bottom, right)))
    return made


def _check(roi: Roi, size: tuple[int, int]) -> None:
    width, height = size
    if not (0 <= roi.left < roi.right <= width and 0 <= roi.top < roi.bottom <= height):
        raise ValueError(
            f"the box {(roi.left, roi.top, roi.right, roi.bottom)} is empty or leaves the picture; accepted are boxes "
            f"within 0, 0, {width}, {height}"
        )
