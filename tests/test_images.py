"""Every kind of picture works, or is refused with what is accepted."""

from __future__ import annotations

import io
import resource
import struct
import time
import zlib
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import frantools as ft
from frantools.images import as_picture, square, to_gray

FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "GIF", "BMP")
COLOURS = np.random.default_rng(0).integers(0, 256, (24, 20, 3), dtype=np.uint8)
GRAYS = COLOURS[..., 0]


def encoded(image: Image.Image | np.ndarray, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    image = Image.fromarray(image) if isinstance(image, np.ndarray) else image
    image.save(file, kind, **options)
    return file.getvalue()


def png(values: np.ndarray, colour: int, width: int | None = None, height: int | None = None) -> bytes:
    """A PNG by hand, 16 bits a number, of a kind that Pillow does not write, or with a header that lies."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width or values.shape[1], height or values.shape[0], 16, colour, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def repeated(gray: np.ndarray) -> np.ndarray:
    return np.repeat(gray[..., None], 3, axis=-1)


def on_white(colours: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    share = alpha[..., None] / 255
    return colours * share + 255 * (1 - share)


def assert_picture(got: np.ndarray, want: np.ndarray, within: float = 0) -> None:
    assert got.dtype == np.uint8
    assert got.shape == want.shape
    assert np.abs(got.astype(float) - want).max() <= within


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
def test_lossless_formats_keep_every_pixel(kind: str) -> None:
    assert_picture(ft.load_image(encoded(COLOURS, kind)), COLOURS)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "GIF"])
def test_lossy_formats_keep_the_picture(kind: str) -> None:
    ramp = np.repeat(np.linspace(0, 255, 32).astype(np.uint8)[:, None], 32, axis=1)
    assert_picture(ft.load_image(encoded(repeated(ramp), kind)), repeated(ramp), within=8)


@pytest.mark.parametrize("kind", [str, Path, bytes, bytearray, memoryview])
def test_a_path_and_the_content_of_a_file_are_read_alike(tmp_path: Path, kind: Any) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(encoded(COLOURS))
    source = kind(path) if kind in (str, Path) else kind(path.read_bytes())
    assert_picture(ft.load_image(source), COLOURS)


def test_a_picture_of_one_pixel_works_all_the_way() -> None:
    picture = ft.load_image(encoded(COLOURS[:1, :1]))
    assert_picture(picture, COLOURS[:1, :1])
    assert ft.prepare_input(picture).shape == (1, 1, 64, 64)
    assert ft.prepare_input(picture).std() == 0


def test_gray_becomes_three_equal_channels() -> None:
    assert_picture(ft.load_image(encoded(GRAYS)), repeated(GRAYS))


def test_black_and_white_becomes_black_and_white() -> None:
    assert_picture(ft.load_image(encoded(Image.fromarray(GRAYS > 127))), repeated((GRAYS > 127) * np.uint8(255)))


def test_transparent_pictures_are_laid_on_white() -> None:
    alpha = COLOURS[..., 1]
    rgba = np.dstack([COLOURS, alpha])
    assert_picture(ft.load_image(encoded(rgba)), on_white(COLOURS, alpha), within=1)
    gray = Image.fromarray(np.dstack([GRAYS, alpha]), "LA")
    assert_picture(ft.load_image(encoded(gray)), on_white(repeated(GRAYS), alpha), within=1)


@pytest.mark.parametrize("kind", ["PNG", "GIF", "TIFF"])
def test_palettes_become_their_colours(kind: str) -> None:
    palette = Image.fromarray(COLOURS).quantize(16)
    assert_picture(ft.load_image(encoded(palette, kind)), np.asarray(palette.convert("RGB")))


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_a_palettes_transparent_colour_becomes_white(kind: str) -> None:
    palette = Image.fromarray(COLOURS).quantize(16)
    want = np.where((np.asarray(palette) == 3)[..., None], 255, np.asarray(palette.convert("RGB")))
    assert_picture(ft.load_image(encoded(palette, kind, transparency=3)), want)


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_becomes_rgb(kind: str) -> None:
    red = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    assert_picture(ft.load_image(encoded(red, kind)), np.broadcast_to([255, 0, 0], (16, 16, 3)), within=2)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bit_gray_keeps_its_brightness(kind: str) -> None:
    deep = GRAYS.astype(np.uint16) * 257
    assert_picture(ft.load_image(encoded(deep, kind)), repeated(GRAYS))


def test_16_bit_colours_keep_their_brightness() -> None:
    deep, alpha = COLOURS.astype(np.uint16) * 257, np.full((24, 20, 1), 65535, np.uint16)
    assert_picture(ft.load_image(png(deep, colour=2)), COLOURS)
    assert_picture(ft.load_image(png(np.dstack([deep, alpha]), colour=6)), COLOURS)
    assert_picture(ft.load_image(png(np.dstack([deep[..., :1], alpha]), colour=4)), repeated(GRAYS))


def test_32_bit_floats_keep_their_brightness() -> None:
    assert_picture(ft.load_image(encoded(GRAYS.astype(np.float32) / 255, "TIFF")), repeated(GRAYS))
    assert_picture(ft.load_image(encoded(GRAYS.astype(np.float32), "TIFF")), repeated(GRAYS))
    holes = np.where(GRAYS > 200, np.nan, GRAYS / 255).astype(np.float32)
    assert_picture(ft.load_image(encoded(holes, "TIFF")), repeated(np.where(GRAYS > 200, 0, GRAYS)))


UPRIGHT = [
    (1, lambda picture: picture),
    (2, np.fliplr),
    (3, lambda picture: np.rot90(picture, 2)),
    (4, np.flipud),
    (5, lambda picture: picture.swapaxes(0, 1)),
    (6, lambda picture: np.rot90(picture, 1)),
    (7, lambda picture: np.rot90(picture, 2).swapaxes(0, 1)),
    (8, lambda picture: np.rot90(picture, -1)),
]


@pytest.mark.parametrize(("orientation", "as_stored"), UPRIGHT)
def test_a_picture_that_was_stored_turned_is_turned_back(orientation: int, as_stored: Any) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = np.ascontiguousarray(as_stored(COLOURS))
    assert_picture(ft.load_image(encoded(stored, exif=exif)), COLOURS)


def test_a_photograph_with_damaged_exif_is_read_as_it_is() -> None:
    assert ft.load_image(encoded(COLOURS, "JPEG", exif=b"Exif\0\0" + bytes(range(60)))).shape == COLOURS.shape


def test_of_an_animation_the_first_picture_is_read() -> None:
    flat = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    picture = ft.load_image(encoded(flat[0], "GIF", save_all=True, append_images=flat[1:]))
    assert_picture(picture, np.broadcast_to([255, 0, 0], (8, 8, 3)))


def test_a_missing_picture_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no picture .*nobody\.jpg"):
        ft.load_image(tmp_path / "nobody.jpg")


def test_a_folder_is_no_picture(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"is not a file; accepted are picture files: JPEG, PNG"):
        ft.load_image(tmp_path)


@pytest.mark.parametrize("content", [b"", b"no picture at all", b"%PDF-1.7\n", bytes(1000)])
def test_what_is_not_a_picture_is_refused_with_what_is_accepted(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "picture.jpg"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"picture\.jpg is not a picture; accepted are JPEG, PNG, TIFF"):
        ft.load_image(path)
    with pytest.raises(ValueError, match=r"^the picture is not a picture; accepted are JPEG, PNG, TIFF"):
        ft.load_image(content)


@pytest.mark.parametrize("kind", FORMATS)
def test_a_truncated_picture_is_refused_and_never_half_gray(tmp_path: Path, kind: str) -> None:
    content = encoded(COLOURS, kind)
    path = tmp_path / f"picture.{kind.lower()}"
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"\A[^\n]*accepted are [^\n]*\Z"):
        ft.load_image(path)


@given(st.data(), st.sampled_from([*FORMATS, "PPM", "TGA", "ICO", "AVIF"]))
@pytest.mark.filterwarnings("error")
def test_damaged_content_is_a_picture_or_a_value_error(data: st.DataObject, kind: str) -> None:
    content = bytearray(encoded(COLOURS, kind))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        with patch("frantools.decoding.LARGEST", 100_000):  # or a size that the damage made large is read at length
            told = ft.load_image(content[: data.draw(st.integers(0, len(content)))])
    except ValueError as error:
        told = error
    assert "accepted are" in str(told) if isinstance(told, ValueError) else told.dtype == np.uint8


def test_a_picture_of_400_million_pixels_is_refused_at_once_and_without_memory(tmp_path: Path) -> None:
    path = tmp_path / "huge.png"
    path.write_bytes(png(np.zeros((4, 4, 3), np.uint16), colour=2, width=20_000, height=20_000))
    before, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    with pytest.raises(ValueError, match=r"huge\.png is too large; accepted are pictures of up to 150 million pixels"):
        ft.load_image(path)
    assert time.perf_counter() - begun < 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # KiB


def test_a_picture_just_over_the_limit_is_refused_too() -> None:
    with pytest.raises(ValueError, match="too large; accepted are pictures of up to 150 million pixels"):
        ft.load_image(png(np.zeros((1, 1, 3), np.uint16), colour=2, width=15_001, height=10_000))


def test_arrays_become_pictures() -> None:
    assert_picture(as_picture(COLOURS), COLOURS)
    assert_picture(as_picture(GRAYS), repeated(GRAYS))
    assert_picture(as_picture(COLOURS / 255), COLOURS)
    assert_picture(as_picture(np.float32(GRAYS) / 255), repeated(GRAYS))
    rgba = np.dstack([COLOURS, GRAYS])
    assert_picture(as_picture(rgba), on_white(COLOURS, GRAYS), within=1)
    assert_picture(as_picture(Image.fromarray(COLOURS)), COLOURS)


@pytest.mark.parametrize(
    "array",
    [
        None,
        "astronaut",
        np.zeros(3),
        np.zeros((0, 4, 3)),
        np.zeros((4, 4, 2)),
        np.zeros((2, 4, 4, 3)),
        np.full((4, 4, 3), 1.5),
        np.full((4, 4, 3), -0.5),
        np.full((4, 4), np.nan),
        np.zeros((4, 4, 3), dtype=np.int64),
        np.zeros((4, 4, 3), dtype=bool),
        np.zeros((4, 4, 3), dtype=complex),
    ],
    ids=repr,
)
def test_other_arrays_are_refused_with_what_is_accepted(array: Any) -> None:
    for function in (as_picture, square, ft.prepare_input):
        with pytest.raises(
            ValueError, match=r"accepted are arrays \(H, W\), \(H, W, 3\) or \(H, W, 4\), uint8 or floats in \[0, 1\]"
        ):
            function(array)


def test_the_centre_square_is_cut_from_wide_and_tall_pictures() -> None:
    assert_picture(square(COLOURS), COLOURS[2:22])
    assert_picture(square(COLOURS.swapaxes(0, 1)), COLOURS.swapaxes(0, 1)[:, 2:22])
    assert square(COLOURS, 7).shape == (7, 7, 3)


def test_the_input_is_gray_in_minus_one_to_one() -> None:
    x = ft.prepare_input(COLOURS)
    assert x.shape == (1, 1, 64, 64)
    assert x.dtype == torch.float32
    assert -1 <= x.min() < x.max() <= 1


@pytest.mark.parametrize(("colour", "gray"), [((255, 0, 0), 0.2989), ((0, 255, 0), 0.587), ((0, 0, 255), 0.114)])
def test_the_inputs_gray_weighs_the_colours(colour: tuple[int, int, int], gray: float) -> None:
    x = ft.prepare_input(np.full((9, 9, 3), colour, dtype=np.uint8))
    torch.testing.assert_close(x, torch.full((1, 1, 64, 64), 2 * gray - 1))
    assert to_gray(torch.tensor(colour) / 255).item() == pytest.approx(gray)


def test_shrinking_to_the_input_averages_and_does_not_skip() -> None:
    stripes = repeated(np.tile(np.array([[0, 255]], dtype=np.uint8), (512, 256)))
    inner = ft.prepare_input(stripes)[..., 1:-1, 1:-1]
    torch.testing.assert_close(inner, torch.zeros_like(inner), rtol=0, atol=0.02)


@pytest.mark.parametrize("size", [0, -1, 1.5, 64.0, "64", True])
def test_other_sizes_are_refused_with_what_is_accepted(size: Any) -> None:
    with pytest.raises(ValueError, match="accepted are whole numbers from 1"):
        ft.prepare_input(COLOURS, size=size)
    with pytest.raises(ValueError, match="accepted are whole numbers from 1"):
        square(COLOURS, size)


def test_the_portraits_are_two_and_ones_own_to_change() -> None:
    first = ft.portraits()
    assert set(first) == {"astronaut", "hopper"}
    for name, picture in first.items():
        assert picture.dtype == np.uint8
        assert picture.shape[0] == picture.shape[1] >= 178
        assert picture.flags.c_contiguous
        picture[:] = 0
        assert ft.portraits()[name].any()
