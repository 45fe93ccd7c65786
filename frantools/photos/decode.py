"""Decoding of picture files with Pillow.

Pillow's limit on the number of pixels and Python's warning filters belong to the whole process and stay untouched.
"""

from __future__ import annotations

import io
import struct
import warnings
from pathlib import Path
from typing import BinaryIO

from PIL import Image, ImageFile, PngImagePlugin, UnidentifiedImageError

MAX_PIXELS = 150_000_000  # of a file: 450 MB once it is decoded
# Pillow refuses PNG files with a megabyte of text, which editors write.
PngImagePlugin.MAX_TEXT_CHUNK = max(PngImagePlugin.MAX_TEXT_CHUNK, 64_000_000)
PngImagePlugin.MAX_TEXT_MEMORY = max(PngImagePlugin.MAX_TEXT_MEMORY, 256_000_000)
# Formats without pixels of their own, those that Pillow passes to other programs, and measurements without a white.
EXCLUDED_FORMATS = {"BUFR", "EPS", "FITS", "GRIB", "HDF5", "MCIDAS", "MPEG", "SPIDER", "WMF"}
UNMISTAKABLE_FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "GIF", "JPEG2000", "AVIF")  # by their first bytes
# Extensions of pictures that Pillow cannot read; some begin with a small TIFF.
UNREADABLE_EXTENSIONS = {
    *(".heic", ".heif", ".jxl", ".svg", ".svgz", ".eps", ".wmf", ".emf", ".fits", ".psb", ".xcf", ".exr", ".hdr"),
    *(".dng", ".cr2", ".cr3", ".nef", ".arw", ".raf", ".orf", ".rw2", ".pef", ".srw"),
}
JPEG_END = b"\xff\xd9"


class TooLargeError(ValueError):
    """A picture has more than `MAX_PIXELS` pixels."""


def formats() -> tuple[str, ...]:
    """Return Pillow's names of the formats that are read."""
    Image.init()
    return tuple(name for name in Image.ID if name not in EXCLUDED_FORMATS)


def extensions() -> frozenset[str]:
    """Return the file extensions of these formats: ".jpg", ".png" ..."""
    names = (*formats(), "MPO")  # several JPEGs in one file, of which Pillow opens the first
    return frozenset(extension for extension, name in Image.registered_extensions().items() if name in names)


def detect_format(path: Path) -> str | None:
    """Return the format that the first bytes of a file prove, or None."""
    with path.open("rb") as file:
        prefix = file.read(16)
    Image.init()
    for name in UNMISTAKABLE_FORMATS:
        accept = Image.OPEN[name][1] if name in Image.OPEN else None
        if len(prefix) == 16 and accept is not None and accept(prefix) is True:
            return name
    return None


def read_size(path: Path) -> tuple[int, int]:
    """Read the width and height of a picture from its header. Raises the errors of `open_header`."""
    with path.open("rb") as file:
        return open_header(file).size


def open_header(file: BinaryIO) -> Image.Image:
    """Open a picture without decoding its pixels, like `PIL.Image.open` but with our limit of pixels.

    Raises
    ------
    TooLargeError
        If it has more than `MAX_PIXELS` pixels.
    UnidentifiedImageError
        If no format fits.
    OSError, SyntaxError, ValueError, EOFError, RuntimeError
        If it is damaged: the exceptions of Pillow's plugins.
    """
    prefix, reason = file.read(16), ""
    for name in formats():
        factory, accept = Image.OPEN[name]
        try:
            accepted = accept is None or accept(prefix)
            if not accepted or isinstance(accepted, str):  # a str names what Pillow was built without
                reason = accepted or reason
                continue
            file.seek(0)
            image = factory(file, "")
        except (SyntaxError, IndexError, TypeError, struct.error) as error:
            reason = f"as a {name} file: {error}" if accept is not None and prefix else reason
            continue
        if image.width * image.height > MAX_PIXELS:
            raise TooLargeError
        return image
    raise UnidentifiedImageError(reason)


def decode(content: bytes, name: str) -> Image.Image:
    """Decode a picture file. A truncated one is completed with gray or black, and a warning names it.

    Pillow's own switch for truncated files, `LOAD_TRUNCATED_IMAGES`, would affect all threads. Raises the errors of
    `open_header`.
    """
    image = open_header(io.BytesIO(content))
    try:
        image.load()
    except OSError as error:
        if "truncated" not in str(error):
            raise
        if image.format in ("JPEG", "MPO"):
            image = open_header(io.BytesIO(content + JPEG_END))
        elif isinstance(image, ImageFile.ImageFile):
            image.tile = []  # keep the rows that were decoded
        image.load()
        warnings.warn(f"{name} is truncated: {error}; the missing part is gray or black", stacklevel=3)
    return image
