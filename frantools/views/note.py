"""The note's four figures as recipes: what each compares, how it is rendered, and how it is made again.

A recipe is a dict that JSON can hold. `recipe` makes one, `restorations` does its sampling, `draw` makes the figure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple
from pathlib import Path

from matplotlib.figure import Figure

from ..comparisons import COLUMNS, SOURCES, Cache, Column, compare, model, original
from ..frannet.restoration import Progress, Restoration, check_seed, resolve_precision, versions
from ..frannet.samplers import SETUPS
from ..images import Picture, load_image, portraits
from ..recipes import Recipe
from ..regions import Region, dimensions
from ..scores.measures import measure, sharpness
from ..scores.roi import RoiSearch
from ..tables import Table
from . import figures

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


def recipe(
    figure: str,
    pictures: Sequence[str] = (),
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
        As for `restore`.
    region : Region, optional
        Default: everything; for "local-region" the note's rectangle.
    search : RoiSearch, optional
        For "roi-crops": the sizes and counts of the regions. Default: the note's, in proportion to `size`.
    beyond : bool
        Whether each picture gets a second row of the models that go beyond the note. "roi-crops" has none.

    Returns
    -------
    dict
        As JSON can hold it, with the hashes of pictures and weights and the versions of libraries.

    Raises
    ------
    FileNotFoundError, ValueError
        If a picture or a model cannot be read, or a name is unknown.
    """
    if figure not in FIGURES:
        raise ValueError(f"unknown figure {figure!r}; accepted are {', '.join(FIGURES)}")
    chosen = [COLUMNS[title] for title in FIGURES[figure]] if columns is None else list(columns)
    second = [COLUMNS[title] for title in BEYOND[: len(chosen)]] if beyond and figure != "roi-crops" else []
    region = region or (LOCAL if figure == "local-region" else Region.full())
    made: Recipe = {
        "figure": figure,
        "pictures": {name: picture_hash(find_picture(name)) for name in pictures or portraits()},
        "columns": [column.to_dict() for column in [*chosen, *second]],
        "size": list(dimensions(size)),
        "region": list(astuple(region)),
        "seed": check_seed(seed),
        "precision": resolve_precision(precision),
        "models": {c.model: model(c.model).sha256 for c in [*chosen, *second] if c.model not in SOURCES},
        "versions": versions(),
    }
    if second:
        made["beyond"] = [column.title for column in second]
    if figure == "roi-crops":
        side = min(dimensions(size))
        made["search"] = asdict((search or RoiSearch().scaled(side)).check(side))
    return made


def restorations(
    recipe: Recipe, progress: Progress | None = None, cache: Cache | None = None
) -> dict[str, dict[str, Restoration]]:
    """Do the sampling of a recipe.

    Parameters
    ----------
    recipe : dict
        From `recipe`, or from `frantools.load_recipe`.
    progress : callable, optional
        Called with the share that is done, 0 to 1. What it raises ends the work.
    cache : Cache, optional
        Restorations made before; figures 2 and 3 share theirs.

    Returns
    -------
    dict of dict of Restoration
        By picture and column title.

    Raises
    ------
    ValueError
        If it is no recipe of a figure, or a picture or a model has changed since it was made.
    """
    check(recipe)
    done: dict[str, dict[str, Restoration]] = {}
    names = titles(recipe)
    for index, (name, title) in enumerate(names.items()):

        def report(share: float, index: int = index) -> None:
            if progress is not None:
                progress((index + share) / len(names))

        done[title] = compare(
            find_picture(name),
            [Column.from_dict(column) for column in recipe["columns"]],
            size=tuple(recipe["size"]),
            region=Region(*recipe["region"]),
            seed=recipe["seed"],
            precision=recipe["precision"],
            progress=report,
            cache=cache,
        )
    return done


def measured(recipe: Recipe, pictures: Mapping[str, Mapping[str, Restoration]], seconds: bool = False) -> Table:
    """How close each restoration of a recipe is to its original, column by column, and optionally what it took."""
    rows = []
    for name, picture in titles(recipe).items():
        target = original(find_picture(name), tuple(recipe["size"]), Region(*recipe["region"]))
        for title, restoration in pictures[picture].items():
            if restoration.calls == 0:
                continue
            row = {"picture": picture, "column": title, "calls": restoration.calls}
            row |= measure(restoration.image, target) | {"sharpness": sharpness(restoration.image)}
            rows.append(row | ({"seconds": restoration.seconds} if seconds else {}))
    return Table(rows)


def regions(pictures: Mapping[str, Mapping[str, Restoration]], search: RoiSearch) -> Table:
    """The regions of figure 3, and how much the restorations differ in each."""
    rows = []
    for name, columns in pictures.items():
        found = search.regions(list(columns.values()))
        rows += [{"picture": name, "region": number, **asdict(roi)} for number, roi in enumerate(found, start=1)]
    return Table(rows)


