"""How close a restoration is to the original: loss, gray loss, PSNR and SSIM, and how sure that is."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from os import PathLike
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..checks import is_whole
from ..frannet.network import FranNet
from ..frannet.restoration import restore
from ..frannet.samplers import Setup, Solver
from ..images import Picture, prepare_input, square, to_gray
from ..pictures import Pictures
from ..regions import LARGEST
from ..restorers.resizing import BASELINES

SIZE = 178  # pixels a side at which FranNet's losses are measured: CelebA's centre crop
NAMES = ("loss", "loss_gray", "psnr", "ssim")
AT_ONCE = 10**6  # numbers that a bootstrap draws at a time, which bounds its memory


@dataclass(frozen=True)
class Metrics:
    """How close restorations are to their originals: means over pictures."""

    loss: float
    """Mean squared error of RGB in [0, 1]."""
    loss_gray: float
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


def measure(restored: NDArray[Any], original: NDArray[Any]) -> dict[str, float]:
    """The four numbers of one restoration.

    Parameters
    ----------
    restored, original : ndarray
        (H, W, 3) of the same shape: uint8, or floats in [0, 1].

    Returns
    -------
    dict
        "loss", "loss_gray", "psnr" (dB), "ssim". A picture of under 7 pixels a side has no SSIM: it is nan.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    from skimage.metrics import structural_similarity

    if restored.shape != original.shape:
        raise ValueError(
            f"pictures of {restored.shape} and {original.shape} cannot be compared; accepted are equal shapes"
        )
    a, b = (image / 255 if image.dtype == np.uint8 else image.astype(np.float64) for image in (restored, original))
    loss = float(np.mean((a - b) ** 2))
    gray = (to_gray(torch.from_numpy(a)) - to_gray(torch.from_numpy(b))).square().mean()
    small = min(a.shape[:2]) < 7  # the window of SSIM
    return {
        "loss": loss,
        "loss_gray": float(gray),
        "psnr": float(-10 * np.log10(loss)) if loss > 0 else float("inf"),
        "ssim": float("nan") if small else float(structural_similarity(a, b, channel_axis=2, data_range=1.0)),
    }


def distance(a: NDArray[Any], b: NDArray[Any]) -> float:
    """The root of the mean squared difference of two pictures (H, W, 3) in [0, 1]."""
    return float(np.sqrt(np.mean((a.astype(np.float64) - b.astype(np.float64)) ** 2)))


def sharpness(image: NDArray[Any]) -> float:
    """The mean gradient (Sobel) of the gray picture, of (H, W, 3) in [0, 1], after a Gaussian of 1 pixel.

    The Gaussian keeps the noise of single pixels from counting as detail. In units of the gray range a pixel, so it
    compares pictures of the same size only.
    """
    from skimage.filters import gaussian, sobel

    gray = to_gray(torch.from_numpy(np.asarray(image, dtype=np.float64))).numpy()
    return float(sobel(gaussian(gray, sigma=1.0)).mean())


def summarise(each: Sequence[dict[str, float]], calls: int = 0, seconds: float = 0.0) -> Metrics:
    """The means of what `measure` says of several pictures."""
    columns = {name: [row[name] for row in each] for name in NAMES}
    means = {name: float(np.mean(values)) for name, values in columns.items()}
    return Metrics(**means, pictures=len(each), calls=calls, seconds=seconds / len(each), each=columns)


def interval(
    values: Sequence[float] | NDArray[Any], level: float = 0.95, draws: int = 10_000, seed: int = 0
) -> tuple[float, float]:
    """Between which bounds the mean lies: a bootstrap over pictures.

    Parameters
    ----------
    values : sequence of float
        One for each picture, such as `Metrics.each["loss"]`; finite.
    level : float
        How sure, over 0 and below 1.
    draws : int
        How many sets of as many pictures are drawn from these, with replacement.
    seed : int
        Of the draws.

    Returns
    -------
    low, high : float
        The percentiles that leave half of 1 - `level` on either side, of the means of the sets.

    Raises
    ------
    ValueError
        If there is no value, one is not finite, or the level or the number of draws is not as above.

    Notes
    -----
    The percentile interval of [1]_. It tells how much hangs on which pictures were measured; what another training of
    the same model would have given, it does not. Of under some 20 values it is too narrow.

    References
    ----------
    .. [1] B. Efron and R. J. Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13.

    Examples
    --------
    >>> interval([0.5, 0.5, 0.5])
    (0.5, 0.5)
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not array.size or not np.isfinite(array).all():
        raise ValueError("these values have no interval; accepted are one or more finite numbers, one for each picture")
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; accepted are numbers over 0 and below 1")
    if not is_whole(draws) or draws < 1:
        raise ValueError(f"draws is {draws!r}; accepted are whole numbers from 1")
    rng, means = np.random.default_rng(seed), np.empty(draws)
    for part in np.array_split(means, -(-draws * array.size // AT_ONCE)):
        part[:] = array[rng.integers(array.size, size=(part.size, array.size))].mean(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def paired_interval(
    values: Sequence[float] | NDArray[Any],
    others: Sequence[float] | NDArray[Any],
    level: float = 0.95,
    draws: int = 10_000,
    seed: int = 0,
) -> tuple[float, float]:
    """Between which bounds the mean of `values - others` lies, the numbers of two models on the same pictures.

    Two models find the same pictures hard, so their difference is surer than either mean. Where 0 is outside the
    bounds, the difference is more than these pictures' chance.

    Parameters
    ----------
    values, others : sequence of float
        One for each picture, in the same order.
    level, draws, seed
        As for `interval`.

    Returns
    -------
    low, high : float
        Of the mean difference.

    Raises
    ------
    ValueError
        If there are not as many values as others, and as for `interval`.
    """
    if len(values) != len(others):
        raise ValueError(
            f"{len(values)} and {len(others)} values are no pairs; accepted are those of the same pictures"
        )
    return interval(np.subtract(values, others), level, draws, seed)


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
            each.append(measure(image, original))
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
