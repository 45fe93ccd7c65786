"""Alternatives: a picture for each seed, to look at and to choose among."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest

import frantools as ft
from frantools.comparisons.cache import Cache
from frantools.photos.photo import Photo
from frantools.views import alternatives

QUICK = ft.Setup(K=50, noise_projection=False)


def computed(recipe: ft.Recipe) -> dict[int, ft.Comparison]:
    *_, data = alternatives.compute(recipe, [Photo("hopper")], lambda _: None, Cache())
    return data


def test_columns_differ_in_the_length_of_their_noise_alone():
    columns = alternatives.lengths(setup="DDIM")
    assert [column.title for column in columns] == [
        "white noise", "length 0.011", "length 0.034", "length 0.090", "one draw for all",
    ]  # fmt: skip
    assert [column.setup.noise_length for column in columns] == list(alternatives.LENGTHS)
    assert {ft.Setup(**{**column.setup.to_dict(), "noise_length": 0.0}) for column in columns} == {ft.SETUPS["DDIM"]}


def test_each_alternative_is_what_its_seed_restores():
    columns = alternatives.lengths(setup=QUICK, of=(0.1, inf))
    recipe = alternatives.recipe("hopper", columns, size=32, seed=4, count=2)
    data = computed(recipe)
    assert list(data) == [4, 5]
    for seed, made in data.items():
        for column in columns:
            expected = ft.restore(column.what, "hopper", column.setup, size=32, seed=seed).image
            assert np.array_equal(made[column.title].image, expected)
            assert made.measured[column.title]["mse"] == made.numbers(["mse"])[column.title]["mse"]


def test_several_columns_have_a_row_for_each_seed_and_one_column_stands_side_by_side(tmp_path):
    columns = alternatives.lengths(setup=QUICK, of=(0.1, inf))
    several = alternatives.recipe("hopper", columns, size=32, count=3)
    figure = ft.render(several)
    assert [axes.get_ylabel() for axes in figure.axes] == ["seed 0", "", "seed 1", "", "seed 2", ""]
    assert [axes.get_title() for axes in figure.axes[:2]] == ["length 0.100", "one draw for all"]
    one = alternatives.recipe("hopper", columns[1], size=32, count=6)
    captions = [axes.texts[0].get_text() for axes in ft.render(one).axes]
    assert [text.split("\n")[0] for text in captions] == [f"seed {seed}" for seed in range(6)]
    assert all("loss 0." in text for text in captions)
    path = tmp_path / "several.png"
    ft.save_figure(figure, path, several)
    again = ft.render(path)
    assert again._repr_png_() == figure._repr_png_()


def test_one_seed_is_no_choice():
    with pytest.raises(ValueError, match="count must be an integer from 2, got 1"):
        ft.render(alternatives.recipe("hopper", "B", size=32, count=1))
