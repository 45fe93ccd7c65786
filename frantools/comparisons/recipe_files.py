"""The text of a recipe, out of the metadata of a file; nothing of it is run, and what it may take is bounded."""

from __future__ import annotations

import re
from os import PathLike
from pathlib import Path
from typing import BinaryIO
from xml.parsers import expat
from zlib import crc32

from ..photos import png

KEY = "frantools"  # of the PNG text that holds a recipe
LIMIT = 64_000_000  # bytes of text
BLOCK = 1_000_000  # bytes that are read at once
SUBJECT = "http://purl.org/dc/elements/1.1/ subject"  # whose items are the keywords of an SVG
HTML_START = b'<script type="application/json" id="frantools-recipe">'
ITEM = "http://www.w3.org/1999/02/22-rdf-syntax-ns# li"
TOKENS = re.compile(rb"(?s:\\.)|[()]|/Keywords\s*(?=\()|>>|endobj")  # of a dictionary in a PDF
ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


def read_text(path: str | PathLike[str]) -> str:
    """The JSON text of a recipe that a file carries.

    Parameters
    ----------
    path : path
        A PNG (a text of the key "frantools", of any kind and wherever it stands), a PDF or SVG (its keywords, as
        matplotlib writes them), a page of a viewer, a ``.json``, which is the text itself, or any other file. A file
        that carries no recipe may have one beside it, in the ``.json`` of the same stem.

    Returns
    -------
    str
        At most 64 MB. It is not checked to be JSON.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file has no recipe, or is damaged where it would be.
    """
    path = Path(path)
    try:
        if not path.exists():
            raise FileNotFoundError
        if not path.is_file():
            raise ValueError("it is not in a file; accepted are PNG, PDF, SVG, HTML and JSON files of FranTools")
        text = _json(path) if path.suffix.lower() == ".json" else _carried(path)
        if text is None and path.with_suffix(".json").is_file():
            path = path.with_suffix(".json")
            text = _json(path)
    except ValueError as error:
        raise ValueError(f"the recipe of {path} cannot be read: {error}") from None
    except FileNotFoundError:
        raise FileNotFoundError(f"there is no file {path}") from None
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    if text is None:
        what = "has" if _is_named_rightly(path) else "is not a readable PNG and has"
        raise ValueError(
            f"{path} {what} no recipe; accepted are PNG, PDF, SVG and HTML files that FranTools wrote, "
            "and files with a .json beside them"
        )
    return text


def _carried(path: Path) -> str | None:
    """The text in a file, whose format its first bytes tell."""
    with path.open("rb") as file:
        start = file.read(1024)
        if start.startswith(png.SIGNATURE):
            return _png(file)
        if start.startswith(b"%PDF-"):
            return _pdf(file)
        if start.lower().startswith(b"<!doctype html"):
            return _html(file)
        is_xml = start.removeprefix(b"\xef\xbb\xbf").lstrip().startswith((b"<?xml", b"<svg", b"<!DOCTYPE svg"))
        return _svg(file) if is_xml or path.suffix.lower() == ".svg" else None


def _is_named_rightly(path: Path) -> bool:
    """Whether a file that is called a PNG is one."""
    with path.open("rb") as file:
        return path.suffix.lower() != ".png" or file.read(8) == png.SIGNATURE


