"""The interface of coordinate models, the checks before restoring with one, and what each kind predicts."""

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
"""``answer(value, t)``: the network's output for a value, at a diffusion step, a time in [0, 1] or (None) time 0."""


class CoordinateModel(Protocol):
    """A `torch.nn.Module` that reads a gray picture once and then answers for any of its points; `FranNet` is one.

    It may also have `base` and `to_colour`, as `FranNet` has, if its clean values are no colours; `schedule`, if its
    noise schedule is not the one that its config names; and `name` and `sha256`, which go into recipes.
    """

    config: Config
    """The engine reads its `restorator`, `objective`, `schedule` and `steps`."""
    training: bool

    def encode(self, x: Tensor) -> Any:
        """Encode (1, 1, 64, 64) float32 gray pictures in [-1, 1]."""

    def latents(self, encoded: Any, points: Tensor) -> Tensor:
        """Return (1, N, L) numbers for (1, N, 2) float32 points, (x, y) in [0, 1]."""

    def decode(self, latents: Tensor, points: Tensor, t: int | float | None, value: Tensor) -> Tensor:
        """Return the (1, N, 3) output for as many values at a diffusion step; see `FranNet.decode`."""

    def parameters(self) -> Any:
        """Return the weights, as `torch.nn.Module` does."""

    def buffers(self) -> Any:
        """Return running means and the like, as `torch.nn.Module` does."""


REQUIRED_METHODS = ("encode", "latents", "decode")


def unwrap(model: Any) -> Any:
    """Return a model without the wrappers of `torch.compile` and data parallelism, which the engine does not use."""
    while isinstance(model, nn.Module):
        inner = dict(model.named_children()).get("_orig_mod")  # the class of compiled modules takes a second to import
        if inner is None and isinstance(model, (nn.DataParallel, DistributedDataParallel, AveragedModel)):
            inner = model.module
        if inner is None:
            break
        model = inner
    return model


def check_model(model: Any) -> Any:
    """Return a model without wrappers; raise a ValueError if it is not ready to restore with."""
    model = unwrap(model)
    if not isinstance(model, nn.Module) or not isinstance(getattr(model, "config", None), Config):
        kind = f"a {type(model).__name__}" if isinstance(model, nn.Module) else repr(model)
        raise ValueError(f"model must be a FranNet, as load_model('diffusion-best') returns it, got {kind}")
    if missing := [name for name in REQUIRED_METHODS if not callable(getattr(model, name, None))]:
        raise ValueError(f"the model must have {', '.join(REQUIRED_METHODS)}, and has no {', '.join(missing)}")
    if model.training:  # the encoder would normalise by this one picture, and update the weights
        raise ValueError("the model is in training mode; call model.eval() first")
    if dtypes := {parameter.dtype for parameter in model.parameters()} - {torch.float32}:
        names = ", ".join(sorted(map(str, dtypes)))
        raise ValueError(f"the model's weights must be torch.float32, got {names}; call model.float()")
    return model


def schedule_of(model: CoordinateModel) -> Schedule:
    """Return the noise schedule that a diffusion model was trained with."""
    schedule = getattr(model, "schedule", None)
    return schedule if isinstance(schedule, Schedule) else make(model.config.schedule, model.config.steps)


def device_of(model: CoordinateModel) -> torch.device:
    """Return the device of a model's weights."""
    parameter = next(iter(model.parameters()), None)
    return torch.device("cpu") if parameter is None else parameter.device


def is_plain_frannet(model: CoordinateModel) -> TypeGuard[FranNet]:
    """Whether a model has the class, layers and shapes of `FranNet(model.config)`, and nothing is replaced.

    Only such a model is arranged for speed (`FastDecoder`); the `decode` of another may compute anything.
    """
    replaceable = (*REQUIRED_METHODS, "base", "to_colour", "start")
    if type(model) is not FranNet or any(name in vars(model) for name in replaceable):
        return False
    return _structure(model) == _plain_structure(model.config)


Structure = tuple[list[tuple[str, type, str]], dict[str, torch.Size]]


@cache
def _plain_structure(config: Config) -> Structure:
    """Return the structure of `FranNet(config)`."""
    with torch.device("meta"):  # takes no memory, and no random numbers
        return _structure(FranNet(config))


def _structure(model: nn.Module) -> Structure:
    """Return the modules of a model by name, and the shapes of its weights."""
    modules = [(name, type(module), module.extra_repr()) for name, module in model.named_modules()]
    return modules, {name: value.shape for name, value in model.state_dict().items()}


def predictor(config: Config, answer: Answer, schedule: Schedule) -> Predict:
    """Return a function that predicts the clean value and the noise of noisy values, for samplers.

    Parameters
    ----------
    config : Config
        Of the model.
    answer : callable
        The model's decoder at some points.
    schedule : Schedule
        The noise schedule that the model was trained with.
    """
    interpolant = config.interpolant

    def predict_diffusion(x: Tensor, t: int) -> tuple[Tensor, Tensor]:
        output = answer(x, t)  # which checks t
        a = float(schedule.alpha_bar[t + 1])
        e = interpolant.x1(output, x, a)
        return predict_x0(x, e, a), e

    def predict(x: Tensor, t: int | float) -> tuple[Tensor, Tensor]:
        output = answer(torch.zeros_like(x) if interpolant.blind else x, t)  # which checks t
        a = float(schedule.alpha_bar[int(t) + 1]) if config.timed else 0.0
        return interpolant.x0(output, x, a), interpolant.x1(output, x, a)

    return predict_diffusion if config.restorator == "diffusion" else predict
