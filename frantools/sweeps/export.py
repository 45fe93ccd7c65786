"""A sweep in one small file: of a store, the pictures that all settings were measured on, and the numbers alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from ..checks import is_integer
from ..comparisons.cache import ENGINE
from ..files import to_json
from .store import Record, check_record

SHARED = ("frame", "size", "points", "precision", "measures")
"""What results share that can be compared."""
KEPT = {"key", "picture", "calls", "seconds", "sentence", "worker", "time"}
"""What a store says of each result beside its column and its numbers."""
DIGITS = 7
Facts = dict[str, Any]


def numbers_of(facts: Mapping[str, Any]) -> list[str]:
    """The names of what was measured."""
    measures = [each if isinstance(each, str) else each[0] for each in facts["measures"]]
    return [*measures, *(f"{name}_se" for name in measures if facts["points"])]


def check_facts(facts: Any) -> Facts:
    """Check what results share, as it was read from a file.

    Raises
    ------
    ValueError
        If a fact is missing, or is not of its type.
    """
    if not isinstance(facts, dict):
        raise ValueError(f"it must be an object, got {facts!r:.60}")
    if missing := {"engine", "picture", *SHARED} - facts.keys():
        raise ValueError(f"it has no {', '.join(sorted(missing))}")
    points, measures = facts["points"], facts["measures"]
    accepted = {
        "engine": is_integer(facts["engine"]),
        "picture": isinstance(facts["picture"], str),
        "frame": isinstance(facts["frame"], str),
        "size": is_integer(facts["size"]),
        "points": points is None or (isinstance(points, list) and len(points) == 2 and all(map(is_integer, points))),
        "precision": isinstance(facts["precision"], str),
        "measures": isinstance(measures, list)
        and bool(measures)
        and all(isinstance(each[0] if isinstance(each, list) and each else each, str) for each in measures),
    }
    for name, right in accepted.items():
        if not right:
            raise ValueError(f"its {name} is damaged, got {facts[name]!r:.60}")
    return facts


def packed(facts: Mapping[str, Any], pictures: Sequence[tuple[str, list[Record]]], **about: Any) -> Facts:
    """The results of a store, compactly; `unpacked` reads them.

    Parameters
    ----------
    facts, pictures
        From `stored.kept_in`.
    **about : object
        What else the file says, such as the command.

    Returns
    -------
    dict
        For JSON. Pictures that a setting was not measured on, or failed on, are left out; so are the machines and their
        times. Numbers have seven digits. `numbers` has a list a setting, with a number a picture.

    Raises
    ------
    ValueError
        If no picture was measured under all settings, or one twice under the same.
    """
    numbers, table = numbers_of(facts), dict[str, dict[str, Record]]()
    for picture, records in pictures:
        for record in records:
            own = {name: value for name, value in record.items() if name not in {*KEPT, *numbers, "seed"}}
            row = table.setdefault(to_json(own), {})
            if picture in row:
                raise ValueError(f"{record['picture']} was measured twice under {own}; accepted is one seed a picture")
            if not record["sentence"]:
                row[picture] = record
    whole = [picture for picture, _ in pictures if all(picture in row for row in table.values())]
    if not whole:
        raise ValueError("no picture was measured under all settings; accepted are stores with one or more")
    some = next(iter(table.values()))
    whole.sort(key=lambda picture: (some[picture]["seed"], some[picture]["picture"]))
    settings = sorted(table)
    return {
        **about,
        **facts,
        "pictures": [
            {"picture": PurePath(some[each]["picture"]).name, "sha256": each, "seed": some[each]["seed"]}
            for each in whole
        ],
        "settings": [{**json.loads(each), "calls": table[each][whole[0]].get("calls")} for each in settings],
        "numbers": {
            name: [[float(f"{float(table[each][p][name]):.{DIGITS}g}") for p in whole] for each in settings]
            for name in numbers
        },
    }


def unpacked(content: Mapping[str, Any]) -> tuple[Facts, list[tuple[str, list[Record]]], int]:
    """What `packed` made, as `stored.kept_in` gives it; a ValueError where it is something else."""
    try:
        facts = check_facts({**content, "engine": ENGINE, "picture": ""})
        facts = {name: facts[name] for name in SHARED}
        pictures = [
            (picture["sha256"], [
                {**setting, "picture": picture["picture"], "seed": picture["seed"], "seconds": None, "sentence": ""}
                | {name: rows[row][column] for name, rows in content["numbers"].items()}
                for row, setting in enumerate(content["settings"])
            ])
            for column, picture in enumerate(content["pictures"])
        ]  # fmt: skip
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise ValueError(f"the file has no {error}; accepted are the files of packed sweeps") from None
    for _, records in pictures:
        for record in records:
            check_record({**record, "key": ""}, numbers_of(facts))
    return facts, pictures, 0


def written(content: Mapping[str, Any]) -> str:
    """Packed results as text: a setting a line."""
    lines = []
    for name, value in content.items():
        if name == "numbers":
            parts = [f"{to_json(each)}: {_listed(rows, 4)}" for each, rows in value.items()]
            lines.append('"numbers": {\n    ' + ",\n    ".join(parts) + "\n  }")
        else:
            told = _listed(value, 2) if name in ("pictures", "settings") else to_json(value)
            lines.append(f"{to_json(name)}: {told}")
    return "{\n  " + ",\n  ".join(lines) + "\n}\n"


def _listed(rows: Sequence[Any], indent: int) -> str:
    end = "\n" + " " * indent
    return "[" + ",".join(f"{end}  {to_json(row)}" for row in rows) + f"{end}]"
