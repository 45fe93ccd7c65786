"""Colour formats: FranNet's own numbers, the way there and back, and the formats of scikit-image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from skimage import color

import frantools as ft

GOLDEN = np.load(Path(__file__).parents[1] / "data/family/colours.npz")
SPACES = ("rgb", "bgr", "hsv", "hsl", "lab", "yuv", "yiq")


def close(got: torch.Tensor, want: np.ndarray, tolerance: float) -> None:
    assert np.abs(got.numpy() - want).max() <= tolerance * max(1.0, want.std())


@pytest.mark.parametrize("space", SPACES)
def test_formats_are_frannets(space: str) -> None:
    for rgb, network in (("rgb", "convert"), ("rgb-outside", "convert-outside")):
        got = ft.colours.to_network(torch.tensor(GOLDEN[rgb]), space)
        close(got, GOLDEN[f"{space}/{network}"], 1e-5)
    # A float32 step of the squeezed hue is 1e-5 of a colour, and a step of 6e-5 in a channel.
    hue = 3e-4 if space in ("hsv", "hsl") else 1e-5
    close(ft.colours.to_rgb(torch.tensor(GOLDEN[f"{space}/convert"]), space), GOLDEN[f"{space}/convert-back"], hue)
    close(ft.colours.to_rgb(torch.tensor(GOLDEN["network"]), space), GOLDEN[f"{space}/network-back"], 3e-5)


@pytest.mark.parametrize("space", SPACES)
@given(colour=st.tuples(*[st.floats(-1, 1, width=32)] * 3))
def test_the_way_back_is_the_inverse(space: str, colour: tuple[float, float, float]) -> None:
    rgb = torch.tensor(colour, dtype=torch.float64)
    back = ft.colours.to_rgb(ft.colours.to_network(rgb, space), space)
    # the matrices of yiq and lab have so many digits
    assert (back - rgb).abs().max() < {"yiq": 1e-3, "lab": 1e-3, "yuv": 1e-5}.get(space, 1e-9)


@pytest.mark.parametrize("space", SPACES)
def test_colours_are_converted_one_by_one(space: str) -> None:
    rgb = torch.tensor(GOLDEN["rgb-outside"])
    whole = ft.colours.to_network(rgb, space)
    assert torch.equal(ft.colours.to_network(rgb.view(4, 16, 3), space.upper()), whole.view(4, 16, 3))
    alone = torch.stack([ft.colours.to_network(row, space) for row in rgb])
    assert torch.allclose(alone, whole, rtol=0, atol=1e-6)  # torch rounds powers of few numbers otherwise than of many
    back = ft.colours.to_rgb(whole, space)
    alone = torch.stack([ft.colours.to_rgb(row, space) for row in whole])
    assert torch.allclose(alone, back, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("space", "name"), [("hsv", "hsv"), ("lab", "lab"), ("yuv", "yuv"), ("yiq", "yiq")])
def test_formats_are_the_usual_ones_scaled(space: str, name: str) -> None:
    rgb = GOLDEN["rgb"]
    usual = getattr(color, f"rgb2{name}")((rgb.astype(np.float64) + 1) / 2)
    space_of = ft.colours.SCALED[space]
    got = ft.colours.to_network(torch.tensor(rgb, dtype=torch.float64), space).numpy()
    assert np.allclose(got * space_of.scale + space_of.shift, usual, atol=2e-3)


def test_what_is_no_format_or_colour_is_refused() -> None:
    colour = torch.zeros(2, 3)
    wrongs: list[Any] = ["cmyk", "", None, {"name": "lab"}]
    for wrong in wrongs:
        with pytest.raises(ValueError, match=r"colour format must be 'rgb', .*, got "):
            ft.colours.to_network(colour, wrong)
        with pytest.raises(ValueError, match="colour format must be"):
            ft.colours.to_rgb(colour, wrong)
    with pytest.raises(ValueError, match="shape"):
        ft.colours.to_network(torch.zeros(3, 2), "rgb")
    other_values: list[Any] = [colour.numpy(), colour.int(), [0.0, 0.0, 0.0]]
    for other in other_values:
        with pytest.raises(ValueError, match=r"colours must be a tensor of floats"):
            ft.colours.to_network(other, "lab")
        with pytest.raises(ValueError, match="colours must be"):
            ft.colours.to_rgb(other, "hsv")
    assert torch.equal(ft.colours.to_network(colour + 0.5, "Identity"), colour + 0.5)
