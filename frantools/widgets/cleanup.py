"""What the last run of a cell made is freed when the cell makes it again."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from IPython import get_ipython

_runs: dict[str, tuple[str, WeakSet[Any]]] = {}  # by cell: its last run, and what that made
_shown: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()  # the cells below which something is shown


def _running() -> tuple[str, str] | None:
    """The cell that runs, and which run of it that is; None outside of a notebook, or where it does not tell."""
    ask = getattr(get_ipython(), "get_parent", None)
    message = ask() if callable(ask) else None
    cell = ((message or {}).get("metadata") or {}).get("cellId")
    return (str(cell), str(message["header"]["msg_id"])) if message and cell else None


def made(widget: Any) -> None:
    """A widget is there: those of earlier runs of its cell are closed, unless they are shown elsewhere."""
    running = _running()
    if running is None:
        return
    cell, run = running
    last, widgets = _runs.get(cell, ("", WeakSet()))
    if last != run:
        for old in list(widgets):
            if _shown.get(old, set()) <= {cell}:
                old.close()
        widgets = WeakSet()
        _runs[cell] = run, widgets
    widgets.add(widget)


def shown(widget: Any) -> None:
    """A widget is shown below the cell that runs."""
    if (running := _running()) is not None:
        _shown.setdefault(widget, set()).add(running[0])
