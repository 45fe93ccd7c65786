"""Where a restoration starts from: the distribution of the values that a model knows as noise."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Self

import torch
from torch import Tensor

from ...checks import set_fields, to_python

NAMES = ("normal", "uniform")


@dataclass(frozen=True)
class Start:
    """A distribution of values, each channel alone. `Start()` is the standard normal one.

    Parameters
    ----------
    name : {"normal", "uniform"}
        Its kind.
    low, high : float
        The mean and the standard deviation of a normal one, which is above 0; the bounds of a uniform one.

    Raises
    ------
    ValueError
        If the name is another, or the numbers are not as above.
    """

    name: str = "normal"
    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        if self.name not in NAMES:
            raise ValueError(f"the distribution is {self.name!r}; accepted are {', '.join(map(repr, NAMES))}")
        set_fields(self, low=to_python(self.low), high=to_python(self.high))
        least = 0.0 if self.name == "normal" else self.low
        if not (isfinite(self.low) and isfinite(self.high) and self.high > least):
            raise ValueError(
                f"the {self.name} distribution has {self.low} and {self.high}; accepted are a mean and a standard "
                "deviation above 0 (normal), or a lower and a higher bound (uniform)"
            )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read "normal", "normal:MEAN,STDDEV", "uniform" (-1 to 1) or "uniform:LOW,HIGH".

        Raises a ValueError if it is none of these.

        Examples
        --------
        >>> Start.parse("uniform:-4,4")
        Start(name='uniform', low=-4.0, high=4.0)
        """
        name, colon, numbers = text.partition(":")
        try:
            low, high = map(float, numbers.split(",")) if colon else (0.0 if name == "normal" else -1.0, 1.0)
            return cls(name, low, high)
        except ValueError:
            raise ValueError(
                f"source is {text!r}; accepted are normal, normal:MEAN,STDDEV with a STDDEV above 0, uniform and "
                "uniform:LOW,HIGH with HIGH above LOW"
            ) from None

    def scaled(self, draws: Tensor) -> Tensor:
        """Values of this distribution, from draws of the standard normal or of the uniform one over [0, 1)."""
        return self.low + draws * (self.high if self.name == "normal" else self.high - self.low)

    def draw(self, shape: tuple[int, ...], rng: torch.Generator) -> Tensor:
        """Values (float32) of a shape, on the generator's device."""
        standard = torch.randn if self.name == "normal" else torch.rand
        return self.scaled(standard(shape, generator=rng, device=rng.device))

    def of_normal(self, draws: Tensor) -> Tensor:
        """Values of this distribution, from standard normal draws whichever it is; alike draws give alike values."""
        return self.scaled(draws if self.name == "normal" else torch.special.ndtr(draws))
