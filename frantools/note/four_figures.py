"""The note's four figures: `recipe` creates a recipe, `restorations` samples, `draw` draws the figure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from ..checks import invalid, is_integer, listing
from ..comparisons.cache import Cache
from ..comparisons.comparison import Comparison
from ..comparisons.recipes import Recipe, as_recipe
from ..comparisons.render_job import preferred_frame, recipe_of, split_progress
from ..comparisons.tables import Table
from ..frannet.engine.arguments import check_seed, resolve_precision
from ..frannet.sampling.setup import SETUPS
from ..photos.images import portraits
from ..photos.photo import Photo, with_distinct_names
from ..photos.photo_reference import PhotoReference
from ..photos.regions import Region, dimensions
from ..restorers.base import Progress, reporting
from ..restorers.columns import COLUMNS as COLUMNS
from ..restorers.columns import Column
from ..scores.measures import measures, sharpness
from ..scores.roi_search import RoiSearch
from ..views.progressive import compare_columns
from ..views.registry import View, register
from ..views.render import check_complete, check_models, load_photos
from ..views.render import render as render
from . import figure_layouts

FIGURES: Mapping[str, tuple[str, ...]] = {
    "ddpm-vs-ddim": ("Input", "DDIM", "DDPM"),
    "entire-image": ("Input", "A", "B", "masking-32", "masking-8"),
    "roi-crops": ("A", "B", "masking-32", "masking-8"),
    "local-region": ("A", "B", "masking-32", "masking-8"),
}
"""The columns of each figure."""

BEYOND = ("Original", "diffusion-best", "single-best", "diffusion-best, 6 calls")
"""The columns of a row "beyond the note", cut to the number of columns of the figure."""

LOCAL = Region(0.2, 0.2, 0.2, 0.4)
"""The region of figure 4: the rectangle from (0.2, 0.2) to (0.4, 0.6)."""

Comparisons = Mapping[str, Comparison]
"""A comparison for each picture, by the label of its row."""


def recipe(
    figure: str,
    pictures: Sequence[Any] | None = None,
    columns: Sequence[Column] | None = None,
    size: int | tuple[int, int] = 1024,
    region: Region | None = None,
    seed: int = 0,
    precision: str = "float32",
    search: RoiSearch | None = None,
    beyond: bool = False,
) -> Recipe:
    """Create the recipe of one of the note's figures.

    Parameters
    ----------
    figure : str
        "ddpm-vs-ddim", "entire-image", "roi-crops" or "local-region".
    pictures : sequence of str
        Names of built-in portraits, and paths of pictures. Default: both portraits.
    columns : sequence of Column, optional
        Default: the note's.
    size, seed, precision
        As for `frantools.restore`, for all columns.
    region : Region, optional
        Default: the whole picture; for "local-region" the note's rectangle.
    search : RoiSearch, optional
        For "roi-crops": the sizes and counts of the regions. Default: the note's, in proportion to `size`.
    beyond : bool
        Whether to add a second row per picture, of models that go beyond the note. "roi-crops" has none.

    Returns
    -------
    Recipe
        With the hashes of pictures and weights and the versions of libraries.

    Raises
    ------
    FileNotFoundError, ValueError
        If a picture or a model cannot be read, or a name is unknown.
    """
    if figure not in FIGURES:
        raise invalid("figure", listing(FIGURES), figure)
    chosen = [COLUMNS[title] for title in FIGURES[figure]] if columns is None else list(columns)
    second = [COLUMNS[title] for title in BEYOND[: len(chosen)]] if beyond and figure != "roi-crops" else []
    options: dict[str, Any] = {"beyond": [column.title for column in second]} if second else {}
    if figure == "roi-crops":
        side = min(dimensions(size))
        options["search"] = asdict((search or RoiSearch().scaled(side)).check(side))
    frame = preferred_frame(column.resolve(precision) for column in (*chosen, *second))
    photos = [
        photo.with_frame(frame)
        for photo in with_distinct_names(map(Photo, portraits() if pictures is None else pictures))
    ]
    if not photos:
        raise ValueError("pictures must be one or more pictures, or None for both portraits, got none")
    is_longer_side = is_integer(size) and any(photo.frame == "whole" for photo in photos)
    return recipe_of(
        figure,
        photos,
        [*chosen, *second],
        size=int(size) if is_longer_side else dimensions(size),  # type: ignore[arg-type]
        region=region or (LOCAL if figure == "local-region" else Region.full()),
        seed=check_seed(seed),
        precision=resolve_precision(precision),
        **options,
    )


def compute(
    recipe: Recipe, photos: Sequence[Photo], progress: Progress, cache: Cache | None
) -> Iterator[dict[str, Comparison]]:
    """Restore each photo by all columns."""
    reports = split_progress(progress, [1] * len(photos))
    yield {
        title: compare_columns(recipe, photo, report, cache)
        for photo, title, report in zip(photos, titles(recipe).values(), reports, strict=True)
    }


def restorations(recipe: Any, progress: Progress | None = None, cache: Cache | None = None) -> dict[str, Comparison]:
    """Restore the pictures of a recipe.

    Parameters
    ----------
    recipe : Recipe or dict
        From `recipe`, or from `frantools.load_recipe`.
    progress : callable, optional
        Called with the fraction that is done, 0 to 1. Exceptions that it raises end the work.
    cache : Cache, optional
        Restorations to reuse; figures 2 and 3 share theirs.

    Returns
    -------
    dict of Comparison
        By picture; each is a mapping of column titles to restorations.

    Raises
    ------
    ValueError
        If it is not the recipe of a figure, or a picture or a model has changed since it was made.
    """
    checked = check(recipe)
    (comparisons,) = compute(checked, load_photos(checked), reporting(progress), cache)
    return comparisons


def measured(recipe: Any, pictures: Comparisons, seconds: bool = False) -> Table:
    """Measure each restoration of a recipe, and optionally list its duration.

    Resized inputs and the photo itself are left out.
    """
    rows = []
    for picture, comparison in pictures.items():
        numbers = comparison.numbers(measures.builtin)
        resized = {column.title for column in comparison.columns if is_resized(column)}
        for title, restoration in comparison.items():
            if title in resized:
                continue
            row: dict[str, Any] = {"picture": picture, "column": title, "calls": restoration.calls}
            row |= numbers.get(title, {}) | {"sharpness": sharpness(restoration.image)}
            rows.append(row | ({"seconds": restoration.seconds} if seconds else {}))
    return Table(rows)


def is_resized(column: Column) -> bool:
    """Whether a column is a resized input or the photo itself, which prefer no frame."""
    return column.resolve().frame == ""


def regions(pictures: Comparisons, search: RoiSearch) -> Table:
    """The regions of figure 3, with their scores."""
    rows = []
    for name, columns in pictures.items():
        rois = search.regions(list(columns.values()))
        rows += [{"picture": name, "region": number, **asdict(roi)} for number, roi in enumerate(rois, start=1)]
    return Table(rows)


def setups(names: Sequence[str] = ()) -> Table:
    """The settings of the note's setups, and their network calls."""
    chosen = {name: SETUPS[name] for name in names or SETUPS}
    return Table([{"setup": name, **setup.to_dict(), "calls": setup.calls} for name, setup in chosen.items()])


