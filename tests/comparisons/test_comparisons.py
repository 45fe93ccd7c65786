"""One photo, several columns: frames, sizes, regions, references, numbers, recipes."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import frantools as ft
from frantools.comparisons.cache import Cache
from frantools.comparisons.recipes import Recipe
from frantools.frannet.network.model import Config, FranNet
from frantools.frannet.weights.checkpoints import save_model
from frantools.photos import photo as photos
from frantools.restorers.columns import Column

WIDE = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)


@pytest.fixture(scope="module")
def mine(tmp_path_factory):
    """A single-pass FranNet with random weights, as a file."""
    path = tmp_path_factory.mktemp("models") / "mine.safetensors"
    save_model(FranNet(Config("single-pass")), path)
    return str(path)


def same(picture):
    return picture


@given(width=st.integers(1, 80), height=st.integers(1, 80), size=st.integers(1, 64))
def test_photos_of_any_aspect_are_compared_at_the_longer_side(width, height, size):
    picture = np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)
    made = ft.compare(picture, [same, nn.Identity(), "bicubic"], size=size)
    assert not made.errors
    assert made.photo.frame == "whole"
    assert max(made.size) == size
    for title in made:
        assert made[title].image.shape == (made.size[1], made.size[0], 3)
    np.testing.assert_array_equal(made["same"].image, made.reference)


def test_the_frame_is_square_where_frannet_takes_part_or_all_is_plain_resizing(mine):
    for columns, frame in (
        (["bicubic", "input", "original"], "square"),
        (["bicubic", same], "whole"),
        ([same], "whole"),
        ([same, mine], "square"),
        ([mine], "square"),
        ([WIDE], "whole"),
    ):
        assert ft.compare(WIDE, columns, size=24).photo.frame == frame
        for chosen in ("square", "whole"):
            made = ft.compare(ft.Photo(WIDE, chosen), columns, size=24)
            assert made.photo.frame == chosen
            assert made.size == ((24, 16) if chosen == "whole" else (24, 24))
            assert f"The {chosen} frame" in made.measure().caption


def test_a_size_is_one_number_or_width_and_height():
    assert ft.compare(WIDE, [same], size=(17, 31)).size == (17, 31)
    region = ft.Region(0.1, 0.1, 0.5, 0.2)
    assert ft.compare(WIDE, [same], size=30, region=region).size == (30, 30)
    assert ft.compare(WIDE, [same], size=30, region=ft.Region.full()).size == (30, 20)
    for size in (0, -1, 1.5, (3,), (3, 0), "8", True, 16385):
        with pytest.raises(ValueError, match=r"size must be an integer or \(width, height\)"):
            ft.compare(WIDE, [same], size=size)


def test_without_a_reference_there_are_no_numbers_and_nothing_else_is_lost():
    made = ft.compare(ft.Photo(WIDE, reference=None), [same, "bicubic", ("wrong", lambda p: None)], size=30)
    assert made.reference is None
    assert list(made) == ["same", "bicubic"]
    assert made.measure().names == ["column", "calls", "seconds", "error"]
    assert made.rois(8, 2)
    assert made._repr_png_()[:4] == b"\x89PNG"
    again = Recipe.from_dict(json.loads(json.dumps(made.recipe.to_dict())))
    assert again.photos[0].load(WIDE).reference_photo is None
    with pytest.raises(ValueError, match="has no reference to measure against"):
        ft.evaluate(same, [ft.Photo(WIDE, reference=None)], size=30)
    table = ft.evaluate([same], [ft.Photo(WIDE, reference=None)], size=30)
    assert table.rows[0]["mse"] is None


def test_another_file_is_the_reference(tmp_path):
    sharp = WIDE.repeat(2, 0).repeat(2, 1)
    ft.save_picture(sharp, tmp_path / "sharp.png")
    photo = ft.Photo(WIDE, "whole", reference=tmp_path / "sharp.png")
    made = ft.compare(photo, [("twice", lambda p: p.repeat(2, 0).repeat(2, 1)), ("once", same)], size=120)
    assert made.numbers(["mse"])["twice"]["mse"] == 0
    assert made["once"].image.shape == (40, 60, 3)
    assert made.resampled == {"once": (60, 40)}
    assert "given: the photo itself" in made.protocol()


@pytest.mark.parametrize("colour", [False, True])
def test_named_columns_read_the_small_copy_or_what_is_given(colour):
    name = "bicubic-colour" if colour else "bicubic"
    plain = ft.compare(ft.Photo(WIDE, "square"), [name, same], size=64)
    small = plain.photo.small_colour if colour else plain.photo.small
    np.testing.assert_allclose(plain[name].image, small, atol=1e-6)
    np.testing.assert_array_equal(plain["same"].image, plain.reference)
    worse = ft.Degradation(blur=2)
    made = ft.compare(
        ft.Photo(WIDE, "square"), [name, same, ft.Column("own", same, given=ft.Degradation())], size=64, given=worse
    )
    np.testing.assert_array_equal(made[name].image, worse.apply(made.reference))
    np.testing.assert_array_equal(made["same"].image, worse.apply(made.reference))
    np.testing.assert_array_equal(made["own"].image, made.reference)
    assert "blur 2 px" in made.protocol()
    assert "own is given the reference itself, as it is." in made.protocol()


def test_frannet_reads_its_own_copy_whatever_is_given_and_asked_for(mine):
    first = ft.compare(WIDE, [mine], size=16)
    second = ft.compare(WIDE, [mine], size=16, given=ft.Degradation(noise=0.5))
    np.testing.assert_array_equal(first["mine"].image, second["mine"].image)
    assert "to mine its 64 x 64 copy" in second.protocol()
    plain = ft.compare(WIDE, [lambda picture: picture], size=16)
    assert "64 x 64" not in plain.protocol()


def test_continuous_columns_are_asked_for_a_region_and_others_are_cut_out_of_the_whole(mine):
    region = ft.Region(0.5, 0.25, 0.25, 0.5)
    made = ft.compare(ft.Photo(WIDE, "square"), [mine, same, "original"], size=(16, 32), region=region)
    np.testing.assert_allclose(made["mine"].image, ft.restore(mine, WIDE, size=(16, 32), region=region).image)
    whole = ft.compare(ft.Photo(WIDE, "square"), [same], size=32)["same"].image
    assert made["same"].image.shape == (32, 16, 3)
    np.testing.assert_allclose(made["same"].image[::2, ::2].mean(), whole[8:24, 16:24].mean(), atol=0.03)
    assert "same: The region was cropped from the whole picture, 32 x 32" in made.protocol()
    np.testing.assert_array_equal(made["original"].image, made.reference)


def test_the_photos_work_is_done_once_for_all_columns(mine, monkeypatch):
    calls, squares = [], []
    prepare, square = photos.prepare_input, photos.crop_square
    monkeypatch.setattr(photos, "prepare_input", lambda *a, **k: calls.append(1) or prepare(*a, **k))
    monkeypatch.setattr(photos, "crop_square", lambda *a, **k: squares.append(1) or square(*a, **k))
    photo = ft.Photo(WIDE)
    for size in (16, 24):
        made = ft.compare(photo, [mine, "bicubic", "input", ("other", mine), same], size=size)
        assert not made.errors
    assert (len(calls), len(squares)) == (1, 1)


def test_a_comparison_is_a_mapping_with_errors_beside_it():
    made = ft.compare(WIDE, [same, ("wrong", lambda p: None)], size=16)
    assert isinstance(made, Mapping)
    assert (list(made), len(made), made.titles) == (["same"], 1, ["same", "wrong"])
    assert "wrong" not in made
    assert made.get("missing") is None
    with pytest.raises(KeyError, match="missing"):
        made["missing"]
    assert repr(made) == "Comparison of picture at 16 x 11: same, wrong failed"


@given(seed=st.integers(-(2**40), 2**70), size=st.integers(1, 40), shrink=st.integers(1, 3))
def test_a_recipe_is_the_same_after_json(seed, size, shrink):
    columns = ["bicubic", "A", ft.Column("own", same, seed=3, given=ft.Degradation(noise=0.5)), ("lambda", lambda p: p)]
    recipe = ft.compare(
        WIDE,
        columns[:1] + columns[2:],
        size=size,
        seed=seed,
        given=ft.Degradation(shrink=shrink),
        region=ft.Region(0, 0, 0.5, 0.5),
    ).recipe
    again = Recipe.from_dict(json.loads(json.dumps(recipe.to_dict())))
    assert again == recipe
    assert hash(again) == hash(recipe)
    assert again.to_dict() == recipe.to_dict()
    assert (again.seed, again.size, again.degradation) == (seed, (size, size), ft.Degradation(shrink=shrink))


def test_regions_of_a_comparison_are_those_of_its_pictures():
    def spotted(picture):
        picture[8:16, 24:32] = 1 - picture[8:16, 24:32]
        return picture

    made = ft.compare(ft.Photo(WIDE, "whole"), [same, spotted], size=60)
    (found,) = made.rois(8, 1)
    assert (found.top, found.left) == (8, 24)
    assert made.rois()[0].bottom - made.rois()[0].top == 40 * 3 // 8


def test_measures_are_those_of_the_registry():
    made = ft.compare(WIDE, [same, "bicubic"], size=32)
    assert made.measure().names == ["column", *ft.measures, "calls", "seconds"]
    assert made.measure(["psnr"]).names == ["column", "psnr", "calls", "seconds"]
    for title in made:
        assert made.numbers(["ssim"])[title]["ssim"] == ft.measures["ssim"](made[title].image, made.reference)
    with pytest.raises(ValueError, match="there is no measure 'beauty'"):
        made.measure(["beauty"])


def test_a_cache_keeps_what_was_made_and_nothing_else(mine):
    cache, calls = Cache(), []

    def f(picture, seed=0):
        calls.append(seed)
        return picture

    for seed in (0, 0, 1, 1):
        ft.compare(WIDE, [("f", f), ("small", same)], size=16, seed=seed, cache=cache)
    assert calls == [0, 1]
    single = [
        ft.compare(WIDE, [mine], size=16, precision=p, cache=cache)["mine"] for p in ("float32", "bfloat16", "float32")
    ]
    assert single[0] is single[2]
    assert (single[0].image != single[1].image).any()
    ft.compare(WIDE, [("f", f)], size=16, given=ft.Degradation(noise=0.1), cache=cache)
    ft.compare(ft.Photo(WIDE, "square"), [("f", f)], size=16, cache=cache)
    assert len(calls) == 4


@pytest.mark.parametrize("error", [ImportError("the library x is not here"), ModuleNotFoundError("no module x")])
def test_a_column_whose_library_is_missing_fails_alone(error):
    """As of a model file that another library reads: the others go on."""

    class Absent(Column):
        def resolve(self, *arguments, **named):
            raise error

    made = ft.compare(WIDE, [Absent("absent", "x.pth"), ("f", same)], size=16)
    assert made.titles == ["absent", "f"]
    assert made.errors == {"absent": f"absent: {error}"}
    assert made.photo.frame == "whole"


@pytest.mark.parametrize(
    "argument", [{"given": "blur"}, {"region": (0, 0, 1, 1)}, {"seed": 1.5}, {"precision": "half"}]
)
def test_arguments_are_checked(argument):
    with pytest.raises(ValueError, match=r"^[^\n]*(accepted|must be) [^\n]+$"):
        ft.compare(WIDE, [same], size=8, **argument)


def test_a_tensor_is_the_input_of_frannet_alone(mine):
    x = ft.prepare_input(WIDE)
    np.testing.assert_array_equal(
        ft.restore(mine, x, size=16).image, ft.restore(mine, ft.Photo(WIDE, "square"), size=16).image
    )
    with pytest.raises(ValueError, match="is an input of FranNet only, and same is another restorer"):
        ft.restore(same, x, size=16)


class Wraps:
    """A restorer that makes an error of its own of what progress raises."""

    title, cost, continuous, random = "wraps", None, False, False

    def restore(self, given, size, region, seed, progress):
        try:
            progress(0.5)
        except Exception as error:
            raise RuntimeError("it broke") from error

    def to_dict(self):
        return {}


def test_what_progress_raises_is_raised_even_where_a_restorer_makes_another_error_of_it():
    def stop(share):
        raise ft.Cancelled("enough")

    with pytest.raises(ft.Cancelled, match="enough"):
        ft.compare(WIDE, [Wraps()], size=8, progress=stop)
