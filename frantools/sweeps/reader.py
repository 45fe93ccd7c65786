"""Read a store or an exported sweep back as a `Sweep`."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from functools import cache
from os import PathLike
from pathlib import Path
from typing import Any

from ..comparisons.cache import ENGINE
from ..files import from_json, read_json, to_json
from ..frannet.sampling.named_setups import named_setup
from ..restorers.columns import Column
from ..restorers.kinds import MissingRestorer
from .axes import to_table_value
from .export import PictureRecords, parse_export
from .records import COMPARABLE, METADATA, Conditions, Record, check_conditions, measure_name, value_names
from .result import Sweep
from .store import Store


def read_sweep(path: str | PathLike[str]) -> Sweep:
    """Read the results of a store. Nothing is computed, and no code that the store names is imported.

    Parameters
    ----------
    path : path
        The folder of a store, or a file of exported results. If the store has results under several conditions (size,
        points, measures), the largest group is read.

    Returns
    -------
    Sweep
        Its axes are all settings that vary; a sampler's settings are separate axes.

    Raises
    ------
    FileNotFoundError, ValueError, StoreError
        If there is no store, or it has no results of this version of the engine.
    """
    conditions, pictures, ignored = read_records(path)
    return _to_sweep(conditions, [records for _, records in pictures], ignored)


def read_records(path: str | PathLike[str]) -> tuple[Conditions, list[PictureRecords], int]:
    """Read a store's records by picture, with the conditions they share, and count the records that were ignored.

    See `read_sweep` for arguments and errors.
    """
    folder = Path(path).expanduser()
    if folder.suffix == ".json" and folder.is_file():
        try:
            return *parse_export(read_json(folder)), 0
        except ValueError as error:
            raise error if str(folder) in str(error) else ValueError(f"{folder}: {error}") from None
    if not (folder / "store.json").is_file():
        raise FileNotFoundError(f"{path}: there is no store")
    store, damage, outdated = Store(folder), list[str](), list[str]()
    groups: dict[str, list[PictureRecords]] = {}
    for file in sorted(folder.glob("cells/*/*/context.json")):
        try:
            conditions = check_conditions(read_json(file))
        except (ValueError, OSError) as error:
            message = str(error) if str(file) in str(error) else f"{file}: {error}"
            damage.append(f"{message}; the results beside it are skipped")
            continue
        if conditions["engine"] != ENGINE:
            outdated.append(f"{file} is of version {conditions['engine']}")
            continue
        records = list(store.read(file.parent.name, value_names(conditions), damage).values())
        shared = to_json({name: conditions[name] for name in COMPARABLE})
        groups.setdefault(shared, []).append((conditions["picture"], records))
    for message in damage:
        warnings.warn(message, stacklevel=3)
    sizes = {shared: sum(len(records) for _, records in pictures) for shared, pictures in groups.items()}
    if not any(sizes.values()):
        reason = "".join(f"; {message}" for message in (damage + outdated)[:1])
        raise ValueError(f"{path}: the store has no results of engine version {ENGINE}, the current one{reason}")
    largest = max(sizes, key=lambda shared: sizes[shared])
    return from_json(largest), groups[largest], sum(sizes.values()) - sizes[largest]


def _to_sweep(conditions: Mapping[str, Any], pictures: list[list[Record]], ignored: int) -> Sweep:
    values = value_names(conditions)
    seeds_vary = any(len({record["seed"] for record in records}) > 1 for records in pictures)
    records = [record for picture in pictures for record in picture]
    all_settings = [_settings(record, {*METADATA, *values}, seeds_vary) for record in records]
    names = list(dict.fromkeys(name for settings in all_settings for name in settings))
    varying = [name for name in names if len({settings.get(name) for settings in all_settings}) > 1]
    axes = tuple([name for name in varying if name != "setup"] or varying or ["model"])
    columns: dict[tuple[Any, ...], Column] = {}
    rows = []
    for record, settings in zip(records, all_settings, strict=True):
        place = tuple(settings.get(name) for name in axes)
        columns.setdefault(place, _to_column(record, {*METADATA, *values}, seeds_vary))
        rows.append(
            {"picture": record["picture"], **dict(zip(axes, place, strict=True))}
            | {name: float(record.get(name, "nan")) for name in values}
            | {name: record.get(name) for name in ("calls", "seconds", "sentence")}
        )
    points = conditions["points"] and conditions["points"][0]
    measured = "every pixel" if points is None else f"{points} random points of each"
    note = f" {ignored} other results of the store were measured under other conditions." if ignored else ""
    return Sweep(
        axes,
        tuple(map(measure_name, conditions["measures"])),
        [(dict(zip(axes, place, strict=True)), column) for place, column in columns.items()],
        tuple(dict.fromkeys(row["picture"] for row in rows)),
        rows,
        f"The {conditions['frame']} frame of pictures at {conditions['size']} pixels, measured on {measured}.{note}",
        points,
    )


@cache
def _find_sampler(name: str | None) -> Any:
    """Find the sampler of a name; None if the name is unknown."""
    try:
        return None if name is None else named_setup(name)
    except (ValueError, ImportError):
        return None


def _settings(record: Record, excluded: set[str], seeds_vary: bool) -> dict[str, Any]:
    """Collect the settings of a record by name, with those of its sampler."""
    sampler = _find_sampler(record["setup"])
    settings = dict(sampler.to_dict()) if sampler is not None else {"setup": record["setup"]}
    settings |= settings.pop("options", {})
    others = {name: value for name, value in record.items() if name not in {*excluded, *settings, "setup"}}
    if not seeds_vary:
        others.pop("seed", None)  # the seeds are the pictures'
    return {name: to_table_value(value) for name, value in (settings | others).items()}


def _to_column(record: Record, excluded: set[str], seeds_vary: bool) -> Column:
    """Reconstruct the column of a record, with a placeholder if the store does not describe its restorer fully."""
    model, sampler = record["model"], _find_sampler(record["setup"])
    reason = ""
    if ".py:" in model:
        reason = f"{model} is code, which is not run because a store names it; pass the axes and the store"
    elif record["given"] is not None or (record["setup"] is not None and sampler is None):
        unknown = record["setup"] if record["given"] is None else f"the degradation ({record['given']})"
        reason = f"the store does not describe {unknown} fully; pass the axes and the store"
    what = MissingRestorer(reason, {"title": model, "missing": reason}) if reason else model
    excluded = {*excluded, "model", "setup", "seed", "given"}
    settings = {name: value for name, value in record.items() if name not in excluded}
    return Column(model, what, sampler, record["seed"] if seeds_vary else None, settings=settings)
