"""FranNet's own implementation gives the same numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from golden import COMMITTED, Golden
from torch import Tensor

import frantools as ft
from frantools.frannet.network.model import FranNet, interpolate
from frantools.frannet.sampling.schedule import SCHEDULES
from frantools.photos import regions

TOLERANCE = 1e-4  # of an array's own standard deviation

STEP_RULES = [("uniform", K) for K in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30)] + [("quadratic", 1)]
LOCAL = ft.Region(x=0.2, y=0.2, width=0.2, height=0.4)


def assert_same(got: Tensor, want: np.ndarray) -> None:
    values = got.detach().numpy()
    want = want.reshape(values.shape)
    assert np.abs(values - want).max() / want.std() < TOLERANCE


@pytest.fixture
def inputs(golden: Golden) -> Tensor:
    return golden.tensor("input").permute(0, 3, 1, 2)


@pytest.fixture
def points(golden: Golden) -> Tensor:
    return golden.tensor("pos").expand(2, -1, -1).contiguous()


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("beta", "beta"), ("alpha_bar", "alphaHat"), ("posterior_variance", "posteriorVariance"), ("snr", "SNR")],
)
def test_schedules_are_frannets(golden: Golden, name: str, ours: str, theirs: str) -> None:
    table = getattr(ft.schedule.make(name, steps=100), ours)
    assert table.dtype == np.float64
    # FranNet rounds some of its betas to float32 before it goes on in float64.
    np.testing.assert_allclose(table, golden[f"schedule/{name}/{theirs}"], rtol=1e-5)


@pytest.mark.parametrize(("rule", "K"), STEP_RULES)
def test_the_visited_steps_are_frannets(golden: Golden, rule: str, K: int) -> None:
    want = golden["steps/quadratic" if rule == "quadratic" else f"steps/uniform-{K}"]
    np.testing.assert_array_equal(ft.schedule.steps(rule, K=K, total=100), want)


@pytest.mark.parametrize(("name", "region"), [("grid/size5", ft.Region.full()), ("grid/size5-region", LOCAL)])
def test_grids_are_frannets(golden: Golden, name: str, region: ft.Region) -> None:
    assert_same(regions.points(5, region), golden[name])


def test_maps_are_read_as_frannet_reads_them(golden: Golden, points: Tensor) -> None:
    features = golden.tensor("interp/features").permute(0, 3, 1, 2)
    assert_same(interpolate(features, points), golden["interp/out"])


def test_the_position_encoding_is_frannets(golden: Golden, points: Tensor) -> None:
    assert_same(golden.diffusion.encode_position(points), golden["diffusion/position-encoding"])


def test_the_time_encoding_is_frannets(golden: Golden) -> None:
    assert_same(golden.diffusion.encode_time(torch.arange(100)), golden["diffusion/time-encoding"])


def test_the_encoders_features_are_frannets(golden: Golden, inputs: Tensor) -> None:
    encoded = golden.single.encode(inputs)
    assert_same(encoded.context, golden["single/context"])
    assert [m.shape[-1] for m in encoded.maps] == [32, 16, 8]
    for index, features in enumerate(encoded.maps):
        assert_same(features.permute(0, 2, 3, 1), golden[f"single/intermediate{index}"])


@pytest.mark.parametrize("kind", ["single", "diffusion"])
def test_latents_are_frannets(golden: Golden, inputs: Tensor, points: Tensor, kind: str) -> None:
    model = getattr(golden, kind)
    assert_same(model.latents(model.encode(inputs), points), golden[f"{kind}/latents"])


def float32_points(region: ft.Region) -> Tensor:
    """A grid's points with FranNet's roundings, the last bit of which shows at 10,000 periods."""
    centres = regions.points(16).float()
    return torch.tensor([region.x, region.y]) + centres * torch.tensor([region.width, region.height])


def colours(model: FranNet, inputs: Tensor, points: Tensor) -> Tensor:
    latents = model.latents(model.encode(inputs), points)
    return model.decode(latents, points, None, torch.zeros(*points.shape[:2], 3))


def test_single_pass_colours_are_frannets(golden: Golden, inputs: Tensor, points: Tensor) -> None:
    assert_same(colours(golden.single, inputs, points), golden["single/out"])


@pytest.mark.parametrize(("name", "region"), [("single/grid16", ft.Region.full()), ("single/region16", LOCAL)])
def test_single_pass_pictures_are_frannets(golden: Golden, inputs: Tensor, name: str, region: ft.Region) -> None:
    assert_same(colours(golden.single, inputs, float32_points(region).expand(2, -1, -1)), golden[name])


@pytest.mark.parametrize(
    ("name", "region", "tolerance"),
    [("single/grid16", ft.Region.full(), TOLERANCE), ("single/region16", LOCAL, 10 * TOLERANCE)],  # see float32_points
)
def test_restored_single_pass_pictures_are_frannets(
    golden: Golden, inputs: Tensor, name: str, region: ft.Region, tolerance: float
) -> None:
    for index in range(2):
        image = ft.restore(golden.single, inputs[index : index + 1], size=16, region=region).image
        want = golden[name][index] / 2 + 0.5
        np.testing.assert_allclose(image, want.clip(0, 1), rtol=0, atol=tolerance * want.std())


@pytest.mark.parametrize("t", [0, 1, 50, 99])
def test_the_predicted_noise_is_frannets(golden: Golden, inputs: Tensor, points: Tensor, t: int) -> None:
    model = golden.diffusion
    latents = model.latents(model.encode(inputs), points)
    assert_same(model.decode(latents, points, t, golden.tensor("initial")), golden[f"diffusion/eps-t{t}"])


@pytest.mark.parametrize("index", range(13))
def test_samples_are_frannets(golden: Golden, inputs: Tensor, points: Tensor, index: int) -> None:
    theirs = golden.setups[index]
    quadratic = isinstance(theirs["steps"], dict)
    setup = ft.Setup(
        stochasticity=theirs["stochasticity"],
        K=1 if quadratic else theirs["steps"],
        noise_projection=theirs["noise_projection"],
        noise_stddev=theirs["noise_stddev"],
        clipping=(-1.0, 1.0) if theirs["clipping"] else None,
        steps="quadratic" if quadratic else "uniform",
        sampler=theirs["sampler"].lower(),
    )
    model = golden.diffusion
    latents = model.latents(model.encode(inputs), points)
    draws = iter(golden.tensor("noise"))
    calls = []

    def denoise(x: Tensor, t: int) -> Tensor:
        calls.append(t)
        return model.decode(latents, points, t, x)

    x = ft.samplers.sample(
        denoise,
        golden.tensor("initial"),
        ft.schedule.make("cosine", steps=100),
        setup,
        noise=lambda shape: next(draws).reshape(shape),
    )
    assert_same(x, golden[f"sample/{index}"])
    assert len(calls) == setup.calls


def corners(roi: ft.Roi) -> list[int]:
    return [roi.top, roi.left, roi.bottom, roi.right]


@pytest.mark.parametrize("case", range(4))
def test_regions_of_interest_are_frannets(golden: Golden, case: int) -> None:
    theirs = golden.rois[case]
    rois = ft.find_rois(list(golden.pictures(case)), size=theirs["region_size"], count=theirs["count"])
    assert [corners(roi) for roi in rois] == theirs["regions_yxyx"]
    np.testing.assert_allclose([roi.score for roi in rois], theirs["scores"], rtol=1e-5)


@pytest.mark.parametrize("case", range(4))
def test_merged_regions_of_interest_are_frannets(golden: Golden, case: int) -> None:
    theirs = golden.rois[case]
    rois = ft.find_rois(list(golden.pictures(case)), size=theirs["region_size"], count=theirs["count"])
    assert sorted(corners(roi) for roi in ft.merge_rois(rois)) == sorted(theirs["merged_yxyx"])


def test_the_committed_arrays_are_the_full_ones(shared: Path) -> None:
    ours, full = Golden(COMMITTED), Golden(shared / "golden")
    assert ours.arrays.keys() == full.arrays.keys()
    for name, array in full.arrays.items():
        np.testing.assert_array_equal(ours[name], array)
    for case in range(4):
        np.testing.assert_array_equal(ours.pictures(case), full.pictures(case))
    for kind in ("single", "diffusion"):
        weights = getattr(full, kind).state_dict()
        for name, tensor in getattr(ours, kind).state_dict().items():
            assert torch.equal(tensor, weights[name])
