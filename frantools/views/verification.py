"""Verification: does a file's recipe still produce the file's content?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ..comparisons.cache import Cache
from ..comparisons.recipes import load_recipe, save_figure
from ..files import ContentChangedError
from ..photos.images import as_picture, load_image
from ..restorers.base import Progress, Restoration, reporting
from .render import changed_versions, prepare, with_device

TOLERANCE = 2  # of 255: differences due to the order of float32 sums, or the hinting of fonts

Kind = Literal["identical", "within tolerance", "different", "not comparable"]


@dataclass(frozen=True)
class Verification:
    """The result of rendering a file's recipe and comparing."""

    kind: Kind
    sentences: tuple[str, ...]
    """The size of the difference, and which pictures, models or versions have changed since the recipe was made."""

    def __str__(self) -> str:
        return "\n".join([f"{self.kind}:", *self.sentences])


def verify(
    path: str | PathLike[str],
    photo: Any = None,
    columns: Mapping[str, Any] | None = None,
    trust: bool = False,
    progress: Progress | None = None,
    device: str | None = None,
) -> Verification:
    """Render a file's recipe and compare the pixels with the file's.

    Parameters
    ----------
    path : path
        A PNG, PDF, SVG or JSON file with a recipe.
    photo, columns, trust, progress, device
        As for `frantools.render`.

    Returns
    -------
    Verification
        Of a figure only the pictures are compared, not the texts, which contain durations.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such file, or it has no recipe.
    """
    try:
        recipe = load_recipe(path, trust)
    except ContentChangedError as error:
        return Verification("different", (_as_sentence(error),))
    changes = tuple(
        f"{name} is {now} here, and was {before} where the recipe was made."
        for name, (before, now) in changed_versions(recipe).items()
    )
    try:
        view, complete, photos = prepare(recipe, photo, columns, trust)
        *_, data = view.compute(with_device(complete, device), photos, reporting(progress), Cache())
    except ContentChangedError as error:
        return Verification("different", (_as_sentence(error), *changes))
    except (ValueError, OSError, ImportError) as error:
        return Verification("not comparable", (f"It cannot be rendered: {error}.", *changes))
    suffix = Path(path).suffix
    if suffix.lower() != ".png":
        message = f"It can be rendered; {suffix or 'such'} files have no pixels to compare."
        return Verification("not comparable", (message, *changes))
    saved = load_image(path)
    if isinstance(data, Restoration):
        rendered, mask = as_picture(data.image), None
    else:
        rendered, mask = _rasterise(view.draw(data, complete, None))
    if rendered.shape != saved.shape:
        now, before = (f"{image.shape[1]} x {image.shape[0]}" for image in (rendered, saved))
        return Verification("different", (f"It is now {now} pixels, and was {before}.", *changes))
    differences = np.abs(rendered.astype(np.int16) - saved)
    largest = int((differences if mask is None else differences[mask]).max(initial=0))
    kind: Kind = "identical" if largest == 0 else "within tolerance" if largest <= TOLERANCE else "different"
    size = (f"The largest difference is {largest} of 255.",) if largest else ()
    return Verification(kind, (*size, *changes))


def _as_sentence(error: Exception) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."


def _rasterise(figure: Figure) -> tuple[NDArray[np.uint8], NDArray[np.bool_] | None]:
    """The pixels of a figure as they are saved, and a mask of its pictures; None if it has none."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "figure.png")
        save_figure(figure, path)
        pixels = load_image(path)
    mask = np.zeros(pixels.shape[:2], bool)
    for axes in figure.axes:
        if axes.images:
            box = axes.get_window_extent()
            top, bottom = round(pixels.shape[0] - box.y1), round(pixels.shape[0] - box.y0)
            mask[max(0, top) : max(0, bottom), max(0, round(box.x0)) : max(0, round(box.x1))] = True
    return pixels, mask if mask.any() else None
