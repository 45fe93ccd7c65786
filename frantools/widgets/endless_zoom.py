"""Zoom without end: what is in view is restored anew, tile by tile, where the screen has more pixels than the picture.

The tiles are those of a fixed pyramid over the picture, so that a tile that was made once is never made again: at level
L, the longer side of the whole has 256 times 2**L pixels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from math import ceil, floor, log2
from typing import Any

from ..comparisons.render_job import RenderJob, render_columns
from ..photos.regions import Region
from ..restorers.base import Colours, Progress
from ..restorers.columns import Column

TILE = 256  # pixels a side
DEEPEST = 21  # beyond it, points are closer together than their random numbers tell apart
ENOUGH = 0.8  # pixels of a picture for each of the screen's that nobody tells from one
COARSER = 2  # levels above the sharp one that come first: a sixteenth of the work
UNRESTORED = ("input", "input-colour", "original")
"""Columns that show what is given, or the photo itself."""

Sides = tuple[int, int]


@dataclass(frozen=True)
class PyramidTile:
    """One square of the pyramid, in pixels of the whole picture at its level; right and bottom are exclusive."""

    whole: Sides
    left: int
    top: int
    right: int
    bottom: int

    @property
    def size(self) -> Sides:
        """Width and height in pixels."""
        return self.right - self.left, self.bottom - self.top

    @property
    def region(self) -> Region:
        """The tile in fractions of the picture."""
        (wide, high), (width, height) = self.whole, self.size
        return Region(self.left / wide, self.top / high, width / wide, height / high)


@dataclass(frozen=True, eq=False)
class RestoredTile:
    """A tile of a column, restored."""

    title: str
    tile: PyramidTile
    image: Colours = field(repr=False)
    urgent: bool = True
    """It is shown at once: none stands for another."""


def seen(view: Mapping[str, float]) -> Region:
    """What of the picture is in view: a view may reach beyond its edges."""
    left, top = (min(max(float(view[name]), 0.0), 1.0 - 1e-9) for name in ("x", "y"))
    right, bottom = (float(view[a]) + float(view[b]) for a, b in (("x", "width"), ("y", "height")))
    return Region(left, top, max(min(right, 1.0) - left, 1e-9), max(min(bottom, 1.0) - top, 1e-9))


def level_size(frame: Sides, level: int) -> Sides:
    """Width and height of the whole picture at a level, for a frame of any width and height."""
    wide, high = (max(1, round((TILE << level) * side / max(frame))) for side in frame)
    return wide, high


def level_of(view: Mapping[str, float], screen: Mapping[str, Any], frame: Sides, pixels: int) -> int | None:
    """The level whose pixels are about the screen's; None where the picture itself has as many.

    Parameters
    ----------
    view : dict
        What a pane shows: x, y, width and height in fractions of the picture.
    screen : dict
        The pane's width and height in CSS pixels, and "dpr", the screen's pixels for each.
    frame : (int, int)
        Width and height of the whole, in whatever unit.
    pixels : int
        The longer side of the picture that the pane has.
    """
    sides = [float(screen.get(name) or 0) * float(screen.get("dpr") or 1) for name in ("width", "height")]
    extents = [float(view["width"]) * frame[0], float(view["height"]) * frame[1]]
    if min(*sides, *extents) <= 0:
        return None
    needed = min(side / extent for side, extent in zip(sides, extents, strict=True)) * max(frame)
    if needed * ENOUGH <= pixels:
        return None
    return min(max(0, ceil(log2(needed * ENOUGH / TILE))), DEEPEST)


def in_view(view: Mapping[str, float], frame: Sides, level: int) -> list[PyramidTile]:
    """The tiles of a level that are in view, from the middle outwards."""
    region, (wide, high) = seen(view), level_size(frame, level)
    columns = range(floor(region.x * wide / TILE), ceil(min(1.0, region.x + region.width) * wide / TILE))
    rows = range(floor(region.y * high / TILE), ceil(min(1.0, region.y + region.height) * high / TILE))
    x, y = (region.x + region.width / 2) * wide / TILE - 0.5, (region.y + region.height / 2) * high / TILE - 0.5
    cells = [(row, column) for row in rows for column in columns]
    cells.sort(key=lambda at: abs(at[0] - y) + abs(at[1] - x))
    return [
        PyramidTile(
            (wide, high), TILE * column, TILE * row, min(wide, TILE * (column + 1)), min(high, TILE * (row + 1))
        )
        for row, column in cells
    ]


def continuous(job: RenderJob, columns: Sequence[Column]) -> list[Column]:
    """The columns that can be asked for a region anew; those that cannot be made are none of them."""
    found = []
    for column in columns:
        with suppress(Exception):  # of whatever kind: it is told where the column is restored
            if job.resolve(column).continuous:
                found.append(column)
    return found


def wanted(job: RenderJob, view: Mapping[str, float], screen: Mapping[str, Any], pixels: int) -> list[PyramidTile]:
    """The tiles of a picture that are in view: coarse ones, then sharp ones; none where the picture will do.

    Parameters
    ----------
    job : RenderJob
        Of the whole picture.
    view, screen, pixels
        See `level_of`.
    """
    height, width = job.photo.picture.shape[:2]
    level = level_of(view, screen, (width, height), pixels)
    if level is None:
        return []
    coarse = level - COARSER
    levels = [coarse, level] if coarse >= 0 and TILE << coarse > pixels else [level]
    return [tile for each in levels for tile in in_view(view, (width, height), each)]


def restored(
    job: RenderJob, columns: Sequence[Column], tiles: Sequence[PyramidTile], progress: Progress
) -> Iterator[RestoredTile]:
    """Tiles of the columns that are continuous, one after the other; each in all columns before the next.

    Parameters
    ----------
    job : RenderJob
        Of the whole picture. What restorers are given stays as it is, whatever the level. Its cache keeps the tiles.
    columns : sequence of Column
        Those of other kinds are left out.
    tiles : sequence of PyramidTile
        See `wanted`.
    progress : callable
        Told the share that is done; what it raises ends the work.
    """
    anew = continuous(job, columns) if tiles else []
    asked = [(tile, column) for tile in tiles for column in anew]
    costs = [job.cost(column) for _, column in asked]
    for index, (tile, column) in enumerate(asked):

        def report(share: float, index: int = index) -> None:
            progress((sum(costs[:index]) + share * costs[index]) / sum(costs))

        part = replace(job, size=tile.size, region=tile.region, around=job.frame_size)
        pictures, _ = render_columns(part, [column], report)  # what goes wrong is told of the whole picture
        for title, made in pictures.items():
            yield RestoredTile(title, tile, made.image)
