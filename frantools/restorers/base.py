"""The base class of restorers, their input and their result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from threading import Thread
from typing import Any

import numpy as np
from torch import Tensor

from ..frannet.engine.tiles import Colours as Colours
from ..frannet.engine.tiles import Progress as Progress
from ..frannet.engine.trajectory import Trace
from ..frannet.sampling.samplers import Sampler
from ..photos.degradation import Degradation
from ..photos.images import OVERSHOOT, ROUNDING, unit_floats
from ..photos.photo import Photo
from ..photos.regions import Region
from .identity import is_json, process_token

MAX_MESSAGE = 300  # characters of an error that is shown in place of a picture
FINDABLE = {"model", "path", "function", "missing"}
"""A description in a recipe has one of these keys: the name of the restorer, or the reason why it has none."""


def reporting(progress: Progress | None) -> Progress:
    """Replace None by a callback that does nothing. A callback may have a length, and be false."""
    return (lambda _: None) if progress is None else progress


class Cancelled(Exception):  # noqa: N818
    """Raised by a progress callback to cancel the work."""

    running: Thread | None = None
    """The thread that could not be interrupted and is still running."""


class RestorerError(ValueError):
    """An error inside a restorer, in one sentence."""


@dataclass(frozen=True, eq=False)
class Restoration:
    """A restored picture, and how it was computed."""

    image: Colours = field(repr=False)
    """float32 (H, W, 3) in [0, 1]."""
    seconds: float
    """The time that it took."""
    calls: int
    """The number of network calls for each point; 0 without a network."""
    recipe: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The recipe that reproduces the picture."""
    remarks: tuple[str, ...] = ()
    """Notes for the user, such as that a module could not be tiled.

    They do not name the column, because columns with other titles may share a cached restoration.
    """


@dataclass(frozen=True, eq=False)
class RestorationInput:
    """The input of a restorer: the degraded picture, and the photo that it comes from.

    Parameters
    ----------
    photo : Photo
        With a frame. FranNet reads its own 64 x 64 copy of it.
    size : (int, int)
        Width and height of the whole frame.
    degradation : Degradation, optional
        Default: none.
    """

    photo: Photo
    size: tuple[int, int]
    degradation: Degradation | None = None

    @cached_property
    def picture(self) -> Colours:
        """The degraded reference: float32 (H, W, 3) in [0, 1], read-only."""
        degradation = self.degradation
        if degradation is None:
            picture = self.photo.restorer_pixels(self.size)
        else:  # shared by all columns
            key = ("degraded", self.size, degradation)
            picture = self.photo.memo(
                key, lambda: degradation.apply(self.photo.restorer_pixels(self.size)), limited=True
            )
        picture.flags.writeable = False
        return picture


class Restorer:
    """Base class of restorers.

    For a custom restorer, derive from it and define `restore`; an object of any other class with a `restore` method is
    accepted too. Everything else has a default.

    Attributes
    ----------
    title : str
        The name that is shown.
    cost : float or None
        Estimated seconds per megapixel on two cores; None if unknown.
    continuous : bool
        Whether it can render any region at any size. Otherwise regions are cropped from the whole picture.
    random : bool
        Whether the result depends on the seed.
    frame : {"whole", "square", ""}
        The preferred frame of the photo; "" for either.
    reads_copy : {"", "always", "undegraded"}
        Whether it reads the photo's own 64 x 64 copy: always, or unless the photo is degraded.
    interruptible : bool
        Whether `restore` ends soon after `progress` raises. Otherwise it runs in a separate thread, which is abandoned
        when its result is no longer wanted.
    parallel : bool
        Whether several threads may restore pictures at once.
    reads_files : bool
        Whether it reads a different file for each photo.
    renders_points : bool
        Whether `prepare` and `at` restore single points.
    persistent : bool
        Whether `token` covers everything that the results depend on, so that they may be cached on disk.
    model : FranNet or None
        The FranNet model that it calls, with its `sampler`, its `ablation` and the number of its `feature_maps`.
    sampler : Sampler or None
        The sampler of the model.
    calls : int or None
        The number of network calls for a point, at most.
    sha256 : str or None
        The hash of the model's file.
    resolve_error : Exception or None
        Why a column could not be resolved; `restore` raises it.
    """

    title: str = "restorer"
    cost: float | None = None
    continuous: bool = False
    random: bool = False
    frame: str = "whole"
    reads_copy: str = ""
    interruptible: bool = False
    parallel: bool = False
    reads_files: bool = False
    renders_points: bool = False
    persistent: bool = False
    model: Any = None
    sampler: Sampler | None = None
    ablation: Any = None
    feature_maps: int | None = None
    calls: int | None = None
    sha256: str | None = None
    resolve_error: Exception | None = None

    def restore(
        self, given: RestorationInput, size: tuple[int, int], region: Region | None, seed: int, progress: Progress
    ) -> Restoration:
        """Restore a picture.

        Parameters
        ----------
        given : RestorationInput
            The degraded picture, and the photo that it comes from.
        size : (int, int)
            The requested width and height; the result may have another size.
        region : Region, optional
            The part to render; only for a continuous restorer. Default: everything.
        seed : int
            Of the random numbers.
        progress : callable
            To be called with the completed fraction, 0 to 1, as often as possible. If it raises, the work ends.
        """
        raise NotImplementedError(f"{type(self).__name__} has no restore method")

    def restore_input(
        self, x: Tensor, size: int | tuple[int, int], region: Region | None, seed: int, progress: Progress | None
    ) -> Restoration:
        """Restore from the network's input, (1, 1, 64, 64) in [-1, 1]; only with a `model`."""
        raise ValueError(
            f"a tensor of shape {tuple(x.shape)} and {x.dtype} is an input of FranNet only, and {self.title} is "
            "another restorer; pass a picture as an array"
        )

    def to_dict(self) -> dict[str, Any]:
        """Describe it for a recipe by its name, or by ``{"missing": message, "title": ...}``. It never raises."""
        return missing(self.title, f"{self.title} is a {type(self).__name__}, which no recipe can name")

    def hashes(self, photo: Photo | None) -> dict[str, str]:
        """The hashes of the files that it reads for a photo, or for all photos, by path."""
        return {}

    def token(self, photo: Photo | None = None) -> dict[str, Any]:
        """Identify the restorer and its settings: restorers with equal tokens compute equal results.

        It is part of the keys of caches and sweep stores, and contains only what JSON can represent. With the key
        "process" it is valid in this process only. Restorers that read a different file for each photo need `photo`.
        """
        description = describe(self)
        if "missing" in description and "sha256" not in description:
            return process_token(self)
        return named_token(description, self._file_hashes(photo))

    def _file_hashes(self, photo: Photo | None) -> list[str]:
        try:
            return sorted(self.hashes(photo).values())
        except (RestorerError, OSError):  # `restore` raises it again
            return []

    def trace(self, photo: Photo, size: tuple[int, int], seed: int, progress: Progress | None = None) -> Trace:
        """Return all steps of a restoration; only with a sampler."""
        raise NotImplementedError(f"{type(self).__name__} has no steps")

    def prepare(self, photo: Photo, points: Any) -> Any:
        """Prepare points of a photo, (N, 2) in [0, 1], for `at`."""
        raise NotImplementedError(f"{type(self).__name__} does not restore single points")

    def at(self, prepared: Any, seed: int, progress: Progress | None = None) -> Colours:
        """Return the colours of prepared points, (N, 3) in [0, 1]."""
        raise NotImplementedError(f"{type(self).__name__} does not restore single points")


