"""The engine: picture + model + setup + region + size -> restoration, tile by tile, with progress."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass
from functools import partial
from itertools import count
from threading import Event
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ... import noise
from ...checks import integer
from ...photos.images import prepare_input
from ...photos.regions import Region, axes, dimensions
from ...system.devices import without_autocast
from ...system.versions import versions
from ..network.ablations import Ablation, encode
from ..network.coordinate_model import Answer, CoordinateModel, check_model, device_of, predictor, schedule_of
from ..network.model import INPUT_SIZE
from ..sampling.samplers import Callback, Sampler, Step, run_sampler
from ..sampling.setup import Setup
from ..weights.checkpoints import models
from .coordinates import exact
from .grid_decoder import Compiled, GridDecoder
from .plain_decoder import PlainDecoder, is_fast
from .threads import run

Progress = Callable[[float], None]
Watch = Callable[[Step, slice, slice, Callable[[Tensor], Tensor]], None]
Colours = NDArray[np.float32]

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
CPU = torch.device("cpu")
TILE = (2048, 8192)  # points: fewer are not worth the calls of a step, and with more what a step needs leaves the cache


class Sampled(NamedTuple):
    """What the engine makes: colours, and how it came by them."""

    colours: Colours
    """float32 (H, W, 3) in [0, 1]."""
    calls: int
    """How often the network was called for each point."""
    recipe: dict[str, Any]
    """What makes the same picture again: setup, seed, size, region, precision, the versions that did, and the model, by
    the name of its file and the hash of its weights."""


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
) -> Sampled:
    """Restore a picture, or a region of it, from what a 64 x 64 gray copy of it tells.

    Parameters
    ----------
    model : CoordinateModel
        From `load_model`, or any other in evaluation mode with float32 weights; see `frannet.models`.
    image : ndarray or Tensor
        A picture, uint8 or floats in [0, 1]; its centre square is what is restored. Or the network's input itself, as
        `prepare_input` makes it: (1, 1, 64, 64) floats in [-1, 1].
    setup, size, region, seed, precision, progress
        As for `frantools.restore`; one number as the size is both sides.
    ablation : Ablation, optional
        What is taken away from the network. Default: nothing.

    Raises
    ------
    ValueError
        If an argument is not as above, a setup is given for a single-pass model or does not go with the model's
        schedule, the region is too small for its size, or the numbers do not stay finite.

    Examples
    --------
    >>> import frantools as ft
    >>> model = ft.load_model("diffusion-basic")
    >>> restore(model, ft.portraits()["hopper"], size=64).colours.shape
    (64, 64, 3)
    """
    return sampled(prepared(model, image, size, region, precision, ablation), setup, seed, progress)


@dataclass(frozen=True)
class Prepared:
    """A picture as a model's decoder knows it at a grid of points: what no setup changes; `prepared` makes it."""

    decoder: GridDecoder | PlainDecoder
    columns: Tensor
    """(W,) float64, in [0, 1]."""
    rows: Tensor
    """(H,)."""
    facts: dict[str, Any]
    """What a recipe says of it."""
    tiles: dict[tuple[int, ...], Answer] | None
    """Those that were made, where they are kept for the next setup."""


@without_autocast()
def prepared(
    model: CoordinateModel,
    image: NDArray[Any] | Tensor,
    size: int | tuple[int, int] = 1024,
    region: Region | None = None,
    precision: str = "float32",
    ablation: Ablation | None = None,
    keep: bool = False,
) -> Prepared:
    """Prepare a picture for `sampled`. Arguments and errors are those of `restore`; `keep` keeps a kilobyte a point."""
    model = check_model(model)
    region = check_region(region)
    x = check_input(image) if isinstance(image, Tensor) else prepare_input(image)
    device = device_of(model)
    precision = resolve_precision(precision, device)
    columns, rows = (axis.to(device) for axis in axes(size, region))
    with torch.inference_mode():
        decoder = decoder_of(model, encode(model, x.to(device), ablation), columns, PRECISIONS[precision])
    facts = {
        "model": getattr(model, "name", None),
        "model_sha256": getattr(model, "sha256", None),
        "input_sha256": hashlib.sha256(x.contiguous().cpu().numpy().tobytes()).hexdigest(),
        "size": list(dimensions(size)),
        "region": list(astuple(region)),
        "precision": precision,
        **({"ablation": ablation.to_dict()} if ablation is not None else {}),
    }
    return Prepared(decoder, columns, rows, facts, {} if keep else None)


@without_autocast()
def sampled(
    prepared: Prepared, setup: Sampler | None = None, seed: int = 0, progress: Progress | None = None
) -> Sampled:
    """Restore a picture that was prepared; see `restore`."""
    decoder = prepared.decoder
    setup, seed = check_setup(decoder.model, setup), check_seed(seed)
    out, calls = sample_grid(decoder, prepared.columns, prepared.rows, setup, seed, progress, tiles=prepared.tiles)
    recipe = prepared.facts | {
        "setup": setup.to_dict() if setup is not None else None,
        "seed": seed,
        "versions": versions() | (setup.versions() if setup is not None else {}),
    }
    return Sampled(out, calls, recipe)


