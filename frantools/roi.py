"""Where a set of pictures differs most: the search for regions of interest by variance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .checks import is_whole
from .regions import Region

SHIFTS = 8  # the grid of candidates is shifted by eighths of their size


@dataclass(frozen=True)
class Roi:
    """A rectangle of pixels, and how much the pictures differ in it."""

    top: int
    left: int
    bottom: int
    """One past the last row."""
    right: int
    """One past the last column."""
    score: float = 0.0
    """On the scale of 0 to 255."""

    def region(self, width: int, height: int | None = None) -> Region:
        """The same rectangle in fractions of a picture of that many pixels."""
        height = width if height is None else height
        return Region(
            self.left / width, self.top / height, (self.right - self.left) / width, (self.bottom - self.top) / height
        )

    def crop(self, image: NDArray[Any]) -> NDArray[Any]:
        """The pixels of a picture (H, W, ...) in the rectangle; a view, not a copy."""
        return image[self.top : self.bottom, self.left : self.right]


def positions(size: int, length: int) -> NDArray[np.int64]:
    """Where candidates of `size` pixels start along a side of `length`: shifts first, each wholly inside."""
    shifts = dict.fromkeys(np.linspace(0, size, SHIFTS + 1)[:-1].astype(int).tolist())
    return np.concatenate([np.arange(shift, length - size + 1, size) for shift in shifts]).astype(np.int64)


def window_sums(values: NDArray[Any], tops: NDArray[np.int64], lefts: NDArray[np.int64], size: int) -> NDArray[Any]:
    """Sums over squares, from a summed-area table.

    Parameters
    ----------
    values : ndarray
        (H, W), or (H, W, C) to sum the channels too; whole numbers are summed exactly.
    tops, lefts : ndarray
        (T,) and (L,) first rows and columns.
    size : int
        Pixels a side.

    Returns
    -------
    ndarray
        (T, L) int64 or float64.

    References
    ----------
    F. Crow, "Summed-area tables for texture mapping" (1984). The table is only kept where a square begins or ends.
    """
    dtype = np.int64 if np.issubdtype(values.dtype, np.integer) else np.float64

    def down(starts: NDArray[np.int64], values: NDArray[Any]) -> NDArray[Any]:
        cuts = np.unique(np.concatenate([starts, starts + size]))
        strips = [values[a:b].sum(axis=0, dtype=dtype) for a, b in pairwise(cuts)]
        table = np.cumsum([np.zeros_like(strips[0]), *strips], axis=0)
        return table[np.searchsorted(cuts, starts + size)] - table[np.searchsorted(cuts, starts)]

    rows = down(tops, values)
    return down(lefts, (rows.sum(axis=2) if rows.ndim == 3 else rows).T).T


def scores(
    images: Sequence[NDArray[Any]], tops: NDArray[np.int64], lefts: NDArray[np.int64], size: int
) -> NDArray[np.float64]:
    """How much pictures differ in squares, and how much goes on in them.

    ``max over pictures of std(all values) + mean over pixels of max over channels of std(across pictures)``

    Parameters
    ----------
    images : sequence of ndarray
        n pictures (H, W, C), uint8 or float64.
    tops, lefts, size
        As for `window_sums`.

    Returns
    -------
    ndarray
        (T, L) float64, on the scale of the values.
    """
    n, count = len(images), size * size * images[0].shape[2]
    # Of uint8, the narrowest whole numbers that hold squares, sums of n, and n times sums of n squares.
    narrow, wide = (np.uint16, np.int32 if n <= 180 else np.int64) if images[0].dtype == np.uint8 else (float, float)
    largest = np.zeros((len(tops), len(lefts)))
    total: NDArray[Any] = np.zeros(images[0].shape, wide)
    square: NDArray[Any] = np.zeros(images[0].shape, wide)
    for image in images:
        squares = np.multiply(image, image, dtype=narrow)
        mean = window_sums(image, tops, lefts, size) / count
        largest = np.maximum(largest, window_sums(squares, tops, lefts, size) / count - mean**2)
        total += image
        square += squares
    square *= n
    square -= total * total  # n squared times the variance of each value across the pictures
    across = np.sqrt(np.maximum(np.maximum.reduce(np.moveaxis(square, 2, 0)), 0)) / n
    return np.sqrt(largest) + window_sums(across, tops, lefts, size) / size**2


def find_rois(images: Sequence[NDArray[Any]], size: int = 384, count: int = 4) -> list[Roi]:
    """Find the squares in which pictures of the same thing differ most.

    Parameters
    ----------
    images : sequence of ndarray
        Two or more pictures of the same shape (H, W, C) or (H, W), uint8 or floats in [0, 1].
    size : int
        Pixels a side of a square, 1 to the shorter side of the pictures.
    count : int
        How many at most. There may be fewer: squares do not overlap.

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
    Candidates lie on a grid of `size`, shifted by each of 8 x 8 even fractions of it. The best is taken, then the next
    that does not collide with those already taken, and so on.
    """
    pictures = _check(images)
    height, width = pictures[0].shape[:2]
    if not is_whole(size) or not 1 <= size <= min(height, width):
        raise ValueError(
            f"size is {size!r}; accepted are whole numbers from 1 to {min(height, width)}, "
            f"the shorter side of the {width} x {height} pictures"
        )
    if not is_whole(count) or count < 1:
        raise ValueError(f"count is {count!r}; accepted are whole numbers from 1")
    tops, lefts = positions(size, height), positions(size, width)
    table = scores(pictures, tops, lefts, size)
    if pictures[0].dtype != np.uint8:
        table = table * 255
    found: list[Roi] = []
    while len(found) < count:
        row, column = np.unravel_index(table.argmax(), table.shape)
        if table[row, column] == -np.inf:
            break
        top, left = int(tops[row]), int(lefts[column])
        found.append(Roi(top, left, top + size, left + size, float(table[row, column])))
        _rule_out(table, tops - top, lefts - left, size)
    return found


def _rule_out(table: NDArray[np.float64], down: NDArray[np.int64], across: NDArray[np.int64], size: int) -> None:
    """Set the scores of candidates at these distances from a square that is taken to -inf where the two collide.

    They do if a corner of the one lies in the other, edges included, and is not itself a corner of it.
    """
    rows, columns = (np.flatnonzero(abs(distance) <= size) for distance in (down, across))
    down, across = down[rows, None], across[columns]
    # Of squares that meet along a whole edge or in a corner, only corners touch.
    beside = (down % size == 0) & (across % size == 0) & ((down != 0) | (across != 0))
    table[np.ix_(rows, columns)] = np.where(beside, table[np.ix_(rows, columns)], -np.inf)


def merge_rois(rois: Sequence[Roi]) -> list[Roi]:
    """Join regions that share a whole edge, until no two do.

    Parameters
    ----------
    rois : sequence of Roi
        From `find_rois`.

    Returns
    -------
    list of Roi
        In the order of the first region of each; a joint region has the highest score of its parts.
    """
    merged = list(rois)
    while (pair := _neighbours(merged)) is not None:
        i, j = pair
        a, b = merged[i], merged[j]
        merged[i] = Roi(
            min(a.top, b.top),
            min(a.left, b.left),
            max(a.bottom, b.bottom),
            max(a.right, b.right),
            max(a.score, b.score),
        )
        del merged[j]
    return merged


def _neighbours(rois: Sequence[Roi]) -> tuple[int, int] | None:
    """The first two regions that share a whole edge."""
    for i, a in enumerate(rois):
        for j in range(i + 1, len(rois)):
            b = rois[j]
            beside = (a.top, a.bottom) == (b.top, b.bottom) and (a.right == b.left or b.right == a.left)
            above = (a.left, a.right) == (b.left, b.right) and (a.bottom == b.top or b.bottom == a.top)
            if beside or above:
                return i, j
    return None


def _check(images: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    """Pictures of one shape, (H, W, C), uint8 or float64 in [0, 1]."""
    arrays = [np.asarray(image) for image in images]
    if len(arrays) < 2:
        raise ValueError(f"{len(arrays)} picture(s) given; at least two are needed to see where they differ")
    shapes = {array.shape for array in arrays}
    if len(shapes) > 1:
        raise ValueError(f"the pictures differ in shape ({', '.join(map(str, sorted(shapes)))}); accepted is one shape")
    if arrays[0].ndim not in (2, 3) or 0 in arrays[0].shape:
        raise ValueError(f"arrays of shape {arrays[0].shape} are no pictures; accepted are (H, W, C) and (H, W)")
    if all(array.dtype == np.uint8 for array in arrays):
        return [array.reshape(*array.shape[:2], -1) for array in arrays]
    floats = [array / 255 if array.dtype == np.uint8 else array.astype(np.float64) for array in arrays]
    if not all(np.isfinite(array).all() and array.min() >= 0 and array.max() <= 1 for array in floats):
        raise ValueError("the pictures' values leave their range; accepted are uint8, or floats in [0, 1]")
    return [array.reshape(*array.shape[:2], -1) for array in floats]
