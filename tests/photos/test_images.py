"""Reading pictures of every kind, and the errors of others."""

from __future__ import annotations

import io
import resource
import struct
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageFile, PngImagePlugin

import frantools as ft
from frantools.photos.images import as_picture, crop_square, resize, to_gray

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
def test_paths_and_bytes_are_read_alike(tmp_path: Path, kind: Any) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(encoded(COLOURS))
    source = kind(path) if kind in (str, Path) else kind(path.read_bytes())
    assert_picture(ft.load_image(source), COLOURS)


def test_a_picture_of_one_pixel_is_read_and_prepared() -> None:
    picture = ft.load_image(encoded(COLOURS[:1, :1]))
    assert_picture(picture, COLOURS[:1, :1])
    assert ft.prepare_input(picture).shape == (1, 1, 64, 64)
    assert ft.prepare_input(picture).std() == 0


def test_gray_becomes_three_equal_channels() -> None:
    assert_picture(ft.load_image(encoded(GRAYS)), repeated(GRAYS))


def test_black_and_white_becomes_black_and_white() -> None:
    assert_picture(ft.load_image(encoded(Image.fromarray(GRAYS > 127))), repeated((GRAYS > 127) * np.uint8(255)))


def test_transparent_pictures_are_blended_with_white() -> None:
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


RAMP = np.tile(np.linspace(0, 1, 256), (8, 1))


def tiff(values: np.ndarray, bits: int, kind: int = 1, black: int = 1, order: str = "<") -> bytes:
    """A gray TIFF by hand: `kind` 1 is without a sign, 2 with one, 3 a float; `black` 0 says that white is zero."""
    data = values.astype(values.dtype.newbyteorder(order)).tobytes()
    height, width = values.shape[0], values.shape[1] * values.itemsize * 8 // bits
    tags = {256: width, 257: height, 258: bits, 259: 1, 262: black, 273: 134, 277: 1, 278: height, 279: len(data)}
    tags[339] = kind
    entries = b"".join(struct.pack(order + "HHII", tag, 4, 1, value) for tag, value in tags.items())
    head = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(order + "IH", 8, len(tags))
    return head + entries + bytes(4) + data


def in_12_bits(values: np.ndarray) -> np.ndarray:
    first, second = values[:, ::2], values[:, 1::2]
    packed = np.stack([first >> 4, (first & 15) << 4 | second >> 8, second & 255], axis=-1)
    return packed.reshape(len(values), -1).astype(np.uint8)


DEEP = {
    "12 bits": tiff(in_12_bits((RAMP * 4095).astype(int)), 12),
    "16 bits": tiff((RAMP * 65535).astype("u2"), 16),
    "16 bits, big-endian": tiff((RAMP * 65535).astype("u2"), 16, order=">"),
    "16 bits, white is zero": tiff(((1 - RAMP) * 65535).astype("u2"), 16, black=0),
    "16 bits, signed": tiff((RAMP * 32767).astype("i2"), 16, 2),
    "16 bits, signed, big-endian": tiff((RAMP * 32767).astype("i2"), 16, 2, order=">"),
    "32 bits": tiff((RAMP * (2**32 - 1)).astype("u4"), 32),
    "32 bits, signed": tiff((RAMP * (2**31 - 1)).astype("i4"), 32, 2),
    "32 bits, signed, big-endian": tiff((RAMP * (2**31 - 1)).astype("i4"), 32, 2, order=">"),
    "floats": tiff(RAMP.astype("f4"), 32, 3),
    "floats, white is zero": tiff((1 - RAMP).astype("f4"), 32, 3, black=0),
    "floats to 255": tiff((RAMP * 255).astype("f4"), 32, 3),
    "floats to 65535": tiff((RAMP * 65535).astype("f4"), 32, 3),
    "PGM of 10 bits": b"P5 256 8 1023\n" + (RAMP * 1023).astype(">u2").tobytes(),
    "PGM of 16 bits": b"P5 256 8 65535\n" + (RAMP * 65535).astype(">u2").tobytes(),
    "PGM in words": b"P2 256 8 1023\n" + " ".join(map(str, (RAMP * 1023).astype(int).ravel())).encode(),
}


@pytest.mark.parametrize("kind", DEEP)
def test_deep_gray_keeps_its_brightness(kind: str) -> None:
    assert_picture(ft.load_image(DEEP[kind]), repeated(RAMP * 255), within=1)


