"""Model cards: their main facts, and the quality that is recorded in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..files import read_json, write_json
from ..scores.measures import measures


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


def record_quality(card: Path, protocol: Mapping[str, Any], results: Sequence[Mapping[str, Any]]) -> None:
    """Write the means of a model's results into its card, replacing earlier ones.

    Parameters
    ----------
    card : Path
        The model's `.json`.
    protocol : dict
        How the model was measured, and on which pictures.
    results : sequence of dict
        A row for each setup, as `frantools evaluate` writes it.
    """
    names = ("setup", *measures.builtin, "calls", "pictures")
    quality = {**protocol, "results": [{name: result[name] for name in names} for result in results]}
    write_json(card, {**read_json(card), "quality": quality})
