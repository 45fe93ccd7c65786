"""How the colour of points comes about: the value and the predicted clean colour through the diffusion steps."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import isqrt
from time import perf_counter
from typing import Any

import ipywidgets as widgets
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from ..comparisons import Cache, Column, model
from ..frannet.network import FranNet
from ..frannet.restoration import Progress, Restoration, decoder_of, describe, sample_grid
from ..frannet.samplers import Setup, Solver, Step
from ..images import Picture, prepare_input
from ..recipes import Recipe
from ..regions import Region, axes
from ..views import figures
from .compare import PREVIEW, chosen, first_seed
from .controls import Numbers, button, control, is_diffusion
from .explorer import WIDTH, Drag, Explorer

SIDE = 300  # pixels that a picture is shown at
LIMIT = 1_000_000_000  # bytes that all steps of a picture may take: 912 pixels a side with 100 calls
PIXEL = 2 * 3 * np.dtype(np.float16).itemsize  # bytes of one: two colours in each step
CHANNELS = ("red", "green", "blue")


@dataclass(frozen=True)
class Trace:
    """A restoration step by step."""

    t: Sequence[int]
    """The diffusion step that each network call was about."""
    value: NDArray[np.float16]
    """(steps, H, W, 3): the value after each step, on the scale where colours lie in [0, 1]."""
    x0: NDArray[np.float16]
    """The same of the clean colour predicted in each step."""


def trace(
    network: FranNet, image: Picture, setup: Setup | Solver, size: int, seed: int, progress: Progress, cache: Cache
) -> Trace:
    """Restore a picture and keep all steps.

    Returns
    -------
    Trace
        Its last value is what `restore` gives with the same settings.

    Raises
    ------
    ValueError
        If all steps would take more memory than `LIMIT`.
    """
    check_memory(size, setup.calls)
    begun, x = perf_counter(), prepare_input(image)
    recipe = describe(network, x, setup, size, Region.full(), seed, "float32")
    key = json.dumps(["trace", recipe])
    kept = cache.get(key)
    if kept is None:
        columns, rows = axes(size)
        with torch.inference_mode():
            decoder = decoder_of(network, network.encode(x), columns)
        t, stack = [0] * setup.calls, np.empty((2, setup.calls, size, size, 3), np.float16)

        def watch(step: Step, down: slice, across: slice, colours: Callable[[Tensor], Tensor]) -> None:
            t[step.index] = step.t
            stack[:, step.index, down, across] = colours(torch.stack([step.x, step.x0])).half().numpy()

        sample_grid(decoder, columns, rows, setup, seed, progress, watch)
        # The cache counts the bytes of a picture, and this is a stack of them.
        kept = Restoration(stack, perf_counter() - begun, len(t), {**recipe, "t": t})  # type: ignore[arg-type]
        cache.put(key, kept)
    value, x0 = kept.image
    return Trace(kept.recipe["t"], value, x0)


def check_memory(size: int, calls: int) -> None:
    """Raise a ValueError if all steps of a picture would take more than `LIMIT`."""
    taken = PIXEL * calls * size**2
    if taken > LIMIT:
        fewer = LIMIT // (PIXEL * size**2)
        raise ValueError(
            f"all {calls} steps of {size} x {size} pixels take {taken / 1e9:.1f} GB; accepted is up to "
            f"{LIMIT / 1e9:g} GB: {isqrt(LIMIT // (PIXEL * calls))} pixels a side with so many steps"
            + (f", or {fewer} steps of that size" if fewer else "")
        )


def compute(recipe: Recipe, image: Picture, progress: Progress, cache: Cache) -> Iterator[Trace]:
    """The steps of a coarse picture, then of one of the recipe's size."""
    column = Column.from_dict(recipe["columns"][0])
    network = model(column.model)
    if not network.is_diffusion:
        raise ValueError(f"the single-pass model {column.model} has no steps; choose a diffusion model")
    setup, size, seed = column.setup or Setup(), recipe["size"], first_seed(recipe)
    check_memory(size, setup.calls)
    if size > PREVIEW:
        yield trace(network, image, setup, PREVIEW, seed, lambda _: progress(0.0), cache)
    yield trace(network, image, setup, size, seed, progress, cache)


def parse(text: str) -> list[tuple[float, float]]:
    """Points as they are typed: "0.4 0.5; 0.6 0.5" in fractions of the picture.

    Raises
    ------
    ValueError
        If there is anything else, or a point outside the picture.
    """
    made = []
    for part in filter(str.strip, text.split(";")):
        try:
            x, y = map(float, part.replace(",", " ").split())
        except ValueError:
            raise ValueError(
                f"{part.strip()!r} is not a point; accepted are two numbers, as in 0.4 0.5; 0.6 0.5"
            ) from None
        if not (0 <= x < 1 and 0 <= y < 1):
            raise ValueError(f"the point {x:g} {y:g} is outside the picture; accepted are numbers from 0 to below 1")
        made.append((x, y))
    return made


