"""Specifications of sweeps: TOML files and options of the command line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from os.path import exists, expanduser
from pathlib import Path
from typing import Any

from ..files import from_json
from ..frannet.weights.checkpoints import shipped

NAMES = ("model", "setup", "measures", "points", "size", "seed", "limit", "precision", "axes")
"""Entries of a file: arguments of `sweep`, and the model and setup of its base column."""
MAX_VALUES = 100_000
"""The largest number of values in a range."""


def read_spec(name: str) -> dict[str, Any]:
    """Read a TOML file, with its axes as `sweep` accepts them.

    Parameters
    ----------
    name : str
        A path, or the name of a shipped file, such as "note".

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such file, or it is not a valid specification.
    """
    path = Path(name).expanduser()
    if not path.is_file():
        path = shipped() / "sweeps" / f"{name}.toml"
    if not path.is_file():
        names = ", ".join(sorted(file.stem for file in path.parent.glob("*.toml")))
        raise FileNotFoundError(f"{name}: there is no such file; shipped are {names}")
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{name}: is not valid TOML: {error}") from None
    if unknown := content.keys() - set(NAMES):
        raise ValueError(f"{name}: unknown entry {', '.join(sorted(unknown))}; use {', '.join(NAMES)}")
    axes = content.get("axes", {})
    grids = [axes] if isinstance(axes, Mapping) else axes
    if not isinstance(grids, list) or not all(isinstance(grid, Mapping) for grid in grids):
        raise ValueError(f"{name}: axes must be [axes] or [[axes]] with a list for each name, got {axes!r}")
    content["axes"] = [{axis: parse_values(value) for axis, value in grid.items()} for grid in grids]
    return content


def parse_axis(text: str) -> tuple[str, list[Any]]:
    """Parse the name and the values of an axis.

    Examples
    --------
    >>> parse_axis("K=1,2,4")
    ('K', [1, 2, 4])
    >>> parse_axis("stochasticity=0:1:0.25")
    ('stochasticity', [0, 0.25, 0.5, 0.75, 1])
    >>> parse_axis("clipping=none,[-1,1]")
    ('clipping', [None, [-1, 1]])
    """
    name, _, values = text.partition("=")
    if not name or not values:
        raise ValueError(f"--axis must be NAME=VALUE,VALUE,... or NAME=FIRST:LAST:STEP, got {text!r}")
    parts = re.split(r",(?![^\[{]*[\]}])", values)  # not at commas in brackets
    if name == "model":
        parts = list(_join_file_names(parts))
    if len(parts) == 1 and values.startswith(('["', "[[")):
        try:
            parts = from_json(values)
        except ValueError:
            raise ValueError(
                f'--axis must have a list in JSON, such as [[-1, 1], [0, 1]] or ["A", "B:K=2"], got {text!r}'
            ) from None
    return name, [value for part in parts for value in parse_values(part if isinstance(part, str) else [part])]


def _join_file_names(parts: Sequence[str]) -> Iterator[str]:
    """Join parts that together are the name of an existing file or folder."""
    remaining = list(parts)
    while remaining:
        candidates = (",".join(remaining[:count]) for count in range(len(remaining), 1, -1))
        name = next(filter(_is_file, candidates), remaining[0])
        yield name
        remaining = remaining[name.count(",") + 1 :]


def _is_file(name: str) -> bool:
    """Whether a text is the name of an existing file or folder, or FILE.py:FUNCTION in one."""
    file, _, function = name.rpartition(":")
    return exists(expanduser(name)) or (function.isidentifier() and exists(expanduser(file)))


def parse_values(value: Any) -> Any:
    """Parse the values of an axis: a text is a range or a single value; "none" is None."""
    if isinstance(value, str):
        return _parse_range(value) or [_parse_value(value)]
    return [None if item == "none" else item for item in value] if isinstance(value, list) else value


def _parse_value(text: str) -> Any:
    try:
        return from_json(text)
    except ValueError:
        return None if text.strip() == "none" else text.strip()


def _parse_range(text: str) -> list[int | float]:
    """Parse "first:last" or "first:last:step", both ends included; an empty list if the text is not a range."""
    try:
        first, last, step = [*map(Decimal, text.split(":")), Decimal(1)][:3]
    except (InvalidOperation, ValueError):
        return []
    if text.count(":") not in (1, 2):
        return []
    if step <= 0 or last < first or (last - first) / step > MAX_VALUES:
        raise ValueError(f"a range must be FIRST:LAST or FIRST:LAST:STEP, upwards, got {text!r}")
    numbers = [first + step * index for index in range(int((last - first) / step) + 1)]
    return [int(number) if number == int(number) else float(number) for number in numbers]
