"""Zoom without end: which tiles are in view, and what is restored of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import frantools as ft
from frantools.comparisons.cache import Cache
from frantools.comparisons.render_job import RenderJob
from frantools.frannet.network.model import FranNet
from frantools.photos.photo import Photo
from frantools.photos.regions import Region
from frantools.restorers.base import Cancelled
from frantools.restorers.columns import Column
from frantools.widgets import deep_zoom

WHOLE = {"x": 0.0, "y": 0.0, "width": 1.0, "height": 1.0}
PART = {"x": 0.3, "y": 0.4, "width": 0.25, "height": 0.25}
SCREEN = {"width": 300, "height": 300, "dpr": 1}
QUIET: Any = lambda share: None  # noqa: E731


def restored(
    job: RenderJob, columns: list[Column], view: Any, screen: Any, progress: Any
) -> list[deep_zoom.RestoredTile]:
    """What is restored of a view."""
    return list(
        deep_zoom.restore_tiles(job, columns, deep_zoom.tiles_to_render(job, view, screen, max(job.size)), progress)
    )


def job_of(columns: list[Column], size: int = 64, frame: str = "square", given: Any = None) -> RenderJob:
    picture = ft.portraits()["hopper"]
    photo = Photo(picture if frame == "square" else picture[: len(picture) * 2 // 3], frame)
    return RenderJob(photo, photo.size(size), given=given, cache=Cache())


@pytest.mark.parametrize(
    ("view", "screen", "expected"),
    [
        (WHOLE, {"width": 256, "height": 256, "dpr": 1}, None),
        (WHOLE, {"width": 256, "height": 256, "dpr": 2}, 1),
        (PART, {"width": 256, "height": 256, "dpr": 1}, 2),
        (PART, {"width": 512, "height": 256, "dpr": 1}, 2),
        (PART, {}, None),
        ({**PART, "width": 1e-12, "height": 1e-12}, SCREEN, deep_zoom.MAX_LEVEL),
    ],
)
def test_the_level_has_about_as_many_pixels_as_the_screen(view: Any, screen: Any, expected: int | None) -> None:
    assert deep_zoom.find_level(view, screen, (400, 400), 256) == expected


@pytest.mark.parametrize("frame", [(300, 300), (300, 200), (77, 300)])
@pytest.mark.parametrize("view", [WHOLE, PART, {"x": -0.5, "y": 0.9, "width": 2.0, "height": 0.3}])
def test_tiles_cover_exactly_the_visible_part(frame: tuple[int, int], view: Any) -> None:
    tiles, part = deep_zoom.visible_tiles(view, frame, 3), deep_zoom.visible_region(view)
    wide, high = deep_zoom.level_size(frame, 3)
    covered = np.zeros((high, wide), int)
    for tile in tiles:
        covered[tile.top : tile.bottom, tile.left : tile.right] += 1
        x, y = part.x * wide, part.y * high
        assert tile.left < x + part.width * wide + 1e-6
        assert tile.right > x
        assert tile.top < y + part.height * high + 1e-6
        assert tile.bottom > y
    assert covered.max() == 1
    inside = covered[round(part.y * high) : round((part.y + part.height) * high)]
    assert inside[:, round(part.x * wide) : round((part.x + part.width) * wide)].all()


@pytest.mark.parametrize("frame", ["square", "whole"])
def test_stitched_tiles_are_the_crop_of_the_whole_picture(random_models: dict[str, FranNet], frame: str) -> None:
    given = ft.Degradation(shrink=4)
    columns = [
        Column("diffusion", random_models["diffusion"], ft.Setup(K=50)),
        Column("single", random_models["single-pass"]),
        Column("bicubic", "bicubic"),
        Column("original", "original"),
    ]
    job = job_of(columns, frame=frame, given=given)
    pieces = restored(job, columns, PART, SCREEN, QUIET)
    wide, high = max((piece.tile.whole for piece in pieces), key=max)
    assert max(wide, high) == 1024
    sharp = [piece for piece in pieces if piece.tile.whole == (wide, high)]
    assert len(sharp) == len(columns) * len({piece.tile for piece in sharp})
    left, top = min(piece.tile.left for piece in sharp), min(piece.tile.top for piece in sharp)
    right, bottom = max(piece.tile.right for piece in sharp), max(piece.tile.bottom for piece in sharp)
    part = Region(left / wide, top / high, (right - left) / wide, (bottom - top) / high)
    for column in columns:
        stitched = np.full((bottom - top, right - left, 3), np.nan, np.float32)
        for piece in sharp:
            if piece.title == column.title:
                tile = piece.tile
                stitched[tile.top - top : tile.bottom - top, tile.left - left : tile.right - left] = piece.image
        alone = RenderJob(job.photo, (right - left, bottom - top), part, given=given, around=job.frame_size)
        assert np.abs(stitched - alone.restore(column, QUIET).image).max() <= 1e-4, column.title
        if column.title != "original":  # it has eight bits
            whole = RenderJob(job.photo, (wide, high), given=given, around=job.frame_size).restore(column, QUIET).image
            assert np.abs(stitched - whole[top:bottom, left:right]).max() <= 1e-4, column.title


class Counting:
    """A restorer that counts what it is asked for."""

    title, cost, random, frame = "counting", 0.1, False, "square"

    def __init__(self, continuous: bool) -> None:
        self.continuous, self.asked = continuous, []  # type: ignore[var-annotated]

    def restore(self, given: Any, size: Any, region: Any, seed: int, progress: Any) -> Any:
        self.asked.append((size, region))
        progress(0.5)
        return ft.Restoration(np.zeros((size[1], size[0], 3), np.float32), 0.0, 1)

    def to_dict(self) -> dict[str, Any]:
        return {"missing": "it counts", "title": self.title}


def test_only_visible_tiles_are_computed_and_each_once() -> None:
    anew, fixed = Counting(True), Counting(False)
    columns = [Column("anew", anew), Column("fixed", fixed)]
    job = job_of(columns)
    pieces = restored(job, columns, PART, SCREEN, QUIET)
    assert fixed.asked == []
    assert {piece.title for piece in pieces} == {"anew"}
    part = deep_zoom.visible_region(PART)
    assert len(anew.asked) == len(pieces) == len({(size, str(region)) for size, region in anew.asked}) < 16
    for _, region in anew.asked:
        assert region.x < part.x + part.width
        assert region.x + region.width > part.x
        assert region.y < part.y + part.height
        assert region.y + region.height > part.y
    levels = [piece.tile.whole for piece in pieces]
    assert levels == sorted(levels), "coarse, then sharp"
    before = len(anew.asked)
    moved = {**PART, "x": PART["x"] + 0.01}
    restored(job, columns, PART, SCREEN, QUIET)
    restored(job, columns, moved, SCREEN, QUIET)
    assert len(anew.asked) == before, "they come from the cache"
    restored(job, columns, {**PART, "x": 0.55}, SCREEN, QUIET)
    assert len(anew.asked) > before
    assert restored(job, columns, WHOLE, {"width": 64, "height": 64, "dpr": 1}, QUIET) == []


def test_another_view_ends_the_work() -> None:
    anew = Counting(True)

    def progress(share: float) -> None:
        if len(anew.asked) == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        restored(job_of([]), [Column("anew", anew)], PART, SCREEN, progress)
    assert len(anew.asked) == 3
