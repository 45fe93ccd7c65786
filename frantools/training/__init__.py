"""Training: its settings, its pictures and augmentations (`data`), the loop, and the state to go on from."""

from __future__ import annotations

from ..photos.folder import Pictures
from .loop import train
from .settings import Settings

__all__ = ["Pictures", "Settings", "train"]
