"""Points anywhere are coloured as in the whole picture, whatever else is asked with them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from test_plain import CONFIGS, Darker, Gradient, model_of

import frantools as ft
from frantools import noise
from frantools.frannet.engine import kernel
from frantools.frannet.engine.points import PointDecoder, prepare_points, sample_prepared_points
from frantools.frannet.network.architecture import DecoderConfig, EncoderConfig, Extractor
from frantools.frannet.network.model import Config, FranNet
from frantools.frannet.sampling.source_distribution import SourceDistribution
from frantools.photos import regions

PICTURE = ft.portraits()["hopper"]
DIFFUSION = [item for item in CONFIGS if item.restorator == "diffusion"]
FAMILY = {
    "gray latents": Config("diffusion", gray_latents=True, objective="v"),
    "difference": Config("diffusion", target="difference", source=SourceDistribution("uniform", -1.0, 1.0)),
    "conv": Config(
        "single-pass", encoder=EncoderConfig(extractors=(Extractor(), Extractor("conv", padding="reflect")))
    ),
    "global context alone": Config("diffusion", encoder=EncoderConfig(local=(), extractors=())),
    "other sizes": Config("diffusion", decoder=DecoderConfig(2, (32, 48))),
    "colours": Config("diffusion", colours="lab"),
    "interpolant": Config("interpolant"),
    "direction": Config("direction", setup=ft.AutoregressiveSetup(start=0.2, steps=5, threshold=0.001)),
}
"""Some of each kind of FranNet that the note's is not."""
SOME = np.random.default_rng(5).permutation(24 * 17)[:150]
SETUPS = {
    "B": ft.SETUPS["B"],
    "DDIM": ft.SETUPS["DDIM"],
    "field": ft.Setup(0.7, K=12, noise_length=0.2),
    "clipped": ft.Setup(0.6, K=10, noise_stddev="squared", noise_projection=False, clipping=(-1, 1)),
}


class Draws(ft.samplers.Sampler):
    """A sampler whose colours are the third draw of a point, whatever the model answers."""

    def calls_on(self, schedule):
        return 2

    def to_dict(self) -> dict[str, Any]:
        return {}

    def sample(self, predict, x, schedule, noise):
        for index in range(2):
            x = noise(x.shape) / 10
            yield ft.samplers.Step(index, index, index - 1, x, x)


