"""Schedulers of diffusers drive `restore` as their own loop would."""

from __future__ import annotations

import logging

import diffusers
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

import frantools as ft
from frantools.comparisons.comparison import Column
from frantools.frannet.network.model import FranNet
from frantools.frannet.sampling import adapters
from frantools.frannet.sampling.adapters import COMMON_SCHEDULERS, SchedulerSetup
from frantools.frannet.sampling.named_setups import named_setup, setup_from_dict
from frantools.frannet.sampling.samplers import NOISE_STDDEVS
from frantools.frannet.sampling.schedule import RULES, make

SHAPE = (64, 3)

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:diffusers", "ignore::DeprecationWarning:numpy")


def denoise(x: Tensor, t: int) -> Tensor:
    """Any function of the value and the step will do for a network, as long as both sides ask the same one."""
    return torch.tanh(0.1 * x.roll(1, dims=-1) + 0.5 * x + t / 100)


@pytest.mark.parametrize("steps", [4, 15])
@pytest.mark.parametrize("name", COMMON_SCHEDULERS)
def test_a_scheduler_samples_as_in_a_loop_of_diffusers(name: str, steps: int) -> None:
    schedule, start = make(), torch.randn(SHAPE, generator=torch.Generator().manual_seed(1))
    setup = SchedulerSetup(name, steps)
    got = ft.samplers.sample(denoise, start, schedule, setup)
    # As the documentation of diffusers writes the loop.
    kind = getattr(diffusers, f"{name}Scheduler")
    options = {"clip_sample": False} if name == "DDIM" else {}
    theirs = kind(
        num_train_timesteps=100, trained_betas=schedule.beta[1:].tolist(), timestep_spacing="trailing", **options
    )
    theirs.set_timesteps(steps)
    x = start * theirs.init_noise_sigma
    for t in theirs.timesteps:
        x = theirs.step(denoise(theirs.scale_model_input(x, t), int(t)), t, x).prev_sample
    assert setup.calls == len(theirs.timesteps)
    torch.testing.assert_close(got, x, rtol=0, atol=0)


def test_noise_that_a_scheduler_asks_for_is_the_callers() -> None:
    start, drawn = torch.zeros(SHAPE), []

    def noise(shape: tuple[int, ...]) -> Tensor:
        drawn.append(torch.full(shape, 0.25))
        return drawn[-1]

    setup = SchedulerSetup("DPMSolverMultistep", 6, {"algorithm_type": "sde-dpmsolver++"})
    values = ft.samplers.sample(denoise, start, make(), setup, noise=noise)
    assert len(drawn) == 6
    assert values.unique().numel() == 1  # equal points with equal noise end equal


def test_the_callback_is_told_of_each_step_and_may_end_the_sampling() -> None:
    expected_message = []
    setup = SchedulerSetup("UniPCMultistep", 6)
    ft.samplers.sample(denoise, torch.randn(SHAPE), make(), setup, callback=expected_message.append)
    assert [step.index for step in expected_message] == [*range(6)]
    assert [step.t_prev for step in expected_message] == [*(step.t for step in expected_message[1:]), -1]
    assert (expected_message[0].t, expected_message[-1].x0.shape) == (99, SHAPE)

    def stop(step: ft.samplers.Step) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        ft.samplers.sample(denoise, torch.randn(SHAPE), make(), setup, callback=stop)


@pytest.mark.parametrize("name", ["UniPCMultistep", "HeunDiscrete", "EulerAncestralDiscrete"])
def test_restore_takes_a_scheduler_and_its_recipe_names_it(random_models: dict[str, FranNet], name: str) -> None:
    model, picture = random_models["diffusion"], ft.portraits()["hopper"]
    setup = SchedulerSetup(name, 4)
    result = ft.restore(model, picture, setup, size=24)
    assert result.calls == setup.calls
    assert result.image.shape == (24, 24, 3)
    assert np.isfinite(result.image).all()
    assert result.recipe["setup"] == setup.to_dict()
    assert "diffusers" in result.recipe["versions"]
    again = Column.from_dict({"title": "x", "model": "m", "setup": result.recipe["setup"]})
    assert again.setup == setup
    np.testing.assert_array_equal(ft.restore(model, picture, setup, size=24).image, result.image)


