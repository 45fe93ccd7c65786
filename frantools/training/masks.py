"""FranNet's masking augmentation: an input is cut into cells, and some of them are hidden.

A chain of small functions leads from the random numbers to the masked picture: `limits`, `keep`, `spread` and `cover`.
`Masking` draws the numbers; `mask` takes the option of the command line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor

from ..photos.images import INPUT_SIZE

PRIMES = (5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61)
NAMED_SIZES = {"uniform": "5..64", "dynamic": ",".join(map(str, (*PRIMES, 64)))}
"""The sizes of FranNet's named maskings, as `Masking.parse` reads them."""
SYNTAX = (
    f"accepted are none, {', '.join(NAMED_SIZES)}, whole numbers from 1 to {INPUT_SIZE}, and "
    "SIZES[:LEAST..MOST[:VALUE]], as in 8, 4,8:0.1..0.75, 5..64:2..-8 and 16:0..0.5:-1"
)
NUMBER = r"-?\d{1,4}(?:\.\d+)?"
SIZES = r"\d{1,2}(?:\.\.\d{1,2})?"
PATTERN = re.compile(
    rf"(?P<sizes>{SIZES}(?:,{SIZES})*):(?P<least>{NUMBER})\.\.(?P<most>{NUMBER})(?::(?P<value>{NUMBER}))?", re.ASCII
)

Limit = int | float
"""How many cells: a whole number, counted from all of them where it is negative, or a float, a share of them."""


def limits(cells: int, least: Limit, most: Limit) -> tuple[int, int]:
    """The least and the largest number of cells to mask in a picture of `cells` a side.

    Parameters
    ----------
    cells : int
        Cells a side; there are ``cells ** 2``.
    least, most : int or float
        A float is a share of all cells, rounded down. A negative integer counts from all of them: -1 is all but one.
        A `most` of all cells or more is all but one.

    Raises
    ------
    ValueError
        If they leave no number: the least is above the largest, a number is below 0, or a share is not in [0, 1).
    """
    counts = []
    for limit in (least, most):
        if isinstance(limit, float):
            if not 0 <= limit < 1:
                raise ValueError(f"the share of cells to mask is {limit}; accepted are shares from 0 to below 1")
            limit = int(limit * cells**2)
        counts.append(limit + cells**2 if limit < 0 else limit)
    low, high = counts[0], min(counts[1], cells**2 - 1)
    if not 0 <= low <= high:
        raise ValueError(
            f"of {cells} x {cells} cells, {least}..{most} are to be masked, which is {low} to {high}; accepted are "
            "limits whose least number is at least 0 and not above the largest, which is at most all but one"
        )
    return low, high


