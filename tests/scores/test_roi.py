"""The search for regions of interest: exact, whatever the pictures, and clear about what it cannot do."""

from __future__ import annotations

from itertools import combinations, product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import frantools as ft
from frantools import note
from frantools.note import four_figures
from frantools.scores import roi_search as roi_module
from frantools.scores.roi_search import RoiSearch, positions, scores


def pictures(seed: int, number: int, shape: tuple[int, ...]) -> list[np.ndarray]:
    """Random uint8 pictures that share most of their content, smooth in some places and noisy in others."""
    rng = np.random.default_rng(seed)
    base = rng.integers(0, 200, shape)
    spread = rng.integers(1, 56, (*shape[:2], *([1] * (len(shape) - 2))))
    return [(base + rng.integers(0, spread, shape)).astype(np.uint8) for _ in range(number)]


def brute_force(images: list[np.ndarray], size: int, count: int) -> list[tuple[int, int, float]]:
    """The definition, square by square: (top, left, score)."""
    stack = np.stack(images).astype(np.float64)
    stack = stack.reshape(*stack.shape[:3], -1)
    height, width = stack.shape[1:3]
    shifts = np.linspace(0, size, 9)[:-1].astype(int)
    starts = [[s + k * size for s in shifts for k in range(n // size + 1)] for n in (height, width)]
    scored = {}
    for top, left in product(*starts):
        if top + size <= height and left + size <= width:
            square = stack[:, top : top + size, left : left + size]
            scored[top, left] = square.std(axis=(1, 2, 3)).max() + square.std(axis=0).max(axis=-1).mean()
    found: list[tuple[int, int, float]] = []
    for (top, left), score in sorted(scored.items(), key=lambda item: -item[1]):
        if not any(overlap((top, left), other, size) for other in found) and len(found) < count:
            found.append((top, left, score))
    return found


def overlap(a: tuple[int, ...], b: tuple[Any, ...], size: int) -> bool:
    """Whether a corner of one square lies in the other, its edge included, and is not a corner of it."""
    down, right = abs(a[0] - b[0]), abs(a[1] - b[1])
    touching = (down, right) in ((0, size), (size, 0), (size, size))
    return down <= size and right <= size and not touching


@settings(max_examples=25)
@given(
    st.integers(0, 2**32),
    st.integers(2, 5),
    st.sampled_from([(17, 23, 3), (32, 32, 3), (40, 21, 1), (30, 30), (12, 50, 4)]),
    st.integers(4, 12),  # smaller squares often have equal scores
    st.integers(1, 6),
)
def test_find_rois_equals_the_definition(seed, number, shape, size, count):
    images = pictures(seed, number, shape)
    found, expected = ft.find_rois(images, size, count), brute_force(images, size, count)
    assert len(found) == len(expected)
    for roi, (top, left, score) in zip(found, expected, strict=True):
        assert roi.score == pytest.approx(score, abs=1e-6)
        assert (roi.top, roi.left, roi.bottom, roi.right) == (top, left, top + size, left + size)


def test_the_difference_is_the_part_of_the_score_that_is_not_contrast():
    board = np.kron(np.indices((4, 4)).sum(axis=0) % 2, np.ones((8, 8))).astype(np.uint8)[..., None] * 255
    other = board.copy()
    other[:16, :16] = 255 - other[:16, :16]
    found = {(roi.top, roi.left): roi for roi in ft.find_rois([board, other], 16, 4)}
    assert found[0, 0].difference == pytest.approx(127.5)  # of 0 and 255 everywhere
    assert {roi.difference for roi in found.values()} == {found[0, 0].difference, 0}
    for roi in found.values():
        assert roi.score - roi.difference == pytest.approx(127.5)
    floats = ft.find_rois([board / 255, other / 255], 16, 4)
    assert [roi.difference for roi in floats] == pytest.approx([roi.difference for roi in found.values()])


@pytest.mark.parametrize("size", [1, 2, 3])
def test_the_best_of_tiny_squares_has_the_highest_score(size):
    images = pictures(4, 3, (9, 14, 3))
    assert ft.find_rois(images, size, 1)[0].score == pytest.approx(brute_force(images, size, 1)[0][2])


@settings(max_examples=25)
@given(st.integers(0, 2**32), st.integers(1, 16), st.integers(1, 9))
def test_found_regions_lie_inside_do_not_overlap_and_fall_in_score(seed, size, count):
    found = ft.find_rois(pictures(seed, 3, (40, 33, 3)), size, count)
    assert 1 <= len(found) <= count
    assert [roi.score for roi in found] == sorted((roi.score for roi in found), reverse=True)
    for roi in found:
        assert 0 <= roi.top < roi.bottom <= 40
        assert 0 <= roi.left < roi.right <= 33
    for a, b in combinations(found, 2):
        assert a.right <= b.left or b.right <= a.left or a.bottom <= b.top or b.bottom <= a.top


@pytest.mark.parametrize("number", [2, 3, 7])
def test_floats_and_bytes_have_the_same_regions(number):
    images = pictures(1, number, (64, 48, 3))
    whole, floats = ft.find_rois(images, 16, 5), ft.find_rois([image / 255 for image in images], 16, 5)
    assert [(roi.top, roi.left) for roi in whole] == [(roi.top, roi.left) for roi in floats]
    np.testing.assert_allclose([r.score for r in whole], [r.score for r in floats], rtol=0, atol=1e-6)


def test_the_region_that_differs_is_found():
    images = [np.full((64, 64, 3), 100, dtype=np.uint8) for _ in range(3)]
    images[2][16:32, 40:56:2] += 50
    images[2][16:32, 41:56:2] -= 50
    best = ft.find_rois(images, 16, 1)[0]
    assert (best.top, best.left, best.bottom, best.right) == (16, 40, 32, 56)


def test_the_order_of_the_pictures_does_not_matter():
    images = pictures(2, 4, (48, 48, 3))
    assert ft.find_rois(images, 12, 4) == ft.find_rois(images[::-1], 12, 4)


def test_a_whole_picture_is_one_region():
    (roi,) = ft.find_rois(pictures(3, 2, (20, 20, 3)), 20, 4)
    assert (roi.top, roi.left, roi.bottom, roi.right) == (0, 0, 20, 20)


def test_equal_flat_pictures_score_nothing():
    assert ft.find_rois([np.zeros((16, 16, 3), dtype=np.uint8)] * 2, 8, 1)[0].score == 0


GOOD = pictures(0, 2, (20, 30, 3))


@pytest.mark.parametrize(
    ("images", "size", "count", "message"),
    [
        ([], 8, 1, "must be two or more pictures, got 0"),
        (GOOD[:1], 8, 1, "must be two or more pictures, got 1"),
        ([GOOD[0], GOOD[1][:, :20]], 8, 1, "images must have the same shape"),
        ([GOOD[0], GOOD[1][..., 0]], 8, 1, "images must have the same shape"),
        (GOOD, 21, 1, "size must be an integer from 1 to 20, got 21"),
        (GOOD, 0, 1, "size must be an integer from 1.*, got 0"),
        (GOOD, -4, 1, "size must be an integer from 1.*, got -4"),
        (GOOD, 8.0, 1, "size must be an integer from 1.*, got 8.0"),
        (GOOD, True, 1, "size must be an integer from 1.*, got True"),
        (GOOD, 8, 0, "count must be an integer from 1, got 0"),
        (GOOD, 8, 1.5, "count must be an integer from 1.*, got 1.5"),
        ([image * 1.0 for image in GOOD], 8, 1, "picture 1 has values from 0 to .*divide them"),
        ([np.full((9, 9), np.nan)] * 2, 8, 1, "picture 1 has 81 values that are NaN or infinite"),
        ([np.zeros((0, 9, 3), dtype=np.uint8)] * 2, 8, 1, "images must be pictures"),
        ([np.zeros(9, dtype=np.uint8)] * 2, 8, 1, "images must be pictures"),
    ],
)
def test_invalid_searches_are_errors(images, size, count, message):
    with pytest.raises(ValueError, match=message):
        ft.find_rois(images, size, count)


# Rectangles of a grid of cells, no two of which overlap: a random subset of the cells.
CELLS = st.sets(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=12).map(
    lambda cells: [
        ft.Roi(8 * row, 8 * column, 8 * row + 8, 8 * column + 8, float(number))
        for number, (row, column) in enumerate(sorted(cells))
    ]
)


def area(roi: ft.Roi) -> int:
    return (roi.bottom - roi.top) * (roi.right - roi.left)


@given(CELLS)
def test_merging_keeps_the_pixels_and_leaves_no_two_that_share_an_edge(rois):
    merged = ft.merge_rois(rois)
    covered, before = np.zeros((40, 40), dtype=int), np.zeros((40, 40), dtype=int)
    for roi in rois:
        before[roi.top : roi.bottom, roi.left : roi.right] += 1
    for roi in merged:
        covered[roi.top : roi.bottom, roi.left : roi.right] += 1
    np.testing.assert_array_equal(covered, before)
    assert sum(map(area, merged)) == sum(map(area, rois))
    for a, b in combinations(merged, 2):
        union = ft.Roi(min(a.top, b.top), min(a.left, b.left), max(a.bottom, b.bottom), max(a.right, b.right), 0.0)
        assert area(union) > area(a) + area(b), "two regions that make up a rectangle share a whole edge"
    assert max((roi.score for roi in merged), default=0) == max((roi.score for roi in rois), default=0)


@given(CELLS)
def test_merging_what_is_merged_changes_nothing(rois):
    merged = ft.merge_rois(rois)
    assert ft.merge_rois(merged) == merged


def test_regions_that_share_part_of_an_edge_or_a_corner_stay_apart():
    apart = [ft.Roi(0, 0, 8, 8, 3.0), ft.Roi(4, 8, 12, 16, 2.0), ft.Roi(12, 16, 20, 24, 1.0)]
    assert ft.merge_rois(apart) == apart


def test_merging_goes_on_until_nothing_shares_an_edge():
    four = [ft.Roi(0, 0, 8, 8, 4.0), ft.Roi(8, 8, 16, 16, 3.0), ft.Roi(0, 8, 8, 16, 2.0), ft.Roi(8, 0, 16, 8, 1.0)]
    assert ft.merge_rois(four) == [ft.Roi(0, 0, 16, 16, 4.0)]


def share_an_edge(a: ft.Roi, b: ft.Roi) -> bool:
    """Whether they are as tall as each other and side by side, or as wide and one above the other."""
    beside = a.top == b.top and a.bottom == b.bottom and {a.right - b.left, b.right - a.left} & {0}
    above = a.left == b.left and a.right == b.right and {a.bottom - b.top, b.bottom - a.top} & {0}
    return bool(beside or above)


@given(CELLS, st.randoms())
def test_merging_joins_the_first_two_that_share_an_edge_and_begins_again(rois, random):
    random.shuffle(rois)
    expected = list(rois)
    while pair := next(
        (p for p in combinations(range(len(expected)), 2) if share_an_edge(*(expected[i] for i in p))), ()
    ):
        b, a = expected.pop(pair[1]), expected[pair[0]]
        best = max(a, b, key=lambda roi: roi.score)
        joint = (min(a.top, b.top), min(a.left, b.left), max(a.bottom, b.bottom), max(a.right, b.right))
        expected[pair[0]] = ft.Roi(*joint, best.score, best.difference)
    assert ft.merge_rois(rois) == expected


@given(st.integers(1, 20), st.integers(20, 60))
def test_each_place_is_a_candidate_once(size, length):
    starts = positions(size, length)
    assert len(set(starts.tolist())) == len(starts)
    assert starts.min() == 0
    assert starts.max() <= length - size


def test_a_picture_is_tiled_with_thousands_of_regions_from_one_look_at_the_candidates(monkeypatch):
    looks = []
    monkeypatch.setattr(roi_module, "scores", lambda *given: looks.append(given) or scores(*given))
    found = ft.find_rois(pictures(0, 2, (64, 64, 3)), size=1, count=10_000)
    assert len({(roi.top, roi.left) for roi in found}) == len(found) > 1000
    assert len(looks) == 1


def test_a_roi_cuts_its_pixels_and_is_a_region_of_the_picture():
    image = np.arange(20 * 40).reshape(20, 40)
    roi = ft.Roi(5, 10, 15, 30, 0.0)
    np.testing.assert_array_equal(roi.crop(image), image[5:15, 10:30])
    assert roi.region(40, 20) == ft.Region(0.25, 0.25, 0.5, 0.5)
    assert roi.region(40) == ft.Region(0.25, 0.125, 0.5, 0.25)


@given(st.integers(1, 16384))
def test_a_scaled_search_fits_and_its_regions_are_the_same_share_to_half_a_pixel(side):
    search = RoiSearch().scaled(side)
    assert 1 <= search.sub_size <= search.size <= side
    for pixels, of_the_note in ((search.size, 384), (search.sub_size, 96)):
        assert pixels == 1 or abs(pixels - of_the_note * side / 1024) <= 0.5
    assert (search.count, search.sub_count, search.merge) == (4, 3, True)


def test_the_notes_search_is_kept_at_its_own_size_and_at_half_of_it():
    assert RoiSearch().scaled(1024) == RoiSearch()
    assert RoiSearch().scaled(512) == RoiSearch(size=192, sub_size=48)
    assert RoiSearch(100, 2, 10, 1, False).scaled(30, of=40) == RoiSearch(75, 2, 8, 1, False)


@pytest.mark.parametrize("wrong", [0, -1, 1.5])
def test_a_search_is_scaled_to_whole_pixels_alone(wrong):
    with pytest.raises(ValueError, match=f"side must be an integer from 1, got {wrong}"):
        RoiSearch().scaled(wrong)
    with pytest.raises(ValueError, match=f"of must be an integer from 1, got {wrong}"):
        RoiSearch().scaled(64, of=wrong)


needs_shipped = pytest.mark.skipif(
    not {"diffusion-basic", "single-masking-32", "single-masking-8"} <= ft.models().keys(),
    reason="needs the shipped models diffusion-basic, single-masking-32 and single-masking-8",
)


@needs_shipped
@pytest.mark.parametrize("size", [64, 83, 710, 1024, (640, 83)])
def test_the_recipe_of_figure_3_scales_the_notes_search(size):
    side = min(size) if isinstance(size, tuple) else size
    recipe = note.recipe("roi-crops", ["hopper"], size=size)
    assert RoiSearch(**recipe["search"]) == RoiSearch().scaled(side)
    four_figures.check(recipe)


@needs_shipped
def test_a_search_that_does_not_fit_is_refused_before_anything_is_restored():
    with pytest.raises(ValueError, match="regions of 65 pixels do not fit into 64; make them smaller"):
        note.recipe("roi-crops", size=64, search=RoiSearch(size=65))
    recipe = note.recipe("roi-crops", ["hopper"], size=64)
    for search, message in (({"size": 65}, "do not fit into 64"), ({"width": 3}, "the recipe is damaged")):
        shares: list[float] = []
        with pytest.raises(ValueError, match=message):
            note.restorations({**recipe, "search": search}, progress=shares.append)
        assert shares == []
