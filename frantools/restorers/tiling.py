"""Networks over pictures that are too large for one call: overlapping tiles, and padding."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Network = Callable[[Tensor], Tensor]

TILE = 256  # pixels a side of a tile, without its overlap
WHOLE = 384  # pixels a side up to which a picture is not tiled
ALIGNED = 16  # tiles and overlaps are multiples of it
OVERLAPS = (16, 32, 64, 128)  # tried in this order
CORE = 64  # pixels a side that a probe compares; aligned however often the network downsamples
TOLERANCE = 2e-5  # of outputs that are taken as equal
MULTIPLES = (1, 2, 4, 8, 16, 32, 64)  # networks accept sizes that are multiples of one of these


class CallError(Exception):
    """A network failed, perhaps because of the picture's size."""

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error
        """The network's error."""


def scale_of(x: Tensor, output: Tensor) -> int | None:
    """The factor by which an output is larger than its input; None if it is not an integer."""
    (height, width), output_size = x.shape[-2:], output.shape[-2:]
    scale = output_size[0] // height
    return scale if scale >= 1 and output_size == (scale * height, scale * width) else None


def pad(picture: Tensor, multiple: int) -> Tensor:
    """Pad a picture, (1, C, H, W), at the right and the bottom by reflection, to sizes that are multiples.

    The reflection repeats, so that a picture may be smaller than its padding.
    """
    for dimension in (-2, -1):
        length = picture.shape[dimension]
        place = torch.arange(-(-length // multiple) * multiple, device=picture.device) % max(1, 2 * length - 2)
        picture = picture.index_select(dimension, torch.minimum(place, (2 * length - 2 - place).abs()))
    return picture


def call_padded(network: Network, picture: Tensor, minimum: int = 1) -> tuple[Tensor, int]:
    """Call a network with a picture, padded as much as necessary.

    Parameters
    ----------
    network : callable
        (1, C, H, W) to (1, C, sH, sW). If it fails, it raises a `CallError`.
    picture : Tensor
        (1, C, H, W).
    minimum : int
        One of `MULTIPLES` that the network is known to need; 0 if padding is known not to help.

    Returns
    -------
    Tensor
        The output without the padding. If no multiple makes it an integer multiple of its input's size, the output for
        the unpadded picture.
    int
        The smallest of `MULTIPLES`, from `minimum`, that works; 0 if none does.
    """
    if not minimum:
        return network(picture), 0
    failure: CallError | None = None
    misfit: Tensor | None = None
    tried: set[torch.Size] = set()
    for multiple in MULTIPLES[MULTIPLES.index(minimum) :]:
        padded = picture if multiple == 1 else pad(picture, multiple)
        if padded.shape in tried:
            continue
        tried.add(padded.shape)
        try:
            output = network(padded)
        except CallError as error:
            failure = error if failure is None else failure
            continue
        scale = scale_of(padded, output)
        if scale is not None:
            height, width = picture.shape[-2:]
            return output[..., : height * scale, : width * scale], multiple
        misfit = output if misfit is None and padded.shape == picture.shape else misfit
    if misfit is not None:
        return misfit, 0
    if failure is not None:
        raise failure
    return network(picture), 0


def receptive_field(network: Network, picture: Tensor) -> int | str:
    """Measure how far a network sees: the smallest of `OVERLAPS` beyond which its input does not change its output.

    The network is called twice with the same square of noise: cut off at the overlap, and with a dark border around it.
    The outputs of a network that pools or attends globally differ. A network that reads only isolated points 128 pixels
    away or more is not noticed.

    Parameters
    ----------
    network : callable
        (1, C, H, W) to (1, C, sH, sW).
    picture : Tensor
        (1, C, H, W), with the channels, dtype and device of the probe.

    Returns
    -------
    int or str
        Pixels; or why the network cannot be tiled, to continue "was not tiled, since".
    """
    global_reason = "it sees too much of the picture at once"
    reason = global_reason
    for overlap in OVERLAPS:
        border = CORE - overlap % CORE  # the core begins at a multiple of CORE, as tiles do
        side = CORE + 2 * (overlap + border)
        noise = torch.rand(picture.shape[1], side, side, generator=torch.Generator().manual_seed(0), device="cpu")
        large = 0.25 * noise[None].to(picture)
        inner = slice(border, side - border)
        large[..., inner, inner] *= 4
        small = large[..., inner, inner].contiguous()
        try:
            small_output, large_output = network(small), network(large)
        except CallError as error:  # such as shapes that do not fit because a size is not a multiple
            message = " ".join(str(error.error).split())[:160]
            reason = f"it does not accept every crop of a picture ({type(error.error).__name__}: {message})"
            continue
        scale = scale_of(large, large_output)
        if scale is None:
            shrinks = any(size < x_size for size, x_size in zip(large_output.shape[-2:], large.shape[-2:], strict=True))
            return (
                "its output has fewer pixels than its input"
                if shrinks
                else "its output is not an integer multiple of its input's size"
            )
        if scale_of(small, small_output) != scale:
            return "its scale depends on the size of the picture"
        reason = global_reason
        a, b, core = overlap * scale, (overlap + border) * scale, CORE * scale
        difference = small_output[..., a : a + core, a : a + core] - large_output[..., b : b + core, b : b + core]
        if difference.abs().max() <= _tolerance(small_output):
            return overlap
    return reason


def _tolerance(output: Tensor) -> float:
    """The difference that rounding errors can cause."""
    if output.dtype != torch.float32:
        return max(TOLERANCE, 16 * torch.finfo(output.dtype).eps) if output.is_floating_point() else 0.0
    return 2e-3 if output.is_cuda and torch.backends.cudnn.allow_tf32 else TOLERANCE


def restore_tiles(
    network: Network,
    picture: Tensor,
    overlap: int,
    tile: int = TILE,
    on_progress: Callable[[float], None] = lambda _: None,
) -> Tensor:
    """Apply a network to a picture, tile by tile.

    Parameters
    ----------
    network : callable
        (1, C, H, W) to (1, C, sH, sW).
    picture : Tensor
        (1, C, H, W).
    overlap : int
        Pixels around a tile that are read but not kept; see `receptive_field`.
    tile : int
        Pixels a side that a tile contributes.
    on_progress : callable
        Called with the completed fraction after each tile. If it raises, the work ends.

    Returns
    -------
    Tensor
        Equal to the network's output for the whole picture if the overlap covers its receptive field.
    """
    height, width = picture.shape[-2:]
    corners = [(top, left) for top in range(0, height, tile) for left in range(0, width, tile)]
    result: Tensor | None = None
    for index, (top, left) in enumerate(corners):
        bottom, right = min(top + tile, height), min(left + tile, width)
        padded_top, padded_left = max(0, top - overlap), max(0, left - overlap)
        crop = picture[..., padded_top : min(height, bottom + overlap), padded_left : min(width, right + overlap)]
        output = network(crop.contiguous())
        scale = scale_of(crop, output)
        if scale is None:
            sizes = f"{tuple(crop.shape[-2:])} pixels became one of {tuple(output.shape[-2:])}"
            raise ValueError(f"a tile of {sizes}; tile=0 disables tiles")
        if result is None:
            result = torch.empty(
                *output.shape[:2], height * scale, width * scale, dtype=output.dtype, device=output.device
            )
        rows = slice((top - padded_top) * scale, (bottom - padded_top) * scale)
        columns = slice((left - padded_left) * scale, (right - padded_left) * scale)
        result[..., top * scale : bottom * scale, left * scale : right * scale] = output[..., rows, columns]
        on_progress((index + 1) / len(corners))
    assert result is not None
    return result
