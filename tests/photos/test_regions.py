"""Properties of regions, sizes and points."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import frantools as ft
from frantools.photos.regions import LARGEST, axes, dimensions, points

sides = st.integers(1, 24)


@st.composite
def all_regions(draw: st.DrawFn) -> ft.Region:
    x, y = draw(st.floats(0, 0.99)), draw(st.floats(0, 0.99))
    return ft.Region(x, y, draw(st.floats(1e-4, 1 - x)), draw(st.floats(1e-4, 1 - y)))


@given(all_regions(), st.tuples(sides, sides))
def test_the_points_of_a_region_lie_in_it(region: ft.Region, size: tuple[int, int]) -> None:
    grid = points(size, region)
    assert grid.dtype == torch.float64
    assert grid.shape == (size[0] * size[1], 2)
    x, y = grid.unbind(-1)
    slack = 1e-12
    assert region.x - slack <= x.min()
    assert x.max() <= region.x + region.width + slack
    assert region.y - slack <= y.min()
    assert y.max() <= region.y + region.height + slack


@given(st.data(), sides, sides)
def test_a_region_of_whole_pixels_has_their_points(data: st.DataObject, w: int, h: int) -> None:
    left, top = data.draw(st.integers(0, w - 1)), data.draw(st.integers(0, h - 1))
    width, height = data.draw(st.integers(1, w - left)), data.draw(st.integers(1, h - top))
    region = ft.Region(left / w, top / h, width / w, height / h)
    whole = points((w, h)).view(h, w, 2)[top : top + height, left : left + width]
    torch.testing.assert_close(points((width, height), region).view(height, width, 2), whole, rtol=0, atol=1e-14)


@given(sides, sides)
def test_points_are_pixel_centres_row_by_row_x_first(width: int, height: int) -> None:
    grid = points((width, height))
    want = [((i + 0.5) / width, (j + 0.5) / height) for j in range(height) for i in range(width)]
    np.testing.assert_allclose(grid, want, rtol=0, atol=1e-15)


@given(all_regions(), sides)
def test_the_axes_span_the_points(region: ft.Region, size: int) -> None:
    x, y = axes(size, region)
    grid = points(size, region).view(size, size, 2)
    assert torch.equal(grid[0, :, 0], x)
    assert torch.equal(grid[:, 0, 1], y)


@pytest.mark.parametrize(
    ("values", "accepted"),
    [
        ((0.2, 0.2, 0, 0.4), "is empty: its width and height must be above 0"),
        ((0.2, 0.2, 0.4, -0.1), "is empty: its width and height must be above 0"),
        ((0.7, 0.2, 0.4, 0.4), "leaves the picture: it must have 0 <= x and x \\+ width <= 1"),
        ((0.2, 0.7, 0.4, 0.4), "leaves the picture"),
        ((-0.1, 0.2, 0.4, 0.4), "leaves the picture"),
        ((2, 2, 1, 1), "leaves the picture"),
        ((float("nan"), 0.2, 0.4, 0.4), "the region's x must be a number, got nan"),
        ((0.2, 0.2, float("inf"), 0.4), "the region's width must be a number, got inf"),
        ((0.2, "0.2", 0.4, 0.4), "the region's y must be a number, got '0.2'"),
        ((0.2, 0.2, 0.4, None), "the region's height must be a number, got None"),
        ((True, 0.2, 0.4, 0.4), "the region's x must be a number, got True"),
    ],
)
def test_invalid_regions_are_refused(values: Any, accepted: str) -> None:
    with pytest.raises(ValueError, match=accepted):
        ft.Region(*values)


def test_regions_accept_numpy_scalars_and_rounding_errors() -> None:
    region = ft.Region(np.float32(0.25), np.float64(0.7), np.int64(0) + 0.5, 0.3)
    assert region == ft.Region(0.25, 0.7, 0.5, 0.3)
    assert all(type(value) is float for value in (region.x, region.y, region.width, region.height))
    assert ft.Region(0.9, 0.9, 0.1, 0.1)  # 0.9 + 0.1 is 1; 0.7 + 0.1 * 3 is more
    assert ft.Region(0.7, 0.7, 0.1 * 3, 0.1 * 3)


@pytest.mark.parametrize("size", [1, 178, np.int64(64), LARGEST])
def test_one_number_is_a_square(size: int) -> None:
    assert dimensions(size) == (size, size)


def test_two_numbers_are_width_and_height() -> None:
    assert dimensions((320, 200)) == dimensions([320, 200]) == (320, 200)


@pytest.mark.parametrize(
    "size",
    [0, -1, LARGEST + 1, 1.5, 64.0, "64", None, True, (), (64,), (64, 0), (64, 64, 3), (64, "64"), np.array([6, 4])],
)
def test_invalid_sizes_are_refused(size: Any) -> None:
    with pytest.raises(ValueError, match="size must be an integer or \\(width, height\\), each from 1 to 16384"):
        dimensions(size)
