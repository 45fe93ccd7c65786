"""What makes a training."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from ..checks import choice, integer, set_fields, to_python
from ..frannet.network.model import Config
from ..frannet.sampling.source_distribution import SourceDistribution
from .data import AUGMENTS
from .losses import Loss, find, size, square
from .masks import check_masking

SEEDS = 10**12  # the highest: a million steps have seeds of their own below 2 ** 64
TIMES = ("uniform", "noisy")


@dataclass(frozen=True)
class Settings:
    """What makes a training: the same settings and data on the same machine give the same weights.

    Parameters
    ----------
    restorator : {"single-pass", "diffusion", "direction", "constant", "interpolant"}
        What is trained. "direction" answers the way from a drawn value to the colour, "constant" the colour, of no
        value; an "interpolant" answers its `objective`, about a value and a time.
    masking : str
        "none", "uniform", "dynamic", cells a side, or sizes and limits; see `masks.mask`.
    augment : {"none", "crops", "strong"}
        See `data.Batches`.
    target, features : str
        See `network.Config`.
    objective : {"noise", "v", "direction", "constant"}
        What a diffusion model or an interpolant answers; see `network.Config`. The last two go with an interpolant.
    times : {"uniform", "noisy"}
        Which diffusion steps a diffusion model or an interpolant is asked about in training: all as often, or the
        noisy ones more: half of them of the noisiest quarter. A restoration's first calls decide most of it.
    error : {"note", "square", "size", "huber", "huber:DELTA", "pseudo-huber:DELTA"}
        What the loss makes of an error: the note's, which is its square (single-pass) or its size (all others); its
        square; its size; or something between, a square for small errors and a size for large ones: see `losses`.
        Squares lead to the mean of what may be there, sizes to its median.
    steps : int
        Optimiser steps.
    batch, points : int
        Pictures a step, and points asked about in each.
    rate : float
        AdamW's highest learning rate.
    seed : int
        Of the weights, the data, the dropout and the diffusion noise; at most 10 ** 12.
    precision : {"float32", "bfloat16"}
        Of the products; "bfloat16" is automatic mixed precision, the weights stay float32.
    source : str
        What the drawn values are drawn from: "normal", "normal:MEAN,STDDEV", "uniform" (-1 to 1) or
        "uniform:LOW,HIGH".
    colours : str
        The colour format that the network learns; see `colours`.
    """

    restorator: str = "diffusion"
    masking: str = "none"
    augment: str = "crops"
    target: str = "colour"
    features: str = "note"
    objective: str = "noise"
    times: str = "uniform"
    error: str = "note"
    steps: int = 6000
    batch: int = 32
    points: int = 256
    rate: float = 2e-3
    seed: int = 0
    precision: str = "float32"
    source: str = "normal"
    colours: str = "rgb"

    def __post_init__(self) -> None:
        config, _ = self.config, self.loss  # each checks its part
        check_masking(self.masking)
        choice("augment", self.augment, AUGMENTS)
        choice("times", self.times, TIMES)
        if self.times != "uniform" and not config.timed:
            raise ValueError(
                f"times {self.times!r} goes with a diffusion or interpolant restorator; {self.restorator} has no steps"
            )
        if self.source != "normal" and config.interpolant.blind:
            raise ValueError(f"source {self.source!r} goes with a restorator that starts from a drawn value")
        for name in ("steps", "batch", "points"):
            set_fields(self, **{name: integer(name, getattr(self, name))})
        set_fields(self, rate=to_python(self.rate), seed=integer("seed", self.seed, 0, SEEDS))
        if not 0 < self.rate < inf:
            raise ValueError(f"rate is {self.rate}; accepted are finite numbers above 0")
        if self.precision not in ("float32", "bfloat16"):
            raise ValueError(f"precision is {self.precision!r}; accepted are 'float32' and 'bfloat16'")

    @property
    def config(self) -> Config:
        """Of the model that is trained."""
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
        """The distribution of the drawn values."""
        return SourceDistribution.parse(self.source)

    @property
    def loss(self) -> Loss:
        """What an error costs."""
        return find(self.error, default=square if self.restorator == "single-pass" else size)
