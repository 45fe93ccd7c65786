"""Random numbers that belong to the point: normal, independent, and the same wherever the point is rendered."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from frantools import noise
from frantools.photos.regions import Region, points

SIDE = 256
GRID = points(SIDE)
COUNT = len(GRID)
NEAR = 5 / COUNT**0.5  # five standard deviations of the mean of as many independent numbers


@pytest.fixture(scope="module")
def draws() -> torch.Tensor:
    """(draw, point, channel)."""
    keys = noise.point_keys(0, GRID[:, 0], GRID[:, 1])
    return torch.stack([noise.normal(keys, draw) for draw in range(4)]).double()


def correlation(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a * b).mean())


def test_draws_have_the_moments_of_the_normal_distribution(draws):
    for values in draws.flatten(0, 0).unbind(-1):
        assert values.mean(dim=1).abs().max() < NEAR
        assert (values.square().mean(dim=1) - 1).abs().max() < NEAR * 2**0.5
        assert values.pow(3).mean(dim=1).abs().max() < NEAR * 15**0.5
        assert (values.pow(4).mean(dim=1) - 3).abs().max() < NEAR * 96**0.5 + 0.01  # the tails end at 4.17


def test_draws_follow_the_normal_distribution_all_over(draws):
    """Kolmogorov and Smirnov's largest distance, at one chance in a million."""
    values = draws.flatten().sort().values
    shares = (torch.arange(len(values)) + 0.5) / len(values)
    assert (torch.special.ndtr(values) - shares).abs().max() < 2.7 / len(values) ** 0.5


def test_channels_are_independent(draws):
    for a, b in ((0, 1), (0, 2), (1, 2)):
        assert abs(correlation(draws[0, :, a], draws[0, :, b])) < NEAR
        assert abs(correlation(draws[0, :, a] ** 2 - 1, draws[0, :, b] ** 2 - 1)) < 2 * NEAR


def test_draws_are_independent(draws):
    for a in range(4):
        for b in range(a):
            assert abs(correlation(draws[a, :, 0], draws[b, :, 0])) < NEAR
            assert abs(correlation(draws[a, :, 0], draws[b, :, 1])) < NEAR


def test_neighbouring_points_are_independent(draws):
    picture = draws[0, :, 0].view(SIDE, SIDE)
    for down, right in ((0, 1), (1, 0), (1, 1), (0, 2), (2, 0), (8, 0), (0, 8)):
        a, b = picture[: SIDE - down, : SIDE - right], picture[down:, right:]
        assert abs(correlation(a, b)) < NEAR * 1.05


def test_neighbouring_seeds_are_independent(draws):
    keys = noise.point_keys(1, GRID[:, 0], GRID[:, 1])
    assert abs(correlation(draws[0, :, 0], noise.normal(keys, 0)[:, 0].double())) < NEAR


def test_no_two_points_of_a_picture_share_a_key():
    keys = noise.point_keys(0, GRID[:, 0], GRID[:, 1])
    assert len(keys.unique()) == COUNT


@given(st.integers(-(2**63), 2**64 - 1), st.floats(0, 1), st.floats(0, 1), st.integers(0, 200))
def test_a_draw_depends_on_seed_point_and_number_alone(seed, x, y, draw):
    def at(*other_values: float) -> torch.Tensor:
        xs, ys = (torch.tensor([*other_values, v], dtype=torch.float64) for v in (x, y))
        return noise.normal(noise.point_keys(seed, xs, ys), draw)[-1]

    alone = at()
    assert alone.dtype == torch.float32
    assert torch.isfinite(alone).all()
    assert torch.equal(alone, at(0.25, 0.5))


@given(st.integers(0, 2**32), st.floats(0, 1), st.floats(0, 1))
def test_another_seed_point_or_axis_has_another_key(seed, x, y):
    def key(seed: int, x: float, y: float) -> int:
        return int(noise.point_keys(seed, torch.tensor(x).double(), torch.tensor(y).double()))

    step = 1 / 16384 if x < 0.5 else -1 / 16384
    keys = {key(seed, x, y), key(seed + 1, x, y), key(seed, x + step, y)}
    assert len(keys) == 3
    if abs(x - y) > 2**-29:
        assert key(seed, x, y) != key(seed, y, x)


@given(st.integers(0, 63), st.integers(0, 63), st.integers(1, 64))
def test_a_point_of_a_region_has_the_key_of_the_same_point_of_the_picture(left, top, side):
    side = min(side, 64 - left, 64 - top)
    whole, part = points(64), points(side, Region(left / 64, top / 64, side / 64, side / 64))
    keys, inside = (noise.point_keys(0, grid[:, 0], grid[:, 1]) for grid in (whole, part))
    expected = keys.view(64, 64)[top : top + side, left : left + side]
    assert torch.equal(inside.view(side, side), expected)
