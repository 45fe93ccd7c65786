"""Training batches and their augmentation.

A batch is a function of the seed and the step only. The number of workers does not change it, nor does resuming.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import Dataset

from ..photos.images import Picture, crop_square, prepare_input
from .masks import mask

SIZE = 178
"""The side of a training picture in pixels, as in CelebA's centre crop."""
AUGMENTS = ("none", "crops", "strong")


def random_exposure(rng: np.random.Generator) -> np.ndarray:
    """Draw a tone curve as a table (256,) of uint8: gamma 2/3 to 3/2, contrast 70 to 100 %."""
    gamma, contrast = (2 / 3) ** rng.uniform(-1, 1), rng.uniform(0.7, 1)
    black = rng.uniform(0, 1 - contrast)
    return ((black + contrast * (np.arange(256) / 255) ** gamma) * 255).round().astype(np.uint8)


class Batches(Dataset[dict[str, Tensor]]):
    """Batches, indexed by training step.

    Parameters
    ----------
    pictures : sequence of ndarray
        uint8 (H, W, 3), of any sizes.
    batch, points : int
        Pictures per batch, and points per picture.
    masking : str
        See `masks.mask`.
    seed : int
        The seed of the order, crops, flips, points and masks.
    augment : {"none", "crops", "strong"}
        "crops": random square crops of two thirds to all of the shorter side, and flips. "strong": of half to all of
        it, and random exposures. "none": the centre square.
    """

    def __init__(
        self, pictures: Sequence[Picture], batch: int, points: int, masking: str, seed: int, augment: str = "crops"
    ) -> None:
        self.pictures, self.batch, self.points = pictures, batch, points
        self.masking, self.seed, self.augment = masking, seed, augment

    def _order(self, epoch: int) -> np.ndarray:
        return np.random.default_rng([self.seed, 1, epoch]).permutation(len(self.pictures))

    def _crop(self, picture: Picture, rng: np.random.Generator) -> Picture:
        """Crop a picture to a square of SIZE pixels, and augment it."""
        if self.augment == "none":
            return crop_square(picture, SIZE)
        height, width = picture.shape[:2]
        is_strong = self.augment == "strong"
        shorter = min(height, width)
        side = int(rng.integers(max(1, shorter // 2 if is_strong else shorter * 2 // 3), shorter, endpoint=True))
        top, left = rng.integers(height - side, endpoint=True), rng.integers(width - side, endpoint=True)
        crop = crop_square(picture[top : top + side, left : left + side], SIZE)
        crop = crop[:, ::-1] if rng.random() < 0.5 else crop
        return random_exposure(rng)[crop] if is_strong else crop

    def __getitem__(self, step: int) -> dict[str, Tensor]:
        """Return the batch of a step.

        Returns
        -------
        dict
            `input` (B, 1, 64, 64) in [-1, 1], `points` (B, N, 2) in [0, 1], and `colour` (B, N, 3) in [-1, 1], the
            picture interpolated bilinearly at the points. All float32.
        """
        rng = np.random.default_rng([self.seed, 0, step])
        positions = np.arange(step * self.batch, (step + 1) * self.batch)
        orders = {int(epoch): self._order(int(epoch)) for epoch in np.unique(positions // len(self.pictures))}
        indices = [orders[n // len(self.pictures)][n % len(self.pictures)] for n in positions.tolist()]
        crops = [np.ascontiguousarray(self._crop(self.pictures[index], rng)) for index in indices]
        points = torch.from_numpy(rng.random((self.batch, self.points, 2), dtype=np.float32))
        pictures = torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2).float() / 127.5 - 1
        colours = F.grid_sample(
            pictures, points[:, :, None] * 2 - 1, mode="bilinear", padding_mode="border", align_corners=False
        )
        inputs = torch.cat([prepare_input(crop) for crop in crops])
        return {
            "input": mask(inputs, self.masking, rng),
            "points": points,
            "colour": colours[..., 0].transpose(1, 2).contiguous(),
        }
