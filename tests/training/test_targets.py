"""Training inputs, targets and losses equal FranNet's arrays and those of the shipped models."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from frantools.frannet.network.model import Encoded, FranNet, interpolate
from frantools.frannet.sampling.objectives import INTERPOLANTS, add_noise
from frantools.frannet.sampling.schedule import make
from frantools.frannet.sampling.source_distribution import SourceDistribution
from frantools.training import Settings
from frantools.training.distributed import ProcessGroup
from frantools.training.losses import absolute_error, find_loss, squared_error
from frantools.training.training_step import TrainingRun, draw_times, input_and_target, objective

GOLDEN = {
    name: torch.from_numpy(array)
    for name, array in np.load(Path(__file__).parents[1] / "data/family/training.npz").items()
}
ALPHA_BAR = torch.from_numpy(make().alpha_bar).float()

KINDS = {
    "single": Settings("single-pass"),
    "diffusion": Settings("diffusion"),
    "direction": Settings("direction"),
    "constant": Settings("constant"),
    "interpolant-noise": Settings("interpolant"),
    "interpolant-v": Settings("interpolant", objective="v"),
    "interpolant-direction": Settings("interpolant", objective="direction"),
    "interpolant-constant": Settings("interpolant", objective="constant"),
}


def close(got: torch.Tensor, want: torch.Tensor) -> None:
    torch.testing.assert_close(got, want, rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_inputs_targets_and_losses_equal_frannets(kind: str) -> None:
    settings, t = KINDS[kind], (GOLDEN["time"][:, 0] * 100).long().clamp(max=99)
    assert torch.equal(t[:, None], GOLDEN["diffusion/step"])
    config = settings.config
    value, target = input_and_target(
        config.interpolant, GOLDEN["x0"], GOLDEN["x1"], t if config.timed else None, ALPHA_BAR
    )
    close(value, GOLDEN[f"{kind}/xT"])
    time = t / 99 if config.timed else torch.zeros(96)
    assert torch.equal(time[:, None], GOLDEN[f"{kind}/T"])
    close(target, GOLDEN.get(f"{kind}/target", GOLDEN["x0"]))
    close(settings.loss(GOLDEN["predicted"], target).mean(-1), GOLDEN[f"{kind}/loss"])


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("square", "mse"),
        ("size", "mae"),
        ("huber:0.1", "huber-0.1"),
        (f"pseudo-huber:{10 / 127.5}", "pseudo-huber-10"),
        (f"pseudo-huber:{1 / 127.5}", "pseudo-huber-1"),
    ],
)
@pytest.mark.parametrize("restorator", ["single-pass", "diffusion", "constant"])
def test_any_restorator_accepts_any_loss(name: str, array: str, restorator: str) -> None:
    loss, want = Settings(restorator, error=name).loss, GOLDEN[f"loss/{array}"]
    points = loss(GOLDEN["predicted"], GOLDEN["x0"]).mean(-1)
    close(points.mean() if want.ndim == 0 else points, want)


@given(st.floats(-3, 3), st.floats(0.01, 2))
def test_losses_with_a_delta_are_quadratic_below_it_and_linear_above(off: float, delta: float) -> None:
    """Both lie between those two, are even, and meet them at the ends."""
    error, zero = torch.tensor([[off] * 3], dtype=torch.float64), torch.zeros(1, 3, dtype=torch.float64)
    for name in (f"huber:{delta}", f"pseudo-huber:{delta}"):
        loss = find_loss(name, squared_error)
        value = loss(error, zero).mean().item() * (1 / delta if name.startswith("huber") else 1)
        assert value == pytest.approx(loss(-error, zero).mean().item() * (1 / delta if name.startswith("huber") else 1))
        assert -1e-12 <= value <= min(abs(off), off**2 / 2 / delta) + 1e-9
        assert value >= abs(off) - delta - 1e-9


@pytest.mark.parametrize("space", ["rgb", "lab", "yiq", "hsv", "bgr"])
def test_targets_of_colour_formats_and_residuals_equal_frannets(space: str) -> None:
    """The gray input is taken from the colour before that becomes the network's."""
    model = FranNet(Settings(target="difference", colours=space).config)
    gray, picture = (GOLDEN[f"targets/{name}"].permute(0, 3, 1, 2) for name in ("gray", "picture"))
    colour = interpolate(picture, GOLDEN["targets/points"])
    torch.testing.assert_close(colour, GOLDEN["targets/values"], rtol=0, atol=3e-6)
    base = model.base(Encoded(torch.zeros(2, 1), (), gray), GOLDEN["targets/points"])
    want = GOLDEN["targets/minus-residual" + ("" if space == "rgb" else f"/{space}")]
    torch.testing.assert_close(model.to_value(colour, base).reshape(-1, 3), want, rtol=0, atol=1e-5)


def test_source_distributions_equal_frannets() -> None:
    uniform, normal = GOLDEN["source/draws/uniform"], GOLDEN["source/draws/normal"]
    close(SourceDistribution.parse("uniform:-0.5,2")._scale(uniform), GOLDEN["source/uniform/xT"])
    close(SourceDistribution.parse("uniform:-4,4")._scale(uniform), GOLDEN["source/switch/training/xT"])
    close(SourceDistribution.parse("normal:0.25,0.5")._scale(normal), GOLDEN["source/switch/inference"])
    assert torch.equal(SourceDistribution()._scale(normal), normal)


