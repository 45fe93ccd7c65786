"""Recipes inside files of every format, and damaged ones."""

from __future__ import annotations

import json
import struct
import tracemalloc
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from PIL import Image
from PIL.PngImagePlugin import PngInfo

import frantools as ft
from frantools.comparisons.recipe_files import marked, read_text
from frantools.comparisons.recipes import save_figure, save_picture

RECIPE = {"version": 2, "figure": "a (b) \\ ) >> endobj", "seed": 7, "title": "é 山 <&> \n \x07"}
TEXT = json.dumps(RECIPE)
PLAIN = json.dumps(RECIPE, ensure_ascii=False)
SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def split(content: bytes) -> Iterator[bytes]:
    at = 8
    while at < len(content):
        (length,) = struct.unpack(">I", content[at : at + 4])
        yield content[at : at + 12 + length]
        at += 12 + length


TEXTS = {
    "tEXt": chunk(b"tEXt", b"frantools\0" + TEXT.encode()),
    "zTXt": chunk(b"zTXt", b"frantools\0\0" + zlib.compress(TEXT.encode())),
    "iTXt": chunk(b"iTXt", b"frantools\0\0\0fr\0recette\0" + PLAIN.encode()),
    "iTXt, compressed": chunk(b"iTXt", b"frantools\0\1\0\0\0" + zlib.compress(PLAIN.encode())),
}
OTHERS = [
    chunk(b"zTXt", b"other\0\0" + zlib.compress(bytes(3_000_000))),
    chunk(b"tEXt", b"frantools2\0{}"),
    chunk(b"iTXt", b"damaged\0\1\0\0\0no zlib"),
]


@pytest.fixture
def parts(tmp_path: Path) -> list[bytes]:
    """The chunks of a PNG without texts."""
    Image.new("RGB", (4, 4), "red").save(tmp_path / "plain.png")
    return list(split((tmp_path / "plain.png").read_bytes()))


@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize("place", ["before the pixels", "after the pixels"])
def test_a_png_text_is_found_before_and_after_the_pixels(
    tmp_path: Path, parts: list[bytes], kind: str, place: str
) -> None:
    at = 1 if place == "before the pixels" else len(parts) - 1
    path = tmp_path / "a.png"
    path.write_bytes(SIGNATURE + b"".join([*parts[:at], *OTHERS, TEXTS[kind], *OTHERS, *parts[at:]]))
    assert ft.load_recipe(path) == RECIPE
    assert ft.load_image(path)[0, 0].tolist() == [255, 0, 0]


def test_text_that_another_program_wrote_with_pillow_is_read(tmp_path: Path) -> None:
    for zipped in (False, True):
        info = PngInfo()
        info.add_text("frantools", PLAIN, zip=zipped)
        Image.new("L", (4, 4)).save(tmp_path / "a.png", pnginfo=info)
        assert read_text(tmp_path / "a.png") == PLAIN


@pytest.mark.parametrize("suffix", [".png", ".pdf", ".svg"])
@pytest.mark.parametrize("recipe", [RECIPE, {}, {"many": ["(" * 5000, ")" * 5000, "\\" * 5000]}])
def test_figures_and_pictures_carry_their_recipes(tmp_path: Path, suffix: str, recipe: dict[str, Any]) -> None:
    figure = Figure(figsize=(1, 1))
    figure.text(0, 0, "/Info 1 0 R (endobj) <metadata>")
    save_figure(figure, tmp_path / f"a{suffix}", recipe)
    assert ft.load_recipe(tmp_path / f"a{suffix}") == recipe
    save_picture(np.zeros((2, 2)), tmp_path / "b.png", recipe)
    assert ft.load_recipe(tmp_path / "b.png") == recipe


def test_other_keywords_of_an_svg_and_other_fields_of_a_pdf_do_not_matter(tmp_path: Path) -> None:
    metadata = {"Keywords": ["cats", marked(TEXT)], "Title": "{}"}
    Figure(figsize=(1, 1)).savefig(tmp_path / "a.svg", metadata=metadata)
    assert ft.load_recipe(tmp_path / "a.svg") == RECIPE
    Figure(figsize=(1, 1)).savefig(tmp_path / "a.pdf", metadata={"Title": "/Keywords ({})", "Keywords": marked(TEXT)})
    assert ft.load_recipe(tmp_path / "a.pdf") == RECIPE
    Figure(figsize=(1, 1)).savefig(tmp_path / "b.pdf", metadata={"Title": "/Keywords ({}) >>"})
    with pytest.raises(ValueError, match=r"b\.pdf: it contains no recipe"):
        read_text(tmp_path / "b.pdf")


