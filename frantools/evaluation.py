"""A model measured on many pictures: the means, and each picture's numbers."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .checks import is_whole
from .frannet.network import FranNet
from .frannet.restoration import restore
from .frannet.samplers import Setup, Solver
from .images import Picture, prepare_input, square
from .pictures import Pictures
from .regions import LARGEST
from .restorers.resizing import BASELINES
from .scores.measures import Named, measure

SIZE = 178  # pixels a side at which FranNet's losses are measured: CelebA's centre crop
NAMES = ("mse", "mse_gray", "psnr", "ssim")


@dataclass(frozen=True)
class Metrics:
    """How close restorations are to their originals: means over pictures."""

    mse: float
    """Mean squared error of RGB in [0, 1]; the loss of FranNet's note."""
    mse_gray: float
    """Mean squared error of 0.2989 R + 0.587 G + 0.114 B in [0, 1]."""
    psnr: float
    """Peak signal-to-noise ratio of RGB, in dB."""
    ssim: float
    """Structural similarity of RGB, at most 1."""
    pictures: int = 1
    """How many pictures."""
    calls: int = 0
    """Network calls for each point."""
    seconds: float = 0.0
    """Seconds for each picture; those of a baseline include shrinking it."""
    each: dict[str, list[float]] = field(default_factory=dict, repr=False)
    """The four numbers for each picture, by name, in order; for confidence intervals."""

    @property
    def loss(self) -> float:
        """The old name of `mse`."""
        return self.mse

    @property
    def loss_gray(self) -> float:
        """The old name of `mse_gray`."""
        return self.mse_gray


def summarise(each: Sequence[Mapping[str, float]], calls: int = 0, seconds: float = 0.0) -> Metrics:
    """The means of what `measure` says of several pictures."""
    columns = Named({name: [row[name] for row in each] for name in NAMES})
    means = {name: float(np.mean(columns[name])) for name in NAMES}
    return Metrics(**means, pictures=len(each), calls=calls, seconds=seconds / len(each), each=columns)


def evaluate(
    model: FranNet | str,
    folder_or_images: str | PathLike[str] | Sequence[NDArray[Any]],
    setup: Setup | Solver | None = None,
    size: int = SIZE,
    limit: int | None = None,
    seed: int = 0,
    precision: str = "float32",
    progress: Callable[[float], None] | None = None,
) -> Metrics:
    """Measure a model on pictures: restore each one's centre square and compare.

    Parameters
    ----------
    model : FranNet or str
        From `load_model`; or the name of a baseline, such as "bicubic", which calls no network: see
        `baselines.BASELINES`.
    folder_or_images : path or sequence of ndarray
        A folder of pictures, or the pictures. Damaged ones in a folder are skipped with a warning.
    setup : Setup or adapters.SchedulerSetup, optional
        For diffusion models; default B.
    size : int
        Pixels a side at which originals are kept, grayed and shrunk for the input, and compared, 1 to 16384.
    limit : int, optional
        Only the first so many.
    seed : int
        Of the first picture's random numbers; the next have the next.
    precision : {"float32", "bfloat16", "auto"}
        As for `restore`.
    progress : callable, optional
        Called with the share that is done, 0 to 1.

    Returns
    -------
    Metrics
        Means over the pictures, and each one's numbers in `each`.

    Raises
    ------
    ValueError
        If there is no readable picture, no baseline of that name, or the size or the limit is not as above.
    """
    if isinstance(folder_or_images, np.ndarray) and folder_or_images.ndim < 4:
        raise ValueError(
            f"an array of shape {folder_or_images.shape} is given; accepted are a folder or a sequence of pictures, "
            "such as [picture]"
        )
    if isinstance(model, str):
        check_baseline(model, setup)
    images: Sequence[Picture] = (
        Pictures(folder_or_images) if isinstance(folder_or_images, (str, PathLike)) else folder_or_images
    )
    if not is_whole(size) or not 1 <= size <= LARGEST:
        raise ValueError(f"size is {size!r}; accepted are whole numbers from 1 to {LARGEST}")
    if limit is not None and (not is_whole(limit) or limit < 1):
        raise ValueError(f"limit is {limit}; accepted are whole numbers from 1")
    count = len(images) if limit is None else min(len(images), int(limit))
    if count == 0:
        raise ValueError("there is no picture to measure on; accepted are a folder of pictures or a sequence of arrays")
    each, seconds, calls = [], 0.0, 0
    for index in range(count):
        try:
            picture = images.read(index) if isinstance(images, Pictures) else images[index]
        except ValueError as error:
            warnings.warn(f"skipped: {error}", stacklevel=2)
        else:
            original = square(picture, size)
            if isinstance(model, str):
                start = time.perf_counter()
                image = BASELINES[model](original)
                seconds += time.perf_counter() - start
            else:
                result = restore(model, prepare_input(original), setup, size, seed=seed + index, precision=precision)
                image, calls, seconds = result.image, result.calls, seconds + result.seconds
            each.append(measure(image, original, NAMES))
        if progress is not None:
            progress((index + 1) / count)
    if not each:
        raise ValueError("no picture could be read; accepted are whole picture files")
    return summarise(each, calls, seconds)


def check_baseline(name: str, setup: Setup | Solver | None = None) -> None:
    """Raise a ValueError if there is no baseline of a name, or it is to be sampled."""
    if name not in BASELINES:
        raise ValueError(f"there is no baseline {name!r}; accepted are a model and {', '.join(BASELINES)}")
    if setup is not None:
        raise ValueError(f"the baseline {name!r} has no sampler; setup goes with a diffusion model")
