"""Restorations step by step, side by side: pictures, paths of points, and what is predicted from call to call."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

import frantools as ft
from frantools.frannet.engine.trajectory import Trace
from frantools.note.charts import MeanInterval

SIZE = 16


@pytest.fixture(scope="module")
def result() -> dict[str, Trace]:
    quick = ft.Column("quick", "diffusion-basic", ft.Setup(K=20, noise_projection=False))
    return ft.figures.traces("hopper", [quick, ft.Column("own", "diffusion-basic", "B", seed=5)], size=SIZE, seed=3)


def test_a_trace_ends_in_what_its_column_restores(result):
    assert list(result) == ["quick", "own"]
    for title, setup, seed in (("quick", ft.Setup(K=20, noise_projection=False), 3), ("own", ft.SETUPS["B"], 5)):
        restored = ft.restore("diffusion-basic", "hopper", setup, SIZE, seed=seed)
        assert len(result[title].t) == restored.calls
        np.testing.assert_allclose(result[title].value[-1].clip(0, 1), restored.image, atol=1e-3)


@pytest.mark.parametrize("what", ["single-basic", "bicubic"])
def test_what_has_no_steps_is_refused(what):
    with pytest.raises(ValueError, match=f"^{what} has no steps; choose a model of FranNet that is sampled"):
        ft.figures.traces("hopper", [what], size=SIZE)


def test_strips_have_a_row_of_what_is_held_and_one_of_what_is_predicted(result):
    figure = ft.figures.strips(result, across=4, cell=40)
    calls = len(result["quick"].t)
    assert len(figure.axes) == 4 * 2 * 2
    assert [axes.get_ylabel() for axes in figure.axes[::4]] == [
        "quick holds", "quick predicts", "own holds", "own predicts",
    ]  # fmt: skip
    assert figure.axes[4].texts[0].get_text() == "after 1 call"
    assert figure.axes[7].texts[0].get_text() == f"after {calls} calls"
    displayed = figure.axes[3].images[0].get_array()
    np.testing.assert_allclose(displayed, result["quick"].value[-1].clip(0, 1), atol=1e-3)
    assert len(ft.figures.strips(result, across=50).axes) == calls * 2 * 2, "no more than there are calls"


def test_paths_are_those_of_the_points_and_the_photos_colours_stand_beside_them(result):
    original = ft.Photo("hopper", "square").resample(SIZE)
    figure = ft.figures.paths(result, [(0.5, 0.25), (0.9, 0.9)], original)
    picture, *panels = figure.axes
    assert len(panels) == 2 * 2
    np.testing.assert_array_equal(picture.images[0].get_array(), original)
    held, predicted, photo = panels[0].get_lines()[:3]
    np.testing.assert_array_equal(held.get_ydata(), result["quick"].value[:, 4, 8, 0])
    np.testing.assert_array_equal(predicted.get_ydata(), result["quick"].x0[:, 4, 8, 0])
    assert photo.get_ydata()[0] == original[4, 8, 0]
    for wrong in (({}, [(0.5, 0.5)]), (result, [])):
        with pytest.raises(ValueError, match="needs at least one trace and one point"):
            ft.figures.paths(*wrong)


def test_predictions_are_measured_at_the_first_call_the_last_and_some_between(result):
    original = ft.Photo("hopper", "square").resample(SIZE)
    curves = ft.figures.predicted_losses(result, "hopper")
    for title, curve in curves.items():
        calls = [call for call, _ in curve]
        assert calls[0] == 1
        assert calls[-1] == len(result[title].t)
        assert all(one < other for one, other in pairwise(calls))
        for call, loss in curve:
            predicted = result[title].x0[call - 1].astype(np.float32).clip(0, 1)
            assert loss == pytest.approx(ft.measures["mse"](predicted, original))


def test_numbers_of_calls_do_not_touch_and_names_of_models_are_not_cut_off():
    figure = ft.figures.loss_against_calls({"all": [(call, 0.1 / call) for call in range(1, 101)]})
    figure.draw_without_rendering()
    boxes = [item.get_window_extent() for item in figure.axes[0].get_xticklabels()]
    assert all(one.x1 < other.x0 for one, other in pairwise(boxes))
    figure = ft.figures.losses({"loss": [MeanInterval("m" * 24, "kind", 2.0, 1.0, 3.0)]})
    figure.draw_without_rendering()
    assert all(item.get_window_extent().x0 > 0 for item in figure.axes[0].get_yticklabels())
