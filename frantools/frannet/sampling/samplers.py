"""The base class of all samplers, and their registries.

The last axis of an array holds the channels of one point.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import inf
from types import MappingProxyType
from typing import Any, ClassVar

import torch
from torch import Tensor

from ...files import finite, to_json
from ...noise import check_length
from ...settings import setting
from .objectives import predict_x0
from .schedule import Schedule, make

NOISE_STDDEVS = ("normal", "squared", "zero")

Denoise = Callable[[Tensor, int], Tensor]
"""``denoise(x, t)``: the predicted noise in `x` at diffusion step `t`, in the shape of `x`."""
Predict = Callable[[Tensor, Any], tuple[Tensor, Tensor]]
"""``predict(x, t)``: the predicted clean value x0 and noise, both in the shape of `x`."""
Noise = Callable[[tuple[int, ...]], Tensor]
"""``noise(shape)``: standard normal draws."""
Callback = Callable[["Step"], None]


@dataclass(frozen=True)
class Step:
    """A step of a sampler, yielded after each call of the network."""

    index: int
    """0 for the first step."""
    t: int
    """The diffusion step of the network call."""
    t_prev: int
    """The diffusion step that `x` has reached; -1 is the clean picture."""
    x: Tensor
    """The value after the step, in the shape of the sampler's start value."""
    x0: Tensor
    """The predicted clean value, in the same shape."""


@dataclass(frozen=True)
class StepCoefficients:
    """The numbers of one step of a `Setup` on a schedule."""

    t: int
    """The diffusion step of the network call."""
    t_prev: int
    """The diffusion step that it leads to."""
    alpha_bar: float
    """At `t`."""
    keep: float
    """DDIM: ``x = keep x0 + toward e``. DDPM: ``x = (x - toward e) / keep``."""
    toward: float
    sigma: float
    """The standard deviation of the noise that is added afterwards."""


@dataclass(frozen=True)
class KernelCoefficients:
    """All steps of a sampler for the compiled kernel."""

    steps: tuple[StepCoefficients, ...]
    posterior: bool
    """Whether the steps are DDPM's; otherwise DDIM's."""
    noise_projection: bool
    clipping: tuple[float, float] | None


def noise_stddev_setting(applies: Callable[[Any], bool] = lambda settings: True) -> Any:
    """Declare the standard deviation of added noise, a setting of several samplers."""
    return setting(
        "normal",
        "Noise stddev",
        "The standard deviation of the added noise: sigma, sigma squared, or zero",
        choices=NOISE_STDDEVS,
        applies=applies,
        advanced=True,
    )


def noise_length_setting() -> Any:
    """Declare the length of noise, a setting of all samplers."""
    return setting(
        0.0,
        "Noise length",
        "The distance over which the noise of neighbouring points is correlated, as a fraction of the picture: "
        "0 is grain, inf the same noise for all points",
        range=(0, inf),
        ticks=(0.0, 0.002, 0.005, 0.01, 0.02, 0.035, 0.05, 0.1, 0.2, 0.5, inf),
        check=check_length,
        advanced=True,
    )


RECIPE_SAMPLERS: list[type[Sampler]] = []
"""The classes that `setup_from_dict` can construct from the settings in a recipe."""
NAMED_SAMPLERS: dict[str, Sampler] = {}
"""The samplers that have a name, such as the note's "B"."""


