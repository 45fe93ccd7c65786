"""The note's four figures, from their restorations; and what figures are drawn with, by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, overload

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ..restorers.protocol import Progress
from ..scores.roi import Roi, RoiSearch
from . import drawing, planes
from .charts import Estimate, loss_against_calls, losses
from .drawing import CELL, Pictures, Row, Shown, blank, outline, pixels, show
from .planes import plane
from .slices import best_under, front, slices
from .stride import formula, spheres, strides
from .swept import Swept
from .traced import paths, predicted_losses, strips, traces

__all__ = [
    "Estimate",
    "RoiSearch",
    "Row",
    "Shown",
    "best_under",
    "blank",
    "ddpm_vs_ddim",
    "detail",
    "entire_image",
    "formula",
    "front",
    "grid",
    "local_region",
    "loss_against_calls",
    "losses",
    "outline",
    "paths",
    "pixels",
    "plane",
    "predicted_losses",
    "roi_crops",
    "show",
    "slices",
    "spheres",
    "strides",
    "strips",
    "traces",
]


@overload
def grid(what: Sequence[Row], titles: Sequence[str] = (), cell: int = CELL, figure: Figure | None = None) -> Figure: ...


@overload
def grid(
    what: Swept,
    x: str,
    y: str,
    photo: Any,
    measure: str = "mse",
    where: Mapping[str, Any] | None = None,
    size: int = 178,
    seed: int = 0,
    cell: int = 132,
    progress: Progress | None = None,
) -> Figure: ...


def grid(what: Any, *arguments: Any, **named: Any) -> Figure:
    """Pictures in rows and columns: those of a sweep, restored anew over two of its axes, see `planes.grid`; or given
    ones, see `drawing.grid`.
    """
    return (planes.grid if hasattr(what, "to_frame") else drawing.grid)(what, *arguments, **named)


def _table(pictures: Pictures, beyond: Sequence[str] = ()) -> Figure:
    """One row a picture, one column a restoration; those named in `beyond` in a second row, with their names below."""
    titles = [title for title in next(iter(pictures.values())) if title not in beyond]
    rows = []
    for name, columns in pictures.items():
        rows.append(Row([columns[title] for title in titles], label=name))
        if beyond:
            rows.append(Row([columns[title] for title in beyond], label="beyond the note", captions=beyond))
    return drawing.grid(rows, titles)


def ddpm_vs_ddim(pictures: Pictures, beyond: Sequence[str] = ()) -> Figure:
    """Figure 1: what the two samplers make of the same input.

    Parameters
    ----------
    pictures : dict of dict of Restoration
        By portrait and by column: Input, DDIM, DDPM.
    beyond : sequence of str
        Columns that go into a second row, "beyond the note".
    """
    return _table(pictures, beyond)


def entire_image(pictures: Pictures, beyond: Sequence[str] = ()) -> Figure:
    """Figure 2: whole portraits.

    Parameters
    ----------
    pictures : dict of dict of Restoration
        By portrait and by column: Input, A, B, masking-32, masking-8.
    beyond : sequence of str
        Columns that go into a second row, "beyond the note".
    """
    return _table(pictures, beyond)


def local_region(pictures: Pictures, beyond: Sequence[str] = ()) -> Figure:
    """Figure 4: a region restored on its own, at full size.

    Parameters
    ----------
    pictures : dict of dict of Restoration
        By portrait and by column: A, B, masking-32, masking-8.
    beyond : sequence of str
        Columns that go into a second row, "beyond the note".
    """
    return _table(pictures, beyond)


def detail(pictures: Pictures, roi: Roi) -> Figure:
    """The same rectangle of each restoration, pixel by pixel: the grain that a figure at notebook width hides."""
    crops = {
        name: {title: roi.crop(pixels(image)) for title, image in columns.items()} for name, columns in pictures.items()
    }
    return _table(crops)


Found = Mapping[str, tuple[Sequence[Roi], Sequence[Sequence[Roi]]]]
"""For each picture its regions, and for each region its sub-regions."""


def searched(pictures: Pictures, search: RoiSearch) -> Found:
    """The regions of each picture in which its restorations differ most, and the sub-regions of each."""
    found = {}
    for name, columns in pictures.items():
        images = [pixels(image) for image in columns.values()]
        regions = search.regions(images)
        found[name] = regions, [search.sub_regions([roi.crop(image) for image in images]) for roi in regions]
    return found


def roi_crops(pictures: Pictures, search: RoiSearch | None = None, found: Found | None = None) -> Figure:
    """Figure 3: crops of the regions in which the restorations differ most, sub-regions outlined.

    Parameters
    ----------
    pictures : dict of dict of Restoration
        By portrait and by column: A, B, masking-32, masking-8, whole portraits.
    search : RoiSearch, optional
        Sizes and counts of regions and sub-regions.
    found : dict, optional
        What the search found, where it was done before; see `searched`.

    Returns
    -------
    Figure
        One row a region, one column a restoration; the first column shows where the region lies.
    """
    found = searched(pictures, search or RoiSearch()) if found is None else found
    rows = []
    for name, columns in pictures.items():
        images = [pixels(image) for image in columns.values()]
        for number, (roi, inner) in enumerate(zip(*found[name], strict=True), start=1):
            crops = [roi.crop(image) for image in images]
            where = _where(images[0], roi)
            rows.append(Row([where, *crops], f"{name} {number}", [[], *([inner] * len(crops))]))
    return drawing.grid(rows, ["Where", *next(iter(pictures.values()))])


def _where(image: NDArray[Any], roi: Roi) -> NDArray[Any]:
    """The picture with all but a region dimmed, padded to the region's shape."""
    dim = 0.25 * (image / 255 if image.dtype == np.uint8 else image) + 0.55
    dim[roi.top : roi.bottom, roi.left : roi.right] = roi.crop(image) / (255 if image.dtype == np.uint8 else 1)
    height, width = image.shape[:2]
    aspect = (roi.bottom - roi.top) / (roi.right - roi.left)
    if aspect <= height / width:  # a wide region: white left and right
        pad = round((height / aspect - width) / 2)
        return np.pad(dim, ((0, 0), (pad, pad), (0, 0)), constant_values=1.0)
    pad = round((width * aspect - height) / 2)
    return np.pad(dim, ((pad, pad), (0, 0), (0, 0)), constant_values=1.0)
