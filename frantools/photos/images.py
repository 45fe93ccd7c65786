"""Pictures as arrays: reading, cropping and resizing, and FranNet's input."""

from __future__ import annotations

from functools import cache
from math import isfinite
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from torch import Tensor
from torch.nn import functional as F

from ..checks import integer, invalid
from ..system.devices import without_autocast
from .colour_modes import to_rgb
from .decode import MAX_PIXELS, TooLargeError, decode

Picture = NDArray[np.uint8]

GRAY = (0.2989, 0.587, 0.114)  # weights of red, green and blue, as in TensorFlow
ROUNDING = 1e-3  # by which floats may leave [0, 1] without a remark
OVERSHOOT = 1.0  # by which restorers' results may leave it, and are clipped: filters ring at edges
INPUT_SIZE = 64  # pixels a side of FranNet's input
ACCEPTED = "JPEG, PNG, TIFF, WebP, AVIF, JPEG 2000, GIF, BMP and other pictures"


def load_image(path_or_bytes: str | PathLike[str] | bytes | bytearray | memoryview | Image.Image) -> Picture:
    """Read a picture.

    Parameters
    ----------
    path_or_bytes : path, bytes-like or PIL image
        A file, the content of one (as an upload widget provides it), or a picture of Pillow, in any picture format that
        Pillow reads: JPEG, PNG, TIFF, WebP, AVIF, JPEG 2000, GIF, BMP ...

    Returns
    -------
    ndarray
        uint8 (H, W, 3), sRGB.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the content is not a picture, is damaged, or has more than 150 million pixels.

    Notes
    -----
    - The EXIF orientation is applied. Only the first frame of an animation is read.
    - Gray, palette, CMYK, YCbCr, HSV and LAB become RGB. An ICC profile is converted to sRGB, clipped to 8 bits; a
      profile that is damaged or for another colour space is ignored with a warning. Without a profile, colours are
      taken as sRGB.
    - Gray of 10 to 32 bits is scaled so that the largest number of its type is white, or black if a TIFF declares that
      white is zero; negative numbers are black. A TIFF that stores 12 bits in 16 does not declare it, and stays dark.
      Floats are in [0, 1], or, if they exceed twice that, in [0, 255] or [0, 65535]; NaN is black. Colours of 16 bits
      keep their upper 8.
    - Transparent pixels are blended with white.
    - A truncated file is completed with gray or black, with a warning.
    """
    if isinstance(path_or_bytes, Image.Image):
        name = "the picture"
    elif isinstance(path_or_bytes, (bytes, bytearray, memoryview)):
        name, content = "the picture", bytes(path_or_bytes)
    elif isinstance(path_or_bytes, (str, PathLike)):
        name, content = str(path_or_bytes), _read_content(Path(path_or_bytes))
    else:
        raise invalid("a picture file", "a path or the bytes of a file", path_or_bytes)
    try:
        image = path_or_bytes if isinstance(path_or_bytes, Image.Image) else decode(content, name)
        if image.width * image.height > MAX_PIXELS:
            raise TooLargeError
        return to_rgb(image)
    except TooLargeError:
        limit = MAX_PIXELS // 1_000_000
        raise ValueError(f"{name} is too large: it has more than {limit} million pixels") from None
    except UnidentifiedImageError as error:
        reason = f" that can be read ({error})" if str(error) else ""
        raise ValueError(f"{name} is not a picture{reason}; accepted: {ACCEPTED}") from None
    except MemoryError:
        raise
    except Exception as error:  # Pillow's decoders raise any exception on damage
        raise ValueError(f"{name} is damaged and cannot be read: {error}") from None


def _read_content(path: Path) -> bytes:
    try:
        if not path.exists():
            raise FileNotFoundError
        if not path.is_file():
            raise ValueError(f"{path} is not a file; accepted: {ACCEPTED}")
        return path.read_bytes()
    except FileNotFoundError:
        raise FileNotFoundError(f"there is no picture {path}") from None
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None


def unit_floats(array: NDArray[Any], subject: str = "the picture has", tolerance: float = ROUNDING) -> NDArray[Any]:
    """Check that floats are in [0, 1], and clip those that leave it by no more than a tolerance.

    Parameters
    ----------
    array : ndarray
        Floats of any shape, not empty.
    subject : str
        The beginning of the error message, such as "restored has".
    tolerance : float
        Default: a rounding error of resampling.

    Raises
    ------
    ValueError
        If floats leave it by more, or are NaN or infinite.
    """
    low, high = float(array.min()), float(array.max())
    if not (isfinite(low) and isfinite(high)):
        count = int(array.size - np.isfinite(array).sum())
        raise ValueError(f"{subject} {count:,} values that are NaN or infinite; replace them, as np.nan_to_num does")
    if low < -tolerance or high > 1 + tolerance:
        advice = "divide them by their largest, such as 255" if high > 1 + OVERSHOOT else "clip them, as np.clip does"
        raise ValueError(
            f"{subject} values from {low:.4g} to {high:.4g}; accepted: uint8, and floats in [0, 1]: {advice}"
        )
    return array if low >= 0 and high <= 1 else array.clip(0, 1)


