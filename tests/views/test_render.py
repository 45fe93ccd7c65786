"""From a recipe to the same figure, in this version's form and in the first one's; and back, to verify a file."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest

import frantools as ft
from frantools.comparisons.cache import Cache
from frantools.comparisons.recipes import Recipe
from frantools.comparisons.render_job import recipe_of
from frantools.frannet.network.model import Config, FranNet
from frantools.frannet.weights.checkpoints import save_model
from frantools.restorers.columns import Column, as_columns
from frantools.views import render
from frantools.views.compare import VIEW
from frantools.views.verification import TOLERANCE, Verification, verify

HOPPER = ft.Photo("hopper")
CONTENT: dict[str, Any] = {
    "version": 2,
    "pictures": {"hopper": HOPPER.sha256},
    "columns": [
        {"title": "Input", "model": "input", "setup": None, "seed": None},
        {"title": "m", "model": "single-masking-32", "setup": None, "seed": None},
    ],
    "size": 32,
    "seed": 0,
    "models": {"single-masking-32": ft.load_model("single-masking-32").sha256},
    "versions": {"python": "3.11.0", "frantools": "0.1.0", "torch": "2.5.0", "numpy": "1.26.0"},
}
"""The content of a recipe file, except for the figure."""
FIGURES: dict[str, dict[str, Any]] = {
    "entire-image": {"size": [24, 24], "region": [0, 0, 1, 1], "precision": "float32"},
    "local-region": {"size": [24, 24], "region": [0.2, 0.2, 0.2, 0.4], "precision": "float32"},
    "compare": {"look": {"view": "difference", "left": 0, "right": 1}},
    "region": {"region": [0.25, 0.25, 0.5, 0.5]},
    "rois": {"search": {"size": 12, "count": 2, "sub_size": 4, "sub_count": 1}, "rerender": 1},
}


@pytest.mark.parametrize("figure", FIGURES)
def test_recipe_files_of_each_figure_are_rendered(figure, tmp_path):
    content = {"figure": figure, **CONTENT, **FIGURES[figure]}
    recipe = Recipe.from_dict(content)
    assert {name: recipe[name] for name in content} == content
    assert Recipe.from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe
    drawn = ft.render(content)
    assert len(drawn.axes) >= 1
    ft.save_figure(drawn, tmp_path / "again.png", content)
    ft.render(tmp_path / "again.png")


def test_what_restore_returns_says_how_it_is_made_again(tmp_path):
    for what, region in (("A:K=1", None), ("bicubic", ft.Region(0.2, 0.2, 0.5, 0.5)), ("single-masking-32", None)):
        made = ft.restore(what, "hopper", size=20, region=region, seed=4)
        ft.save_picture(made.image, tmp_path / "made.png", made.recipe)
        assert ft.load_recipe(tmp_path / "made.png") == made.recipe
        drawn = ft.render(tmp_path / "made.png")
        np.testing.assert_array_equal(drawn.axes[0].images[0].get_array(), made.image)


COMPARED = ft.compare(HOPPER, ["bicubic", ("nearest", "nearest")], size=32).recipe.to_dict()


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("version", 99), ("version", "x"), ("figure", 3), ("figure", "unknown"), ("pictures", []),
        ("pictures", {"a": 3}), ("photos", {"hopper": {"frame": "round"}}), ("photos", {"hopper": {"frames": 1}}),
        ("photos", 3),
        ("columns", None), ("columns", 3), ("columns", [3]), ("columns", [{}]), ("columns", [{"title": "a"}]),
        ("columns", [{"title": "a", "model": 3}]), ("columns", [{"title": "a", "model": "bicubic", "seed": "x"}]),
        ("columns", [{"title": "a", "function": "f"}]),
        ("columns", [{"title": "a", "model": "bicubic", "settings": 3}]),
        ("columns", [{"title": "a", "model": "bicubic", "degradation": {"blurs": 1}}]),
        ("size", None), ("size", 0), ("size", [1, 2, 3]), ("size", "x"), ("region", [0, 0]), ("region", [0, 0, 2, 2]),
        ("region", {"x": 0}), ("seed", None), ("seed", 0.5), ("precision", "half"), ("degradation", {"blur": -1}),
        ("degradation", 3), ("models", 3), ("models", {"a": 3}), ("versions", 3), ("look", {"view": "sideways"}),
        ("look", {"views": 1}), ("look", 3),
    ],
)  # fmt: skip
def test_a_damaged_part_is_one_sentence(part, value):
    ft.render(COMPARED)
    with pytest.raises((ValueError, FileNotFoundError), match=r"^[^\n]+$"):
        ft.render({**COMPARED, part: value})


@pytest.mark.parametrize("content", ["", "{", "[]", "3", '{"figure": ' * 3000])
def test_a_file_without_a_recipe_is_one_sentence(content, tmp_path):
    path = tmp_path / "recipe.png"
    with pytest.raises(FileNotFoundError, match=r"^[^\n]+$"):
        ft.load_recipe(path)
    matplotlib.image.imsave(path, np.zeros((2, 2)), metadata={"frantools": content})
    with pytest.raises(ValueError, match=r"^[^\n]+$"):
        ft.load_recipe(path)


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A figure in a folder of its own, and what its recipe reads in another one."""
    (tmp_path / "photos").mkdir()
    (tmp_path / "figures").mkdir()
    monkeypatch.chdir(tmp_path / "figures")
    names = {name: str(tmp_path / "photos" / name) for name in ("cat.png", "sharp.png", "cat_x2.png", "m.safetensors")}
    for name in ("cat.png", "sharp.png", "cat_x2.png"):
        ft.save_picture(HOPPER.resample(40), names[name])
    save_model(FranNet(Config("single-pass")), names["m.safetensors"])
    photo = ft.Photo(names["cat.png"], reference=names["sharp.png"])
    made = ft.compare(photo, ["bicubic", names["cat_x2.png"], names["m.safetensors"]], size=24)
    path = tmp_path / "figures" / "figure.png"
    ft.save_figure(made.figure(), path, made.recipe)
    return path, names


