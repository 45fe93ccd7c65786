"""Pictures encoded for the browser, in tiles that it can hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from hashlib import blake2b
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from ..photos.images import Picture

TILE = 2048  # pixels a side of a tile: every browser can draw that as one bitmap


@dataclass(frozen=True)
class EncodedTile:
    """An encoded part of a picture."""

    x: int
    y: int
    width: int
    height: int
    data: bytes = field(repr=False)

    def to_dict(self, data: Any) -> dict[str, Any]:
        """Return the tile as the browser reads it, with its content in the given form."""
        return {"x": self.x, "y": self.y, "width": self.width, "height": self.height, "data": data}


@dataclass(frozen=True, eq=False)
class EncodedPicture:
    """A picture as PNG. A large one is cut into tiles and has an overview."""

    key: str
    """The hash of its pixels."""
    width: int
    height: int
    tiles: tuple[EncodedTile, ...]
    overview: bytes | None = field(repr=False)
    thumbnail: Picture = field(repr=False)

    def content(self) -> dict[str, Any]:
        """Return what the browser reads, with the encoded tiles as bytes."""
        tiles = [tile.to_dict(tile.data) for tile in self.tiles]
        return {"width": self.width, "height": self.height, "tiles": tiles, "overview": self.overview}


def hash_pixels(picture: Picture) -> str:
    """Return the hash of a picture's pixels."""
    digest = blake2b(repr(picture.shape).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(picture).data)
    return digest.hexdigest()


def encode_picture(picture: Picture, key: str | None = None) -> EncodedPicture:
    """Encode a picture as PNG, in tiles if it is large.

    Parameters
    ----------
    picture : ndarray
        uint8 (H, W, 3).
    key : str, optional
        Its `hash_pixels`, if known.
    """
    height, width = picture.shape[:2]
    image = Image.fromarray(picture)
    tiles = []
    for y in range(0, height, TILE):
        for x in range(0, width, TILE):
            box = (x, y, min(x + TILE, width), min(y + TILE, height))
            part = image if box == (0, 0, width, height) else image.crop(box)
            tiles.append(EncodedTile(x, y, box[2] - x, box[3] - y, _compress(part, "png", compress_level=1)))
    overview = None
    if len(tiles) > 1:
        overview = _compress(image.reduce(-(-max(width, height) // TILE)), "png", compress_level=1)
    thumbnail = image.copy()
    thumbnail.thumbnail((320, 320))
    return EncodedPicture(key or hash_pixels(picture), width, height, tuple(tiles), overview, np.asarray(thumbnail))


def _compress(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@lru_cache(maxsize=20)
def to_webp(encoded: EncodedPicture, quality: int) -> EncodedPicture:
    """Return the same picture as lossy WebP of a quality from 1 to 100."""

    def convert(data: bytes) -> bytes:
        return _compress(Image.open(BytesIO(data)), "webp", quality=quality, method=4)

    tiles = tuple(replace(tile, data=convert(tile.data)) for tile in encoded.tiles)
    return replace(encoded, tiles=tiles, overview=encoded.overview and convert(encoded.overview))


def contact_sheet(pictures: Mapping[str, EncodedPicture | None], width: int = 960) -> bytes:
    """Return a small contact sheet as PNG, for notebooks that are shown without a kernel."""
    count = len(pictures)
    columns = min(count, max(3, -(-count // 2)), 5)
    gap, title_height = 8, 20
    cell = min(320, (width - gap * (columns - 1)) // columns)

    def fit(thumbnail: Picture) -> Image.Image:
        """Resize to the cell, as in a pane: coarse pictures show their pixels."""
        image = Image.fromarray(thumbnail)
        resampling = Image.Resampling.NEAREST if max(image.size) < cell else Image.Resampling.LANCZOS
        return ImageOps.contain(image, (cell, cell), resampling)

    images = {title: None if item is None else fit(item.thumbnail) for title, item in pictures.items()}
    height = max((image.height for image in images.values() if image is not None), default=cell)
    rows = -(-count // columns)
    size = (columns * (cell + gap) - gap, rows * (height + title_height + gap) - gap)
    sheet = Image.new("RGBA", size, (0, 0, 0, 0))
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for index, (title, image) in enumerate(images.items()):
        x, y = index % columns * (cell + gap), index // columns * (height + title_height + gap)
        text = title
        while text and draw.textlength(text, font) > cell:
            text = text[:-2] + "…" if len(text) > 2 else ""
        draw.text((x, y + 2), text, fill=(121, 121, 121), font=font)
        if image is not None:
            sheet.paste(image, (x, y + title_height))
    return _compress(sheet, "png")
