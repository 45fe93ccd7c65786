"""Whether a file's recipe still makes what is in the file."""

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
from .registry import changed_versions, on_device, prepared

TOLERANCE = 2  # of 255: what other orders of float32 sums, or other fonts' hints, may make

Kind = Literal["identical", "within tolerance", "different", "not comparable"]


@dataclass(frozen=True)
class Verdict:
    """What came of making a file's content again."""

    kind: Kind
    sentences: tuple[str, ...]
    """By how much it differs, and what is another one than when the recipe was made."""

    def __str__(self) -> str:
        return "\n".join([f"{self.kind}:", *self.sentences])


def verify(
    path: str | PathLike[str],
    photo: Any = None,
    columns: Mapping[str, Any] | None = None,
    trust: bool = False,
    progress: Progress | None = None,
    device: str | None = None,
) -> Verdict:
    """Make what is in a file again, by its recipe, and compare the pixels.

    Parameters
    ----------
    path : path
        A PNG, PDF, SVG or JSON file with a recipe.
    photo, columns, trust, progress, device
        As for `frantools.render`.

    Returns
    -------
    Verdict
        Of a figure the pictures are compared, and not the words, which tell how long it took.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such file, or it has no recipe.
    """
    try:
        recipe = load_recipe(path, trust)
    except ContentChangedError as error:
        return Verdict("different", (_said(error),))
    versions = tuple(
        f"{name} is {now} here, and was {before} where the recipe was made."
        for name, (before, now) in changed_versions(recipe).items()
    )
    try:
        view, complete, photos = prepared(recipe, photo, columns, trust)
        *_, data = view.compute(on_device(complete, device), photos, reporting(progress), Cache())
    except ContentChangedError as error:
        return Verdict("different", (_said(error), *versions))
    except (ValueError, OSError, ImportError) as error:
        return Verdict("not comparable", (f"It cannot be made again: {error}.", *versions))
    if Path(path).suffix.lower() != ".png":
        ending = Path(path).suffix or "this"
        return Verdict(
            "not comparable", (f"It can be made again; {ending} files have no pixels to compare.", *versions)
        )
    saved = load_image(path)
    if isinstance(data, Restoration):
        made, where = as_picture(data.image), None
    else:
        made, where = _drawn(view.draw(data, complete, None))
    if made.shape != saved.shape:
        sizes = [f"{each.shape[1]} x {each.shape[0]}" for each in (made, saved)]
        return Verdict("different", (f"It is now {sizes[0]} pixels, and was {sizes[1]}.", *versions))
    differences = np.abs(made.astype(np.int16) - saved)
    largest = int((differences if where is None else differences[where]).max(initial=0))
    kind: Kind = "identical" if largest == 0 else "within tolerance" if largest <= TOLERANCE else "different"
    said = f"The largest difference is {largest} of 255."
    return Verdict(kind, (said, *versions) if largest else versions)


def _said(error: Exception) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."


def _drawn(figure: Figure) -> tuple[NDArray[np.uint8], NDArray[np.bool_] | None]:
    """A figure's pixels as they are saved, and where its pictures are; None where it has none."""
    with TemporaryDirectory() as folder:
        save_figure(figure, Path(folder, "again.png"))
        pixels = load_image(Path(folder, "again.png"))
    where = np.zeros(pixels.shape[:2], bool)
    for axes in figure.axes:
        if axes.images:
            box = axes.get_window_extent()
            top, bottom = (round(pixels.shape[0] - each) for each in (box.y1, box.y0))
            where[max(0, top) : max(0, bottom), max(0, round(box.x0)) : max(0, round(box.x1))] = True
    return pixels, where if where.any() else None
