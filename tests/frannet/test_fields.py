"""Noise as a field: standard normal at every point, alike over a length, and the same wherever it is drawn."""

from __future__ import annotations

import json
from math import inf, pi

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import frantools as ft
from frantools import noise
from frantools.cli import main
from frantools.comparisons.recipe_files import read_text
from frantools.frannet.sampling.named_setups import named_setup, setup_from_dict
from frantools.photos.regions import Region, axes

LENGTHS = (1e-7, 0.003, 0.05, 0.4, 30.0, inf)
SPACED = 0.05  # a length whose lattice is tested


@pytest.fixture(params=["compiled", "torch"])
def either(request, monkeypatch):
    """Both forms of the sums."""
    if request.param == "torch":
        monkeypatch.setattr(noise, "library", lambda: None)
    elif noise.library() is None:
        pytest.skip("there is no C++ compiler")


def places(length: float = SPACED, count: int = 1000) -> tuple[torch.Tensor, torch.Tensor]:
    """Random points of the picture, a third of them nodes and a third midpoints of the lattice."""
    x, y = torch.rand(2, count, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    third = count // 3
    for axis in (x, y):
        node = ((axis[: 2 * third] - 0.5) / length).round().clamp(-0.49 / length, 0.48 / length).trunc()
        node[third:] += 0.5
        axis[: 2 * third] = 0.5 + node * length
    return x, y


def drawn(x: torch.Tensor, y: torch.Tensor, length: float, seeds: int, draws: int) -> torch.Tensor:
    """(seed x draw x channel, point)."""
    result = (noise.point_draws(seed, x, y, length) for seed in range(seeds))
    return torch.cat([item(number).T for item in result for number in range(draws)])


def test_each_point_is_standard_normal():
    """Variance 1 and kurtosis 3, over many seeds, of all points and of nodes and midpoints by themselves."""
    for length in (SPACED, inf):
        x, y = places(length) if length < inf else places()
        values = drawn(x, y, length, 150, 20)
        count = len(values)
        assert values.mean(0).abs().max() < 5 / count**0.5
        assert (values.var(0) - 1).abs().max() < 5 * (2 / count) ** 0.5
        assert ((values**4).mean(0) - 3).abs().max() < 6 * (96 / count) ** 0.5
        if length == SPACED:
            third = len(x) // 3
            for some in (slice(None), slice(third), slice(third, 2 * third), slice(2 * third, None)):
                assert abs(values[:, some].square().mean() - 1) < 0.005
                assert abs((values[:, some] ** 4).mean() - 3) < 0.05


@pytest.mark.parametrize("length", LENGTHS)
def test_the_variance_of_each_point_is_1_whatever_is_drawn(length):
    """A point's number is a sum of independent ones: of the squares of what it takes of each, nothing is missing."""
    for axis in places(0.07):
        _, weights, scale = noise.windows(axis, length)
        assert ((weights * scale[:, None]).square().sum(1) - 1).abs().max() < 1e-12
        assert torch.equal(weights, (weights / noise.UNIT).round() * noise.UNIT)


def test_sums_are_exact_in_float64():
    """The largest that a sum can be, in its units, is a whole number that float64 holds."""
    weights = noise.windows(torch.linspace(0, 1, 10_001, dtype=torch.float64), SPACED).weights.sum(1).max()
    largest = float(noise._quantiles(torch.device("cpu"), noise.UNIT).abs().max()) * float(weights) ** 2
    assert largest / noise.UNIT**3 < 2**53


def test_points_are_alike_by_their_distance_and_not_by_where_they_lie():
    """``exp(-d**2 / (4 * length**2))`` at several distances in 8 directions, at nodes, midpoints and anywhere."""
    x, y = places()
    first_values = drawn(x, y, SPACED, 40, 20)
    for distance in (0.5 * SPACED, SPACED, 2 * SPACED):
        expected = np.exp(-(distance**2) / (4 * SPACED**2))
        for angle in torch.arange(8) * pi / 8:
            second_values = drawn(x + distance * angle.cos(), y + distance * angle.sin(), SPACED, 40, 20)
            assert abs(float((first_values * second_values).mean()) - expected) < 0.02 * max(expected, 0.5)


def test_what_two_points_share_is_the_kernel_to_a_thousandth():
    """The same without chance: from the weights alone, along an axis; both axes multiply."""
    x = torch.linspace(0.3, 0.7, 801, dtype=torch.float64)
    for distance in (0.0, 0.3, 1.0, 1.7, 3.0):
        first_values, second_values = (noise.windows(v, SPACED) for v in (x, x + distance * SPACED))
        shift = first_values.first - second_values.first
        shared = torch.zeros_like(x)
        for a in range(noise.TAPS):
            b = shift + a
            inside = (b >= 0) & (b < noise.TAPS)
            shared[inside] += first_values.weights[inside, a] * second_values.weights[inside, b[inside]]
        shared *= first_values.scale * second_values.scale
        assert (shared - np.exp(-(distance**2) / 4)).abs().max() < 5e-4


def test_draws_seeds_and_channels_are_independent():
    x, y = places()
    values = torch.stack([noise.point_draws(seed, x, y, SPACED)(number) for seed in range(40) for number in range(20)])
    values = values.view(40, 20, len(x), 3)
    near = 5 / (40 * 20 / (2 * pi * SPACED**2)) ** 0.5  # the squares of what points share add up to that area
    assert abs((values[..., 0] * values[..., 1]).mean()) < near
    assert abs((values[:, 1:] * values[:, :-1]).mean()) < near
    assert abs((values[1:] * values[:-1]).mean()) < near


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.usefixtures("either")
def test_a_grid_has_the_numbers_of_its_points_in_any_tile(length):
    x, y = axes((37, 23), Region(0.2, 0.1, 0.7, 0.9))
    whole = noise.grid_draws(5, x, y, length)(3).view(23, 37, 3)
    assert whole.dtype == torch.float32
    for down, across in ((slice(0, 1), slice(0, 37)), (slice(4, 9), slice(3, 4)), (slice(2, 23), slice(11, 30))):
        part = noise.grid_draws(5, x[across], y[down], length)(3)
        assert torch.equal(part, whole[down, across].reshape(-1, 3))
    points = torch.stack([x.expand(23, -1), y[:, None].expand(-1, 37)]).flatten(1)
    order = torch.randperm(37 * 23, generator=torch.Generator().manual_seed(1))
    assert torch.equal(noise.field(5, *points[:, order], 3, length), whole.view(-1, 3)[order])


@pytest.mark.skipif(noise.library() is None, reason="there is no C++ compiler")
@pytest.mark.parametrize("length", LENGTHS)
def test_the_compiled_sums_are_those_of_torch(length, monkeypatch):
    x, y = axes(50)
    grid, points = noise.grid_draws(1, x, y, length)(0), noise.field(1, x, y.flip(0), 0, length)
    monkeypatch.setattr(noise, "library", lambda: None)
    assert torch.equal(grid, noise.grid_draws(1, x, y, length)(0))
    assert torch.equal(points, noise.field(1, x, y.flip(0), 0, length))


@settings(max_examples=50, deadline=None)
@given(st.integers(-(2**63), 2**64 - 1), st.floats(0, 1), st.floats(0, 1), st.floats(0), st.integers(0, 200))
def test_a_draw_depends_on_seed_point_number_and_length_alone(seed, x, y, length, draw):
    def at(*other_values: float) -> torch.Tensor:
        xs, ys = (torch.tensor([*other_values, v], dtype=torch.float64) for v in (x, y))
        return noise.field(seed, xs, ys, draw, length)[-1]

    assert torch.isfinite(at()).all()
    assert torch.equal(at(), at(0.25, 0.5))


def test_zooming_far_in_comes_closer_and_closer_to_one_number():
    """Neighbours in float64 are told apart where there is something to tell, and nowhere is there a jump."""
    for width in (1e-3, 1e-5, 1e-7):
        x, y = axes(64, Region(0.55 - width / 2, 0.4, width, width))  # across a line of nodes
        values = noise.grid_draws(0, x, y, SPACED)(0)
        assert (values.max(0).values - values.min(0).values).max() < 10 * width / SPACED + 2e-4


def test_one_draw_for_all_points_is_what_longer_fields_come_to():
    x, y = axes(32)
    longest, long = (noise.grid_draws(0, x, y, length)(0) for length in (inf, 1e4))
    assert torch.equal(longest, longest[:1].expand(32 * 32, 3))
    assert (long - longest).abs().max() < 1e-3


def test_white_noise_is_what_it_was():
    x, y = axes(16)
    expected = noise.normal(noise.point_keys(3, x, y[:, None]).flatten(), 2)
    assert torch.equal(noise.grid_draws(3, x, y)(2), expected)
    assert torch.equal(noise.field(3, x.repeat(16), y.repeat_interleave(16), 2), expected)


# In setups


@pytest.mark.parametrize(
    "text",
    ["B:noise_length=0.05", "A:noise_length=inf", "DDPM:noise_length=0.1"],
)
def test_a_setup_says_its_length_in_texts_and_in_strict_json(text):
    setup = named_setup(text)
    assert setup.name == text
    content = json.dumps(setup.to_dict(), allow_nan=False)
    assert setup_from_dict(json.loads(content)) == setup


def test_a_setup_of_white_noise_is_written_as_before():
    assert ft.Setup(noise_length=0) == ft.Setup()
    assert [*ft.Setup(noise_length=0).to_dict()] == [
        "stochasticity", "K", "noise_projection", "noise_stddev", "clipping", "steps", "sampler",
    ]  # fmt: skip


def test_a_scheduler_of_another_library_takes_a_length_too():
    pytest.importorskip("diffusers")
    setup = named_setup("EulerAncestralDiscrete:4,noise_length=inf")
    assert setup.noise_length == inf
    assert setup.name == "EulerAncestralDiscrete:4,noise_length=inf"
    assert setup_from_dict(json.loads(json.dumps(setup.to_dict(), allow_nan=False))) == setup
    assert "noise_length" not in named_setup("EulerAncestralDiscrete:4").to_dict()
    assert_alike(setup)


@pytest.mark.parametrize("length", [-0.1, float("nan"), "long", True, None])
def test_what_is_no_length_is_refused(length):
    with pytest.raises(ValueError, match=r"noise_length must be a number from 0"):
        ft.Setup(noise_length=length)


def assert_alike(setup) -> None:
    """The restoration of a smooth field is smoother than that of white noise, and others of seed to seed."""
    white = type(setup)(**{**setup.to_dict(), "noise_length": 0.0})
    model, photo = ft.load_model("diffusion-basic"), ft.portraits()["hopper"]
    field, again, other, grain = (
        ft.restore(model, photo, item, size=48, seed=seed).image
        for item, seed in ((setup, 0), (setup, 0), (setup, 1), (white, 0))
    )
    rough = [np.abs(np.diff(item, axis=1)).mean() for item in (field, grain)]
    assert rough[0] < rough[1]
    assert np.array_equal(field, again)
    assert not np.array_equal(field, other)


@pytest.mark.parametrize("name", ["DDPM", "B"])
def test_restorations_lose_their_grain(name):
    assert_alike(named_setup(f"{name}:noise_length=0.1"))


def test_a_region_is_coloured_as_in_the_picture():
    """At a length, too, whatever the tiles are; also by a sampler of a user's own that has one."""
    model, photo = ft.load_model("diffusion-basic"), ft.portraits()["hopper"]
    for setup in (ft.Setup(K=50, noise_length=0.02), ft.Setup(K=50, noise_length="inf")):
        whole = ft.restore(model, photo, setup, size=64).image
        part = ft.restore(model, photo, setup, size=16, region=Region(0.25, 0.5, 0.25, 0.25)).image
        np.testing.assert_allclose(part, whole[32:48, 16:32], atol=2e-5)


def test_a_solver_of_a_users_own_may_have_a_length():
    class One(ft.samplers.Sampler):
        noise_length = inf

        def calls_on(self, schedule):
            return 1

        def to_dict(self):
            return {"one": 1}

        def sample(self, predict, x, schedule, noise):
            assert torch.equal(x, x[:1].expand_as(x))
            drawn = noise(x.shape)
            assert torch.equal(drawn, drawn[:1].expand_as(x))
            yield ft.samplers.Step(0, 0, -1, x, x)

    image = ft.restore(ft.load_model("diffusion-basic"), ft.portraits()["hopper"], One(), size=8).image
    assert np.ptp(image, axis=(0, 1)).max() == 0


def test_the_command_line_takes_a_length(tmp_path):
    out = tmp_path / "out.png"
    for options in (["--setup", "B:noise_length=inf"], ["--noise-length", "inf"]):
        main(["restore", "hopper", "--size", "16", "--out", str(out), *options])
        assert ft.load_recipe(out).columns[0].setup == ft.Setup(noise_length=inf)
        assert '"noise_length": "inf"' in read_text(out)


def test_the_slider_shows_any_length_and_sets_that_of_a_scheduler_too():
    from frantools.widgets.setup_editor import SetupEditor

    editor = SetupEditor()
    for setup in (ft.Setup(noise_length=0.123), ft.Setup(noise_length=inf)):
        editor.value = setup
        assert editor["noise_length"].value == setup.noise_length
    editor["noise_length"].value = 0.05
    assert editor.value == ft.Setup(noise_length=0.05)
    editor.value = ft.Setup(start=90, stop=10)
    editor["noise_length"].value = 0.05
    assert editor.value == ft.Setup(start=90, stop=10, noise_length=0.05)
    pytest.importorskip("diffusers")
    editor.value = named_setup("EulerAncestralDiscrete:4,noise_length=0.3")
    assert (editor["noise_length"].value, editor["noise_length"].disabled) == (0.3, False)
    editor["noise_length"].value = inf
    assert editor.value == named_setup("EulerAncestralDiscrete:4,noise_length=inf")
