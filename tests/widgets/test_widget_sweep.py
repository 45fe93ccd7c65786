"""The map of a sweep, without a browser: how it fills, what it shows, and what is chosen on it."""

from __future__ import annotations

from itertools import product
from threading import Event
from typing import Any

import numpy as np
import pytest
import traitlets
from hypothesis import given
from hypothesis import strategies as st

import frantools as ft
from frantools.sweeps.result import Sweep
from frantools.widgets import background
from frantools.widgets.background import LOCK, coarse_to_fine
from frantools.widgets.sweep_map import SweepSummary
from frantools.widgets.sweep_widget import SweepMap

PICTURE = np.random.default_rng(5).random((12, 10, 3), dtype=np.float32)
REFERENCE = ft.Photo(PICTURE, "whole").at(12).reference(12)
AXES = {"strength": [0.0, 0.1, 0.2, 0.3, 0.4], "power": [1, 2, 3], "flip": [False, True]}


def darker(picture: Any, strength: float = 0.0, power: float = 1.0, flip: bool = False) -> Any:
    if power == 3:
        raise ValueError("three is too much")
    made = (picture * (1 - strength)) ** power
    return made[::-1] if flip else made


def done(widget: SweepMap) -> SweepMap:
    assert widget.wait(60)
    return widget


@pytest.fixture(scope="module")
def made() -> Sweep:
    return ft.sweep(AXES, [PICTURE], darker, ("mse", "psnr"), size=12)


@pytest.fixture
def widget(made: Sweep) -> SweepMap:
    return ft.widgets.sweep(made, PICTURE, size=12)


def cells(widget: SweepMap) -> dict[tuple[int, int], dict[str, Any]]:
    return {tuple(cell["at"]): cell for cell in widget.plane.cells}


# How it fills


