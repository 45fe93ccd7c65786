"""Boxes: named rectangles in pixels, as `frantools.crops` accepts them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..checks import is_integer
from ..scores.roi_search import Roi

BOX = "four integers (left, top, right, bottom)"


def named_rois(boxes: Iterable[Any]) -> list[tuple[str, Roi]]:
    """Return each box as a region of interest, with its name or its number.

    Parameters
    ----------
    boxes : iterable
        As for `as_boxes`, or an array (N, 4).

    Raises
    ------
    ValueError
        If `boxes` contains anything else.
    """
    if not isinstance(boxes, Iterable) or isinstance(boxes, (str, bytes, Mapping)):
        raise ValueError(f"boxes must be a list of boxes (left, top, right, bottom), got {boxes!r}")
    rois = []
    for number, item in enumerate(boxes, start=1):
        name, box = (item.get("name"), item.get("box")) if isinstance(item, Mapping) else (None, item)
        if isinstance(box, Roi):
            box = (box.left, box.top, box.right, box.bottom)
        tolist = getattr(box, "tolist", None)  # of an array or a tensor
        box = tolist() if tolist is not None else box
        if not isinstance(box, Sequence) or len(box) != 4 or not all(is_integer(edge) for edge in box):
            raise ValueError(f"a box must be {BOX}, got {item!r}")
        left, top, right, bottom = map(int, box)
        rois.append((str(name or number), Roi(top, left, bottom, right)))
    return rois


def check_box(box: Roi, frame: Sequence[int]) -> None:
    """Raise a ValueError if a box is empty or leaves a frame (width, height)."""
    if not (0 <= box.left < box.right <= frame[0] and 0 <= box.top < box.bottom <= frame[1]):
        raise ValueError(
            f"a box must not be empty and must lie within 0, 0, {frame[0]}, {frame[1]}, "
            f"got {(box.left, box.top, box.right, box.bottom)}"
        )


def as_boxes(boxes: Iterable[Any], frame: Sequence[int]) -> list[dict[str, Any]]:
    """Return boxes as ``{"name": ..., "box": [left, top, right, bottom]}``.

    Parameters
    ----------
    boxes : iterable
        (left, top, right, bottom), right and bottom exclusive; dicts with "name" and "box"; or regions of interest.
    frame : (int, int)
        Width and height that all boxes must lie within.

    Raises
    ------
    ValueError
        If one of them is not a box, is empty or leaves the frame.
    """
    rois = named_rois(boxes)
    for _, box in rois:
        check_box(box, frame)
    return [{"name": name, "box": [box.left, box.top, box.right, box.bottom]} for name, box in rois]


def scale_boxes(
    boxes: Iterable[Mapping[str, Any]], before: Sequence[int], after: Sequence[int]
) -> list[dict[str, Any]]:
    """Return the same boxes in a frame of another size, each at least one pixel wide and high."""
    scaled = []
    for item in boxes:
        edges = []
        for axis in (0, 1):
            low = min(after[axis] - 1, round(item["box"][axis] * after[axis] / before[axis]))
            edges.append((low, max(low + 1, round(item["box"][axis + 2] * after[axis] / before[axis]))))
        (left, right), (top, bottom) = edges
        scaled.append({"name": item["name"], "box": [left, top, right, bottom]})
    return scaled
