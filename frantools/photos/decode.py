"""The content of picture files, opened with Pillow, under limits of our own.

Nothing here changes what belongs to the whole process: not Pillow's limits, and not Python's warning filters, which
`warnings.catch_warnings` would leave changed when pictures are read on several threads.
"""

from __future__ import annotations

import hashlib
import io
import re
import struct
from pathlib import Path
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from . import png

LARGEST = 150_000_000  # pixels in a file: 450 MB once it is decoded
PROFILE = 64_000_000  # bytes of a colour profile
# Formats without pixels of their own, those that other programs would have to draw, and measurements that do not say
# what is white.
NO_PICTURES = {"BUFR", "EPS", "FITS", "GRIB", "HDF5", "MCIDAS", "MPEG", "SPIDER", "WMF"}
CERTAIN = ("JPEG", "PNG", "TIFF", "WEBP", "GIF", "JPEG2000", "AVIF")  # no other file begins as these do
# Endings of pictures that only other programs read, some of them with a small TIFF in front.
UNREAD = {
    *(".heic", ".heif", ".jxl", ".svg", ".svgz", ".eps", ".wmf", ".emf", ".fits", ".psb", ".xcf", ".exr", ".hdr"),
    *(".dng", ".cr2", ".cr3", ".nef", ".arw", ".raf", ".orf", ".rw2", ".pef", ".srw"),
}
# Texts of a PNG in which programs keep its orientation.
TURNS = (b"Raw profile type exif\0", b"Raw profile type APP1\0", b"XML:com.adobe.xmp\0")
SMALL = 1_000_000  # bytes of a text that Pillow takes for harmless
ENDED = b"\xff\xd9"  # a JPEG's end marker
# Bytes that no two codes of a JPEG begin alike with.
FILLERS = (bytes(64), b"\x55" * 64, b"\xaa" * 64, b"\xfe" * 64, bytes(range(0, 250, 3)))


class TooLargeError(ValueError):
    """A picture of more pixels than are read."""


def formats() -> tuple[str, ...]:
    """The formats that are read, as Pillow calls them."""
    Image.init()
    return tuple(name for name in Image.ID if name not in NO_PICTURES)


def endings() -> frozenset[str]:
    """The endings of file names that stand for these formats: ".jpg", ".png" ..."""
    known = (*formats(), "MPO")  # several JPEGs in one file, which Pillow opens as the first
    return frozenset(ending for ending, name in Image.registered_extensions().items() if name in known)


def signature(path: Path) -> str | None:
    """The format that the first bytes of a file say for certain, whatever its name, or None."""
    with path.open("rb") as file:
        prefix = file.read(16)
    return next((name for name in CERTAIN if name in Image.OPEN and _accepts(name, prefix)), None)


def _accepts(name: str, prefix: bytes) -> bool:
    accept = Image.OPEN[name][1]
    return len(prefix) == 16 and accept is not None and accept(prefix) is True


def read_size(path: Path) -> tuple[int, int]:
    """Width and height of a picture file, of which no more is read than that takes.

    Raises
    ------
    As `open_header`.
    """
    with path.open("rb") as file:
        try:
            return open_header(file).size
        except ValueError:
            file.seek(0)
            if file.read(len(png.SIGNATURE)) != png.SIGNATURE:
                raise
        file.seek(0)
        return open_header(io.BytesIO(without_texts(file.read())[0])).size


def open_header(file: BinaryIO) -> Image.Image:
    """Find out the format and the size of a picture; its pixels are decoded when they are asked for.

    As `PIL.Image.open`, whose limit is one for the whole process. Raises a TooLargeError if it has more than `LARGEST`
    pixels; an UnidentifiedImageError if it is of no format that is read; an OSError, SyntaxError, ValueError, EOFError
    or RuntimeError if it is damaged, as Pillow's plugins raise.
    """
    prefix, reason = file.read(16), ""
    for name in formats():
        factory, accepts = Image.OPEN[name]
        try:
            taken = accepts is None or accepts(prefix)
            if not taken or isinstance(taken, str):  # a sentence says what Pillow was built without
                reason = taken or reason
                continue
            file.seek(0)
            image = factory(file, "")
        except (SyntaxError, IndexError, TypeError, struct.error) as error:
            reason = f"as a {name} file: {error}" if accepts is not None and prefix else reason
            continue
        if image.width * image.height > LARGEST:
            raise TooLargeError
        return image
    raise UnidentifiedImageError(reason)