@given(st.integers(1, 9), st.integers(1, 9), st.booleans())
def test_coarse_cells_come_first_and_each_once(wide: int, high: int, further: bool) -> None:
    settings = [{"x": 3 * x, "y": y, "z": z} for x, y, z in product(range(wide), range(high), range(1 + further))]
    parts = coarse_to_fine(settings, ["x", "y"], {"z": 0})
    assert sorted(number for part in parts for number in part) == list(range(len(settings)))
    order = [settings[number] for part in parts for number in part]
    assert [each["z"] for each in order] == sorted(each["z"] for each in order)  # what is in view before the rest
    for z in range(1 + further):
        strides = [max(s for s in (1, 2, 4) if e["x"] // 3 % s == e["y"] % s == 0) for e in order if e["z"] == z]
        assert strides == sorted(strides, reverse=True)


def test_the_map_fills_while_it_is_computed_coarse_cells_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "TASK", 0.0)
    monkeypatch.setattr(background, "UPDATE", 0.0)
    begun, let = Event(), Event()

    def slow(picture: Any, x: int = 0, y: int = 0) -> Any:
        if x % 4 or y % 4:
            begun.set()
            assert let.wait(60)
        return picture * (1 - x / 10)

    widget = ft.widgets.sweep({"x": [*range(5)], "y": [*range(5)]}, PICTURE, slow, size=12)
    coarse = {(x, y) for x, y in product((0, 4), (0, 4))}
    with LOCK:
        assert len(widget.plane.cells) == 25
    assert begun.wait(60)
    with LOCK:
        there = cells(widget)
        assert {at for at, cell in there.items() if cell["value"] is not None} == coarse
        assert there[1, 0]["said"] == "x 1, y 0: not computed yet"
        assert widget.left.value.startswith("4 of 25 cells")
    let.set()
    done(widget)
    assert widget.left.value == "25 of 25 cells"
    assert widget.pause.disabled
    for at, cell in cells(widget).items():
        assert cell["value"] == pytest.approx(np.mean((REFERENCE * at[0] / 10) ** 2), rel=1e-4, abs=1e-9)
    widget.close()


def test_nothing_is_computed_twice_whatever_is_paused_and_chosen(tmp_path: Any) -> None:
    counted: list[tuple[int, int]] = []
    begun, let = Event(), Event()

    def slow(picture: Any, x: int = 0, y: int = 0) -> Any:
        counted.append((x, y))
        if len(counted) == 3:
            begun.set()
            assert let.wait(60)
        return picture * (1 - x / 10) * (1 - y / 10)

    axes = {"x": [*range(4)], "y": [*range(3)]}
    widget = ft.widgets.sweep(axes, PICTURE, slow, size=12, store=tmp_path)
    assert begun.wait(60)
    widget.paused = True
    assert widget.pause.description == "Resume"
    let.set()
    done(widget)
    assert len(counted) < 12
    widget.pause.click()
    done(widget)
    assert set(counted) == set(product(range(4), range(3)))
    assert {each for each in counted if counted.count(each) > 1} <= {counted[2]}  # which may have been interrupted
    widget.close()
    counted.clear()
    again = done(ft.widgets.sweep(axes, PICTURE, slow, size=12, store=tmp_path))
    opened = ft.widgets.sweep(tmp_path, PICTURE, size=12)
    assert counted == []
    numbers, same = ({at: cell["value"] for at, cell in cells(each).items()} for each in (again, opened))
    assert numbers == same
    assert None not in numbers.values()


def test_a_failing_sweep_shows_its_error_and_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(background.Store, "write", full)
    widget = ft.widgets.sweep({"strength": [0.1, 0.25]}, PICTURE, darker, size=12)
    assert widget._background_sweep is not None
    assert widget._background_sweep.join(60)
    assert widget.paused
    assert "the disk is full" in widget.message.value
    monkeypatch.undo()
    widget.paused = False
    done(widget)
    assert widget.message.value == ""
    assert all(cell["value"] is not None for cell in widget.plane.cells)


# What it shows


def test_the_numbers_are_those_of_the_sweep(widget: SweepMap, made: Sweep) -> None:
    assert (widget.x.value, widget.y.value) == ("strength", "power")
    assert widget.plane.x == {"name": "strength", "ticks": ["0", "0.1", "0.2", "0.3", "0.4"]}
    rows = {(row["strength"], row["power"], row["flip"]): row for row in made.rows}
    for measure, flip in product(("mse", "psnr"), (False, True)):
        widget.measure.value, widget.values["flip"].value = measure, flip
        assert len(widget.plane.cells) == 15
        for (i, j), cell in cells(widget).items():
            row = rows[AXES["strength"][i], AXES["power"][j], flip]
            if row["sentence"]:
                assert "three is too much" in cell["failed"]
                assert (cell["value"], cell["text"]) == (None, "failed")
                assert "three is too much" in cell["said"]
            elif np.isfinite(row[measure]):
                assert cell["value"] == row[measure]


def test_points_and_pictures_have_intervals_and_every_pixel_of_one_picture_has_none() -> None:
    rows = [
        {"picture": str(n), "K": K, "mse": value, "mse_se": 0.01, "calls": 100 // K, "seconds": 1.0, "sentence": ""}
        for K, values in {1: [0.2], 2: [0.3]}.items()
        for n, value in enumerate(values)
    ]
    columns = [({"K": K}, ft.Column("B", "diffusion-basic", ft.Setup(K=K))) for K in (1, 2)]
    made = Sweep(("K",), ("mse",), columns, ("0",), rows, "", 16)
    assert ft.widgets.sweep(made).plane.cells[0]["said"] == "K 1: Loss 0.200 (95 %: 0.180 to 0.220), 100 calls"
    exact = Sweep(("K",), ("mse",), columns, ("0",), [{**row, "mse_se": 0.0} for row in rows], "")
    assert ft.widgets.sweep(exact).plane.cells[0]["said"] == "K 1: Loss 0.200, 100 calls"
    two = [*rows, *({**row, "picture": "1", "mse": row["mse"] + 0.2} for row in rows)]
    said = ft.widgets.sweep(Sweep(("K",), ("mse",), columns, ("0", "1"), two, "", 16)).plane.cells[0]["said"]
    assert said == "K 1: Loss 0.300 (95 %: 0.104 to 0.496), mean of 2 pictures, 100 calls"


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 5)), min_size=1, max_size=12), st.integers(0, 9))
def test_the_best_under_so_many_calls_is_that_of_a_brute_force(numbers: list[tuple[int, int]], under: int) -> None:
    rows = [
        {"picture": "0", "n": n, "mse": value / 8, "calls": calls, "seconds": 1.0, "sentence": ""}
        for n, (calls, value) in enumerate(numbers)
    ]
    summary = SweepSummary(Sweep(("n",), ("mse",), [], ("0",), rows, ""), "mse")
    # Of two that are alike in both, one is enough.
    front = {pair for pair in numbers if not any(c <= pair[0] and v <= pair[1] and (c, v) != pair for c, v in numbers)}
    marked = [cell["at"][0] for cell in summary.map_traits("n", "", {}, under)["cells"] if cell["front"]]
    assert {numbers[n] for n in marked} == front
    assert len(marked) == len(front)
    few = [(value, calls) for calls, value in numbers if calls <= under]
    best = summary.best(under, {})
    assert (None if best is None else numbers[best[0]]) == (min(few)[::-1] if few else None)


