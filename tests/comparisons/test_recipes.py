"""Tests of recipes."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

import frantools as ft
from frantools import note
from frantools.comparisons import recipes
from frantools.comparisons.comparison import Column
from frantools.frannet.network.model import Config, FranNet
from frantools.frannet.weights.checkpoints import save_model
from frantools.note import four_figures
from frantools.restorers.frannet import shared_model


def test_the_recipe_of_a_large_picture_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("PIL.Image.MAX_IMAGE_PIXELS", 100)  # Pillow's own limit is two thirds of 16384 x 16384
    recipes.save_picture(np.zeros((32, 32)), tmp_path / "large.png", {"size": [16384, 16384]})
    assert ft.load_recipe(tmp_path / "large.png") == {"size": [16384, 16384]}


@pytest.fixture
def recipe(tmp_path: Path) -> recipes.Recipe:
    """Of a figure of one column."""
    save_model(FranNet(Config("single-pass")), tmp_path / "model.safetensors")
    column = Column("mine", str(tmp_path / "model.safetensors"))
    return note.recipe("entire-image", ["hopper"], [column], size=8)


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("figure", []),
        ("precision", []),
        ("precision", "half"),
        ("seed", "x"),
        ("columns", []),
        ("columns", ["a"]),
        ("columns", [{"title": "a", "model": ["x"]}]),
        ("columns", [{"title": ["a"], "model": "input"}]),
        ("columns", [{"title": "a", "model": "input", "setup": "B"}]),
        ("pictures", []),
        ("pictures", {}),
        ("models", []),
    ],
)
def test_a_damaged_recipe_is_an_error_of_one_line(recipe: recipes.Recipe, part: str, value: object) -> None:
    four_figures.check(recipe)
    with pytest.raises(ValueError, match=r"^[^\n]+$"):
        four_figures.check({**recipe, part: value})


def test_a_changed_model_file_is_reloaded(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_model(FranNet(Config("single-pass")), path)
    before = shared_model(str(path))
    assert shared_model(str(path)) is before
    save_model(FranNet(Config("single-pass")), path)
    os.utime(path, ns=(0, 0))  # clocks of file systems may be coarse
    assert shared_model(str(path)).sha256 != before.sha256
