"""The shipped results, read: what `frantools evaluate` and the benchmarks measured on held-out portraits."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

from ..comparisons.evaluation import Metrics
from ..frannet.weights.checkpoints import shipped
from ..restorers.columns import COLUMNS
from ..scores.measures import OLD, Named

PUBLISHED = {
    "DDPM": 0.0103,
    "DDIM": 0.0175,
    "A": 0.00646,
    "B": 0.00637,
    "masking-32": 0.00639,
    "masking-8": 0.00638,
    "bicubic": 0.0118,
}
"""Losses that FranNet's note reports: CelebA, 512 test images, 178 x 178."""


def files() -> list[dict[str, Any]]:
    """The files of shipped results, in the order of their names; other JSON in their folder has no "results"."""
    read = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((shipped() / "results").glob("*.json"))]
    return [content for content in read if "results" in content]


def shipped_results() -> dict[str, dict[str, Any]]:
    """All shipped results on held-out portraits, by model and setup; made by `frantools evaluate`.

    Returns
    -------
    dict
        "bicubic", "single-masking-8", "diffusion-basic B" ...: baselines first, then single-pass models, then
        those that are sampled, each in the order of the files' names and as listed there.
    """
    rows = [_named(row) for file in files() for row in file["results"]]
    rows.sort(key=lambda row: (row["calls"] > 0) + (row["setup"] is not None))  # no call: a baseline
    return {_name(row["model"], row["setup"]): row for row in rows}


def _named(row: dict[str, Any]) -> dict[str, Any]:
    """A row by the names that measures have now, whichever it was written with; the old names find it too."""
    new = Named({OLD.get(name, name): value for name, value in row.items()})
    if "each" in new:
        new["each"] = Named({OLD.get(name, name): values for name, values in new["each"].items()})
    return new


def _name(model: str, setup: str | None) -> str:
    return f"{model} {setup}" if setup else model


_COLUMNS = {
    title: _name(column.what, title if column.setup else None)
    for title, column in COLUMNS.items()
    if title in PUBLISHED
}
NOTE_COLUMNS = {"bicubic": PUBLISHED["bicubic"]} | {name: PUBLISHED[title] for title, name in _COLUMNS.items()}
"""The same losses by the name of our own model and setup."""


def held_out_results() -> dict[str, dict[str, Any]]:
    """The shipped results of the note's columns, by the note's name."""
    results = shipped_results()
    return {title: results[name] for title, name in _COLUMNS.items() if name in results}


def commands() -> str:
    """The commands that made the shipped results, a line each."""
    return "\n".join(file["command"] for file in files())


def metrics() -> dict[str, Metrics]:
    """The shipped results as `ft.evaluate` returns them, by model and setup; see `shipped_results`."""
    names = [field.name for field in fields(Metrics)]
    return {title: Metrics(**{name: row[name] for name in names}) for title, row in shipped_results().items()}


def ablation() -> list[dict[str, Any]]:
    """What each change to the network does, one at a time, a row a change; empty where none has been measured."""
    path = shipped() / "results" / "ablation.json"
    return [_named(row) for row in _read("ablation.json")["rows"]] if path.is_file() else []


def sharpness() -> dict[str, list[float]]:
    """How sharp each model is in the local region, portrait by portrait; made by `benchmarks/sharpness.py`."""
    each: dict[str, list[float]] = _read("sharpness.json")["each"]
    return each


def noise_length() -> dict[str, Any]:
    """What the length of noise changes, portrait by portrait; made by `benchmarks/noise_length.py`, or empty."""
    path = shipped() / "results" / "noise-length.json"
    return _read("noise-length.json") if path.is_file() else {}


FAMILIES = {
    "DDIM": "DDIM",
    "B": "DDIM with noise projection (A, B)",
    "DPMSolverMultistep": "DPM-Solver++",
    "UniPCMultistep": "UniPC",
}
"""Samplers by what stands before the colon in the name of a setup."""


def curves(model: str = "diffusion-best") -> dict[str, list[tuple[int, float]]]:
    """How the loss of each sampler falls with its calls; from `data/results/calls/MODEL.json`.

    Returns
    -------
    dict
        By sampler: (network calls, loss).
    """
    found: dict[str, list[tuple[int, float]]] = {}
    for row in map(_named, _read(f"calls/{model}.json")["results"]):
        family = FAMILIES[row["setup"].partition(":")[0]]
        found.setdefault(family, []).append((row["calls"], row["mse"]))
    return {family: sorted(points) for family, points in found.items()}


def _read(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((shipped() / "results" / name).read_text(encoding="utf-8"))
    return content
