"""Models that the fast path does not know are restored through their own methods, and the two paths agree."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import frantools as ft
from frantools.frannet.engine.grid_decoder import GridDecoder
from frantools.frannet.engine.pictures import grid_tiles, make_grid_decoder
from frantools.frannet.engine.plain_decoder import PlainDecoder
from frantools.frannet.engine.tiles import sample_tiles
from frantools.frannet.network.coordinate_model import is_plain_frannet
from frantools.frannet.network.model import Config, Dropout, FranNet
from frantools.photos.regions import axes

CONFIGS = [
    Config("single-pass"),
    Config("single-pass", target="residual", features="fine"),
    Config("diffusion", "x", "linear"),
    Config("diffusion", target="residual", features="gray", objective="v"),
    Config("diffusion", steps=50),
]


def model_of(config: Config, kind: Callable[[Config], FranNet] = FranNet) -> FranNet:
    """A model with open gates, so that all inputs of the decoder count."""
    torch.manual_seed(0)
    model = kind(config).eval().requires_grad_(False)
    for encoding in (model.position, model.time):
        for parameter in (encoding.gate, encoding.delta, encoding.bias):
            parameter.normal_()
    return model


def wider(model: FranNet, units: int, blocks: int) -> FranNet:
    """The model with another decoder."""
    inputs = model.decoder.blocks[0][1].in_features

    def block() -> nn.Sequential:
        hidden = [nn.Linear(inputs, units), nn.ReLU(), nn.Linear(units, units), nn.ReLU()]
        return nn.Sequential(Dropout(), *hidden, nn.Linear(units, 3))

    torch.manual_seed(1)
    model.decoder.blocks = nn.ModuleList(block() for _ in range(blocks))
    return model.eval().requires_grad_(False)


class Darker(FranNet):
    """A subclass that decodes in its own way."""

    def decode(self, latents: Tensor, points: Tensor, t: Tensor | int | None, value: Tensor) -> Tensor:
        return super().decode(latents, points, t, value) - 0.25


class Gradient(nn.Module):
    """A coordinate model that is no FranNet: the mean of the input, and how far to the right and down a point is."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.seen: list[tuple[int, ...]] = []

    def encode(self, x: Tensor) -> Tensor:
        return x.mean()

    def latents(self, encoded: Tensor, points: Tensor) -> Tensor:
        return encoded.expand(*points.shape[:-1], 1)

    def decode(self, latents: Tensor, points: Tensor, t: int | None, value: Tensor) -> Tensor:
        self.seen.append(tuple(points.shape))
        assert points.dtype == torch.float32
        return torch.cat([points * 2 - 1, latents], dim=-1) + 0 * value


@pytest.fixture(scope="module")
def portrait() -> np.ndarray:
    return ft.portraits()["hopper"]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_both_paths_agree_on_a_model_that_the_fast_one_knows(portrait, config, precision):
    model, (columns, rows) = model_of(config), axes((24, 20), ft.Region(0.1, 0.3, 0.7, 0.6))
    setup = ft.Setup(K=30) if model.setup else None
    with torch.inference_mode():
        encoded = model.encode(ft.prepare_input(portrait))
    fast, reference = (kind(model, encoded, columns, getattr(torch, precision)) for kind in (GridDecoder, PlainDecoder))
    assert type(make_grid_decoder(model, encoded, columns)) is GridDecoder
    (result, _), (expected, _) = (
        sample_tiles(model, grid_tiles(decoder, columns, rows), (20, 24), setup, 3) for decoder in (fast, reference)
    )
    assert expected.std() > 0.01
    if precision == "float32":
        np.testing.assert_allclose(result, expected, rtol=0, atol=1e-4)
    else:
        assert np.abs(result - expected).mean() < 0.02


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_the_fast_path_knows_what_the_class_makes(config):
    assert is_plain_frannet(model_of(config))
    assert is_plain_frannet(ft.load_model("diffusion-best"))


def replaced(model: FranNet) -> FranNet:
    model.decode = lambda *requests: FranNet.decode(model, *requests)  # type: ignore[method-assign]
    return model


def swapped(model: FranNet) -> FranNet:
    model.decoder.blocks[1][2] = nn.GELU()
    return model


def rebuilt(model: FranNet) -> FranNet:
    model.local[1] = nn.Sequential(nn.ReLU())
    return model


