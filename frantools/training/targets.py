"""What each kind of model is asked in training, and what it should answer.

A value x0 is to be restored from a drawn one, x1. An interpolant says what the network sees of the two and what it
answers; a kind of model is an interpolant that is told the time, or is not.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ..frannet.interpolants import INTERPOLANTS, Interpolant

TIMED = ("diffusion", "interpolant")
"""Those whose network is told a time; the others are told 0."""


def interpolant_of(restorator: str, objective: str) -> Interpolant:
    """The interpolant of a kind of model: that of its objective, or the only one it has."""
    if restorator in TIMED:
        return INTERPOLANTS[objective]
    return INTERPOLANTS["direction" if restorator == "direction" else "constant"]


class Question(NamedTuple):
    """What a network is asked about points, and what it should answer."""

    value: Tensor
    """(..., 3): the value it sees."""
    t: Tensor | None
    """(...) int64: the diffusion step; None is time 0."""
    target: Tensor
    """(..., 3): what it should answer."""


def ask(interpolant: Interpolant, x0: Tensor, x1: Tensor | None, t: Tensor | None, alpha_bar: Tensor) -> Question:
    """What a model is trained on.

    Parameters
    ----------
    interpolant : Interpolant
        Of the kind of model; see `interpolant_of`.
    x0 : Tensor
        (..., 3) values to restore, as the network knows them.
    x1 : Tensor or None
        (..., 3) values drawn from the source; None where the interpolant is blind.
    t : Tensor or None
        (...) int64 diffusion steps from 0; None where the network is told no time.
    alpha_bar : Tensor
        (steps + 1,), the clean one first: step t has ``alpha_bar[t + 1]``.
    """
    drawn = torch.zeros_like(x0) if x1 is None else x1
    a = alpha_bar[0] if t is None else alpha_bar[t + 1][..., None]
    a = a.to(x0.device)
    return Question(
        interpolant.seen(x0, drawn, a), None if t is None else t.to(x0.device), interpolant.target(x0, drawn, a)
    )
