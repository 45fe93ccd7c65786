"""Figures of a sweep show the numbers of its data frame."""

from __future__ import annotations

from itertools import product
from math import isfinite

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

import frantools as ft
from frantools.frannet.sampling.setup import Setup
from frantools.scores.stratified import pooled
from frantools.sweeps.result import Sweep
from frantools.views.sweep_data import means

PICTURES = [np.random.default_rng(n).random((12, 10, 3), dtype=np.float32) for n in range(3)]


def darker(picture, strength=0.0, power=1.0, flip=False):
    if power == 3:
        raise ValueError("three is too much")
    darkened = (picture * (1 - strength)) ** power
    return darkened[::-1] if flip else darkened


@pytest.fixture(scope="module")
def sweep() -> Sweep:
    """Three axes; where power is 3, every cell fails."""
    axes = {"strength": [0.1, 0.5, 0.9], "power": [1, 2, 3], "flip": [False, True]}
    return ft.sweep(axes, PICTURES, darker, ("mse", "psnr"), size=12)


@pytest.fixture(scope="module")
def frame(sweep):
    return sweep.to_frame()


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def check_inside(figure: Figure) -> None:
    """No text is cut off."""
    figure.draw_without_rendering()
    width, height = figure.get_size_inches() * figure.dpi
    for text in figure.findobj(Text):
        if text.get_text() and text.get_visible():
            box = text.get_window_extent()
            assert min(box.x0, box.y0) >= -1, text
            assert max(box.x1 - width, box.y1 - height) <= 1, text


def cells(figure: Figure, panel: int = 0) -> dict[tuple[str, str], str]:
    """The texts of a map by the labels of their column and row."""
    axes = figure.axes[panel]
    across, down = ([t.get_text() for t in item] for item in (axes.get_xticklabels(), figure.axes[0].get_yticklabels()))
    return {
        (across[round(text.get_position()[0])], down[round(text.get_position()[1])]): text.get_text()
        for text in axes.texts
    }


@pytest.mark.parametrize(("measure", "factor"), [("mse", 1), ("psnr", 1)])
def test_a_map_shows_the_numbers_of_the_data_frame(sweep, frame, measure, factor):
    figure = ft.figures.plane(sweep, "strength", "power", measure)
    check_inside(figure)
    assert [axes.get_title() for axes in figure.axes] == ["flip = False", "flip = True", ""]
    for panel, flip in enumerate((False, True)):
        shown = cells(figure, panel)
        assert len(shown) == 9
        for strength, power in product((0.1, 0.5, 0.9), (1, 2)):
            place = (frame.strength == strength) & (frame.power == power) & (frame.flip == flip)
            value = float(shown[str(strength), str(power)])
            assert value == pytest.approx(frame[place][measure].mean(), rel=6e-3)
        assert [shown[str(strength), "3"] for strength in (0.1, 0.5, 0.9)] == ["failed"] * 3
    assert any("hatched: 6 failed on every picture" in text for text in texts(figure))
    assert figure.texts[0].get_text().startswith(("Loss, mean over 3 pictures", "PSNR, dB, mean over 3 pictures"))


@pytest.mark.parametrize("measure", ["mse", "psnr"])
def test_the_best_cell_is_outlined(sweep, measure):
    figure = ft.figures.plane(sweep, "strength", "power", measure, {"flip": False})
    outlined = [patch for patch in figure.axes[0].patches if not patch.get_fill()]
    assert len(outlined) == 1
    assert outlined[0].contains_point(figure.axes[0].transData.transform((0, 0)))  # the least change is the best
    assert "flip = False" in figure.texts[0].get_text()


def few(values: dict[tuple, list[float]], names: tuple[str, ...] = ("K", "kind"), **more) -> Sweep:
    """A sweep of given numbers: NaN is a failure."""
    rows = [
        {
            "picture": str(n),
            **dict(zip(names, place, strict=True)),
            "mse": value,
            "calls": 100 // place[0],
            "seconds": 1.0,
        }
        | {"sentence": "" if value == value else "it failed", "mse_se": abs(value) / 10}
        for place, numbers in values.items()
        for n, value in enumerate(numbers)
    ]
    return Sweep(names, ("mse",), [], ("0", "1"), rows, "", **more)


def test_cells_with_missing_pictures_are_marked_and_never_best():
    result = few(
        {(1, "a"): [0.001, np.nan], (2, "a"): [0.002, 0.003], (1, "b"): [0.004, 0.005], (4, "b"): [np.inf, 0.1]}
    )
    figure = ft.figures.plane(result, "K", "kind")
    check_inside(figure)
    assert cells(figure) == {
        ("1", "a"): "1.00*", ("2", "a"): "2.50", ("4", "a"): "", ("1", "b"): "4.50", ("2", "b"): "", ("4", "b"): "inf",
    }  # fmt: skip
    assert figure.texts[0].get_text() == "Loss \u00d7 1000, mean over 2 pictures"
    outlined = next(patch for patch in figure.axes[0].patches if not patch.get_fill())
    assert outlined.contains_point(figure.axes[0].transData.transform((1, 0)))
    notes = " ".join(texts(figure))
    for note in ("* measured on fewer pictures", "hatched: the mean is not finite", "Empty cells are not in the sweep"):
        assert note in notes


