"""Pictures: read them, cut the centre square, and make the small gray picture that the network reads."""

from __future__ import annotations

import io
import warnings
from functools import cache
from os import PathLike
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor
from torch.nn import functional as F

from .checks import is_whole
from .frannet.network import INPUT_SIZE

Picture = NDArray[np.uint8]

GRAY = (0.2989, 0.587, 0.114)  # weights of red, green and blue, as in TensorFlow
LARGEST = 150_000_000  # pixels in a file: 450 MB once it is decoded


def load_image(path_or_bytes: str | PathLike[str] | bytes | bytearray | memoryview) -> Picture:
    """Read a picture.

    Parameters
    ----------
    path_or_bytes : path or bytes-like
        A file, or the content of one (as an upload widget gives it), in any format that Pillow reads: JPEG, PNG, TIFF,
        WebP, GIF, BMP ... Gray, palette, CMYK and 16-bit pictures become RGB, transparent ones are laid on white, the
        EXIF orientation is applied, and of an animation it is the first frame.

    Returns
    -------
    ndarray
        uint8 (H, W, 3).

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the content is not a picture, is cut short, or has more than 150 million pixels.
    """
    if isinstance(path_or_bytes, (bytes, bytearray, memoryview)):
        name, file = "the picture", io.BytesIO(path_or_bytes)
    elif not isinstance(path_or_bytes, (str, PathLike)):
        raise ValueError(f"{path_or_bytes!r} is no picture file; accepted are a path and the bytes of a file")
    else:
        name = str(path_or_bytes)
        if not Path(path_or_bytes).exists():
            raise FileNotFoundError(f"there is no picture {name}")
        if not Path(path_or_bytes).is_file():
            raise ValueError(f"{name} is not a file; accepted are picture files: JPEG, PNG, TIFF, WebP, GIF or BMP")
        file = io.BytesIO(Path(path_or_bytes).read_bytes())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the limit below is ours, and damage is told in one error
            with Image.open(file) as image:
                width, height = image.size
                if width * height > LARGEST:
                    raise Image.DecompressionBombError
                return _to_rgb(ImageOps.exif_transpose(image))
    except Image.DecompressionBombError:
        raise ValueError(
            f"{name} is too large; accepted are pictures of up to {LARGEST // 1_000_000} million pixels"
        ) from None
    except UnidentifiedImageError:
        raise ValueError(f"{name} is not a picture; accepted are JPEG, PNG, TIFF, WebP, GIF and BMP files") from None
    except (OSError, SyntaxError, ValueError, EOFError, RuntimeError) as error:  # as Pillow's decoders raise on damage
        raise ValueError(f"{name} is damaged and cannot be read ({error}); accepted are whole picture files") from None


def _to_rgb(image: Image.Image) -> Picture:
    """Any Pillow mode to uint8 (H, W, 3)."""
    if image.mode.startswith("I") or image.mode == "F":  # 16 or 32 bits, which Pillow's own conversion would clip
        values = np.nan_to_num(np.asarray(image, dtype=np.float64))
        top = 65535 if image.mode.startswith("I") else 255 if values.max(initial=0) > 1 else 1
        gray = (values / top * 255).round().clip(0, 255).astype(np.uint8)
        return np.repeat(gray[..., None], 3, axis=-1)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.array(image.convert("RGB"))


def as_picture(image: object) -> Picture:
    """Check that an array is a picture, and bring it to uint8 (H, W, 3).

    Parameters
    ----------
    image : ndarray
        (H, W), (H, W, 3) or (H, W, 4): uint8, or floats in [0, 1]. Alpha is laid on white.

    Raises
    ------
    ValueError
        If it is not such an array.
    """
    accepted = "accepted are arrays (H, W), (H, W, 3) or (H, W, 4), uint8 or floats in [0, 1]"
    array = np.asarray(image)
    gray = array.ndim == 2
    if not (gray or (array.ndim == 3 and array.shape[2] in (3, 4))) or 0 in array.shape:
        raise ValueError(f"an array of shape {array.shape} is not a picture; {accepted}")
    if np.issubdtype(array.dtype, np.floating):
        if not np.isfinite(array).all() or array.min() < 0 or array.max() > 1:
            raise ValueError(f"the picture's floats leave [0, 1]; {accepted}")
        array = (array * 255).round().astype(np.uint8)
    if array.dtype != np.uint8:
        raise ValueError(f"the picture is of {array.dtype}; {accepted}")
    if gray:
        return np.repeat(array[..., None], 3, axis=-1)
    return array if array.shape[2] == 3 else _to_rgb(Image.fromarray(array))


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
    if size is None or _pixels(size) == side:
        return picture
    # Contiguous channels last is the layout that torch resizes uint8 pictures quickly in.
    tensor = torch.from_numpy(np.require(picture, requirements=["C", "W"])).permute(2, 0, 1)[None]
    resized = F.interpolate(tensor, size=(size, size), mode="bilinear", antialias=True)
    return np.ascontiguousarray(resized[0].permute(1, 2, 0).numpy())


def resized(picture: Picture, size: tuple[int, int]) -> Picture:
    """A picture at another width and height, bilinear with antialiasing."""
    width, height = size
    if picture.shape[:2] == (height, width):
        return picture
    tensor = torch.from_numpy(np.require(picture, requirements=["C", "W"])).permute(2, 0, 1)[None]
    made = F.interpolate(tensor, size=(height, width), mode="bilinear", antialias=True)
    return np.ascontiguousarray(made[0].permute(1, 2, 0).numpy())


def _pixels(size: object) -> int:
    if not is_whole(size) or size < 1:
        raise ValueError(f"size is {size!r}; accepted are whole numbers from 1")
    return int(size)


def to_gray(image: Tensor) -> Tensor:
    """(..., 3) colours to (...) gray: 0.2989 R + 0.587 G + 0.114 B."""
    return image @ torch.tensor(GRAY, dtype=image.dtype, device=image.device)


def prepare_input(image: object, size: int = INPUT_SIZE, crop: bool = True) -> Tensor:
    """What the network is given of a picture.

    Parameters
    ----------
    image : ndarray
        A picture; see `as_picture`.
    size : int
        Pixels a side; the models read 64.

    Returns
    -------
    Tensor
        (1, 1, size, size) float32 in [-1, 1]: the centre square, gray, bilinear with antialiasing.
    """
    gray = to_gray(
        torch.from_numpy(np.require(square(image) if crop else as_picture(image), requirements=["C", "W"])).float()
        / 255
    )
    small = F.interpolate(gray[None, None], size=(_pixels(size),) * 2, mode="bilinear", antialias=True)
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
