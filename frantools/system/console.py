"""Text and progress bars on a terminal, in a notebook or in a file."""

from __future__ import annotations

import os
import sys
from io import IOBase, TextIOWrapper
from typing import Any


def prepare_streams() -> None:
    """Make standard output and error accept any text.

    Characters that a stream's encoding lacks become escapes. Missing streams, as under pythonw or in a service, are
    replaced by ones that discard the text.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if not _is_open(stream):
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, open until the interpreter ends
        elif isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def is_interactive() -> bool:
    """Whether standard error is a terminal or a notebook; elsewhere a progress bar only leaves carriage returns."""
    stream, kernel = sys.stderr, sys.modules.get("ipykernel.iostream")
    if not _is_open(stream):
        return False
    return (isinstance(stream, IOBase) and stream.isatty()) or (
        kernel is not None and isinstance(stream, kernel.OutStream)
    )


def progress_bar(disable: bool = False, **options: Any) -> Any:
    """Return a progress bar of tqdm on standard error, which is disabled unless `is_interactive`."""
    from tqdm import tqdm

    return tqdm(dynamic_ncols=True, disable=disable or not is_interactive(), **options)


def write_line(text: str) -> None:
    """Write a line to standard error, above a progress bar."""
    from tqdm import tqdm

    if _is_open(sys.stderr):
        tqdm.write(text, file=sys.stderr)


def _is_open(stream: Any) -> bool:
    return stream is not None and not (isinstance(stream, IOBase) and stream.closed)
