"""Crops of a comparison show the same part of every column."""

from __future__ import annotations

import numpy as np
import pytest

import frantools as ft


@pytest.fixture(scope="module")
def made() -> ft.Comparison:
    return ft.compare("hopper", ["bicubic", "nearest", ("broken", lambda picture: None)], size=64)


def test_each_box_is_a_row_of_the_very_pixels_below_the_whole_pictures(made):
    figure = ft.crops(made, boxes=[(8, 16, 24, 40), {"name": "eye", "box": (0, 0, 64, 8)}])
    assert len(figure.axes) == 9
    np.testing.assert_array_equal(figure.axes[3].images[0].get_array(), made["bicubic"].image[16:40, 8:24])
    np.testing.assert_array_equal(figure.axes[7].images[0].get_array(), made["nearest"].image[:8])
    assert [figure.axes[n].get_ylabel() for n in (3, 6)] == ["1", "eye"]
    assert "broken returned None" in " ".join(figure.axes[5].texts[0].get_text().split())


def test_regions_of_interest_are_boxes_and_the_default(made):
    rois = made.rois()
    assert len(ft.crops(made).axes) == 3 * (1 + len(rois))
    assert len(ft.crops(made, rois=rois[:1], layout="alone").axes) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"boxes": [(0, 0, 65, 8)]}, "must lie within 0, 0, 64, 64, got"),
        ({"boxes": [(8, 8, 8, 9)]}, "must not be empty"),
        ({"boxes": [(1, 2, 3)]}, "a box|box must"),
        ({"boxes": []}, "boxes must be one or more, got none"),
        ({"boxes": [(0, 0, 8, 8)], "rois": []}, "pass either boxes or rois"),
        ({"layout": "above"}, "must be 'below' or 'alone', got 'above'"),
    ],
)
def test_invalid_boxes_are_refused(made, arguments, message):
    with pytest.raises(ValueError, match=message):
        ft.crops(made, **arguments)
