"""Training: pictures and augmentations (`data`) and the loop (`loop`)."""

from __future__ import annotations

from ..pictures import Pictures
from .loop import Settings, train

__all__ = ["Pictures", "Settings", "train"]
