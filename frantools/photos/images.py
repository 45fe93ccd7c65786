"""Pictures: read them, cut the centre square, and make the small gray picture that the network reads."""

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

from ..checks import integer
from ..system.devices import without_autocast
from .colour_modes import to_rgb
from .decode import MAX_PIXELS, TooLargeError, decode

Picture = NDArray[np.uint8]

GRAY = (0.2989, 0.587, 0.114)  # weights of red, green and blue, as in TensorFlow
ROUNDING = 1e-3  # how far floats may leave [0, 1] without a word
OVERSHOOT = 1.0  # how far restorers' answers may, and are clipped: filters ring at edges
INPUT_SIZE = 64  # pixels a side of the gray picture that the network reads
ACCEPTED = "JPEG, PNG, TIFF, WebP, AVIF, JPEG 2000, GIF, BMP and other pictures"


def load_image(path_or_bytes: str | PathLike[str] | bytes | bytearray | memoryview | Image.Image) -> Picture:
    """Read a picture.

    Parameters
    ----------
    path_or_bytes : path, bytes-like or PIL image
        A file, or the content of one (as an upload widget gives it), in any format of pictures that Pillow reads: JPEG,
        PNG, TIFF, WebP, AVIF, JPEG 2000, GIF, BMP ... A picture that Pillow has opened or made is taken too.

    Returns
    -------
    ndarray
        uint8 (H, W, 3), sRGB.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the content is not a picture, is cut short, or has more than 150 million pixels.

    Notes
    -----
    However the picture is stored, it becomes what is seen of it:

    - It is turned and mirrored as its EXIF orientation says. Of an animation it is the first frame.
    - Gray, palette, CMYK, YCbCr, HSV and LAB become RGB. The colours of an ICC profile become sRGB, within what 8 bits
      hold; a profile that is damaged or of another colour space is ignored with a warning. Without a profile the
      colours are taken for sRGB.
    - Gray of 10 to 32 bits, signed or not, is scaled so that the largest number of its type is white, or black where
      a TIFF says that white is zero; negative numbers are black. A TIFF that holds 12 bits in numbers of 16 does not
      say so, and stays dark. Floats are in [0, 1], or where they are beyond twice that in [0, 255], or in [0, 65535];
      NaN is black. Colours of 16 bits keep their upper 8.
    - Transparent pixels are laid on white, after the colours.
    - A JPEG that lacks nothing but its end marker is read.
    """
    if isinstance(path_or_bytes, Image.Image):
        name = "the picture"
    elif isinstance(path_or_bytes, (bytes, bytearray, memoryview)):
        name, content = "the picture", bytes(path_or_bytes)
    elif not isinstance(path_or_bytes, (str, PathLike)):
        raise ValueError(f"{path_or_bytes!r} is no picture file; accepted are a path and the bytes of a file")
    else:
        name, content = str(path_or_bytes), _content(Path(path_or_bytes))
    try:
        image = path_or_bytes if isinstance(path_or_bytes, Image.Image) else decode(content, name)
        if image.width * image.height > MAX_PIXELS:
            raise TooLargeError
        return to_rgb(image)
    except TooLargeError:
        raise ValueError(
            f"{name} is too large; accepted are pictures of up to {MAX_PIXELS // 1_000_000} million pixels"
        ) from None
    except UnidentifiedImageError as error:
        reason = f" that can be read ({error})" if str(error) else ""
        raise ValueError(f"{name} is not a picture{reason}; accepted are {ACCEPTED}") from None
    except MemoryError:
        raise
    except Exception as error:  # Pillow's decoders raise anything on damage
        raise ValueError(f"{name} is damaged and cannot be read ({error}); accepted are whole picture files") from None


def _content(path: Path) -> bytes:
    try:
        if not path.exists():
            raise FileNotFoundError(f"there is no picture {path}")
        if not path.is_file():
            raise ValueError(f"{path} is not a file; accepted are picture files: {ACCEPTED}")
        return path.read_bytes()
    except FileNotFoundError:  # also where it goes in between
        raise FileNotFoundError(f"there is no picture {path}") from None
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror}); accepted are picture files") from None


