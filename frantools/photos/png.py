"""The chunks of a PNG file."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

SIGNATURE = b"\x89PNG\r\n\x1a\n"
TEXTS = (b"tEXt", b"zTXt", b"iTXt")


class Chunk(NamedTuple):
    """Where a chunk is in its file: `length` bytes of data from `start`, and then four of their checksum."""

    name: bytes
    start: int
    length: int


def chunks(file: BinaryIO) -> Iterator[Chunk]:
    """The chunks of a PNG up to its end, or to where it is cut short or is no longer a PNG.

    The data are not read. The file may be read and moved in between.
    """
    at = len(SIGNATURE)
    while True:
        file.seek(at)
        head = file.read(8)
        if len(head) < 8 or not head[4:].isalpha():
            return
        (length,) = struct.unpack(">I", head[:4])
        yield Chunk(head[4:], at + 8, length)
        if head[4:] == b"IEND":
            return
        at += 12 + length


def read_text(name: bytes, data: bytes, limit: int) -> str:
    """The text of a chunk of `TEXTS`, without its key.

    Raises
    ------
    ValueError
        As `inflate`, or if it is damaged otherwise.
    """
    _, _, text = data.partition(b"\0")
    if name == b"zTXt":
        text = inflate(text[1:], limit)
    if name != b"iTXt":
        return text.decode("latin-1")
    packed = text[:1] == b"\1"
    text = text[2:].split(b"\0", 2)[-1]  # less the flags, the language and the translated key
    return (inflate(text, limit) if packed else text).decode()


def inflate(data: bytes, limit: int) -> bytes:
    """Decompress zlib data of at most `limit` bytes.

    Raises a ValueError if the data are damaged, cut short, or longer than that once they are decompressed.
    """
    inflater = zlib.decompressobj()
    try:
        content = inflater.decompress(data, limit + 1)
    except zlib.error as error:
        raise ValueError(f"its compressed data are damaged: {error}") from None
    if len(content) > limit:
        raise ValueError(f"it holds more than {limit // 1_000_000} MB once it is decompressed")
    if not inflater.eof:
        raise ValueError("its compressed data are cut short")
    return content