def test_a_region_is_that_of_the_whole_picture(random_models: dict[str, FranNet]) -> None:
    model, picture = random_models["diffusion"], ft.portraits()["hopper"]
    setup = SchedulerSetup("DPMSolverMultistep", 4)
    whole = ft.restore(model, picture, setup, size=32, seed=3).image
    part = ft.restore(model, picture, setup, size=16, region=ft.Region(0.25, 0.5, 0.5, 0.5), seed=3).image
    np.testing.assert_allclose(part, whole[16:32, 8:24], atol=1e-3)


@pytest.mark.parametrize("name", ["EulerAncestralDiscrete", "DDPM", "LCM", "TCD", "SASolver"])
def test_noise_that_a_scheduler_draws_itself_belongs_to_the_point(
    random_models: dict[str, FranNet], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """However the picture is cut into tiles, and in a region of it."""
    model, picture, setup = random_models["diffusion"], ft.portraits()["hopper"], SchedulerSetup(name, 4)
    whole = ft.restore(model, picture, setup, size=32, seed=3).image
    part = ft.restore(model, picture, setup, size=16, region=ft.Region(0.25, 0.5, 0.5, 0.5), seed=3).image
    np.testing.assert_allclose(part, whole[16:32, 8:24], atol=1e-3)
    monkeypatch.setattr("frantools.frannet.engine.pictures.TILE_POINTS", (100, 100))
    np.testing.assert_allclose(ft.restore(model, picture, setup, size=32, seed=3).image, whole, atol=1e-3)
    other = ft.restore(model, picture, setup, size=32, seed=4).image
    assert np.abs(other - whole).mean() > 0.001


def test_the_draws_of_a_scheduler_are_the_callers_and_no_others() -> None:
    shape, drawn = (8, 3), []

    def draw(shape: tuple[int, ...]) -> Tensor:
        drawn.append(shape)
        return torch.full(shape, 0.25)

    with adapters._PointNoise(draw, shape):
        assert (torch.randn(8, 3) == 0.25).all()
        assert (torch.randn(shape, generator=torch.Generator(), dtype=torch.float64) == 0.25).all()
        assert (torch.randn_like(torch.zeros(shape)) == 0.25).all()
        for other in (lambda: torch.randn(3), lambda: torch.rand(shape), lambda: torch.zeros(3).normal_()):
            with pytest.raises(ValueError, match="belong to no point; choose another"):
                other()
    assert drawn == [shape] * 3
    assert torch.randn(8, 3).unique().numel() > 1


@pytest.mark.parametrize(
    ("name", "steps", "options"),
    [
        ("DDIM", 14, {"rescale_betas_zero_snr": True}),
        ("LCM", 6, {"rescale_betas_zero_snr": True}),
        ("UniPCMultistep", 14, {"solver_type": "bh1"}),
        ("DPMSolverMultistep", 15, {"use_karras_sigmas": True}),
    ],
)
def test_a_scheduler_that_ends_in_no_numbers_is_refused_before_the_work(
    random_models: dict[str, FranNet], name: str, steps: int, options: dict[str, object]
) -> None:
    expected_message: list[float] = []
    with pytest.raises(ValueError, match=f"{name}Scheduler with steps={steps} and options=.* this noise schedule"):
        ft.restore(
            random_models["diffusion"],
            ft.portraits()["hopper"],
            SchedulerSetup(name, steps, options),
            size=8,
            progress=expected_message.append,
        )
    assert not expected_message


@pytest.mark.parametrize(
    ("name", "steps", "options"),
    [("HeunDiscrete", 6, {}), ("PNDM", 15, {}), ("DPMSolverMultistep", 15, {"use_beta_sigmas": True})],
)
def test_a_scheduler_that_leaves_the_range_is_told_of(name: str, steps: int, options: dict[str, object]) -> None:
    with pytest.warns(UserWarning, match=f"{name}Scheduler with steps={steps}.* leaves the range on the cosine noise"):
        SchedulerSetup(name, steps, options).check(make())


@pytest.mark.parametrize("steps", [1, 2, 6, 15, 50])
@pytest.mark.parametrize("name", [*COMMON_SCHEDULERS, "DDPM", "LCM", "SASolver"])
def test_what_messages_recommend_stays_in_the_range(recwarn: pytest.WarningsRecorder, name: str, steps: int) -> None:
    SchedulerSetup(name, steps).check(make())
    assert not [expected_message for expected_message in recwarn if expected_message.category is UserWarning]


@pytest.mark.parametrize("name", ["HeunDiscrete", "PNDM"])
def test_the_option_that_the_warning_recommends_helps(recwarn: pytest.WarningsRecorder, name: str) -> None:
    SchedulerSetup(name, 15, {"timestep_spacing": "leading"}).check(make())
    assert not [expected_message for expected_message in recwarn if expected_message.category is UserWarning]


@pytest.mark.parametrize("name", ["DDIMInverse", "DPMSolverMultistepInverse"])
def test_an_inverse_scheduler_is_no_sampler(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name}Scheduler goes from the picture to noise, and is no sampler"):
        SchedulerSetup(name, 15)


def test_the_steps_of_a_scheduler_go_with_the_schedule() -> None:
    setup = SchedulerSetup("DDIM", 150)
    assert setup.calls_on(make(steps=200)) == 150
    with pytest.raises(ValueError, match="steps must be an integer from 1 to 100, got 150"):
        setup.calls_on(make())
    with pytest.raises(ValueError, match="steps must be an integer from 1 to 50, got 60"):
        ft.samplers.sample(denoise, torch.randn(SHAPE), make(steps=50), SchedulerSetup("DDIM", 60))


def test_short_names() -> None:
    assert named_setup("B") == ft.SETUPS["B"]
    assert named_setup("B:K=25").calls == 6
    assert named_setup("UniPCMultistep:6") == SchedulerSetup("UniPCMultistepScheduler", 6)
    assert named_setup("DPMSolverMultistep:15,solver_order=3").to_dict()["options"] == {"solver_order": 3}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("C", "unknown setup 'C'; accepted: .*DDPM, DDIM, A, B.*, and schedulers"),
        ("B:q=2", "B has no q"),
        ("B:K=x", "K must be an integer from 1, got 'x'"),
        ("UniPCMultistep:0", "steps must be an integer from 1, got 0"),
        ("UniPCMultistep:5,foo=1", "has no option foo; it has"),
        ("UniPCMultistep:5,trained_betas=1", "has no option trained_betas"),
        ("FlowMatchEulerDiscreteScheduler", "cannot sample with a model's noise schedule alone"),
        ("KDPM2DiscreteScheduler:5", "visits fractional diffusion steps"),
        ("UniPCMultistep:5,solver_type=x", "rejects steps=5"),
    ],
)
def test_what_is_no_setup_is_refused_in_a_sentence(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        named_setup(text)


def test_a_setup_has_the_name_of_the_notes_setup_that_it_is_nearest_to():
    for name, setup in ft.SETUPS.items():
        assert setup.name == name
    assert ft.Setup(K=25).name == "B:K=25"
    assert ft.Setup(stochasticity=0.5, K=1, noise_projection=False).name == "DDIM:stochasticity=0.5"


@given(
    st.builds(
        ft.Setup,
        st.floats(0, 1),
        st.integers(1, 99),
        st.booleans(),
        st.sampled_from(NOISE_STDDEVS),
        st.none() | st.just((-1.0, 1.5)),
        st.sampled_from(RULES),
    )
)
def test_the_name_of_a_setup_makes_the_same_setup(setup):
    assert named_setup(setup.name) == setup


@pytest.mark.parametrize(
    "setup",
    [
        SchedulerSetup("UniPCMultistep", 6),
        SchedulerSetup("DPMSolverMultistep", 15, {"solver_order": 3, "algorithm_type": "sde-dpmsolver++"}),
        SchedulerSetup("DDIM", 4, {"clip_sample": True, "sample_max_value": 1.5}),
    ],
    ids=str,
)
def test_the_name_of_a_scheduler_makes_the_same_scheduler(setup):
    assert named_setup(setup.name) == setup
    assert setup_from_dict(setup.to_dict()) == setup


class Halving(ft.samplers.Sampler):
    """A sampler that nothing can name: the clean value of the last step, half of the way."""

    def calls_on(self, schedule):
        return 2

    def to_dict(self):
        return {"rate": 0.5}

    def sample(self, predict, x, schedule, noise):
        for index, t in enumerate((schedule.steps - 1, 0)):
            x0, _ = predict(x, t)
            x = 0.5 * x0 + 0.1 * noise(tuple(x.shape))
            yield ft.samplers.Step(index, t, -1 if t == 0 else 0, x, x0)


def test_a_sampler_of_the_users_own_restores_and_has_a_name(random_models):
    expected_message, solver = [], Halving()
    result = ft.restore(
        random_models["diffusion"], ft.portraits()["hopper"], solver, size=16, progress=expected_message.append
    )
    assert (result.calls, result.recipe["setup"], expected_message[-1]) == (2, {"rate": 0.5}, 1)
    assert result.image.std() > 0.01
    part = ft.restore(
        random_models["diffusion"], ft.portraits()["hopper"], solver, size=8, region=ft.Region(0.5, 0.5, 0.5, 0.5)
    )
    np.testing.assert_allclose(part.image, result.image[8:, 8:], atol=1e-3)
    assert solver.name == "Halving"


@pytest.mark.parametrize(
    "result", [{"rate": 0.5}, {}, {"K": 8, "rate": 0.5}, {"scheduler": "DDIM", "K": 8}, ["B"], None]
)
def test_what_describes_no_setup_is_refused_in_a_sentence(result):
    with pytest.raises(ValueError, match=r"not the settings of a known sampler .*; pass a custom sampler itself"):
        setup_from_dict(result)


SCHEDULERS = sorted(name for name in dir(diffusers) if name.endswith("Scheduler"))
STRANGE: list[dict[str, object]] = [
    {"use_karras_sigmas": True},
    {"use_exponential_sigmas": True, "use_beta_sigmas": True},
    {"variance_type": "learned"},
    {"thresholding": True},
    {"timestep_spacing": "backwards"},
    {"timestep_spacing": "leading", "steps_offset": 1000},
    {"solver_order": "high"},
    {"solver_order": -1, "lower_order_final": False},
    {"final_sigmas_type": None},
    {"prediction_type": "nothing"},
    {"beta_schedule": [1]},
    {"algorithm_type": "dpmsolver"},
    {"solver_type": 3},
    {"lambda_min_clipped": "x"},
]


@pytest.mark.parametrize("options", STRANGE, ids=str)
def test_what_a_scheduler_cannot_do_is_one_line(options, random_models):
    """Whatever diffusers raises, assertions among them."""
    messages = []
    for name in SCHEDULERS:
        try:
            result = ft.restore(random_models["diffusion"], "hopper", SchedulerSetup(name, 3, options), size=4)
        except ValueError as error:
            messages.append(str(error))
        else:
            assert np.isfinite(result.image).all()
    assert messages
    assert [message for message in messages if "\n" in message or message.endswith(": ") or not message] == []


def test_an_error_without_a_message_is_told_by_its_kind(monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(diffusers.DDIMScheduler, "scale_model_input", fail)
    with pytest.raises(ValueError, match=r"cannot sample this noise schedule: AssertionError$"):
        SchedulerSetup("DDIM", 7).check(make())


def test_a_message_of_a_scheduler_is_logged_once(random_models, monkeypatch):
    messages: list[str] = []
    handler = logging.Handler()
    monkeypatch.setattr(handler, "emit", lambda record: messages.append(record.getMessage()))
    monkeypatch.setattr(adapters.LOG_ONCE, "_messages", set())
    logger = logging.getLogger(diffusers.DPMSolverSinglestepScheduler.__module__)
    logger.addHandler(handler)
    try:
        for seed in range(3):
            setup = SchedulerSetup("DPMSolverSinglestep", 5)
            ft.restore(random_models["diffusion"], "hopper", setup, size=8, seed=seed)
    finally:
        logger.removeHandler(handler)
    assert len(messages) == len(set(messages)) == 1
