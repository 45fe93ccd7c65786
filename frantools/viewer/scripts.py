"""The ES modules, joined into one text."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

SHARED = (
    "geometry",
    "difference",
    "pictures",
    "pane",
    "gestures",
    "keys",
    "boxes",
    "readout",
    "bar",
    "loading",
    "actions",
    "pointing",
    "layout",
    "exchange",
    "viewer",
)
"""The modules that the widget and the pages share, in the order of their imports."""

_IMPORT = re.compile(r'^import\s+(?:\{[^}]*\}\s+from\s+)?"\./\w+\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?!default)", re.MULTILINE)


def _read(name: str) -> str:
    return files(__package__).joinpath("js", name).read_text(encoding="utf-8")


@cache
def script(last: str, before: tuple[str, ...] = SHARED) -> str:
    """Join the shared modules and one more: imports between them are removed, and all names share one scope.

    Parameters
    ----------
    last : {"widget", "page", "plane"}
        The module that starts. Its default export stays an export.
    before : tuple of str
        The modules that it needs.
    """
    texts = [_IMPORT.sub("", _read(f"{name}.js")) for name in (*before, last)]
    return "\n".join(_EXPORT.sub("", text) for text in texts)


@cache
def style() -> str:
    """Return the style sheet."""
    return _read("style.css")
