"""Freeing widgets of a cell's last run when the cell runs again."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from IPython import get_ipython

_runs: dict[str, tuple[str, WeakSet[Any]]] = {}  # by cell: its last run and the widgets of that run
_displayed: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()  # the cells below which a widget is displayed


def _current_run() -> tuple[str, str] | None:
    """Return the running cell and the id of its run, or None if they are unknown, as outside of notebooks."""
    get_parent = getattr(get_ipython(), "get_parent", None)
    message = get_parent() if callable(get_parent) else None
    cell = ((message or {}).get("metadata") or {}).get("cellId")
    return (str(cell), str(message["header"]["msg_id"])) if message and cell else None


def register_widget(widget: Any) -> None:
    """Register a new widget, and close those of earlier runs of its cell unless they are displayed elsewhere."""
    current = _current_run()
    if current is None:
        return
    cell, run = current
    last_run, registered = _runs.get(cell, ("", WeakSet()))
    if last_run != run:
        for old in list(registered):
            if _displayed.get(old, set()) <= {cell}:
                old.close()
        registered = WeakSet()
        _runs[cell] = run, registered
    registered.add(widget)


def register_display(widget: Any) -> None:
    """Register that a widget is displayed below the running cell."""
    if (current := _current_run()) is not None:
        _displayed.setdefault(widget, set()).add(current[0])