class Sampler(ABC):
    """An immutable object that takes noise to clean values, one `Step` for each call of the network.

    A custom sampler implements `calls_on`, `to_dict` and `sample`. `sample` runs for each tile of a picture, on several
    threads at once.

    Attributes
    ----------
    noise_length : float
        The length over which the noise of neighbouring points is correlated; see `Setup`.
    model_kinds : frozenset of str
        The kinds of model (`Config.restorator`) that it samples.
    model_family : str
        A name for these kinds in messages.
    default_model : str
        The shipped model that a setup's name alone stands for.
    ends_early : bool
        Whether it may take fewer calls than `calls_on` returns.
    recipe_settings : tuple of str
        The settings that identify a dataclass of this package in recipes; a class that defines them can be constructed
        from its `to_dict`.

    Examples
    --------
    A sampler that descends the schedule in equal strides and adds no noise:

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
    recipe_settings: ClassVar[tuple[str, ...]]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "recipe_settings" in vars(cls):
            RECIPE_SAMPLERS.append(cls)

    @abstractmethod
    def calls_on(self, schedule: Schedule) -> int:
        """Return the maximum of network calls for a point.

        Raises a ValueError if the sampler does not suit the schedule.
        """

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Return the settings, for JSON; they go into recipes."""

    @abstractmethod
    def sample(self, predict: Predict, x: Tensor, schedule: Schedule, noise: Noise) -> Iterator[Step]:
        """Take noise to a clean value: the `x` of the last step.

        Parameters
        ----------
        predict : callable
            ``predict(x, t)``: the clean value x0 and the noise in `x` that the network predicts at diffusion step `t`.
        x : Tensor
            (..., C): the start value, standard normal for diffusion models.
        schedule : Schedule
            The noise schedule that the model was trained with.
        noise : callable
            ``noise(shape)``, with the shape of `x`, returns standard normal draws that belong to the points. Use no
            other random numbers, which would change with the tiles.

        Yields
        ------
        Step
            One for each call of the network. The consumer may report progress, record the steps, or stop.
        """

    @property
    def name(self) -> str:
        """A short text; for the samplers of this package, the text that `named_setup` accepts."""
        return type(self).__name__

    @property
    def calls(self) -> int:
        """The maximum of network calls for a point, on FranNet's 100 steps."""
        return self.calls_on(make())

    @property
    def likely_calls(self) -> int:
        """The approximate network calls for a point."""
        return self.calls

    def first_value(self, x: Tensor, restorator: str) -> Tensor:
        """Return the start value for a kind of model (`Config.restorator`), given the drawn values."""
        return x

    def check(self, schedule: Schedule) -> None:
        """Raise a ValueError if it cannot sample on a schedule."""
        self.calls_on(schedule)

    def kernel_coefficients(self, schedule: Schedule) -> KernelCoefficients | None:
        """Return the steps for the compiled kernel, or None if only `sample` can compute them."""
        return None

    def versions(self) -> dict[str, str]:
        """Return the versions of the libraries that it uses, for recipes."""
        return {}

    def noise_settings(self) -> dict[str, Any]:
        """Return the length of the noise for `to_dict`, which leaves out the default of 0."""
        return {} if self.noise_length == 0 else {"noise_length": finite(self.noise_length)}


def name_samplers(**samplers: Sampler) -> Mapping[str, Any]:
    """Register samplers under names, and return them."""
    NAMED_SAMPLERS.update(samplers)
    return MappingProxyType(samplers)


def name_with_changes(name: str, sampler: Sampler, named: Sampler) -> str:
    """Return the name of a sampler that differs from a named one in some settings, such as "B:K=25"."""
    settings = named.to_dict()
    changes = format_settings({key: value for key, value in sampler.to_dict().items() if value != settings.get(key)})
    return f"{name}:{changes}" if changes else name


def format_settings(settings: Mapping[str, Any]) -> str:
    """Format settings as a short text, such as "K=25,noise_stddev=zero"."""
    values = finite(dict(settings)).items()
    return ",".join(f"{key}={value if isinstance(value, str) else to_json(value)}" for key, value in values)


def sample(
    denoise: Denoise,
    x: Tensor,
    schedule: Schedule,
    setup: Sampler,
    noise: Noise | None = None,
    callback: Callback | None = None,
) -> Tensor:
    """Sample a clean value from noise, step by step.

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
        ``noise(shape)`` returns standard normal draws. A `Setup` calls it in order, once for each step that adds noise.
        Default: `torch.randn` on the device of `x`.
    callback : callable, optional
        Called with a `Step` after each step. An exception that it raises ends the sampling.

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
    """Yield the steps of a sampler, and raise a ValueError if they are invalid; see `Sampler.sample`."""
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
    """Return a function that draws with `torch.randn`, in the dtype and on the device of `x`."""
    return lambda shape: torch.randn(shape, dtype=x.dtype, device=x.device)