OTHERS: list[Callable[[], FranNet]] = [
    lambda: wider(model_of(CONFIGS[2]), 96, 3),
    lambda: wider(model_of(CONFIGS[2]), 64, 2),
    lambda: model_of(CONFIGS[2], Darker),
    lambda: replaced(model_of(CONFIGS[2])),
    lambda: swapped(model_of(CONFIGS[2])),
    lambda: rebuilt(model_of(CONFIGS[2])),
]


@pytest.mark.parametrize("make", OTHERS)
def test_another_model_is_restored_through_its_own_methods_tile_by_tile(portrait, monkeypatch, make):
    model, setup = make(), ft.Setup(K=30)
    assert not is_plain_frannet(model)
    whole = ft.restore(model, portrait, setup, size=32, seed=3)
    assert whole.calls == setup.calls
    assert whole.image.std() > 0.01
    monkeypatch.setattr("frantools.frannet.engine.pictures.TILE_POINTS", (100, 100))
    np.testing.assert_allclose(ft.restore(model, portrait, setup, size=32, seed=3).image, whole.image, atol=1e-5)
    part = ft.restore(model, portrait, setup, size=16, region=ft.Region(0.25, 0.5, 0.5, 0.5), seed=3).image
    np.testing.assert_allclose(part, whole.image[16:32, 8:24], atol=1e-4)


@pytest.mark.parametrize("make", OTHERS)
def test_what_another_model_answers_counts(portrait, make):
    """A restoration by the fast path would be that of the usual decoder."""
    model, x = make(), ft.prepare_input(portrait)
    usual = ft.restore(model_of(CONFIGS[2]), x, ft.Setup(K=99), size=8).image
    result = ft.restore(model, x, ft.Setup(K=99), size=8).image
    same = bool(vars(model).get("decode")) or isinstance(model.local[1], nn.Sequential)  # the same, written otherwise
    assert (np.abs(result - usual).max() < 1e-4) == same


def test_a_model_that_is_no_frannet_is_restored(portrait):
    model = Gradient(Config("single-pass")).eval()
    result = ft.restore(model, portrait, size=(4, 2))
    np.testing.assert_allclose(result.image[0, :, 0], [0.125, 0.375, 0.625, 0.875], atol=1e-6)
    np.testing.assert_allclose(result.image[:, 0, 1], [0.25, 0.75], atol=1e-6)
    assert result.recipe["model"] is None
    assert model.seen == [(1, 8, 2)]


def test_a_diffusion_model_that_is_no_frannet_is_asked_once_a_step(portrait):
    model = Gradient(Config(steps=20)).eval()
    result = ft.restore(model, portrait, ft.Setup(K=5), size=4)
    assert result.calls == len(model.seen) == 6


@pytest.mark.parametrize("lacking", ["latents", "decode"])
def test_a_model_that_lacks_a_method_is_refused(monkeypatch, portrait, lacking):
    monkeypatch.setattr(Gradient, lacking, None)
    with pytest.raises(ValueError, match=f"the model must have encode, latents, decode, and has no {lacking}"):
        ft.restore(Gradient(Config("single-pass")).eval(), portrait, size=4)


@pytest.mark.parametrize("config", [CONFIGS[0], CONFIGS[3]], ids=str)
def test_a_model_that_answers_no_numbers_is_refused(portrait, config):
    model = copy.deepcopy(model_of(config))
    model.decoder.blocks[2][10].bias[1] = torch.nan
    with pytest.raises(ValueError, match=r"\A(sampling with B|the model) ends in values that are NaN or infinite"):
        ft.restore(model, portrait, size=8)


def test_a_model_carries_its_schedule():
    model = model_of(Config("diffusion", "xy", "linear", steps=50))
    assert (model.schedule.name, model.schedule.steps) == ("linear", 50)
    torch.testing.assert_close(model.encode_time(49), model_of(Config()).encode_time(99))
    with pytest.raises(ValueError, match="steps must be an integer from 2, got 1"):
        Config(steps=1)


def test_a_model_of_another_schedule_is_sampled_on_it(portrait, tmp_path):
    from frantools.frannet.weights.checkpoints import save_model

    save_model(model_of(Config(steps=50)), tmp_path / "short.safetensors")
    model = ft.load_model(tmp_path / "short.safetensors")
    assert model.config.steps == 50
    result = ft.restore(model, portrait, ft.Setup(), size=8)
    assert result.calls == 8
    assert ft.restore(model, portrait, ft.adapters.SchedulerSetup("DDIM", 50), size=4).calls == 50
    for setup in (ft.Setup(K=50), ft.adapters.SchedulerSetup("DDIM", 51)):
        with pytest.raises(ValueError, match="must be an integer from 1 to"):
            ft.restore(model, portrait, setup, size=8)
