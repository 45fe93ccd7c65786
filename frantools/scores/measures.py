"""Measures of how close a restoration is to its original, and of the sharpness of a picture."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from ..checks import integer
from ..photos.images import to_gray, unit_floats

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Measure:
    """A number that compares a restoration with its original.

    Parameters
    ----------
    name : str
        Its key in `measures`, and the name of its column in tables.
    function : callable
        ``function(restored, original) -> float`` of two arrays (H, W, 3), float64 in [0, 1], of one shape.
    head : str
        Its heading in a table.
    format : str
        How it is rounded, as for Python's `format`.
    better : {"lower", "higher"}
        Which values are those of better restorations.
    unit : str
        Such as "dB"; empty if it has none.
    per_point : callable, optional
        If the number is a mean over points: ``per_point(restored, original)`` gives the (H, W) numbers that are
        averaged, each from the colours of one point. Only such a measure can be estimated from some of the points.
    in_captions : bool
        Whether captions of figures and the viewer show it.
    """

    name: str
    function: Callable[[Array, Array], float]
    head: str
    format: str = ".4f"
    better: Literal["lower", "higher"] = "lower"
    unit: str = ""
    per_point: Callable[[Array, Array], Array] | None = None
    in_captions: bool = False

    def __call__(self, restored: NDArray[Any], original: NDArray[Any]) -> float:
        """Compare two pictures; see `measure` for the arrays that are accepted."""
        return float(self.function(*_as_pair(restored, original)))

    def at_points(self, restored: NDArray[Any], original: NDArray[Any]) -> Array:
        """The (H, W) numbers that are averaged; a ValueError if the measure is not a mean over points."""
        if self.per_point is None:
            raise ValueError(f"{self.name} is not a mean over points: it has no `per_point`")
        return self.per_point(*_as_pair(restored, original))

    def describe(self, value: float) -> str:
        """A value with the measure's name and unit, such as "PSNR 21.3 dB"."""
        return f"{self.head.partition(',')[0]} {value:{self.format}} {self.unit}".rstrip()


class Measures(Mapping[str, Measure]):
    """A registry of measures by name, in order."""

    def __init__(self, builtin: Iterable[Measure]) -> None:
        self._measures = {measure.name: measure for measure in builtin}
        self.builtin = tuple(self._measures)
        """The names of the measures that the package brings."""

    def __getitem__(self, name: str) -> Measure:
        """The measure of a name; an unknown name is a ValueError."""
        if name not in self._measures:
            raise ValueError(f"there is no measure {name!r}; accepted: {', '.join(map(repr, self._measures))}")
        return self._measures[name]

    def __contains__(self, name: object) -> bool:
        """Whether there is a measure of that name."""
        return name in self._measures

    def get(self, name: str, default: Any = None) -> Any:
        """The measure of a name, or `default`."""
        return self._measures.get(name, default)

    def __iter__(self) -> Iterator[str]:
        """The names, in order."""
        return iter(self._measures)

    def __len__(self) -> int:
        """The number of measures."""
        return len(self._measures)

    def __repr__(self) -> str:
        """The names."""
        return f"measures: {', '.join(self._measures)}"

    def add(self, measure: Measure) -> Measure:
        """Add a measure, and return it; it replaces one that was added under the same name.

        Raises
        ------
        ValueError
            If it is not a `Measure`, or has the name of a measure that the package brings.
        """
        if not isinstance(measure, Measure):
            raise ValueError(f"measure must be a Measure(name, function, head, ...), got {measure!r}")
        if measure.name in self.builtin:
            raise ValueError(f"the name {measure.name!r} is taken by a measure of the package; choose another name")
        self._measures[measure.name] = measure
        return measure

    @property
    def custom(self) -> list[str]:
        """The names of the measures that were added."""
        return [name for name in self._measures if name not in self.builtin]

    @property
    def in_captions(self) -> list[str]:
        """The names of the measures that captions show."""
        return [name for name, measure in self._measures.items() if measure.in_captions]

    @staticmethod
    def psnr_y(border: int = 4) -> Measure:
        """Create the PSNR of the luma, as papers on super-resolution report it.

        Parameters
        ----------
        border : int
            Pixels that are left out along each edge; papers take the scale factor.

        Returns
        -------
        Measure
            Named "psnr_y", or for example "psnr_y_8" for another border than 4. It is of the Y of BT.601's YCbCr, which
            lies in 16 to 235 and is not rounded here; the peak is 255.

        Raises
        ------
        ValueError
            If the border is not an integer from 0; when it measures, if no pixel is left.

        Notes
        -----
        MATLAB's `rgb2ycbcr` rounds Y of 8-bit pictures to integers, which changes the result by some hundredths of
        a dB. Papers round the restoration to 8 bits first: pass it as uint8 to do the same.
        """
        border = integer("border", border, 0)

        def function(restored: Array, original: Array) -> float:
            if min(original.shape[:2]) <= 2 * border:
                height, width = original.shape[:2]
                raise ValueError(f"a border of {border} leaves nothing of {width} x {height} pixels; make it smaller")
            inner = slice(border, -border or None)
            a, b = (image[inner, inner] @ LUMA for image in (restored, original))
            return _decibels(float(np.mean((a - b) ** 2)) / 255**2)

        name = "psnr_y" if border == 4 else f"psnr_y_{border}"
        return Measure(name, function, "PSNR of Y, dB", ".2f", "higher", "dB")


