"""FranNet, under a setup, as a restorer."""

from __future__ import annotations

import time
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from ..frannet.engine import pictures
from ..frannet.engine.points import PreparedPoints, prepare_points, sample_prepared_points
from ..frannet.engine.trajectory import Trace, trace
from ..frannet.network.ablations import Ablation
from ..frannet.network.config import Config
from ..frannet.network.coordinate_model import CoordinateModel, schedule_of, unwrap
from ..frannet.network.fingerprints import weights_hash
from ..frannet.network.model import FranNet
from ..frannet.sampling.named_setups import setup_from_dict
from ..frannet.sampling.samplers import Sampler
from ..frannet.weights.checkpoints import load_model
from ..photos.photo import Photo
from ..photos.regions import Region
from .base import Progress, Restoration, RestorationInput, Restorer, missing

SECONDS = 0.25  # about what a call takes for a megapixel on two cores; preparing the points is worth a few calls
KEPT = 64 * 64  # pixels of the largest picture that stays prepared


def shared_model(name: str) -> FranNet:
    """A model by name or path, loaded once, and again where its file has changed."""
    path = Path(name).resolve()
    status = path.stat() if path.is_file() else None
    return _load(name, status and (path, status.st_mtime_ns, status.st_size))


@lru_cache(maxsize=16)
def _load(name: str, state: object) -> FranNet:
    return load_model(name)


def is_model(what: object) -> bool:
    """Whether an object is a FranNet, or another coordinate model that says what it is as FranNet's config does."""
    model = unwrap(what)
    return isinstance(model, nn.Module) and isinstance(getattr(model, "config", None), Config)


def unnamed(setup: Sampler | None) -> str:
    """Why nothing in a recipe makes a sampler again; empty where its `to_dict` does."""
    try:
        if setup is None or bool(setup_from_dict(setup.to_dict()) == setup):
            return ""
    except Exception:  # of whatever kind: a user's own solver may describe itself in any way, or in none
        pass
    return f"has the sampler {type(setup).__name__}, which no name finds again"


class FranNetRestorer(Restorer):
    """A FranNet model under a setup.

    Parameters
    ----------
    model : FranNet or another CoordinateModel
        In evaluation mode.
    setup : Sampler, optional
        Default: B of a diffusion model, and its own of another that is sampled.
    precision : {"float32", "bfloat16", "auto"}
        Of the products; see `frantools.restore`.
    title : str, optional
        Default: the model's name.
    name : str, optional
        What finds the model again: a path, or a shipped name, which the model itself knows.
    ablation : Ablation, optional
        What is taken away from the network.

    Raises
    ------
    ValueError
        If the model is not ready to restore with, or a setup is given for a single-pass model.
    """

    interruptible = parallel = continuous = renders_points = True
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
        self._by_name = name is not None
        self.title = title or getattr(model, "name", None) or "FranNet"
        self.random = model.config.sampler is not None
        self.ablation = ablation
        likely_calls = 1 if self.sampler is None else min(self.calls, self.sampler.likely_calls)
        self.cost: float | None = SECONDS * (3 + likely_calls)  # on two cores

    @property
    def calls(self) -> int:  # type: ignore[override]
        """How often the network is called for a point; at most, where the sampler may end before."""
        return 1 if self.sampler is None else self.sampler.calls_on(schedule_of(self.model))

    @property
    def sha256(self) -> str | None:  # type: ignore[override]
        """What the model says of its weights; None of one without a file."""
        return getattr(self.model, "sha256", None)

    @property
    def _has_changed(self) -> bool:
        return isinstance(self.model, FranNet) and self.model.changed

    @property
    def feature_maps(self) -> int | None:  # type: ignore[override]
        """How many feature maps an ablation can leave out; None of a model that takes no ablation."""
        return len(self.model.encoder.channels) if isinstance(self.model, FranNet) else None

    def restore(
        self, given: RestorationInput, size: tuple[int, int], region: Region | None, seed: int, progress: Progress
    ) -> Restoration:
        """Restore from the photo's own 64 x 64 gray copy; see `Restorer`."""
        begun, photo = time.perf_counter(), given.photo
        asked = (self.model, photo.input, size, region, self.precision, self.ablation)
        if prod(size) > KEPT or self.ablation is not None:
            return self._sampled(pictures.prepare(*asked), seed, progress, begun)
        # So small a picture is mostly a preview, made anew with each tick of a slider.
        key = ("prepared", self.model, *self.state(), size, region, self.precision)
        prepared = photo.memo(key, lambda: pictures.prepare(*asked, keep=True), limited=True)
        return self._sampled(prepared, seed, progress, begun)

    def restore_input(
        self, x: Tensor, size: int | tuple[int, int], region: Region | None, seed: int, progress: Progress | None
    ) -> Restoration:
        """Restore from the network's input, (1, 1, 64, 64) in [-1, 1], itself."""
        begun = time.perf_counter()
        prepared = pictures.prepare(self.model, x, size, region, self.precision, self.ablation)
        return self._sampled(prepared, seed, progress, begun)

    def _sampled(
        self, prepared: pictures.PreparedPicture, seed: int, progress: Progress | None, begun: float
    ) -> Restoration:
        made = pictures.sample_picture(prepared, self.sampler, seed, progress)
        return Restoration(made.colours, time.perf_counter() - begun, made.calls, made.recipe)

    def prepare(self, photo: Photo, points: NDArray[np.float64]) -> PreparedPoints:
        """What all setups of the model share at some points of a photo, (N, 2) in [0, 1]; see `at`."""
        return prepare_points(self.model, photo.input, points, self.precision, self.ablation)

    def at(self, prepared: PreparedPoints, seed: int, progress: Progress | None = None) -> pictures.Colours:
        """The colours of points, (N, 3) in [0, 1], those that they have in the whole picture."""
        return sample_prepared_points(prepared, self.sampler, seed, progress)

    def trace(self, photo: Photo, size: tuple[int, int], seed: int, progress: Progress | None = None) -> Trace:
        """All steps of a restoration; see `frannet.tracing.trace`."""
        if self.sampler is None:
            raise ValueError(f"the single-pass model {self.title} has no steps; choose a diffusion model")
        return trace(self.model, photo.input, self.sampler, size, seed, progress, self.ablation)

    def state(self) -> list[Any]:
        """What tells whether the weights have changed."""
        assert isinstance(self.model, nn.Module)
        return [weights_hash(self.model)]

    def hashes(self, photo: Photo | None) -> dict[str, str]:
        """The hash of the weights, where the model has a name that finds them again."""
        if self.name is None or self.sha256 is None or (self._has_changed and not self._by_name):
            return {}
        return {self.name: self.sha256}

    def to_dict(self) -> dict[str, Any]:
        """The model by its name, and the setup."""
        if self.name is None:
            return missing(self.title, f"{self.title} is a FranNet in memory; a column of its file's path has a name")
        if self._has_changed:
            why = f"{self.title} has weights that changed in memory, which no file holds"
            return missing(self.title, why) | {"weights": self.sha256}
        if why := unnamed(self.sampler):
            return missing(self.title, f"{self.title} {why}") | {"model": self.name}
        setup = self.sampler.to_dict() if self.sampler is not None else None
        left = {} if self.ablation is None else {"settings": {"ablation": self.ablation.to_dict()}}
        return {"model": self.name, "setup": setup, **left}
