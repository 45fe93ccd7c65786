"""What plain resizing makes of a picture, and that it is measured as a model is."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from skimage.transform import resize as reference

import frantools as ft
from frantools import cli
from frantools.frannet.network.model import FranNet
from frantools.frannet.weights.checkpoints import save_model
from frantools.photos.images import crop_square
from frantools.restorers.base import RestorationInput
from frantools.restorers.resizing import BASELINES, MODES, baseline
from frantools.scores.measures import measure

RESIZINGS = [name for name in BASELINES if name != "original" and not name.startswith("input")]
GRAY = np.array([0.2989, 0.587, 0.114])
colours = st.tuples(*[st.integers(0, 255)] * 3)


def made(name: str, original: np.ndarray) -> np.ndarray:
    """What a named column makes of a square picture at its own size."""
    size = original.shape[1::-1]
    return (
        baseline(name)
        .restore(RestorationInput(ft.Photo(original, "square"), size), size, None, 0, lambda _: None)
        .image
    )


def loss(name: str, original: np.ndarray) -> float:
    return measure(made(name, original), original)["mse"]


@given(colour=colours, size=st.integers(1, 200), name=st.sampled_from(RESIZINGS))
def test_a_constant_picture_is_kept(colour, size, name):
    original = np.full((size, size, 3), colour, np.uint8)
    expected = np.array(colour) / 255 if name.endswith("-colour") else np.full(3, colour @ GRAY / 255)
    resized = made(name, original)
    np.testing.assert_allclose(resized, np.broadcast_to(expected, original.shape), atol=1e-5)


@given(seed=st.integers(0, 2**32), size=st.integers(1, 150), name=st.sampled_from(RESIZINGS))
def test_what_is_made_is_a_picture_of_the_same_size(seed, size, name):
    original = np.random.default_rng(seed).integers(0, 256, (size, size, 3), np.uint8)
    resized = made(name, original)
    assert resized.shape == original.shape
    assert resized.dtype == np.float32
    assert resized.min() >= 0
    assert resized.max() <= 1


@pytest.mark.parametrize("name", RESIZINGS)
def test_the_original_is_left_as_it_is(name):
    original = crop_square(ft.portraits()["hopper"], 100)
    before = original.copy()
    made(name, original)
    np.testing.assert_array_equal(original, before)


@pytest.mark.parametrize("method", MODES)
@pytest.mark.parametrize("portrait", ["astronaut", "hopper"])
def test_gray_is_gray_and_the_true_colour_is_worth_much(method, portrait):
    original = crop_square(ft.portraits()[portrait], 178)
    gray = made(method, original)
    np.testing.assert_array_equal(gray, gray[..., :1].repeat(3, axis=-1))
    colour = made(f"{method}-colour", original)
    np.testing.assert_allclose(colour @ GRAY, gray[..., 0] * GRAY.sum(), atol=0.03, err_msg="but for what is clamped")
    assert measure(colour, original)["mse"] < 0.5 * measure(gray, original)["mse"]


@pytest.mark.parametrize("kind", ["", "-colour"])
def test_the_smoother_the_kernel_the_closer_to_a_smooth_picture(kind):
    rows, columns = np.mgrid[:178, :178] / 178
    waves = np.stack([np.sin(9 * rows), np.cos(7 * columns), np.sin(5 * (rows + columns))], axis=-1)
    original = ((waves if kind else waves[..., :1].repeat(3, axis=-1)) * 100 + 128).astype(np.uint8)
    losses = [loss(name + kind, original) for name in ("bicubic", "bilinear", "nearest")]
    assert losses == sorted(losses)
    assert losses[0] < 0.1 * losses[2]


@pytest.mark.parametrize(("method", "order"), [("nearest", 0), ("bilinear", 1)])
def test_enlarging_is_that_of_scikit_image(method, order):
    """At 64 pixels nothing is shrunk, so what is enlarged is known."""
    small = crop_square(ft.portraits()["astronaut"], 64)
    large = small.repeat(3, axis=0).repeat(3, axis=1)  # shrunk again it is blurred a little
    low = made("nearest-colour", large)[1::3, 1::3]
    expected = reference(low, (192, 192), order=order, mode="edge", anti_aliasing=False)
    np.testing.assert_allclose(made(f"{method}-colour", large), expected, atol=1e-5)


@pytest.mark.parametrize("name", RESIZINGS)
def test_a_baseline_is_measured_on_the_same_pictures_as_a_model(name, random_models: dict[str, FranNet]):
    images = list(ft.portraits().values())
    measured = ft.evaluate(name, images, size=40)
    for index, image in enumerate(images):
        original = crop_square(image, 40)
        for metric, value in measure(made(name, original), original).items():
            assert measured.per_picture[metric][index] == pytest.approx(value, rel=1e-5)
    assert measured.calls == 0
    assert measured.seconds > 0
    assert measured.pictures == ft.evaluate(random_models["single-pass"], images, size=40).pictures


@pytest.mark.parametrize(
    ("name", "setup", "message"),
    [
        ("lanczos", None, "'lanczos' is not a known restorer"),
        ("bicubic", ft.SETUPS["B"], "setup is B, and bicubic has no sampler; B goes with diffusion models"),
    ],
)
def test_what_is_no_baseline_is_refused(name, setup, message):
    with pytest.raises(ValueError, match=message):
        ft.evaluate(name, [ft.portraits()["hopper"]], setup)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Image.fromarray(crop_square(ft.portraits()["hopper"], 50)).save(tmp_path / "hopper.png")
    return tmp_path


def test_the_command_line_measures_baselines_beside_models(capsys, folder, random_models):
    save_model(random_models["diffusion"], folder / "mine.safetensors")
    model, out = str(folder / "mine.safetensors"), folder / "out.json"
    command = ["evaluate", "--data", str(folder), "--model", "bicubic", model, "nearest-colour", "--setup", "B"]
    assert cli.main([*command, "--size", "16", "--out", str(out)]) == 0
    capsys.readouterr()
    results = json.loads(out.read_text())["results"]
    assert [(row["model"], row["setup"], row["calls"]) for row in results] == [
        ("bicubic", None, 0),
        ("mine", "B", 15),
        ("nearest-colour", None, 0),
    ]
    assert [row["sha256"] for row in results] == [None, ft.load_model(model).sha256, None]
    assert results[0]["each"] == ft.evaluate("bicubic", folder, size=16).per_picture


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["bicubik"], "there is no model 'bicubik'; the shipped models are"),
        (["bicubik"], "and the baselines nearest, bilinear, bicubic, area, input-colour, nearest-colour"),
        (
            ["bicubic", "--setup", "A"],
            "none of what is measured has such a sampler; A goes with diffusion models",
        ),
        (["bicubic", "--cards"], "bicubic has no card"),
    ],
)
def test_the_command_line_refuses_what_no_baseline_can_do_in_one_line(capsys, folder, arguments, message):
    assert cli.main(["evaluate", "--data", str(folder), "--model", *arguments]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
