"""Recipes inside other files.

A recipe is marked text: ``frantools-recipe:LENGTH:CRC32:JSON``. Characters that PNG, PDF, SVG or HTML would escape are
percent-encoded, so the text is the same bytes in all of them, and one search finds it.
"""

from __future__ import annotations

import re
from html import unescape
from mmap import ACCESS_READ, mmap
from os import PathLike
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote, unquote
from zlib import crc32

from ..photos.decode import open_header

KEY = "frantools"  # of the PNG text that contains a recipe
MAX_BYTES = 64_000_000  # of a recipe
UNESCAPED = "".join(set(map(chr, range(32, 127))) - set(r"%\()<>&"))
MARK = re.compile(rb"frantools-recipe:(\d{1,9}):([0-9a-f]{8}):")
# JSON without a mark in older pages, SVG and PDF files.
UNMARKED = re.compile(
    rb'id="frantools-recipe">(\{.*?)</script>|<rdf:li>(\{.*?)</rdf:li>|/Keywords \((\{(?:\\.|[^\\)])*)\)', re.DOTALL
)


def marked(text: str) -> str:
    """Return the marked form of a recipe's JSON."""
    content = quote(text, safe=UNESCAPED)
    return f"frantools-recipe:{len(content)}:{crc32(content.encode()):08x}:{content}"


def read_text(path: str | PathLike[str]) -> str:
    """Read the JSON of a recipe from a file.

    Parameters
    ----------
    path : path
        A ``.json``; a file of any format that contains a marked recipe; or a file with a ``.json`` of the same stem
        beside it.

    Returns
    -------
    str
        At most 64 MB. It is not checked to be JSON.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file contains no recipe, or a damaged one.
    """
    path = Path(path)
    try:
        if not path.exists():
            raise FileNotFoundError
        if not path.is_file():
            raise ValueError("a recipe must be in a file, and this is a folder or a device")
        text = None if path.suffix.lower() == ".json" else _read_embedded(path)
        if text is None and path.with_suffix(".json").is_file():
            text = _read_json(path.with_suffix(".json"))
    except FileNotFoundError:
        raise FileNotFoundError(f"there is no file {path}") from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    except OSError as error:
        raise ValueError(f"{path}: it cannot be read: {error.strerror or error}") from None
    if text is None:
        raise ValueError(
            f"{path}: it contains no recipe; accepted: PNG, PDF, SVG, HTML and JSON files that FranTools wrote, and "
            "files with a .json beside them"
        )
    return text


def _read_json(path: Path) -> str:
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"the recipe is damaged: it has more than {MAX_BYTES // 1_000_000} MB")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("the recipe is damaged: it is not text in UTF-8") from None


def _read_embedded(path: Path) -> str | None:
    if path.stat().st_size == 0:  # which cannot be mapped
        return None
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
        text = _find_marked(content)
        return _read_png_text(file) if text is None and content[1:4] == b"PNG" else text


def _find_marked(content: bytes | mmap) -> str | None:
    mark = MARK.search(content)
    if mark is None:
        return _find_unmarked(content)
    length = int(mark[1])
    text = content[mark.end() : mark.end() + min(length, MAX_BYTES)]
    if len(text) != length or crc32(text) != int(mark[2], 16):
        raise ValueError("the recipe is damaged: its length or its checksum is wrong")
    return unquote(text.decode("ascii", "replace"))


def _find_unmarked(content: bytes | mmap) -> str | None:
    match = UNMARKED.search(content)
    if match is None:
        return None
    page, svg, pdf = (None if text is None else text[:MAX_BYTES].decode("utf-8", "replace") for text in match.groups())
    return page or (svg and unescape(svg)) or (pdf and re.sub(r"\\(.)", r"\1", pdf))


def _read_png_text(file: BinaryIO) -> str | None:
    """Read the text with our key: compressed by another program, or JSON without a mark."""
    try:
        image = open_header(file)
        if KEY not in image.info:
            image.load()  # the text may follow the pixels
    except Exception as error:  # Pillow's plugins raise any exception on damage
        raise ValueError(f"the picture is damaged and its recipe cannot be read: {error}") from None
    text = image.info.get(KEY)
    return None if text is None else _find_marked(str(text).encode()) or str(text)