def sample_grid(
    decoder: GridDecoder | PlainDecoder,
    columns: Tensor,
    rows: Tensor,
    setup: Sampler | None,
    seed: int,
    progress: Progress | None = None,
    watch: Watch | None = None,
    tiles: dict[tuple[int, ...], Answer] | None = None,
) -> tuple[Colours, int]:
    """The colours of a grid of points, tile by tile, and the number of network calls.

    Parameters
    ----------
    decoder : GridDecoder or PlainDecoder
        Of these columns, from `decoder_of`.
    columns, rows : Tensor
        (W,) and (H,) float64: the coordinates of the grid, in [0, 1].
    setup, seed, progress
        As for `restore`; the setup is None for a single pass.
    watch : callable, optional
        ``watch(step, down, across, colours)`` is called on the tile's own thread after each step of each tile, with the
        slices of rows and columns that it has, and what makes colours of values, such as `Step.x`.
    tiles : dict, optional
        Keeps the tiles of the decoder for the next call.

    Returns
    -------
    colours : ndarray
        (H, W, 3) float32 in [0, 1].
    calls : int
        The calls for the point that took most; a sampler may end early.
    """
    width, height, device = len(columns), len(rows), columns.device
    diffusion, near = schedule_of(decoder.model), exact(rows, decoder.least)
    exact(columns, decoder.least)
    calls = 1 if setup is None else setup.calls_on(diffusion)
    if setup is not None:
        setup.check(diffusion)
    out = np.empty((height, width, 3), dtype=np.float32)
    places = list(_tiles(width, height, tile_points(width * height, device)))
    stop = Event()
    done = [0.0] * len(places)  # points times steps, by tile
    taken = [0] * len(places)  # steps, by tile

    def render(index: int) -> None:
        across, down = places[index]
        here = (across.start, across.stop, down.start, down.stop)
        x, y = columns[across], rows[down]
        points = len(x) * len(y)
        part = (near[down], across.start, across.stop)

        def colours(values: Tensor) -> Tensor:
            return (decoder.colours(values, *part) / 2 + 0.5).unflatten(-2, (len(y), len(x)))

        def passed(steps: float) -> None:
            if stop.is_set():
                raise InterruptedError
            if setup is not None and steps > calls:
                raise ValueError(f"{setup.name} takes more steps than its calls_on, which is {calls}")
            done[index] = steps * points

        with torch.inference_mode():
            if stop.is_set():
                raise InterruptedError
            draws = partial(noise.grid_draws, seed, x, y)
            seen = None if watch is None else lambda step: watch(step, down, across, colours)
            answer = (tiles or {}).get(here) or decoder.tile(*part)
            if tiles is not None:
                tiles[here] = answer
            values, taken[index] = values_at(decoder.model, answer, setup, points, draws, passed, seen)
            out[down, across] = finite(colours(values), setup).clamp(0, 1).cpu().numpy()
        done[index] = calls * points

    def report() -> None:
        if progress is not None:
            progress(sum(done) / (calls * width * height))

    run(render, len(places), report, stop, parallel=device.type == "cpu")
    return out, max(taken)


def values_at(
    model: CoordinateModel,
    answer: Answer,
    setup: Sampler | None,
    points: int,
    draws: Callable[[float], noise.Draws],
    passed: Callable[[float], None],
    watch: Callback | None = None,
) -> tuple[Tensor, int]:
    """The clean values of points, (N, 3) float32, sampled where there is a setup; and the number of network calls.

    Parameters
    ----------
    answer : callable
        The model's decoder at these points.
    points : int
        How many there are, N.
    draws : callable
        What draws for them, by the length of the noise; see `noise.grid_draws`.
    passed : callable
        Told from time to time how many steps are done; what it raises ends the sampling.
    watch : callable, optional
        Called with a `Step` after each step.
    """
    if setup is None:
        return answer(torch.zeros(points, 3, dtype=torch.float32, device=device_of(model)), None), 1
    drawn, schedule = map(draws(setup.noise_length), count()), schedule_of(model)
    start = setup.first_value(model.config.source.of_normal(next(drawn)), model.config.restorator)
    if watch is None and isinstance(answer, Compiled) and model.config.restorator == "diffusion":
        coefficients = setup.kernel_coefficients(schedule)
        if coefficients is not None:
            value = answer.sample(start, coefficients, lambda: next(drawn), passed)
            return value, len(coefficients.steps)
    value, calls = start, 0
    predict = predictor(model.config, answer, schedule)
    for step in run_sampler(setup, predict, start, schedule, lambda _: next(drawn)):
        value, calls = step.x, step.index + 1
        passed(calls)
        if watch is not None:
            watch(step)
    return value, calls


