"""Arrays that FranNet's own implementation made with random weights; see the README.md beside them."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

import frantools as ft
from frantools.frannet.network.model import FranNet

COMMITTED = Path(__file__).parent / "data" / "golden"


class Golden:
    """The arrays of a folder, and the models with its weights."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.setups: list[dict[str, Any]] = json.loads((root / "setups.json").read_text())
        self.rois: list[dict[str, Any]] = json.loads((root / "roi.json").read_text())

    @cached_property
    def arrays(self) -> dict[str, np.ndarray]:
        with np.load(self.root / "golden.npz") as file:
            return dict(file)

    def __getitem__(self, name: str) -> np.ndarray:
        return self.arrays[name]

    def tensor(self, name: str) -> torch.Tensor:
        return torch.from_numpy(self.arrays[name])

    @cached_property
    def single(self) -> FranNet:
        return ft.load_model(self.root / "single-pass.h5", config=self.root / "single-pass.json")

    @cached_property
    def diffusion(self) -> FranNet:
        return ft.load_model(self.root / "diffusion.h5", config=self.root / "diffusion.json")

    def pictures(self, case: int) -> np.ndarray:
        """(n, H, W, 3) uint8: the pictures of a case of the ROI search."""
        if (self.root / "roi.npz").exists():
            return np.load(self.root / "roi.npz")[f"{case}/images"]
        rows = np.asarray(Image.open(self.root / f"roi-{case}.png"))  # one below the other
        height = {0: 256, 1: 200, 2: 128, 3: 256}[case]
        return rows.reshape(-1, height, *rows.shape[1:])
