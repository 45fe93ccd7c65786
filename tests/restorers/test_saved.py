"""Pictures that were made elsewhere: found by the photo's name, and looked at in the photo's frame."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import frantools as ft
from frantools.comparisons.cache import Cache
from frantools.comparisons.recipes import Recipe
from frantools.comparisons.render_job import model_hashes
from frantools.files import ContentChangedError
from frantools.frannet.network.model import Config, FranNet
from frantools.frannet.weights.checkpoints import save_model
from frantools.photos.images import crop_square
from frantools.restorers.base import RestorerError
from frantools.restorers.saved import SavedArray, cut_to_frame, matching


def noise(width: int, height: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A photo, cat.png, beside a folder of results."""
    ft.save_picture(noise(48, 32), tmp_path / "cat.png")
    (tmp_path / "results").mkdir()
    return tmp_path


def put(folder: Path, *names: str) -> None:
    for seed, name in enumerate(names):
        ft.save_picture(noise(48, 32, seed), folder / "results" / "temporary.png")
        os.rename(folder / "results" / "temporary.png", folder / "results" / name)


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["cat.png", "cat.jpg", "cat_x4.png"], "cat.png"),
        (["cat.jpg", "cat_x4.png", "dog.png"], "cat.jpg"),
        (["cat_x4.png", "dog.png", "a cat.png"], "cat_x4.png"),
        (["cat.txt", "cat_x4.png"], "cat_x4.png"),
    ],
)
def test_a_picture_is_found_by_the_photos_name(files, names, found):
    put(files, *names)
    assert matching(files / "results", ft.Photo(files / "cat.png")).name == found


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["cat.jpg", "cat.webp"], r"has 2 pictures for cat.png \(cat.jpg, cat.webp\)"),
        (["cat_a.png", "cat_b.png"], r"has 2 pictures for cat.png \(cat_a.png, cat_b.png\)"),
        (["dog.png"], "has no picture whose name starts with the stem of cat.png"),
        (["cat.txt"], "contains no pictures"),
    ],
)
def test_none_or_several_is_a_sentence(files, names, said):
    put(files, *names)
    made = ft.compare(files / "cat.png", [files / "results", "bicubic"], size=16)
    assert "bicubic" in made
    with pytest.raises(RestorerError, match=said):
        ft.restore(files / "results", files / "cat.png", size=16)
    assert len(made.errors) == 1


def test_folders_are_measured_on_folders(files):
    put(files, "cat_x4.png")
    ft.save_picture(noise(48, 32, 5), files / "dog.png")
    table = ft.evaluate([files / "results", "bicubic"], files, size=48)
    errors = {(Path(row["picture"]).name, row["column"]): row["error"] for row in table.rows}
    assert [bool(errors[name, "results"]) for name in ("cat.png", "dog.png")] == [False, True]
    assert not errors["dog.png", "bicubic"]


@pytest.mark.parametrize("size", [(48, 32), (96, 64), (24, 16), (49, 33), (47, 31)])
@pytest.mark.parametrize("how", ["folder", "file", "array"])
def test_whole_pictures_beside_a_square_one_are_cut_to_the_centre_square(files, size, how):
    save_model(FranNet(Config("single-pass")), files / "mine.safetensors")
    picture = noise(*size)
    ft.save_picture(picture, files / "results" / "cat.png")
    what = {"folder": files / "results", "file": files / "results" / "cat.png", "array": picture}[how]
    made = ft.compare(files / "cat.png", [("theirs", what), ("mine", files / "mine.safetensors")], size=32)
    assert made.photo.frame == "square"
    np.testing.assert_array_equal(made["theirs"].image, crop_square(picture) / np.float32(255))
    alone = ft.compare(files / "cat.png", [("theirs", what)], size=48)
    assert alone.photo.frame == "whole"
    np.testing.assert_array_equal(alone["theirs"].image, picture / np.float32(255))


@given(width=st.integers(2, 400), height=st.integers(2, 400), scale=st.integers(1, 4))
def test_squares_are_cut_out_of_whole_pictures_and_out_of_no_others(width, height, scale):
    photo = ft.Photo(np.zeros((height, width, 3), np.uint8), "square")
    whole = np.zeros((height * scale, width * scale, 3), np.float32)
    side = scale * min(width, height)
    assert cut_to_frame(whole, photo).shape == (side, side, 3)
    assert cut_to_frame(np.zeros((40, 40, 3), np.float32), photo).shape == (40, 40, 3)
    assert cut_to_frame(whole, ft.Photo(photo.pixels, "whole")) is whole