def unit_floats(array: NDArray[Any], says: str = "the picture has", beyond: float = ROUNDING) -> NDArray[Any]:
    """The floats of a picture in [0, 1], those that leave it a little clipped.

    Parameters
    ----------
    array : ndarray
        Floats of any shape, not empty.
    says : str
        What the error begins with, such as "restored has".
    beyond : float
        How far floats may leave [0, 1] and are clipped. Default: by a rounding, as resampling leaves it.

    Raises
    ------
    ValueError
        If floats leave it by more, or are NaN or infinite.
    """
    low, high = float(array.min()), float(array.max())
    if not (isfinite(low) and isfinite(high)):
        count = int(array.size - np.isfinite(array).sum())
        raise ValueError(f"{says} {count:,} values that are NaN or infinite; replace them, as np.nan_to_num does")
    if low < -beyond or high > 1 + beyond:
        advice = "divide them by their largest, such as 255" if high > 1 + OVERSHOOT else "clip them, as np.clip does"
        raise ValueError(
            f"{says} values from {low:.4g} to {high:.4g}; accepted are uint8 and floats in [0, 1]: {advice}"
        )
    return array if low >= 0 and high <= 1 else array.clip(0, 1)


def as_picture(image: object) -> Picture:
    """Check that an array is a picture, and bring it to uint8 (H, W, 3).

    Parameters
    ----------
    image : ndarray or PIL image
        (H, W), (H, W, 3) or (H, W, 4): uint8, or floats in [0, 1], see `unit_floats`. Alpha is laid on white. A PIL
        image, of any mode, becomes what `load_image` makes of its file.

    Raises
    ------
    ValueError
        If it is not such an array, or a damaged PIL image.
    """
    if isinstance(image, Image.Image):
        return load_image(image)
    accepted = "accepted are arrays (H, W), (H, W, 3) or (H, W, 4), uint8 or floats in [0, 1], and PIL images"
    array = np.asarray(image)
    gray = array.ndim == 2
    if not (gray or (array.ndim == 3 and array.shape[2] in (3, 4))) or 0 in array.shape:
        raise ValueError(f"an array of shape {array.shape} is not a picture; {accepted}")
    if np.issubdtype(array.dtype, np.floating):
        array = (unit_floats(array) * 255).round().astype(np.uint8)
    if array.dtype != np.uint8:
        raise ValueError(f"the picture is of {array.dtype}; {accepted}")
    if gray:
        return np.repeat(array[..., None], 3, axis=-1)
    return array if array.shape[2] == 3 else to_rgb(Image.fromarray(array))


def square(image: object, size: int | None = None) -> Picture:
    """The centre square of a picture, resized to `size` pixels a side where that is given.

    Resizing is bilinear with antialiasing, as for the network's input.

    Returns
    -------
    ndarray
        uint8 (S, S, 3).
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
    """A picture at another size and aspect: bilinear with antialiasing, as for the network's input.

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
    width, height = (integer("size", each) for each in size)
    small = F.interpolate(to_tensor(picture), size=(height, width), mode="bilinear", antialias=True)
    return to_array(small)


def to_tensor(picture: NDArray[Any]) -> Tensor:
    """A picture (H, W, C) as torch takes it, (1, C, H, W), of the same dtype; its memory may be shared."""
    # Contiguous channels last is the layout that torch resizes uint8 pictures quickly in.
    return torch.from_numpy(np.require(picture, requirements=["C", "W"])).permute(2, 0, 1)[None]


def to_array(image: Tensor) -> NDArray[Any]:
    """One picture, (1, C, H, W), as an array (H, W, C) of the same dtype."""
    return np.ascontiguousarray(image[0].permute(1, 2, 0).numpy())


@without_autocast()
def to_gray(image: Tensor) -> Tensor:
    """(..., 3) colours to (...) gray: 0.2989 R + 0.587 G + 0.114 B."""
    return image @ torch.tensor(GRAY, dtype=image.dtype, device=image.device)


def prepare_input(image: object, size: int = INPUT_SIZE, *, crop: bool = True) -> Tensor:
    """What the network is given of a picture.

    Parameters
    ----------
    image : ndarray
        A picture; see `as_picture`.
    size : int
        Pixels a side; the models read 64.
    crop : bool
        Whether the centre square is taken; else the whole picture, of any aspect, is brought to size x size.

    Returns
    -------
    Tensor
        (1, 1, size, size) float32 in [-1, 1]: gray, bilinear with antialiasing.
    """
    picture = square(image) if crop else as_picture(image)
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
    """The built-in portraits, cut to head and shoulders: uint8 (H, W, 3).

    "astronaut" is Eileen Collins, from scikit-image; "hopper" is Grace Hopper, from matplotlib. Both photographs are
    works of the United States Government and in the public domain.
    """
    return {name: picture.copy() for name, picture in _portraits().items()}
