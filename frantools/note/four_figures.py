"""The note's four figures: what each compares, how it is rendered, and how it is made again.

`recipe` makes a recipe, `restorations` does its sampling, `draw` makes the figure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from ..checks import is_integer
from ..comparisons.cache import Cache
from ..comparisons.comparison import Comparison
from ..comparisons.evaluation import NAMES
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
from ..scores.measures import sharpness
from ..scores.roi_search import RoiSearch
from ..views.progressive import compared
from ..views.registry import View, check_complete, check_models, opened, register
from ..views.registry import render as render
from . import figure_layouts

FIGURES: Mapping[str, tuple[str, ...]] = {
    "ddpm-vs-ddim": ("Input", "DDIM", "DDPM"),
    "entire-image": ("Input", "A", "B", "masking-32", "masking-8"),
    "roi-crops": ("A", "B", "masking-32", "masking-8"),
    "local-region": ("A", "B", "masking-32", "masking-8"),
}
"""The columns of each figure."""

BEYOND = ("Original", "diffusion-best", "single-best", "diffusion-best, 6 calls")
"""What a figure's row "beyond the note" shows, as much of it as the figure has columns."""

LOCAL = Region(0.2, 0.2, 0.2, 0.4)
"""The region of figure 4: the rectangle from (0.2, 0.2) to (0.4, 0.6)."""

Restored = Mapping[str, Comparison]
"""By the name that stands beside a picture, what its columns made of it."""


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
    """What makes one of the note's figures.

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
        Default: everything; for "local-region" the note's rectangle.
    search : RoiSearch, optional
        For "roi-crops": the sizes and counts of the regions. Default: the note's, in proportion to `size`.
    beyond : bool
        Whether each picture gets a second row of the models that go beyond the note. "roi-crops" has none.

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
        raise ValueError(f"unknown figure {figure!r}; accepted are {', '.join(FIGURES)}")
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
        raise ValueError("there is no picture; accepted are one or more, and None for both portraits")
    longer = is_integer(size) and any(photo.frame == "whole" for photo in photos)
    return recipe_of(
        figure,
        photos,
        [*chosen, *second],
        size=int(size) if longer else dimensions(size),  # type: ignore[arg-type]
        region=region or (LOCAL if figure == "local-region" else Region.full()),
        seed=check_seed(seed),
        precision=resolve_precision(precision),
        **options,
    )


def compute(
    recipe: Recipe, photos: Sequence[Photo], progress: Progress, cache: Cache | None
) -> Iterator[dict[str, Comparison]]:
    """Restore each photo by all columns."""
    done: dict[str, Comparison] = {}
    for photo, title, report in zip(
        photos, titles(recipe).values(), split_progress(progress, [1] * len(photos)), strict=True
    ):
        done[title] = compared(recipe, photo, report, cache)
    yield done


def restorations(recipe: Any, progress: Progress | None = None, cache: Cache | None = None) -> dict[str, Comparison]:
    """Do the sampling of a recipe.

    Parameters
    ----------
    recipe : Recipe or dict
        From `recipe`, or from `frantools.load_recipe`.
    progress : callable, optional
        Called with the share that is done, 0 to 1. What it raises ends the work.
    cache : Cache, optional
        Restorations made before; figures 2 and 3 share theirs.

    Returns
    -------
    dict of Comparison
        By picture; each is a mapping of column titles to restorations.

    Raises
    ------
    ValueError
        If it is no recipe of a figure, or a picture or a model has changed since it was made.
    """
    read = check(recipe)
    (done,) = compute(read, opened(read), reporting(progress), cache)
    return done


def measured(recipe: Any, pictures: Restored, seconds: bool = False) -> Table:
    """How close each restoration of a recipe is to its original, column by column, and optionally what it took.

    Plain resizing and the photo itself are left out.
    """
    rows = []
    for picture, made in pictures.items():
        numbers = made.numbers(NAMES)
        plain = {column.title for column in made.columns if is_plain(column)}
        for title, restoration in made.items():
            if title in plain:
                continue
            row: dict[str, Any] = {"picture": picture, "column": title, "calls": restoration.calls}
            row |= numbers.get(title, {}) | {"sharpness": sharpness(restoration.image)}
            rows.append(row | ({"seconds": restoration.seconds} if seconds else {}))
    return Table(rows)


def is_plain(column: Column) -> bool:
    """Whether a column is plain resizing or the photo itself, which have no frame of their own either."""
    return column.resolve().frame == ""


def regions(pictures: Restored, search: RoiSearch) -> Table:
    """The regions of figure 3, and how much the restorations differ in each."""
    rows = []
    for name, columns in pictures.items():
        found = search.regions([made.image for made in columns.values()])
        rows += [{"picture": name, "region": number, **asdict(roi)} for number, roi in enumerate(found, start=1)]
    return Table(rows)


def setups(names: Sequence[str] = ()) -> Table:
    """The settings of the note's setups, and how often each calls the network."""
    chosen = {name: SETUPS[name] for name in names or SETUPS}
    return Table([{"setup": name, **setup.to_dict(), "calls": setup.calls} for name, setup in chosen.items()])


