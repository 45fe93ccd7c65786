"""The search for regions of interest: squares with much contrast, in which pictures of the same subject differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..checks import integer
from ..photos.images import unit_floats
from ..photos.regions import Region
from ..restorers.base import Restoration
from ..settings import setting, validate
from ..system.cores import map_on_threads

SHIFTS = 8  # the grid of candidates is shifted by eighths of their size
BAND = 48  # rows that are summed together


@dataclass(frozen=True)
class Roi:
    """A rectangle of pixels, with its contrast and how much the pictures differ in it."""

    top: int
    left: int
    bottom: int
    """One past the last row."""
    right: int
    """One past the last column."""
    score: float = 0.0
    """The contrast in the picture that has the most, plus `difference`; on the scale of 0 to 255."""
    difference: float = 0.0
    """How much the pictures differ: 0 if they are the same. Usually the smaller part of the score."""

    def region(self, width: int, height: int | None = None) -> Region:
        """The same rectangle in fractions of a picture of `width` x `height` pixels."""
        height = width if height is None else height
        return Region(
            self.left / width, self.top / height, (self.right - self.left) / width, (self.bottom - self.top) / height
        )

    def crop(self, image: NDArray[Any]) -> NDArray[Any]:
        """The pixels of a picture (H, W, ...) in the rectangle; a view, not a copy."""
        return image[self.top : self.bottom, self.left : self.right]


@dataclass(frozen=True)
class RoiSearch:
    """Settings of the search of figure 3: regions of a picture, and outlined sub-regions in each.

    Parameters
    ----------
    size, count : int
        Pixels a side of a region, and the maximum number. The defaults are the note's, for pictures of 1024 pixels.
    sub_size, sub_count : int
        The same of the sub-regions.
    merge : bool
        Whether regions that share an edge are merged.
    """

    size: int = setting(384, "Region size", "Pixels a side of a region", range=(1, None), slider=(1, 2048))
    count: int = setting(4, "Regions", "The number of regions, at most", range=(1, None), slider=(1, 8))
    sub_size: int = setting(
        96,
        "Sub-region size",
        "Pixels a side of a sub-region that is outlined in a crop",
        range=(1, None),
        slider=(1, 1024),
        applies=lambda search: search.sub_count > 0,
    )
    sub_count: int = setting(
        3, "Sub-regions", "The number of sub-regions in a crop, at most", range=(0, None), slider=(0, 8)
    )
    merge: bool = setting(True, "Merge", "Merge regions that share a whole edge")

    def __post_init__(self) -> None:
        validate(self)

    def scaled(self, side: int, of: int = 1024) -> RoiSearch:
        """The same search for pictures of another size: its regions cover the same fractions of them.

        Parameters
        ----------
        side : int
            Pixels of the shorter side of the pictures that are searched.
        of : int
            Pixels of the shorter side that this search is for.

        Returns
        -------
        RoiSearch
            With sizes rounded to integers, halves up, and at least 1.

        Raises
        ------
        ValueError
            If a side is not an integer from 1.

        Examples
        --------
        >>> RoiSearch().scaled(512)
        RoiSearch(size=192, count=4, sub_size=48, sub_count=3, merge=True)
        """
        side, of = integer("side", side), integer("of", of)
        size, sub_size = (max(1, (2 * pixels * side + of) // (2 * of)) for pixels in (self.size, self.sub_size))
        return replace(self, size=size, sub_size=sub_size)

    def check(self, side: int) -> RoiSearch:
        """Raise a ValueError if the regions do not fit into pictures whose shorter side is `side`."""
        if self.size > side:
            raise ValueError(f"regions of {self.size} pixels do not fit into {side}; make them smaller")
        return self

    def regions(self, images: Sequence[NDArray[Any] | Restoration]) -> list[Roi]:
        """The regions in which the pictures differ most."""
        arrays = [image.image if isinstance(image, Restoration) else image for image in images]
        rois = find_rois(arrays, self.size, self.count)
        return merge_rois(rois) if self.merge else rois

    def sub_regions(self, crops: Sequence[NDArray[Any]]) -> list[Roi]:
        """The sub-regions in which crops differ most; none if a crop is smaller than a sub-region."""
        if self.sub_count < 1 or min(crops[0].shape[:2]) < self.sub_size:
            return []
        rois = find_rois(crops, self.sub_size, self.sub_count)
        return merge_rois(rois) if self.merge else rois


def positions(size: int, length: int) -> NDArray[np.int64]:
    """Start positions of candidates of `size` pixels along a side of `length`, ordered by shift."""
    shifts = dict.fromkeys(np.linspace(0, size, SHIFTS + 1)[:-1].astype(int).tolist())
    return np.concatenate([np.arange(shift, length - size + 1, size) for shift in shifts]).astype(np.int64)


def _cuts(starts: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """The positions at which squares begin or end along a side, in order."""
    return np.unique(np.concatenate([starts, starts + size]))


def _windows(sums: NDArray[Any], starts: NDArray[np.int64], size: int) -> NDArray[Any]:
    """Sums over squares along the first axis, from the sums between cuts: (S, ...) to (T, ...).

    References
    ----------
    F. Crow, "Summed-area tables for texture mapping" (1984). The table has entries only where a square begins or ends.
    """
    cuts, table = _cuts(starts, size), np.cumsum([np.zeros_like(sums[0]), *sums], axis=0)
    return table[np.searchsorted(cuts, starts + size)] - table[np.searchsorted(cuts, starts)]


def _between(values: NDArray[Any], rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.float64]:
    """Sums over the rectangles between cuts: (R - 1, C - 1). Integers below 2 ** 53 are exact in float64."""
    # A column of the largest picture holds up to 16,384 squares of up to 65,025: less than 2 ** 32.
    dtype = np.uint32 if np.issubdtype(values.dtype, np.integer) and values.itemsize <= 2 else None
    strips = np.stack([np.add.reduce(values[a:b], axis=0, dtype=dtype) for a, b in pairwise(rows.tolist())])
    channels = values[0, 0].size
    starts, end = columns[:-1] * channels, columns[-1] * channels
    return np.add.reduceat(strips.reshape(len(strips), -1)[:, :end], starts, axis=1, dtype=np.float64)


def scores(
    images: Sequence[NDArray[Any]], tops: NDArray[np.int64], lefts: NDArray[np.int64], size: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The contrast of squares, and how much pictures differ in them: the sum of the two is the score.

    ``max over pictures of std(all values)``, and ``mean over pixels of max over channels of std(across pictures)``

    Parameters
    ----------
    images : sequence of ndarray
        n pictures (H, W, C), uint8 or float64.
    tops, lefts : ndarray
        (T,) and (L,) first rows and columns of the squares.
    size : int
        Pixels a side.

    Returns
    -------
    contrast, difference : ndarray
        (T, L) float64, on the scale of the values.
    """
    n, count = len(images), size * size * images[0].shape[2]
    rows, columns = _cuts(tops, size), _cuts(lefts, size)
    # For uint8, the narrowest integers that hold squares, sums of n, and n times sums of n squares.
    narrow, wide = (np.uint16, np.int32 if n <= 180 else np.int64) if images[0].dtype == np.uint8 else (float, float)

    def band(cuts: NDArray[np.int64]) -> NDArray[np.float64]:
        """Sums over some rows of all pictures: of values and squares by picture, and of the deviations across them."""
        shape = images[0][cuts[0] : cuts[-1]].shape
        total: NDArray[Any] = np.zeros(shape, wide)
        square: NDArray[Any] = np.zeros(shape, wide)
        sums = []
        for image in images:
            values = image[cuts[0] : cuts[-1]]
            squares = np.multiply(values, values, dtype=narrow)
            total += values
            square += squares
            sums += [_between(part, cuts - cuts[0], columns) for part in (values, squares)]
        square *= n
        square -= total * total  # n squared times the variance of each value across the pictures
        # Channel by channel: to reduce over an axis of three takes NumPy 25 times as long.
        across = np.sqrt(np.maximum(reduce(np.maximum, np.moveaxis(square, 2, 0)), 0))
        return np.stack([*sums, _between(across, cuts - cuts[0], columns)], axis=1)

    # Bands that stay in the processor's cache, distributed over the cores: NumPy releases the interpreter lock.
    per = max(1, BAND * (len(rows) - 1) // (int(rows[-1]) - int(rows[0])))
    bands = [rows[start : start + per + 1] for start in range(0, len(rows) - 1, per)]
    between = np.concatenate(map_on_threads(band, bands))  # (R - 1, 2 n + 1, C - 1)
    summed = np.moveaxis(_windows(between, tops, size), 2, 0)  # (C - 1, T, 2 n + 1)
    *totals, across = np.moveaxis(_windows(summed, lefts, size), (2, 1), (0, 1))  # arrays (T, L)
    means, squares = np.stack(totals[::2]) / count, np.stack(totals[1::2]) / count
    largest = np.maximum(squares - means**2, 0).max(axis=0)
    return np.sqrt(largest), across / (n * size**2)


def find_rois(images: Sequence[NDArray[Any]], size: int = 384, count: int = 4) -> list[Roi]:
    """Find the squares with the most contrast in which pictures of the same subject differ most.

    Parameters
    ----------
    images : sequence of ndarray
        Two or more pictures of the same shape (H, W, C) or (H, W), uint8 or floats in [0, 1].
    size : int
        Pixels a side of a square, 1 to the shorter side of the pictures.
    count : int
        The maximum number. There may be fewer: squares do not overlap.

    Returns
    -------
    list of Roi
        The highest score first.

    Raises
    ------
    ValueError
        If there are fewer than two pictures, they differ in shape, or the size or the count does not fit them.

    Notes
    -----
    Candidates lie on a grid of `size`, shifted by each of 8 x 8 even fractions of it. The best is taken, then the best
    of those that do not collide with it, and so on.

    The score is that of FranNet's note: the contrast of the square, and how much the pictures differ in it. Contrast is
    mostly the larger part, so it finds edges and faces even where the pictures are alike; see `Roi.difference`.
    """
    pictures = _check(images)
    height, width = pictures[0].shape[:2]
    size, count = integer("size", size, 1, min(height, width)), integer("count", count)
    tops, lefts = positions(size, height), positions(size, width)
    scale = 1 if pictures[0].dtype == np.uint8 else 255
    contrast, difference = (scale * part for part in scores(pictures, tops, lefts, size))
    table = contrast + difference
    rois: list[Roi] = []
    while len(rois) < count:
        row, column = np.unravel_index(table.argmax(), table.shape)
        if table[row, column] == -np.inf:
            break
        top, left = int(tops[row]), int(lefts[column])
        parts = float(table[row, column]), float(difference[row, column])
        rois.append(Roi(top, left, top + size, left + size, *parts))
        _rule_out(table, tops - top, lefts - left, size)
    return rois


def _rule_out(table: NDArray[np.float64], down: NDArray[np.int64], across: NDArray[np.int64], size: int) -> None:
    """Set the scores of candidates that collide with a chosen square, at these distances from it, to -inf.

    They do if a corner of the one lies in the other, edges included, and is not itself a corner of it.
    """
    rows, columns = (np.flatnonzero(abs(distance) <= size) for distance in (down, across))
    down, across = down[rows, None], across[columns]
    # Of squares that meet along a whole edge or in a corner, only corners touch.
    is_adjacent = (down % size == 0) & (across % size == 0) & ((down != 0) | (across != 0))
    table[np.ix_(rows, columns)] = np.where(is_adjacent, table[np.ix_(rows, columns)], -np.inf)


def merge_rois(rois: Sequence[Roi]) -> list[Roi]:
    """Merge regions that share a whole edge, until no two do.

    Parameters
    ----------
    rois : sequence of Roi
        From `find_rois`.

    Returns
    -------
    list of Roi
        In the order of the first part of each; a merged region has the score of its best part.
    """
    merged, i = list(rois), 0
    while i < len(merged):
        a = merged[i]
        j = next((j for j in range(i + 1, len(merged)) if _share_an_edge(a, merged[j])), None)
        if j is None:
            i += 1
            continue
        b = merged.pop(j)
        best = max(a, b, key=lambda roi: roi.score)
        merged[i] = Roi(
            min(a.top, b.top),
            min(a.left, b.left),
            max(a.bottom, b.bottom),
            max(a.right, b.right),
            best.score,
            best.difference,
        )
        # Regions before it had no neighbour; the merged region may be one.
        i = next((k for k in range(i) if _share_an_edge(merged[k], merged[i])), i)
    return merged


def _share_an_edge(a: Roi, b: Roi) -> bool:
    is_beside = (a.top, a.bottom) == (b.top, b.bottom) and (a.right == b.left or b.right == a.left)
    is_above = (a.left, a.right) == (b.left, b.right) and (a.bottom == b.top or b.bottom == a.top)
    return is_beside or is_above


def _check(images: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    """Convert pictures of one shape to (H, W, C), uint8 or float64 in [0, 1]."""
    arrays = [np.asarray(image) for image in images]
    if len(arrays) < 2:
        raise ValueError(f"images must be two or more pictures, got {len(arrays)}")
    shapes = {array.shape for array in arrays}
    if len(shapes) > 1:
        raise ValueError(f"images must have the same shape, got {', '.join(map(str, sorted(shapes)))}")
    if arrays[0].ndim not in (2, 3) or 0 in arrays[0].shape:
        raise ValueError(f"images must be pictures (H, W, C) or (H, W), got arrays of shape {arrays[0].shape}")
    if all(array.dtype == np.uint8 for array in arrays):
        return [array.reshape(*array.shape[:2], -1) for array in arrays]
    floats = [
        array / 255 if array.dtype == np.uint8 else unit_floats(array.astype(np.float64), f"picture {number} has")
        for number, array in enumerate(arrays, start=1)
    ]
    return [array.reshape(*array.shape[:2], -1) for array in floats]
