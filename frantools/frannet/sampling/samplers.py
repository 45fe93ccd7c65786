"""From noise to a colour: the base class of all samplers.

Nothing in here knows of images, models or files: the last axis of an array is the channels of one point.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import inf
from typing import Any, ClassVar

import torch
from torch import Tensor

from ...files import finite
from ...noise import check_length
from ...settings import setting
from .objectives import predict_x0
from .schedule import Schedule, make

NOISE_STDDEVS = ("normal", "squared", "zero")

Denoise = Callable[[Tensor, int], Tensor]
"""``denoise(x, t)``: the noise in `x` at diffusion step `t`, in the shape of `x`."""
Predict = Callable[[Tensor, Any], tuple[Tensor, Tensor]]
"""``predict(x, t)``: the clean value x0 and the noise that the network sees in `x`, each in the shape of `x`."""
Noise = Callable[[tuple[int, ...]], Tensor]
"""``noise(shape)``: standard normal draws."""
Callback = Callable[["Step"], None]


@dataclass(frozen=True)
class Step:
    """What a sampler yields after each step."""

    index: int
    """0 for the first step taken."""
    t: int
    """The diffusion step that the network was asked about."""
    t_prev: int
    """The diffusion step that `x` is at now; -1 is the clean picture."""
    x: Tensor
    """The value after the step, in the shape of the sampler's start value."""
    x0: Tensor
    """The clean value that the network's answer predicts, in the same shape."""


@dataclass(frozen=True)
class StepCoefficients:
    """What one step of a `Setup` computes with, on a schedule."""

    t: int
    """The diffusion step that the network is asked about."""
    t_prev: int
    """Where it leads."""
    alpha_bar: float
    """At `t`."""
    keep: float
    """DDIM: ``x = keep x0 + toward e``. DDPM: ``x = (x - toward e) / keep``."""
    toward: float
    sigma: float
    """The standard deviation of the noise that is added then; 0 adds none."""


@dataclass(frozen=True)
class KernelCoefficients:
    """A whole sampling as the compiled kernel runs it."""

    steps: tuple[StepCoefficients, ...]
    posterior: bool
    """Whether the steps are DDPM's; otherwise DDIM's."""
    noise_projection: bool
    clipping: tuple[float, float] | None


def noise_stddev_setting(applies: Callable[[Any], bool] = lambda settings: True) -> Any:
    """Declare the standard deviation of added noise, which several samplers have."""
    return setting(
        "normal",
        "Noise stddev",
        "The standard deviation of the added noise: sigma, sigma squared, or zero",
        choices=NOISE_STDDEVS,
        applies=applies,
        advanced=True,
    )


def noise_length_setting() -> Any:
    """Declare the length of noise, which all samplers have."""
    return setting(
        0.0,
        "Noise length",
        "The distance over which neighbouring points draw alike, as a fraction of the picture: "
        "0 is grain, inf one draw for all points",
        range=(0, inf),
        ticks=(0.0, 0.002, 0.005, 0.01, 0.02, 0.035, 0.05, 0.1, 0.2, 0.5, inf),
        check=check_length,
        advanced=True,
    )