@pytest.mark.parametrize("text", ["normal", "normal:0.5,2", "uniform", "uniform:-4,1"])
def test_source_distributions_have_their_moments(text: str) -> None:
    start = SourceDistribution.parse(text)
    mean, std = (
        (start.low, start.high)
        if start.name == "normal"
        else ((start.low + start.high) / 2, (start.high - start.low) / 12**0.5)
    )
    rng = torch.Generator().manual_seed(0)
    for draws in (start.draw((100_000, 3), rng), start.from_normal(torch.randn(100_000, 3, generator=rng))):
        assert draws.mean(0).tolist() == pytest.approx([mean] * 3, abs=0.02 * std)
        assert draws.std(0).tolist() == pytest.approx([std] * 3, rel=0.01)
        if start.name == "uniform":
            assert draws.min() >= start.low
            assert draws.max() <= start.high


@pytest.mark.parametrize(
    "wrong",
    ["", "gauss", "normal:1", "normal:0,0", "normal:0,-1", "uniform:1,1", "uniform:0,inf", "normal:nan,1", "normal:"],
)
def test_invalid_sources_are_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"source must be normal, normal:MEAN"):
        SourceDistribution.parse(wrong)


def before(model: FranNet, batch: dict[str, torch.Tensor], rng: torch.Generator, settings: Settings) -> torch.Tensor:
    """The objective of the trainings that the shipped models came from, written out."""
    colour, points, encoded = batch["colour"], batch["points"], model.encode(batch["input"])
    latents, base = model.latents(encoded, points), model.base(encoded, points)

    def error(answer: torch.Tensor, truth: torch.Tensor, absolute: bool) -> torch.Tensor:
        if settings.error == "huber":
            return (((answer - truth).square() + 0.5**2).sqrt() - 0.5).mean()
        return F.l1_loss(answer, truth) if settings.error == "note" and absolute else F.mse_loss(answer, truth)

    if settings.restorator == "single-pass":
        value = model.decode(latents, points, None, torch.zeros_like(colour))
        return error(model.to_colour(value, base), colour, False)
    value = model.to_value(colour, base)
    if settings.restorator == "direction":
        start = torch.randn(value.shape, generator=rng)
        return error(model.decode(latents, points, None, start), value - start, True)
    t = draw_times(settings.times, tuple(points.shape[:2]), 100, rng)
    e = torch.randn(value.shape, generator=rng)
    a = ALPHA_BAR[t + 1][..., None]
    target = INTERPOLANTS[settings.objective].target(value, e, a)
    return error(model.decode(latents, points, t, add_noise(value, e, a)), target, True)


@pytest.mark.parametrize("error", ["note", "square", "huber"])
@pytest.mark.parametrize(
    "settings",
    [
        Settings("single-pass"),
        Settings("single-pass", target="residual", features="fine"),
        Settings("direction"),
        Settings("diffusion"),
        Settings("diffusion", target="residual", features="fine", objective="v", times="noisy"),
    ],
    ids=["single-basic", "single-best", "direction", "diffusion-basic", "diffusion-best"],
)
def test_objectives_equal_those_of_the_shipped_models_bit_for_bit(settings: Settings, error: str) -> None:
    settings = replace(settings, error=error, batch=3, points=7)
    run, rng = TrainingRun(settings, ProcessGroup("cpu")), torch.Generator().manual_seed(5)
    batch = {
        "input": torch.rand(3, 1, 64, 64, generator=rng) * 2 - 1,
        "points": torch.rand(3, 7, 2, generator=rng),
        "colour": torch.rand(3, 7, 3, generator=rng) * 2 - 1,
    }
    gradients, left = [], []
    for way in (
        lambda rng: objective(run.model, batch, run.alpha_bar, rng, settings),
        lambda rng: before(run.model, batch, rng, settings),
    ):
        torch.manual_seed(1)  # of the dropout
        rng = torch.Generator().manual_seed(9)
        loss = way(rng)
        parameters = [p for p in run.model.parameters() if p.requires_grad]
        gradients.append([loss, *torch.autograd.grad(loss, parameters, allow_unused=True)])
        left.append(rng.get_state())
    assert torch.equal(*left), "as many numbers are drawn"
    for now, then in zip(*gradients, strict=True):
        assert (now is None and then is None) or torch.equal(now, then)


def test_each_loss_has_its_own_name() -> None:
    answer, truth = GOLDEN["predicted"], GOLDEN["x0"]
    assert find_loss("note", absolute_error) is absolute_error
    assert find_loss("note", squared_error) is squared_error
    assert not torch.equal(
        find_loss("huber", absolute_error)(answer, truth), find_loss("huber:0.5", absolute_error)(answer, truth)
    )
    for wrong in ("l2", "huber:", "huber:0", "huber:-1", "huber:nan", "size:1", "note:1", "pseudo-huber"):
        with pytest.raises(ValueError, match=r"error must be 'note', 'square', 'size'"):
            find_loss(wrong, absolute_error)
