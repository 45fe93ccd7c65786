"""Deep zooms: neighbouring pixels stay apart as far as numbers carry, and then a sentence says that they do not."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import frantools as ft
from frantools import noise
from frantools.frannet.coordinates import FINE, LEAST, exact
from frantools.frannet.engine import GridDecoder, hat
from frantools.frannet.network import Config, FranNet, cubic
from frantools.frannet.plain import PlainDecoder
from frantools.frannet.restoration import sample_grid
from frantools.regions import axes

PORTRAIT = ft.portraits()["hopper"]


@pytest.fixture(scope="module")
def model() -> FranNet:
    """Of x and y, with the highest bands wide open."""
    torch.manual_seed(0)
    made = FranNet(Config("single-pass", target="residual", features="fine")).eval().requires_grad_(False)
    made.position.gate.normal_()
    made.position.gate[-4:] = 3
    return made


@pytest.mark.parametrize("width", [1e-3, 1e-4, 1e-5])
def test_neighbouring_columns_and_rows_are_told_apart(model, width):
    """float32 has 168 numbers in a hundred-thousandth of the picture."""
    region = ft.Region(0.6, 0.7, width, width)
    across = ft.restore(model, PORTRAIT, size=(512, 1), region=region).image[0]
    down = ft.restore(model, PORTRAIT, size=(1, 512), region=region).image[:, 0]
    assert len(np.unique(across, axis=0)) == len(np.unique(down, axis=0)) == 512


@pytest.mark.parametrize("width", [1e-5, 1e-6])
def test_a_zoom_has_no_steps(model, width):
    """The change from pixel to pixel is that of a smooth function: its own changes are far smaller."""
    image = ft.restore(model, PORTRAIT, size=(64, 1), region=ft.Region(0.6, 0.7, width, width)).image[0].astype(float)
    change = np.diff(image, axis=0)
    assert np.abs(np.diff(change, axis=0)).max() < 0.2 * np.abs(change).max() + 3e-7


@pytest.mark.parametrize("width", [1e-3, 1e-5])
def test_both_paths_agree_in_a_zoom(model, width):
    columns, rows = axes((40, 30), ft.Region(0.6, 0.7, width, width))
    with torch.inference_mode():
        encoded = model.encode(ft.prepare_input(PORTRAIT))
    fast, plain = (
        sample_grid(kind(model, encoded, columns), columns, rows, None, 0) for kind in (GridDecoder, PlainDecoder)
    )
    np.testing.assert_allclose(fast, plain, rtol=0, atol=1e-5)


def test_a_zoom_is_near_what_the_whole_picture_has_there(model):
    """At one point each: float32 in FranNet's order rounds phases by a few thousandths at the highest frequency."""
    at = ft.Region(0.6, 0.7, 1e-5, 1e-5)
    zoomed = ft.restore(model, PORTRAIT, size=(101, 101), region=at).image[50, 50]
    alone = ft.restore(model, PORTRAIT, size=1, region=at).image[0, 0]
    np.testing.assert_allclose(zoomed, alone, atol=0.01)


def test_pictures_of_ordinary_size_are_computed_in_float32():
    for axis in (axes(16384)[0], axes(512, ft.Region(0.5, 0.5, 1e-3, 1e-3))[1]):
        assert exact(axis).dtype == torch.float32
        assert len(exact(axis).unique()) == len(axis)
    assert exact(axes(512, ft.Region(0.5, 0.5, 1e-4, 1e-4))[0]).dtype == torch.float64
    assert FINE == 16 * 2**-24


@pytest.mark.parametrize(("size", "width"), [(512, 4e-7), (2, 1e-9), (1024, 1e-12), (16384, 1.5e-5)])
def test_a_region_too_small_for_its_size_is_refused(model, size, width):
    told = (
        rf"the region is too small for its size: .*; accepted are regions wider and higher than .* at {size} pixels\Z"
    )
    for sides in ((size, 1), (1, size)):
        with pytest.raises(ValueError, match=told):
            ft.restore(model, PORTRAIT, size=sides, region=ft.Region(0.3, 0.3, width, width))


@pytest.mark.parametrize("origin", [0.0, 1 / 3, 0.7])
def test_above_the_limit_no_two_points_share_their_noise(origin):
    width = 512 * LEAST * 1.01
    x, y = axes(512, ft.Region(origin, origin, width, width))
    assert exact(x).dtype == torch.float64
    assert len(noise.point_keys(0, x, y[:, None]).unique()) == 512**2


def test_a_model_that_takes_float32_alone_is_refused_earlier():
    class Other(torch.nn.Module):
        config = Config("single-pass")

        def encode(self, x):
            return x

        def latents(self, encoded, points):
            return points

        def decode(self, latents, points, t, value):
            assert len(points[0].unique(dim=0)) == len(points[0])
            return points[..., :1] + value

    region = ft.Region(0.6, 0.7, 1e-5, 1e-5)
    ft.restore(Other().eval(), PORTRAIT, size=32, region=region)
    with pytest.raises(ValueError, match=r"too small for its size: .* at 512 pixels"):
        ft.restore(Other().eval(), PORTRAIT, size=512, region=region)


@pytest.mark.parametrize("weights", [lambda v: hat(v, 8), lambda v: cubic(v, 8).float()])
def test_weights_of_float64_coordinates_are_exact(weights):
    near = torch.linspace(0.3, 0.3001, 50, dtype=torch.float64)
    torch.testing.assert_close(weights(near), weights(near.float()), rtol=0, atol=2e-6)
    assert weights(near).dtype == torch.float32
