"""Records of a sweep's results, and the checks of those read from a file.

A record is what one setting gave on one picture. Records that can be compared share their *conditions*: the picture,
its frame and size, the points, the precision and the measures.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ..checks import is_integer

Record = dict[str, Any]
Conditions = dict[str, Any]

COMPARABLE = ("frame", "size", "points", "precision", "measures")
"""Conditions that are the same for all pictures of a sweep."""
METADATA = {"key", "picture", "calls", "seconds", "sentence", "worker", "time"}
"""Fields of a record besides the column's settings and the measured values."""

TEXT, NUMBER, NONE = (str,), (int, float), (type(None),)
REQUIRED: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("key", "picture", "model", "sentence"), TEXT),
    **dict.fromkeys(("setup", "given"), TEXT + NONE),
    "seed": (int,),
    "seconds": NUMBER + NONE,
}
OPTIONAL: dict[str, tuple[type, ...]] = {"calls": NUMBER + NONE, "worker": TEXT, "time": TEXT}


def measure_name(measure: Any) -> str:
    """The name of a measure in the conditions, where a custom one is a list of its name and its function."""
    return measure[0] if isinstance(measure, list) else measure


def value_names(conditions: Mapping[str, Any]) -> list[str]:
    """The names of the measured values in each record: the measures and, with points, their standard errors."""
    names = [measure_name(measure) for measure in conditions["measures"]]
    return [*names, *(f"{name}_se" for name in names if conditions["points"])]


def check_conditions(conditions: Any) -> Conditions:
    """Check conditions that were read from a file; a ValueError says what is missing or damaged."""
    if not isinstance(conditions, dict):
        raise ValueError(f"must be an object, got {conditions!r:.60}")
    if missing := {"engine", "picture", *COMPARABLE} - conditions.keys():
        raise ValueError(f"has no {', '.join(sorted(missing))}")
    points, measures = conditions["points"], conditions["measures"]
    valid = {
        **{name: is_integer(conditions[name]) for name in ("engine", "size")},
        **{name: isinstance(conditions[name], str) for name in ("picture", "frame", "precision")},
        "points": points is None or (isinstance(points, list) and len(points) == 2 and all(map(is_integer, points))),
        "measures": isinstance(measures, list)
        and bool(measures)
        and all(measure and isinstance(measure_name(measure), str) for measure in measures),
    }
    for name, is_valid in valid.items():
        if not is_valid:
            raise ValueError(f"{name} is damaged, got {conditions[name]!r:.60}")
    return conditions


def check_record(record: Any, values: Collection[str]) -> Record:
    """Check a record that was read from a file; `values` are the names of the measured values.

    Raises
    ------
    ValueError
        If a field is missing or has the wrong type.
    """
    if not isinstance(record, dict):
        raise ValueError(f"a result must be an object, got {record!r:.60}")
    for name in REQUIRED:
        if name not in record:
            raise ValueError(f"has no {name}")
    for name, value in record.items():
        if name in values:
            _check_value(name, value)
        elif types := REQUIRED.get(name) or OPTIONAL.get(name):
            _check_type(name, value, types)
        else:
            _check_setting(name, value)
    if not record["sentence"] and (missing := [name for name in values if name not in record]):
        raise ValueError(f"has no {', '.join(missing)}")
    return record


def _check_setting(name: str, value: Any) -> None:
    """Check a column's setting: a scalar or a list of them, as `axes.to_table_value` returns it."""
    for item in value if isinstance(value, list) else ():
        _check_setting(name, item)
    if not isinstance(value, list):
        _check_type(name, value, (*TEXT, *NUMBER, bool, *NONE))


def _check_type(name: str, value: Any, types: tuple[type, ...]) -> None:
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        accepted = " or ".join("None" if accepted is type(None) else accepted.__name__ for accepted in types)
        raise ValueError(f"{name} must be {accepted}, got {value!r:.60}")


def _check_value(name: str, value: Any) -> None:
    try:
        if isinstance(value, bool) or (isinstance(value, str) and value not in ("inf", "-inf", "nan")):
            raise TypeError
        float(value)
    except (TypeError, OverflowError):
        raise ValueError(f"{name} must be a number, got {value!r:.60}") from None
