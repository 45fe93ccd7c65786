"""How much a column leaves to chance: the mean and the standard deviation over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import ipywidgets as widgets
import numpy as np
from matplotlib import colormaps

from ..comparisons.recipes import Recipe
from ..photos.degradation import Degradation
from ..restorers.columns import Column, as_columns
from ..views.progressive import PREVIEW, smaller
from ..views.variability import VIEW, Spread, first_seed, seeds_of
from .controls import reach, slim
from .live_view import Panes
from .view_widget import ViewWidget

SEED = "seed "
SHOWN = 16  # seeds that have panes


class Variability(ViewWidget):
    """Seeds and their spread; see `frantools.widgets.variability`."""

    view = VIEW
    zooms = False

    def __init__(self, photo: Any, columns: Sequence[Column], size: int, seed: int, count: int, **others: Any) -> None:
        self.count = slim(
            widgets.BoundedIntText, "Seeds", "How many restorations, with seeds one after the other", "110px", min=2,
            max=32,
        )  # fmt: skip
        reach(self.count, "count", count)
        kept = columns[0].seed
        self.first = slim(
            widgets.IntText, "From", "The first of these seeds; Seed is the one that is kept", "90px",
            value=seed if kept is None else kept, continuous_update=False,
        )  # fmt: skip
        own = {"count": self.count, "first": self.first}
        super().__init__(photo, columns, size, seed, own, several=False, **others)

    def _row(self) -> list[widgets.Widget]:
        return [self.count, self.first]

    def own_part(self, recipe: Recipe) -> dict[str, Any]:
        """With the first seed, which a recipe that does not tell it has kept."""
        return {"first": first_seed(recipe), **super().own_part(recipe)}

    def panes(self, data: Spread, recipe: Recipe) -> Panes:
        """The mean, the spread, and the restorations of the seeds that are at hand."""
        assert self._job is not None
        most = max(float(data.deviation.max()), 1e-6)
        spread = colormaps["magma"](data.deviation / most)[..., :3].astype(np.float32)
        made = {"mean": data.mean, "standard deviation": spread}
        column = recipe.columns[0].replace(seed=None)
        for seed in sorted(seeds_of(recipe))[:SHOWN]:
            jobs = (replace(job, seed=seed) for job in (self._job, smaller(self._job, PREVIEW)))
            kept = next(filter(None, (job.cached(column) for job in jobs)), None)
            if kept is not None:
                made[f"{SEED}{seed}"] = kept.image
        return Panes(made, numbers={"mean": f"of {data.count} seeds", "standard deviation": f"0 to {most:.3f}"})

    def label(self) -> None:
        """Say what is restored, and which seed is kept; a click on what stands above another keeps that one."""
        super().label()
        seeds = dict.fromkeys((title for title in self.viewer.pictures if title.startswith(SEED)), "keep")
        if self._shown is not None and (kept := f"{SEED}{first_seed(self._shown)}") in seeds:
            seeds[kept] = "kept"
        self.viewer.chips = {**self.viewer.chips, **seeds}

    def _open(self, title: str) -> None:
        """Keep a seed: it is the recipe's, and the others stay."""
        if not title.startswith(SEED):
            super()._open(title)
            return
        (column,), seed = self.columns.value, int(title.removeprefix(SEED))
        if column.seed is None:
            self.controls["seed"].value = seed
        else:
            self.columns.value = (column.replace(seed=seed),)


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
    """See where a column is unsure: several seeds, their mean, and their standard deviation at each pixel.

    A click on "keep" above a seed's picture makes that seed the recipe's: what `frantools.widgets.compare`, the saved
    figure and `frantools.render` make of the recipe is this picture. A `noise_length` makes colourings of the grain.

    Parameters
    ----------
    photo, size, given, device, timeout, image
        As for `frantools.widgets.compare`.
    column : object
        A diffusion model and its setup, or whatever restores with a seed. Default: the note's B.
    seed : int
        The first of the seeds, and the one that is kept to begin with.
    count : int
        How many, 2 or more.
    """
    photo = image if photo is None else photo
    return Variability(photo, as_columns([column]), size, seed, count, given=given, device=device, timeout=timeout)
