"""What holds for every sampler, setup and schedule."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

import frantools as ft
from frantools.frannet.network.model import Config, FranNet
from frantools.frannet.sampling.objectives import INTERPOLANTS, OBJECTIVES, add_noise
from frantools.frannet.sampling.samplers import NOISE_STDDEVS, Step
from frantools.frannet.sampling.schedule import RULES, SCHEDULES, make, steps
from frantools.frannet.sampling.setup import ddim_sigma, project

SHAPE = (32, 3)

seeds = st.integers(0, 2**32)
clippings = st.none() | st.tuples(st.floats(-2, -0.5), st.floats(0.5, 2))
ddim_setups = st.builds(
    ft.Setup,
    stochasticity=st.floats(0, 1),
    K=st.integers(1, 99),
    noise_projection=st.booleans(),
    noise_stddev=st.sampled_from(NOISE_STDDEVS),
    clipping=clippings,
    steps=st.sampled_from(RULES),
)
ddpm_setups = st.builds(
    ft.Setup,
    stochasticity=st.just(1.0),
    K=st.just(1),
    noise_projection=st.just(False),
    noise_stddev=st.sampled_from(NOISE_STDDEVS),
    clipping=clippings,
    sampler=st.just("ddpm"),
)


def denoise(x: Tensor, t: int) -> Tensor:
    return torch.tanh(x.roll(1, dims=-1) - 0.5 * x + t / 100)


def run(setup: ft.Setup, seed: int, schedule: str = "cosine") -> tuple[Tensor, list[Step]]:
    rng = torch.Generator().manual_seed(seed)

    def draw(shape: tuple[int, ...]) -> Tensor:
        return torch.randn(shape, generator=rng, dtype=torch.float64)

    steps_taken: list[Step] = []
    return ft.samplers.sample(
        denoise, draw(SHAPE), make(schedule), setup, noise=draw, callback=steps_taken.append
    ), steps_taken


@given(st.sampled_from(RULES), st.integers(1, 99))
def test_steps_fall_strictly_from_99_to_0_and_end_at_the_clean_picture(rule: str, K: int) -> None:
    t, t_prev = steps(rule, K=K)
    assert (t[0], t[-1], t_prev[-1]) == (99, 0, -1)
    assert (np.diff(t) < 0).all()
    np.testing.assert_array_equal(t_prev[:-1], t[1:])


@given(st.integers(1, 99))
def test_uniform_steps_are_evenly_spaced_but_for_the_ends(K: int) -> None:
    t, _ = steps("uniform", K=K)
    assert (-np.diff(t)[1:-1] == K).all()
    assert 1 in t


@pytest.mark.parametrize(("K", "calls"), [(1, 100), (5, 22), (8, 15), (10, 12)])
def test_the_calls_of_the_documented_strides(K: int, calls: int) -> None:
    assert ft.Setup(K=K).calls == calls


@pytest.mark.parametrize(("name", "calls"), [("DDPM", 100), ("DDIM", 100), ("A", 100), ("B", 15)])
def test_the_calls_of_the_notes_setups(name: str, calls: int) -> None:
    assert ft.SETUPS[name].calls == calls
    assert len(run(ft.SETUPS[name], seed=0)[1]) == calls


@given(ddim_setups, st.integers(2, 300))
def test_the_calls_of_a_setup_are_those_that_it_makes_on_the_schedule(setup: ft.Setup, total: int) -> None:
    schedule, requests = make(steps=total), []

    def denoise(x: Tensor, t: int) -> Tensor:
        requests.append(t)
        return 0.9 * x

    if setup.steps == "uniform" and total <= setup.K:
        with pytest.raises(ValueError, match=f"K must be an integer from 1 to {total - 1}, got {setup.K}"):
            setup.calls_on(schedule)
    else:
        ft.samplers.sample(denoise, torch.zeros(1, 3), schedule, setup)
        assert len(requests) == setup.calls_on(schedule)
        assert requests[0] == total - 1
        assert requests[-1] == 0


def test_a_stride_beyond_frannets_steps_goes_with_a_longer_schedule() -> None:
    setup = ft.Setup(K=150)
    assert setup.calls_on(make(steps=1000)) == 9
    with pytest.raises(ValueError, match="K must be an integer from 1 to 99, got 150"):
        setup.calls  # noqa: B018


@given(seeds, st.sampled_from(OBJECTIVES), st.floats(0.01, 0.99))
def test_what_a_model_should_answer_means_the_noise_and_the_value_that_it_was_made_of(
    seed: int, name: str, a: float
) -> None:
    rng = torch.Generator().manual_seed(seed)
    x0, e = torch.randn(2, *SHAPE, generator=rng, dtype=torch.float64)
    prediction = INTERPOLANTS[name]
    for share in (a, torch.full((SHAPE[0], 1), a, dtype=torch.float64)):
        x = add_noise(x0, e, share)
        output = prediction.target(x0, e, share)
        torch.testing.assert_close(prediction.x1(output, x, share), e)
        torch.testing.assert_close(prediction.x0(output, x, share), x0)


def test_the_velocity_is_that_of_salimans_and_ho() -> None:
    x0, e = torch.tensor([3.0]), torch.tensor([5.0])
    assert INTERPOLANTS["v"].target(x0, e, 0.64).item() == pytest.approx(0.8 * 5 - 0.6 * 3)
    assert INTERPOLANTS["noise"].target(x0, e, 0.64).item() == 5


def test_the_default_setup_is_the_notes_b() -> None:
    assert ft.Setup() == ft.SETUPS["B"]


@given(ddim_setups | ddpm_setups)
def test_a_setup_is_made_again_from_its_settings(setup: ft.Setup) -> None:
    assert ft.Setup(**setup.to_dict()) == setup
    assert ft.Setup(**json.loads(json.dumps(setup.to_dict()))) == setup


def test_a_setup_of_numpys_numbers_can_be_kept_as_json() -> None:
    setup = ft.Setup(stochasticity=np.float32(0.5), K=np.int64(3), clipping=(np.float32(-1), np.float32(1)))
    assert ft.Setup(**json.loads(json.dumps(setup.to_dict()))) == setup


@given(seeds, st.sampled_from(SCHEDULES), st.sampled_from(NOISE_STDDEVS), clippings)
def test_ddpm_is_ddim_with_every_step_and_all_of_its_noise(
    seed: int, schedule: str, noise_stddev: str, clipping: tuple[float, float] | None
) -> None:
    settings: dict[str, Any] = {
        "stochasticity": 1.0, "K": 1, "noise_projection": False, "noise_stddev": noise_stddev, "clipping": clipping
    }  # fmt: skip
    ddpm, _ = run(ft.Setup(**settings, sampler="ddpm"), seed, schedule)
    ddim, _ = run(ft.Setup(**settings, sampler="ddim"), seed, schedule)
    torch.testing.assert_close(ddpm, ddim, rtol=1e-6, atol=1e-6)


@given(seeds, st.integers(1, 5), st.floats(0.01, 100))
def test_projection_keeps_the_radius_and_the_direction(seed: int, channels: int, size: float) -> None:
    rng = torch.Generator().manual_seed(seed)
    noisy, centre = torch.randn(2, 50, channels, generator=rng, dtype=torch.float64)
    radius = size * torch.rand(50, 1, generator=rng, dtype=torch.float64)
    projected = project(noisy, centre, radius)
    torch.testing.assert_close(torch.linalg.vector_norm(projected - centre, dim=-1, keepdim=True), radius)
    along = torch.nn.functional.cosine_similarity(projected - centre, noisy - centre, dim=-1)
    torch.testing.assert_close(along, torch.ones_like(along))


def test_a_point_at_its_centre_is_projected_to_its_centre() -> None:
    centre = torch.tensor([[0.1, 0.2, 0.3]])
    assert torch.equal(project(centre, centre, torch.ones(1, 1)), centre)


@given(seeds, st.floats(0, 1), st.integers(1, 99), st.sampled_from(NOISE_STDDEVS))
def test_projected_steps_stay_as_far_from_the_prediction_as_without_noise(
    seed: int, stochasticity: float, K: int, noise_stddev: str
) -> None:
    setup = ft.Setup(stochasticity=stochasticity, K=K, noise_projection=True, noise_stddev=noise_stddev)
    schedule = make()
    for before, step in pairwise(run(setup, seed)[1]):
        a, p = schedule.alpha_bar[step.t + 1], schedule.alpha_bar[step.t_prev + 1]
        e = (before.x - np.sqrt(a) * step.x0) / np.sqrt(1 - a)  # since x = sqrt(a) x0 + sqrt(1 - a) e
        sigma = ddim_sigma(a, p, stochasticity)
        quiet = np.sqrt(p) * step.x0 + np.sqrt(max(1 - p - sigma**2, 0)) * e
        distance, want = (torch.linalg.vector_norm(x - step.x0, dim=-1) for x in (step.x, quiet))
        torch.testing.assert_close(distance, want, rtol=1e-6, atol=1e-6)


@given(seeds, ddim_setups)
def test_clipped_values_stay_within_their_bounds(seed: int, setup: ft.Setup) -> None:
    low, high = setup.clipping or (-np.inf, np.inf)
    for step in run(setup, seed)[1]:
        assert step.x.isfinite().all()
        assert low <= step.x.min()
        assert step.x.max() <= high


@given(seeds, ddim_setups | ddpm_setups)
def test_the_last_step_is_the_prediction_itself(seed: int, setup: ft.Setup) -> None:
    x, steps_taken = run(setup, seed)
    low, high = setup.clipping or (-np.inf, np.inf)
    torch.testing.assert_close(x, steps_taken[-1].x0.clamp(low, high))


def test_without_a_source_of_noise_draws_are_torchs_own() -> None:
    def run_once(seed: int) -> Tensor:
        torch.manual_seed(seed)
        return ft.samplers.sample(denoise, torch.zeros(SHAPE), make(), ft.Setup())

    assert torch.equal(run_once(1), run_once(1))
    assert not torch.equal(run_once(1), run_once(2))


def test_what_a_callback_raises_ends_the_sampling() -> None:
    def stop(step: Step) -> None:
        if step.index == 3:
            raise InterruptedError

    requests: list[int] = []
    with pytest.raises(InterruptedError):
        ft.samplers.sample(
            lambda x, t: requests.append(t) or x, torch.zeros(SHAPE), make(), ft.SETUPS["A"], callback=stop
        )
    assert requests == [99, 98, 97, 96]


@pytest.mark.parametrize(
    ("settings", "accepted"),
    [
        ({"stochasticity": 2}, "must be a number from 0 to 1"),
        ({"stochasticity": -0.1}, "must be a number from 0 to 1"),
        ({"stochasticity": float("nan")}, "must be a number from 0 to 1"),
        ({"stochasticity": "1"}, "must be a number from 0 to 1"),
        ({"stochasticity": None}, "must be a number from 0 to 1"),
        ({"K": 0}, "must be an integer from 1"),
        ({"K": -1}, "must be an integer from 1"),
        ({"K": 8.0}, "must be an integer from 1"),
        ({"K": True}, "must be an integer from 1"),
        ({"noise_projection": 1}, "must be True or False"),
        ({"noise_stddev": "cubed"}, "must be 'normal', 'squared' or 'zero'"),
        ({"steps": "cubic"}, "must be 'uniform' or 'quadratic'"),
        ({"sampler": "euler"}, "must be 'ddim' or 'ddpm'"),
        ({"clipping": (1.0, -1.0)}, r"clipping must be None or \(low, high\) with low < high"),
        ({"clipping": (float("nan"), 1.0)}, r"clipping must be None or \(low, high\)"),
        ({"clipping": 1.0}, r"clipping must be None or \(low, high\)"),
        ({"clipping": (0.0, 0.5, 1.0)}, r"clipping must be None or \(low, high\)"),
        ({"sampler": "ddpm"}, "requires stochasticity=1, K=1, noise_projection=False, steps='uniform'"),
        ({"sampler": "ddpm", "noise_projection": False, "K": 1, "stochasticity": 0}, "requires stochasticity=1"),
    ],
)
def test_a_setting_out_of_its_range_is_refused_with_what_is_accepted(settings: dict[str, Any], accepted: str) -> None:
    with pytest.raises(ValueError, match=accepted):
        ft.Setup(**settings)


def test_the_notes_setups_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        ft.SETUPS["B"] = ft.Setup(K=5)  # type: ignore[index]
    with pytest.raises(AttributeError):
        ft.SETUPS["B"].K = 5  # type: ignore[misc]


def test_unknown_schedules_and_step_rules_are_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="schedule must be 'cosine', 'linear', 'quadratic' or 'sigmoid'"):
        make("cosinus")
    with pytest.raises(ValueError, match="steps must be an integer from 2, got 1"):
        make("cosine", steps=1)
    with pytest.raises(ValueError, match="steps must be 'uniform' or 'quadratic'"):
        steps("cubic")
    with pytest.raises(ValueError, match="K must be an integer from 1 to 99"):
        steps("uniform", K=0)


@given(st.sampled_from(SCHEDULES), st.integers(2, 300))
def test_schedules_go_from_the_clean_picture_towards_noise(name: str, total: int) -> None:
    schedule = make(name, total)
    assert schedule.steps == total
    assert schedule.beta[0] == 0
    assert schedule.alpha_bar[0] == 1
    assert (np.diff(schedule.alpha_bar) < 0).all()
    assert (schedule.alpha_bar > 0).all()
    assert (schedule.posterior_variance <= schedule.beta).all()
    np.testing.assert_allclose(schedule.snr[1:] * (1 - schedule.alpha_bar[1:]), schedule.alpha_bar[1:])


@pytest.mark.parametrize("name", ["A", "B"])
def test_a_sampling_has_gradients(name):
    """At the last step of a projection a point is at its centre, where a length has no derivative of its own."""
    x = torch.randn(20, 3, requires_grad=True)
    result = ft.samplers.sample(lambda value, t: 0.9 * value, x, make(), ft.SETUPS[name])
    (gradient,) = torch.autograd.grad(result.sum(), x)
    assert gradient.isfinite().all()


class Backwards(ft.Setup):
    """A setup with a sampling of its own, which the compiled kernel does not know."""

    def sample(self, predict: Any, x: Any, schedule: Any, noise: Any) -> Any:
        for step in super().sample(predict, x, schedule, noise):
            yield replace(step, x=-step.x)


def test_a_sampler_that_the_kernel_does_not_know_never_runs_as_another_one() -> None:
    reference, custom = (
        ft.restore("diffusion-basic", "hopper", setup, size=16).image for setup in (ft.Setup(), Backwards())
    )
    assert np.abs(reference - custom).max() > 0.1
    unknown = ft.Setup()
    object.__setattr__(unknown, "sampler", "dpm")  # past the check of the settings
    with pytest.raises(ValueError, match=r"sampler must be .* got .dpm."):
        ft.restore("diffusion-basic", "hopper", unknown, size=16)


class Yields(ft.samplers.Sampler):
    """A custom sampler whose steps a test chooses."""

    def __init__(self, steps: Any) -> None:
        self.steps = steps

    def calls_on(self, schedule: Any) -> int:
        return 2

    def to_dict(self) -> dict[str, Any]:
        return {}

    def sample(self, predict: Any, x: Any, schedule: Any, noise: Any) -> Any:
        yield from self.steps(predict, x)


FAULTS: list[tuple[Any, str]] = [
    (lambda predict, x: [], "Yields.sample must yield one Step or more, got none"),
    (lambda predict, x: x, "Yields.sample must yield a Step after each call, got a Tensor"),
    (
        lambda predict, x: [Step(0, 9, -1, x[:, :1], x)],
        "step 0 of Yields must have index=0 and x of shape .*, got index=0",
    ),
    (
        lambda predict, x: [Step(0, 9, 8, x, x), Step(0, 8, -1, x, x)],
        "step 1 of Yields must have index=1 .* got index=0",
    ),
]


@pytest.mark.parametrize(("steps", "message"), FAULTS)
def test_what_a_custom_sampler_yields_is_checked(steps: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ft.samplers.sample(denoise, torch.zeros(SHAPE), make(), Yields(steps))
    with pytest.raises(ValueError, match=message):
        ft.restore("diffusion-basic", "hopper", Yields(steps), size=16)
    x, points = ft.prepare_input(ft.portraits()["hopper"]), torch.rand(1, 5, 2)
    with pytest.raises(ValueError, match=message):
        ft.sample_points(ft.load_model("diffusion-basic"), x, points, Yields(steps))


def test_a_custom_sampler_takes_no_more_steps_than_it_says() -> None:
    steps = [(lambda predict, x, n=n: [Step(k, 9, 8, x, x) for k in range(n)]) for n in (2, 3)]
    ft.restore("diffusion-basic", "hopper", Yields(steps[0]), size=16)
    with pytest.raises(ValueError, match="Yields takes more steps than its calls_on, which is 2"):
        ft.restore("diffusion-basic", "hopper", Yields(steps[1]), size=16)


@pytest.mark.parametrize("t", [100, 500, -1, 99.0])
def test_a_step_that_the_schedule_does_not_have_is_refused_by_what_is_accepted(t: float) -> None:
    ask = Yields(lambda predict, x: [predict(x, t)])
    with pytest.raises(ValueError, match=f"t must be a diffusion step, an integer from 0 to 99, .*, got {t}"):
        ft.restore("diffusion-basic", "hopper", ask, size=16)


@pytest.mark.parametrize("name", ["noise_stddev", "steps", "sampler"])
def test_an_array_of_a_text_is_no_text(name: str) -> None:
    for value in (np.array([getattr(ft.Setup(), name)]), np.array(["ddim", "normal"])):
        with pytest.raises(ValueError, match=f"{name} must be .*, got array"):
            ft.Setup(**{name: value})
    assert ft.Setup(**{name: np.str_(getattr(ft.Setup(), name))}) == ft.Setup()


@pytest.mark.parametrize(("restorator", "least"), [("diffusion", -0.5), ("interpolant", -3.0)])
def test_drawn_values_are_clipped_before_the_first_step_for_diffusion_models_alone(restorator, least) -> None:
    """As FranNet does: its interpolants see the drawn values as they are."""
    seen: list[Tensor] = []

    class Watched(ft.Setup):
        def sample(self, predict: Any, x: Any, schedule: Any, noise: Any) -> Any:
            seen.append(x)
            yield from super().sample(predict, x, schedule, noise)

    model = FranNet(Config(restorator)).eval()
    x, points = torch.zeros(1, 1, 64, 64), torch.rand(1, 4, 2)
    ft.sample_points(model, x, points, Watched(K=50, clipping=(-0.5, 0.5)), noise=lambda shape: torch.full(shape, -3.0))
    assert float(seen[0].min()) == least
