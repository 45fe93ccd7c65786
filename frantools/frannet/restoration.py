"""The engine: picture + model + setup + region + size -> restoration, tile by tile, with progress."""

from __future__ import annotations

import hashlib
import platform
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import astuple, dataclass, field
from functools import cache
from importlib.metadata import version
from itertools import count
from threading import Event, Lock
from types import NoneType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .. import noise
from ..checks import is_whole
from ..images import prepare_input
from ..regions import Region, axes, dimensions
from .adapters import SchedulerSetup
from .engine import GridDecoder
from .network import INPUT_SIZE, FranNet
from .samplers import Setup, Solver, Step, calls_on, noise_of, sample
from .setups import setup_name

Progress = Callable[[float], None]
Watch = Callable[[Step, slice, slice, Callable[[Tensor], Tensor]], None]
Colours = NDArray[np.float32]

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
CPU = torch.device("cpu")
TILE = (2048, 8192)  # points: fewer are not worth the calls of a step, and with more what a step needs leaves the cache


@dataclass(frozen=True, eq=False)
class Restoration:
    """A restored picture and how it was made."""

    image: Colours = field(repr=False)
    """float32 (H, W, 3) in [0, 1]."""
    seconds: float
    """What it took."""
    calls: int
    """How often the network was called for each point."""
    recipe: dict[str, Any]
    """What makes the same picture again: setup, seed, size, region, precision, the versions that did, and the model, by
    the name of its file and the hash of its weights."""


def restore(
    model: FranNet,
    image: NDArray[Any] | Tensor,
    setup: Setup | Solver | None = None,
    size: int | tuple[int, int] = 1024,
    region: Region | None = None,
    seed: int = 0,
    precision: str = "float32",
    progress: Progress | None = None,
) -> Restoration:
    """Restore a picture, or a region of it, from what a 64 x 64 gray copy of it tells.

    Parameters
    ----------
    model : FranNet
        From `load_model`, or any other in evaluation mode with float32 weights.
    image : ndarray or Tensor
        A picture, uint8 or floats in [0, 1]; its centre square is what is restored. Or the network's input itself, as
        `prepare_input` makes it: (1, 1, 64, 64) floats in [-1, 1].
    setup : Setup, adapters.SchedulerSetup or samplers.Solver, optional
        The sampler and its settings, for diffusion models only. Default: `Setup()`, the note's B.
    size : int or (int, int)
        Pixels a side, or width and height, 1 to 16384 each.
    region : Region, optional
        What of the picture is restored. Default: all of it.
    seed : int
        Of the diffusion's random numbers. They belong to the point: a region is coloured as in the whole picture.
    precision : {"float32", "bfloat16", "auto"}
        Of the products; sums over blocks and steps are float32 all the same. "bfloat16" changes the loss by less
        than a hundredth. "auto" takes it where the device has instructions for it (a processor's AVX-512 BF16, or
        CUDA), where it is the faster one. Elsewhere it is emulated, no faster than "float32", which "auto" then takes.
    progress : callable, optional
        Called with the share that is done, 0 to 1, several times a second, on the calling thread. What it raises ends
        the work and is raised from here.

    Returns
    -------
    Restoration
        `image` float32 (H, W, 3) in [0, 1], `seconds`, `calls`, `recipe`.

    Raises
    ------
    ValueError
        If an argument is not as above, or a setup is given for a single-pass model.

    Examples
    --------
    >>> import frantools as ft
    >>> model = ft.load_model("diffusion-basic")
    >>> ft.restore(model, ft.portraits()["hopper"], size=64).image.shape
    (64, 64, 3)
    """
    begun = time.perf_counter()
    check_model(model)
    region = check_region(region)
    setup = check_setup(model, setup)
    seed = check_seed(seed)
    x = _check_input(image) if isinstance(image, Tensor) else prepare_input(image)
    device = _device(model)
    dtype = PRECISIONS[resolve_precision(precision, device)]
    columns, rows = (axis.to(device) for axis in axes(size, region))
    with torch.inference_mode():
        decoder = GridDecoder(model, model.encode(x.to(device)), columns.float(), dtype)
    out = sample_grid(decoder, columns, rows, setup, seed, progress)
    return Restoration(
        image=out,
        seconds=time.perf_counter() - begun,
        calls=calls_on(setup, model.schedule),
        recipe=describe(model, x, setup, size, region, seed, precision),
    )