def decode(content: bytes) -> Image.Image:
    """Decode a picture file, to the last pixel.

    Raises
    ------
    As `open_header`.
    """
    profile: bytes | None = None
    if content.startswith(png.SIGNATURE):
        content, profile = without_texts(content)
    image = open_header(io.BytesIO(content))
    if profile is not None:
        image.info["icc_profile"] = profile
    try:
        image.load()
    except OSError:
        ended = content.removesuffix(ENDED[:1]) + ENDED
        if image.format not in ("JPEG", "MPO") or not lacks_nothing(ended):
            raise
        image = open_header(io.BytesIO(ended))
        image.load()
    return image


def without_texts(content: bytes) -> tuple[bytes, bytes | None]:
    """A PNG without its texts, and its colour profile, which are as large as they like.

    Pillow refuses a PNG with a megabyte of text. Texts that may tell the orientation stay.
    """
    profile: bytes | None = None
    kept, at, room, view = [], 0, SMALL, memoryview(content)
    for name, start, length in png.chunks(io.BytesIO(content)):
        data = view[start : start + length]
        if name == b"iCCP":
            try:
                profile = png.inflate(bytes(data).partition(b"\0")[2][1:], PROFILE)
            except ValueError:
                profile = b""  # no profile is as damaged as this, and one warning tells of both
        elif name not in png.TEXTS:
            continue
        elif bytes(data[:32]).startswith(TURNS):
            try:
                room -= len(png.read_text(name, bytes(data), SMALL))
            except ValueError:
                room = 0
            if room > 0:
                continue
        kept.append(view[at : start - 8])
        at = start + length + 4
    return b"".join([*kept, view[at:]]), profile


def lacks_nothing(content: bytes) -> bool:
    """Whether a JPEG, to whose end the end marker was added, has all of its pixels.

    Its pixels are then the same whatever stands before the marker: a decoder skips what it does not need. Where data
    are missing it reads on in these bytes, or makes up gray where there are none. A progressive picture besides has
    all of its passes.
    """
    if not _has_every_pass(content):
        return False
    data = content.removesuffix(ENDED)
    markers = re.findall(rb"\xff([\xd0-\xd7\xda])", data)  # of restarts, which count from 0 to 7 in each pass
    restart = bytes([0xFF, 0xD0 if markers[-1] == b"\xda" else 0xD0 | markers[-1][0] + 1 & 7])
    seen = set()
    for filler in (b"", *FILLERS, *(restart + filler for filler in FILLERS)):
        image = open_header(io.BytesIO(data + filler + ENDED))
        try:
            seen.add(hashlib.sha256(image.tobytes()).digest())
        except OSError:
            return False
        if len(seen) > 1:
            return False
    return True


def _has_every_pass(content: bytes) -> bool:
    """Whether the scans of a JPEG tell every bit of every coefficient of every component."""
    components: set[int] = set()
    progressive = False
    exact: set[tuple[int, int]] = set()  # component and coefficient
    at = 2
    while (at := content.find(b"\xff", at)) >= 0 and at + 4 <= len(content):
        marker = content[at + 1]
        if marker in (0, 1, 0xFF) or 0xD0 <= marker <= 0xD9:  # an escaped byte of data, or a marker without a segment
            at += 1 if marker == 0xFF else 2
            continue
        segment = content[at + 4 : at + 2 + int.from_bytes(content[at + 2 : at + 4])]
        if marker in (0xC0, 0xC1, 0xC2, 0xC9, 0xCA) and len(segment) > 6:
            components = set(segment[6::3])
            progressive = marker in (0xC2, 0xCA)
        if marker == 0xDA and components and segment and len(segment) >= 4 + 2 * segment[0]:
            count = segment[0]
            first, last, bits = segment[1 + 2 * count : 4 + 2 * count]
            span = range(first, last + 1) if progressive else range(64)
            if not progressive or bits & 15 == 0:
                exact |= {(component, k) for component in segment[1 : 1 + 2 * count : 2] for k in span}
        at += 2 + max(2, len(segment) + 2)
    return bool(components) and exact >= {(component, k) for component in components for k in range(64)}
