"""Training of FranNet models on a folder of pictures."""

from __future__ import annotations

from ..photos.folder import Pictures
from .loop import train
from .training_settings import Settings

__all__ = ["Pictures", "Settings", "train"]
