"""Sweeps as they are written: in a TOML file, and as options of the command line."""

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
"""What a file may say; all but `axes` are arguments of `sweep`, and the column that is swept."""
MOST = 100_000  # values of an axis


def read(name: str) -> dict[str, Any]:
    """What a TOML file says, its axes as `sweep` takes them.

    Parameters
    ----------
    name : str
        A path, or the name of a shipped file, such as "note".

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such file, or it says something else.
    """
    path = Path(name).expanduser()
    if not path.is_file():
        path = shipped() / "sweeps" / f"{name}.toml"
    if not path.is_file():
        known = ", ".join(sorted(each.stem for each in path.parent.glob("*.toml")))
        raise FileNotFoundError(f"there is no file {name}; accepted are TOML files, and the shipped {known}")
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{name} is no TOML: {error}") from None
    if unknown := content.keys() - set(NAMES):
        raise ValueError(f"{name} has {', '.join(sorted(unknown))}; accepted are {', '.join(NAMES)}")
    axes = content.get("axes", {})
    parts = [axes] if isinstance(axes, Mapping) else axes
    if not isinstance(parts, list) or not all(isinstance(part, Mapping) for part in parts):
        raise ValueError(f"{name} has axes {axes!r}; accepted are [axes] and [[axes]] with a list for each name")
    content["axes"] = [{axis: values(value) for axis, value in part.items()} for part in parts]
    return content


def option(text: str) -> tuple[str, list[Any]]:
    """The name and the values of an axis as it is typed.

    Examples
    --------
    >>> option("K=1,2,4")
    ('K', [1, 2, 4])
    >>> option("stochasticity=0:1:0.25")
    ('stochasticity', [0, 0.25, 0.5, 0.75, 1])
    >>> option("clipping=none,[-1,1]")
    ('clipping', [None, [-1, 1]])
    """
    name, equals, listed = text.partition("=")
    if not equals or not name or not listed:
        raise ValueError(f"--axis has {text!r}; accepted are NAME=VALUE,VALUE,... and NAME=FIRST:LAST:STEP")
    parts = re.split(r",(?![^\[{]*[\]}])", listed)  # not at the commas of a list
    if name == "model":
        parts = list(_with_commas(parts))
    if len(parts) == 1 and listed.startswith(('["', "[[")):
        try:
            parts = from_json(listed)
        except ValueError:
            raise ValueError(
                f"--axis has {text!r}, whose list is not JSON; accepted are lists such as [[-1, 1], [0, 1]] and "
                '["A", "B:K=2"]'
            ) from None
    return name, [each for part in parts for each in values(part if isinstance(part, str) else [part])]


def _with_commas(parts: Sequence[str]) -> Iterator[str]:
    """The same parts, but for those that only together are the name of a file or folder that exists."""
    left = list(parts)
    while left:
        joined = (",".join(left[:count]) for count in range(len(left), 1, -1))
        name = next(filter(_exists, joined), left[0])
        yield name
        left = left[name.count(",") + 1 :]


def _exists(name: str) -> bool:
    """Whether a file or folder exists, or the file of FILE.py:FUNCTION."""
    file, _, function = name.rpartition(":")
    return exists(expanduser(name)) or (function.isidentifier() and exists(expanduser(file)))


def values(written: Any) -> Any:
    """The values of an axis: of a text a range or the one value, of a list each; "none" is None."""
    if isinstance(written, str):
        return _range(written) or [_value(written)]
    return [_none(value) for value in written] if isinstance(written, list) else written


def _none(value: Any) -> Any:
    return None if isinstance(value, str) and value == "none" else value


def _value(text: str) -> Any:
    try:
        return from_json(text)
    except ValueError:
        return _none(text.strip())


def _range(text: str) -> Sequence[Any]:
    """The numbers of "first:last" or "first:last:step", both ends among them; nothing where it is no range."""
    try:
        first, last, step = [*map(Decimal, text.split(":")), Decimal(1)][:3]
    except (InvalidOperation, ValueError):
        return []
    if text.count(":") not in (1, 2):
        return []
    if step <= 0 or last < first or (last - first) / step > MOST:
        raise ValueError(f"{text!r} is no range; accepted are FIRST:LAST and FIRST:LAST:STEP, upwards")
    numbers = [first + step * index for index in range(int((last - first) / step) + 1)]
    return [int(number) if number == int(number) else float(number) for number in numbers]
