"""Floats of pictures: those outside [0, 1] by a rounding are clipped, others are refused with their range."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import frantools as ft
from frantools.comparisons.cache import Cache, Disk
from frantools.photos.images import ROUNDING, as_picture, unit_floats

PIXELS = np.random.default_rng(0).random((12, 10, 3))
PHOTO = ft.Photo((PIXELS * 255).astype(np.uint8), "whole")


def saved(image: Any) -> None:
    ft.save_picture(image, Path("saved.png"))


ACCEPT: dict[str, Callable[[np.ndarray], Any]] = {
    "as_picture": as_picture,
    "Photo": ft.Photo,
    "prepare_input": ft.prepare_input,
    "Viewer": lambda image: ft.widgets.Viewer({"a": image, "b": PIXELS}),
    "Viewer of a tensor": lambda image: ft.widgets.Viewer({"a": torch.from_numpy(image), "b": PIXELS}),
    "save_picture": saved,
    "find_rois": lambda image: ft.find_rois([image, PIXELS], 4),
    "mse": lambda image: ft.measures["mse"](image, PIXELS),
    "ssim": lambda image: ft.measures["ssim"](PIXELS, image),
    "psnr_y": lambda image: ft.measures.psnr_y(1)(image, PIXELS),
    "array": lambda image: ft.restore(image, PHOTO, size=12),
    "evaluate": lambda image: ft.evaluate("bicubic", [image], size=8),
}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ACCEPT)
def test_what_leaves_the_range_by_a_rounding_is_clipped(name, dtype):
    image = PIXELS.astype(dtype)
    image[0, 0], image[1, 1] = 1 + ROUNDING / 2, -ROUNDING / 2
    ACCEPT[name](image)
    image[0, 0] = 1.0000001
    ACCEPT[name](image)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ACCEPT)
def test_values_that_are_not_finite_are_counted_and_the_message_says_what_to_do(name, value):
    image = PIXELS.copy()
    image[2, 2:4] = value
    with pytest.raises(ValueError, match="6 values that are NaN or infinite; replace them"):
        ACCEPT[name](image)


@pytest.mark.parametrize(("low", "high", "said"), [(0, 1.2, "clip them"), (-0.1, 1, "clip them"), (0, 255, "255")])
@pytest.mark.parametrize("name", [name for name in ACCEPT if name != "array"])
def test_other_ranges_are_refused_with_the_range(name, low, high, said):
    image = PIXELS.copy()
    image[0, 0], image[1, 1] = low, high
    with pytest.raises(
        ValueError, match=rf"values from {max(low, low or image.min()):.4g} to {max(high, PIXELS.max()):.4g}; .*{said}"
    ):
        ACCEPT[name](image)


def test_floats_within_are_the_same_array():
    assert unit_floats(PIXELS) is PIXELS


def test_an_input_that_is_not_finite_says_so():
    x = ft.prepare_input(PIXELS)
    x[0, 0, 3, :5] = torch.nan
    with pytest.raises(ValueError, match="input has 5 values that are NaN or infinite"):
        ft.restore("single-masking-8", x, size=8)


class Louder(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * 1.5 - 0.2


class Own:
    """A restorer that answers with a picture as it is."""

    title, cost, continuous, random = "own", None, False, False

    def restore(self, given: Any, *_: Any) -> ft.Restoration:
        return ft.Restoration(given.picture * np.float32(1.5) - np.float32(0.2), 0.0, 0, remarks=("It is loud",))

    def to_dict(self) -> dict[str, Any]:
        return {"missing": "it is of a test", "title": "own"}


LOUD: dict[str, Callable[[], Any]] = {
    "function": lambda: lambda picture: picture * 1.5 - 0.2,
    "module": Louder,
    "own": Own,
    "array": lambda: PHOTO.pixels / 255 * 1.5 - 0.2,
}


@pytest.mark.parametrize("name", LOUD)
def test_a_column_that_is_clipped_says_by_how_much_wherever_remarks_are_shown(name):
    made = ft.compare(PHOTO, [ft.Column(name, LOUD[name]()), "original"], size=12)
    values = PHOTO.resample(12).astype(float) * 1.5 - 0.2
    said = f"Values from {values.min():.3g} to {values.max():.3g} were clipped to [0, 1]"
    assert made[name].remarks[-1] == said
    assert f"{name}: {said}." in made.measure(["mse"]).caption
    assert said in ft.widgets.Viewer(made).notes[name]
    texts = [" ".join(text.get_text().split()) for axes in made.figure().axes for text in axes.texts]
    assert sum(said in text for text in texts) == 1
    assert not made["original"].remarks


@pytest.mark.parametrize(
    "change", [lambda p: p, lambda p: p * 1.0005, lambda p: p - 0.0005, lambda p: (p * 255).astype(np.uint8)]
)
def test_a_rounding_is_no_remark(change):
    assert ft.restore(change, PHOTO, size=12).remarks == ()


def test_a_remark_of_a_cached_picture_is_that_of_a_column_of_another_title():
    louder, cache = Louder(), Cache()
    first, second = (ft.compare(PHOTO, [(title, louder)], size=12, cache=cache) for title in ("first", "second"))
    assert second["second"] is first["first"]
    assert "second: Values from" in second.protocol()
    assert "first" not in second.protocol()


def test_the_remark_is_kept_with_the_picture(tmp_path):
    for _ in range(2):
        cache = Cache(disk=Disk(tmp_path))
        column = ft.Column("loud", "loud.py:f")
        Path("loud.py").write_text("def f(picture): return picture * 1.2")
        made = ft.compare(PHOTO, [column], size=12, cache=cache)
        assert "clipped" in made["loud"].remarks[0]
