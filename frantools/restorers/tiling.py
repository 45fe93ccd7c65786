"""Networks over pictures that are too large for one call: tiles with overlap, as wide as what the network sees."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Network = Callable[[Tensor], Tensor]

TILE = 256  # pixels a side of a tile, less its overlap
WHOLE = 384  # pixels a side up to which a picture is not tiled
ALIGNED = 16  # tiles and overlaps are multiples of it
OVERLAPS = (16, 32, 64, 128)  # tried in this order
CORE = 64  # pixels a side of what a probe compares; the network is in step with it however often it halves a picture
NEAR = 2e-5  # a difference that does not count
MULTIPLES = (1, 2, 4, 8, 16, 32, 64)  # sizes that networks accept are multiples of one of these


class CallError(Exception):
    """A network failed, perhaps because of the picture's size."""

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error
        """The network's own."""


def scale_of(before: Tensor, after: Tensor) -> int | None:
    """How many times larger an answer is than its input; None where that is no whole number."""
    (height, width), (tall, wide) = before.shape[-2:], after.shape[-2:]
    scale = tall // height
    return scale if scale >= 1 and (tall, wide) == (scale * height, scale * width) else None


def pad(picture: Tensor, multiple: int) -> Tensor:
    """A picture, (1, C, H, W), continued by its reflection at the right and the bottom to sizes that are multiples.

    It is reflected as often as that takes, so that a picture may be smaller than its padding.
    """
    for dimension in (-2, -1):
        length = picture.shape[dimension]
        place = torch.arange(-(-length // multiple) * multiple, device=picture.device) % max(1, 2 * length - 2)
        picture = picture.index_select(dimension, torch.minimum(place, (2 * length - 2 - place).abs()))
    return picture


def call_padded(network: Network, picture: Tensor, least: int = 1) -> tuple[Tensor, int]:
    """Call a network with a picture, padded as far as it needs.

    Parameters
    ----------
    network : callable
        (1, C, H, W) to (1, C, sH, sW). Where it fails, it raises a `CallError`.
    picture : Tensor
        (1, C, H, W).
    least : int
        One of `MULTIPLES`: what the network is known to need. Or 0: padding is known to be of no use.

    Returns
    -------
    Tensor
        The answer, without the padding. If no multiple makes it a whole number of times as large as its input, that
        for the picture as it is.
    int
        The least of `MULTIPLES`, from `least`, with which that worked; 0 if none did.
    """
    if not least:
        return network(picture), 0
    failure: CallError | None = None
    misfit: Tensor | None = None
    tried: set[torch.Size] = set()
    for multiple in MULTIPLES[MULTIPLES.index(least) :]:
        padded = picture if multiple == 1 else pad(picture, multiple)
        if padded.shape in tried:
            continue
        tried.add(padded.shape)
        try:
            answer = network(padded)
        except CallError as error:
            failure = error if failure is None else failure
            continue
        scale = scale_of(padded, answer)
        if scale is not None:
            height, width = picture.shape[-2:]
            return answer[..., : height * scale, : width * scale], multiple
        misfit = answer if misfit is None and padded.shape == picture.shape else misfit
    if misfit is not None:
        return misfit, 0
    if failure is not None:
        raise failure
    return network(picture), 0


def seen(network: Network, picture: Tensor) -> int | str:
    """How far a network sees: the least of `OVERLAPS` beyond which nothing that it reads changes its answer.

    The network is asked twice about the same square of noise: cut off at the overlap, and with a dark border around it.
    A network that pools or attends globally answers otherwise each time. What reads single points alone that are 128
    pixels or more away, and none between, is not noticed.

    Parameters
    ----------
    network : callable
        (1, C, H, W) to (1, C, sH, sW).
    picture : Tensor
        (1, C, H, W), whose channels, dtype and device the probe has.

    Returns
    -------
    int or str
        Pixels; or where tiles would not do, why not: what follows "was not tiled, since".
    """
    why = "it sees too much of the picture at once"
    for overlap in OVERLAPS:
        beyond = CORE - overlap % CORE  # the core begins at a multiple of CORE, as tiles do
        side = CORE + 2 * (overlap + beyond)
        noise = torch.rand(picture.shape[1], side, side, generator=torch.Generator().manual_seed(0), device="cpu")
        around = 0.25 * noise[None].to(picture)
        inner = slice(beyond, side - beyond)
        around[..., inner, inner] *= 4
        try:
            near, far = network(around[..., inner, inner].contiguous()), network(around)
        except CallError as error:  # such as shapes that do not fit where a part is no multiple of what it needs
            said = " ".join(str(error.error).split())[:160]
            why = f"it does not take every piece of a picture ({type(error.error).__name__}: {said})"
            continue
        scale = scale_of(around, far)
        if scale is None:
            return _misfit(around, far)
        if scale_of(around[..., inner, inner], near) != scale:
            return "how much larger its answer is depends on the size of the picture"
        why = "it sees too much of the picture at once"
        a, b, core = overlap * scale, (overlap + beyond) * scale, CORE * scale
        difference = near[..., a : a + core, a : a + core] - far[..., b : b + core, b : b + core]
        if difference.abs().max() <= _near(near):
            return overlap
    return why


def _misfit(before: Tensor, after: Tensor) -> str:
    """Why the pixels of an answer are not those of its input, each a whole number of times."""
    if after.shape[-2] < before.shape[-2] or after.shape[-1] < before.shape[-1]:
        return "its answer has fewer pixels than what it is given"
    return "its answer is not a whole number of times as large as what it is given"


def _near(answer: Tensor) -> float:
    """The difference that roundings alone make."""
    if answer.dtype != torch.float32:
        return max(NEAR, 16 * torch.finfo(answer.dtype).eps) if answer.is_floating_point() else 0.0
    return 2e-3 if answer.is_cuda and torch.backends.cudnn.allow_tf32 else NEAR


def tiled(
    network: Network,
    picture: Tensor,
    overlap: int,
    tile: int = TILE,
    progress: Callable[[float], None] = lambda _: None,
) -> Tensor:
    """A network over a picture, tile by tile.

    Parameters
    ----------
    network : callable
        (1, C, H, W) to (1, C, sH, sW).
    picture : Tensor
        (1, C, H, W).
    overlap : int
        Pixels around a tile that are read with it and thrown away; see `seen`.
    tile : int
        Pixels a side that a tile contributes.
    progress : callable
        Told the share that is done after each tile. What it raises ends the work.

    Returns
    -------
    Tensor
        What the network answers for the whole, where the overlap covers what it sees.
    """
    height, width = picture.shape[-2:]
    places = [(top, left) for top in range(0, height, tile) for left in range(0, width, tile)]
    out: Tensor | None = None
    for number, (top, left) in enumerate(places):
        bottom, right = min(top + tile, height), min(left + tile, width)
        up, before = max(0, top - overlap), max(0, left - overlap)
        part = picture[..., up : min(height, bottom + overlap), before : min(width, right + overlap)]
        answer = network(part.contiguous())
        scale = scale_of(part, answer)
        if scale is None:
            sides, made = tuple(part.shape[-2:]), tuple(answer.shape[-2:])
            raise ValueError(f"a tile of {sides} pixels became one of {made}; tile=0 does without tiles")
        if out is None:
            out = torch.empty(
                *answer.shape[:2], height * scale, width * scale, dtype=answer.dtype, device=answer.device
            )
        kept = answer[
            ..., (top - up) * scale : (bottom - up) * scale, (left - before) * scale : (right - before) * scale
        ]
        out[..., top * scale : bottom * scale, left * scale : right * scale] = kept
        progress((number + 1) / len(places))
    assert out is not None
    return out
