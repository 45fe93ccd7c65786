"""The widget of a column's mean and standard deviation over seeds."""

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
from ..viewer.panes import Panes
from ..views.progressive import PREVIEW, shrink
from ..views.variability import VIEW, Spread, first_seed, seeds_of
from .controls import extend_to, slim
from .view_widget import ViewWidget

SEED = "seed "
MAX_SEED_PANES = 16


class VariabilityWidget(ViewWidget):
    """Seeds and their spread; see `frantools.widgets.variability`."""

    view = VIEW
    can_zoom = False

    def __init__(self, photo: Any, columns: Sequence[Column], size: int, seed: int, count: int, **options: Any) -> None:
        self.count = slim(
            widgets.BoundedIntText, "Seeds", "The number of restorations, with consecutive seeds", "110px", min=2,
            max=32,
        )  # fmt: skip
        extend_to(self.count, "count", count)
        own_seed = columns[0].seed
        self.first = slim(
            widgets.IntText, "From", "The first of these seeds; Seed is the chosen one", "90px",
            value=seed if own_seed is None else own_seed, continuous_update=False,
        )  # fmt: skip
        own = {"count": self.count, "first": self.first}
        super().__init__(photo, columns, size, seed, own, several=False, **options)

    def _row(self) -> list[widgets.Widget]:
        return [self.count, self.first]

    def own_part(self, recipe: Recipe) -> dict[str, Any]:
        """Return count and first seed; a recipe without a first seed starts with its chosen one."""
        return {"first": first_seed(recipe), **super().own_part(recipe)}

    def panes(self, result: Spread, recipe: Recipe) -> Panes:
        """Return the mean, the spread, and the cached restorations of the seeds."""
        assert self._job is not None
        highest = max(float(result.deviation.max()), 1e-6)
        deviation = colormaps["magma"](result.deviation / highest)[..., :3].astype(np.float32)
        pictures = {"mean": result.mean, "standard deviation": deviation}
        column = recipe.columns[0].replace(seed=None)
        for seed in sorted(seeds_of(recipe))[:MAX_SEED_PANES]:
            jobs = (replace(job, seed=seed) for job in (self._job, shrink(self._job, PREVIEW)))
            cached = next(filter(None, (job.cached(column) for job in jobs)), None)
            if cached is not None:
                pictures[f"{SEED}{seed}"] = cached.image
        numbers = {"mean": f"of {result.count} seeds", "standard deviation": f"0 to {highest:.3f}"}
        return Panes(pictures, numbers=numbers)

    def update_chips(self) -> None:
        """Describe the column, and mark the chosen seed; a click on the chip of another one chooses that."""
        super().update_chips()
        seeds = dict.fromkeys((title for title in self.viewer.pictures if title.startswith(SEED)), "keep")
        if self._result_recipe is not None and (chosen := f"{SEED}{first_seed(self._result_recipe)}") in seeds:
            seeds[chosen] = "kept"
        self.viewer.chips = {**self.viewer.chips, **seeds}

    def _open_chip(self, title: str) -> None:
        """Choose a seed for the recipe; the others stay."""
        if not title.startswith(SEED):
            super()._open_chip(title)
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
) -> VariabilityWidget:
    """See where a column is uncertain: several seeds, their mean, and their standard deviation at each pixel.

    A click on "keep" above a seed's picture makes that seed the recipe's: `frantools.widgets.compare`, the saved figure
    and `frantools.render` then show this picture. With a `noise_length`, the seeds differ in colours instead of grain.

    Parameters
    ----------
    photo, size, given, device, timeout
        As for `frantools.widgets.compare`.
    column : object
        A diffusion model and its setup, or any restorer with a seed. Default: the note's B.
    seed : int
        The first of the seeds, and the one that is chosen at first.
    count : int
        The number of seeds, at least 2.
    """
    chosen = as_columns([column])
    return VariabilityWidget(photo, chosen, size, seed, count, given=given, device=device, timeout=timeout)
