"""How far a command is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..frannet.engine.tiles import Progress


@contextmanager
def bar(title: str) -> Iterator[Progress]:
    """A progress bar, told the share that is done; in a pipe or a file a line at the end.

    What takes under half a second shows no bar.
    """
    from ..system.console import is_interactive, progress_bar, write_line

    layout = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}"
    with progress_bar(total=1.0, desc=title, delay=0.5, bar_format=layout) as shown:

        def report(share: float) -> None:
            shown.update(share - shown.n)

        begun = perf_counter()
        yield report
    if not is_interactive():
        write_line(f"{title}: done in {perf_counter() - begun:.1f} s")
