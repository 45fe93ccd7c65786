"""Addresses of cells in a sweep store."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from ..files import to_json
from ..photos.photo import Photo
from ..restorers.base import Restorer
from ..restorers.columns import Column
from ..restorers.identity import PROCESS
from ..scores.measures import Measure


def address(content: Mapping[str, Any]) -> str:
    """The hash of what JSON can represent."""
    return hashlib.sha256(to_json(content, sort_keys=True, default=repr).encode()).hexdigest()[:32]


def identity(column: Column, restorer: Restorer, photo: Photo | None = None) -> dict[str, Any]:
    """Identify a column by what its numbers depend on; `photo` is for restorers that read a file for each photo."""
    facts: dict[str, Any] = {"given": column.given and column.given.to_dict()}
    if restorer.random and column.seed is not None:
        facts["seed"] = column.seed
    return facts | restorer.token(photo)


def measure_facts(measure: Measure, custom: bool) -> Any:
    """Identify a measure: by its name, and a custom one by its function, too."""
    if not custom:
        return measure.name
    description = Column("measure", measure.function).to_dict()
    return [measure.name, PROCESS if "missing" in description else description]
