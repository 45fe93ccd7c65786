"""FranNet models as restorers."""

from __future__ import annotations

import hashlib
import time
from copy import deepcopy
from dataclasses import MISSING, fields, is_dataclass
from functools import cache, lru_cache
from math import prod
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from ..files import to_json
from ..frannet.engine import pictures
from ..frannet.engine.points import PreparedPoints, prepare_points, sample_prepared_points
from ..frannet.engine.trajectory import Trace, trace
from ..frannet.network.ablations import Ablation, check_ablation
from ..frannet.network.config import Config
from ..frannet.network.coordinate_model import CoordinateModel, is_plain_frannet, schedule_of, unwrap
from ..frannet.network.fingerprints import weights_hash
from ..frannet.network.model import FranNet
from ..frannet.sampling.adapters import COMMON_SCHEDULERS
from ..frannet.sampling.named_setups import is_setup_name, named_setup, setup_from_dict
from ..frannet.sampling.samplers import Sampler
from ..frannet.sampling.setup import SETUPS
from ..frannet.weights.checkpoints import is_shipped, load_model, models
from ..photos.photo import Photo
from ..photos.regions import Region
from ..system.devices import find_device
from .base import Progress, Restoration, RestorationInput, Restorer, missing
from .custom import title_of
from .identity import object_number, process_token
from .kinds import Kind, Options

CALL_SECONDS = 0.25  # of a call for a megapixel on two cores; preparing the points takes as long as a few calls
MEMO_PIXELS = 64 * 64  # of the largest picture that stays prepared
DEFAULT_MODEL = "diffusion-basic"  # the note's


def shared_model(name: str) -> FranNet:
    """Load a model by name or path once, and again if its file has changed."""
    path = Path(name).resolve()
    status = path.stat() if path.is_file() else None
    return _load(name, status and (path, status.st_mtime_ns, status.st_size))


@lru_cache(maxsize=16)
def _load(name: str, version: object) -> FranNet:
    return load_model(name)


def is_model(what: object) -> bool:
    """Whether an object is a FranNet, or another coordinate model with a FranNet config."""
    model = unwrap(what)
    return isinstance(model, nn.Module) and isinstance(getattr(model, "config", None), Config)


def why_unnamed(setup: Sampler | None) -> str:
    """Why a recipe cannot name a sampler; empty if its `to_dict` reproduces it."""
    try:
        if setup is None or bool(setup_from_dict(setup.to_dict()) == setup):
            return ""
    except Exception:  # a custom sampler may describe itself in any way, or not at all
        pass
    return f"has the sampler {type(setup).__name__}, which no recipe can name"