def draw(data: Trace, recipe: Recipe, figure: Figure | None = None) -> Figure:
    """The value and the predicted picture at one step, and the points' channels through all steps."""
    look = recipe["look"]
    chosen_points = parse(look["points"])
    frame = min(look["frame"], len(data.t) - 1)
    width, height = WIDTH, SIDE + figures.TITLE + 48
    figure = figures.blank(width, height, figure)
    colour = [f"C{index}" for index in range(len(chosen_points))]
    for index, (name, stack) in enumerate((("value", data.value), ("predicted x0", data.x0))):
        left = figures.GAP + index * (SIDE + figures.GAP)
        axes = figure.add_axes((left / width, 48 / height, SIDE / width, SIDE / height))
        figures.show(axes, stack[frame].astype(np.float32).clip(0, 1))
        axes.set_title(f"{name} after step {data.t[frame]}", fontsize=12, pad=8)
        side = stack.shape[1]
        for (x, y), shade in zip(chosen_points, colour, strict=True):
            axes.plot(x * side - 0.5, y * side - 0.5, "o", color=shade, markeredgecolor="white", markersize=8)
    left, wide, high = 2 * (SIDE + figures.GAP) + 64, width - 2 * (SIDE + figures.GAP) - 80, SIDE / 3
    for channel, name in enumerate(CHANNELS):
        axes = figure.add_axes((left / width, (48 + (2 - channel) * high) / height, wide / width, (high - 8) / height))
        for (x, y), shade in zip(chosen_points, colour, strict=True):
            for stack, style in ((data.value, "-"), (data.x0, "--")):
                row, column = int(y * stack.shape[1]), int(x * stack.shape[2])
                axes.plot(data.t, stack[:, row, column, channel], style, color=shade, linewidth=1.4)
        axes.axvline(data.t[frame], color=figures.OUTLINE, linewidth=1.4)
        axes.set(xlim=(max(data.t), 0), ylim=(-0.6, 1.6), ylabel=name)
        axes.tick_params(labelbottom=channel == 2, labelsize=8)
        if channel == 0:
            axes.set_title("value ―   predicted x0 - -", fontsize=10, pad=8)
    axes.set_xlabel("diffusion step")
    return figure


class Trajectory(Explorer):
    """Points through the steps; see `frantools.widgets.trajectory`."""

    kind = "trajectory"
    compute = staticmethod(compute)
    draw = staticmethod(draw)

    def __init__(self, image: Any, columns: Sequence[Column], size: int, seed: int) -> None:
        typed = control(
            widgets.Text,
            "Points",
            "x y of points, in fractions of the picture, with ; between them: type them or click on the picture",
            value="0.42 0.4; 0.6 0.75; 0.1 0.1",
            continuous_update=False,
        )
        frame = control(widgets.IntSlider, "Step", "Which step is shown: first to last", value=99, max=99)
        self.look = Numbers({"points": typed, "frame": frame})
        self.play = widgets.Play(value=99, max=99, interval=150, tooltip="Play the restoration step by step")
        self.link = widgets.jslink((self.play, "value"), (frame, "value"))
        self.clear = button("Clear", "Take all points away", "eraser", self._clear)
        self.look.children = [typed, self.clear, frame, self.play]
        super().__init__(image, columns, size, seed, {"look": self.look}, live=["look"], several=False)
        self._drag = Drag(self.canvas, clicked=self._clicked)

    def _bound(self) -> None:
        """The steps are as many as the setup has."""
        self._count(None)
        self.columns.observe(self._count, "value")

    def _count(self, _: object) -> None:
        try:
            column = Column.from_dict(self.columns.value[0])
        except ValueError:  # of bounds being typed: it is told where it is rendered
            return
        if is_diffusion(column.model):
            frame, last = self.look.controls["frame"], (column.setup or Setup()).calls - 1
            at_end = frame.value == frame.max
            frame.max = self.play.max = last
            frame.value = self.play.value = last if at_end else min(frame.value, last)

    def _clicked(self, axes: Axes, x: float, y: float) -> None:
        if self.canvas.figure.axes.index(axes) < 2 and self._data is not None:
            side = self._data.value.shape[1]
            text = self.look.controls["points"]
            added = f"{(x + 0.5) / side:.3f} {(y + 0.5) / side:.3f}"
            text.value = f"{text.value}; {added}" if text.value.strip() else added

    def _clear(self) -> None:
        self.look.controls["points"].value = ""


def trajectory(image: Any = None, column: Column | str = "A", size: int = 128, seed: int = 0) -> Trajectory:
    """Pick points of the picture and see their colour through the diffusion steps; play the restoration.

    Parameters
    ----------
    image, seed
        As for `frantools.widgets.compare`.
    column : Column or str
        A diffusion model and its setup. Default: the note's A.
    size : int
        Pixels a side. All steps are kept, which takes 12 bytes times pixels times network calls, at most 1 GB.
    """
    return Trajectory(image, chosen([column], ()), size, seed)
