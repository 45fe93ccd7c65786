"""Pictures on their way to the browser: read from anything, and encoded in tiles that a browser can hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from hashlib import blake2b
from io import BytesIO
from os import PathLike
from typing import Any

import numpy as np
from PIL import Image

from ..comparisons.comparison import Comparison
from ..photos.images import Picture, as_picture, load_image
from ..photos.photo import Photo
from ..photos.regions import Region
from ..restorers.base import Restoration
from ..restorers.columns import Column
from ..scores.measures import measures

MOST, SIDE, TOTAL = 20, 8192, 400_000_000  # pictures, pixels a side, pixels together
TILE = 2048  # pixels a side of a tile: what every browser draws as one bitmap
NUMBERS = ("mse", "psnr", "ssim")
REFERENCES = ("original", "reference")  # the photo itself, and what it is measured against where that is another


@dataclass(frozen=True)
class EncodedTile:
    """A part of a picture, encoded."""

    x: int
    y: int
    width: int
    height: int
    data: bytes = field(repr=False)

    def to_dict(self, data: Any) -> dict[str, Any]:
        """As the browser reads it, with its content in the form that is asked for."""
        return {"x": self.x, "y": self.y, "width": self.width, "height": self.height, "data": data}


@dataclass(frozen=True, eq=False)
class EncodedPicture:
    """A picture as the browser gets it: PNG, in tiles where it is large, and then with an overview."""

    key: str
    """The hash of its pixels."""
    width: int
    height: int
    tiles: tuple[EncodedTile, ...]
    overview: bytes | None = field(repr=False)
    thumbnail: Picture = field(repr=False)

    def content(self) -> dict[str, Any]:
        """What the browser reads; the encoded tiles are bytes."""
        tiles = [tile.to_dict(tile.data) for tile in self.tiles]
        return {"width": self.width, "height": self.height, "tiles": tiles, "overview": self.overview}


@dataclass
class Collection:
    """Pictures by title, with what is known of them."""

    pictures: dict[str, Picture | None] = field(default_factory=dict)
    """uint8 (H, W, 3), or None where there is a note instead."""
    notes: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, str] = field(default_factory=dict)
    best: dict[str, list[int]] = field(default_factory=dict)
    caption: str = ""
    """How the numbers came about."""
    reference: str | None = None
    """The title of what the numbers are against, where that is known."""
    comparison: Comparison | None = None


def collect(pictures: Any) -> Collection:
    """Pictures by title, of all that a viewer takes.

    Parameters
    ----------
    pictures : mapping, Comparison or sequence
        See `frantools.widgets.Viewer`.

    Raises
    ------
    FileNotFoundError, ValueError
        If a picture cannot be read, or there are too many or too large ones.
    """
    if isinstance(pictures, Comparison):
        return _compared(pictures)
    if hasattr(pictures, "detach"):  # a tensor, on whatever device
        pictures = pictures.detach().cpu().numpy()
    pairs = _pairs(pictures)
    if isinstance(pictures, Mapping) or pairs:
        pairs = pairs or list(pictures.items())
        named = {str(title): picture for title, picture in pairs}
        if len(named) < len(pairs):
            raise ValueError("two pictures have the same title; accepted are titles that differ")
    elif _is_one(pictures):
        named = {"1": pictures}
    elif isinstance(pictures, (Sequence, np.ndarray)):
        named = {str(number): picture for number, picture in enumerate(pictures, start=1)}
    else:
        raise ValueError(
            f"{type(pictures).__name__} is no collection of pictures; accepted are a dict of titles and pictures, "
            "a Comparison, and a sequence of pictures, or of pairs (title, picture)"
        )
    check_count(len(named))
    made = Collection({title: None if each is None else read(each, title) for title, each in named.items()})
    check_total(picture.shape for picture in made.pictures.values() if picture is not None)
    return made


def _pairs(pictures: Any) -> list[tuple[str, Any]]:
    """The pairs (title, picture) of a sequence of nothing else."""
    if not isinstance(pictures, (list, tuple)):
        return []
    pairs = all(isinstance(each, tuple) and len(each) == 2 and isinstance(each[0], str) for each in pictures)
    return list(pictures) if pairs else []


def _is_one(picture: object) -> bool:
    """Whether something is one picture, and no stack of them."""
    if isinstance(picture, np.ndarray):
        return picture.ndim < 3 or (picture.ndim == 3 and picture.shape[2] in (3, 4))
    return isinstance(picture, (str, PathLike, bytes, Photo, Restoration, Image.Image))


def check_count(count: int) -> None:
    """Refuse no picture and more than 20."""
    if not 1 <= count <= MOST:
        raise ValueError(f"there are {count} pictures; accepted are 1 to {MOST}")


def check_total(shapes: Iterable[tuple[int, ...]]) -> None:
    """Refuse more than 400 megapixels."""
    total = sum(shape[0] * shape[1] for shape in shapes)
    if total > TOTAL:
        raise ValueError(
            f"the pictures have {total / 1e6:.0f} megapixels together; accepted are up to {TOTAL // 1_000_000}"
        )


def read(picture: Any, title: str) -> Picture:
    """One picture as uint8 (H, W, 3), of an array, a path, bytes, a Photo or a Restoration."""
    try:
        if isinstance(picture, Restoration):
            made = as_picture(picture.image)
        elif isinstance(picture, Photo):
            made = picture.picture if picture.frame else picture.pixels
        elif isinstance(picture, (str, PathLike, bytes, bytearray, memoryview)):
            named = isinstance(picture, str)
            made = Photo(picture).pixels if named else load_image(picture)
        else:
            made = as_picture(picture.detach().cpu() if hasattr(picture, "detach") else picture)
    except ValueError as error:
        raise ValueError(f"{title}: {error}") from None
    if max(made.shape[:2]) > SIDE:
        raise ValueError(
            f"{title} has {made.shape[1]} x {made.shape[0]} pixels; accepted are pictures of up to {SIDE} a side"
        )
    return made


def reference_among(photo: Photo, columns: Sequence[Column]) -> tuple[str | None, bool]:
    """The title of what the columns' restorations are measured against, and whether it is a column's own.

    It is None where there is nothing to measure against, or no room for one more picture.
    """
    itself = photo.reference_photo is photo
    names = REFERENCES if itself else REFERENCES[1:]  # there the photo itself is no reference
    shown = [column.title for column in columns if itself and isinstance(column.what, str) and column.what == names[0]]
    titled = [column.title for column in columns if column.title.lower() in names]
    if own := [*shown, *titled]:
        return own[0], True
    return (None if photo.reference_photo is None or len(columns) >= MOST else names[0]), False


def original_of(
    photo: Photo, size: tuple[int, int], region: Region | None, columns: Sequence[Column]
) -> dict[str, Picture]:
    """What restorations are measured against, by its title; nothing where a column shows it, or there is none."""
    title, own = reference_among(photo, columns)
    reference = None if title is None or own else photo.reference(size, region)
    return {} if title is None or reference is None else {title: as_picture(reference)}


def _compared(comparison: Comparison) -> Collection:
    check_count(len(comparison.titles))
    made = Collection(comparison=comparison)
    made.pictures |= original_of(comparison.photo, comparison.size, comparison.region, comparison.columns)
    made.reference, _ = reference_among(comparison.photo, comparison.columns)
    for title in comparison.titles:
        failed = comparison.errors.get(title)
        made.pictures[title] = None if failed else read(comparison[title], title)
        if note := failed or remarks_of(comparison[title]):
            made.notes[title] = note
    check_total(picture.shape for picture in made.pictures.values() if picture is not None)
    made.numbers, made.best = score_lines(comparison.numbers(NUMBERS))
    made.caption = comparison.protocol()
    return made


def remarks_of(restoration: Restoration) -> str:
    """The remarks of a restoration, a line each: the note above its picture."""
    return "\n".join(restoration.remarks)


def score_lines(numbers: Mapping[str, Mapping[str, float]]) -> tuple[dict[str, str], dict[str, list[int]]]:
    """Numbers as one line a picture, its parts two spaces apart, and which of the parts are the best of all pictures.

    A picture that is the original itself has none of its own.
    """
    lines, best = {}, {}
    own = {title: row for title, row in numbers.items() if row.get("mse") != 0}
    for title, row in own.items():
        parts = [
            f"{measures[name].head.partition(',')[0]} {value:{measures[name].format}} {measures[name].unit}".rstrip()
            for name, value in row.items()
        ]
        lines[title] = "  ".join(parts)
        best[title] = [
            place
            for place, name in enumerate(row)
            if len(own) > 1
            and row[name] == (min if measures[name].better == "lower" else max)(each[name] for each in own.values())
        ]
    return lines, best


def reference_of(titles: Sequence[str], reference: str | None = None) -> str:
    """The title of the reference: as it is given, else the one called original or reference, else the first."""
    if reference is not None:
        if reference not in titles:
            raise ValueError(f"reference is {reference!r}; accepted are the titles {', '.join(map(repr, titles))}")
        return reference
    return next((title for title in titles if title.lower() in REFERENCES), titles[0])


def content_key(picture: Picture) -> str:
    """The hash of a picture's pixels."""
    digest = blake2b(repr(picture.shape).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(picture).data)
    return digest.hexdigest()


