"""Trajectories of points: the value and the predicted clean colour through the diffusion steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ..checks import invalid
from ..comparisons.cache import Cache
from ..comparisons.recipes import Recipe
from ..files import to_json
from ..frannet.engine.trajectory import Trace, check_memory
from ..photos.photo import Photo
from ..restorers.base import Progress, Restoration, Restorer
from ..settings import setting, validate
from .compare import WIDTH
from .layout import GAP, OUTLINE, TITLE, Canvas, show, with_default_style
from .progressive import PREVIEW, ViewOptions, job_of, shrink
from .registry import View, register
from .variability import first_seed

SIDE = 300  # pixels that a picture is wide
CHANNELS = ("red", "green", "blue")


def check_points(points: Any) -> str:
    """Check a text of points, and return it."""
    if not isinstance(points, str):
        raise invalid("points", "text such as '0.4 0.5; 0.6 0.5'", points)
    parse_points(points)
    return points


@dataclass(frozen=True)
class TrajectoryOptions(ViewOptions):
    """Options of the view.

    Parameters
    ----------
    points : str
        Points "x y; x y", in fractions of the picture.
    frame : int
        The step to show, counted from 0.
    """

    points: str = setting(
        "",
        "Points",
        "x y of points, as fractions of the picture, separated by semicolons: type them, or draw small boxes",
        check=check_points,
    )
    frame: int = setting(0, "Step", "The step that is shown, counted from 0", range=(0, None))

    def __post_init__(self) -> None:
        validate(self)


def compute(recipe: Recipe, photos: Sequence[Photo], progress: Progress, cache: Cache) -> Iterator[Trace]:
    """Trace a coarse picture, then one of the recipe's size."""
    column, job, seed = recipe.columns[0], job_of(recipe, photos[0], cache), first_seed(recipe)
    restorer = job.require(column)
    trace_steps = tracer(restorer, column.title)
    check_memory(job.size, restorer.calls or 1)
    for current in (shrink(job, PREVIEW), job) if max(job.size) > PREVIEW else (job,):
        key = to_json(["trace", job.photo.key, restorer.token(), current.size, seed])
        cached = cache.get(key)
        if cached is None:
            trace = trace_steps(job.photo, current.size, seed, progress if current is job else lambda _: progress(0.0))
            # Cached as a picture, whose bytes the cache counts: this is a stack of them.
            cached = Restoration(np.stack([trace.value, trace.x0]), 0.0, len(trace.t), {"t": list(trace.t)})
            cache.put(key, cached)
        yield Trace(cached.recipe["t"], *cached.image)


def tracer(restorer: Restorer, title: str) -> Callable[..., Trace]:
    """The function that traces all steps of a restorer; a ValueError if it has none."""
    if restorer.sampler is None:
        raise ValueError(f"{title} has no steps; choose a model of FranNet that is sampled, such as diffusion-basic")
    return restorer.trace


def parse_points(text: str) -> list[tuple[float, float]]:
    """Parse points "0.4 0.5; 0.6 0.5", in fractions of the picture.

    Raises a ValueError if the text is anything else, or a point is outside the picture.

    Examples
    --------
    >>> parse_points("0.4 0.5; 0.6 0.5")
    [(0.4, 0.5), (0.6, 0.5)]
    """
    points = []
    for part in filter(str.strip, text.split(";")):
        try:
            x, y = map(float, part.replace(",", " ").split())
        except ValueError:
            raise invalid("a point", "two numbers, as in 0.4 0.5; 0.6 0.5", part.strip()) from None
        if not (0 <= x < 1 and 0 <= y < 1):
            raise ValueError(f"the point {x:g} {y:g} is outside the picture; its coordinates must be from 0 to below 1")
        points.append((x, y))
    return points


@with_default_style
def draw(data: Trace, recipe: Recipe, figure: Figure | None = None) -> Figure:
    """Draw the value and the predicted picture at one step, and the points' channels through all steps."""
    options = TrajectoryOptions.from_recipe(recipe)
    step = data.t[min(options.frame, len(data.t) - 1)]
    rows, columns = data.value.shape[1:3]
    side = round(SIDE * rows / columns)
    canvas = Canvas(WIDTH, side + TITLE + 48, figure)
    for index, (name, picture) in enumerate(pictures(data, options).items()):
        axes = canvas.axes(GAP + index * (SIDE + GAP), TITLE, SIDE, side)
        show(axes, picture)
        axes.set_title(f"{name} after step {step}", fontsize=12, pad=8)
        for number, (x, y) in enumerate(parse_points(options.points)):
            place = x * columns - 0.5, y * rows - 0.5
            axes.plot(*place, "o", color=f"C{number}", markeredgecolor="white", markersize=8)
    left = 2 * (SIDE + GAP) + 64
    _draw_channels(canvas, data, options, (left, TITLE, canvas.width - left - 16, side))
    return canvas.figure


def pictures(data: Trace, options: TrajectoryOptions) -> dict[str, NDArray[np.float32]]:
    """The value and the predicted picture at the chosen step, by name."""
    frame = min(options.frame, len(data.t) - 1)
    stacks = {"value": data.value, "predicted x0": data.x0}
    return {name: stack[frame].astype(np.float32).clip(0, 1) for name, stack in stacks.items()}


@with_default_style
def draw_chart(data: Trace, recipe: Recipe) -> Figure:
    """Draw only the points' channels through all steps."""
    canvas = Canvas(WIDTH, 280)
    box = (56, 28, canvas.width - 72, canvas.height - 72)
    _draw_channels(canvas, data, TrajectoryOptions.from_recipe(recipe), box)
    return canvas.figure


def _draw_channels(
    canvas: Canvas, data: Trace, options: TrajectoryOptions, box: tuple[float, float, float, float]
) -> None:
    """Draw the channels of points through the steps, in a box: left, top, width and height in pixels."""
    left, top, width, height = box
    rows, columns = data.value.shape[1:3]
    for channel, name in enumerate(CHANNELS):
        axes = canvas.axes(left, top + (channel + 0.08) * height / 3, width, 0.92 * height / 3)
        for number, (x, y) in enumerate(parse_points(options.points)):
            for stack, style in ((data.value, "-"), (data.x0, "--")):
                values = stack[:, int(y * rows), int(x * columns), channel]
                axes.plot(data.t, values, style, color=f"C{number}", linewidth=1.4)
        axes.axvline(data.t[min(options.frame, len(data.t) - 1)], color=OUTLINE, linewidth=1.4)
        axes.set(xlim=(max(data.t), 0), ylim=(-0.6, 1.6), ylabel=name)
        axes.tick_params(labelbottom=channel == 2, labelsize=8)
        if channel == 0:
            axes.set_title("value ―   predicted x0 - -", fontsize=10, pad=8)
    axes.set_xlabel("diffusion step")


VIEW = register(View("trajectory", compute, draw, TrajectoryOptions.from_recipe))
