"""Source distributions: the values that sampling starts from."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Self

import torch
from torch import Tensor

from ...checks import choice, set_fields, to_python

DISTRIBUTIONS = ("normal", "uniform")


@dataclass(frozen=True)
class SourceDistribution:
    """A distribution of values, independent for each channel. The default is the standard normal distribution.

    Parameters
    ----------
    name : {"normal", "uniform"}
        The kind.
    low, high : float
        The mean and the standard deviation (above 0) of a normal distribution; the bounds of a uniform one.

    Raises
    ------
    ValueError
        If an argument is not as above.
    """

    name: str = "normal"
    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        choice("source distribution", self.name, DISTRIBUTIONS)
        set_fields(self, low=to_python(self.low), high=to_python(self.high))
        minimum = 0.0 if self.name == "normal" else self.low
        if not (isfinite(self.low) and isfinite(self.high) and self.high > minimum):
            parameters = (
                "a mean and a standard deviation above 0" if self.name == "normal" else "a low and a high bound"
            )
            raise ValueError(f"the {self.name} distribution needs a {parameters}, got {self.low} and {self.high}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse "normal", "normal:MEAN,STDDEV", "uniform" (-1 to 1) or "uniform:LOW,HIGH".

        Raises a ValueError for any other text.

        Examples
        --------
        >>> SourceDistribution.parse("uniform:-4,4")
        SourceDistribution(name='uniform', low=-4.0, high=4.0)
        """
        name, colon, numbers = text.partition(":")
        try:
            low, high = map(float, numbers.split(",")) if colon else (0.0 if name == "normal" else -1.0, 1.0)
            return cls(name, low, high)
        except ValueError:
            raise ValueError(
                "source must be normal, normal:MEAN,STDDEV with STDDEV above 0, uniform, or uniform:LOW,HIGH with HIGH "
                f"above LOW, got {text!r}"
            ) from None

    def draw(self, shape: tuple[int, ...], rng: torch.Generator) -> Tensor:
        """Draw float32 values on the generator's device."""
        draw_standard = torch.randn if self.name == "normal" else torch.rand
        return self._scale(draw_standard(shape, generator=rng, device=rng.device))

    def from_normal(self, draws: Tensor) -> Tensor:
        """Transform standard normal draws to this distribution; correlated draws give correlated values."""
        return self._scale(draws if self.name == "normal" else torch.special.ndtr(draws))

    def _scale(self, draws: Tensor) -> Tensor:
        """Scale draws of the standard normal distribution, or of the uniform one over [0, 1)."""
        return self.low + draws * (self.high if self.name == "normal" else self.high - self.low)
