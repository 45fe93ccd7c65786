"""What a network does without a part of what it knows: FranNet's ablations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ... import noise
from ...checks import choice, is_integer, set_fields
from .encoder import Encoded
from .model import FranNet

CONTEXTS = ("both", "local", "global")
MOST = 11  # maps that FranNet knows by number


@dataclass(frozen=True, eq=False)
class Ablation:
    """What is taken away from a network that restores. `Ablation()` takes nothing away.

    Parameters
    ----------
    context : {"both", "local", "global"}
        Which context the decoder gets; the other one is zeros. Without an extractor there is but one, which stays.
    without : list of int
        The feature maps that are zeros, from 1; those that the network has not count for nothing. The global context
        does not depend on them.
    positions : "random" or array, optional
        What the decoder is told as the points' positions, in the place of their own: "random" is a uniform draw for
        each point; or (B, N, 2) numbers in [0, 1], for `sample_points` alone. The contexts are those of the points.

    Raises
    ------
    ValueError
        If an argument is not as above.
    """

    context: str = "both"
    without: tuple[int, ...] = ()
    positions: str | NDArray[Any] | Tensor | None = None

    def __post_init__(self) -> None:
        choice("context", self.context, CONTEXTS)
        numbers = self.without
        listed = isinstance(numbers, Iterable) and not isinstance(numbers, str)
        if not listed or not all(is_integer(number) and 1 <= number <= MOST for number in numbers):
            raise ValueError(f"without is {numbers!r}; accepted are lists of whole numbers from 1 to {MOST}")
        set_fields(self, without=tuple(sorted({int(number) for number in numbers})))
        random = isinstance(self.positions, str) and self.positions == "random"
        if not random and self.positions is not None and not isinstance(self.positions, (np.ndarray, Tensor)):
            raise ValueError(f"positions is {self.positions!r}; accepted are 'random', arrays (B, N, 2) and None")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ablation) and self._facts() == other._facts()

    def __hash__(self) -> int:
        return hash((self.context, self.without))

    def _facts(self) -> tuple[Any, ...]:
        given = self.positions
        return (
            self.context,
            self.without,
            given if given is None or isinstance(given, str) else np.asarray(given).tolist(),
        )

    def to_dict(self) -> dict[str, Any]:
        """The settings by name, as JSON can hold them; `Ablation(**it)` is equal to this one.

        Raises
        ------
        TypeError
            If the positions are an array, which no recipe holds.
        """
        if self.positions is not None and not isinstance(self.positions, str):
            raise TypeError("an ablation with an array of positions cannot be written down; accepted is 'random'")
        return {"context": self.context, "without": list(self.without), "positions": self.positions}

    def of(self, model: FranNet, encoded: Encoded) -> Encoded:
        """What is left of an encoded picture."""
        encoded = encoded._replace(astray=isinstance(self.positions, str))
        maps = tuple(
            torch.zeros_like(features) if number in self.without else features
            for number, features in enumerate(encoded.maps, 1)
        )
        if model.local is None or self.context == "both":
            return encoded._replace(maps=maps)
        if self.context == "global":
            return encoded._replace(maps=maps, local=False)
        return encoded._replace(maps=maps, context=torch.zeros_like(encoded.context))


def ablation_of(given: Any) -> Ablation | None:
    """An ablation, of itself or of what its `to_dict` said; a ValueError if it is neither."""
    if isinstance(given, Mapping) and given.keys() <= {"context", "without", "positions"}:
        return Ablation(**given)
    if given is not None and not isinstance(given, Ablation):
        raise ValueError(f"ablation is {given!r}; accepted is an Ablation, as in Ablation(context='local')")
    return given


def encode(model: Any, x: Tensor, ablation: Ablation | None) -> Any:
    """What a model keeps of pictures, or what an ablation leaves of it.

    Raises a ValueError if there is an ablation, and the model is no FranNet or the positions are an array.
    """
    if ablation is None:
        return model.encode(x)
    if not isinstance(model, FranNet):
        raise ValueError(f"an ablation goes with a FranNet, and the model is a {type(model).__name__}")
    if ablation.positions is not None and not isinstance(ablation.positions, str):
        raise ValueError("an array of positions goes with sample_points; accepted for pictures is 'random'")
    return ablation.of(model, model.encode(x))


def random_positions(points: Tensor) -> Tensor:
    """(..., 2) numbers in [0, 1], uniform, that belong to the (..., 2) points."""
    x, y = points.double().unbind(-1)
    drawn = noise.normal(noise.point_keys(0x5EED, x, y).flatten(), 0)[:, :2]
    return torch.special.ndtr(drawn).reshape(points.shape).to(points.dtype)
