"""Pictures: a model and a region, prepared once, then sampled with any setup."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from functools import cache, partial
from typing import Any, NamedTuple

import torch
from numpy.typing import NDArray
from torch import Tensor

from ...noise import grid_draws
from ...photos.images import prepare_input
from ...photos.regions import Region, axes, dimensions
from ...system.devices import without_autocast
from ...system.versions import versions
from ..network.ablations import Ablation, encode
from ..network.coordinate_model import CoordinateModel, check_model, device_of
from ..sampling.samplers import Sampler
from .arguments import CPU, PRECISIONS, check_input, check_region, check_seed, check_setup, resolve_precision
from .coordinates import round_axis
from .grid_decoder import GridDecoder
from .plain_decoder import PlainDecoder, is_fast
from .tiles import Colours, PointTile, Progress, TileCallback, sample_tiles

TILE_POINTS = (2048, 8192)
"""Bounds of a tile's points on a processor: calls dominate the time of small tiles, and large ones leave the cache."""
GPU_TILE_POINTS = 1 << 20


class SampledPicture(NamedTuple):
    """The colours of a picture and their recipe."""

    colours: Colours
    """float32 (H, W, 3) in [0, 1]."""
    calls: int
    """Network calls for each point."""
    recipe: dict[str, Any]
    """The settings that reproduce the picture: setup, seed, size, region, precision, library versions, and the model by
    its name and the hash of its weights."""


def restore(
    model: CoordinateModel,
    image: NDArray[Any] | Tensor,
    setup: Sampler | None = None,
    size: int | tuple[int, int] = 1024,
    region: Region | None = None,
    seed: int = 0,
    precision: str = "float32",
    progress: Progress | None = None,
    ablation: Ablation | None = None,
) -> SampledPicture:
    """Restore a picture, or a region of it, from its 64 x 64 grayscale copy.

    Parameters
    ----------
    model : CoordinateModel
        From `load_model`, or any other in evaluation mode with float32 weights.
    image : ndarray or Tensor
        A picture, uint8 or floats in [0, 1], whose centre square is restored; or the network's input itself, as
        `prepare_input` returns it: (1, 1, 64, 64) floats in [-1, 1].
    setup, size, region, seed, precision, progress
        As for `frantools.restore`; one number as the size is both sides.
    ablation : Ablation, optional
        The parts of the network to leave out. Default: none.

    Raises
    ------
    ValueError
        If an argument is not as above, the setup does not suit the model or its schedule, the region is too small for
        its size, or the result is not finite.

    Examples
    --------
    >>> import frantools as ft
    >>> model = ft.load_model("diffusion-basic")
    >>> restore(model, ft.portraits()["hopper"], size=64).colours.shape
    (64, 64, 3)
    """
    return sample_picture(prepare(model, image, size, region, precision, ablation), setup, seed, progress)


@dataclass(frozen=True)
class PreparedPicture:
    """A model's decoder for one picture at a grid of points, for any number of setups; see `prepare`."""

    model: CoordinateModel
    tiles: list[PointTile]
    shape: tuple[int, int]
    """Height and width."""
    recipe: dict[str, Any]
    """The part of the recipe that no setup changes."""