def test_a_recipe_knows_the_picture_that_was_used_by_its_hash(files):
    put(files, "cat_x4.png", "dog.png")
    made = ft.compare(files / "cat.png", [files / "results"], size=16)
    recipe = Recipe.from_dict(made.recipe.to_dict())
    assert list(recipe.models) == [str(files / "results" / "cat_x4.png")]
    ft.render(recipe)
    os.remove(files / "results" / "dog.png")
    ft.render(recipe)
    ft.save_picture(noise(48, 32, 9), files / "results" / "cat_x4.png")
    with pytest.raises(ContentChangedError, match=r"the file .*cat_x4.png has changed since the recipe was made"):
        ft.render(recipe)
    os.remove(files / "results" / "cat_x4.png")
    with pytest.raises(FileNotFoundError, match=r"cat_x4.png: no such file"):
        ft.render(recipe)


def test_a_picture_that_changed_is_read_again(files):
    put(files, "cat.png")
    column, cache = ft.Column("theirs", files / "results"), Cache()
    first = ft.compare(files / "cat.png", [column], size=16, cache=cache)["theirs"]
    assert ft.compare(files / "cat.png", [column], size=16, cache=cache)["theirs"] is first
    ft.save_picture(noise(48, 33, 9), files / "results" / "cat.png")
    assert ft.compare(files / "cat.png", [column], size=16, cache=cache)["theirs"].image.shape == (33, 48, 3)


def test_an_array_is_kept_as_it_was_given():
    array = np.full((4, 4, 3), 0.5, np.float32)
    column = ft.Column("mine", array)
    first = ft.compare("hopper", [column], size=4)["mine"].image
    array[:] = 0
    assert ft.compare("hopper", [column], size=4)["mine"].image.max() == first.max() == 0.5
    with pytest.raises(ValueError, match="read-only"):
        first[:] = 1


@pytest.mark.parametrize("array", [np.zeros((4, 4, 2)), np.zeros(4), np.full((4, 4, 3), np.nan), np.zeros((0, 4, 3))])
def test_an_array_that_is_no_picture_is_told(array):
    with pytest.raises(ValueError, match=r"^[^\n]*(must|accepted|replace)[^\n]+$"):
        SavedArray(array)


class Reads:
    """A restorer of a user's own that cannot say what it reads."""

    title, cost, continuous, random = "reads", 0.1, False, False

    def __init__(self, error: Exception) -> None:
        self.error = error

    def restore(self, *arguments: object) -> None:
        """Nothing."""

    def to_dict(self) -> dict[str, str]:
        return {}

    def hashes(self, photo: ft.Photo | None) -> dict[str, str]:
        raise self.error


def test_what_columns_read_is_known_for_several_photos(files):
    ft.save_picture(noise(48, 32), files / "dog.png")
    put(files, "cat_x4.png", "dog_x4.png")
    photos = [ft.Photo(files / name) for name in ("cat.png", "dog.png")]
    columns = [ft.Column("theirs", files / "results"), ft.Column("one", files / "cat.png")]
    paths = [(files / name).as_posix() for name in ("results/cat_x4.png", "results/dog_x4.png", "cat.png")]
    assert set(model_hashes(columns, photos)) == set(paths)
    assert set(model_hashes(columns, photos[:1])) == {paths[0], paths[2]}
    assert set(model_hashes(columns)) == {paths[2]}
    assert set(model_hashes(columns, [ft.Photo("hopper"), photos[1]])) == {paths[1], paths[2]}


def test_what_cannot_be_read_has_no_hash_and_other_faults_are_told(files):
    for error in (OSError("gone"), ValueError("no"), ImportError("not at hand")):
        assert model_hashes([ft.Column("reads", Reads(error)), ft.Column("one", files / "cat.png")])
    with pytest.raises(ZeroDivisionError):
        model_hashes([ft.Column("reads", Reads(ZeroDivisionError()))])
