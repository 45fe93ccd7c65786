"""Argument checks of the engine."""

from __future__ import annotations

import torch
from torch import Tensor

from ...checks import integer, invalid
from ...photos.regions import Region
from ..network.coordinate_model import CoordinateModel
from ..network.model import INPUT_SIZE
from ..sampling.samplers import Sampler
from ..sampling.setup import Setup
from ..weights.checkpoints import models

CPU = torch.device("cpu")
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def check_region(region: Region | None) -> Region:
    """Return the region to restore: the whole picture by default."""
    if region is None:
        return Region.full()
    if not isinstance(region, Region):
        raise invalid("region", "a Region(x, y, width, height)", region)
    return region


def check_setup(model: CoordinateModel, setup: Sampler | None) -> Sampler | None:
    """Return the setup to sample with: by default the note's B for a diffusion model, otherwise the model's own.

    Raises a ValueError if the setup does not suit the model.
    """
    config = model.config
    if setup is None:
        return Setup() if config.restorator == "diffusion" else config.setup
    if not isinstance(setup, Sampler) or config.restorator not in setup.model_kinds:
        default = config.setup
        requires = (
            "has no sampler"
            if default is None
            else f"takes another sampler, such as the {type(default).__name__} {default.name}"
        )
        reason = f"the {config.restorator} model {getattr(model, 'name', None)!r} {requires}"
        raise ValueError(explain_unsuitable_setup(setup, reason))
    return setup


def explain_unsuitable_setup(setup: object, reason: str) -> str:
    """Return the message for a setup that does not suit a restorer: the reason, and the models that it suits."""
    if not isinstance(setup, Sampler):
        return (
            f"setup must be a Setup, such as SETUPS['B'], an AutoregressiveSetup, a SchedulerSetup or another Sampler, "
            f"got {setup!r}"
        )
    restorators = {name: card.get("settings", {}).get("restorator") for name, card in models().items()}
    suitable = [name for name, restorator in restorators.items() if restorator in setup.model_kinds]
    suits = f"{setup.model_family}, such as {' and '.join(suitable)}" if suitable else setup.model_family
    return f"setup is {setup.name}, and {reason}; {setup.name} goes with {suits}"


def check_seed(seed: int) -> int:
    """Return a seed as Python's own integer, which JSON takes."""
    return integer("seed", seed, minimum=None)


def check_input(x: Tensor) -> Tensor:
    """Return the network's input, (1, 1, 64, 64) in [-1, 1], as float32 without a gradient."""
    if x.shape != (1, 1, INPUT_SIZE, INPUT_SIZE) or not x.is_floating_point():
        raise ValueError(
            f"the network's input must be floats of shape (1, 1, {INPUT_SIZE}, {INPUT_SIZE}), as prepare_input returns "
            f"them, got {x.dtype} of shape {tuple(x.shape)}; pass pictures as arrays"
        )
    x = x.detach().float()
    if count := int((~torch.isfinite(x)).sum()):
        raise ValueError(f"the network's input has {count:,} values that are NaN or infinite; replace them")
    if x.abs().max() > 1.001:  # resampling may overshoot by a rounding error
        raise ValueError("the network's input leaves [-1, 1]; prepare_input scales a picture to it")
    return x


def resolve_precision(precision: str, device: torch.device = CPU) -> str:
    """Return the name of a precision; "auto" is bfloat16 on devices that multiply it natively."""
    if precision == "auto":
        native = device.type == "cuda" or (device.type == "cpu" and _has_native_bfloat16())
        return "bfloat16" if native else "float32"
    if not isinstance(precision, str) or precision not in PRECISIONS:
        raise invalid("precision", "'float32', 'bfloat16' or 'auto'", precision)
    return precision


def _has_native_bfloat16() -> bool:
    query = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return bool(query())