def draw(recipe: Any, pictures: Restored) -> Figure:
    """The figure of a recipe, from its restorations."""
    read = as_recipe(recipe)
    beyond = read.options.get("beyond", ())
    shown = {name: images(made) for name, made in pictures.items()}
    if read.view == "roi-crops":
        complete = {name: dict(made) for name, made in pictures.items()}
        return figure_layouts.roi_crops(complete, RoiSearch(**read.options["search"]))
    return figure_layouts.table(shown, beyond)


def images(made: Mapping[str, Any]) -> dict[str, Any]:
    """The restorations of a comparison by title, and in the place of those that there are not, why."""
    if not isinstance(made, Comparison):
        return dict(made)
    return {title: made.errors.get(title) or made[title] for title in made.titles}


def check(recipe: Any) -> Recipe:
    """Raise a ValueError if a recipe is none of a figure's, or cannot make the same figure again."""
    read = as_recipe(recipe)
    if read.view not in FIGURES or read.region is None or read.precision is None or read.models is None:
        raise ValueError(f"this is not the recipe of a figure; figures are {', '.join(FIGURES)}")
    check_complete(read)
    _check_options(read)
    if not read.photos:
        raise ValueError("the recipe is damaged: it has no picture")
    check_models(read)
    opened(read)
    return read


def _check_options(recipe: Recipe) -> None:
    """Raise a ValueError if a figure's own part of a recipe is not what it should be."""
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
    """A recipe whose pictures are found where they are now, as for those that were uploaded to a widget.

    Parameters
    ----------
    recipe : Recipe or dict
        Of a figure. Its hashes tell which picture is which.
    paths : sequence of str
        Of some of its pictures, or all.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such file, or it is none of the recipe's pictures.
    """
    read = as_recipe(recipe)
    sources = list(read.photos)
    for path in paths:
        sha256 = Photo(path).sha256
        found = [index for index, source in enumerate(sources) if source.sha256 in (sha256, "")]
        if not found:
            names = ", ".join(source.name for source in read.photos)
            raise ValueError(f"{path} is another picture than the recipe was made with: {names}")
        for index in found:
            old = sources[index]
            sources[index] = PhotoReference(path, sha256, "", old.frame, old.downscaled_to, old.reference)
    return read.replace(photos=tuple(sources))


def titles(recipe: Any) -> dict[str, str]:
    """What stands beside each picture of a recipe: the name of its file, and the path where two have the same."""
    names = [source.name for source in as_recipe(recipe).photos]
    stems = [Path(name).stem for name in names]
    return {name: stem if stems.count(stem) == 1 else name for name, stem in zip(names, stems, strict=True)}


def _draw(data: Restored, recipe: Recipe, figure: Figure | None = None) -> Figure:
    return draw(recipe, data)


def errors_of(pictures: Mapping[str, Comparison]) -> dict[str, str]:
    """The errors of columns that failed, by title and picture."""
    return {f"{title} of {name}": error for name, made in pictures.items() for title, error in made.errors.items()}


for _name in FIGURES:
    register(View(_name, compute, _draw, _check_options, errors_of))
