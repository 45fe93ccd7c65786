"""Recipes find their photos and references again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import frantools as ft
from frantools.files import ContentChangedError
from frantools.views.verification import verify

HOPPER = ft.portraits()["hopper"]
COLUMNS = ["bicubic", "nearest"]


def test_a_comparison_of_a_region_is_reproduced(tmp_path: Path) -> None:
    result = ft.compare("hopper", COLUMNS, size=64, region=ft.Region(0.1, 0.2, 0.3, 0.3))
    ft.save_figure(result.figure(), tmp_path / "a.png", result.recipe)
    assert verify(tmp_path / "a.png").kind == "identical"


def test_another_reference_is_loaded_and_a_changed_one_refused(tmp_path: Path) -> None:
    small, sharp = tmp_path / "small.png", tmp_path / "sharp.png"
    ft.save_picture(HOPPER[:64, :64], small)
    ft.save_picture(HOPPER[:128, :128], sharp)
    recipe = ft.compare(ft.Photo(small, reference=sharp), COLUMNS, size=32).recipe
    ft.render(recipe.to_dict())
    ft.save_picture(HOPPER[128:256, :128], sharp)
    with pytest.raises(ContentChangedError, match=r"the reference .*sharp\.png has changed since the recipe was made"):
        ft.render(recipe.to_dict())


def test_a_reference_without_a_file_comes_with_the_photo() -> None:
    photo = ft.Photo(HOPPER[:64, :64], reference=HOPPER[:128, :128])
    recipe = ft.compare(photo, COLUMNS, size=32).recipe
    ft.render(recipe.to_dict(), photo=photo)
    with pytest.raises(FileNotFoundError, match="the reference picture was given as an array"):
        ft.render(recipe.to_dict(), photo=HOPPER[:64, :64])


def test_a_photo_beside_the_recipe_is_found_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there, elsewhere = tmp_path / "there", tmp_path / "elsewhere"
    elsewhere.mkdir()
    ft.save_picture(HOPPER[:64, :64], there / "face.png")
    monkeypatch.chdir(there)
    result = ft.compare("face.png", COLUMNS, size=32)
    ft.save_figure(result.figure(), "a.png", result.recipe)
    monkeypatch.chdir(elsewhere)
    assert verify(there / "a.png").kind == "identical"
    assert np.array_equal(ft.load_image(there / "face.png"), HOPPER[:64, :64])
