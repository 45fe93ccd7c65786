"""Deep zoom: the visible part of a picture is re-rendered, tile by tile, where the screen has more pixels than it.

The tiles belong to a fixed pyramid over the picture, so that a tile is rendered only once: at level L, the longer side
of the whole picture has 256 times 2**L pixels.
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
MAX_LEVEL = 21  # beyond it, points are closer together than their random numbers can distinguish
SHARP_ENOUGH = 0.8  # picture pixels per screen pixel that look as sharp as one
COARSE_LEVELS = 2  # levels below the sharp one that is rendered first: a sixteenth of the work
UNRESTORED = ("input", "input-colour", "original")
"""Columns that show the input or the photo itself."""

Size = tuple[int, int]


@dataclass(frozen=True)
class PyramidTile:
    """A square of the pyramid, in pixels of the whole picture at its level; right and bottom are exclusive."""

    whole: Size
    left: int
    top: int
    right: int
    bottom: int

    @property
    def size(self) -> Size:
        """Width and height in pixels."""
        return self.right - self.left, self.bottom - self.top

    @property
    def region(self) -> Region:
        """The tile in fractions of the picture."""
        (whole_width, whole_height), (width, height) = self.whole, self.size
        return Region(self.left / whole_width, self.top / whole_height, width / whole_width, height / whole_height)


@dataclass(frozen=True, eq=False)
class RestoredTile:
    """A tile of a column."""

    title: str
    tile: PyramidTile
    image: Colours = field(repr=False)
    urgent: bool = True
    """Every tile is shown at once, because none replaces another."""


def visible_region(view: Mapping[str, float]) -> Region:
    """Return the visible part of the picture: a view may reach beyond its edges."""
    left, top = (min(max(float(view[name]), 0.0), 1.0 - 1e-9) for name in ("x", "y"))
    right, bottom = (float(view[a]) + float(view[b]) for a, b in (("x", "width"), ("y", "height")))
    return Region(left, top, max(min(right, 1.0) - left, 1e-9), max(min(bottom, 1.0) - top, 1e-9))


def level_size(frame: Size, level: int) -> Size:
    """Return the width and height of the whole picture at a level, for a frame of any unit."""
    width, height = (max(1, round((TILE << level) * side / max(frame))) for side in frame)
    return width, height


def find_level(view: Mapping[str, float], screen: Mapping[str, Any], frame: Size, pixels: int) -> int | None:
    """Return the level with about as many pixels as the screen, or None if the picture has enough.

    Parameters
    ----------
    view : dict
        The view of a pane: x, y, width and height in fractions of the picture.
    screen : dict
        The pane's width and height in CSS pixels, and "dpr", screen pixels per CSS pixel.
    frame : (int, int)
        Width and height of the whole picture, in any unit.
    pixels : int
        The longer side of the picture in the pane.
    """
    sides = [float(screen.get(name) or 0) * float(screen.get("dpr") or 1) for name in ("width", "height")]
    extents = [float(view["width"]) * frame[0], float(view["height"]) * frame[1]]
    if min(*sides, *extents) <= 0:
        return None
    needed = min(side / extent for side, extent in zip(sides, extents, strict=True)) * max(frame)
    if needed * SHARP_ENOUGH <= pixels:
        return None
    return min(max(0, ceil(log2(needed * SHARP_ENOUGH / TILE))), MAX_LEVEL)


def visible_tiles(view: Mapping[str, float], frame: Size, level: int) -> list[PyramidTile]:
    """Return the visible tiles of a level, from the centre outwards."""
    region, (width, height) = visible_region(view), level_size(frame, level)
    columns = range(floor(region.x * width / TILE), ceil(min(1.0, region.x + region.width) * width / TILE))
    rows = range(floor(region.y * height / TILE), ceil(min(1.0, region.y + region.height) * height / TILE))
    centre_x = (region.x + region.width / 2) * width / TILE - 0.5
    centre_y = (region.y + region.height / 2) * height / TILE - 0.5
    cells = [(row, column) for row in rows for column in columns]
    cells.sort(key=lambda cell: abs(cell[0] - centre_y) + abs(cell[1] - centre_x))
    tiles = []
    for row, column in cells:
        left, top = TILE * column, TILE * row
        tiles.append(PyramidTile((width, height), left, top, min(width, left + TILE), min(height, top + TILE)))
    return tiles


def continuous_columns(job: RenderJob, columns: Sequence[Column]) -> list[Column]:
    """Return the columns that can render any region at any size; those with errors are not among them."""
    continuous = []
    for column in columns:
        with suppress(Exception):  # errors of any kind are shown where the column is rendered
            if job.resolve(column).continuous:
                continuous.append(column)
    return continuous


def tiles_to_render(
    job: RenderJob, view: Mapping[str, float], screen: Mapping[str, Any], pixels: int
) -> list[PyramidTile]:
    """Return the visible tiles, coarse ones before sharp ones; none if the picture is sharp enough.

    Parameters
    ----------
    job : RenderJob
        Of the whole picture.
    view, screen, pixels
        See `find_level`.
    """
    height, width = job.photo.picture.shape[:2]
    sharp = find_level(view, screen, (width, height), pixels)
    if sharp is None:
        return []
    coarse = sharp - COARSE_LEVELS
    levels = [coarse, sharp] if coarse >= 0 and TILE << coarse > pixels else [sharp]
    return [tile for level in levels for tile in visible_tiles(view, (width, height), level)]


def restore_tiles(
    job: RenderJob, columns: Sequence[Column], tiles: Sequence[PyramidTile], progress: Progress
) -> Iterator[RestoredTile]:
    """Yield tiles of all continuous columns, tile by tile.

    Parameters
    ----------
    job : RenderJob
        Of the whole picture. Restorers receive the same input at every level. Its cache keeps the tiles.
    columns : sequence of Column
        Columns that are not continuous are skipped.
    tiles : sequence of PyramidTile
        See `tiles_to_render`.
    progress : callable
        Receives the completed fraction; an exception that it raises ends the work.
    """
    continuous = continuous_columns(job, columns) if tiles else []
    parts = [(tile, column) for tile in tiles for column in continuous]
    costs = [job.cost(column) for _, column in parts]
    for index, (tile, column) in enumerate(parts):

        def tile_progress(fraction: float, index: int = index) -> None:
            progress((sum(costs[:index]) + fraction * costs[index]) / sum(costs))

        tile_job = replace(job, size=tile.size, region=tile.region, around=job.frame_size)
        restorations, _ = render_columns(tile_job, [column], tile_progress)  # errors are shown for the whole picture
        for title, restoration in restorations.items():
            yield RestoredTile(title, tile, restoration.image)