def setups(names: Sequence[str] = ()) -> Table:
    """The settings of the note's setups, and how often each calls the network."""
    chosen = {name: SETUPS[name] for name in names or SETUPS}
    return Table([{"setup": name, **setup.to_dict(), "calls": setup.calls} for name, setup in chosen.items()])


def draw(recipe: Recipe, pictures: Mapping[str, Mapping[str, Restoration]]) -> Figure:
    """The figure of a recipe, from its restorations."""
    match recipe["figure"]:
        case "ddpm-vs-ddim":
            return figures.ddpm_vs_ddim(pictures, recipe.get("beyond", ()))
        case "entire-image":
            return figures.entire_image(pictures, recipe.get("beyond", ()))
        case "roi-crops":
            return figures.roi_crops(pictures, RoiSearch(**recipe["search"]))
        case _:
            return figures.local_region(pictures, recipe.get("beyond", ()))


def render(recipe: Recipe, progress: Progress | None = None, cache: Cache | None = None) -> Figure:
    """Make the figure of a recipe; see `restorations`."""
    return draw(recipe, restorations(recipe, progress, cache))


def check(recipe: Recipe) -> None:
    """Raise a ValueError if a recipe is none of a figure's, or cannot make the same figure again."""
    needed = {"figure", "pictures", "columns", "size", "region", "seed", "precision", "models"}
    if not isinstance(recipe, dict) or recipe.get("figure") not in [*FIGURES] or not needed <= recipe.keys():
        raise ValueError(f"this is not the recipe of a figure; figures are {', '.join(FIGURES)}")
    try:
        Region(*recipe["region"]), dimensions(tuple(recipe["size"]))
        resolve_precision(recipe["precision"]), check_seed(recipe["seed"])
        columns = [Column.from_dict(column) for column in recipe["columns"]]
        recipe["pictures"].items(), recipe["models"].items()
        if recipe["figure"] == "roi-crops":
            RoiSearch(**recipe["search"]).check(min(recipe["size"]))
        missing = {*recipe.get("beyond", ())} - {column.title for column in columns}
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"the recipe is damaged: {error}") from None
    if missing:
        raise ValueError(f"the recipe is damaged: it has no column {', '.join(sorted(missing))}")
    if not recipe["pictures"] or not columns:
        raise ValueError("the recipe is damaged: it has no picture or no column")
    unchanged(recipe)


def unchanged(recipe: Recipe, image: Picture | None = None) -> None:
    """Raise a ValueError if a picture, or `image` in its place, or a model has changed since a recipe was made.

    A picture that only the widget knew (`given`), and `image` is not, is a FileNotFoundError.
    """
    for name, sha256 in recipe["pictures"].items():
        if image is None and name in recipe.get("given", {}):
            raise FileNotFoundError(
                f"the picture {name} was {recipe['given'][name]}, and the recipe has its name alone; pass the file: "
                "--picture PATH on the command line, image=frantools.load_image(PATH) in Python"
            )
        if picture_hash(find_picture(name) if image is None else image) != sha256:
            raise ValueError(
                f"the picture {name} has changed since the recipe was made"
                if image is None
                else f"this is another picture than the {name} that the recipe was made with"
            )
    for name, sha256 in recipe["models"].items():
        if model(name).sha256 != sha256:
            raise ValueError(f"the model {name} has other weights than those that the recipe was made with")


def located(recipe: Recipe, paths: Sequence[str]) -> Recipe:
    """A recipe whose pictures are found where they are now, as for those that were uploaded to a widget.

    Parameters
    ----------
    recipe : dict
        Of a figure. Its hashes tell which picture is which.
    paths : sequence of str
        Of some of its pictures, or all.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such file, or it is none of the recipe's pictures.
    """
    pictures, given = recipe.get("pictures"), recipe.get("given", {})
    if not isinstance(pictures, dict) or not isinstance(given, dict):
        return recipe  # what is wrong with it, `check` tells
    for path in paths:
        sha256 = picture_hash(find_picture(path))
        found = [name for name in pictures if pictures[name] == sha256]
        if not found:
            raise ValueError(f"{path} is another picture than the recipe was made with: {', '.join(pictures)}")
        pictures = {path if name in found else name: sha for name, sha in pictures.items()}
        given = {name: how for name, how in given.items() if name not in found}
    kept = {name: value for name, value in recipe.items() if name != "given"}
    return {**kept, "pictures": pictures} | ({"given": given} if given else {})


def find_picture(name: str) -> Picture:
    """A built-in portrait by its name, or a picture by its path."""
    built_in = portraits()
    return built_in[name] if name in built_in else load_image(name)


def titles(recipe: Recipe) -> dict[str, str]:
    """What stands beside each picture of a recipe: the name of its file, and the path where two have the same."""
    stems = [Path(name).stem for name in recipe["pictures"]]
    return {
        name: stem if stems.count(stem) == 1 else name for name, stem in zip(recipe["pictures"], stems, strict=True)
    }


def picture_hash(picture: Picture) -> str:
    """What a recipe knows a picture by."""
    return hashlib.sha256(picture.tobytes()).hexdigest()
