"""How close a restoration is to its original: the registry `measures`, and what else a picture's numbers say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from ..checks import integer
from ..comparisons.tables import FORMATS, HEADS
from ..photos.images import to_gray, unit_floats

Array = NDArray[np.float64]
Value = TypeVar("Value")

OLD = {"loss": "mse", "loss_gray": "mse_gray"}
"""What measures were called before they had a registry; results of that time are still read."""


class Named(dict[str, Value]):
    """Values by the name of a measure, which are found under its old name too."""

    def __missing__(self, name: str) -> Value:
        if name not in OLD:
            raise KeyError(name)
        return self[OLD[name]]


@dataclass(frozen=True)
class Measure:
    """One number of a restoration beside its original.

    Parameters
    ----------
    name : str
        What it is asked for by.
    function : callable
        ``function(restored, original) -> float`` of two arrays (H, W, 3), float64 in [0, 1], of one shape.
    head : str
        What stands above it in a table.
    format : str
        How a table rounds it, as for Python's `format`.
    better : {"lower", "higher"}
        Which values are those of better restorations.
    unit : str
        Such as "dB"; empty where there is none.
    each : callable, optional
        Where the number is a mean over points: ``each(restored, original)`` gives the (H, W) numbers that it is the
        mean of, each from the colours of one point. Only such a measure can be estimated from some of the points.
    """

    name: str
    function: Callable[[Array, Array], float]
    head: str
    format: str = ".4f"
    better: Literal["lower", "higher"] = "lower"
    unit: str = ""
    each: Callable[[Array, Array], Array] | None = None

    def __call__(self, restored: NDArray[Any], original: NDArray[Any]) -> float:
        """The number of two pictures; see `measure` for what is accepted."""
        return float(self.function(*_pair(restored, original)))

    def at_points(self, restored: NDArray[Any], original: NDArray[Any]) -> Array:
        """The (H, W) numbers that it is the mean of; a ValueError where it is none. See `measure` for the rest."""
        if self.each is None:
            raise ValueError(f"{self.name} is no mean over points; accepted are measures with `each`, such as mse")
        return self.each(*_pair(restored, original))


class Measures(Mapping[str, Measure]):
    """The known measures by name, in order."""

    def __init__(self, known: Iterable[Measure]) -> None:
        self._known = {measure.name: measure for measure in known}
        self._kept = {*self._known, *OLD}

    def __getitem__(self, name: str) -> Measure:
        """The measure of a name; an unknown name is a ValueError."""
        if name not in self._known:
            raise ValueError(f"there is no measure {name!r}; accepted are {', '.join(map(repr, self._known))}")
        return self._known[name]

    def __contains__(self, name: object) -> bool:
        """Whether there is a measure of that name."""
        return name in self._known

    def get(self, name: str, default: Any = None) -> Any:
        """The measure of a name, or `default`."""
        return self._known.get(name, default)

    def __iter__(self) -> Iterator[str]:
        """The names, in order."""
        return iter(self._known)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._known)

    def __repr__(self) -> str:
        """The names."""
        return f"measures: {', '.join(self._known)}"

    def add(self, measure: Measure) -> Measure:
        """Add a measure, and return it; one that was added before under the same name gives way.

        Raises
        ------
        ValueError
            If it is no `Measure`, or has the name of one that the package brings.
        """
        if not isinstance(measure, Measure):
            raise ValueError(f"{measure!r} is no measure; accepted is a Measure(name, function, head, ...)")
        if measure.name in self._kept:
            raise ValueError(f"the name {measure.name!r} is taken by a measure of the package; choose another name")
        self._known[measure.name] = measure
        HEADS[measure.name], FORMATS[measure.name] = measure.head, measure.format
        return measure

    @property
    def own(self) -> list[str]:
        """The names of those that were added."""
        return [name for name in self._known if name not in self._kept]

    @staticmethod
    def psnr_y(border: int = 4) -> Measure:
        """PSNR of the luma, as papers on super-resolution report it.

        Parameters
        ----------
        border : int
            Pixels that are left out along each edge; papers take the scale factor.

        Returns
        -------
        Measure
            Named "psnr_y", and with another border than 4 "psnr_y_8", say. It is of the Y of BT.601's YCbCr, which lies
            in 16 to 235, as a number of that scale that is not rounded, with 255 for the peak.

        Raises
        ------
        ValueError
            If the border is not a whole number from 0; when it measures, if no pixel is left.

        Notes
        -----
        MATLAB's `rgb2ycbcr` rounds Y of 8-bit pictures to whole numbers, which changes the result by some hundredths of
        a dB. Papers round the restoration to 8 bits first: give it as uint8 to do the same.
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