def sample_grid(
    decoder: GridDecoder,
    columns: Tensor,
    rows: Tensor,
    setup: Setup | Solver | None,
    seed: int,
    progress: Progress | None = None,
    watch: Watch | None = None,
) -> Colours:
    """The colours of a grid of points, tile by tile.

    Parameters
    ----------
    decoder : GridDecoder
        Of these columns.
    columns, rows : Tensor
        (W,) and (H,) float64: the coordinates of the grid, in [0, 1].
    setup : Setup, Solver or None
        Of a diffusion model; None for a single pass.
    seed : int
        As for `restore`.
    progress : callable, optional
        As for `restore`.
    watch : callable, optional
        ``watch(step, down, across, colours)`` is called on the tile's own thread after each step of each tile, with the
        slices of rows and columns that it has, and what makes colours of values, such as `Step.x`.

    Returns
    -------
    ndarray
        (H, W, 3) float32 in [0, 1].
    """
    width, height, device, config = len(columns), len(rows), columns.device, decoder.model.config
    diffusion = decoder.model.schedule
    calls = calls_on(setup, diffusion)
    if isinstance(setup, SchedulerSetup):
        setup.check(diffusion)
    out = np.empty((height, width, 3), dtype=np.float32)
    tiles = list(_tiles(width, height, tile_points(width * height, device)))
    stop = Event()
    done = [0] * len(tiles)  # points times steps, by tile

    def render(index: int) -> None:
        across, down = tiles[index]
        x, y = columns[across], rows[down]
        points = len(x) * len(y)
        part = (y.float(), across.start, across.stop)

        def colours(values: Tensor) -> Tensor:
            return (decoder.colours(values, *part) / 2 + 0.5).unflatten(-2, (len(y), len(x)))

        def after(step: Step) -> None:
            if stop.is_set():
                raise InterruptedError
            if watch is not None:
                watch(step, down, across, colours)
            done[index] = (step.index + 1) * points

        with torch.inference_mode():
            if stop.is_set():
                raise InterruptedError
            answer = decoder.tile(*part)
            if setup is None:
                values = answer(torch.zeros(points, 3, dtype=torch.float32, device=device), None)
            else:
                keys = noise.point_keys(seed, x, y[:, None]).flatten()
                draws = (noise.normal(keys, number) for number in count())
                start = next(draws)
                denoise = noise_of(answer, diffusion, config.objective)
                values = sample(denoise, start, diffusion, setup, noise=lambda _: next(draws), callback=after)
            finished = colours(values)
            if not torch.isfinite(finished).all():
                made_by = f"sampling with {setup_name(setup)}" if setup else "the model"
                raise ValueError(
                    f"{made_by} ends in numbers that are not finite, which make no picture; "
                    f"accepted are {'setups' if setup else 'models'} whose numbers stay finite"
                )
            out[down, across] = finished.clamp(0, 1).cpu().numpy()
        done[index] = calls * points

    def report() -> None:
        if progress is not None:
            progress(sum(done) / (calls * width * height))

    _run(render, len(tiles), report, stop, parallel=device.type == "cpu")
    return out


def check_model(model: FranNet) -> FranNet:
    """Accept a model that is ready to restore with; anything else is a ValueError."""
    if not isinstance(model, FranNet):
        raise ValueError(f"model is {model!r}; accepted is what load_model returns, as in load_model('diffusion-best')")
    if model.training:  # the encoder would normalise by this one picture, and remember it in the weights
        raise ValueError("the model is in training mode; accepted are models in evaluation mode: call model.eval()")
    dtypes = {parameter.dtype for parameter in model.parameters()}
    if dtypes != {torch.float32}:
        names = ", ".join(sorted(map(str, dtypes)))
        raise ValueError(f"the model's weights are {names}; accepted are float32: call model.float()")
    return model


def check_region(region: Region | None) -> Region:
    """The region to restore: all of the picture where none is given."""
    if region is None:
        return Region.full()
    if not isinstance(region, Region):
        raise ValueError(f"region is {region!r}; accepted is a Region(x, y, width, height)")
    return region


def check_setup(model: FranNet, setup: Setup | Solver | None) -> Setup | Solver | None:
    """The setup to sample with: B for a diffusion model where none is given, None for a single-pass model."""
    if model.is_diffusion:
        if not isinstance(setup, (Setup, SchedulerSetup, Solver, NoneType)):
            raise ValueError(
                f"setup is {setup!r}; accepted are a Setup, such as SETUPS['B'], a SchedulerSetup, and any Solver: "
                "an object with calls, sample and to_dict"
            )
        return setup if setup is not None else Setup()
    if setup is not None:
        raise ValueError(f"the single-pass model {model.name!r} has no sampler; setup goes with a diffusion model")
    return None


