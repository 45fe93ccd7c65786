"""Conversion from any of Pillow's colour modes to sRGB."""

from __future__ import annotations

import io
import warnings

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps

# TIFF tags, and the values that matter here.
PHOTOMETRIC, BITS_PER_SAMPLE, SAMPLE_FORMAT = 262, 258, 339
WHITE_IS_ZERO, SIGNED, FLOAT = 0, 2, 3
MODE_OF_SPACE = {"GRAY": "L", "RGB ": "RGB", "CMYK": "CMYK", "Lab ": "LAB"}
_LEVELS = np.linspace(0, 255, 9).round().astype(np.uint8)
PROBE = Image.fromarray(np.stack(np.meshgrid(_LEVELS, _LEVELS, _LEVELS), axis=-1).reshape(-1, len(_LEVELS), 3))
"""A grid of colours, to test whether a profile changes any."""


def to_rgb(image: Image.Image) -> NDArray[np.uint8]:
    """Convert a picture to uint8 (H, W, 3), sRGB, upright and without transparency; see `images.load_image`.

    Raises
    ------
    Exception
        Of any class, as Pillow's decoders raise, if it is damaged.
    """
    profile = image.info.get("icc_profile")
    upright = _to_8_bits(ImageOps.exif_transpose(image), image)
    alpha: Image.Image | None = None
    if upright.has_transparency_data:
        upright = upright.convert("LA" if upright.mode in ("1", "L", "La", "LA") else "RGBA")
        alpha = upright.getchannel("A")
        upright = upright.convert(upright.mode[:-1])
    elif upright.mode not in MODE_OF_SPACE.values():
        upright = upright.convert("L" if upright.mode == "1" else "RGB")
    rgb = _to_srgb(upright, profile)
    if alpha is not None:
        rgb.putalpha(alpha)
        rgb = Image.alpha_composite(Image.new("RGBA", rgb.size, "white"), rgb).convert("RGB")
    return np.array(rgb)


def _to_8_bits(image: Image.Image, source: Image.Image) -> Image.Image:
    """Scale gray of 16 or 32 bits to 8, which Pillow's own conversion would clip.

    `source` is the picture before it was turned upright, which still has its file's format and tags.
    """
    if not image.mode.startswith("I") and image.mode != "F":
        return image
    values = np.asarray(image)
    tags = getattr(source, "tag_v2", {})
    bits, sample_format = (np.ravel(tags.get(tag, 0))[0] for tag in (BITS_PER_SAMPLE, SAMPLE_FORMAT))
    if image.mode == "F" or sample_format == FLOAT:
        largest = values[np.isfinite(values)].max(initial=0)
        # Floats may overshoot their white, for example after sharpening.
        white = next((white for white in (1, 255) if largest <= 2 * white), 65535)
        values = np.nan_to_num(values.astype(np.float64), nan=0, posinf=white, neginf=0)
    elif tags:
        if bits == 32 and sample_format != SIGNED:
            values = values.view(np.uint32)  # Pillow's 32-bit integers are signed
        white = 2 ** int(bits - (sample_format == SIGNED)) - 1
    elif image.mode != "I" or source.format in ("PNG", "PPM"):
        white = 65535
    else:  # built in memory, with values of any range
        white = next((white for white in (255, 65535) if values.max(initial=0) <= white), 2**31 - 1)
    gray = (values / white * 255).round().clip(0, 255).astype(np.uint8)
    if tags.get(PHOTOMETRIC) == WHITE_IS_ZERO:
        gray = 255 - gray
    if isinstance(image.info.get("transparency"), int):
        gray[values == image.info["transparency"]] = 255
    return Image.fromarray(gray)


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert a picture of mode L, RGB, CMYK or LAB to sRGB by its colour profile.

    A profile that is damaged, or for another colour space than the picture's, is ignored with a warning.
    """
    if profile is not None:
        try:
            return _apply_profile(image, ImageCms.ImageCmsProfile(io.BytesIO(profile)))
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError, ImportError) as error:
            warnings.warn(f"ignored the colour profile of a picture: {error}", stacklevel=2)
    if image.mode == "LAB":
        return _apply_profile(image, ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")))
    return image.convert("RGB")


def _apply_profile(image: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image:
    space = profile.profile.xcolor_space
    mode = MODE_OF_SPACE.get(space)
    if mode is None or (mode != image.mode and not (mode == "RGB" and image.mode == "L")):
        raise ValueError(f"it is for {space.strip()}, but the picture is {image.mode}")
    transform = ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), mode, "RGB")
    image = image.convert(mode)
    if mode in ("L", "RGB"):
        # Most profiles are sRGB itself; the rounding of a conversion must not change their colours.
        probe = PROBE.convert(mode)
        change = np.asarray(transform.apply(probe), np.int16) - np.asarray(probe.convert("RGB"), np.int16)
        if np.abs(change).max() <= 2:
            return image.convert("RGB")
    return transform.apply(image)
