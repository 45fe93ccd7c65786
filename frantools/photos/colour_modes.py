"""From a picture of any of Pillow's modes to sRGB."""

from __future__ import annotations

import io
import warnings

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps

PHOTOMETRIC, BITS, SAMPLES = 262, 258, 339  # tags of TIFF
WHITE_IS_ZERO, SIGNED, FLOATS = 0, 2, 3  # their values
STEPS = np.linspace(0, 255, 9).round().astype(np.uint8)
# Colours that a profile is tried on.
PROBE = Image.fromarray(np.stack(np.meshgrid(STEPS, STEPS, STEPS), axis=-1).reshape(-1, len(STEPS), 3))
SPACES = {"GRAY": "L", "RGB ": "RGB", "CMYK": "CMYK", "Lab ": "LAB"}


def to_rgb(image: Image.Image) -> NDArray[np.uint8]:
    """Any picture of Pillow's to uint8 (H, W, 3), as `images.load_image` tells.

    Raises
    ------
    Exception
        Of any kind, as Pillow's decoders raise, if it is damaged.
    """
    profile = image.info.get("icc_profile")
    turned = _levels(ImageOps.exif_transpose(image), image)
    alpha: Image.Image | None = None
    if turned.has_transparency_data:
        turned = turned.convert("LA" if turned.mode in ("1", "L", "La", "LA") else "RGBA")
        alpha = turned.getchannel("A")
        turned = turned.convert(turned.mode[:-1])
    elif turned.mode not in SPACES.values():
        turned = turned.convert("L" if turned.mode == "1" else "RGB")
    turned = _to_srgb(turned, profile)
    if alpha is not None:
        turned.putalpha(alpha)
        turned = Image.alpha_composite(Image.new("RGBA", turned.size, "white"), turned).convert("RGB")
    return np.array(turned)


def _levels(image: Image.Image, source: Image.Image) -> Image.Image:
    """A picture of 16 or 32 bits with the 8 bits that show its brightness, which Pillow's own conversion would clip.

    `source` is the picture before it was turned, which knows its file.
    """
    if not image.mode.startswith("I") and image.mode != "F":
        return image
    values = np.asarray(image)
    tags = getattr(source, "tag_v2", {})
    bits, kind = (np.ravel(tags.get(tag, 0))[0] for tag in (BITS, SAMPLES))
    if image.mode == "F" or kind == FLOATS:
        known = values[np.isfinite(values)]
        largest = known.max(initial=0)
        # Floats may overshoot their white, as after sharpening.
        top = next((top for top in (1, 255) if largest <= 2 * top), 65535)
        values = np.nan_to_num(values.astype(np.float64), nan=0, posinf=top, neginf=0)
    elif tags:
        if bits == 32 and kind != SIGNED:
            values = values.view(np.uint32)  # Pillow's numbers of 32 bits have a sign
        top = 2 ** int(bits - (kind == SIGNED)) - 1
    elif image.mode != "I" or source.format in ("PNG", "PPM"):
        top = 65535
    else:  # made by a program, from numbers of any range
        top = next((top for top in (255, 65535) if values.max(initial=0) <= top), 2**31 - 1)
    gray = (values / top * 255).round().clip(0, 255).astype(np.uint8)
    if tags.get(PHOTOMETRIC) == WHITE_IS_ZERO:
        gray = 255 - gray
    if isinstance(image.info.get("transparency"), int):
        gray[values == image.info["transparency"]] = 255
    return Image.fromarray(gray)


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """The colours that a picture's profile says as sRGB; the picture is L, RGB, CMYK or LAB.

    A profile that is damaged, or of other colours than the picture, is ignored with a warning.
    """
    if profile is not None:
        try:
            return _shown(image, ImageCms.ImageCmsProfile(io.BytesIO(profile)))
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError, ImportError) as error:
            warnings.warn(f"a picture's colour profile is ignored: {error}", stacklevel=2)
    return _shown(image, ImageCms.createProfile("LAB")) if image.mode == "LAB" else image.convert("RGB")


def _shown(image: Image.Image, profile: ImageCms.ImageCmsProfile | ImageCms.core.CmsProfile) -> Image.Image:
    own = ImageCms.ImageCmsProfile(profile) if isinstance(profile, ImageCms.core.CmsProfile) else profile
    kind = own.profile.xcolor_space
    space = SPACES.get(kind)
    if space is None or (space != image.mode and not (space == "RGB" and image.mode == "L")):
        raise ValueError(f"it is for {kind.strip()}, and the picture is {image.mode}")
    transform = ImageCms.buildTransform(own, ImageCms.createProfile("sRGB"), space, "RGB")
    plain = image.convert(space)
    if space in ("L", "RGB"):
        # Most profiles are sRGB's own, and then no colour is to move by what the conversion rounds.
        tried = PROBE.convert(space)
        change = np.asarray(transform.apply(tried), np.int16) - np.asarray(tried.convert("RGB"), np.int16)
        if np.abs(change).max() <= 2:
            return plain.convert("RGB")
    return transform.apply(plain)
