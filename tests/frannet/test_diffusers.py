"""Another implementation, diffusers, takes the same steps."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler
from torch import Tensor

import frantools as ft
from frantools.frannet.sampling.samplers import Step
from frantools.frannet.sampling.schedule import SCHEDULES, Schedule

SHAPE = (64, 3)


def denoise(x: Tensor, t: int) -> Tensor:
    """Any function of the value and the step will do for a network, as long as both sides ask the same one."""
    return torch.tanh(x.roll(1, dims=-1) - 0.5 * x + t / 100)


def theirs(kind: type[DDIMScheduler | DDPMScheduler], schedule: Schedule) -> DDIMScheduler | DDPMScheduler:
    """A scheduler of diffusers with our betas; it rounds them to float32, hence the tables in float64 after that."""
    scheduler = kind(schedule.steps, trained_betas=schedule.beta[1:], clip_sample=False, thresholding=False)
    np.testing.assert_allclose(scheduler.alphas_cumprod, schedule.alpha_bar[1:], rtol=1e-3)
    scheduler.alphas_cumprod = torch.from_numpy(schedule.alpha_bar[1:])
    return scheduler


def ours(schedule: Schedule, setup: ft.Setup) -> tuple[Tensor, list[Step], list[Tensor]]:
    """The start value, the steps that our sampler takes from there, and the noise that it drew."""
    rng = torch.Generator().manual_seed(0)
    kept_steps: list[Step] = []
    draws: list[Tensor] = []

    def noise(shape: tuple[int, ...]) -> Tensor:
        draws.append(torch.randn(shape, generator=rng, dtype=torch.float64))
        return draws[-1]

    start = torch.randn(SHAPE, generator=rng, dtype=torch.float64)
    ft.samplers.sample(denoise, start, schedule, setup, noise=noise, callback=kept_steps.append)
    return start, kept_steps, draws


def assert_close(got: Tensor, want: Tensor) -> None:
    torch.testing.assert_close(got, want, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("K", [1, 8])
@pytest.mark.parametrize("stochasticity", [0.0, 0.5, 1.0])
def test_each_ddim_step_is_that_of_diffusers(name: str, K: int, stochasticity: float) -> None:
    schedule = ft.schedule.make(name)
    scheduler = theirs(DDIMScheduler, schedule)
    setup = ft.Setup(stochasticity=stochasticity, K=K, noise_projection=False)
    x, kept_steps, draws = ours(schedule, setup)
    assert len(kept_steps) == setup.calls
    assert len(draws) == (setup.calls - 1 if stochasticity > 0 else 0)  # the last step adds no noise
    for step in kept_steps:
        # diffusers knows even strides alone, and counts them in steps taken: tell it anew at every step.
        scheduler.num_inference_steps = schedule.steps // (step.t - step.t_prev)
        assert schedule.steps // scheduler.num_inference_steps == step.t - step.t_prev
        noise = draws[step.index] if step.index < len(draws) else torch.zeros(SHAPE)
        want = scheduler.step(denoise(x, step.t), step.t, x, eta=stochasticity, variance_noise=noise)
        assert_close(step.x, want.prev_sample)
        assert_close(step.x0, want.pred_original_sample)
        x = step.x


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize(
    "setup",
    [
        ft.SETUPS["DDPM"],
        # Its DDPM strides, too, which is DDIM with all of its noise.
        ft.Setup(stochasticity=1.0, K=8, noise_projection=False),
        ft.Setup(stochasticity=1.0, steps="quadratic", noise_projection=False),
    ],
    ids=["ddpm", "ddim-8", "ddim-quadratic"],
)
def test_each_ddpm_step_is_that_of_diffusers(name: str, setup: ft.Setup) -> None:
    schedule = ft.schedule.make(name)
    scheduler = theirs(DDPMScheduler, schedule)
    scheduler.set_timesteps(timesteps=ft.schedule.steps(setup.steps, setup.K)[0].tolist())
    x, kept_steps, _ = ours(schedule, setup)
    rng = torch.Generator().manual_seed(0)
    assert torch.equal(torch.randn(SHAPE, generator=rng, dtype=torch.float64), x)  # and what follows is the noise
    assert len(kept_steps) == setup.calls
    for step in kept_steps:
        want = scheduler.step(denoise(x, step.t), step.t, x, generator=rng)
        assert_close(step.x, want.prev_sample)
        assert_close(step.x0, want.pred_original_sample)
        x = step.x
