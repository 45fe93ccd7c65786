"""Boxes: named rectangles in pixels, as `frantools.crops` takes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..checks import is_integer
from ..scores.roi_search import Roi


def boxed(boxes: Iterable[Any]) -> list[tuple[str, Roi]]:
    """Boxes with their names, or their numbers.

    Parameters
    ----------
    boxes : iterable
        As for `as_boxes`; an array (N, 4) is one.

    Raises
    ------
    ValueError
        If there is no box, or something else among them.
    """
    if not isinstance(boxes, Iterable) or isinstance(boxes, (str, bytes, Mapping)):
        raise ValueError(f"boxes is {boxes!r}; accepted is a list of boxes: (left, top, right, bottom)")
    made = []
    for number, each in enumerate(boxes, start=1):
        name, box = (each.get("name"), each.get("box")) if isinstance(each, Mapping) else (None, each)
        if isinstance(box, Roi):
            box = (box.left, box.top, box.right, box.bottom)
        tolist = getattr(box, "tolist", None)  # of an array or a tensor
        box = tolist() if tolist is not None else box
        if not isinstance(box, Sequence) or len(box) != 4 or not all(is_integer(edge) for edge in box):
            raise ValueError(f"{each!r} is no box; accepted are four whole numbers: (left, top, right, bottom)")
        left, top, right, bottom = map(int, box)
        made.append((str(name or number), Roi(top, left, bottom, right)))
    return made


def check(box: Roi, frame: Sequence[int]) -> None:
    """Refuse a box that is empty or leaves a frame (width, height)."""
    if not (0 <= box.left < box.right <= frame[0] and 0 <= box.top < box.bottom <= frame[1]):
        raise ValueError(
            f"the box {(box.left, box.top, box.right, box.bottom)} is empty or leaves the picture; accepted are boxes "
            f"within 0, 0, {frame[0]}, {frame[1]}"
        )


def as_boxes(boxes: Iterable[Any], frame: Sequence[int]) -> list[dict[str, Any]]:
    """Boxes as ``{"name": ..., "box": [left, top, right, bottom]}``.

    Parameters
    ----------
    boxes : iterable
        (left, top, right, bottom), with a name or without, right and bottom exclusive; or regions of interest.
    frame : (int, int)
        Width and height that they lie within.

    Raises
    ------
    ValueError
        If one is no box, is empty or leaves the frame.
    """
    found = boxed(boxes)
    for _, box in found:
        check(box, frame)
    return [{"name": name, "box": [box.left, box.top, box.right, box.bottom]} for name, box in found]


def scaled(boxes: Iterable[Mapping[str, Any]], before: Sequence[int], after: Sequence[int]) -> list[dict[str, Any]]:
    """The same boxes in a frame of other pixels, each of a pixel at least."""
    made = []
    for each in boxes:
        edges = []
        for axis in (0, 1):
            low = min(after[axis] - 1, round(each["box"][axis] * after[axis] / before[axis]))
            edges.append((low, max(low + 1, round(each["box"][axis + 2] * after[axis] / before[axis]))))
        (left, right), (top, bottom) = edges
        made.append({"name": each["name"], "box": [left, top, right, bottom]})
    return made
