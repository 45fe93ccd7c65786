"""Scalars of NumPy and torch as settings: they are Python's numbers from there on."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

import frantools as ft
from frantools.checks import boolean, is_integer, is_number, to_python
from frantools.scores.roi_search import RoiSearch
from frantools.training import Settings

WHOLE = [np.int8, np.uint16, np.int64, lambda n: np.array(n), lambda n: torch.tensor(n)]
REAL = [np.float16, np.float32, np.float64, lambda n: np.array(n, np.float32), lambda n: torch.tensor(n)]
FLAGS = [np.bool_, lambda b: np.array(b), lambda b: torch.tensor(b)]


def is_plain(value: object) -> bool:
    """Whether JSON holds a value as it is."""
    return json.loads(json.dumps(value, allow_nan=False)) == value


@pytest.mark.parametrize("number", [0.1, 0.3, 0.5])
@pytest.mark.parametrize("kind", REAL)
def test_a_number_is_the_one_that_is_written_the_same(kind, number):
    assert repr(to_python(kind(number))) == repr(number)
    assert is_number(kind(number))
    assert not is_integer(kind(number))


@pytest.mark.parametrize("kind", WHOLE)
def test_whole_numbers_and_flags_are_told_apart(kind):
    assert repr(to_python(kind(3))) == "3"
    assert is_integer(kind(3))
    for of in FLAGS:
        assert repr(to_python(of(True))) == "True"
        assert not is_integer(of(True))
        assert boolean("x", of(False)) is False
    with pytest.raises(ValueError, match="x must be True or False"):
        boolean("x", kind(1))


def test_what_is_no_scalar_stays_the_very_same():
    for value in ([1, "a"], {"a": []}, np.zeros(3), torch.zeros(1), (1, 2), None, "x", 1 + 2j):
        assert to_python(value) is value
    assert to_python([np.int8(1), (torch.tensor(2.5),), {"a": np.bool_(False)}]) == [1, (2.5,), {"a": False}]
    assert to_python(torch.tensor(0.5, dtype=torch.bfloat16)) == 0.5


@pytest.mark.parametrize("whole", WHOLE)
@pytest.mark.parametrize("real", REAL[1:])
@pytest.mark.parametrize("boolean", FLAGS)
def test_settings_hold_pythons_numbers(whole, real, boolean):
    pairs = [
        (
            ft.Setup(
                real(0.3), whole(4), boolean(True), noise_length=real(0.1), clipping=(real(-1), real(1)), stop=whole(3)
            ),
            ft.Setup(0.3, 4, True, noise_length=0.1, clipping=(-1, 1), stop=3),
        ),
        (
            ft.AutoregressiveSetup(start=real(0.5), end=real(0.1), steps=whole(7), decay=real(0.9)),
            ft.AutoregressiveSetup(start=0.5, end=0.1, steps=7, decay=0.9),
        ),
        (
            ft.Degradation(boolean(True), whole(2), real(0.1), real(0.7), whole(60), whole(5)),
            ft.Degradation(True, 2, 0.1, 0.7, 60, 5),
        ),
        (ft.Region(real(0.6), real(0.6), real(0.4), real(0.4)), ft.Region(0.6, 0.6, 0.4, 0.4)),
        (ft.Column("a", np.clip, seed=whole(3), a_min=real(0.1)), ft.Column("a", np.clip, seed=3, a_min=0.1)),
        (RoiSearch(whole(32), whole(2), merge=boolean(False)), RoiSearch(32, 2, merge=False)),
        (Settings(steps=whole(9), rate=real(0.1), seed=whole(2)), Settings(steps=9, rate=0.1, seed=2)),
    ]
    for given, expected in pairs:
        assert given == expected
        assert repr(given) == repr(expected)


def test_a_scheduler_takes_scalars():
    pytest.importorskip("diffusers", reason="needs diffusers")
    options = {"solver_order": torch.tensor(2), "lower_order_final": np.bool_(True)}
    made = ft.adapters.SchedulerSetup("DPMSolverMultistep", np.array(4), options)
    assert is_plain(made.to_dict())
    assert made.to_dict()["options"] == {"solver_order": 2, "lower_order_final": True}


@pytest.mark.parametrize("kind", [np.float32, lambda n: torch.tensor(n, dtype=torch.float32)])
def test_a_sweep_finds_the_results_of_the_same_numbers(kind, tmp_path):
    calls: list[object] = []

    def scaled(picture, weight):
        calls.append(weight)
        return picture * weight

    column = ft.Column("scaled", scaled)
    asked = {"size": np.int16(8), "seed": torch.tensor(3), "store": tmp_path}
    first = ft.sweep({"weight": kind([0.1, 0.7])}, ["hopper"], column, **asked)
    again = ft.sweep({"weight": [0.1, 0.7]}, ["hopper"], column, size=8, seed=3, store=tmp_path)
    assert [row["weight"] for row in first.rows] == calls == [0.1, 0.7]
    assert again.rows == first.rows
    for path in tmp_path.glob("cells/*/*/*.jsonl"):
        assert all(type(json.loads(line)["weight"]) is float for line in path.read_text(encoding="utf-8").splitlines())
