"""What the engine asks of a model, whether one is ready to restore with, and what each kind predicts."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Protocol, TypeGuard

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel

from ..sampling.objectives import predict_x0
from ..sampling.samplers import Predict
from ..sampling.schedule import Schedule, make
from .config import Config
from .model import FranNet

Answer = Callable[[Tensor, int | float | None], Tensor]
"""``answer(value, t)``: what the network says of a value, at a diffusion step, a time in [0, 1] or (None) time 0."""


class CoordinateModel(Protocol):
    """A `torch.nn.Module` that reads a gray picture once and then answers for any of its points; `FranNet` is one.

    It may also have `base` and `to_colour`, as `FranNet` has them, where its clean values are no colours; `schedule`,
    where the noise schedule is not the one that its config names; and `name` and `sha256`, which go into recipes.
    """

    config: Config
    """Its `restorator`, `objective`, `schedule` and `steps` are read."""
    training: bool

    def encode(self, x: Tensor) -> Any:
        """What is kept of (1, 1, 64, 64) float32 gray pictures in [-1, 1]."""

    def latents(self, encoded: Any, points: Tensor) -> Tensor:
        """(1, N, L) numbers for (1, N, 2) float32 points, (x, y) in [0, 1]."""

    def decode(self, latents: Tensor, points: Tensor, t: int | float | None, value: Tensor) -> Tensor:
        """The (1, N, 3) answer to as many values at a diffusion step; see `FranNet.decode`."""

    def parameters(self) -> Any:
        """The weights, as `torch.nn.Module` has it."""

    def buffers(self) -> Any:
        """Running means and the like, as `torch.nn.Module` has it."""


NEEDED = ("encode", "latents", "decode")


def unwrap(model: Any) -> Any:
    """A model without the wrappers of `torch.compile` and data parallelism, of which the engine makes no use."""
    while isinstance(model, nn.Module):
        inner = dict(model.named_children()).get("_orig_mod")  # the class of compiled modules takes a second to import
        if inner is None and isinstance(model, (nn.DataParallel, DistributedDataParallel, AveragedModel)):
            inner = model.module
        if inner is None:
            break
        model = inner
    return model


def check_model(model: Any) -> Any:
    """Accept a model that is ready to restore with, and return it without wrappers; anything else is a ValueError."""
    model = unwrap(model)
    if not isinstance(model, nn.Module) or not isinstance(getattr(model, "config", None), Config):
        said = f"a {type(model).__name__}" if isinstance(model, nn.Module) else repr(model)
        raise ValueError(f"model is {said}; accepted is what load_model returns, as in load_model('diffusion-best')")
    if lacking := [name for name in NEEDED if not callable(getattr(model, name, None))]:
        raise ValueError(f"the model has no {', '.join(lacking)}; accepted are models with {', '.join(NEEDED)}")
    if model.training:  # the encoder would normalise by this one picture, and remember it in the weights
        raise ValueError("the model is in training mode; accepted are models in evaluation mode: call model.eval()")
    others = {parameter.dtype for parameter in model.parameters()} - {torch.float32}
    if others:
        names = ", ".join(sorted(map(str, others)))
        raise ValueError(f"the model's weights are {names}; accepted are float32: call model.float()")
    return model


def schedule_of(model: CoordinateModel) -> Schedule:
    """The noise schedule that a diffusion model was trained with."""
    own = getattr(model, "schedule", None)
    return own if isinstance(own, Schedule) else make(model.config.schedule, model.config.steps)


def device_of(model: CoordinateModel) -> torch.device:
    """Where the model's weights are."""
    first = next(iter(model.parameters()), None)
    return torch.device("cpu") if first is None else first.device


def is_plain_frannet(model: CoordinateModel) -> TypeGuard[FranNet]:
    """Whether a model is what `FranNet(model.config)` makes: the same class, layers and shapes, and nothing replaced.

    Only such a model is arranged for speed (`engine.GridDecoder`); of another, nobody knows what its `decode` does.
    """
    if type(model) is not FranNet or any(name in vars(model) for name in (*NEEDED, "base", "to_colour", "start")):
        return False
    return _structure(model) == _usual(model.config)


Structure = tuple[list[tuple[str, type, str]], dict[str, torch.Size]]


@cache
def _usual(config: Config) -> Structure:
    """The structure of what `FranNet(config)` makes."""
    with torch.device("meta"):  # takes no memory, and no random numbers
        return _structure(FranNet(config))


def _structure(model: nn.Module) -> Structure:
    """The modules of a model by name, and the shapes of its weights."""
    modules = [(name, type(module), module.extra_repr()) for name, module in model.named_modules()]
    return modules, {name: value.shape for name, value in model.state_dict().items()}


def predictor(config: Config, answer: Answer, schedule: Schedule) -> Predict:
    """What a model predicts about noisy values: the clean value and the noise, as samplers ask for them.

    Parameters
    ----------
    config : Config
        The kind of model.
    answer : callable
        Its network at some points.
    schedule : Schedule
        The noise schedule that it was trained with.
    """
    objective = config.interpolant

    def predict_diffusion(x: Tensor, t: int) -> tuple[Tensor, Tensor]:
        h = answer(x, t)  # which checks t
        a = float(schedule.alpha_bar[t + 1])
        e = objective.x1(h, x, a)
        return predict_x0(x, e, a), e

    def predict(x: Tensor, t: int | float) -> tuple[Tensor, Tensor]:
        h = answer(torch.zeros_like(x) if objective.blind else x, t)  # which checks t
        a = float(schedule.alpha_bar[int(t) + 1]) if config.timed else 0.0
        return objective.x0(h, x, a), objective.x1(h, x, a)

    return predict_diffusion if config.restorator == "diffusion" else predict
