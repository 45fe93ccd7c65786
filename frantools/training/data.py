"""Training pictures and their augmentations.

A batch is a pure function of (seed, step): whatever the number of workers, and however often a run is killed and
resumed, step 1234 sees the same pixels.
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

SIZE = 178  # pixels a side of a training picture, as CelebA's centre crop
AUGMENTS = ("none", "crops", "strong")


def exposure(rng: np.random.Generator) -> np.ndarray:
    """Another exposure of a picture, as a table (256,) of uint8: gamma 2/3 to 3/2, contrast 70 to 100 %."""
    gamma, contrast = (2 / 3) ** rng.uniform(-1, 1), rng.uniform(0.7, 1)
    black = rng.uniform(0, 1 - contrast)
    return ((black + contrast * (np.arange(256) / 255) ** gamma) * 255).round().astype(np.uint8)


class Batches(Dataset[dict[str, Tensor]]):
    """Batch after batch, indexed by the training step.

    Parameters
    ----------
    pictures : sequence of ndarray
        uint8 (H, W, 3), of any sizes.
    batch, points : int
        Pictures a batch, and points asked about in each.
    masking : str
        See `masks.mask`.
    seed : int
        Of the order, crops, flips, points and masks.
    augment : {"none", "crops", "strong"}
        "crops": random square crops of two thirds to the whole of the shorter side, and flips. "strong": of half to
        the whole, and another exposure besides. "none": the centre square.
    """

    def __init__(
        self, pictures: Sequence[Picture], batch: int, points: int, masking: str, seed: int, augment: str = "crops"
    ) -> None:
        self.pictures, self.batch, self.points = pictures, batch, points
        self.masking, self.seed, self.augment = masking, seed, augment

    def _order(self, epoch: int) -> np.ndarray:
        return np.random.default_rng([self.seed, 1, epoch]).permutation(len(self.pictures))

    def _crop(self, picture: Picture, rng: np.random.Generator) -> Picture:
        """A square of SIZE pixels."""
        if self.augment == "none":
            return crop_square(picture, SIZE)
        height, width = picture.shape[:2]
        strong = self.augment == "strong"
        least = min(height, width) // 2 if strong else min(height, width) * 2 // 3
        side = int(rng.integers(max(1, least), min(height, width), endpoint=True))
        top, left = rng.integers(height - side, endpoint=True), rng.integers(width - side, endpoint=True)
        crop = crop_square(picture[top : top + side, left : left + side], SIZE)
        crop = crop[:, ::-1] if rng.random() < 0.5 else crop
        return exposure(rng)[crop] if strong else crop

    def __getitem__(self, step: int) -> dict[str, Tensor]:
        """The batch of a step.

        Returns
        -------
        dict
            `input` (B, 1, 64, 64) in [-1, 1], `points` (B, N, 2) in [0, 1], `colour` (B, N, 3) in [-1, 1]: the
            picture, read bilinearly at the points. All float32.
        """
        rng = np.random.default_rng([self.seed, 0, step])
        places = np.arange(step * self.batch, (step + 1) * self.batch)
        orders = {int(epoch): self._order(int(epoch)) for epoch in np.unique(places // len(self.pictures))}
        chosen = [orders[place // len(self.pictures)][place % len(self.pictures)] for place in places.tolist()]
        crops = [np.ascontiguousarray(self._crop(self.pictures[index], rng)) for index in chosen]
        points = torch.from_numpy(rng.random((self.batch, self.points, 2), dtype=np.float32))
        colours = torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2).float() / 127.5 - 1
        read = F.grid_sample(
            colours, points[:, :, None] * 2 - 1, mode="bilinear", padding_mode="border", align_corners=False
        )
        inputs = torch.cat([prepare_input(crop) for crop in crops])
        return {
            "input": mask(inputs, self.masking, rng),
            "points": points,
            "colour": read[..., 0].transpose(1, 2).contiguous(),
        }
