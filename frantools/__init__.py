"""FranTools: what do the sampler's settings do to an image that a diffusion model restores?"""

from __future__ import annotations

from . import samplers, schedule
from .checkpoints import load_model, models
from .images import load_image, portraits, prepare_input
from .regions import Region
from .samplers import SETUPS, Setup

__version__ = "0.1.0"

__all__ = [
    "SETUPS",
    "Region",
    "Setup",
    "load_image",
    "load_model",
    "models",
    "portraits",
    "prepare_input",
    "samplers",
    "schedule",
]
