"""What tells one result from another: the address of a cell in the store."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

from ..files import to_json
from ..frannet.network.coordinate_model import CoordinateModel, is_plain_frannet
from ..frannet.network.fingerprints import weights_hash
from ..photos.photo import Photo
from ..restorers.base import Restorer, RestorerError
from ..restorers.columns import Column
from ..restorers.frannet import unnamed
from ..scores.measures import Measure

PROCESS = uuid.uuid4().hex
"""Part of the address of what nothing names again, such as a lambda: no other process takes its results for its own."""


def address(content: Mapping[str, Any]) -> str:
    """The hash of what JSON can hold."""
    return hashlib.sha256(to_json(content, sort_keys=True).encode()).hexdigest()[:32]


def identity(column: Column, made: Restorer, photo: Photo | None = None) -> dict[str, Any]:
    """What a column's numbers depend on, less the picture; as JSON can hold it.

    Names do not matter where a hash says more: weights of another name are the same weights.

    Parameters
    ----------
    column : Column
        With its settings.
    made : Restorer
        Of the column.
    photo : Photo, optional
        For restorers that read a file of their own for each photo; see `Restorer.reads_files`.
    """
    facts: dict[str, Any] = {"given": column.given and column.given.to_dict()}
    if made.random and column.seed is not None:
        facts["seed"] = column.seed
    if made.model is not None:
        weights = _weights(column, made)
        if weights is not None and not unnamed(made.sampler):
            return facts | {"weights": weights, "sampler": made.sampler and sampler_facts(made.sampler)}
    named = column.to_dict()
    if made.model is not None or ("missing" in named and "sha256" not in named):
        return facts | {"process": PROCESS, "object": column.replace(title="").key()}
    hashes = sorted(_hashes(made, photo).values())
    dropped = {"title", "seed", "degradation", "missing", *(("path", "model") if hashes else ())}
    return facts | {"named": {name: value for name, value in named.items() if name not in dropped}, "files": hashes}


def sampler_facts(sampler: Any) -> dict[str, Any]:
    """The settings of a sampler that differ from its defaults: a setting that is added later changes no address."""
    settings = dict(sampler.to_dict())
    if is_dataclass(sampler):
        made = {field.name: field.default for field in fields(sampler) if field.default is not MISSING}
        settings = {name: value for name, value in settings.items() if name not in made or made[name] != value}
    return {"kind": type(sampler).__name__, **settings}


def _weights(column: Column, made: Any) -> str | None:
    """The hash of a model's weights: of the file where it was named; of a model in memory, of what it holds now."""
    if isinstance(column.what, str):
        sha256: str | None = made.sha256
        return sha256
    model: CoordinateModel = made.model
    if not is_plain_frannet(model):
        return None
    return hashlib.sha256(f"{model.config!r} {weights_hash(model)}".encode()).hexdigest()


def _hashes(made: Restorer, photo: Photo | None) -> dict[str, str]:
    try:
        return made.hashes(photo)
    except (RestorerError, OSError):  # it says so itself where it is asked to restore
        return {}


def measure_facts(measure: Measure, own: bool) -> Any:
    """A measure: by its name, or where it is not the package's, with the function too."""
    if not own:
        return measure.name
    named = Column("measure", measure.function).to_dict()
    return [measure.name, PROCESS if "missing" in named else named]
