"""What distinguishes one FranNet from another."""

from __future__ import annotations

from dataclasses import dataclass

from ..checks import is_whole
from .predictions import PREDICTIONS
from .schedule import SCHEDULES, STEPS


@dataclass(frozen=True)
class Config:
    """What distinguishes one FranNet from another.

    Parameters
    ----------
    restorator : {"single-pass", "diffusion", "direction", "constant", "interpolant"}
        What the decoder answers: the colour in one call, the noise in a noisy colour, the way from a colour drawn
        from the noise to the colour of the picture, the colour again, or the objective at a time.
    position : {"xy", "x"}
        The coordinates that the decoder is told. FranNet's own weights know x alone.
    schedule : {"cosine", "linear", "quadratic", "sigmoid"}
        The noise schedule that a diffusion model was trained with.
    target : {"colour", "residual"}
        What is restored: the colour, or what it differs by from the interpolated gray input.
    features : {"note", "gray", "fine"}
        The maps that a point's latent is read from: the note's three; also the gray input itself; also features at
        the input's own resolution.
    objective : {"noise", "v", "direction", "constant"}
        What a diffusion model's network answers: the noise, or the velocity ``sqrt(a) noise - sqrt(1 - a) x0``
        (Salimans and Ho, 2022, https://arxiv.org/abs/2202.00512), which tells x0 well at any noise level. An
        interpolant's may also answer the way to the colour, or the colour.
    steps : int
        Diffusion steps of the schedule, at least 2; step t is encoded as ``t / (steps - 1)``.
    """

    restorator: str = "diffusion"
    position: str = "xy"
    schedule: str = "cosine"
    target: str = "colour"
    features: str = "note"
    objective: str = "noise"
    steps: int = STEPS

    def __post_init__(self) -> None:
        accepted = {
            "restorator": ("single-pass", "diffusion", "direction", "constant", "interpolant"),
            "position": ("xy", "x"),
            "schedule": SCHEDULES,
            "target": ("colour", "residual"),
            "features": ("note", "gray", "fine"),
            "objective": (*PREDICTIONS, "direction", "constant")
            if self.restorator == "interpolant"
            else tuple(PREDICTIONS),
        }
        for name, values in accepted.items():
            value = getattr(self, name)
            if value not in values:
                raise ValueError(f"{name} is {value!r}; accepted are {', '.join(map(repr, values))}")
        if not is_whole(self.steps) or self.steps < 2:
            raise ValueError(f"steps is {self.steps!r}; accepted are whole numbers from 2")
        if self.objective == "v" and self.restorator not in ("diffusion", "interpolant"):
            raise ValueError("objective 'v' goes with a diffusion restorator; a single-pass one answers the colour")