def encode(picture: Picture, key: str | None = None) -> EncodedPicture:
    """A picture as PNG, cut into tiles where it is large.

    Parameters
    ----------
    picture : ndarray
        uint8 (H, W, 3).
    key : str, optional
        Its `content_key`, where it is known.
    """
    height, width = picture.shape[:2]
    image = Image.fromarray(picture)
    tiles = [
        EncodedTile(x, y, min(TILE, width - x), min(TILE, height - y), _png(image, x, y))
        for y in range(0, height, TILE)
        for x in range(0, width, TILE)
    ]
    overview = None
    if len(tiles) > 1:
        small = image.reduce(-(-max(width, height) // TILE))
        overview = _written(small, "png", compress_level=1)
    thumbnail = image.copy()
    thumbnail.thumbnail((320, 320))
    return EncodedPicture(key or content_key(picture), width, height, tuple(tiles), overview, np.asarray(thumbnail))


def _png(image: Image.Image, x: int, y: int) -> bytes:
    box = (x, y, min(x + TILE, image.width), min(y + TILE, image.height))
    part = image if box == (0, 0, *image.size) else image.crop(box)
    return _written(part, "png", compress_level=1)


def _written(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@lru_cache(maxsize=MOST)
def lossy(encoded: EncodedPicture, quality: int) -> EncodedPicture:
    """The same picture as lossy WebP of a quality from 1 to 100."""

    def again(data: bytes) -> bytes:
        return _written(Image.open(BytesIO(data)), "webp", quality=quality, method=4)

    tiles = tuple(replace(tile, data=again(tile.data)) for tile in encoded.tiles)
    return replace(encoded, tiles=tiles, overview=encoded.overview and again(encoded.overview))


def sheet(pictures: Mapping[str, EncodedPicture | None], width: int = 960) -> bytes:
    """A small contact sheet as the content of a PNG, for pages without a kernel."""
    from PIL import ImageDraw, ImageFont, ImageOps

    count = len(pictures)
    across = min(count, max(3, -(-count // 2)), 5)
    gap, head = 8, 20
    cell = min(320, (width - gap * (across - 1)) // across)

    def fitted(image: Image.Image) -> Image.Image:
        """As large as its cell, as in a pane: what is coarse for the moment has squares."""
        larger = max(image.size) < cell
        return ImageOps.contain(image, (cell, cell), Image.Resampling.NEAREST if larger else Image.Resampling.LANCZOS)

    images = {t: None if each is None else fitted(Image.fromarray(each.thumbnail)) for t, each in pictures.items()}
    tall = max((image.height for image in images.values() if image is not None), default=cell)
    down = -(-count // across)
    made = Image.new("RGBA", (across * (cell + gap) - gap, down * (tall + head + gap) - gap), (0, 0, 0, 0))
    draw, font = ImageDraw.Draw(made), ImageFont.load_default(13)
    for place, (title, image) in enumerate(images.items()):
        x, y = place % across * (cell + gap), place // across * (tall + head + gap)
        text = title
        while text and draw.textlength(text, font) > cell:
            text = text[:-2] + "…" if len(text) > 2 else ""
        draw.text((x, y + 2), text, fill=(121, 121, 121), font=font)
        if image is not None:
            made.paste(image, (x, y + head))
    return _written(made, "png")
