"""Degradation of the pictures that restorers receive."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from io import BytesIO
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.nn import functional as F

from ..settings import setting, validate
from .images import to_array, to_gray, to_tensor


@dataclass(frozen=True)
class Degradation:
    """A degradation of pictures: gray, then blur, shrink, noise and JPEG, in this order.

    Parameters
    ----------
    gray : bool
        Whether to remove the colour: 0.2989 R + 0.587 G + 0.114 B in all three channels.
    shrink : int
        The factor by which both sides shrink, from 1; antialiased bicubic, sizes rounded.
    noise : float
        The standard deviation of Gaussian noise, in [0, 1], for pixels in [0, 1].
    blur : float
        The standard deviation of a Gaussian blur, in pixels of the reference.
    jpeg : int, optional
        The quality, 1 to 100, of a JPEG compression.
    seed : int
        Of the noise, from 0. The noise of a gray picture is gray.

    Raises
    ------
    ValueError
        If a setting is out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> Degradation(shrink=4).apply(np.zeros((64, 96, 3), np.float32)).shape
    (16, 24, 3)
    """

    gray: bool = setting(False, "Gray", "Take the colour away")
    shrink: int = setting(1, "Shrink", "How many times smaller both sides become", range=(1, None), slider=(1, 16))
    noise: float = setting(
        0.0, "Noise", "The standard deviation of Gaussian noise, where pixels lie in [0, 1]", range=(0, 1), step=0.01
    )
    blur: float = setting(
        0.0, "Blur", "The standard deviation of a Gaussian blur, in pixels", range=(0, 1000), slider=(0, 10), step=0.1
    )
    jpeg: int | None = setting(None, "JPEG", "The quality of a JPEG that the picture is stored as", range=(1, 100))
    seed: int = setting(
        0, "Noise seed", "The seed of the noise", range=(0, None), applies=lambda degradation: degradation.noise > 0
    )

    def __post_init__(self) -> None:
        validate(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the settings by name; ``Degradation(**settings)`` is equal to this one."""
        return asdict(self)

    def __str__(self) -> str:
        parts = [
            "gray" if self.gray else "",
            f"blur {self.blur:g} px" if self.blur else "",
            f"shrunk {self.shrink} x" if self.shrink > 1 else "",
            f"noise {self.noise:g}" if self.noise else "",
            f"JPEG {self.jpeg}" if self.jpeg is not None else "",
        ]
        return ", ".join(filter(None, parts)) or "as it is"

    def apply(self, picture: NDArray[np.float32]) -> NDArray[np.float32]:
        """Degrade a picture.

        Parameters
        ----------
        picture : ndarray
            float32 (H, W, 3) in [0, 1].

        Returns
        -------
        ndarray
            float32 (h, w, 3) in [0, 1]; h and w are H and W divided by `shrink` and rounded, at least 1.
        """
        if self.gray:
            gray = to_gray(torch.from_numpy(np.array(picture))).numpy()
            picture = np.repeat(gray[..., None], 3, axis=-1)
        if self.blur:
            from skimage.filters import gaussian

            picture = gaussian(picture, self.blur, channel_axis=-1, mode="nearest", preserve_range=True)
        if self.shrink > 1:
            sides = tuple(max(1, round(side / self.shrink)) for side in picture.shape[:2])
            picture = to_array(F.interpolate(to_tensor(picture), sides, mode="bicubic", antialias=True))
        if self.noise:
            shape = (*picture.shape[:2], 1 if self.gray else 3)
            noise = np.random.default_rng(self.seed).standard_normal(shape, dtype=np.float32)
            picture = picture + np.float32(self.noise) * noise
        picture = np.ascontiguousarray(picture, dtype=np.float32).clip(0, 1)
        if self.jpeg is not None:
            file = BytesIO()
            Image.fromarray((picture * 255).round().astype(np.uint8)).save(file, "jpeg", quality=self.jpeg)
            picture = np.asarray(Image.open(file), dtype=np.float32) / np.float32(255)
        return picture
