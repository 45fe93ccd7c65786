"""How far a command is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..frannet.restoration import Progress


@contextmanager
def bar(title: str) -> Iterator[Progress]:
    """A progress bar, told the share that is done. What takes under half a second shows none."""
    from tqdm import tqdm

    layout = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}"
    with tqdm(total=1.0, desc=title, delay=0.5, bar_format=layout, dynamic_ncols=True) as shown:

        def report(share: float) -> None:
            shown.update(share - shown.n)

        yield report