def finite(colours: Tensor, setup: Sampler | None) -> Tensor:
    """The colours, of which none may be infinite or NaN."""
    if not torch.isfinite(colours).all():
        made_by = f"sampling with {setup.name}" if setup is not None else "the model"
        raise ValueError(
            f"{made_by} ends in numbers that are not finite, which make no picture; "
            f"accepted are {'setups' if setup is not None else 'models'} whose numbers stay finite"
        )
    return colours


def decoder_of(
    model: CoordinateModel, encoded: Any, columns: Tensor, dtype: torch.dtype = torch.float32
) -> GridDecoder | PlainDecoder:
    """A model's decoder for one encoded picture and the columns of a grid: the fast one, or for another model its own.

    Parameters and errors are those of `PlainDecoder`.
    """
    if is_fast(model, encoded):
        return GridDecoder(model, encoded, columns, dtype)
    return PlainDecoder(model, encoded, columns, dtype)


def check_region(region: Region | None) -> Region:
    """The region to restore: all of the picture where none is given."""
    if region is None:
        return Region.full()
    if not isinstance(region, Region):
        raise ValueError(f"region is {region!r}; accepted is a Region(x, y, width, height)")
    return region


def check_setup(model: CoordinateModel, setup: Sampler | None) -> Sampler | None:
    """The setup to sample with. By default: the note's B for a diffusion model, and the model's own for the others.

    Raises a ValueError if a setup does not go with the model.
    """
    config = model.config
    if setup is None:
        return Setup() if config.restorator == "diffusion" else config.setup
    if not isinstance(setup, Sampler) or config.restorator not in setup.model_kinds:
        own = config.setup
        takes = (
            "has no sampler" if own is None else f"takes another sampler, such as the {type(own).__name__} {own.name}"
        )
        raise ValueError(refusal(setup, f"the {config.restorator} model {getattr(model, 'name', None)!r} {takes}"))
    return setup


def refusal(setup: object, why: str) -> str:
    """The message for a setup that does not suit what restores: why, and which models it suits."""
    if not isinstance(setup, Sampler):
        return (
            f"setup must be a Setup, such as SETUPS['B'], an AutoregressiveSetup, a SchedulerSetup or another Sampler, "
            f"got {setup!r}"
        )
    restorators = {name: card.get("settings", {}).get("restorator") for name, card in models().items()}
    suited = [name for name, restorator in restorators.items() if restorator in setup.model_kinds]
    suits = f"{setup.model_family}, such as {' and '.join(suited)}" if suited else setup.model_family
    return f"setup is {setup.name}, and {why}; {setup.name} goes with {suits}"


def check_seed(seed: int) -> int:
    """Python's own number of a seed, which JSON takes; NumPy's are welcome."""
    return integer("seed", seed, None)


def check_input(x: Tensor) -> Tensor:
    if x.shape != (1, 1, INPUT_SIZE, INPUT_SIZE) or not x.is_floating_point():
        raise ValueError(
            f"a tensor of shape {tuple(x.shape)} and {x.dtype} is no input of the network; accepted are floats "
            f"(1, 1, {INPUT_SIZE}, {INPUT_SIZE}) of prepare_input, and pictures as arrays"
        )
    x = x.detach().float()
    if count := int((~torch.isfinite(x)).sum()):
        raise ValueError(f"the network's input has {count:,} values that are NaN or infinite; replace them")
    if x.abs().max() > 1.001:  # a resized input may overshoot by a rounding
        raise ValueError("the network's input leaves [-1, 1]; accepted are floats in it, as prepare_input makes them")
    return x


def resolve_precision(precision: str, device: torch.device = CPU) -> str:
    """The name of a precision, where "auto" is bfloat16 where the device multiplies it natively."""
    if precision == "auto":
        native = device.type == "cuda" or (device.type == "cpu" and _has_bfloat16())
        return "bfloat16" if native else "float32"
    if not isinstance(precision, str) or precision not in PRECISIONS:
        raise ValueError(f"precision is {precision!r}; accepted are 'float32', 'bfloat16' and 'auto'")
    return precision


def _has_bfloat16() -> bool:
    asked = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return bool(asked())


def tile_points(points: int, device: torch.device = CPU) -> int:
    """How many of a picture's points a tile has: two tiles or more for each thread, where they are large enough."""
    if device.type != "cpu":
        return 1 << 20  # a few calls for the whole picture
    least, most = TILE
    return min(most, max(least, points // (2 * torch.get_num_threads())))


def _tiles(width: int, height: int, points: int) -> Iterator[tuple[slice, slice]]:
    """Columns and rows of rectangles of about `points` points, as wide as that allows."""
    across = min(width, points)
    down = max(1, points // across)
    for top in range(0, height, down):
        for left in range(0, width, across):
            yield slice(left, min(left + across, width)), slice(top, min(top + down, height))