def as_picture(image: object) -> Picture:
    """Convert an array to a picture, uint8 (H, W, 3).

    Parameters
    ----------
    image : ndarray or PIL image
        (H, W), (H, W, 3) or (H, W, 4): uint8, or floats in [0, 1], see `unit_floats`. Alpha is blended with white. For
        a PIL image see `load_image`.

    Raises
    ------
    ValueError
        If it is another array, or a damaged PIL image.
    """
    if isinstance(image, Image.Image):
        return load_image(image)
    accepted = "accepted: arrays (H, W), (H, W, 3) or (H, W, 4), uint8 or floats in [0, 1], and PIL images"
    array = np.asarray(image)
    is_gray = array.ndim == 2
    if not (is_gray or (array.ndim == 3 and array.shape[2] in (3, 4))) or 0 in array.shape:
        raise ValueError(f"an array of shape {array.shape} is not a picture; {accepted}")
    if np.issubdtype(array.dtype, np.floating):
        array = (unit_floats(array) * 255).round().astype(np.uint8)
    if array.dtype != np.uint8:
        raise ValueError(f"the picture has dtype {array.dtype}; {accepted}")
    if is_gray:
        return np.repeat(array[..., None], 3, axis=-1)
    return array if array.shape[2] == 3 else to_rgb(Image.fromarray(array))


def crop_square(image: object, size: int | None = None) -> Picture:
    """Crop the centre square of a picture and, if `size` is not None, resize it.

    Returns
    -------
    ndarray
        uint8 (size, size, 3).
    """
    picture = as_picture(image)
    height, width = picture.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    picture = picture[top : top + side, left : left + side]
    if size is None or integer("size", size) == side:
        return picture
    return resize(picture, (size, size))


def resize(picture: Picture, size: tuple[int, int]) -> Picture:
    """Resize a picture, bilinearly with antialiasing, like FranNet's input.

    Parameters
    ----------
    picture : ndarray
        uint8 (H, W, 3).
    size : (int, int)
        Width and height, in pixels.

    Returns
    -------
    ndarray
        uint8 (height, width, 3).
    """
    width, height = (integer("size", side) for side in size)
    return to_array(F.interpolate(to_tensor(picture), size=(height, width), mode="bilinear", antialias=True))


def to_tensor(picture: NDArray[Any]) -> Tensor:
    """Convert (H, W, C) to a tensor (1, C, H, W) of the same dtype, which may share its memory."""
    # torch resizes uint8 pictures quickly if channels are contiguous and last.
    return torch.from_numpy(np.require(picture, requirements=["C", "W"])).permute(2, 0, 1)[None]


def to_array(image: Tensor) -> NDArray[Any]:
    """Convert a tensor (1, C, H, W) to an array (H, W, C) of the same dtype."""
    return np.ascontiguousarray(image[0].permute(1, 2, 0).numpy())


@without_autocast()
def to_gray(image: Tensor) -> Tensor:
    """Convert (..., 3) colours to (...) gray: 0.2989 R + 0.587 G + 0.114 B."""
    return image @ torch.tensor(GRAY, dtype=image.dtype, device=image.device)


def prepare_input(image: object, size: int = INPUT_SIZE, *, crop: bool = True) -> Tensor:
    """Convert a picture to FranNet's input.

    Parameters
    ----------
    image : ndarray
        A picture; see `as_picture`.
    size : int
        Pixels a side; the models read 64.
    crop : bool
        Whether to crop the centre square. Otherwise the whole picture, of any aspect, is resized to size x size.

    Returns
    -------
    Tensor
        (1, 1, size, size) float32 in [-1, 1]: gray, bilinear with antialiasing.
    """
    picture = crop_square(image) if crop else as_picture(image)
    gray = to_gray(torch.from_numpy(np.require(picture, requirements=["C", "W"])).float() / 255)
    small = F.interpolate(gray[None, None], size=(integer("size", size),) * 2, mode="bilinear", antialias=True)
    return small.clamp(0, 1) * 2 - 1


@cache
def _portraits() -> dict[str, Picture]:
    from matplotlib import cbook
    from skimage import data

    hopper = load_image(str(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)))
    crops = {"astronaut": (data.astronaut(), 8, 108, 232), "hopper": (hopper, 20, 110, 340)}
    return {name: picture[top : top + side, left : left + side] for name, (picture, top, left, side) in crops.items()}


def portraits() -> dict[str, Picture]:
    """Return the built-in portraits, cropped to head and shoulders: uint8 (H, W, 3).

    "astronaut" is Eileen Collins, from scikit-image; "hopper" is Grace Hopper, from matplotlib. Both photographs are
    works of the United States Government and in the public domain.
    """
    return {name: picture.copy() for name, picture in _portraits().items()}