def draw(recipe: Any, pictures: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Draw the figure of a recipe, from its restorations."""
    recipe = as_recipe(recipe)
    if recipe.view == "roi-crops":
        return figure_layouts.roi_crops(pictures, RoiSearch(**recipe.options["search"]))
    images = {name: c.images if isinstance(c, Comparison) else c for name, c in pictures.items()}
    return figure_layouts.table(images, recipe.options.get("beyond", ()))


def check(recipe: Any) -> Recipe:
    """Check that a recipe is that of a figure, and that nothing it reads has changed."""
    recipe = as_recipe(recipe)
    if recipe.view not in FIGURES or None in (recipe.region, recipe.precision, recipe.models):
        raise ValueError(f"this is not the recipe of a figure; figures are {', '.join(FIGURES)}")
    check_complete(recipe)
    _check_options(recipe)
    check_models(recipe)
    load_photos(recipe)
    return recipe


def _check_options(recipe: Recipe) -> None:
    """Raise a ValueError if a figure's own part of a recipe is invalid."""
    try:
        missing = {*recipe.options.get("beyond", ())} - {column.title for column in recipe.columns}
        if recipe.view == "roi-crops":
            assert recipe.size is not None
            side = recipe.size if isinstance(recipe.size, int) else min(recipe.size)
            RoiSearch(**recipe.options["search"]).check(side)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"the recipe is damaged: {error}") from None
    if missing:
        raise ValueError(f"the recipe is damaged: it has no column {', '.join(sorted(missing))}")


def located(recipe: Any, paths: Sequence[str]) -> Recipe:
    """A recipe with new paths of its pictures, such as those that were uploaded to a widget.

    Parameters
    ----------
    recipe : Recipe or dict
        Of a figure. Its hashes identify the pictures.
    paths : sequence of str
        Of some or all of its pictures.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such file, or it is not one of the recipe's pictures.
    """
    recipe = as_recipe(recipe)
    sources: list[PhotoReference] = list(recipe.photos)
    for path in paths:
        sha256 = Photo(path).sha256
        matches = [index for index, source in enumerate(sources) if source.sha256 in (sha256, "")]
        if not matches:
            names = ", ".join(source.name for source in recipe.photos)
            raise ValueError(f"{path}: not a picture of the recipe, which has {names}")
        for index in matches:
            old = sources[index]
            sources[index] = PhotoReference(path, sha256, "", old.frame, old.downscaled_to, old.reference)
    relocated: Recipe = recipe.replace(photos=tuple(sources))
    return relocated


def titles(recipe: Any) -> dict[str, str]:
    """The labels of a recipe's pictures: the names of their files, or their paths if two have the same name."""
    names = [source.name for source in as_recipe(recipe).photos]
    stems = [Path(name).stem for name in names]
    return {name: stem if stems.count(stem) == 1 else name for name, stem in zip(names, stems, strict=True)}


def errors_of(pictures: Mapping[str, Comparison]) -> dict[str, str]:
    """The errors of columns that failed, by title and picture."""
    return {f"{title} of {name}": error for name, each in pictures.items() for title, error in each.errors.items()}


for _name in FIGURES:
    register(View(_name, compute, lambda data, recipe, figure: draw(recipe, data), _check_options, errors_of))