def test_paths_outside_the_recipes_folder_are_named_before_they_are_read(elsewhere, monkeypatch):
    path, names = elsewhere

    def reads(*arguments: Any) -> Any:
        raise AssertionError("read before it was named")

    recipe = ft.load_recipe(path)
    for name in ("check_models", "load_photos"):
        monkeypatch.setattr(render, name, reads)
    with pytest.warns(UserWarning, match="outside its own folder") as told, pytest.raises(AssertionError):
        ft.render(recipe)
    assert all(name in str(told[0].message) for name in names.values())
    monkeypatch.undo()
    with pytest.warns(UserWarning, match="outside its own folder"):
        ft.render(path)


def test_paths_inside_the_folder_raise_no_warning(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ft.save_picture(HOPPER.resample(40), "cat.png")
    made = ft.compare("cat.png", ["bicubic", "single-masking-32"], size=24)
    ft.save_figure(made.figure(), "figure.png", made.recipe)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ft.render("figure.png")


class Own:
    """A restorer whose description means nothing here."""

    title, cost, continuous, random = "own", None, False, False

    def restore(self, given: Any, *_: Any) -> Any:
        return ft.Restoration(given.picture, 0.0, 0)

    def to_dict(self) -> dict[str, Any]:
        return {"mine": 1}


def test_a_restorer_of_a_users_own_is_given_again():
    recipe = json.loads(json.dumps(ft.compare("hopper", [Own(), "bicubic"], size=16).recipe.to_dict()))
    with pytest.raises(ValueError, match=r"pass it: columns=\{'own': ...\}"):
        ft.render(recipe)
    ft.render(recipe, columns={"own": Own()})


def saved(tmp_path: Path, ending: str = ".png") -> Path:
    made = ft.compare("hopper", ["bicubic", "single-masking-32"], size=40)
    path = tmp_path / f"figure{ending}"
    ft.save_figure(made.figure(), path, made.recipe)
    return path


def test_a_figure_is_verified(tmp_path):
    assert verify(saved(tmp_path)) == Verification("identical", ())


def changed(path: Path, by: int) -> None:
    """The same file with the pixels of its middle changed."""
    recipe = ft.load_recipe(path)
    pixels = ft.load_image(path).astype(int)
    part = pixels[pixels.shape[0] // 3 : pixels.shape[0] // 2, 60:90]
    part += np.where(part < 128, by, -by)
    ft.save_picture(pixels.astype(np.uint8), path, recipe)


@pytest.mark.parametrize(
    ("by", "kind"), [(0, "identical"), (1, "within tolerance"), (TOLERANCE, "within tolerance"), (40, "different")]
)
@pytest.mark.parametrize("what", ["figure", "picture"])
def test_the_largest_difference_is_reported(by, kind, what, tmp_path):
    if what == "figure":
        path = saved(tmp_path)
    else:
        path, made = tmp_path / "picture.png", ft.restore("single-masking-32", "hopper", size=100)
        ft.save_picture(made.image, path, made.recipe)
    changed(path, by)
    verdict = verify(path)
    assert verdict.kind == kind
    assert verdict.sentences == ((f"The largest difference is {by} of 255.",) if by else ())


def test_another_size_is_reported(tmp_path):
    path = saved(tmp_path)
    ft.save_picture(np.zeros((30, 20, 3)), path, ft.load_recipe(path))
    verdict = verify(path)
    assert verdict.kind == "different"
    assert verdict.sentences[0].endswith("pixels, and was 20 x 30.")


@pytest.mark.parametrize("ending", [".pdf", ".svg"])
def test_files_without_pixels_are_rendered_but_not_compared(ending, tmp_path, monkeypatch):
    path = saved(tmp_path, ending)
    monkeypatch.setattr("frantools.views.verification.load_recipe", lambda *_: ft.load_recipe(saved(tmp_path)))
    verdict = verify(path)
    assert verdict.kind == "not comparable"
    assert verdict.sentences == (f"It can be rendered; {ending} files have no pixels to compare.",)


def test_changed_pictures_models_files_and_versions_are_reported(elsewhere):
    path, names = elsewhere
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert verify(path).kind == "identical"
        recipe = ft.load_recipe(path)
        versions = {**recipe["versions"], "torch": "1.0"}
        ft.save_picture(ft.load_image(path), path, recipe.replace(versions=versions))
        (said,) = verify(path).sentences
        assert said.startswith("torch is ")
        assert said.endswith(", and was 1.0 where the recipe was made.")
        for name, spoil, expected in (
            ("cat_x2.png", lambda p: ft.save_picture(np.zeros((9, 9)), p), "The file .*cat_x2.png has changed"),
            ("m.safetensors", lambda p: save_model(FranNet(Config("single-pass")), p), "The model .* other weights"),
            ("cat.png", lambda p: ft.save_picture(np.zeros((9, 9)), p), "The picture .*cat.png has changed"),
        ):
            before = Path(names[name]).read_bytes()
            spoil(names[name])
            verdict = verify(path)
            assert verdict.kind == "different"
            assert re.match(expected, verdict.sentences[0])
            assert len(verdict.sentences) == 2
            Path(names[name]).write_bytes(before)


def test_a_recipe_that_cannot_be_rendered_is_not_comparable(tmp_path):
    made = ft.compare("hopper", [Column("mine", lambda picture: picture)], size=16)
    ft.save_figure(made.figure(), tmp_path / "mine.png", made.recipe)
    verdict = verify(tmp_path / "mine.png")
    assert verdict.kind == "not comparable"
    assert "It cannot be rendered: mine is a lambda" in verdict.sentences[0]
    assert verify(tmp_path / "mine.png", columns={"mine": lambda picture: picture}).kind == "identical"
    assert verify(tmp_path / "mine.png", columns={"mine": lambda picture: 1 - picture}).kind == "different"
    with pytest.raises(FileNotFoundError):
        verify(tmp_path / "none.png")
    ft.save_picture(np.zeros((4, 4)), tmp_path / "plain.png")
    with pytest.raises(ValueError, match="contains no recipe"):
        verify(tmp_path / "plain.png")


def test_columns_of_unknown_cost_come_last():
    columns = as_columns(["bicubic", ("mine", lambda picture: picture), "original"])
    recipe = recipe_of("compare", HOPPER, columns, 80)
    order: list[str] = []
    before = False
    for data in VIEW.compute(recipe, [HOPPER], lambda share: None, Cache()):
        order += [title for title in data.measured if title not in order]
        if not data.is_final("mine") and {"bicubic", "original"} <= data.measured.keys():
            before = True
    assert order == ["bicubic", "original", "mine"]
    assert before, "what is complete is measured before the next begins"
    assert list(data) == ["bicubic", "mine", "original"]
