"""FranNet's ablations: a network without a part of its inputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ... import noise
from ...checks import invalid, is_integer
from ...settings import setting, validate
from .encoder import Encoded
from .model import FranNet

CONTEXTS = ("both", "local", "global")
MAX_MAPS = 11  # FranNet's highest number of a feature map


def _check_maps(maps: Any) -> tuple[int, ...]:
    is_list = isinstance(maps, Iterable) and not isinstance(maps, str)
    if not is_list or not all(is_integer(number) and 1 <= number <= MAX_MAPS for number in maps):
        raise invalid("without", f"a list of integers from 1 to {MAX_MAPS}", maps)
    return tuple(sorted({int(number) for number in maps}))


@dataclass(frozen=True, eq=False)
class Ablation:
    """The parts of a network that a restoration leaves out. `Ablation()` leaves out nothing.

    Parameters
    ----------
    context : {"both", "local", "global"}
        The contexts that the decoder receives; the other one is zeros. A network without an extractor has one context,
        which stays.
    without : list of int
        The feature maps to replace by zeros, from 1; numbers that the network does not have are ignored. The global
        context does not depend on them.
    positions : "random" or array, optional
        Positions that the decoder receives instead of the points' own: "random" is a uniform draw for each point; an
        array is (B, N, 2) numbers in [0, 1], for `sample_points` only. The contexts are those of the points.

    Raises
    ------
    ValueError
        If an argument is not as above.
    """

    context: str = setting(
        "both",
        "Context",
        "The decoder's inputs beside the position: both contexts, only the point's neighbourhood, or only the whole",
        choices=CONTEXTS,
    )
    without: tuple[int, ...] = setting(
        (),
        "No map",
        "Leave out this feature map: it is replaced by zeros",
        choices=tuple(range(1, MAX_MAPS + 1)),
        check=_check_maps,
    )
    positions: str | NDArray[Any] | Tensor | None = None

    def __post_init__(self) -> None:
        validate(self)
        is_random = isinstance(self.positions, str) and self.positions == "random"
        if not is_random and self.positions is not None and not isinstance(self.positions, (np.ndarray, Tensor)):
            raise invalid("positions", "'random', an array (B, N, 2) or None", self.positions)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ablation) and self._comparable() == other._comparable()

    def __hash__(self) -> int:
        return hash((self.context, self.without))

    def _comparable(self) -> tuple[Any, ...]:
        positions = self.positions
        if positions is not None and not isinstance(positions, str):
            positions = np.asarray(positions).tolist()
        return self.context, self.without, positions

    def to_dict(self) -> dict[str, Any]:
        """Return the settings by name, for JSON; `Ablation(**settings)` equals this one.

        Raises
        ------
        TypeError
            If the positions are an array, which recipes cannot hold.
        """
        if self.positions is not None and not isinstance(self.positions, str):
            raise TypeError("an ablation with an array of positions cannot be written to a recipe; 'random' can")
        return {"context": self.context, "without": list(self.without), "positions": self.positions}

    def apply(self, model: FranNet, encoded: Encoded) -> Encoded:
        """Return an encoded picture without the parts that are left out."""
        maps = tuple(
            torch.zeros_like(features) if number in self.without else features
            for number, features in enumerate(encoded.maps, 1)
        )
        encoded = encoded._replace(maps=maps, random_positions=isinstance(self.positions, str))
        if model.local is None or self.context == "both":
            return encoded
        if self.context == "global":
            return encoded._replace(has_local=False)
        return encoded._replace(context=torch.zeros_like(encoded.context))


def check_ablation(ablation: Any) -> Ablation | None:
    """Return an ablation, constructed if it is the dict that `to_dict` returned; raise a ValueError otherwise."""
    if isinstance(ablation, Mapping) and ablation.keys() <= {field.name for field in fields(Ablation)}:
        return Ablation(**ablation)
    if ablation is not None and not isinstance(ablation, Ablation):
        raise invalid("ablation", "an Ablation, such as Ablation(context='local')", ablation)
    return ablation


def encode(model: Any, x: Tensor, ablation: Ablation | None) -> Any:
    """Encode pictures with a model, and leave out the parts of an ablation.

    Raises a ValueError if there is an ablation, and the model is no FranNet or the positions are an array.
    """
    if ablation is None:
        return model.encode(x)
    if not isinstance(model, FranNet):
        raise ValueError(f"an ablation requires a FranNet, and the model is a {type(model).__name__}")
    if ablation.positions is not None and not isinstance(ablation.positions, str):
        raise ValueError("an array of positions requires sample_points; pictures accept 'random'")
    return ablation.apply(model, model.encode(x))


def random_positions(points: Tensor) -> Tensor:
    """Return uniform (..., 2) numbers in [0, 1] that belong to the (..., 2) points."""
    x, y = points.double().unbind(-1)
    draws = noise.normal(noise.point_keys(0x5EED, x, y).flatten(), 0)[:, :2]
    return torch.special.ndtr(draws).reshape(points.shape).to(points.dtype)
