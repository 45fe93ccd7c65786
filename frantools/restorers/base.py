"""The base class of restorers, their input and their result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from threading import Thread
from typing import Any

import numpy as np
from torch import Tensor, nn

from ..frannet.engine.tiles import Colours as Colours
from ..frannet.engine.tiles import Progress as Progress
from ..frannet.engine.trajectory import Trace
from ..frannet.sampling.samplers import Sampler
from ..photos.degradation import Degradation
from ..photos.images import OVERSHOOT, ROUNDING, unit_floats
from ..photos.photo import Photo
from ..photos.regions import Region

LONGEST = 300  # characters of an error that is shown in the place of a picture


def reporting(progress: Progress | None) -> Progress:
    """A progress callback, or one that does nothing. A user's may have a length, and be false."""
    return (lambda _: None) if progress is None else progress


class Cancelled(Exception):  # noqa: N818
    """Raised by a progress callback inside work that is no longer wanted."""

    running: Thread | None = None
    """What could not be interrupted and still runs."""


class RestorerError(ValueError):
    """What went wrong inside a restorer, in one sentence."""


@dataclass(frozen=True, eq=False)
class Restoration:
    """A restored picture and how it was made."""

    image: Colours = field(repr=False)
    """float32 (H, W, 3) in [0, 1]."""
    seconds: float
    """What it took."""
    calls: int
    """How often a network was called for each point; 0 where none was."""
    recipe: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """What makes the same picture again."""
    remarks: tuple[str, ...] = ()
    """What there is to know of it, a sentence each, such as that a module could not be tiled.

    They do not name the column: a cached restoration is that of columns of other titles, too.
    """


@dataclass(frozen=True, eq=False)
class RestorationInput:
    """What a restorer is given: the picture, and the photo that it comes from.

    Parameters
    ----------
    photo : Photo
        With a frame. FranNet reads its own 64 x 64 copy of it.
    size : (int, int)
        Width and height of the whole frame, of which the picture is made.
    degradation : Degradation, optional
        How the picture was made worse. Default: not at all.
    """

    photo: Photo
    size: tuple[int, int]
    degradation: Degradation | None = None

    @cached_property
    def picture(self) -> Colours:
        """float32 (H, W, 3) in [0, 1], not to be written to: the reference as degraded."""
        worse = self.degradation
        if worse is None:
            picture = self.photo.restorer_pixels(self.size)
        else:  # once for all columns
            key = ("given", self.size, worse)
            picture = self.photo.memo(key, lambda: worse.apply(self.photo.restorer_pixels(self.size)), limited=True)
        picture.flags.writeable = False
        return picture


class Restorer:
    """Base class of everything that restores a picture.

    For a restorer of your own, derive from it and write `restore`; an object of any class with a `restore` method is
    accepted too. Everything else has a default.

    Attributes
    ----------
    title : str
        What it is called.
    cost : float or None
        About how many seconds a megapixel takes on two cores; None where that is unknown.
    continuous : bool
        Whether it can render any region at any size. Otherwise the whole is restored, and the region cut out.
    random : bool
        Whether the result depends on the seed.
    frame : {"whole", "square", ""}
        The frame of the photo that it prefers; "" for either.
    reads_copy : {"", "always", "undegraded"}
        Whether it reads the photo's own 64 x 64 copy: always, or where the photo is not degraded.
    interruptible : bool
        Whether `restore` ends soon once `progress` raises. Otherwise it runs on a thread of its own, which is left
        behind when nobody waits for it any more.
    parallel : bool
        Whether several pictures may be restored at once, each on a thread of its own.
    reads_files : bool
        Whether it reads another file for each photo.
    renders_points : bool
        Whether `prepare` and `at` restore single points.
    model : FranNet or None
        The model that it calls, where that is a FranNet; with its `sampler`, its `ablation` and the number of its
        `feature_maps`, which an ablation can leave out.
    sampler : Sampler or None
        What samples the model.
    calls : int or None
        The number of network calls for a point, at most.
    sha256 : str or None
        The hash of the model's weights.
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
    model: Any = None
    sampler: Sampler | None = None
    ablation: Any = None
    feature_maps: int | None = None
    calls: int | None = None
    sha256: str | None = None

    def restore(
        self, given: RestorationInput, size: tuple[int, int], region: Region | None, seed: int, progress: Progress
    ) -> Restoration:
        """Restore a picture.

        Parameters
        ----------
        given : RestorationInput
            The degraded picture, and the photo that it comes from.
        size : (int, int)
            The width and height that are asked for; the result may have another size.
        region : Region, optional
            The part to render; only for a continuous restorer. Default: everything.
        seed : int
            Of the random numbers.
        progress : callable
            Called with the fraction that is done, 0 to 1, as often as possible. What it raises ends the work.
        """
        raise NotImplementedError(f"{type(self).__name__} has no restore method")

    def restore_input(
        self, x: Tensor, size: int | tuple[int, int], region: Region | None, seed: int, progress: Progress | None
    ) -> Restoration:
        """Restore from the network's input, (1, 1, 64, 64) in [-1, 1], itself; only where there is a `model`."""
        raise NotImplementedError(f"{type(self).__name__} has no such input")

    def to_dict(self) -> dict[str, Any]:
        """What finds it again in a recipe, or ``{"missing": message, "title": ...}``. It never raises."""
        return missing(self.title, f"{self.title} is a {type(self).__name__}, which no name finds again")

    def hashes(self, photo: Photo | None) -> dict[str, str]:
        """The hashes of the files that it reads for a photo, or without one, by path."""
        return {}

    def state(self) -> Any:
        """What tells, beyond `to_dict`, whether it has changed."""
        return None

    def trace(self, photo: Photo, size: tuple[int, int], seed: int, progress: Progress | None = None) -> Trace:
        """All steps of a restoration; only where there is a sampler."""
        raise NotImplementedError(f"{type(self).__name__} has no steps")

    def prepare(self, photo: Photo, points: Any) -> Any:
        """Prepare some points of a photo, (N, 2) in [0, 1], for `at`."""
        raise NotImplementedError(f"{type(self).__name__} does not restore single points")

    def at(self, prepared: Any, seed: int, progress: Progress | None = None) -> Colours:
        """The colours of points, (N, 3) in [0, 1]; see `prepare`."""
        raise NotImplementedError(f"{type(self).__name__} does not restore single points")