def test_negative_numbers_are_black_and_floats_may_overshoot_white() -> None:
    values = np.array([[-30000, -1, 0, 32767]], dtype="i2")
    assert ft.load_image(tiff(values, 16, 2))[0, :, 0].tolist() == [0, 0, 0, 255]
    floats = np.array([[-0.5, 0, 0.5, 1.1, np.nan, np.inf]], dtype="f4")
    assert ft.load_image(tiff(floats, 32, 3))[0, :, 0].tolist() == [0, 0, 128, 255, 0, 255]


@pytest.mark.parametrize(("bits", "kind"), [(64, 3), (16, 3), (64, 1), (24, 1)])
def test_the_error_of_an_unreadable_tiff_names_the_format(bits: int, kind: int) -> None:
    with pytest.raises(ValueError, match=r"is not a picture that can be read \(as a TIFF file: .*\); accepted: JPEG"):
        ft.load_image(tiff(np.zeros((8, 8 * bits // 8), np.uint8), bits, kind))


def test_the_transparent_gray_of_16_bits_becomes_white() -> None:
    deep = GRAYS.astype(np.uint16) * 257
    want = np.where(GRAYS[0, 0] == GRAYS, 255, GRAYS)
    file = io.BytesIO()
    Image.fromarray(deep).save(file, "PNG", transparency=int(deep[0, 0]))
    assert_picture(ft.load_image(file.getvalue()), repeated(want))


# Red, green and blue of spaces in XYZ under D50, a row each, as their profiles hold them.
SRGB = np.array([[0.43607, 0.22249, 0.01392], [0.38515, 0.71687, 0.09708], [0.14307, 0.06061, 0.71410]])
P3 = np.array([[0.51512, 0.24120, -0.00105], [0.29198, 0.69225, 0.04189], [0.15710, 0.06657, 0.78407]])
ADOBE = np.array([[0.60974, 0.31111, 0.01947], [0.20528, 0.62567, 0.06087], [0.14919, 0.06322, 0.74457]])
GAMMA = 2.19921875


def profile(space: np.ndarray | None = None) -> bytes:
    """An ICC profile of a gamma, by hand: of colours, or without a space of gray."""

    def xyz(values: Any) -> bytes:
        return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(value * 65536)) for value in values)

    curve = b"curv" + struct.pack(">IIHH", 0, 1, round(GAMMA * 256), 0)
    tags = {b"desc": b"desc" + struct.pack(">II", 0, 2) + b"a" + bytes(81), b"cprt": b"text" + bytes(8)}
    tags[b"wtpt"] = xyz((0.9642, 1, 0.8249))
    if space is None:
        tags[b"kTRC"] = curve
    else:
        tags |= {name + b"XYZ": xyz(row) for name, row in zip((b"r", b"g", b"b"), space, strict=True)}
        tags |= {name + b"TRC": curve for name in (b"r", b"g", b"b")}
    body, table = b"", struct.pack(">I", len(tags))
    for name, data in tags.items():
        table += name + struct.pack(">II", 132 + 12 * len(tags) + len(body), len(data))
        body += data
    head = struct.pack(">I4sI4s4s4s", 128 + len(table + body), bytes(4), 0x02100000, b"mntr", b"RGB ", b"XYZ ")
    head = head.replace(b"RGB ", b"GRAY") if space is None else head
    head += struct.pack(">6H4s", 2020, 1, 1, 0, 0, 0, b"acsp") + bytes(28) + xyz((0.9642, 1, 0.8249))[8:]
    return head.ljust(128, b"\0") + table + body


def as_srgb(colours: np.ndarray, space: np.ndarray) -> np.ndarray:
    light = (np.asarray(colours) / 255) ** GAMMA @ space @ np.linalg.inv(SRGB)
    light = light.clip(0, 1)
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


MUTED = 60 + COLOURS // 3  # colours that every space has


@pytest.mark.parametrize("space", [P3, ADOBE], ids=["Display P3", "Adobe RGB"])
@pytest.mark.parametrize(("kind", "within"), [("PNG", 2), ("TIFF", 2), ("JPEG", 3), ("WEBP", 3)])
def test_the_colours_of_a_profile_become_those_of_srgb(space: np.ndarray, kind: str, within: float) -> None:
    flat = np.full((16, 16, 3), (180, 90, 70), np.uint8)
    assert np.abs(as_srgb(flat, space) - flat).max() > 4 * within, "a conversion that is to be seen"
    content = encoded(flat, kind, icc_profile=profile(space), **({"quality": 100} if kind in ("JPEG", "WEBP") else {}))
    assert_picture(ft.load_image(content), as_srgb(flat, space), within)


def test_a_profile_is_applied_to_every_suitable_mode() -> None:
    gray = as_srgb(repeated(GRAYS), SRGB)
    assert_picture(ft.load_image(encoded(GRAYS, icc_profile=profile())), gray, within=2)
    assert_picture(ft.load_image(encoded(GRAYS, icc_profile=profile(SRGB))), gray, within=2)
    alpha = np.full((24, 20), 128, np.uint8)
    rgba = encoded(np.dstack([MUTED, alpha]), icc_profile=profile(P3))
    assert_picture(ft.load_image(rgba), on_white(as_srgb(MUTED, P3), alpha), within=2)
    palette = Image.fromarray(MUTED).quantize(16)
    want = as_srgb(np.asarray(palette.convert("RGB")), P3)
    assert_picture(ft.load_image(encoded(palette, icc_profile=profile(P3))), want, within=2)
    deep = encoded(GRAYS.astype(np.uint16) * 257, icc_profile=profile())
    assert_picture(ft.load_image(deep), gray, within=2)


def test_an_srgb_profile_changes_no_pixel() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert_picture(ft.load_image(encoded(COLOURS, icc_profile=srgb)), COLOURS)
    assert_picture(ft.load_image(encoded(GRAYS, icc_profile=srgb)), repeated(GRAYS))


@pytest.mark.parametrize(
    "damaged",
    [b"no profile", bytes(3_000_000), profile(P3)[:200], profile(P3)[:300] + bytes(200), profile(), b""],
    ids=["words", "3 MB of zeros", "cut", "zeros", "gray", "nothing"],
)
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_an_invalid_profile_is_ignored_with_a_warning(damaged: bytes, kind: str) -> None:
    content = encoded(COLOURS, kind, icc_profile=damaged)
    if not damaged:  # is not written
        assert_picture(ft.load_image(content), COLOURS)
        return
    with pytest.warns(UserWarning, match="ignored the colour profile"):
        assert_picture(ft.load_image(content), COLOURS)


@pytest.mark.parametrize("kind", ["iTXt", "zTXt", "tEXt", "many", "iCCP"])
def test_a_png_with_megabytes_of_text_or_profile_is_read(kind: str) -> None:
    info, options = PngImagePlugin.PngInfo(), {}
    if kind == "iCCP":
        options["icc_profile"] = profile(P3) + bytes(2_000_000)
    elif kind == "iTXt":
        info.add_itxt("workflow", "x" * 3_000_000, zip=True)
    else:
        for number in range(90 if kind == "many" else 1):
            info.add_text(f"workflow {number}", "x" * (900_000 if kind == "many" else 3_000_000), zip=kind != "tEXt")
    picture = ft.load_image(encoded(MUTED, pnginfo=info, **options))
    assert_picture(picture, as_srgb(MUTED, P3) if kind == "iCCP" else MUTED, within=2 if kind == "iCCP" else 0)


def test_an_orientation_in_png_text_is_applied_despite_large_texts() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("workflow", "x" * 3_000_000, zip=True)
    xmp = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><d tiff:Orientation="3"/></x:xmpmeta>'
    info.add_itxt("XML:com.adobe.xmp", xmp)
    assert_picture(ft.load_image(encoded(COLOURS, pnginfo=info)), np.rot90(COLOURS, 2))


JPEGS: list[dict[str, Any]] = [{}, {"progressive": True}, {"restart_marker_blocks": 2}]


@pytest.mark.parametrize("options", JPEGS, ids=str)
@pytest.mark.parametrize("colours", [COLOURS, GRAYS], ids=["colour", "gray"])
def test_a_jpeg_without_its_end_marker_has_all_pixels(colours: np.ndarray, options: dict[str, Any]) -> None:
    content = encoded(colours, "JPEG", **options)
    assert content.endswith(b"\xff\xd9")
    for cut in (1, 2):
        with pytest.warns(UserWarning, match="the picture is truncated"):
            assert_picture(ft.load_image(content[:-cut]), ft.load_image(content))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "PPM", "BMP"])
