"""Drawings of the note's four figures from their restorations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ..scores.roi_search import Roi, RoiSearch
from ..views.layout import Pictures, Row, grid, pixels


def table(pictures: Pictures, beyond: Sequence[str] = ()) -> Figure:
    """Draw a row per picture, a column per restoration: the note's figures 1, 2 and 4.

    Parameters
    ----------
    pictures : dict of dict of Restoration
        By portrait and by column.
    beyond : sequence of str
        Columns to show in a second row, "beyond the note", with their names below.
    """
    titles = [title for title in next(iter(pictures.values())) if title not in beyond]
    rows = []
    for name, columns in pictures.items():
        rows.append(Row([columns[title] for title in titles], label=name))
        if beyond:
            rows.append(Row([columns[title] for title in beyond], label="beyond the note", captions=beyond))
    return grid(rows, titles)


ddpm_vs_ddim = entire_image = local_region = table


def detail(pictures: Pictures, roi: Roi) -> Figure:
    """Draw the same rectangle of each restoration, pixel by pixel: the grain that a smaller figure hides."""
    crops = {
        name: {title: roi.crop(pixels(image)) for title, image in columns.items()} for name, columns in pictures.items()
    }
    return table(crops)


def roi_crops(pictures: Pictures, search: RoiSearch | None = None) -> Figure:
    """Draw figure 3: crops of the regions in which the restorations differ most, with sub-regions outlined.

    Parameters
    ----------
    pictures : dict of dict of Restoration
        By portrait and by column: A, B, masking-32, masking-8, whole portraits.
    search : RoiSearch, optional
        Sizes and counts of regions and sub-regions.

    Returns
    -------
    Figure
        A row per region, a column per restoration; the first column shows the region's place.
    """
    search, rows = search or RoiSearch(), []
    for name, columns in pictures.items():
        images = [pixels(image) for image in columns.values()]
        for number, roi in enumerate(search.regions(images), start=1):
            crops = [roi.crop(image) for image in images]
            outlines = [[], *[search.sub_regions(crops)] * len(crops)]
            rows.append(Row([_locator(images[0], roi), *crops], f"{name} {number}", outlines))
    return grid(rows, ["Where", *next(iter(pictures.values()))])


def _locator(image: NDArray[Any], roi: Roi) -> NDArray[Any]:
    """The picture with everything outside a region dimmed, padded to the region's aspect ratio."""
    values = image / 255 if image.dtype == np.uint8 else image
    dimmed = 0.25 * values + 0.55
    dimmed[roi.top : roi.bottom, roi.left : roi.right] = roi.crop(values)
    height, width = image.shape[:2]
    aspect = (roi.bottom - roi.top) / (roi.right - roi.left)
    across = max(0, round((height / aspect - width) / 2))  # white left and right of a wide region's picture
    down = max(0, round((width * aspect - height) / 2))
    return np.pad(dimmed, ((down, down), (across, across), (0, 0)), constant_values=1.0)