def _json(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(LIMIT + 1)
    if len(content) > LIMIT:
        raise ValueError(f"it holds more than {LIMIT // 1_000_000} MB")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("it is not text in UTF-8") from None


def _png(file: BinaryIO) -> str | None:
    text, key, name = None, KEY.encode() + b"\0", b""
    for name, start, length in png.chunks(file):
        file.seek(start)
        if name not in png.TEXTS or file.read(len(key)) != key:
            continue
        if length > LIMIT:
            raise ValueError(f"it holds more than {LIMIT // 1_000_000} MB")
        file.seek(start)
        data, told = file.read(length), file.read(4)
        if crc32(name + data).to_bytes(4) != told:
            raise ValueError("its checksum is another, or it is cut short")
        text = png.read_text(name, data, LIMIT)  # of several the last, as Pillow takes them
    if text is None and name != b"IEND":
        raise ValueError("the file is cut short, and there is none in what is left")
    return text


def _pdf(file: BinaryIO) -> str | None:
    """The keywords in the document information, to which the trailer at the end points."""
    end = file.seek(0, 2)
    file.seek(max(0, end - BLOCK))
    tail = file.read()
    start = tail.rfind(b"startxref")
    found = re.search(rb"/Info\s+(\d+)\s+\d+\s+R\b", tail[max(0, tail.rfind(b"trailer", 0, start)) : start])
    if start < 0 or found is None:
        return None
    number = int(found[1])
    table = re.match(rb"startxref\s+(\d{1,15})\b", tail[start:])
    # The table's lines are 20 bytes each, as in "0000000677 00000 n"; matplotlib's is one table from object 0.
    entry = b""
    if table is not None:
        file.seek(int(table[1]))
        head = re.match(rb"xref\s+0\s+\d+\s*\n", file.read(64))
        if head is not None and number < end:
            file.seek(int(table[1]) + len(head[0]) + 20 * number)
            entry = file.read(20)
    if not re.match(rb"\d{10} \d{5} n", entry):
        raise ValueError("its table of objects is damaged, or of a kind that matplotlib does not write")
    file.seek(int(entry[:10]))
    return _pdf_keywords(file.read(LIMIT * 2), number)


def _pdf_keywords(content: bytes, number: int) -> str | None:
    """The string after /Keywords in the dictionary that is the object of a number."""
    begun = re.match(rb"%d\s+\d+\s+obj\s*<<" % number, content)
    if begun is None:
        raise ValueError("its document information is not where its table says")
    depth, first, wanted = 0, 0, False
    for token in TOKENS.finditer(content, begun.end()):
        if token[0] == b"(":
            depth += 1
            first = token.end() if depth == 1 else first
        elif token[0] == b")":
            depth -= 1
            if depth == 0 and wanted:
                return _pdf_text(content[first : token.start()])
        elif depth == 0:
            if token[0] in (b">>", b"endobj"):
                return None
            wanted = token[0].startswith(b"/Keywords")
    raise ValueError("its document information is cut short")


def _pdf_text(escaped: bytes) -> str | None:
    """A PDF string, less its escapes."""

    def plain(escape: re.Match[bytes]) -> bytes:
        code = escape[1]
        return bytes([int(code, 8) & 255]) if code[:1].isdigit() else ESCAPES.get(code, code.strip(b"\r\n"))

    text = re.sub(rb"\\([0-7]{1,3}|\r\n|.)", plain, escaped, flags=re.DOTALL)
    if len(text) > LIMIT:
        raise ValueError(f"it holds more than {LIMIT // 1_000_000} MB")
    return _recipe([text.decode("utf-16") if text.startswith(b"\xfe\xff") else text.decode("latin-1")])


def _html(file: BinaryIO) -> str | None:
    """The text between the tags of a script, in which every < is escaped."""
    file.seek(0)
    _, found, rest = file.read(LIMIT).partition(HTML_START)
    text, end, _ = rest.partition(b"</script>")
    if found and not end:
        raise ValueError(f"it is cut short, or longer than {LIMIT // 1_000_000} MB")
    return text.decode() if found else None


def _svg(file: BinaryIO) -> str | None:
    """The keywords of the first metadata."""
    keywords: list[str] = []
    pieces: list[str] = []
    inside, size = False, 0

    def start(name: str, _: dict[str, str]) -> None:
        nonlocal inside
        inside = inside or name == SUBJECT
        pieces.clear()

    def end(name: str) -> None:
        nonlocal inside
        if inside and name == ITEM:
            keywords.append("".join(pieces))
        inside = inside and name != SUBJECT

    def text(piece: str) -> None:
        nonlocal size
        if inside:
            size += len(piece)
            if size > LIMIT:
                raise ValueError(f"it holds more than {LIMIT // 1_000_000} MB")
            pieces.append(piece)

    def entity(*_: object) -> None:
        raise ValueError("it declares entities, which are not read")

    parser = expat.ParserCreate("utf-8", namespace_separator=" ")
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler, parser.EntityDeclHandler = text, entity
    file.seek(0)
    try:
        while file.tell() <= 4 * LIMIT and (block := file.read(BLOCK)):
            parser.Parse(block)
            if keywords and not inside:
                break  # the drawing that follows is of no concern
        else:
            parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise ValueError(str(error)) from None
    return _recipe(keywords)


def _recipe(keywords: list[str]) -> str | None:
    """The keyword that is a JSON object."""
    return next((keyword for keyword in keywords if keyword.lstrip().startswith("{")), None)
