"""Some of a picture's points, and what they tell of all of them."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import frantools as ft
from frantools.frannet.engine.points import prepare_points, sample_prepared_points
from frantools.photos import regions
from frantools.scores.measures import Measure, measures
from frantools.scores.stratified import Estimate, Subset, draw, estimates, means_of_points, pooled, quantile

DRAWS = 400


def field(kind: str, width: int, height: int) -> np.ndarray:
    """(H, W) errors: smooth, of independent pixels with a few large ones, a row of large ones on the edge, or spots."""
    y, x = np.mgrid[:height, :width] / max(width, height)
    if kind == "smooth":
        return np.sin(5 * x) ** 2 + x * y
    if kind == "heavy":
        return np.random.default_rng(0).standard_exponential((height, width)) ** 1.5
    if kind == "spots":  # as squared errors are: small but for some edges, and large in a few places
        rng = np.random.default_rng(2)
        spots = sum(np.exp(-((x - a) ** 2 + (y - b) ** 2) * 100) for a, b in rng.random((6, 2)))
        return (0.1 + spots) * rng.standard_normal((height, width)) ** 2
    return (y > 0.7) * 5 + np.random.default_rng(1).random((height, width))


def held(full: float, result: list) -> float:
    """The share of estimates whose interval holds the full value."""
    return float(np.mean([low <= full <= high for low, high in (item.interval() for item in result)]))


@pytest.mark.parametrize("kind", ["smooth", "heavy", "edge"])
@pytest.mark.parametrize(("size", "count"), [((41, 30), 200), ((23, 64), 700), ((37, 31), 300)], ids=str)
def test_estimates_are_unbiased_and_their_errors_true(kind, size, count):
    values = field(kind, *size)
    full = values.mean()
    result = [(subset := draw(size, count, seed)).estimate(subset.of(values)) for seed in range(DRAWS)]
    spread = np.std([item.value for item in result])
    assert abs(np.mean([item.value for item in result]) - full) < 4 * spread / DRAWS**0.5
    assert np.mean([item.error**2 for item in result]) == pytest.approx(spread**2, rel=0.3)
    assert 0.90 <= held(full, result) <= 0.98


@pytest.mark.parametrize("kind", ["smooth", "heavy", "edge", "spots"])
@pytest.mark.parametrize("count", [48, 400])
def test_intervals_hold_where_few_strata_make_up_the_error(kind, count):
    """The standard error is then unsure itself, and 1.96 of it are too few."""
    values = field(kind, 64, 64)
    result = [(subset := draw(64, count, seed)).estimate(subset.of(values)) for seed in range(DRAWS)]
    assert 0.90 <= held(values.mean(), result) <= 0.99
    if kind == "spots" and count == 48:
        assert held(values.mean(), [item._replace(freedom=inf) for item in result]) < 0.88


@settings(max_examples=50, deadline=None)
@given(
    st.integers(2, 40), st.integers(1, 30), st.integers(1, 60), st.integers(0, 2**31),
    st.sampled_from([1.0, 0.25, 1024.0]),
)  # fmt: skip
def test_the_estimate_of_any_field_follows_its_scale(width, height, pairs, seed, scale):
    """Powers of 2, so that nothing is rounded."""
    values = np.random.default_rng(seed).standard_exponential((height, width))
    subset = draw((width, height), 2 * pairs, seed)
    result, other = (subset.estimate(subset.of(item)) for item in (values, scale * values))
    assert other == (scale * result.value, scale * result.error, result.freedom)
    assert (result.freedom, result.error) == (inf, 0) or 1 <= result.freedom <= len(subset.strata) * (1 + 1e-9)
    low, high = result.interval()
    assert low <= result.value <= high


@pytest.mark.parametrize("freedom", [1.0, 2.5, 30.0, inf])
def test_an_interval_is_students(freedom):
    low, high = stats.t(freedom, 3, 0.5).interval(0.9)
    assert Estimate(3, 0.5, freedom).interval(0.9) == pytest.approx((low, high))
    assert quantile(0.5, freedom) == pytest.approx(0, abs=1e-12)


def test_strata_make_the_error_smaller_than_points_drawn_at_random():
    values, subset = field("smooth", 64, 64), draw(64, 400)
    error = subset.estimate(subset.of(values)).error
    assert 0 < error < 0.3 * values.std() / 400**0.5


@pytest.mark.parametrize(
    ("size", "count"), [(7, 48), (7, 2), ((1, 50), 10), ((90, 1), 40), ((178, 178), 2048)], ids=str
)
def test_every_pixel_may_be_drawn_and_none_twice(size, count):
    subset = draw(size, count, 3)
    width, height = subset.size
    assert len(set(subset.pixels)) == len(subset.pixels) == count
    assert subset.strata.sum() == width * height
    assert subset.strata.max() - subset.strata.min() <= 1
    assert np.array_equal(subset.points, regions.points(size).numpy()[subset.pixels])
    if width * height < 100:
        drawn = np.concatenate([draw(size, count, seed).pixels for seed in range(300)])
        assert set(drawn) == set(range(width * height))


def test_patches_are_compact():
    """The two points of a stratum of about 31 pixels lie near each other."""
    pairs = draw(178, 2048).points.reshape(-1, 2, 2) * 178
    assert np.linalg.norm(pairs[:, 0] - pairs[:, 1], axis=1).max() < 16


@pytest.mark.parametrize("count", [30 * 20, 1000])
def test_all_pixels_leave_no_error(count):
    values, subset = field("heavy", 30, 20), draw((30, 20), count)
    assert subset.estimate(subset.of(values)) == (pytest.approx(values.mean(), rel=1e-12), 0, inf)


def test_a_picture_has_the_same_points_for_all_and_others_for_another_seed_or_picture():
    first = draw(64, 100, 1, "a").pixels
    assert np.array_equal(first, draw(64, 100, 1, "a").pixels)
    for other in (draw(64, 100, 2, "a"), draw(64, 100, 1, "b")):
        assert not np.array_equal(first, other.pixels)


@pytest.mark.parametrize("count", [0, 1, 7, -2, 2.0, True, None])
def test_another_number_of_points_is_refused(count):
    with pytest.raises(ValueError, match="points must be an even integer from 2, or None for every pixel"):
        draw(64, count)


def test_a_model_is_measured_from_some_points():
    """The colours at the points are those of the picture, and the intervals hold the measures of all pixels."""
    photo, size = ft.Photo("hopper"), 48
    model, setup = ft.load_model("diffusion-basic"), ft.SETUPS["B"]
    original = photo.reference(size)
    whole = ft.restore(model, photo.pixels, setup, size, seed=4).image
    full = {name: measures[name](whole, original) for name in ("mse", "mse_gray")}
    subset = draw(size, 400, 0, photo.sha256)
    some = sample_prepared_points(prepare_points(model, photo.pixels, subset.points), setup, seed=4)
    np.testing.assert_allclose(some, subset.of(whole), rtol=0, atol=1e-5)
    subsets = [draw(size, 400, seed) for seed in range(DRAWS)]
    result = [estimates(item.of(whole), item.of(original), item, full) for item in subsets]
    for name, value in full.items():
        item = [estimate[name] for estimate in result]
        assert 0.90 <= held(value, item) <= 0.98
        assert abs(np.mean([e.value for e in item]) - value) < 4 * np.std([e.value for e in item]) / DRAWS**0.5


def test_all_points_give_the_measure_of_the_picture():
    a, b = np.random.default_rng(0).random((2, 9, 7, 3), dtype=np.float32)
    subset = draw((7, 9), 64)
    result = estimates(subset.of(a), subset.of(b), subset, ["mse", "mse_gray"])
    for name, estimate in result.items():
        assert estimate.value == pytest.approx(measures[name](a, b), rel=1e-9)


@pytest.mark.parametrize("name", ["ssim", "psnr"])
def test_what_is_no_mean_of_points_is_refused(name):
    with pytest.raises(ValueError, match=f"must be 'mse' or 'mse_gray', got '{name}', which is not a mean over points"):
        means_of_points(["mse", name])
    with pytest.raises(ValueError, match=f"{name}'?.* is not a mean over points"):
        measures[name].at_points(np.zeros((2, 2, 3)), np.zeros((2, 2, 3)))


def test_a_users_measure_says_how_its_points_count(monkeypatch):
    monkeypatch.setattr(measures, "_measures", dict(measures._measures))
    absolute = measures.add(
        Measure("mae", lambda a, b: float(abs(a - b).mean()), "MAE", per_point=lambda a, b: abs(a - b).mean(axis=-1))
    )
    assert means_of_points(["mae"]) == [absolute]


def test_the_mean_over_pictures_has_the_error_of_its_points():
    """Over pictures of very different errors: only the points count."""
    rng, size = np.random.default_rng(3), (20, 20)
    values = [field("heavy", *size) * scale for scale in rng.random(30) * 10]
    full = np.mean([item.mean() for item in values])
    result = []
    for seed in range(DRAWS // 2):
        item = [(s := draw(size, 60, seed, str(i))).estimate(s.of(value)) for i, value in enumerate(values)]
        result.append(pooled([e.value for e in item], [e.error for e in item]))
    assert 0.90 <= held(full, result) <= 0.98
    assert np.mean([e.error for e in result]) == pytest.approx(np.std([e.value for e in result]), rel=0.2)
    assert result[0].error < np.std([item.mean() for item in values]) / 30**0.5 / 2


def test_values_that_are_none_of_the_points_are_refused():
    subset = draw(10, 20)
    with pytest.raises(ValueError, match=r"values must be one for each of 20 points, got shape \(19,\)"):
        subset.estimate(np.zeros(19))
    with pytest.raises(ValueError, match="picture must be 10 x 10 pixels"):
        subset.of(np.zeros((10, 11, 3)))
    with pytest.raises(ValueError, match="must be one of each for every picture"):
        pooled([1.0, 2.0], [0.1])
    assert isinstance(subset, Subset)
