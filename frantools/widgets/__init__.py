"""Tools for a notebook, each in one line: pictures in a viewer and controls around it, rendered in the background.

What a widget shows, `frantools.render` makes again from its recipe, in a script as well.
"""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

from ..comparisons.cache import Cache
from ..restorers.base import Progress
from ..views import registry
from .compare_widget import Compare, compare
from .formula_widget import formula
from .region_widget import Zoom, region
from .rois_widget import Rois, rois
from .sweep_widget import sweep
from .trajectory_widget import Trajectory, trajectory
from .variability_widget import Variability, variability
from .view_widget import ViewWidget
from .viewer_widget import Viewer

__all__ = ["Viewer", "compare", "formula", "region", "render", "rois", "sweep", "trajectory", "variability"]

KINDS: dict[str, type[ViewWidget]] = {each.view.name: each for each in (Compare, Rois, Zoom, Trajectory, Variability)}


def render(recipe: Any, image: Any = None, progress: Progress | None = None, cache: Cache | None = None) -> Figure:
    """The old name of `frantools.render`, which see."""
    return registry.render(recipe, image, progress=progress, cache=cache)