def _pair(restored: NDArray[Any], original: NDArray[Any]) -> tuple[Array, Array]:
    """Two pictures as the functions of measures take them; a ValueError says what is wrong with others."""
    restored, original = np.asarray(restored), np.asarray(original)
    if restored.shape != original.shape:
        raise ValueError(
            f"pictures of {restored.shape} and {original.shape} cannot be compared; accepted are equal shapes"
        )
    return _floats(restored, "restored"), _floats(original, "original")


def _floats(image: NDArray[Any], name: str) -> Array:
    """(H, W, 3) float64 in [0, 1]; of a gray picture, three times the same."""
    if image.ndim not in (2, 3) or image.shape[2:] not in ((), (1,), (3,)) or not image.size:
        raise ValueError(f"{name} has the shape {image.shape}; accepted are pictures (H, W, 3) and gray ones (H, W)")
    if image.dtype == np.uint8:
        values: Array = image / 255
    elif image.dtype.kind == "f":
        values = unit_floats(image.astype(np.float64), f"{name} has")
    else:
        raise ValueError(f"{name} is of {image.dtype}; accepted are uint8 and floats in [0, 1]")
    return values if values.shape[2:] == (3,) else values.reshape(*values.shape[:2], 1).repeat(3, axis=2)


def _square(restored: Array, original: Array) -> Array:
    values: Array = ((restored - original) ** 2).mean(axis=-1)
    return values


def _square_gray(restored: Array, original: Array) -> Array:
    a, b = (to_gray(torch.from_numpy(image)).numpy() for image in (restored, original))
    values: Array = (a - b) ** 2
    return values


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
        Measure("mse", _mse, HEADS["mse"], FORMATS["mse"], each=_square),
        Measure("mse_gray", _mse_gray, HEADS["mse_gray"], FORMATS["mse_gray"], each=_square_gray),
        Measure("psnr", _psnr, HEADS["psnr"], FORMATS["psnr"], "higher", "dB"),
        Measure("ssim", _ssim, HEADS["ssim"], FORMATS["ssim"], "higher"),
    ]
)
"""Mean squared error of RGB and of the gray picture, both in [0, 1], and PSNR and SSIM of RGB.

A picture of under 7 pixels a side has no SSIM: it is nan."""


def measure(restored: NDArray[Any], original: NDArray[Any], names: Iterable[str] | None = None) -> dict[str, float]:
    """Several numbers of one restoration.

    Parameters
    ----------
    restored, original : ndarray
        (H, W, 3), or (H, W) of gray pictures, of the same shape: uint8, or floats in [0, 1].
    names : iterable of str, optional
        Which measures. Default: all in `measures`.

    Returns
    -------
    dict
        By name, in order; found under the old names "loss" and "loss_gray" too.

    Raises
    ------
    ValueError
        If the shapes differ, a value leaves its range or is NaN, or a measure is unknown.

    Examples
    --------
    >>> measure(np.zeros((8, 8, 3)), np.full((8, 8, 3), 0.5), ["mse"])
    {'mse': 0.25}
    """
    chosen = [measures[name] for name in (measures if names is None else names)]
    pair = _pair(restored, original)
    return Named({each.name: float(each.function(*pair)) for each in chosen})


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
