"""What plain resizing makes of the same low resolution: what a model has to be better than."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ..images import INPUT_SIZE, Picture, prepare_input, square

MODES: Mapping[str, str] = MappingProxyType(
    {"nearest": "nearest-exact", "bilinear": "bilinear", "bicubic": "bicubic", "area": "area"}
)
"""How pictures are resized, by name, and what PyTorch calls it."""


def resize(image: Tensor, size: int, method: str) -> Tensor:
    """Resize a picture with one of PyTorch's methods.

    Parameters
    ----------
    image : Tensor
        (B, C, H, W) floats in [0, 1].
    size : int
        Pixels a side of the result.
    method : {"nearest", "bilinear", "bicubic", "area"}
        Area is the mean of the pixels that a new one touches. Bilinear and bicubic shrink with antialiasing; bicubic
        enlarges with a = -3/4, closer to the portraits than Pillow's -1/2.

    Returns
    -------
    Tensor
        (B, C, size, size) in [0, 1].
    """
    antialias = method in ("bilinear", "bicubic") and size < image.shape[-1]
    return F.interpolate(image, size=(size, size), mode=MODES[method], antialias=antialias).clamp(0, 1)


def from_gray(original: Picture, method: str) -> NDArray[np.float32]:
    """The network's input, 64 x 64 and gray, resized to the original's size.

    Parameters
    ----------
    original : ndarray
        uint8 (S, S, 3); see `images.square`.
    method : str
        See `resize`.

    Returns
    -------
    ndarray
        float32 (S, S, 3) in [0, 1], gray: three equal channels.
    """
    gray = (prepare_input(original) + 1) / 2
    return _to_array(resize(gray, len(original), method).expand(1, 3, -1, -1))


def from_colour(original: Picture, method: str) -> NDArray[np.float32]:
    """The original itself at 64 x 64, with its true colours, resized to its own size.

    What no model here is told: the colour. Shrinking is that of the network's input, bilinear with antialiasing.

    Parameters
    ----------
    original : ndarray
        uint8 (S, S, 3); see `images.square`.
    method : str
        See `resize`.

    Returns
    -------
    ndarray
        float32 (S, S, 3) in [0, 1].
    """
    colours = torch.from_numpy(np.ascontiguousarray(square(original))).permute(2, 0, 1)[None].float() / 255
    return _to_array(resize(resize(colours, INPUT_SIZE, "bilinear"), len(original), method))


def _to_array(image: Tensor) -> NDArray[np.float32]:
    return np.ascontiguousarray(image[0].permute(1, 2, 0).numpy())


BASELINES: Mapping[str, Callable[[Picture], NDArray[np.float32]]] = MappingProxyType(
    {method: partial(from_gray, method=method) for method in MODES}
    | {f"{method}-colour": partial(from_colour, method=method) for method in MODES}
)
"""The baselines by name: what each makes of an original, uint8 (S, S, 3), is float32 (S, S, 3) in [0, 1]."""
