"""Networks over pictures that are too large for one call: tiles with overlap, as wide as what the network sees."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Network = Callable[[Tensor], Tensor]

TILE = 256  # pixels a side of a tile, less its overlap
WHOLE = 384  # pixels a side up to which a picture is not tiled
OVERLAPS = (16, 32, 64, 128)  # tried in this order; multiples of 16, so that networks that halve a picture stay aligned
CORE = 64  # pixels a side of what a probe compares
BEYOND = 32  # pixels around an overlap that a probe changes
NEAR = 2e-5  # a difference that does not count


def scale_of(before: Tensor, after: Tensor) -> int | None:
    """How many times larger an answer is than its input; None where that is no whole number."""
    (height, width), (tall, wide) = before.shape[-2:], after.shape[-2:]
    scale = tall // height
    return scale if scale >= 1 and (tall, wide) == (scale * height, scale * width) else None


def seen(network: Network, picture: Tensor) -> int | None:
    """How far a network sees: the least of `OVERLAPS` beyond which nothing that it reads changes its answer.

    The network is asked twice about the same square with its surroundings: cut off at the overlap, and with a border
    around it that has been turned into its negative. A network that pools or attends globally is different each time.

    Parameters
    ----------
    network : callable
        (1, C, H, W) to (1, C, sH, sW).
    picture : Tensor
        (1, C, H, W), what is to be restored; the probe uses a part of it.

    Returns
    -------
    int or None
        Pixels; None where even the largest overlap that fits into the picture is not enough.
    """
    for overlap in OVERLAPS:
        side = CORE + 2 * (overlap + BEYOND)
        if side > min(picture.shape[-2:]):
            return None
        around = picture[..., :side, :side].clone()
        inner = slice(BEYOND, side - BEYOND)
        cut = around[..., inner, inner].contiguous()
        around.copy_(1 - around)
        around[..., inner, inner] = cut
        near, far = network(cut), network(around)
        scale = scale_of(cut, near)
        if scale is None or scale_of(around, far) != scale:
            return None
        a, b = overlap * scale, (overlap + BEYOND) * scale
        core = CORE * scale
        if (near[..., a : a + core, a : a + core] - far[..., b : b + core, b : b + core]).abs().max() <= NEAR:
            return overlap
    return None


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
            raise ValueError(
                f"a tile of {tuple(part.shape[-2:])} became one of {tuple(answer.shape[-2:])}; tile=0 does without"
            )
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
