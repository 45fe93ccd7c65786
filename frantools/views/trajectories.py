"""How the colour of points comes about: the value and the predicted clean colour through the diffusion steps."""

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
from .layout import GAP, OUTLINE, TITLE, blank, plain, show
from .progressive import PREVIEW, Part, job_of, smaller
from .registry import View, register
from .variability import first_seed

SIDE = 300  # pixels that a picture is shown at
CHANNELS = ("red", "green", "blue")


def check_points(points: Any) -> str:
    """Return the points' text; raise a ValueError if it is not one."""
    if not isinstance(points, str):
        raise invalid("points", "text such as '0.4 0.5; 0.6 0.5'", points)
    parse(points)
    return points


@dataclass(frozen=True)
class Look(Part):
    """What is looked at: the view's part of a recipe.

    Parameters
    ----------
    points : str
        Points "x y; x y", in fractions of the picture.
    frame : int
        Which step is shown, counted from 0.
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
    """The steps of a coarse picture, then of one of the recipe's size."""
    column, job, seed = recipe.columns[0], job_of(recipe, photos[0], cache), first_seed(recipe)
    restorer = job.require(column)
    steps = tracer(restorer, column.title)
    check_memory(job.size, restorer.calls or 1)
    for each in (smaller(job, PREVIEW), job) if max(job.size) > PREVIEW else (job,):
        key = to_json(["trace", job.photo.key, to_json(restorer.token()), each.size, seed])
        kept = cache.get(key)
        if kept is None:
            made = steps(job.photo, each.size, seed, progress if each is job else lambda _: progress(0.0))
            # The cache counts the bytes of a picture, and this is a stack of them.
            kept = Restoration(np.stack([made.value, made.x0]), 0.0, len(made.t), {"t": list(made.t)})
            cache.put(key, kept)
        yield Trace(kept.recipe["t"], *kept.image)


def tracer(restorer: Restorer, title: str) -> Callable[..., Trace]:
    """What keeps all steps of a restorer; of one that has none it is a ValueError."""
    if restorer.sampler is None:
        raise ValueError(f"{title} has no steps; choose a model of FranNet that is sampled, such as diffusion-basic")
    return restorer.trace


def parse(text: str) -> list[tuple[float, float]]:
    """Points as they are typed: "0.4 0.5; 0.6 0.5" in fractions of the picture.

    Raises a ValueError if there is anything else, or a point outside the picture.

    Examples
    --------
    >>> parse("0.4 0.5; 0.6 0.5")
    [(0.4, 0.5), (0.6, 0.5)]
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


@plain
def draw(data: Trace, recipe: Recipe, figure: Figure | None = None) -> Figure:
    """The value and the predicted picture at one step, and the points' channels through all steps."""
    look = Look.of(recipe)
    frame = min(look.frame, len(data.t) - 1)
    rows, across = data.value.shape[1:3]
    side = round(SIDE * rows / across)
    width, height = WIDTH, side + TITLE + 48
    figure = blank(width, height, figure)
    for index, (name, picture) in enumerate(pictures(data, look).items()):
        left = GAP + index * (SIDE + GAP)
        axes = figure.add_axes((left / width, 48 / height, SIDE / width, side / height))
        show(axes, picture)
        axes.set_title(f"{name} after step {data.t[frame]}", fontsize=12, pad=8)
        for number, (x, y) in enumerate(parse(look.points)):
            place = x * across - 0.5, y * rows - 0.5
            axes.plot(*place, "o", color=f"C{number}", markeredgecolor="white", markersize=8)
    left = 2 * (SIDE + GAP) + 64
    _channels(figure, data, look, (left / width, 48 / height, (width - left - 16) / width, side / height))
    return figure


def pictures(data: Trace, look: Look) -> dict[str, NDArray[np.float32]]:
    """The value and the predicted picture at the step that is looked at, by what they are called."""
    frame = min(look.frame, len(data.t) - 1)
    stacks = {"value": data.value, "predicted x0": data.x0}
    return {name: stack[frame].astype(np.float32).clip(0, 1) for name, stack in stacks.items()}


@plain
def chart(data: Trace, recipe: Recipe) -> Figure:
    """The points' channels through all steps alone."""
    width, height = WIDTH, 280
    figure = blank(width, height)
    _channels(figure, data, Look.of(recipe), (56 / width, 44 / height, (width - 72) / width, (height - 72) / height))
    return figure


def _channels(figure: Figure, data: Trace, look: Look, box: tuple[float, float, float, float]) -> None:
    """The channels of points through the steps, in a part of a figure: left, bottom, width and height."""
    left, bottom, wide, high = box
    rows, across = data.value.shape[1:3]
    for channel, name in enumerate(CHANNELS):
        axes = figure.add_axes((left, bottom + (2 - channel) * high / 3, wide, 0.92 * high / 3))
        for number, (x, y) in enumerate(parse(look.points)):
            for stack, style in ((data.value, "-"), (data.x0, "--")):
                row, column = int(y * rows), int(x * across)
                axes.plot(data.t, stack[:, row, column, channel], style, color=f"C{number}", linewidth=1.4)
        axes.axvline(data.t[min(look.frame, len(data.t) - 1)], color=OUTLINE, linewidth=1.4)
        axes.set(xlim=(max(data.t), 0), ylim=(-0.6, 1.6), ylabel=name)
        axes.tick_params(labelbottom=channel == 2, labelsize=8)
        if channel == 0:
            axes.set_title("value ―   predicted x0 - -", fontsize=10, pad=8)
    axes.set_xlabel("diffusion step")


VIEW = register(View("trajectory", compute, draw, Look.of))
