"""A store's results in one small JSON file: the pictures that were measured under all settings."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from ..comparisons.cache import ENGINE
from ..files import to_json
from .records import COMPARABLE, METADATA, Conditions, Record, check_conditions, check_record, value_names

DIGITS = 7

PictureRecords = tuple[str, list[Record]]
"""The hash of a picture and its records."""


def export_records(conditions: Mapping[str, Any], pictures: Sequence[PictureRecords], **about: Any) -> dict[str, Any]:
    """Convert the records of a store to a compact form, which `parse_export` reads.

    Parameters
    ----------
    conditions, pictures
        From `reader.read_records`.
    **about : object
        Further entries of the file, such as the command.

    Returns
    -------
    dict
        JSON content without the pictures on which a setting is missing or failed, and without machines and times.
        `numbers` has one list per setting, with one number per picture, of seven digits.

    Raises
    ------
    ValueError
        If no picture was measured under all settings, or one twice under the same.
    """
    values, table = value_names(conditions), dict[str, dict[str, Record]]()
    for picture, records in pictures:
        for record in records:
            setting = {name: value for name, value in record.items() if name not in {*METADATA, *values, "seed"}}
            row = table.setdefault(to_json(setting), {})
            if picture in row:
                raise ValueError(f"{record['picture']} was measured twice under {setting}; use one seed per picture")
            if not record["sentence"]:
                row[picture] = record
    complete = [picture for picture, _ in pictures if all(picture in row for row in table.values())]
    if not complete:
        raise ValueError("no picture was measured under all settings")
    first = next(iter(table.values()))
    complete.sort(key=lambda picture: (first[picture]["seed"], first[picture]["picture"]))
    settings = sorted(table)
    return {
        **about,
        **conditions,
        "pictures": [
            {"picture": PurePath(first[sha256]["picture"]).name, "sha256": sha256, "seed": first[sha256]["seed"]}
            for sha256 in complete
        ],
        "settings": [
            {**json.loads(setting), "calls": table[setting][complete[0]].get("calls")} for setting in settings
        ],
        "numbers": {
            name: [
                [float(f"{float(table[setting][sha256][name]):.{DIGITS}g}") for sha256 in complete]
                for setting in settings
            ]
            for name in values
        },
    }


def parse_export(content: Mapping[str, Any]) -> tuple[Conditions, list[PictureRecords]]:
    """Read what `export_records` wrote; a ValueError if it is something else."""
    try:
        conditions = check_conditions({**content, "engine": ENGINE, "picture": ""})
        conditions = {name: conditions[name] for name in COMPARABLE}
        pictures = [
            (picture["sha256"], [
                {**setting, "picture": picture["picture"], "seed": picture["seed"], "seconds": None, "sentence": ""}
                | {name: rows[row][column] for name, rows in content["numbers"].items()}
                for row, setting in enumerate(content["settings"])
            ])
            for column, picture in enumerate(content["pictures"])
        ]  # fmt: skip
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise ValueError(f"is not an exported sweep: {type(error).__name__}: {error}") from None
    for _, records in pictures:
        for record in records:
            check_record({**record, "key": ""}, value_names(conditions))
    return conditions, pictures


def format_export(content: Mapping[str, Any]) -> str:
    """Format exported records as JSON, with one setting per line."""
    lines = []
    for name, value in content.items():
        if name == "numbers":
            parts = [f"{to_json(measure)}: {_format_rows(rows, 4)}" for measure, rows in value.items()]
            text = "{\n    " + ",\n    ".join(parts) + "\n  }"
        else:
            text = _format_rows(value, 2) if name in ("pictures", "settings") else to_json(value)
        lines.append(f"{to_json(name)}: {text}")
    return "{\n  " + ",\n  ".join(lines) + "\n}\n"


def _format_rows(rows: Sequence[Any], indent: int) -> str:
    end = "\n" + " " * indent
    return "[" + ",".join(f"{end}  {to_json(row)}" for row in rows) + f"{end}]"