@dataclass(frozen=True)
class Masking:
    """FranNet's masking by a list of sizes and limits.

    Parameters
    ----------
    sizes : tuple of int
        Cells a side, 1 to 64. One of them is drawn for each batch.
    least, most : int or float
        The limits of the number of masked cells, both included; see `limits`. Each picture draws its own.
    value : float
        What masked pixels show, -1 to 1; 0 is mid gray.

    Raises
    ------
    ValueError
        If a size or the value is out of its range, or the limits leave no number of cells for one of them.
    """

    sizes: tuple[int, ...]
    least: Limit = 0.0
    most: Limit = 0.75
    value: float = 0.0

    def __post_init__(self) -> None:
        if not self.sizes or not all(1 <= size <= INPUT_SIZE for size in self.sizes):
            raise ValueError(f"the masking sizes are {self.sizes}; accepted are numbers from 1 to {INPUT_SIZE}")
        if not -1 <= self.value <= 1:
            raise ValueError(f"masked pixels are to show {self.value}; accepted are numbers from -1 to 1")
        for size in self.sizes:
            limits(size, self.least, self.most)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``SIZES[:LEAST..MOST[:VALUE]]``, "uniform" or "dynamic"; anything else is a ValueError.

        `SIZES` are numbers and ranges with commas between them. A limit with a decimal point is a share of the cells;
        the default is ``0.0..0.75``.

        Examples
        --------
        >>> Masking.parse("8")
        Masking(sizes=(8,), least=0.0, most=0.75, value=0.0)
        >>> Masking.parse("4,8:0.1..0.75")
        Masking(sizes=(4, 8), least=0.1, most=0.75, value=0.0)
        >>> Masking.parse("6..9:2..-8:-1")
        Masking(sizes=(6, 7, 8, 9), least=2, most=-8, value=-1.0)
        """
        sizes_only = NAMED_SIZES.get(text, text)
        found = PATTERN.fullmatch(sizes_only if ":" in sizes_only else f"{sizes_only}:0.0..0.75")
        if found is None:
            raise ValueError(f"masking is {text!r}; {SYNTAX}")
        sizes: list[int] = []
        for part in found["sizes"].split(","):
            first, _, last = part.partition("..")
            if not 1 <= int(first) <= int(last or first) <= INPUT_SIZE:
                raise ValueError(f"masking is {text!r}; {SYNTAX}")
            sizes += range(int(first), int(last or first) + 1)
        least, most = (float(limit) if "." in limit else int(limit) for limit in (found["least"], found["most"]))
        try:
            return cls(tuple(sizes), least, most, float(found["value"] or 0))
        except ValueError as error:
            raise ValueError(f"masking is {text!r}: {error}") from None

    def __call__(self, x: Tensor, rng: np.random.Generator) -> Tensor:
        """Mask a batch (B, 1, S, S), its numbers drawn from `rng`."""
        cells = int(rng.choice(self.sizes))
        low, high = limits(cells, self.least, self.most)
        count = torch.from_numpy(rng.integers(low, high, len(x), endpoint=True))
        kept = keep(torch.from_numpy(rng.random((len(x), cells**2))), count)
        return cover(x, spread(kept, x.shape[-1]), self.value)


def keep(scores: Tensor, count: Tensor) -> Tensor:
    """Which cells stay: all but the `count` of the largest scores.

    Parameters
    ----------
    scores : Tensor
        (B, cells ** 2) float, a draw for each cell, row by row. Cells whose score equals the largest that stays, stay.
    count : Tensor
        (B,) integer: how many cells of each picture to mask, from 0 to all but one.

    Returns
    -------
    Tensor
        (B, cells, cells) bool: True where the picture stays.
    """
    cells = int(scores.shape[1] ** 0.5 + 0.5)
    largest = scores.sort(dim=1, descending=True).values.gather(1, count.long()[:, None])
    return (scores <= largest).reshape(-1, cells, cells)


def spread(kept: Tensor, size: int) -> Tensor:
    """(B, cells, cells) as (B, size, size) pixels, each that of the cell its centre lies in; in float32, as FranNet."""
    cells = kept.shape[-1]
    share = torch.tensor(cells / size, dtype=torch.float32)
    nearest = ((torch.arange(size, dtype=torch.float32) + 0.5) * share).long().clamp(max=cells - 1)
    return kept[:, nearest][:, :, nearest]


def cover(x: Tensor, kept: Tensor, value: float = 0.0) -> Tensor:
    """(B, 1, S, S) pictures, with `value` where `kept`, (B, S, S) bool, is False."""
    return x.masked_fill(~kept[:, None], value)


def check_masking(masking: str) -> str:
    """Accept what `mask` reads; anything else is a ValueError."""
    if masking != "none":
        Masking.parse(masking)
    return masking


def mask(x: Tensor, masking: str, rng: np.random.Generator) -> Tensor:
    """Hide cells of a batch of pictures.

    Parameters
    ----------
    x : Tensor
        (B, 1, S, S) inputs in [-1, 1].
    masking : str
        "none"; cells a side; "uniform", which draws 5 to 64 for each batch; "dynamic", which draws a prime of 5 to 61
        or 64; or sizes and limits. See `Masking.parse`.
    rng : numpy.random.Generator
        The source of all random numbers.
    """
    return x if masking == "none" else Masking.parse(masking)(x, rng)
