"""FranTools: what do the sampler's settings do to an image that a diffusion model restores?"""

from __future__ import annotations

from . import samplers, schedule
from .checkpoints import load_model, models
from .images import load_image, portraits, prepare_input
from .metrics import Metrics, evaluate
from .regions import Region
from .restore import Restoration, restore
from .roi import Roi, find_rois, merge_rois
from .samplers import SETUPS, Setup

__version__ = "0.1.0"

__all__ = [
    "SETUPS",
    "Metrics",
    "Region",
    "Restoration",
    "Roi",
    "Setup",
    "evaluate",
    "find_rois",
    "load_image",
    "load_model",
    "merge_rois",
    "models",
    "portraits",
    "prepare_input",
    "restore",
    "samplers",
    "schedule",
]
