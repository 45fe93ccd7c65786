"""The contents of a viewer: pictures by title, with their notes and numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from typing import Any

import numpy as np
from PIL import Image

from ..comparisons.comparison import Comparison
from ..photos.images import Picture, as_picture, load_image
from ..photos.photo import Photo
from ..photos.regions import Region
from ..restorers.base import Restoration
from ..restorers.columns import Column
from ..scores.measures import measures

MAX_PICTURES, MAX_SIDE, MAX_PIXELS = 20, 8192, 400_000_000
REFERENCES = ("original", "reference")  # titles of the photo itself, and of another picture that it is measured against


@dataclass(frozen=True)
class Panes:
    """The contents of a viewer."""

    pictures: Mapping[str, Any]
    """By title, anything that `read_picture` accepts; None if a note replaces the picture."""
    notes: Mapping[str, str] = field(default_factory=dict)
    numbers: Mapping[str, str] = field(default_factory=dict)
    best: Mapping[str, list[int]] = field(default_factory=dict)
    """By title, which parts of the numbers are the best of all pictures."""
    caption: str = ""
    """The protocol of the numbers."""
    reference: str | None = None
    """The title of the picture that the others are compared with. Default: found by its title."""
    comparison: Comparison | None = None


def read_panes(pictures: Any) -> Panes:
    """Read the pictures that a viewer accepts.

    Parameters
    ----------
    pictures : mapping, Comparison or sequence
        See `frantools.widgets.Viewer`.

    Raises
    ------
    FileNotFoundError, ValueError
        If a picture cannot be read, or there are too many or too large ones.
    """
    if isinstance(pictures, Comparison):
        check_count(len(pictures.titles))
        panes = comparison_panes(pictures, pictures.numbers(measures.in_captions))
    else:
        named = _by_title(pictures)
        check_count(len(named))
        panes = Panes(read_pictures(named))
    check_total_size(picture.shape for picture in panes.pictures.values() if picture is not None)
    return panes


def _by_title(pictures: Any) -> dict[str, Any]:
    """Return pictures by title; a sequence of pictures is numbered from 1."""
    if hasattr(pictures, "detach"):  # a tensor
        pictures = pictures.detach().cpu().numpy()
    if isinstance(pictures, (list, tuple)) and pictures and all(map(_is_pair, pictures)):
        pairs = list(pictures)
    elif isinstance(pictures, Mapping):
        pairs = list(pictures.items())
    elif _is_picture(pictures):
        pairs = [("1", pictures)]
    elif isinstance(pictures, (Sequence, np.ndarray)):
        pairs = list(enumerate(pictures, start=1))
    else:
        raise ValueError(
            "pictures must be a Comparison, a dict of titles and pictures, or a sequence of pictures or of pairs "
            f"(title, picture), got {type(pictures).__name__}"
        )
    named = {str(title): picture for title, picture in pairs}
    if len(named) < len(pairs):
        raise ValueError("two pictures have the same title; titles must differ")
    return named


def _is_pair(item: object) -> bool:
    return isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], str)


def _is_picture(item: object) -> bool:
    """Return whether something is one picture, and not a stack of pictures."""
    if isinstance(item, np.ndarray):
        return item.ndim < 3 or (item.ndim == 3 and item.shape[2] in (3, 4))
    return isinstance(item, (str, PathLike, bytes, Photo, Restoration, Image.Image))


def check_count(count: int) -> None:
    """Raise a ValueError if there are no pictures, or more than 20."""
    if not 1 <= count <= MAX_PICTURES:
        raise ValueError(f"the number of pictures must be from 1 to {MAX_PICTURES}, got {count}")


def check_total_size(shapes: Iterable[tuple[int, ...]]) -> None:
    """Raise a ValueError if pictures of these shapes have more than 400 megapixels in total."""
    total = sum(shape[0] * shape[1] for shape in shapes)
    if total > MAX_PIXELS:
        raise ValueError(
            f"the pictures must have at most {MAX_PIXELS // 1_000_000} megapixels in total, got {total / 1e6:.0f}"
        )


def read_pictures(pictures: Mapping[str, Any]) -> dict[str, Picture | None]:
    """Read several pictures; None stays None."""
    return {title: None if picture is None else read_picture(picture, title) for title, picture in pictures.items()}


def read_picture(picture: Any, title: str) -> Picture:
    """Read an array, a path, the content of a file, a Photo or a Restoration as uint8 (H, W, 3)."""
    try:
        if isinstance(picture, Restoration):
            pixels = as_picture(picture.image)
        elif isinstance(picture, Photo):
            pixels = picture.picture if picture.frame else picture.pixels
        elif isinstance(picture, str):
            pixels = Photo(picture).pixels
        elif isinstance(picture, (PathLike, bytes, bytearray, memoryview)):
            pixels = load_image(picture)
        else:
            pixels = as_picture(picture.detach().cpu() if hasattr(picture, "detach") else picture)
    except ValueError as error:
        raise ValueError(f"{title}: {error}") from None
    height, width = pixels.shape[:2]
    if max(height, width) > MAX_SIDE:
        raise ValueError(f"{title} must be at most {MAX_SIDE} pixels a side, got {width} x {height}")
    return pixels


def reference_title(photo: Photo, columns: Sequence[Column]) -> tuple[str | None, bool]:
    """Return the title of the picture that restorations are measured against, and whether it is one of the columns.

    The title is None if there is no reference, or no room for one more picture.
    """
    is_photo = photo.reference_photo is photo
    names = REFERENCES if is_photo else REFERENCES[1:]  # with another reference, the photo itself is not it
    own = [column.title for column in columns if is_photo and isinstance(column.what, str) and column.what == names[0]]
    if own := [*own, *(column.title for column in columns if column.title.lower() in names)]:
        return own[0], True
    return (None if photo.reference_photo is None or len(columns) >= MAX_PICTURES else names[0]), False


def reference_picture(
    photo: Photo, size: tuple[int, int], region: Region | None, columns: Sequence[Column]
) -> dict[str, Picture]:
    """Return the reference by its title, or nothing if a column shows it or it does not exist."""
    title, is_column = reference_title(photo, columns)
    reference = None if title is None or is_column else photo.reference(size, region)
    return {} if title is None or reference is None else {title: as_picture(reference)}


def comparison_panes(comparison: Comparison, numbers: Mapping[str, Mapping[str, float]]) -> Panes:
    """Return the pictures of a comparison, complete or not, after the reference unless it is one of them.

    Parameters
    ----------
    comparison : Comparison
        Its preliminary pictures have their size instead of numbers.
    numbers : mapping
        The known measures by title.
    """
    pictures: dict[str, Any] = {}
    pictures |= reference_picture(comparison.photo, comparison.size, comparison.region, comparison.columns)
    notes = dict(comparison.errors)
    lines, best = numbers_text(numbers)
    for title in comparison.titles:
        pictures[title] = restoration = comparison.restorations.get(title)
        if restoration is None:
            continue
        if not comparison.is_final(title):
            lines[title] = f"coarse: {max(restoration.image.shape[:2])} pixels"
            continue
        if restoration.remarks:
            notes[title] = "\n".join(restoration.remarks)
        if comparison.reference is not None and title not in numbers:
            lines[title] = "not yet measured"
    reference, _ = reference_title(comparison.photo, comparison.columns)
    return Panes(read_pictures(pictures), notes, lines, best, comparison.protocol(), reference, comparison)


def numbers_text(numbers: Mapping[str, Mapping[str, float]]) -> tuple[dict[str, str], dict[str, list[int]]]:
    """Return one line of numbers for each picture, parts two spaces apart, and which parts are the best of all.

    A picture that equals the original has no line.
    """
    lines, best = {}, {}
    numbers = {title: row for title, row in numbers.items() if row.get("mse") != 0}
    for title, row in numbers.items():
        lines[title] = "  ".join(measures[name].describe(value) for name, value in row.items())
        best[title] = [
            index
            for index, (name, value) in enumerate(row.items())
            if len(numbers) > 1
            and value == (min if measures[name].better == "lower" else max)(row[name] for row in numbers.values())
        ]
    return lines, best


def find_reference(titles: Sequence[str], reference: str | None = None) -> str:
    """Return the title of the reference: the given one, else one called original or reference, else the first."""
    if reference is not None:
        if reference not in titles:
            raise ValueError(f"reference must be one of {', '.join(map(repr, titles))}, got {reference!r}")
        return reference
    return next((title for title in titles if title.lower() in REFERENCES), titles[0])