class FranNetRestorer(Restorer):
    """A FranNet model with a sampler.

    Parameters
    ----------
    model : FranNet or another CoordinateModel
        In evaluation mode.
    setup : Sampler, optional
        Default: B for a diffusion model, and the model's own for an autoregressive one.
    precision : {"float32", "bfloat16", "auto"}
        Of the products; see `frantools.restore`.
    title : str, optional
        Default: the model's name.
    name : str, optional
        The path or the shipped name of the model. Default: the shipped name that the model itself has.
    ablation : Ablation, optional
        The parts of the network that are disabled.

    Raises
    ------
    ValueError
        If the model is not ready to restore with, or a setup is given for a single-pass model.
    """

    interruptible = parallel = continuous = renders_points = persistent = True
    frame = "square"
    reads_copy = "always"

    def __init__(
        self,
        model: CoordinateModel,
        setup: Sampler | None = None,
        precision: str = "float32",
        title: str | None = None,
        name: str | None = None,
        ablation: Ablation | None = None,
    ) -> None:
        self.model = model = pictures.check_model(model)
        self.sampler = pictures.check_setup(model, setup)
        self.precision, self.name = precision, name or getattr(model, "source", None)
        self._has_given_name = name is not None
        self.title = title or getattr(model, "name", None) or "FranNet"
        self.random = model.config.sampler is not None
        self.ablation = ablation
        likely_calls = 1 if self.sampler is None else min(self.calls, self.sampler.likely_calls)
        self.cost: float | None = CALL_SECONDS * (3 + likely_calls)

    @property
    def calls(self) -> int:  # type: ignore[override]
        """The number of network calls for a point, at most: the sampler may end early."""
        return 1 if self.sampler is None else self.sampler.calls_on(schedule_of(self.model))

    @property
    def sha256(self) -> str | None:  # type: ignore[override]
        """The hash of the weights; None for a model without a file."""
        return getattr(self.model, "sha256", None)

    @property
    def _has_changed(self) -> bool:
        return isinstance(self.model, FranNet) and self.model.changed

    @property
    def feature_maps(self) -> int | None:  # type: ignore[override]
        """The number of feature maps that an ablation can disable; None for a model without ablations."""
        return len(self.model.encoder.channels) if isinstance(self.model, FranNet) else None

    def restore(
        self, given: RestorationInput, size: tuple[int, int], region: Region | None, seed: int, progress: Progress
    ) -> Restoration:
        """Restore from the photo's own 64 x 64 gray copy; see `Restorer`."""
        started, photo = time.perf_counter(), given.photo
        arguments = (self.model, photo.input, size, region, self.precision, self.ablation)
        if prod(size) > MEMO_PIXELS or self.ablation is not None:
            return self._sample(pictures.prepare(*arguments), seed, progress, started)
        # Such a small picture is usually a preview, rendered for each tick of a slider.
        key = ("prepared", self.model, weights_hash(self.model), size, region, self.precision)
        prepared = photo.memo(key, lambda: pictures.prepare(*arguments, keep=True), limited=True)
        return self._sample(prepared, seed, progress, started)

    def restore_input(
        self, x: Tensor, size: int | tuple[int, int], region: Region | None, seed: int, progress: Progress | None
    ) -> Restoration:
        """Restore from the network's input, (1, 1, 64, 64) in [-1, 1]."""
        started = time.perf_counter()
        prepared = pictures.prepare(self.model, x, size, region, self.precision, self.ablation)
        return self._sample(prepared, seed, progress, started)

    def _sample(
        self, prepared: pictures.PreparedPicture, seed: int, progress: Progress | None, started: float
    ) -> Restoration:
        sampled = pictures.sample_picture(prepared, self.sampler, seed, progress)
        return Restoration(sampled.colours, time.perf_counter() - started, sampled.calls, sampled.recipe)

    def prepare(self, photo: Photo, points: NDArray[np.float64]) -> PreparedPoints:
        """Compute what all samplers share at points of a photo, (N, 2) in [0, 1]; see `at`."""
        return prepare_points(self.model, photo.input, points, self.precision, self.ablation)

    def at(self, prepared: PreparedPoints, seed: int, progress: Progress | None = None) -> pictures.Colours:
        """Return the colours of points, (N, 3) in [0, 1], equal to those in the whole picture."""
        return sample_prepared_points(prepared, self.sampler, seed, progress)

    def trace(self, photo: Photo, size: tuple[int, int], seed: int, progress: Progress | None = None) -> Trace:
        """Return all steps of a restoration."""
        if self.sampler is None:
            raise ValueError(f"the single-pass model {self.title} has no steps; choose a diffusion model")
        return trace(self.model, photo.input, self.sampler, size, seed, progress, self.ablation)

    def hashes(self, photo: Photo | None) -> dict[str, str]:
        """The hash of the weights by the model's name, if the name leads to them."""
        if self.name is None or self.sha256 is None or (self._has_changed and not self._has_given_name):
            return {}
        return {self.name: self.sha256}

    def token(self, photo: Photo | None = None) -> dict[str, Any]:
        """Identify the weights, under whatever name, the sampler and the ablation."""
        ablation = {} if self.ablation is None else {"ablation": self.ablation.to_dict()}
        weights = self._weights()
        if weights is not None and not why_unnamed(self.sampler):
            return {"weights": weights, "sampler": self.sampler and _sampler_token(self.sampler), **ablation}
        assert isinstance(self.model, nn.Module)
        sampler = _unnamed_sampler_token(self.sampler)
        return process_token(self.model, weights=weights_hash(self.model), sampler=sampler, **ablation)

    def _weights(self) -> str | None:
        """The hash of the file that was named, or of the model in memory; None for another architecture."""
        if self._has_given_name:
            return self.sha256
        if not is_plain_frannet(self.model):
            return None
        config = to_json(self.model.config.to_dict(), sort_keys=True)
        return hashlib.sha256(f"{config} {weights_hash(self.model)}".encode()).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """The name of the model, and the sampler."""
        if self.name is None:
            return missing(self.title, f"{self.title} is a FranNet in memory; a column of its file's path has a name")
        if self._has_changed:
            reason = f"{self.title} has weights that changed in memory, which no file contains"
            return missing(self.title, reason) | {"weights": self.sha256}
        if reason := why_unnamed(self.sampler):
            return missing(self.title, f"{self.title} {reason}") | {"model": self.name}
        setup = self.sampler.to_dict() if self.sampler is not None else None
        settings = {} if self.ablation is None else {"settings": {"ablation": self.ablation.to_dict()}}
        return {"model": self.name, "setup": setup, **settings}