def is_restorer(what: object) -> bool:
    """Whether an object is a restorer itself, derived from `Restorer` or not."""
    if isinstance(what, Restorer):
        return True
    return not isinstance(what, (type, nn.Module)) and callable(getattr(what, "restore", None))


def missing(title: str, sentence: str) -> dict[str, Any]:
    """What stands in a recipe for a restorer that nothing can name again."""
    return {"missing": sentence, "title": title}


def checked_picture(answer: object, title: str) -> tuple[Colours, tuple[str, ...]]:
    """A restorer's answer as float32 (H, W, 3) in [0, 1], and a remark if more than a rounding was clipped.

    Parameters
    ----------
    answer : object
        (H, W, 3) floats in [0, 1], or uint8. Floats that leave the range by up to 1 are clipped.
    title : str
        Of the restorer, for the message.

    Raises
    ------
    RestorerError
        If it is anything else, in a sentence that says what came.
    """
    accepted = "accepted is an array (H, W, 3) of floats in [0, 1]"
    if answer is None:
        raise RestorerError(f"{title} answered None; {accepted}")
    try:
        array = np.asarray(answer)
    except Exception as error:  # whatever an object raises that is no array
        raise RestorerError(
            f"{title} answered {type(answer).__name__}, which is no array ({error}); {accepted}"
        ) from None
    if array.dtype == object or array.dtype.kind not in "fu" or (array.dtype.kind == "u" and array.dtype != np.uint8):
        kind = type(answer).__name__ if array.dtype == object else f"values of {array.dtype}"
        raise RestorerError(f"{title} answered {kind}; {accepted}")
    if array.ndim != 3 or 0 in array.shape:
        raise RestorerError(f"{title} answered an array of shape {array.shape}; {accepted}")
    if array.shape[2] != 3:
        raise RestorerError(f"{title} answered {array.shape[2]} channels; {accepted}")
    if array.dtype == np.uint8:
        return array.astype(np.float32) / np.float32(255), ()
    try:
        clipped = unit_floats(array, f"{title} answered", OVERSHOOT)
    except ValueError as error:
        raise RestorerError(str(error)) from None
    picture: Colours = clipped.astype(np.float32)
    low, high = float(array.min()), float(array.max())
    if low >= -ROUNDING and high <= 1 + ROUNDING:
        return picture, ()
    return picture, (f"Values from {low:.3g} to {high:.3g} were clipped to [0, 1]",)


def sentence(error: BaseException, title: str) -> str:
    """What an error inside a restorer says, in one line."""
    if isinstance(error, RestorerError):
        return str(error)
    text = " ".join(str(error).split())
    text = text if len(text) <= LONGEST else text[: LONGEST - 4] + " ..."
    if isinstance(error, (ValueError, OSError, ImportError)) and text:
        return f"{title}: {text}" if not text.startswith(title) else text
    return f"{title} raised {type(error).__name__}" + (f": {text}" if text else "")
