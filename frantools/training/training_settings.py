"""The settings of a training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..checks import invalid, is_number, to_python
from ..frannet.network.model import Config
from ..frannet.sampling.source_distribution import SourceDistribution
from ..settings import setting, validate
from .data import AUGMENTS
from .losses import Loss, absolute_error, find_loss, squared_error
from .masks import check_masking

MAX_SEED = 10**12
"""A million steps have seeds of their own below 2 ** 64."""
TIMES = ("uniform", "noisy")


def _check_rate(rate: Any) -> Any:
    rate = to_python(rate)
    if not is_number(rate) or rate <= 0:
        raise invalid("rate", "a number above 0", rate)
    return rate


@dataclass(frozen=True)
class Settings:
    """The settings of a training: with the same data on the same machine, they give the same weights.

    Parameters
    ----------
    restorator : {"single-pass", "diffusion", "direction", "constant", "interpolant"}
        The kind of model. "direction" predicts the direction from a random value to the colour, "constant" the colour
        from a random value; an "interpolant" predicts its `objective` from a value and a time.
    masking : str
        "none", "uniform", "dynamic", cells per side, or sizes and limits; see `masks.mask`.
    augment : {"none", "crops", "strong"}
        See `data.Batches`.
    target, features, colours : str
        See `network.Config`.
    objective : {"noise", "v", "direction", "constant"}
        The prediction of a diffusion model or an interpolant; see `network.Config`. The last two need an interpolant.
    times : {"uniform", "noisy"}
        The distribution of the diffusion steps in training: uniform, or half of them from the noisiest quarter, because
        the first calls of a restoration decide most of it.
    error : {"note", "square", "size", "huber", "huber:DELTA", "pseudo-huber:DELTA"}
        The loss. The note's is the squared error for single-pass models and the absolute error for all others. Squares
        lead to the mean of all plausible colours, absolute errors to their median; the others lie between: see
        `losses`.
    steps : int
        Optimiser steps.
    batch, points : int
        Pictures per step, and points per picture.
    rate : float
        The maximum learning rate of AdamW.
    seed : int
        The seed of the weights, the data, the dropout and the diffusion noise; at most 10 ** 12.
    precision : {"float32", "bfloat16"}
        The precision of matrix products; "bfloat16" is automatic mixed precision, with weights in float32.
    source : str
        The distribution of the random values: "normal", "normal:MEAN,STDDEV", "uniform" (-1 to 1) or
        "uniform:LOW,HIGH".
    """

    restorator: str = setting(
        "diffusion",
        "Restorator",
        "diffusion, single-pass (the colour, in one call), direction (from a random value to the colour), constant "
        "(the colour, from a random value) or interpolant (the objective, at a random time)",
    )
    masking: str = setting(
        "none",
        "Masking",
        "none, cells per side, uniform, dynamic, or SIZES[:LEAST..MOST[:VALUE]]; see below",
        check=check_masking,
    )
    augment: str = setting("crops", "Augmentation", "random crops, or wider crops and exposures", choices=AUGMENTS)
    target: str = setting(
        "colour",
        "Target",
        "colour; residual: its scaled difference from the cubically interpolated gray input; or difference: from the "
        "linearly interpolated one, as in FranNet",
    )
    features: str = setting(
        "note",
        "Features",
        "note, gray (also the gray input itself) or fine (also features at the input's resolution)",
    )
    objective: str = setting(
        "noise",
        "Objective",
        "prediction of a diffusion model: noise or v; of an interpolant also direction or constant",
    )
    times: str = setting("uniform", "Times", "distribution of the diffusion steps in training", choices=TIMES)
    error: str = setting(
        "note",
        "Error",
        "note (squared for single-pass, otherwise absolute), square, size, huber:DELTA, pseudo-huber:DELTA (of a "
        "point's three channels together), or huber (the pseudo-Huber loss of each channel, delta 0.5)",
    )
    steps: int = setting(6000, "Steps", "optimiser steps", range=(1, None))
    batch: int = setting(32, "Batch", "pictures per step", range=(1, None))
    points: int = setting(256, "Points", "points per picture", range=(1, None))
    rate: float = setting(2e-3, "Learning rate", "maximum learning rate", check=_check_rate)
    seed: int = setting(0, "Seed", "seed of the weights, the data and the noise", range=(0, MAX_SEED))
    precision: str = setting("float32", "Precision", "precision of matrix products", choices=("float32", "bfloat16"))
    source: str = setting(
        "normal",
        "Source",
        "distribution of the random values: normal[:MEAN,STDDEV] or uniform[:LOW,HIGH]",
    )
    colours: str = setting(
        "rgb",
        "Colours",
        "colour format that the network learns: rgb, bgr, hsv, hsl, lab, yuv or yiq",
    )

    def __post_init__(self) -> None:
        config, _ = self.config, self.loss  # each validates its settings
        validate(self)
        if self.times != "uniform" and not config.timed:
            raise ValueError(f"times must be 'uniform' for a {self.restorator} model, which has no steps")
        if self.source != "normal" and config.interpolant.blind:
            raise ValueError(f"source must be 'normal' for a {self.restorator} model, which reads no random value")

    @property
    def config(self) -> Config:
        """The architecture of the model."""
        return Config(
            self.restorator,
            target=self.target,
            features=self.features,
            objective=self.objective,
            colours=self.colours,
            source=self.start,
        )

    @property
    def start(self) -> SourceDistribution:
        """The distribution of the random values."""
        return SourceDistribution.parse(self.source)

    @property
    def loss(self) -> Loss:
        """The loss function."""
        return find_loss(self.error, squared_error if self.restorator == "single-pass" else absolute_error)
