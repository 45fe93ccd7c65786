"""What an error costs: the losses that a training can lower.

Each loss takes answers and truths (..., 3) and gives (..., 3), a number a channel, or (..., 1), a number a point. Their
mean over the last axis is FranNet's loss of a point, and the mean of all is what is lowered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from torch import Tensor
from torch.nn import functional as F

SMOOTH = 0.5  # below this, the "huber" of old counts an error as its square; beyond, as its size
ACCEPTED = "'note', 'square', 'size', 'huber', 'huber:DELTA' and 'pseudo-huber:DELTA', with a DELTA above 0"

Loss = Callable[[Tensor, Tensor], Tensor]


def square(answer: Tensor, truth: Tensor) -> Tensor:
    """The squared error: its mean is the MSE, and leads to the mean of what may be there."""
    return F.mse_loss(answer, truth, reduction="none")


def size(answer: Tensor, truth: Tensor) -> Tensor:
    """The absolute error: its mean is the MAE, and leads to the median."""
    return F.l1_loss(answer, truth, reduction="none")


def smooth(answer: Tensor, truth: Tensor) -> Tensor:
    """The pseudo-Huber of each channel (Charbonnier et al., 1997): a square where small and a size where large."""
    return ((answer - truth).square() + SMOOTH**2).sqrt() - SMOOTH


def huber(answer: Tensor, truth: Tensor, delta: float) -> Tensor:
    """Huber's (1964): half the square up to `delta`, and beyond it the line that goes on from there."""
    return F.huber_loss(answer, truth, reduction="none", delta=delta)


def pseudo_huber(answer: Tensor, truth: Tensor, delta: float) -> Tensor:
    """FranNet's pseudo-Huber, of a point: ``sqrt(mean over channels of squares + delta ** 2) - delta``, (..., 1)."""
    return ((answer - truth).square().mean(-1, keepdim=True) + delta**2).sqrt() - delta


PLAIN: Mapping[str, Loss] = MappingProxyType({"square": square, "size": size, "huber": smooth})
"""Losses by name alone."""
SCALED: Mapping[str, Callable[[Tensor, Tensor, float], Tensor]] = MappingProxyType(
    {"huber": huber, "pseudo-huber": pseudo_huber}
)
"""Losses with a delta."""


def find(name: str, default: Loss) -> Loss:
    """The loss of a name: "note" is the default, "huber:0.1" Huber's with that delta.

    Raises
    ------
    ValueError
        If no loss has that name, or the delta is not a number above 0.
    """
    kind, colon, scale = name.partition(":")
    if name == "note":
        return default
    if not colon and kind in PLAIN:
        return PLAIN[kind]
    try:
        delta = float(scale)
    except ValueError:
        delta = 0
    if kind not in SCALED or not 0 < delta < float("inf"):
        raise ValueError(f"error is {name!r}; accepted are {ACCEPTED}")
    scaled = SCALED[kind]
    return lambda answer, truth: scaled(answer, truth, delta)