def test_a_truncated_picture_is_loaded_with_one_warning_that_names_it(tmp_path: Path, kind: str) -> None:
    large = COLOURS.repeat(8, 0).repeat(8, 1)
    content = encoded(large, kind)
    path = tmp_path / f"picture.{kind.lower()}"
    path.write_bytes(content[: len(content) * 3 // 4])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        picture = ft.load_image(path)
    assert [str(path) in str(warning.message) for warning in caught] == [True]
    whole = ft.load_image(content)
    top = slice(len(whole) // 2, None) if kind == "BMP" else slice(0, len(whole) // 2)  # BMP begins at the bottom
    assert picture.shape == whole.shape
    np.testing.assert_array_equal(picture[top], whole[top])


def test_each_truncated_picture_on_several_threads_has_its_warning() -> None:
    content = encoded(COLOURS.repeat(8, 0), "PNG")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(ft.load_image, [content[:-500], content] * 20))
    assert len(caught) == 20
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


def test_pictures_without_their_end_marker_are_complete() -> None:
    assert_picture(ft.load_image(encoded(COLOURS)[:-12]), COLOURS)
    palette = Image.fromarray(COLOURS).quantize(16)
    assert_picture(ft.load_image(encoded(palette, "GIF")[:-1]), np.asarray(palette.convert("RGB")))


@pytest.mark.filterwarnings("default")
def test_reading_on_threads_leaves_the_warning_filters_alone() -> None:
    contents = [encoded(COLOURS, kind) for kind in ("JPEG", "PNG")] * 50
    before = list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        assert len(list(pool.map(ft.load_image, contents))) == 100
    assert warnings.filters == before
    with pytest.warns(UserWarning, match="still seen"):
        warnings.warn("still seen", stacklevel=1)


def test_pillows_limit_of_pixels_is_neither_used_nor_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_picture(ft.load_image(encoded(COLOURS)), COLOURS)
    assert Image.MAX_IMAGE_PIXELS == 10


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
def test_the_exif_orientation_is_applied(orientation: int, as_stored: Any) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = np.ascontiguousarray(as_stored(COLOURS))
    assert_picture(ft.load_image(encoded(stored, exif=exif)), COLOURS)


def test_damaged_exif_is_ignored() -> None:
    assert ft.load_image(encoded(COLOURS, "JPEG", exif=b"Exif\0\0" + bytes(range(60)))).shape == COLOURS.shape


def test_the_first_frame_of_an_animation_is_read() -> None:
    flat = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    picture = ft.load_image(encoded(flat[0], "GIF", save_all=True, append_images=flat[1:]))
    assert_picture(picture, np.broadcast_to([255, 0, 0], (8, 8, 3)))


def test_a_missing_picture_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no picture .*nobody\.jpg"):
        ft.load_image(tmp_path / "nobody.jpg")


def test_an_impossible_file_name_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no picture"):
        ft.load_image("a\0b.jpg")
    with pytest.raises(ValueError, match=r"cannot be read: "):
        ft.load_image(tmp_path / ("a" * 5000))


def test_a_folder_is_not_a_picture(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"is not a file; accepted: JPEG, PNG"):
        ft.load_image(tmp_path)


@pytest.mark.parametrize("content", [b"", b"no picture at all", b"%PDF-1.7\n", bytes(1000)])
def test_other_files_are_refused_with_the_accepted_formats(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "picture.jpg"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"picture\.jpg is not a picture; accepted: JPEG, PNG, TIFF"):
        ft.load_image(path)
    with pytest.raises(ValueError, match=r"^the picture is not a picture; accepted: JPEG, PNG, TIFF"):
        ft.load_image(content)


@given(st.data(), st.sampled_from([*FORMATS, "PPM", "TGA", "ICO", "AVIF"]))
@pytest.mark.filterwarnings("error", "ignore:the picture is truncated")
def test_damaged_content_is_a_picture_or_a_value_error(data: st.DataObject, kind: str) -> None:
    content = bytearray(encoded(COLOURS, kind))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        with patch(
            "frantools.photos.decode.MAX_PIXELS", 100_000
        ):  # or a size that the damage made large is read at length
            outcome = ft.load_image(content[: data.draw(st.integers(0, len(content)))])
    except ValueError as error:
        outcome = error
    assert "the picture is" in str(outcome) if isinstance(outcome, ValueError) else outcome.dtype == np.uint8


def test_a_huge_picture_is_refused_without_allocating_memory(tmp_path: Path) -> None:
    path = tmp_path / "huge.png"
    path.write_bytes(png(np.zeros((4, 4, 3), np.uint16), colour=2, width=20_000, height=20_000))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ValueError, match=r"huge\.png is too large: it has more than 150 million pixels"):
        ft.load_image(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # KiB


def test_a_picture_just_over_the_limit_is_refused() -> None:
    with pytest.raises(ValueError, match="too large: it has more than 150 million pixels"):
        ft.load_image(png(np.zeros((1, 1, 3), np.uint16), colour=2, width=15_001, height=10_000))


def test_arrays_become_pictures() -> None:
    assert_picture(as_picture(COLOURS), COLOURS)
    assert_picture(as_picture(GRAYS), repeated(GRAYS))
    assert_picture(as_picture(COLOURS / 255), COLOURS)
    assert_picture(as_picture(np.float32(GRAYS) / 255), repeated(GRAYS))
    rgba = np.dstack([COLOURS, GRAYS])
    assert_picture(as_picture(rgba), on_white(COLOURS, GRAYS), within=1)
    assert_picture(as_picture(Image.fromarray(COLOURS)), COLOURS)


def pillow_images() -> dict[str, Image.Image]:
    """The same colours, or their gray, in every mode."""
    rgb, gray = Image.fromarray(MUTED), Image.fromarray(GRAYS)
    deep = GRAYS.astype("<u2") * 257
    lab = ImageCms.createProfile("LAB")
    images = {mode: rgb.convert(mode) for mode in ("RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV")}
    images |= {mode: gray.convert(mode) for mode in ("L", "LA", "I", "F")}
    images |= {"RGBa": images["RGBA"].convert("RGBa"), "La": images["LA"].convert("La")}
    images |= {mode: Image.frombytes(mode, gray.size, deep.tobytes()) for mode in ("I;16", "I;16L")}
    images["I;16B"] = Image.frombytes("I;16B", gray.size, deep.astype(">u2").tobytes())
    images["LAB"] = ImageCms.profileToProfile(rgb, ImageCms.createProfile("sRGB"), lab, outputMode="LAB")
    return images


@pytest.mark.parametrize(("mode", "image"), pillow_images().items(), ids=list(pillow_images()))
def test_pillow_images_of_any_mode_are_converted(mode: str, image: Image.Image) -> None:
    assert image.mode == mode
    want = repeated(GRAYS) if mode[0] in "LIF" and mode != "LAB" else MUTED
    within = {"YCbCr": 3, "HSV": 3, "LAB": 5}.get(mode, 0)
    before = image.tobytes()
    for function in (ft.load_image, as_picture):
        assert_picture(function(image), want, within)
    assert (ft.prepare_input(image) - ft.prepare_input(want)).abs().max() < 0.04
    assert (image.mode, image.tobytes()) == (mode, before)


def test_pillow_images_with_a_palette_or_two_tones_are_converted() -> None:
    palette = Image.fromarray(COLOURS).quantize(16)
    want = np.asarray(palette.convert("RGB"))
    assert_picture(as_picture(palette), want)
    assert_picture(as_picture(palette.convert("PA")), want)
    assert_picture(as_picture(Image.fromarray(GRAYS > 127)), repeated((GRAYS > 127) * np.uint8(255)))


def test_an_opened_pillow_image_equals_its_file(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "a.png"
    path.write_bytes(encoded(np.dstack([MUTED, GRAYS]), exif=exif, icc_profile=profile(P3)))
    with Image.open(path) as opened:
        np.testing.assert_array_equal(as_picture(opened), ft.load_image(path))
    for kind in ("12 bits", "16 bits, white is zero", "32 bits"):
        with Image.open(io.BytesIO(DEEP[kind])) as opened:
            assert_picture(as_picture(opened), repeated(RAMP * 255), within=1)


def test_an_unreadable_pillow_image_is_refused() -> None:
    content = encoded(COLOURS, "BMP")
    with pytest.raises(ValueError, match="the picture is damaged and cannot be read"):
        as_picture(Image.open(io.BytesIO(content[:200])))
    with pytest.raises(ValueError, match="too large: it has more than 150 million pixels"):
        as_picture(Image.new("1", (15_001, 10_000)))


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
def test_other_arrays_are_refused(array: Any) -> None:
    for function in (as_picture, crop_square, ft.prepare_input):
        with pytest.raises(
            ValueError, match=r"\(H, W, 3\) or \(H, W, 4\), uint8 or floats|uint8, and floats in \[0, 1\]: clip|NaN"
        ):
            function(array)


def test_the_centre_square_is_cropped_from_wide_and_tall_pictures() -> None:
    assert_picture(crop_square(COLOURS), COLOURS[2:22])
    assert_picture(crop_square(COLOURS.swapaxes(0, 1)), COLOURS.swapaxes(0, 1)[:, 2:22])
    assert crop_square(COLOURS, 7).shape == (7, 7, 3)


def test_a_picture_is_resized_to_any_aspect() -> None:
    np.testing.assert_array_equal(resize(COLOURS[:20], (7, 7)), crop_square(COLOURS[:20], 7))
    assert resize(COLOURS, (30, 11)).shape == (11, 30, 3)
    assert_picture(resize(COLOURS, (20, 24)), COLOURS)
    ramp = repeated(np.tile(np.linspace(0, 255, 64).astype(np.uint8), (64, 1)))
    assert_picture(resize(ramp, (32, 5)), resize(ramp, (32, 64))[:5], within=1)
    with pytest.raises(ValueError, match="must be an integer from 1"):
        resize(COLOURS, (0, 5))


def test_the_input_is_the_centre_square_or_the_whole_picture() -> None:
    wide = np.concatenate([np.zeros_like(COLOURS), COLOURS, np.full_like(COLOURS, 255)], axis=1)
    assert not torch.equal(ft.prepare_input(wide), ft.prepare_input(wide, crop=False))
    assert torch.equal(ft.prepare_input(wide[:, 18:42]), ft.prepare_input(wide))
    assert torch.equal(ft.prepare_input(wide[:, 18:42], crop=False), ft.prepare_input(wide))
    whole = ft.prepare_input(wide, 32, crop=False)
    assert whole.shape == (1, 1, 32, 32)
    assert whole[..., :5].max() == -1
    assert whole[..., -5:].min() == pytest.approx(1, abs=1e-3)


def test_the_input_is_gray_in_minus_one_to_one() -> None:
    x = ft.prepare_input(COLOURS)
    assert x.shape == (1, 1, 64, 64)
    assert x.dtype == torch.float32
    assert -1 <= x.min() < x.max() <= 1


@pytest.mark.parametrize(("colour", "gray"), [((255, 0, 0), 0.2989), ((0, 255, 0), 0.587), ((0, 0, 255), 0.114)])
def test_the_input_weights_the_colours(colour: tuple[int, int, int], gray: float) -> None:
    x = ft.prepare_input(np.full((9, 9, 3), colour, dtype=np.uint8))
    torch.testing.assert_close(x, torch.full((1, 1, 64, 64), 2 * gray - 1))
    assert to_gray(torch.tensor(colour) / 255).item() == pytest.approx(gray)


def test_shrinking_to_the_input_averages_and_does_not_skip() -> None:
    stripes = repeated(np.tile(np.array([[0, 255]], dtype=np.uint8), (512, 256)))
    inner = ft.prepare_input(stripes)[..., 1:-1, 1:-1]
    torch.testing.assert_close(inner, torch.zeros_like(inner), rtol=0, atol=0.02)


@pytest.mark.parametrize("size", [0, -1, 1.5, 64.0, "64", True])
def test_invalid_sizes_are_refused(size: Any) -> None:
    with pytest.raises(ValueError, match="must be an integer from 1"):
        ft.prepare_input(COLOURS, size=size)
    with pytest.raises(ValueError, match="must be an integer from 1"):
        crop_square(COLOURS, size)


def test_portraits_are_copies() -> None:
    first = ft.portraits()
    assert set(first) == {"astronaut", "hopper"}
    for name, picture in first.items():
        assert picture.dtype == np.uint8
        assert picture.shape[0] == picture.shape[1] >= 178
        assert picture.flags.c_contiguous
        picture[:] = 0
        assert ft.portraits()[name].any()
