"""Shipped results: measurements of the shipped models on held-out portraits."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..comparisons.evaluation import Metrics
from ..frannet.weights.checkpoints import shipped
from ..restorers.columns import COLUMNS

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
RENAMED = {"loss": "mse", "loss_gray": "mse_gray"}
"""The measures that older result files call otherwise."""
FAMILIES = {
    "DDIM": "DDIM",
    "B": "DDIM with noise projection (A, B)",
    "DPMSolverMultistep": "DPM-Solver++",
    "UniPCMultistep": "UniPC",
}
"""Samplers by the part of a setup's name before the colon."""


def results_path(name: str) -> Path:
    """The path of a file of results."""
    return shipped() / "results" / name


def read_results(name: str) -> dict[str, Any]:
    """Read a file of results; a missing one is empty."""
    path = results_path(name)
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return content


def files() -> list[dict[str, Any]]:
    """The files that `frantools evaluate` wrote, in the order of their names: those that have "results"."""
    contents = [read_results(path.name) for path in sorted(results_path("").glob("*.json"))]
    return [content for content in contents if "results" in content]


def shipped_results() -> dict[str, dict[str, Any]]:
    """All shipped results of `frantools evaluate`, by model and setup.

    Returns
    -------
    dict
        "bicubic", "single-masking-8", "diffusion-basic B" ...: baselines first, then single-pass models, then
        those that are sampled, in the order of the files' names and as listed there.
    """
    rows = [with_current_names(row) for file in files() for row in file["results"]]
    rows.sort(key=lambda row: (row["calls"] > 0) + (row["setup"] is not None))  # baselines make no calls
    return {_name(row["model"], row["setup"]): row for row in rows}


def with_current_names(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row by the current names of measures."""
    return {
        RENAMED.get(name, name): with_current_names(value) if name == "each" else value for name, value in row.items()
    }


def _name(model: str, setup: str | None) -> str:
    return f"{model} {setup}" if setup else model


_COLUMNS = {
    title: _name(column.what, title if column.setup else None)
    for title, column in COLUMNS.items()
    if title in PUBLISHED
}
NOTE_LOSSES = {"bicubic": PUBLISHED["bicubic"]} | {name: PUBLISHED[title] for title, name in _COLUMNS.items()}
"""The same losses by the names of the corresponding shipped results."""


def held_out_results() -> dict[str, dict[str, Any]]:
    """The shipped results of the note's columns, by the column's title."""
    results = shipped_results()
    return {title: results[name] for title, name in _COLUMNS.items() if name in results}


def commands() -> str:
    """The commands that produced the shipped results, one per line."""
    return "\n".join(file["command"] for file in files())


def metrics() -> dict[str, Metrics]:
    """The shipped results as `ft.evaluate` returns them, by model and setup; see `shipped_results`."""
    return {name: Metrics.from_dict(row) for name, row in shipped_results().items()}


def curves(model: str = "diffusion-best") -> dict[str, list[tuple[int, float]]]:
    """The loss of each sampler by its network calls; from `data/results/calls/MODEL.json`.

    Returns
    -------
    dict
        By sampler: (network calls, loss).
    """
    points: dict[str, list[tuple[int, float]]] = {}
    for row in map(with_current_names, read_results(f"calls/{model}.json")["results"]):
        family = FAMILIES[row["setup"].partition(":")[0]]
        points.setdefault(family, []).append((row["calls"], row["mse"]))
    return {family: sorted(curve) for family, curve in points.items()}


def noise_length() -> dict[str, Any]:
    """The study of noise lengths, portrait by portrait, by `benchmarks/noise_length.py`; empty if it has not run."""
    return read_results("noise-length.json")