def named_token(description: Mapping[str, Any], file_hashes: list[str]) -> dict[str, Any]:
    """The token of a restorer with a name. Hashes of files replace their paths."""
    omitted = {"title", "seed", "degradation", "missing", *(("path", "model") if file_hashes else ())}
    named = {name: value for name, value in description.items() if name not in omitted}
    return {"named": named, "files": file_hashes}


def missing(title: str, reason: str) -> dict[str, Any]:
    """The description of a restorer that a recipe cannot name."""
    return {"missing": reason, "title": title}


def describe(restorer: Restorer, title: str | None = None) -> dict[str, Any]:
    """A restorer's `to_dict`, replaced by a reason if a custom one raises, or returns what a recipe cannot contain."""
    title = restorer.title if title is None else title
    try:
        description = dict(restorer.to_dict())
        if not is_json(description):
            raise TypeError("JSON cannot represent its to_dict")
        if not FINDABLE & description.keys():
            raise TypeError(f"its to_dict has none of the keys {', '.join(sorted(FINDABLE))}")
    except Exception as error:  # custom code may raise anything
        return missing(title, f"no recipe can name {title}: {error}")
    return description


def check_picture(result: object, title: str) -> tuple[Colours, tuple[str, ...]]:
    """Convert a restorer's result to float32 (H, W, 3) in [0, 1], with a remark if values were clipped.

    Parameters
    ----------
    result : object
        (H, W, 3) floats in [0, 1], or uint8. Floats outside the range by up to 1 are clipped.
    title : str
        Of the restorer, for the message.

    Raises
    ------
    RestorerError
        If it is anything else.
    """
    expected = "it must return an array (H, W, 3) of floats in [0, 1]"
    if result is None:
        raise RestorerError(f"{title} returned None; {expected}")
    try:
        array = np.asarray(result)
    except Exception as error:  # custom objects may raise anything
        raise RestorerError(f"{title} returned {type(result).__name__} ({error}); {expected}") from None
    if array.dtype == object or array.dtype.kind not in "fu" or (array.dtype.kind == "u" and array.dtype != np.uint8):
        kind = type(result).__name__ if array.dtype == object else f"values of {array.dtype}"
        raise RestorerError(f"{title} returned {kind}; {expected}")
    if array.ndim != 3 or 0 in array.shape:
        raise RestorerError(f"{title} returned an array of shape {array.shape}; {expected}")
    if array.shape[2] != 3:
        raise RestorerError(f"{title} returned {array.shape[2]} channels; {expected}")
    if array.dtype == np.uint8:
        return array.astype(np.float32) / np.float32(255), ()
    try:
        clipped = unit_floats(array, f"{title} returned", OVERSHOOT)
    except ValueError as error:
        raise RestorerError(str(error)) from None
    picture: Colours = clipped.astype(np.float32)
    low, high = float(array.min()), float(array.max())
    if low >= -ROUNDING and high <= 1 + ROUNDING:
        return picture, ()
    return picture, (f"Values from {low:.3g} to {high:.3g} were clipped to [0, 1]",)


def sentence(error: BaseException, title: str) -> str:
    """The message of an error inside a restorer, in one line."""
    if isinstance(error, RestorerError):
        return str(error)
    text = " ".join(str(error).split())
    text = text if len(text) <= MAX_MESSAGE else text[: MAX_MESSAGE - 4] + " ..."
    if isinstance(error, (ValueError, OSError, ImportError)) and text:
        return f"{title}: {text}" if not text.startswith(title) else text
    return f"{title} raised {type(error).__name__}" + (f": {text}" if text else "")
