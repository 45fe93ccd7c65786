"""Interactive tools for notebooks: pictures in a viewer with controls around it, rendered in the background.

`frantools.render` reproduces what a widget shows from its recipe, in scripts as well.
"""

from __future__ import annotations

from .compare_widget import CompareWidget, compare
from .formula_widget import formula
from .region_widget import RegionWidget, region
from .rois_widget import RoisWidget, rois
from .sweep_widget import sweep
from .trajectory_widget import TrajectoryWidget, trajectory
from .variability_widget import VariabilityWidget, variability
from .view_widget import ViewWidget
from .viewer_widget import Viewer

__all__ = ["Viewer", "compare", "formula", "region", "rois", "sweep", "trajectory", "variability"]

KINDS: dict[str, type[ViewWidget]] = {
    kind.view.name: kind for kind in (CompareWidget, RoisWidget, RegionWidget, TrajectoryWidget, VariabilityWidget)
}
