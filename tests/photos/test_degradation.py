"""Tests of degradations."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.filters import gaussian

import frantools as ft
from frantools.photos.degradation import Degradation

degradations = st.builds(
    Degradation,
    gray=st.booleans(),
    shrink=st.integers(1, 5),
    noise=st.floats(0, 0.3),
    blur=st.floats(0, 2),
    jpeg=st.none() | st.integers(1, 100),
    seed=st.integers(0, 2**40),
)
PICTURE = np.random.default_rng(1).random((23, 31, 3)).astype(np.float32)


@given(example=degradations)
def test_the_result_has_the_stated_size_and_is_reproducible(example):
    before = PICTURE.copy()
    result = example.apply(PICTURE)
    assert result.shape == (max(1, round(23 / example.shrink)), max(1, round(31 / example.shrink)), 3)
    assert result.dtype == np.float32
    assert result.min() >= 0
    assert result.max() <= 1
    np.testing.assert_array_equal(result, example.apply(PICTURE))
    np.testing.assert_array_equal(PICTURE, before)


@given(example=degradations)
def test_a_degradation_survives_json(example):
    assert Degradation(**json.loads(json.dumps(example.to_dict()))) == example


def test_numpy_scalars_become_python_numbers():
    example = Degradation(gray=np.True_, shrink=np.int64(2), noise=np.float32(0.5), jpeg=np.uint8(9), seed=np.int32(3))
    assert Degradation(**json.loads(json.dumps(example.to_dict()))) == example


@given(example=degradations)
def test_gray_stays_gray(example):
    result = Degradation(**{**example.to_dict(), "gray": True}).apply(PICTURE)
    np.testing.assert_allclose(result, result[..., :1].repeat(3, axis=-1), atol=1e-6)


def test_the_order_is_blur_shrink_noise_jpeg():
    step = Degradation(blur=1.5).apply(PICTURE)
    np.testing.assert_allclose(step, gaussian(PICTURE, 1.5, channel_axis=-1, mode="nearest").clip(0, 1), atol=1e-6)
    for part in ({"shrink": 2}, {"noise": 0.1}, {"jpeg": 30}):
        step = Degradation(**part).apply(step)
    whole = Degradation(blur=1.5, shrink=2, noise=0.1, jpeg=30).apply(PICTURE)
    np.testing.assert_allclose(whole, step, atol=0.02)


def test_noise_has_its_standard_deviation():
    flat = np.full((200, 200, 3), 0.5, np.float32)
    assert (Degradation(noise=0.1).apply(flat) - flat).std() == pytest.approx(0.1, rel=0.02)
    assert (Degradation(noise=0.1, seed=1).apply(flat) != Degradation(noise=0.1).apply(flat)).any()


def test_the_default_degradation_changes_nothing():
    np.testing.assert_array_equal(Degradation().apply(PICTURE), PICTURE)
    assert str(Degradation()) == "as it is"
    assert str(Degradation(True, 4, 0.1, 1.5, 40)) == "gray, blur 1.5 px, shrunk 4 x, noise 0.1, JPEG 40"


@pytest.mark.parametrize(
    "wrong",
    [
        {"gray": 1}, {"shrink": 0}, {"shrink": 1.5}, {"shrink": True}, {"noise": -0.1}, {"noise": 1.1},
        {"noise": float("nan")}, {"noise": "0.1"}, {"blur": -1}, {"blur": float("inf")}, {"blur": True},
        {"jpeg": 0}, {"jpeg": 101}, {"jpeg": 50.0}, {"seed": -1}, {"seed": None},
    ],
)  # fmt: skip
def test_an_invalid_setting_is_named(wrong):
    (name,) = wrong
    with pytest.raises(ValueError, match=rf"^{name} must be [^\n]+, got .*$"):
        Degradation(**wrong)


def test_degradations_compare_by_value():
    assert Degradation(shrink=2) == Degradation(shrink=2)
    assert len({Degradation(noise=1), Degradation(noise=1.0), Degradation(noise=0.5)}) == 2


def test_all_columns_share_one_degraded_picture(monkeypatch):
    calls, apply = [], Degradation.apply
    monkeypatch.setattr(Degradation, "apply", lambda *a: calls.append(1) or apply(*a))
    seen = []
    columns = [(str(n), lambda picture: seen.append(picture) or picture) for n in range(4)]
    example = Degradation(shrink=2, noise=0.1)
    result = ft.compare(ft.Photo(PICTURE, "whole"), columns, size=31, given=example)
    assert not result.errors
    assert len(calls) == 1
    for item in seen:
        np.testing.assert_array_equal(item, apply(example, result.reference))
