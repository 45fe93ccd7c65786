"""A sweep as a store holds it: what was measured under the same conditions, by whatever sweeps."""

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
from ..restorers.resolve import MissingRestorer
from .axes import said
from .export import KEPT, SHARED, check_facts, numbers_of, unpacked
from .result import Sweep
from .store import Record, Store

Picture = tuple[str, list[Record]]
"""The hash of a picture, and what was measured on it."""


def stored(folder: str | PathLike[str]) -> Sweep:
    """The results of a store. Nothing is computed, and nothing that it names is imported or run.

    Parameters
    ----------
    folder : path
        That a sweep kept its results in. Of results that were measured in several ways (size, points, measures), those
        of the way that has most are taken. Or a file that `packed` made of it.

    Returns
    -------
    Sweep
        Its axes are all that varies, settings of the sampler one by one.

    Raises
    ------
    FileNotFoundError, ValueError, StoreError
        If there is no store, or it has no results of this version of the engine.
    """
    facts, pictures, others = kept_in(folder)
    return _gathered(facts, [records for _, records in pictures], others)


def kept_in(folder: str | PathLike[str]) -> tuple[dict[str, Any], list[Picture], int]:
    """What the results of a store share, and they by picture; how many others it has. See `stored`."""
    path = Path(folder).expanduser()
    if path.suffix == ".json" and path.is_file():
        try:
            return unpacked(read_json(path))
        except ValueError as error:
            raise error if str(path) in str(error) else ValueError(f"{path}: {error}") from None
    if not (path / "store.json").is_file():
        raise FileNotFoundError(f"there is no store {folder}; accepted is a folder that a sweep keeps its results in")
    store, found, damage, older = Store(path), dict[str, list[Picture]](), list[str](), list[str]()
    for about in sorted(path.glob("cells/*/*/context.json")):
        try:
            facts = check_facts(read_json(about))
        except (ValueError, OSError) as error:
            wrong = str(error) if str(about) in str(error) else f"{about}: {error}"
            damage.append(f"{wrong}; the results beside it are skipped")
            continue
        if facts["engine"] != ENGINE:
            older.append(f"{about} is of version {facts['engine']}")
            continue
        shared = {name: facts[name] for name in SHARED}
        records = list(store.read(about.parent.name, numbers_of(facts), damage).values())
        found.setdefault(to_json(shared), []).append((facts["picture"], records))
    for wrong in damage:
        warnings.warn(wrong, stacklevel=3)
    sizes = {way: sum(len(records) for _, records in each) for way, each in found.items()}
    if not any(sizes.values()):
        why = "".join(f"; {each}" for each in (damage + older)[:1])
        raise ValueError(f"the store {folder} has no results of this version of the engine, which is {ENGINE}{why}")
    told = max(sizes, key=lambda way: sizes[way])
    return from_json(told), found[told], sum(sizes.values()) - sizes[told]


def _gathered(facts: Mapping[str, Any], pictures: list[list[Record]], others: int) -> Sweep:
    measures = tuple(each if isinstance(each, str) else each[0] for each in facts["measures"])
    numbers = numbers_of(facts)
    seeds = any(len({record["seed"] for record in records}) > 1 for records in pictures)  # else they are the pictures'
    records = [record for each in pictures for record in each]
    facts_of = [_facts(record, {*KEPT, *numbers}, seeds) for record in records]
    names = list(dict.fromkeys(name for values in facts_of for name in values))
    varying = [name for name in names if len({values.get(name) for values in facts_of}) > 1]
    axes = tuple([name for name in varying if name != "setup"] or varying or ["model"])
    columns: dict[tuple[Any, ...], Column] = {}
    rows = []
    for record, values in zip(records, facts_of, strict=True):
        place = tuple(values.get(name) for name in axes)
        columns.setdefault(place, _column(record, seeds, {*KEPT, *numbers}))
        rows.append(
            {"picture": record["picture"], **dict(zip(axes, place, strict=True))}
            | {name: float(record.get(name, "nan")) for name in numbers}
            | {name: record.get(name) for name in ("calls", "seconds", "sentence")}
        )
    how = "every pixel" if facts["points"] is None else f"{facts['points'][0]} random points of each"
    left = f" {others} other results of the store were measured otherwise." if others else ""
    protocol = f"The {facts['frame']} frame of pictures at {facts['size']} pixels, measured on {how}.{left}"
    settings = [(dict(zip(axes, place, strict=True)), column) for place, column in columns.items()]
    known = tuple(dict.fromkeys(row["picture"] for row in rows))
    return Sweep(axes, measures, settings, known, rows, protocol, facts["points"] and facts["points"][0])


@cache
def _sampler(name: str | None) -> Any:
    """The sampler of a name; None where there is none, or nothing makes it again."""
    try:
        return None if name is None else named_setup(name)
    except (ValueError, ImportError):
        return None


def _facts(record: Record, dropped: set[str], seeds: bool) -> dict[str, Any]:
    """What a result is of, by name."""
    own = {name: said(value) for name, value in record.items() if name not in dropped and (seeds or name != "seed")}
    sampler = _sampler(record["setup"])
    settings = dict(sampler.to_dict()) if sampler is not None else {"setup": record["setup"]}
    settings |= settings.pop("options", {})
    return {name: said(value) for name, value in settings.items()} | {
        name: value for name, value in own.items() if name not in ("setup", *settings)
    }


def _column(record: Record, seeds: bool, dropped: set[str]) -> Column:
    """What restores again as a result says; where a store cannot know it, or it is code, what says so."""
    model, sampler = record["model"], _sampler(record["setup"])
    why = ""
    if ".py:" in model:
        why = f"{model} is code, which is not run because a store names it; give the axes and the store"
    elif record["given"] is not None or (record["setup"] is not None and sampler is None):
        what = record["setup"] if record["given"] is None else f"what was given ({record['given']})"
        why = f"the store does not say enough of {what} to make it again; give the axes and the store"
    what = MissingRestorer({"title": model, "missing": why}, why) if why else model
    settings = {
        name: value for name, value in record.items() if name not in {*dropped, "model", "setup", "seed", "given"}
    }
    return Column(model, what, sampler, record["seed"] if seeds else None, settings=settings)