@pytest.mark.parametrize("error", ["pictures", "points"])
def test_lines_and_error_bars_match_the_numbers(error):
    values = {(k, kind): [0.2 + k / 10, 0.3 + k / 7] for k in (1, 2, 5) for kind in ("a", "b")}
    figure = ft.figures.slices(few(values, points=64), "K", "kind", error=error)
    check_inside(figure)
    containers = figure.axes[0].containers
    assert len(containers) == 2
    for container in containers:
        line, _, (bars,) = container
        assert line.get_xdata().tolist() == [1, 2, 5]
        for K, mean, bar in zip((1, 2, 5), line.get_ydata(), bars.get_segments(), strict=True):
            numbers = values[K, "a"]
            assert mean == pytest.approx(np.mean(numbers))
            expected = np.std(numbers, ddof=1) / 2**0.5
            if error == "points":
                expected = pooled(numbers, np.array(numbers) / 10).error
            assert bar[1, 1] - bar[0, 1] == pytest.approx(2 * expected)
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["kind = a", "kind = b"]


def test_panels_of_slices_share_their_axes(sweep):
    figure = ft.figures.slices(sweep, "strength", "power")
    check_inside(figure)
    assert [axes.get_title() for axes in figure.axes] == ["flip = False", "flip = True"]
    assert len({axes.get_ylim() for axes in figure.axes}) == len({axes.get_xlim() for axes in figure.axes}) == 1


def test_a_failed_cell_is_drawn_as_a_cross(sweep):
    axes = ft.figures.slices(sweep, "strength", "power", where={"flip": True}).axes[0]
    crosses = [line for line in axes.lines if line.get_marker() == "x" and len(line.get_xdata())]
    assert [line.get_xdata().tolist() for line in crosses] == [[0.1, 0.5, 0.9]]
    assert all(isfinite(value) for container in axes.containers for value in container[0].get_ydata())


def test_the_pareto_front_has_no_better_setting_with_as_few_calls():
    rng = np.random.default_rng(4)
    values = {(K, kind): rng.random(2).tolist() for K in (1, 2, 4, 5, 10) for kind in "abc"}
    result = few(values)
    best = ft.figures.best_under(result)
    means_by_place = {place: (100 // place[0], np.mean(numbers)) for place, numbers in values.items()}
    expected = {
        place for place, (calls, value) in means_by_place.items()
        if not any(c <= calls and v < value for c, v in means_by_place.values())
    }  # fmt: skip
    assert {place for _, place in best} == expected
    assert [calls for calls, _ in best] == sorted(means_by_place[place][0] for place in expected)
    figure = ft.figures.front(result, "kind", under=30)
    check_inside(figure)
    listed = " ".join(texts(figure)).replace("\u00a0", " ")
    for calls, place in best:
        assert f"{calls} calls, {means_by_place[place][1]:.3f}" in listed
    stars = [line for line in figure.axes[0].lines if line.get_marker() == "*" and len(line.get_xdata())]
    within = [means_by_place[place] for calls, place in best if calls <= 30]
    assert stars[0].get_ydata()[0] == pytest.approx(within[-1][1])
    with pytest.raises(ValueError, match="under must be an integer from 10, the fewest network calls, got 5"):
        ft.figures.front(result, under=5)


def test_pictures_are_placed_by_their_settings(tmp_path):
    photo = ft.Photo("hopper")
    result = ft.sweep({"K": [25, 50], "stochasticity": [0.0, 1.0]}, [photo], size=16)
    figure = ft.figures.grid(result, "K", "stochasticity", photo, size=16, cell=200)
    check_inside(figure)
    compared = ft.compare(
        photo.at(16), [(f"{K} {eta}", Setup(eta, K)) for eta in (1.0, 0.0) for K in (25, 50)], size=16
    )
    numbers = compared.numbers(["mse"])
    shown = [axes for axes in figure.axes if axes.images]
    assert len(shown) == 4
    for axes, title in zip(shown, compared.titles, strict=True):
        np.testing.assert_allclose(axes.images[0].get_array(), compared[title].image, atol=1e-5)
        own, mean = axes.texts[0].get_text().split("   mean ")
        assert float(own) == float(mean) == pytest.approx(1000 * numbers[title]["mse"], rel=6e-3)
    assert [axes.get_title() for axes in shown[:2]] == ["K = 25", "K = 50"]
    assert [shown[n].get_ylabel() for n in (0, 2)] == ["stochasticity = 1", "stochasticity = 0"]
    ft.save_figure(figure, tmp_path / "grid.png")
    assert (tmp_path / "grid.png").stat().st_size > 10_000


def test_an_unknown_picture_is_an_error(sweep):
    figure = ft.figures.grid(sweep, "strength", "power", PICTURES[0], where={"flip": False}, size=12)
    assert sum("three is too much" in text.replace("\n", " ") for text in texts(figure)) == 3
    with pytest.raises(ValueError, match="where must select one value of flip"):
        ft.figures.grid(sweep, "strength", "power", PICTURES[0])


@pytest.mark.parametrize(
    ("arguments", "options", "sentence"),
    [
        (("size", "power"), {}, "the sweep has no axis 'size'; accepted: strength, power, flip"),
        (("power", "power"), {}, "the axes must differ, got"),
        (("strength", "power"), {"where": {"power": 1}}, "the axes must differ, got"),
        (("strength", "power", "ssim"), {}, "the sweep has no measure 'ssim'; accepted: mse, psnr"),
        (("strength", "flip"), {"where": {"power": 3}}, "the sweep has no number at power = 3 to show"),
    ],
    ids=range(5),
)
def test_unknown_axes_and_measures_are_errors(sweep, arguments, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        ft.figures.plane(sweep, *arguments, **options)


def test_the_standard_error_combines_pictures_and_points(sweep):
    with pytest.raises(ValueError, match="error must be 'pictures' or 'points', got 'both'"):
        means(sweep, error="both")