LUMA = np.array([65.481, 128.553, 24.966])  # Y less 16, of RGB in [0, 1]: ITU-R BT.601


def _as_pair(restored: NDArray[Any], original: NDArray[Any]) -> tuple[Array, Array]:
    """Convert two pictures to what the functions of measures take."""
    restored, original = np.asarray(restored), np.asarray(original)
    if restored.shape != original.shape:
        raise ValueError(f"restored and original must have the same shape, got {restored.shape} and {original.shape}")
    return _floats(restored, "restored"), _floats(original, "original")


def _floats(image: NDArray[Any], name: str) -> Array:
    """Convert a picture to (H, W, 3) float64 in [0, 1]; a gray one gets three equal channels."""
    if image.ndim not in (2, 3) or image.shape[2:] not in ((), (1,), (3,)) or not image.size:
        raise ValueError(f"{name} must be a picture (H, W, 3) or a gray one (H, W), got shape {image.shape}")
    if image.dtype == np.uint8:
        values: Array = image / 255
    elif image.dtype.kind == "f":
        values = unit_floats(image.astype(np.float64), f"{name} has")
    else:
        raise ValueError(f"{name} must be uint8 or floats in [0, 1], got {image.dtype}")
    return values if values.shape[2:] == (3,) else values.reshape(*values.shape[:2], 1).repeat(3, axis=2)


def _squared_errors(restored: Array, original: Array) -> Array:
    errors: Array = ((restored - original) ** 2).mean(axis=-1)
    return errors


def _squared_gray_errors(restored: Array, original: Array) -> Array:
    a, b = (to_gray(torch.from_numpy(image)).numpy() for image in (restored, original))
    errors: Array = (a - b) ** 2
    return errors


def _mse(restored: Array, original: Array) -> float:
    return float(np.mean((restored - original) ** 2))


def _mse_gray(restored: Array, original: Array) -> float:
    return float((to_gray(torch.from_numpy(restored)) - to_gray(torch.from_numpy(original))).square().mean())


def _psnr(restored: Array, original: Array) -> float:
    return _decibels(_mse(restored, original))


def _decibels(mse: float) -> float:
    """The peak signal-to-noise ratio of a mean squared error, the peak being 1."""
    return float(-10 * np.log10(mse)) if mse > 0 else float("inf")


def _ssim(restored: Array, original: Array) -> float:
    from skimage.metrics import structural_similarity

    if min(restored.shape[:2]) < 7:  # its window
        return float("nan")
    return float(structural_similarity(restored, original, channel_axis=2, data_range=1.0))


measures = Measures(
    [
        Measure("mse", _mse, "loss", per_point=_squared_errors, in_captions=True),
        Measure("mse_gray", _mse_gray, "gray loss", ".5f", per_point=_squared_gray_errors),
        Measure("psnr", _psnr, "PSNR, dB", ".1f", "higher", "dB", in_captions=True),
        Measure("ssim", _ssim, "SSIM", ".3f", "higher", in_captions=True),
    ]
)
"""Mean squared error of RGB and of the gray picture, both in [0, 1], and PSNR and SSIM of RGB.

The SSIM of a picture under 7 pixels a side is NaN."""


def measure(restored: NDArray[Any], original: NDArray[Any], names: Iterable[str] | None = None) -> dict[str, float]:
    """Compare a restoration with its original by several measures.

    Parameters
    ----------
    restored, original : ndarray
        (H, W, 3), or (H, W) for gray pictures, of the same shape: uint8, or floats in [0, 1].
    names : iterable of str, optional
        Which measures. Default: all in `measures`.

    Returns
    -------
    dict
        By name, in order.

    Raises
    ------
    ValueError
        If the shapes differ, a value is out of range or NaN, or a measure is unknown.

    Examples
    --------
    >>> measure(np.zeros((8, 8, 3)), np.full((8, 8, 3), 0.5), ["mse"])
    {'mse': 0.25}
    """
    chosen = [measures[name] for name in (measures if names is None else names)]
    pair = _as_pair(restored, original)
    return {measure.name: float(measure.function(*pair)) for measure in chosen}


def distance(a: NDArray[Any], b: NDArray[Any]) -> float:
    """The root of the mean squared difference of two pictures (H, W, 3) in [0, 1]."""
    return float(np.sqrt(np.mean((a.astype(np.float64) - b.astype(np.float64)) ** 2)))


def sharpness(image: NDArray[Any]) -> float:
    """The mean gradient (Sobel) of the gray picture, of (H, W, 3) in [0, 1], after a Gaussian of 1 pixel.

    The Gaussian keeps the noise of single pixels from counting as detail. It is in units of the gray range per
    pixel, so it compares pictures of the same size only.
    """
    from skimage.filters import gaussian, sobel

    gray = to_gray(torch.from_numpy(np.asarray(image, dtype=np.float64))).numpy()
    return float(sobel(gaussian(gray, sigma=1.0)).mean())