class Sampler(ABC):
    """Takes noise to clean values, one `Step` for each call of the network. It does not change.

    For a sampler of your own, write `calls_on`, `to_dict` and `sample`. It runs for each tile of a picture, on several
    threads at once.

    Attributes
    ----------
    noise_length : float
        Over which neighbouring points draw alike; see `Setup`.
    model_kinds : frozenset of str
        The kinds of model (`Config.restorator`) that it samples.
    model_family : str
        What these kinds are called in messages.
    default_model : str
        The shipped model that its name alone stands for.
    ends_early : bool
        Whether it may take fewer calls than `calls_on` says.

    Examples
    --------
    A sampler that goes down the schedule in equal strides and adds no noise:

    >>> class Strides(Sampler):
    ...     def calls_on(self, schedule):
    ...         return 4
    ...
    ...     def to_dict(self):
    ...         return {"strides": 4}
    ...
    ...     def sample(self, predict, x, schedule, noise):
    ...         for index in range(4):
    ...             t, t_prev = (schedule.steps * (4 - n) // 4 - 1 for n in (index, index + 1))
    ...             x0, e = predict(x, t)
    ...             p = schedule.alpha_bar[t_prev + 1]
    ...             x = p**0.5 * x0 + (1 - p) ** 0.5 * e
    ...             yield Step(index, t, t_prev, x, x0)
    >>> sample(lambda x, t: 0.9 * x, torch.ones(2, 3), make("cosine"), Strides()).shape
    torch.Size([2, 3])
    """

    noise_length: float = 0.0
    model_kinds: ClassVar[frozenset[str]] = frozenset({"diffusion", "interpolant"})
    model_family: ClassVar[str] = "diffusion models"
    default_model: ClassVar[str] = "diffusion-basic"
    ends_early: ClassVar[bool] = False

    @abstractmethod
    def calls_on(self, schedule: Schedule) -> int:
        """Return how often the network is called for a point, at most; a ValueError if the schedule does not fit."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Return the settings as JSON can hold them; they go into recipes."""

    @abstractmethod
    def sample(self, predict: Predict, x: Tensor, schedule: Schedule, noise: Noise) -> Iterator[Step]:
        """Take noise to a clean value: the `x` of the last step.

        Parameters
        ----------
        predict : callable
            ``predict(x, t)``: the clean value x0 and the noise that the network sees in `x` at diffusion step `t`.
        x : Tensor
            (..., C): the start value, standard normal for diffusion models.
        schedule : Schedule
            The noise schedule that the model was trained with.
        noise : callable
            ``noise(shape)``, with the shape of `x`, gives standard normal draws that belong to the points. Call it
            equally often for every tile: other random numbers would change with the tiles.

        Yields
        ------
        Step
            One for each call of the network. Whoever consumes them shows progress, keeps them, or stops.
        """

    @property
    def name(self) -> str:
        """A short text; where `setups.named_setup` knows the sampler, the text that names it."""
        return type(self).__name__

    @property
    def calls(self) -> int:
        """How often the network is called for a point, on FranNet's 100 steps."""
        return self.calls_on(make())

    @property
    def likely_calls(self) -> int:
        """About how often the network is called for a point."""
        return self.calls

    def first_value(self, x: Tensor, restorator: str) -> Tensor:
        """Return what a sampling of a kind of model (`Config.restorator`) begins with, given the drawn values."""
        return x

    def check(self, schedule: Schedule) -> None:
        """Raise a ValueError if it cannot sample on a schedule."""
        self.calls_on(schedule)

    def kernel_coefficients(self, schedule: Schedule) -> KernelCoefficients | None:
        """Return what the compiled kernel needs to sample on its own, or None where `sample` has to do it."""
        return None

    def versions(self) -> dict[str, str]:
        """Return the versions of the libraries that it needs, for recipes."""
        return {}

    def noise_settings(self) -> dict[str, Any]:
        """Return the length of the noise for `to_dict`; empty where it is 0, as in recipes that do not know it."""
        return {} if self.noise_length == 0 else {"noise_length": finite(self.noise_length)}


def sample(
    denoise: Denoise,
    x: Tensor,
    schedule: Schedule,
    setup: Sampler,
    noise: Noise | None = None,
    callback: Callback | None = None,
) -> Tensor:
    """Take noise, step by step, to a clean value.

    Parameters
    ----------
    denoise : callable
        ``denoise(x, t)`` predicts the noise in `x` at diffusion step `t`, in the shape of `x`.
    x : Tensor
        (..., C): the start value, standard normal.
    schedule : Schedule
        The noise schedule that the model was trained with.
    setup : Sampler
        The sampler and its settings, such as a `Setup`.
    noise : callable, optional
        ``noise(shape)`` gives standard normal draws. A `Setup` calls it in order, once for each step whose noise is
        not 0 by the setup or the schedule. Default: `torch.randn` on the device of `x`.
    callback : callable, optional
        Called with a `Step` after each step. What it raises ends the sampling.

    Returns
    -------
    Tensor
        The clean value, in the shape of `x`.
    """

    def predict(x: Tensor, t: int) -> tuple[Tensor, Tensor]:
        e = denoise(x, t)
        return predict_x0(x, e, float(schedule.alpha_bar[t + 1])), e

    value = x = setup.first_value(x, "diffusion")
    for step in run_sampler(setup, predict, x, schedule, torch_noise(x) if noise is None else noise):
        value = step.x
        if callback is not None:
            callback(step)
    return value


def run_sampler(setup: Sampler, predict: Predict, x: Tensor, schedule: Schedule, noise: Noise) -> Iterator[Step]:
    """Yield the steps of a sampler; a ValueError if one is no `Step`, or there is none. See `Sampler.sample`."""
    index = -1
    for index, step in enumerate(setup.sample(predict, x, schedule, noise)):
        if not isinstance(step, Step):
            raise ValueError(f"{setup.name}.sample must yield a Step after each call, got a {type(step).__name__}")
        if (step.index, step.x.shape) != (index, x.shape):
            raise ValueError(
                f"step {index} of {setup.name} must have index={index} and x of shape {tuple(x.shape)}, "
                f"got index={step.index} and {tuple(step.x.shape)}"
            )
        yield step
    if index < 0:
        raise ValueError(f"{setup.name}.sample must yield one Step or more, got none")


def torch_noise(x: Tensor) -> Noise:
    """Draws of `torch.randn`, in the dtype and on the device of `x`."""
    return lambda shape: torch.randn(shape, dtype=x.dtype, device=x.device)