@without_autocast()
def prepare(
    model: CoordinateModel,
    image: NDArray[Any] | Tensor,
    size: int | tuple[int, int] = 1024,
    region: Region | None = None,
    precision: str = "float32",
    ablation: Ablation | None = None,
    keep: bool = False,
) -> PreparedPicture:
    """Prepare a picture for `sample_picture`.

    Parameters and errors are those of `restore`. With `keep`, the prepared tiles stay in memory for the next setup,
    about a kilobyte a point.
    """
    model = check_model(model)
    region = check_region(region)
    x = check_input(image) if isinstance(image, Tensor) else prepare_input(image)
    device = device_of(model)
    precision = resolve_precision(precision, device)
    columns, rows = (axis.to(device) for axis in axes(size, region))
    with torch.inference_mode():
        decoder = make_grid_decoder(model, encode(model, x.to(device), ablation), columns, PRECISIONS[precision])
    recipe = {
        "model": getattr(model, "name", None),
        "model_sha256": getattr(model, "sha256", None),
        "input_sha256": hashlib.sha256(x.contiguous().cpu().numpy().tobytes()).hexdigest(),
        "size": list(dimensions(size)),
        "region": list(astuple(region)),
        "precision": precision,
        **({"ablation": ablation.to_dict()} if ablation is not None else {}),
    }
    return PreparedPicture(model, grid_tiles(decoder, columns, rows, keep), (len(rows), len(columns)), recipe)


@without_autocast()
def sample_picture(
    prepared: PreparedPicture,
    setup: Sampler | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    on_step: TileCallback | None = None,
) -> SampledPicture:
    """Sample a prepared picture; see `restore` and `sample_tiles`."""
    model = prepared.model
    setup, seed = check_setup(model, setup), check_seed(seed)
    colours, calls = sample_tiles(model, prepared.tiles, prepared.shape, setup, seed, progress, on_step)
    recipe = prepared.recipe | {
        "setup": setup.to_dict() if setup is not None else None,
        "seed": seed,
        "versions": versions() | (setup.versions() if setup is not None else {}),
    }
    return SampledPicture(colours, calls, recipe)


def make_grid_decoder(
    model: CoordinateModel, encoded: Any, columns: Tensor, dtype: torch.dtype = torch.float32
) -> GridDecoder | PlainDecoder:
    """Make a decoder for one encoded picture and the columns of a grid: the fast one if it knows the model.

    Parameters and errors are those of `PlainDecoder`.
    """
    kind = GridDecoder if is_fast(model, encoded) else PlainDecoder
    return kind(model, encoded, columns, dtype)  # type: ignore[arg-type]


def grid_tiles(
    decoder: GridDecoder | PlainDecoder, columns: Tensor, rows: Tensor, keep: bool = False
) -> list[PointTile]:
    """Divide a grid into tiles.

    Parameters
    ----------
    decoder : GridDecoder or PlainDecoder
        Of the columns.
    columns, rows : Tensor
        (W,) and (H,) float64: the coordinates of the grid, in [0, 1].
    keep : bool
        Whether a prepared tile stays in memory for the next sampling.
    """
    round_axis(columns, decoder.minimum_spacing)
    rounded = round_axis(rows, decoder.minimum_spacing)

    def make_tile(across: slice, down: slice) -> PointTile:
        height, width = down.stop - down.start, across.stop - across.start
        part = (rounded[down], across.start, across.stop)
        answer = partial(decoder.tile, *part)
        return PointTile(
            (down, across),
            height * width,
            cache(answer) if keep else answer,
            lambda seed, length: grid_draws(seed, columns[across], rows[down], length),
            lambda values: decoder.colours(values, *part).unflatten(-2, (height, width)),
        )

    points = tile_points(len(columns) * len(rows), columns.device)
    return [make_tile(*rectangle) for rectangle in _rectangles(len(columns), len(rows), points)]


def tile_points(points: int, device: torch.device = CPU) -> int:
    """Return the number of points in a tile: two tiles or more for each thread, unless they get too small."""
    if device.type != "cpu":
        return GPU_TILE_POINTS
    smallest, largest = TILE_POINTS
    return min(largest, max(smallest, points // (2 * torch.get_num_threads())))


def _rectangles(width: int, height: int, points: int) -> Iterator[tuple[slice, slice]]:
    """Columns and rows of rectangles of about `points` points, as wide as that allows."""
    across = min(width, points)
    down = max(1, points // across)
    for top in range(0, height, down):
        for left in range(0, width, across):
            yield slice(left, min(left + across, width)), slice(top, min(top + down, height))