def test_the_best_is_named_with_its_interval() -> None:
    axes = {"K": [25, 50], "stochasticity": [0.0, 1.0]}
    widget = done(ft.widgets.sweep(axes, "hopper", size=16, points=64))
    for under in (6, 4, 1):
        widget.under.value = under
        few = [row for row in widget.sweep.rows if row["calls"] <= under]
        if few:
            best = min(few, key=lambda row: row["mse"])
            said = f"K {best['K']}, stochasticity {best['stochasticity']:g}"
            assert f"<b>Best under {under} calls</b><br>{said}: Loss" in widget.best.value
            assert "(95 %: " in widget.best.value
            assert [cell["said"].partition(":")[0] for cell in widget.plane.cells if cell["best"]] == [said]
        else:
            assert "Nothing under 1 call is" in widget.best.value
        dim = {cell["said"].partition(",")[0] for cell in widget.plane.cells if cell["dim"]}
        assert dim == {f"K {row['K']}" for row in widget.sweep.rows if row["calls"] > under}


def test_the_best_in_view_and_the_best_of_all_are_named(widget: SweepMap) -> None:
    widget.values["flip"].value = True
    rows = [row for row in widget.sweep.rows if row["flip"] and not row["sentence"]]
    here = min(rows, key=lambda row: row["mse"])
    lines = widget.best.value.split("<br>")
    assert "Best, in view" in lines[0]
    assert lines[1].startswith(f"strength {here['strength']:g}, power {here['power']}, flip True")
    assert "Best, of all" in lines[2]
    assert lines[3].startswith("strength 0, power 1, flip False")
    widget.show_best.click()
    assert widget.chosen == {"strength": 0.0, "power": 1, "flip": False}
    assert "in view" not in widget.best.value
    done(widget)
    np.testing.assert_allclose(widget.result["restored"].image, REFERENCE, atol=1e-6)


def test_unknown_numbers_of_calls_are_no_limit() -> None:
    class Caller:
        title, cost, continuous, random = "caller", 0.01, False, False

        def restore(self, given: Any, size: Any, *_: Any, **__: Any) -> Any:
            return ft.Restoration(np.zeros((size[1], size[0], 3), np.float32), 0.0, 7, {})

        def to_dict(self) -> dict[str, Any]:
            return {"missing": "it is of this test"}

    widget = done(ft.widgets.sweep({"seed": [1, 2]}, PICTURE, Caller(), size=12))
    assert widget.under.layout.display == "none"
    assert "7 calls" in widget.best.value
    assert not any(cell["dim"] for cell in widget.plane.cells)