@pytest.fixture(params=["compiled", "not compiled"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "not compiled":
        for module in (kernel, noise):
            monkeypatch.setattr(module, "library", lambda: None)
    elif kernel.library() is None:
        pytest.skip("needs a C++ compiler")


@pytest.fixture
def threads(request: pytest.FixtureRequest):
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.mark.parametrize("config", CONFIGS, ids=range(len(CONFIGS)))
def test_the_decoder_at_points_is_the_models_own(engine, config):
    model, points = model_of(config), torch.rand(61, 2, generator=torch.manual_seed(1))
    encoded = model.encode(ft.prepare_input(PICTURE))
    value, t = torch.randn(61, 3), 40 if model.setup else None
    expected = model.decode(model.latents(encoded, points[None]), points[None], t, value[None])[0]
    output = PointDecoder(model, encoded).tile(points)(value, t)
    torch.testing.assert_close(output, expected, rtol=1e-4, atol=2e-5)
    assert expected.std() > 0.01


@pytest.mark.parametrize("setup", SETUPS)
@pytest.mark.parametrize("config", DIFFUSION, ids=range(len(DIFFUSION)))
def test_points_have_the_colours_of_the_picture(engine, config, setup):
    model = model_of(config)
    whole = ft.restore(model, PICTURE, SETUPS[setup], size=(24, 17), seed=7).image.reshape(-1, 3)
    prepared = prepare_points(model, PICTURE, regions.points((24, 17))[SOME])
    np.testing.assert_allclose(sample_prepared_points(prepared, SETUPS[setup], seed=7), whole[SOME], rtol=0, atol=1e-4)
    assert whole.std() > 0.01


@pytest.mark.parametrize("name", FAMILY)
def test_every_kind_of_frannet_answers_at_points(name):
    model = model_of(FAMILY[name])
    whole = ft.restore(model, PICTURE, size=(24, 17), seed=7).image.reshape(-1, 3)
    prepared = prepare_points(model, PICTURE, regions.points((24, 17))[SOME])
    np.testing.assert_allclose(sample_prepared_points(prepared, seed=7), whole[SOME], rtol=0, atol=1e-4)
    assert whole.std() > 0.01


@pytest.mark.parametrize("kind", [Darker, Gradient])
@pytest.mark.parametrize("setup", [None, "B"])
def test_other_models_answer_at_points_too(kind, setup):
    config = Config("single-pass" if setup is None else "diffusion")
    model = model_of(config, kind) if issubclass(kind, FranNet) else kind(config).eval()
    whole = ft.restore(model, PICTURE, ft.SETUPS.get(setup), size=(24, 17), seed=7).image.reshape(-1, 3)
    prepared = prepare_points(model, PICTURE, regions.points((24, 17))[SOME])
    np.testing.assert_allclose(
        sample_prepared_points(prepared, ft.SETUPS.get(setup), seed=7), whole[SOME], rtol=0, atol=1e-5
    )


def test_the_noise_of_a_point_is_the_very_one_of_the_picture(engine):
    model = model_of(Config("diffusion"))
    whole = ft.restore(model, PICTURE, Draws(), size=(24, 17), seed=-3).image.reshape(-1, 3)
    assert np.array_equal(
        sample_prepared_points(prepare_points(model, PICTURE, regions.points((24, 17))[SOME]), Draws(), -3), whole[SOME]
    )
    assert whole.std() > 0.03


@pytest.mark.parametrize("width", [1e-4, 1e-7])
def test_points_that_lie_close_together_are_told_as_a_regions_pixels_are(width):
    model, region = model_of(Config("diffusion")), ft.Region(0.4, 0.3, width, width)
    whole = ft.restore(model, PICTURE, ft.SETUPS["B"], size=12, region=region).image.reshape(-1, 3)
    prepared = prepare_points(model, PICTURE, regions.points(12, region))
    np.testing.assert_allclose(sample_prepared_points(prepared, ft.SETUPS["B"]), whole, rtol=0, atol=1e-4)


@pytest.mark.parametrize("kind", [FranNet, Darker])
def test_threads_change_no_bit(engine, threads, kind):
    """Over three tiles, one of them short."""
    model, points = model_of(Config("diffusion"), kind), np.random.default_rng(1).random((4500, 2))
    result = []
    for count in (1, 2, 3):
        threads(count)
        result.append(sample_prepared_points(prepare_points(model, PICTURE, points), ft.Setup(K=50), seed=2))
    assert np.array_equal(result[0], result[1])
    assert np.array_equal(result[0], result[2])
    assert torch.get_num_threads() == 3


@pytest.mark.parametrize("count", [1, 2])
def test_progress_goes_to_1_and_what_it_raises_ends_the_work(threads, count):
    threads(count)
    prepared = prepare_points(model_of(Config("diffusion")), PICTURE, np.random.default_rng(1).random((2500, 2)))
    shares: list[float] = []
    sample_prepared_points(prepared, ft.SETUPS["B"], progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1

    def cancel(share: float) -> None:
        shares.append(share)
        raise KeyboardInterrupt

    shares.clear()
    with pytest.raises(KeyboardInterrupt):
        sample_prepared_points(prepared, ft.SETUPS["A"], progress=cancel)
    assert len(shares) == 1
    assert shares[0] < 1


@pytest.mark.parametrize(
    ("points", "sentence"),
    [
        (np.zeros((4, 3)), r"points must be \(N, 2\) float64 .*, got torch.float64 of shape \(4, 3\)"),
        (np.zeros((4, 2), np.float32), "got torch.float32"),
        (np.zeros((0, 2)), r"shape \(0, 2\)"),
        (np.array([[0.5, 1.01]]), "one lies outside of the picture"),
        (np.array([[np.nan, 0.5]]), "one lies outside of the picture"),
    ],
    ids=["three coordinates", "float32", "none", "outside", "nan"],
)
def test_points_that_are_none_are_refused(points, sentence):
    with pytest.raises(ValueError, match=sentence):
        prepare_points(model_of(Config("diffusion")), PICTURE, points)


def test_numbers_that_are_not_finite_are_refused():
    model = model_of(Config("diffusion"))
    model.decoder.blocks[0][-1].bias[0] = torch.nan
    with pytest.raises(ValueError, match="sampling with B ends in values that are NaN or infinite"):
        sample_prepared_points(prepare_points(model, PICTURE, np.full((2, 2), 0.5)), ft.SETUPS["B"])
