"""Loss functions for training.

A loss maps predictions and targets (..., 3) to (..., 3), one value per channel, or (..., 1), one per point. The mean
over the last axis is FranNet's loss of a point; training minimises the mean of all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from torch import Tensor
from torch.nn import functional as F

from ..checks import invalid

SMOOTH = 0.5
"""The delta of "huber" without a number."""
ACCEPTED = "'note', 'square', 'size', 'huber', 'huber:DELTA' or 'pseudo-huber:DELTA' with a DELTA above 0"

Loss = Callable[[Tensor, Tensor], Tensor]


def squared_error(prediction: Tensor, target: Tensor) -> Tensor:
    """The squared error, whose mean is the MSE; it is minimal at the mean of all plausible colours."""
    return F.mse_loss(prediction, target, reduction="none")


def absolute_error(prediction: Tensor, target: Tensor) -> Tensor:
    """The absolute error, whose mean is the MAE; it is minimal at the median."""
    return F.l1_loss(prediction, target, reduction="none")


def charbonnier(prediction: Tensor, target: Tensor) -> Tensor:
    """The pseudo-Huber loss of each channel (Charbonnier et al., 1997), with a delta of `SMOOTH`."""
    return ((prediction - target).square() + SMOOTH**2).sqrt() - SMOOTH


def huber(prediction: Tensor, target: Tensor, delta: float) -> Tensor:
    """The Huber loss (1964): half the square up to `delta`, linear beyond."""
    return F.huber_loss(prediction, target, reduction="none", delta=delta)


def pseudo_huber(prediction: Tensor, target: Tensor, delta: float) -> Tensor:
    """FranNet's pseudo-Huber loss (..., 1) of a point: ``sqrt(mean of the channels' squares + delta ** 2) - delta``."""
    return ((prediction - target).square().mean(-1, keepdim=True) + delta**2).sqrt() - delta


LOSSES: Mapping[str, Loss] = MappingProxyType({"square": squared_error, "size": absolute_error, "huber": charbonnier})
LOSSES_WITH_DELTA: Mapping[str, Callable[[Tensor, Tensor, float], Tensor]] = MappingProxyType(
    {"huber": huber, "pseudo-huber": pseudo_huber}
)


def find_loss(name: str, default: Loss) -> Loss:
    """Find a loss by name: "note" is `default`, "huber:0.1" the Huber loss with a delta of 0.1.

    Raises
    ------
    ValueError
        If no loss has that name, or the delta is not a number above 0.
    """
    kind, colon, number = name.partition(":")
    if name == "note":
        return default
    if not colon and kind in LOSSES:
        return LOSSES[kind]
    try:
        delta = float(number)
    except ValueError:
        delta = 0
    if kind not in LOSSES_WITH_DELTA or not 0 < delta < float("inf"):
        raise invalid("error", ACCEPTED, name)
    loss = LOSSES_WITH_DELTA[kind]
    return lambda prediction, target: loss(prediction, target, delta)
