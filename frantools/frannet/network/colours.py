"""FranNet's colour formats: from RGB to the numbers of a network, and back.

They are computed as in FranNet, quirks included, because trained weights depend on them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import MappingProxyType
from typing import NamedTuple

import torch
from torch import Tensor

from ...checks import invalid, listing

Rows = tuple[tuple[float, ...], ...]
Conversion = Callable[[Tensor], Tensor]

# Matrices for row vectors: colour @ matrix.
YUV: Rows = ((0.299, -0.14714119, 0.61497538), (0.587, -0.28886916, -0.51496512), (0.114, 0.43601035, -0.10001026))
YUV_BACK: Rows = ((1, 1, 1), (0, -0.394642334, 2.03206185), (1.13988303, -0.58062185, 0))
YIQ: Rows = ((0.299, 0.59590059, 0.2115), (0.587, -0.27455667, -0.52273617), (0.114, -0.32134392, 0.31119955))
YIQ_BACK: Rows = ((1, 1, 1), (0.95598634, -0.27201283, -1.10674021), (0.6208248, -0.64720424, 1.70423049))
XYZ: Rows = ((0.412453, 0.212671, 0.019334), (0.35758, 0.71516, 0.119193), (0.180423, 0.072169, 0.950227))
XYZ_BACK: Rows = (
    (3.24048134, -0.96925495, 0.05564664),
    (-1.53715152, 1.87599, -0.20404134),
    (-0.49853633, 0.04155593, 1.05731107),
)
D65 = (0.95047, 1.0, 1.08883)  # the white point, for an observer of 2 degrees


@cache
def _constant(numbers: Rows | tuple[float, ...], device: torch.device) -> Tensor:
    return torch.tensor(numbers, dtype=torch.float32, device=device)


def _like(numbers: Rows | tuple[float, ...], x: Tensor) -> Tensor:
    """Return numbers in the dtype and on the device of `x`."""
    return _constant(numbers, x.device).to(x.dtype)


def _matrix_conversion(matrix: Rows) -> Conversion:
    """Return the product with a matrix, written out: the rounding of a matrix product depends on the number of rows."""

    def convert(x: Tensor) -> Tensor:
        first, second, third = _like(matrix, x)
        return x[..., :1] * first + x[..., 1:2] * second + x[..., 2:] * third

    return convert


def rgb_to_hsv(c: Tensor) -> Tensor:
    """Convert (..., 3) RGB in [0, 1] to hue, saturation and value; the hue is in [0, 1), not in degrees."""
    r, g, b = c.unbind(-1)
    value = c.amax(dim=-1)
    range_ = value - c.amin(dim=-1)
    saturation = torch.where(value > 0, range_ / torch.where(value > 0, value, 1), 0)
    norm = 1 / (6 * torch.where(range_ == 0, 1, range_))
    red, green, blue = norm * (g - b), norm * (b - r) + 2 / 6, norm * (r - g) + 4 / 6
    hue = torch.where(r == value, red, torch.where(g == value, green, blue))
    hue = torch.where(range_ > 0, hue, 0)
    return torch.stack([torch.where(hue < 0, hue + 1, hue), saturation, value], dim=-1)


def hsv_to_rgb(c: Tensor) -> Tensor:
    """Convert hue, saturation and value to RGB. The hue does not wrap around: above 1 it is red."""
    hue, saturation, value = c.unbind(-1)
    k = hue * 6
    channels = torch.stack([(k - 3).abs() - 1, 2 - (k - 2).abs(), 2 - (k - 4).abs()], dim=-1).clamp(0, 1)
    return ((1 - saturation[..., None]) + saturation[..., None] * channels) * value[..., None]


def rgb_to_lab(c: Tensor) -> Tensor:
    """Convert (..., 3) sRGB in [0, 1] to CIE L, a, b."""
    linear = torch.where(c > 0.04045, ((c + 0.055) / 1.055).clamp(min=0) ** 2.4, c / 12.92)
    t = _matrix_conversion(XYZ)(linear) / _like(D65, c)
    x, y, z = torch.where(t > 0.008856, t.clamp(min=0) ** (1 / 3), 7.787 * t + 16 / 116).unbind(-1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], dim=-1)


def lab_to_rgb(c: Tensor) -> Tensor:
    """Convert CIE L, a, b to sRGB, clipped to [0, 1]. Of X, Y and Z, only Z is clipped at zero first."""
    lightness, a, b = c.unbind(-1)
    y = (lightness + 16) / 116
    q = torch.stack([a / 500 + y, y, (y - b / 200).clamp(min=0)], dim=-1)
    t = torch.where(q > 0.2068966, q**3, (q - 16 / 116) / 7.787) * _like(D65, c)
    linear = _matrix_conversion(XYZ_BACK)(t)
    gamma = 1.055 * linear.clamp(min=0) ** (1 / 2.4) - 0.055
    return torch.where(linear > 0.0031308, gamma, linear * 12.92).clamp(0, 1)


class Space(NamedTuple):
    """A colour format: ``(from_rgb(c) - shift) / scale`` of c, RGB in [0, 1]."""

    from_rgb: Conversion
    to_rgb: Conversion
    shift: tuple[float, float, float]
    scale: tuple[float, float, float]


# Shift and scale of hsv expect a hue in degrees, which it is not: FranNet's hue ends up in [-1, -0.9944].
_HSV = Space(rgb_to_hsv, hsv_to_rgb, (180, 0.5, 0.5), (180, 0.5, 0.5))
SCALED = MappingProxyType(
    {
        "hsv": _HSV,
        "hsl": _HSV,
        "lab": Space(rgb_to_lab, lab_to_rgb, (50, 0, 0), (50, 127.5, 127.5)),
        "yuv": Space(_matrix_conversion(YUV), _matrix_conversion(YUV_BACK), (0, -0.436, -0.615), (1, 0.872, 1.23)),
        "yiq": Space(_matrix_conversion(YIQ), _matrix_conversion(YIQ_BACK), (0, -0.596, -0.523), (1, 1.192, 1.046)),
    }
)
SPACES = ("rgb", "bgr", *SCALED)


def space_name(name: str) -> str:
    """Return the standard name of a colour format: in lower case, and "rgb" for "identity".

    Raises a ValueError if there is no such format.
    """
    standard = "rgb" if str(name).lower() == "identity" else str(name).lower()
    if not isinstance(name, str) or standard not in SPACES:
        raise invalid("colour format", listing((*SPACES, "identity")), name)
    return standard


def to_network(rgb: Tensor, space: str) -> Tensor:
    """Convert RGB to the numbers of a network with a colour format.

    Parameters
    ----------
    rgb : Tensor
        (..., 3) floats: RGB in [-1, 1]. Values beyond it are not clipped.
    space : {"rgb", "bgr", "hsv", "hsl", "lab", "yuv", "yiq"}
        The format, in any case; "identity" is "rgb".

    Returns
    -------
    Tensor
        (..., 3) of the same dtype. "yuv" and "yiq" lie in [0, 1], the others in about [-1, 1].

    Raises
    ------
    ValueError
        If there is no such format, or the last axis is not of length 3.

    Notes
    -----
    "hsl" is "hsv", as in FranNet, where the hue is compressed to [-1, -0.9944]: a float32 step of it is 1e-5 in
    colour. "lab" is CIE L a b of sRGB under D65.

    Examples
    --------
    >>> to_network(torch.tensor([1.0, 0.0, -1.0]), "bgr").tolist()
    [-1.0, 0.0, 1.0]
    >>> [round(v, 3) for v in to_network(torch.tensor([1.0, 1.0, 1.0]), "yuv").tolist()]
    [1.0, 0.5, 0.5]
    """
    space = _check(rgb, space)
    if space in ("rgb", "bgr"):
        return rgb.flip(-1) if space == "bgr" else rgb
    from_rgb, _, shift, scale = SCALED[space]
    return (from_rgb((rgb + 1) / 2) - _like(shift, rgb)) / _like(scale, rgb)


def to_rgb(values: Tensor, space: str) -> Tensor:
    """Convert the numbers of a network with a colour format to RGB in about [-1, 1].

    Parameters
    ----------
    values : Tensor
        (..., 3) floats.
    space : str
        As for `to_network`.

    Returns
    -------
    Tensor
        (..., 3) of the same dtype. Only "lab" clips it to [-1, 1].

    Raises
    ------
    ValueError
        As `to_network`.

    Notes
    -----
    The hue of "hsv" and "hsl" does not wrap around: values above -0.9944 are red. The matrices of "yiq" are each
    other's inverse only to about 1e-4.
    """
    space = _check(values, space)
    if space in ("rgb", "bgr"):
        return values.flip(-1) if space == "bgr" else values
    _, from_space, shift, scale = SCALED[space]
    return 2 * from_space(values * _like(scale, values) + _like(shift, values)) - 1


def _check(values: Tensor, space: str) -> str:
    if not isinstance(values, Tensor) or not values.is_floating_point():
        kind = values.dtype if isinstance(values, Tensor) else type(values).__name__
        raise ValueError(f"colours must be a tensor of floats, such as torch.as_tensor(array), got {kind}")
    if values.ndim == 0 or values.shape[-1] != 3:
        raise ValueError(f"colours must have a shape that ends in 3, got {tuple(values.shape)}")
    return space_name(space)
