"""Tools for a notebook, each in one line: pictures in a viewer and controls around it, rendered in the background.

What a widget shows, `frantools.render` makes again from its recipe, in a script as well.
"""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

from ..restorers.protocol import Progress
from ..store import Cache
from ..views import registry
from .compare import Compare, compare
from .explorer import Explorer
from .formula import formula
from .region import Zoom, region
from .rois import Rois, rois
from .sweep import sweep
from .trajectory import Trajectory, trajectory
from .variability import Variability, variability
from .viewer import Viewer

__all__ = ["Viewer", "compare", "formula", "region", "render", "rois", "sweep", "trajectory", "variability"]

KINDS: dict[str, type[Explorer]] = {each.view.name: each for each in (Compare, Rois, Zoom, Trajectory, Variability)}


def render(recipe: Any, image: Any = None, progress: Progress | None = None, cache: Cache | None = None) -> Figure:
    """The old name of `frantools.render`, which see."""
    return registry.render(recipe, image, progress=progress, cache=cache)
