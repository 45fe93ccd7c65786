"""A model's card: its main facts, and the numbers that are kept in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..comparisons.evaluation import NAMES
from ..files import read_json, write_json


def facts(name: str, card: dict[str, Any]) -> dict[str, Any]:
    """The main facts of a model's card, as a row of a table."""
    settings, data = card.get("settings", {}), card.get("data", {})
    results = card.get("quality", {}).get("results", [])
    losses = {result["setup"]: result["mse"] if "mse" in result else result["loss"] for result in results}
    return {
        "model": name,
        "restorator": settings.get("restorator"),
        "masking": settings.get("masking"),
        "parameters": card.get("parameters"),
        "pictures": data.get("pictures"),
        "steps": settings.get("steps"),
        "minutes": card.get("minutes"),
        "loss": ", ".join(f"{setup} {loss:.4f}" if setup else f"{loss:.4f}" for setup, loss in losses.items()) or None,
    }


def keep_quality(card: Path, made: Mapping[str, Any], results: Sequence[Mapping[str, Any]]) -> None:
    """Write how good a model is into its card: means alone, in place of those that were there.

    Parameters
    ----------
    card : Path
        The model's `.json`.
    made : dict
        How it was measured, and on what.
    results : sequence of dict
        For each setup, what `frantools evaluate` writes.
    """
    names = ("setup", *NAMES, "calls", "pictures")
    quality = {**made, "results": [{name: result[name] for name in names} for result in results]}
    write_json(card, {**read_json(card), "quality": quality})
