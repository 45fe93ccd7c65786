"""How much a column leaves to chance: the mean and the standard deviation over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ipywidgets as widgets

from ..degradation import Degradation
from ..restorers.columns import Column, as_columns
from ..views.variability import VIEW
from .controls import control, reach
from .explorer import Explorer


class Variability(Explorer):
    """Seeds and their spread; see `frantools.widgets.variability`."""

    view = VIEW

    def __init__(self, photo: Any, columns: Sequence[Column], size: int, seed: int, count: int, **others: Any) -> None:
        seeds = control(
            widgets.IntSlider, "Seeds", "How many restorations, with seeds one after the other", min=2, max=32,
            continuous_update=False,
        )  # fmt: skip
        reach(seeds, "count", count)
        super().__init__(photo, columns, size, seed, {"count": seeds}, several=False, **others)


def variability(
    photo: Any = None,
    column: Any = "B",
    size: int = 256,
    seed: int = 0,
    count: int = 8,
    given: Degradation | None = None,
    device: str | None = None,
    timeout: float | None = None,
    *,
    image: Any = None,
) -> Variability:
    """See where a column is unsure: the mean of several seeds and their standard deviation at each pixel.

    Parameters
    ----------
    photo, size, given, device, timeout, image
        As for `frantools.widgets.compare`.
    column : object
        A diffusion model and its setup, or whatever restores with a seed. Default: the note's B.
    seed : int
        The first of the seeds.
    count : int
        How many, 2 or more.
    """
    photo = image if photo is None else photo
    return Variability(photo, as_columns([column]), size, seed, count, given=given, device=device, timeout=timeout)