# What is chosen


def test_a_click_or_python_chooses_the_cell_beside_the_original(widget: SweepMap) -> None:
    assert widget.chosen is None
    assert widget.viewer.pictures["restored"] is None
    widget.plane.chosen = [2, 1]  # as the browser does
    assert widget.chosen == {"strength": 0.2, "power": 2, "flip": False}
    done(widget)
    image = widget.result["restored"].image
    np.testing.assert_allclose(image, darker(REFERENCE, 0.2, 2), atol=1e-6)
    assert f"loss {cells(widget)[2, 1]['value']:.4f}" in widget.viewer.numbers["restored"]
    widget.chosen = {"strength": 0.4, "flip": True}
    assert widget.chosen == {"strength": 0.4, "power": 2, "flip": True}  # what is not said stays
    assert widget.values["flip"].value is True
    assert widget.plane.chosen == [4, 1]
    widget.values["flip"].value = False  # a slider of another axis takes the cell along
    assert widget.chosen["flip"] is False
    widget.x.value = "power"  # the axes change places
    assert (widget.x.value, widget.y.value) == ("power", "strength")
    assert widget.plane.chosen == [1, 4]
    widget.y.value = "flip"
    assert widget.values["strength"].value == 0.4  # the cell stays in view
    assert widget.plane.chosen == [1, 0]
    widget.chosen = {"power": 3}
    done(widget)
    assert "three is too much" in widget.viewer.notes["restored"]
    for wrong in ({"power": 9}, {"other": 1}, "power"):
        with pytest.raises(traitlets.TraitError, match="chosen must be None or a setting of the sweep"):
            widget.chosen = wrong


def test_a_drag_ends_with_the_last_cell(widget: SweepMap) -> None:
    for i in (*range(5), *range(3, 0, -1)):
        widget.plane.chosen = [i, 0]
    done(widget)
    np.testing.assert_allclose(
        widget.result["restored"].image,
        darker(REFERENCE, 0.1), atol=1e-6,
    )  # fmt: skip


def test_a_store_names_restorers_that_it_cannot_reproduce(tmp_path: Any) -> None:
    code = tmp_path / "mine.py"
    code.write_text("ran = open(__file__ + '.ran', 'a')\ndef half(picture, by=2.0): return picture / by\n")
    store = tmp_path / "store"
    ft.sweep({"by": [1.0, 2.0]}, [PICTURE], f"{code}:half", size=12, store=store)
    (tmp_path / "mine.py.ran").unlink()
    widget = ft.widgets.sweep(store, PICTURE, size=12)
    assert [cell["value"] is not None for cell in widget.plane.cells] == [True, True]
    widget.plane.chosen = [1, 0]
    done(widget)
    assert "is code, which is not run because a store names it" in widget.viewer.notes["restored"]
    assert not (tmp_path / "mine.py.ran").exists()
    with pytest.raises(FileNotFoundError, match="there is no store"):
        ft.widgets.sweep(tmp_path / "none")


def test_a_store_of_setups_has_their_settings_as_axes(tmp_path: Any) -> None:
    axes = {"stochasticity": [0.0, 1.0], "K": [25, 50], "noise_stddev": ["normal", "zero"]}
    made = ft.sweep(axes, ["hopper", "astronaut"], size=16, points=64, store=tmp_path)
    widget = ft.widgets.sweep(tmp_path, size=16)
    assert widget.original.name == widget.sweep.pictures[0]
    assert set(widget.sweep.axes) == set(axes)
    assert widget.sweep.points == 64
    both = [
        {tuple(row[n] for n in ("picture", *axes, "mse", "mse_se", "calls")) for row in s.rows}
        for s in (made, widget.sweep)
    ]
    assert both[0] == both[1]
    for values, column in widget.sweep.columns:
        assert {name: getattr(column.setup, name) for name in axes} == values
