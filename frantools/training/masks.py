"""FranNet's masking augmentation: an input is divided into cells, and some of them are hidden.

`limits`, `cells_to_keep`, `expand_cells` and `hide` lead from random numbers to the masked picture. `Masking` draws the
numbers, and `mask` reads the masking of a training's settings.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor

from ..checks import invalid
from ..photos.images import INPUT_SIZE

PRIMES = (5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61)
NAMED_SIZES = {"uniform": "5..64", "dynamic": ",".join(map(str, (*PRIMES, 64)))}
"""The sizes of FranNet's named maskings, as `Masking.parse` reads them."""
SYNTAX = (
    f"none, {', '.join(NAMED_SIZES)}, an integer from 1 to {INPUT_SIZE}, or SIZES[:LEAST..MOST[:VALUE]], such as 8, "
    "4,8:0.1..0.75, 5..64:2..-8 or 16:0..0.5:-1"
)
NUMBER = r"-?\d{1,4}(?:\.\d+)?"
SIZES = r"\d{1,2}(?:\.\.\d{1,2})?"
PATTERN = re.compile(
    rf"(?P<sizes>{SIZES}(?:,{SIZES})*):(?P<least>{NUMBER})\.\.(?P<most>{NUMBER})(?::(?P<value>{NUMBER}))?", re.ASCII
)

Limit = int | float
"""A number of cells: an integer, counted from all cells if it is negative, or a float, a fraction of all cells."""


def limits(cells: int, least: Limit, most: Limit) -> tuple[int, int]:
    """Return the smallest and largest number of cells to mask in a picture of `cells` x `cells`.

    Parameters
    ----------
    cells : int
        Cells per side.
    least, most : int or float
        A float is a fraction of all cells, rounded down. A negative integer counts from all of them: -1 is all but one.
        If `most` is all cells or more, it is reduced to all but one.

    Raises
    ------
    ValueError
        If least is above most, a number is below 0, or a fraction is not in [0, 1).
    """
    counts = []
    for limit in (least, most):
        if isinstance(limit, float):
            if not 0 <= limit < 1:
                raise invalid("a fraction of cells to mask", "a number from 0 to below 1", limit)
            limit = int(limit * cells**2)
        counts.append(limit + cells**2 if limit < 0 else limit)
    low, high = counts[0], min(counts[1], cells**2 - 1)
    if not 0 <= low <= high:
        raise ValueError(
            f"the number of cells to mask must be from 0 to all but one, got {least}..{most}, which is {low} to {high} "
            f"of {cells} x {cells} cells"
        )
    return low, high


@dataclass(frozen=True)
class Masking:
    """FranNet's masking with a list of sizes and limits.

    Parameters
    ----------
    sizes : tuple of int
        Cells per side, 1 to 64. One of them is drawn for each batch.
    least, most : int or float
        The limits of the number of masked cells, both included; see `limits`. It is drawn for each picture.
    value : float
        The value of masked pixels, -1 to 1; 0 is mid gray.

    Raises
    ------
    ValueError
        If a size or the value is out of range, or a size has no number of cells within the limits.
    """

    sizes: tuple[int, ...]
    least: Limit = 0.0
    most: Limit = 0.75
    value: float = 0.0

    def __post_init__(self) -> None:
        if not self.sizes or not all(1 <= size <= INPUT_SIZE for size in self.sizes):
            raise invalid("the sizes", f"integers from 1 to {INPUT_SIZE}", self.sizes)
        if not -1 <= self.value <= 1:
            raise invalid("the value of masked pixels", "a number from -1 to 1", self.value)
        for size in self.sizes:
            limits(size, self.least, self.most)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse ``SIZES[:LEAST..MOST[:VALUE]]``, "uniform" or "dynamic"; anything else is a ValueError.

        `SIZES` are numbers and ranges, separated by commas. A limit with a decimal point is a fraction of the cells;
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
        full = NAMED_SIZES.get(text, text)
        match = PATTERN.fullmatch(full if ":" in full else f"{full}:0.0..0.75")
        if match is None:
            raise invalid("masking", SYNTAX, text)
        sizes: list[int] = []
        for part in match["sizes"].split(","):
            first, _, last = part.partition("..")
            if not 1 <= int(first) <= int(last or first) <= INPUT_SIZE:
                raise invalid("masking", SYNTAX, text)
            sizes += range(int(first), int(last or first) + 1)
        least, most = (float(limit) if "." in limit else int(limit) for limit in (match["least"], match["most"]))
        try:
            return cls(tuple(sizes), least, most, float(match["value"] or 0))
        except ValueError as error:
            raise ValueError(f"masking {text!r}: {error}") from None

    def __call__(self, x: Tensor, rng: np.random.Generator) -> Tensor:
        """Mask a batch (B, 1, S, S) with random numbers from `rng`."""
        cells = int(rng.choice(self.sizes))
        low, high = limits(cells, self.least, self.most)
        count = torch.from_numpy(rng.integers(low, high, len(x), endpoint=True))
        visible = cells_to_keep(torch.from_numpy(rng.random((len(x), cells**2))), count)
        return hide(x, expand_cells(visible, x.shape[-1]), self.value)


def cells_to_keep(scores: Tensor, count: Tensor) -> Tensor:
    """Select the cells that stay visible: all but the `count` with the largest scores.

    Parameters
    ----------
    scores : Tensor
        (B, cells ** 2) float, a random number per cell, row by row. Ties with the largest visible score stay visible.
    count : Tensor
        (B,) integer: the number of cells to mask in each picture, from 0 to all but one.

    Returns
    -------
    Tensor
        (B, cells, cells) bool.
    """
    cells = int(scores.shape[1] ** 0.5 + 0.5)
    largest = scores.sort(dim=1, descending=True).values.gather(1, count.long()[:, None])
    return (scores <= largest).reshape(-1, cells, cells)


def expand_cells(visible: Tensor, size: int) -> Tensor:
    """Expand cells (B, cells, cells) to the pixels (B, size, size) whose centres they contain."""
    cells = visible.shape[-1]
    ratio = torch.tensor(cells / size, dtype=torch.float32)  # as in FranNet, where a centre may be on a border
    nearest = ((torch.arange(size, dtype=torch.float32) + 0.5) * ratio).long().clamp(max=cells - 1)
    return visible[:, nearest][:, :, nearest]


def hide(x: Tensor, visible: Tensor, value: float = 0.0) -> Tensor:
    """Set the pixels of pictures (B, 1, S, S) to `value` where `visible`, (B, S, S) bool, is False."""
    return x.masked_fill(~visible[:, None], value)


def check_masking(masking: str) -> str:
    """Raise a ValueError if `mask` does not accept a masking; otherwise return it."""
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
        "none"; cells per side; "uniform", which draws 5 to 64 for each batch; "dynamic", which draws a prime from 5 to
        61, or 64; or sizes and limits. See `Masking.parse`.
    rng : numpy.random.Generator
        The source of all random numbers.
    """
    return x if masking == "none" else Masking.parse(masking)(x, rng)