@pytest.mark.parametrize("suffix", ["pdf", "svg"])
def test_figures_without_a_mark_are_read(tmp_path: Path, suffix: str) -> None:
    Figure(figsize=(1, 1)).savefig(tmp_path / f"a.{suffix}", metadata={"Keywords": TEXT})
    assert ft.load_recipe(tmp_path / f"a.{suffix}") == RECIPE


def test_pages_without_a_mark_are_read(tmp_path: Path) -> None:
    content = TEXT.replace("<", r"\u003c")
    page = f'<!DOCTYPE html><script type="application/json" id="frantools-recipe">{content}</script>'
    (tmp_path / "a.html").write_text(page)
    assert ft.load_recipe(tmp_path / "a.html") == RECIPE


def test_marked_text_is_the_same_bytes_in_every_format(tmp_path: Path) -> None:
    text = marked(TEXT).encode()
    for extension in ("png", "pdf", "svg"):
        save_figure(Figure(figsize=(1, 1)), tmp_path / f"a.{extension}", RECIPE)
        assert text in (tmp_path / f"a.{extension}").read_bytes()


def test_a_damaged_marked_text_is_refused(tmp_path: Path) -> None:
    text = marked(TEXT)
    for damaged in (text.replace("seed", "sead"), text[:-1], text.replace(":", ":9", 1)):
        (tmp_path / "a.txt").write_text(damaged)
        with pytest.raises(ValueError, match=r"a\.txt: the recipe is damaged: its length or its checksum is wrong"):
            ft.load_recipe(tmp_path / "a.txt")


@pytest.mark.parametrize("content", [TEXT.encode(), b"\xef\xbb\xbf" + PLAIN.encode()])
def test_a_json_file_is_read_also_for_the_picture_beside_it(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.json").write_bytes(content)
    Image.new("RGB", (4, 4)).save(tmp_path / "a.jpg")
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    for name in ("a.json", "a.jpg", "a.png"):
        assert ft.load_recipe(tmp_path / name) == RECIPE
    save_picture(np.zeros((2, 2)), tmp_path / "a.png", {"own": 1})
    assert ft.load_recipe(tmp_path / "a.png") == {"own": 1}


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.pdf", "a.svg", "a.txt", "a"])
@pytest.mark.parametrize("content", [b"", b"no picture", b"\0" * 99])
def test_a_file_without_a_recipe_is_an_error_of_one_line(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=r"\A[^\n]*recipe[^\n]*\Z"):
        ft.load_recipe(tmp_path / name)


@pytest.mark.parametrize("name", ["a.png", "a.json", "none/a.pdf", "a\0b.png"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(FileNotFoundError, match="there is no file "):
        ft.load_recipe(tmp_path / name)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a recipe must be in a file"):
        read_text(tmp_path)


@pytest.mark.parametrize(
    "bad",
    [
        chunk(b"zTXt", b"frantools\0\0" + zlib.compress(bytes(70_000_000))),
        chunk(b"iTXt", b"frantools\0\1\0\0\0" + zlib.compress(bytes(70_000_000))),
        chunk(b"zTXt", b"frantools\0\0" + zlib.compress(TEXT.encode())[:-6]),
        chunk(b"zTXt", b"frantools\0\0no zlib"),
        chunk(b"iTXt", b"frantools\0\0\0\0\0\xff"),
        TEXTS["tEXt"].replace(b"seed", b"sead"),
        struct.pack(">I", 2**31 - 1) + b"tEXtfrantools\0{}",
        TEXTS["tEXt"][:-8],
    ],
    ids=["zTXt bomb", "iTXt bomb", "cut zlib", "no zlib", "no UTF-8", "checksum", "length", "cut"],
)
def test_a_damaged_or_oversized_text_is_refused_in_little_memory(
    tmp_path: Path, parts: list[bytes], bad: bytes
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(SIGNATURE + parts[0] + bad)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"\A[^\n]*a\.png: [^\n]*recipe[^\n]*\Z"):
            read_text(path)
        assert tracemalloc.get_traced_memory()[1] < 200_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "[]", "7", "{", '{"a": 1' + "0" * 10_000 + "}"], ids=["deep", "list", "7", "open", "long"]
)
def test_other_json_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(ValueError, match=r"\A[^\n]*the recipe is damaged[^\n]*\Z"):
        ft.load_recipe(tmp_path / "a.json")


@given(st.data(), st.sampled_from(["png", "pdf", "svg"]))
def test_damaged_files_yield_a_recipe_or_an_error_of_one_line(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, kind: str
) -> None:
    path = tmp_path_factory.getbasetemp() / f"whole.{kind}"
    if not path.exists():
        save_figure(Figure(figsize=(1, 1)), path, RECIPE)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    damaged = path.with_name(f"damaged.{kind}")
    damaged.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        outcome: object = ft.load_recipe(damaged)
    except ValueError as error:
        outcome = error
    assert "\n" not in str(outcome) if isinstance(outcome, ValueError) else isinstance(outcome, ft.Recipe)
