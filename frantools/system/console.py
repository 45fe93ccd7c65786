"""Text and progress bars for whoever is watching: a terminal, a notebook, a file, or nobody."""

from __future__ import annotations

import os
import sys
from io import IOBase, TextIOWrapper
from typing import Any


def prepare_streams() -> None:
    """Make standard output and error take any text.

    Characters that a stream's encoding lacks become escapes. Where there is no stream, as under pythonw or a service,
    text goes nowhere.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if not _is_open(stream):
            # It stays open, as the interpreter's own streams do.
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def is_watched() -> bool:
    """Whether standard error is a terminal or a notebook: anywhere else a bar only leaves carriage returns."""
    stream, kernel = sys.stderr, sys.modules.get("ipykernel.iostream")
    if not _is_open(stream):
        return False
    return (isinstance(stream, IOBase) and stream.isatty()) or (
        kernel is not None and isinstance(stream, kernel.OutStream)
    )


def progress_bar(disable: bool = False, **options: Any) -> Any:
    """A bar of tqdm on standard error, where somebody watches."""
    from tqdm import tqdm

    return tqdm(dynamic_ncols=True, disable=disable or not is_watched(), **options)


def write_line(text: str) -> None:
    """Write a line to standard error where there is one, above a progress bar."""
    from tqdm import tqdm

    if _is_open(sys.stderr):
        tqdm.write(text, file=sys.stderr)


def _is_open(stream: Any) -> bool:
    return stream is not None and not (isinstance(stream, IOBase) and stream.closed)