def check_seed(seed: int) -> int:
    """Python's own number of a seed, which JSON takes; NumPy's are welcome."""
    if not is_whole(seed):
        raise ValueError(f"seed is {seed!r}; accepted are whole numbers")
    return int(seed)


def _check_input(x: Tensor) -> Tensor:
    if x.shape != (1, 1, INPUT_SIZE, INPUT_SIZE) or not x.is_floating_point():
        raise ValueError(
            f"a tensor of shape {tuple(x.shape)} and {x.dtype} is no input of the network; accepted are floats "
            f"(1, 1, {INPUT_SIZE}, {INPUT_SIZE}) of prepare_input, and pictures as arrays"
        )
    x = x.detach().float()
    if not x.abs().max() <= 1.001:  # NaN is not; a resized input may overshoot by a rounding
        raise ValueError("the network's input leaves [-1, 1]; accepted are floats in it, as prepare_input makes them")
    return x


def _device(model: FranNet) -> torch.device:
    return next(model.parameters()).device


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
    with _lock:
        threads = _outside if _running else torch.get_num_threads()
    least, most = TILE
    return min(most, max(least, points // (2 * threads)))


def _tiles(width: int, height: int, points: int) -> Iterator[tuple[slice, slice]]:
    """Columns and rows of rectangles of about `points` points, as wide as that allows."""
    across = min(width, points)
    down = max(1, points // across)
    for top in range(0, height, down):
        for left in range(0, width, across):
            yield slice(left, min(left + across, width)), slice(top, min(top + down, height))


_running = 0  # restorations under way, in any thread
_outside = 1  # the number of threads that torch may use outside of them
_lock = Lock()


@contextmanager
def _threads() -> Iterator[int]:
    """The number of threads that torch may use, set again at the end.

    A thread has a number of its own, and begins with the one that was set last in any thread. While a restoration
    runs, that is the 1 of its workers, which the next restoration must not take for the user's wish.
    """
    global _running, _outside
    with _lock:
        if _running == 0:
            _outside = torch.get_num_threads()
        _running += 1
    try:
        yield _outside
    finally:
        with _lock:
            _running -= 1
            torch.set_num_threads(_outside)


def _run(work: Callable[[int], None], tiles: int, report: Callable[[], None], stop: Event, parallel: bool) -> None:
    """Call ``work(0) ... work(tiles - 1)`` on threads, and `report` from time to time on this one.

    A tile a thread, each with products on one thread: no product waits for the slower of two cores.
    """
    left, lock = iter(range(tiles)), Lock()

    def worker() -> None:
        torch.set_num_threads(1)
        while not stop.is_set():
            with lock:
                index = next(left, None)
            if index is None:
                return
            work(index)

    with _threads() as threads:
        workers = min(threads, tiles) if parallel else 1
        with ThreadPoolExecutor(workers) as pool:
            futures = [pool.submit(worker) for _ in range(workers)]
            try:
                pending = set(futures)
                while pending:
                    finished, pending = wait(pending, timeout=0.05, return_when=FIRST_EXCEPTION)
                    for future in finished:
                        future.result()
                    report()
            except BaseException:
                stop.set()
                raise


def describe(
    model: FranNet,
    x: Tensor,
    setup: Setup | Solver | None,
    size: int | tuple[int, int],
    region: Region,
    seed: int,
    precision: str,
) -> dict[str, Any]:
    """The recipe of a restoration: its parameters, as `restore` takes them, as JSON can hold them."""
    setup = check_setup(model, setup)
    return {
        "model": model.name,
        "model_sha256": model.sha256,
        "input_sha256": hashlib.sha256(x.contiguous().cpu().numpy().tobytes()).hexdigest(),
        "setup": setup.to_dict() if setup else None,
        "size": list(dimensions(size)),
        "region": list(astuple(region)),
        "seed": check_seed(seed),
        "precision": resolve_precision(precision, _device(model)),
        "versions": versions() | ({"diffusers": version("diffusers")} if isinstance(setup, SchedulerSetup) else {}),
    }


@cache
def versions() -> dict[str, str]:
    """The versions that a result depends on."""
    names = ("frantools", "torch", "numpy")
    return {"python": platform.python_version(), **{name: version(name) for name in names}}