def _sampler_token(sampler: Sampler) -> dict[str, Any]:
    """The settings of a sampler that differ from their defaults: adding a setting does not change existing tokens."""
    settings = dict(sampler.to_dict())
    if is_dataclass(sampler):
        defaults = {field.name: field.default for field in fields(sampler) if field.default is not MISSING}
        settings = {name: value for name, value in settings.items() if name not in defaults or defaults[name] != value}
    return {"kind": type(sampler).__name__, **settings}


def _unnamed_sampler_token(sampler: Sampler | None) -> list[Any]:
    """Identify a custom sampler, within this process, by its repr or itself, and its settings."""
    try:
        settings = None if sampler is None else repr(sampler.to_dict())
    except Exception:  # custom code may raise anything
        settings = None
    has_repr = type(sampler).__repr__ is not object.__repr__
    return [repr(sampler) if has_repr else object_number(sampler), settings]


_on_devices: WeakKeyDictionary[FranNet, dict[str, tuple[str, FranNet]]] = WeakKeyDictionary()


def _on_device(model: FranNet, device: str | torch.device) -> FranNet:
    """A copy of a model on another device, made once, and again if the weights have changed."""
    target = find_device(str(device))
    if target == next(model.parameters()).device:
        return model
    weights = weights_hash(model)
    copies = _on_devices.setdefault(model, {})
    copied_weights, copy = copies.get(str(target), ("", model))
    if copied_weights != weights:
        copy = deepcopy(model).to(target)
        copies[str(target)] = weights, copy
    return copy


def _build(what: Any, options: Options) -> Restorer:
    name = what if isinstance(what, str) else None
    model = unwrap(what) if name is None else shared_model(name)
    if options.device is not None:
        model = _on_device(model, options.device)
    settings = dict(options.settings)
    ablation = check_ablation(settings.pop("ablation", None))
    restorer = FranNetRestorer(model, options.setup, options.precision, options.title, name, ablation)
    return Options(settings=settings, title=options.title).without_settings(restorer)


_is_setup_name = cache(is_setup_name)


def _expand_setup(what: str | Sampler) -> tuple[str, Sampler]:
    sampler = named_setup(what) if isinstance(what, str) else what
    return sampler.default_model, sampler


def is_frannet_file(path: Path) -> bool:
    """Whether a file is a model of FranTools or of Keras, or an unreadable one, which `load_model` reports."""
    if path.suffix.lower() != ".safetensors":
        return path.suffix.lower() == ".h5"
    try:
        with safe_open(path, framework="pt") as file:
            return str((file.metadata() or {}).get("format", "")).startswith("frantools")
    except (SafetensorError, OSError):
        return True


SHIPPED_MODEL = Kind(
    "model", lambda what: isinstance(what, str) and is_shipped(what), _build, label="the shipped model", names=models
)
SETUP = Kind(
    "setup",
    lambda what: isinstance(what, str) and _is_setup_name(what),
    expand=_expand_setup,
    label="the setup",
    names=lambda: (*SETUPS, *COMMON_SCHEDULERS),
)
MODEL = Kind("FranNet", is_model, _build, title=title_of)
SAMPLER = Kind("sampler", lambda what: isinstance(what, Sampler), expand=_expand_setup, title=title_of)
MODEL_FILE = Kind("path", is_frannet_file, _build)
