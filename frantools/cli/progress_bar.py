"""The progress bar of a command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..frannet.engine.tiles import Progress


@contextmanager
def show_progress(title: str) -> Iterator[Progress]:
    """Show a progress bar after half a second; outside a terminal, print one line at the end."""
    from ..system.console import is_interactive, progress_bar, write_line

    layout = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}"
    with progress_bar(total=1.0, desc=title, delay=0.5, bar_format=layout) as bar:

        def on_progress(fraction: float) -> None:
            bar.update(fraction - bar.n)

        start = perf_counter()
        yield on_progress
    if not is_interactive():
        write_line(f"{title}: done in {perf_counter() - start:.1f} s")
