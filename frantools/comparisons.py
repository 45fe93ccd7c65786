"""One photo, several columns: what each restorer makes of it, side by side."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from .degradation import Degradation
from .frannet.restoration import check_region, check_seed, resolve_precision, versions
from .photo import Photo, as_photo
from .recipes import Recipe, Source
from .regions import Region
from .restorers.columns import COLUMNS, Column, as_columns
from .restorers.protocol import (
    Cancelled,
    Colours,
    Given,
    Progress,
    Restoration,
    Restorer,
    sentence,
)
from .restorers.resizing import resized_picture, resized_region
from .scores.measures import measures
from .scores.roi import Roi, find_rois
from .store import Cache
from .tables import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["COLUMNS", "Cache", "Cancelled", "Column", "Comparison", "compare", "restore"]

UNKNOWN_COST = 10.0  # seconds a megapixel, of a restorer that does not know its own


@dataclass(frozen=True, eq=False)
class Job:
    """All that restorations of one photo have in common."""

    photo: Photo
    size: tuple[int, int]
    region: Region | None = None
    seed: int = 0
    given: Degradation | None = None
    precision: str = "float32"
    device: str | None = None
    timeout: float | None = None
    cache: Cache | None = None
    made: dict[int, tuple[Column, Restorer]] = field(default_factory=dict, compare=False, repr=False)
    """The restorers of columns, made once a job: to find out what a name means takes a look at folders."""

    @property
    def whole(self) -> tuple[int, int]:
        """The width and height of the whole frame, where only a region of it is asked for."""
        return self.size if self.region is None else self.photo.size(max(self.size))

    def restorer(self, column: Column) -> Restorer:
        if id(column) not in self.made:
            self.made[id(column)] = column, column.restorer(self.precision, self.device, self.timeout)
        return self.made[id(column)][1]

    def restore(self, column: Column, progress: Progress) -> Restoration:
        """One column's restoration, or an error of whatever kind."""
        made = self.restorer(column)
        degradation = column.given if column.given is not None else self.given
        seed = self.seed if column.seed is None else column.seed
        region = self.region
        cut = region is not None and not made.continuous
        size = self.whole if cut else self.size
        key = json.dumps(
            [
                self.photo.key,
                column.key(),
                size,
                None if region is None or cut else [region.x, region.y, region.width, region.height],
                seed if made.random else None,
                degradation and degradation.to_dict(),
                self.precision if made.random else None,
                self.device,
            ]
        )
        kept = self.cache.get(key) if self.cache is not None else None
        if kept is None:
            threads = torch.get_num_threads()
            try:
                given = Given(self.photo, self.whole, degradation)
                kept = made.restore(given, size, None if cut else region, seed, progress)
            finally:
                if torch.get_num_threads() != threads:
                    torch.set_num_threads(threads)
            if self.cache is not None:
                self.cache.put(key, kept)
        if cut and region is not None:
            kept = replace(kept, image=resized_region(kept.image, self.size, region, "bicubic"))
        return kept


def frame_of(photo: Photo, restorers: Sequence[Restorer]) -> Photo:
    """The photo with its frame: its own; else square where FranNet takes part or all is plain resizing, else whole."""
    wishes = {getattr(each, "frame", "whole") for each in restorers}
    return photo.framed_as("square" if "square" in wishes or wishes <= {""} else "whole")


@dataclass(frozen=True, eq=False)
class Comparison(Mapping[str, Restoration]):
    """What each column made of a photo; a mapping of titles to restorations.

    A notebook shows it as its figure.
    """

    photo: Photo
    """With the frame that was looked at."""
    columns: tuple[Column, ...]
    size: tuple[int, int]
    region: Region | None
    seed: int
    given: Degradation | None
    precision: str
    restorations: Mapping[str, Restoration] = field(repr=False)
    """By title, of the columns in which nothing went wrong."""
    errors: Mapping[str, str]
    """What went wrong, a sentence a column, by title."""

    @property
    def titles(self) -> list[str]:
        """Of all columns, in their order."""
        return [column.title for column in self.columns]

    def __getitem__(self, title: str) -> Restoration:
        if title in self.errors:
            raise KeyError(f"{title} has no restoration: {self.errors[title]}")
        return self.restorations[title]

    def __iter__(self) -> Iterator[str]:
        return iter(self.restorations)

    def __len__(self) -> int:
        return len(self.restorations)

    @cached_property
    def reference(self) -> Colours | None:
        """What the restorations are measured against: float32 (H, W, 3) in [0, 1], or None."""
        return self.photo.reference(self.size, self.region)

    def fitted(self, title: str) -> Colours:
        """A restoration at the comparison's size: float32 (H, W, 3) in [0, 1].

        One of another size is resampled, bicubic with antialiasing.
        """
        return resized_picture(self[title].image, self.size)

    @property
    def resampled(self) -> dict[str, tuple[int, int]]:
        """The width and height of the restorations that are of another size than was asked for, by title."""
        sizes = {title: (made.image.shape[1], made.image.shape[0]) for title, made in self.restorations.items()}
        return {title: size for title, size in sizes.items() if size != self.size}

    def protocol(self) -> str:
        """How the numbers came about, in a sentence or two."""
        width, height = self.size
        said = [f"The {self.photo.frame} frame of {self.photo.name} at {width} x {height}"]
        said += [f"region {self.region}"] if self.region is not None else []
        said += [f"given: {self.given if self.given is not None else 'the reference itself'}"]
        lines = ["; ".join(said) + "."]
        lines += [
            f"{title} is {wide} x {high} and was resampled (bicubic, antialiased) to be measured."
            for title, (wide, high) in self.resampled.items()
        ]
        lines += [remark + "." for made in self.restorations.values() for remark in made.remarks]
        return " ".join(lines)

    def numbers(self, names: Sequence[str] | None = None) -> dict[str, dict[str, float]]:
        """The measures of each restoration by title; none where there is no reference."""
        if self.reference is None:
            return {}
        chosen = [measures[name] for name in (measures if names is None else names)]
        return {
            title: {each.name: each(self.fitted(title), self.reference) for each in chosen}
            for title in self.restorations
        }

    def measure(self, names: Sequence[str] | None = None) -> Table:
        """How close each column is to the reference.

        Parameters
        ----------
        names : sequence of str, optional
            Of `frantools.measures`. Default: all of them.

        Returns
        -------
        Table
            A row a column. What went wrong in a column stands in its row; without a reference there are no numbers.
        """
        found, rows = self.numbers(names), []
        for title in self.titles:
            row: dict[str, Any] = {"column": title}
            if title in self.restorations:
                made = self.restorations[title]
                row |= found.get(title, {}) | {"calls": made.calls, "seconds": made.seconds}
            if self.errors:
                row["error"] = self.errors.get(title, "")
            rows.append(row)
        heads = {name: None for row in rows for name in row}
        return Table([{name: row.get(name) for name in heads} for row in rows], caption=self.protocol())

    def rois(self, size: int | None = None, count: int = 4) -> list[Roi]:
        """The squares in which most goes on and the columns differ most; see `find_rois`.

        Parameters
        ----------
        size : int, optional
            Pixels a side, of the comparison's size. Default: three eighths of the shorter side, as in the note.
        count : int
            How many at most.
        """
        side = max(1, min(self.size) * 3 // 8) if size is None else size
        return find_rois([self.fitted(title) for title in self.restorations], side, count)

    @property
    def recipe(self) -> Recipe:
        """What makes the same comparison again."""
        return recipe_of(
            "compare", self.photo, self.columns, self.size, self.region, self.seed, self.given, self.precision
        )

    def figure(self) -> Figure:
        """The columns side by side, with their numbers."""
        import_module(f"{__package__}.views.compare")  # fills the registry
        draw: Callable[[Comparison], Figure] = FIGURES["comparison"]
        return draw(self)

    def _repr_png_(self) -> bytes | None:
        from io import BytesIO

        file, figure = BytesIO(), self.figure()
        figure.savefig(file, format="png", dpi=figure.dpi)
        return file.getvalue()

    def __repr__(self) -> str:
        said = [f"{title} failed" if title in self.errors else title for title in self.titles]
        return f"Comparison of {self.photo.name} at {self.size[0]} x {self.size[1]}: {', '.join(said)}"


FIGURES: dict[str, Any] = {}
"""What draws a comparison, by name; `views` fills it, so that nothing here imports a view."""


def recipe_of(
    view: str,
    photo: Photo,
    columns: Sequence[Column],
    size: int | tuple[int, int],
    region: Region | None = None,
    seed: int = 0,
    given: Degradation | None = None,
    precision: str = "float32",
    **options: Any,
) -> Recipe:
    """The recipe of what was made of a photo."""
    return Recipe(
        view=view,
        photos=(Source.of(photo),),
        columns=tuple(columns),
        size=size,
        region=region,
        seed=seed,
        degradation=given,
        precision=precision,
        models=model_hashes(columns),
        options=options,
        versions=versions(),
    )


def model_hashes(columns: Sequence[Column]) -> dict[str, str]:
    """The hashes of the FranNet weights that columns use, by name."""
    found: dict[str, str] = {}
    for column in columns:
        try:
            made = column.restorer()
        except Exception:  # of whatever kind: it is told where the column is restored
            continue
        name, network = getattr(made, "name", None), getattr(made, "model", None)
        if name is not None and getattr(network, "sha256", None):
            found[str(name)] = str(network.sha256)  # type: ignore[union-attr]
    return found


def compare(
    photo: Any,
    columns: Sequence[Any],
    size: int | tuple[int, int] = 512,
    region: Region | None = None,
    seed: int = 0,
    given: Degradation | None = None,
    progress: Progress | None = None,
    *,
    precision: str = "float32",
    device: str | None = None,
    timeout: float | None = None,
    cache: Cache | None = None,
) -> Comparison:
    """Restore a photo once for each column.

    Parameters
    ----------
    photo : Photo, str, path or ndarray
        See `Photo`.
    columns : sequence
        Columns, pairs (title, what), or whatever restores: names, setups, paths, functions, modules, arrays.
    size : int or (int, int)
        Width and height. One number is the longer side of the frame; with a region, both sides.
    region : Region, optional
        What of the frame is looked at. Default: all of it.
    seed : int
        Of the random numbers, of columns without a seed of their own.
    given : Degradation, optional
        What restorers are given of the photo. FranNet's own models read their 64 x 64 gray copy all the same.
    progress : callable, optional
        Called with the share of the whole that is done, 0 to 1. What it raises ends the work.
    precision, device : str, optional
        For FranNet's models; see `restore`.
    timeout : float, optional
        Seconds after which the answer of a function or a module is no longer waited for. Default: never.
    cache : Cache, optional
        Where to look for restorations that were made before, and to keep new ones.

    Returns
    -------
    Comparison
        What goes wrong inside one column is a sentence in its `errors`, and the others go on.

    Raises
    ------
    FileNotFoundError, ValueError
        If the photo cannot be read, a column names nothing, or an argument is not as above.

    Examples
    --------
    >>> import frantools as ft
    >>> made = ft.compare("hopper", ["bicubic", ("gray", "nearest")], size=64)
    >>> made.titles
    ['bicubic', 'gray']
    """
    if given is not None and not isinstance(given, Degradation):
        raise ValueError(f"given is {given!r}; accepted is a Degradation, such as Degradation(shrink=4)")
    made = as_columns(columns)
    photo, precision = as_photo(photo), resolve_precision(precision)
    region = None if region is None else check_region(region)
    found = {column.title: column.restorer(precision, device, timeout) for column in made}
    photo = frame_of(photo, list(found.values()))
    job = Job(photo, photo.size(size, region), region, check_seed(seed), given, precision, device, timeout, cache)
    restorations, errors = run(job, made, progress)
    return Comparison(photo, tuple(made), job.size, region, job.seed, given, precision, restorations, errors)


def run(
    job: Job, columns: Sequence[Column], progress: Progress | None = None
) -> tuple[dict[str, Restoration], dict[str, str]]:
    """The restorations of a job's columns by title, and what went wrong in the others."""
    costs = [cost_of(job, column) for column in columns]
    restorations: dict[str, Restoration] = {}
    errors: dict[str, str] = {}
    for index, column in enumerate(columns):
        stopped: list[BaseException] = []

        def report(share: float, index: int = index, stopped: list[BaseException] = stopped) -> None:
            if progress is not None:
                try:
                    progress((sum(costs[:index]) + share * costs[index]) / sum(costs))
                except BaseException as error:
                    stopped.append(error)
                    raise

        try:
            restorations[column.title] = job.restore(column, report)
        except Exception as error:  # of whatever kind: it belongs to this column
            if stopped:  # it is the caller's, who wants no more
                raise
            errors[column.title] = sentence(error, column.title)
        report(1.0)
    return restorations, errors


def cost_of(job: Job, column: Column) -> float:
    """About how long a column takes, in seconds a megapixel."""
    try:
        cost = job.restorer(column).cost
    except Exception:  # of whatever kind: it is told where the column is restored
        return 1.0
    return max(1e-3, UNKNOWN_COST if cost is None else float(cost))


def restore(
    what: Any,
    photo: Any,
    setup: Any = None,
    size: int | tuple[int, int] = 1024,
    region: Region | None = None,
    seed: int = 0,
    precision: str = "float32",
    progress: Progress | None = None,
    *,
    given: Degradation | None = None,
    device: str | None = None,
    timeout: float | None = None,
    **settings: Any,
) -> Restoration:
    """Restore a photo, or a region of it.

    Parameters
    ----------
    what : object
        A FranNet of `load_model`, the name of a model or a setup, a function, a torch module, a path: whatever can be a
        column.
    photo : Photo, str, path, ndarray or Tensor
        See `Photo`. For FranNet alone also the network's input itself, as `prepare_input` makes it: (1, 1, 64, 64) floats
        in [-1, 1].
    setup : Setup, SchedulerSetup or str, optional
        The sampler and its settings, for FranNet's diffusion models only. Default: `Setup()`, the note's B.
    size : int or (int, int)
        Width and height, 1 to 16384 each. One number is the longer side of the frame; with a region, both sides.
    region : Region, optional
        What of the picture is restored. Default: all of it.
    seed : int
        Of the random numbers. FranNet's belong to the point: a region is coloured as in the whole picture.
    precision : {"float32", "bfloat16", "auto"}
        Of FranNet's products; sums over blocks and steps are float32 all the same. "bfloat16" changes the loss by less
        than a hundredth. "auto" takes it where the device has instructions for it (a processor's AVX-512 BF16, or
        CUDA), where it is the faster one. Elsewhere it is emulated, no faster than "float32", which "auto" then takes.
    progress : callable, optional
        Called with the share that is done, 0 to 1, several times a second, on the calling thread. What it raises ends
        the work and is raised from here.
    given : Degradation, optional
        What the restorer is given of the photo; FranNet reads its 64 x 64 gray copy all the same.
    device : str, optional
        Where FranNet runs. Default: where the model is.
    timeout : float, optional
        Seconds after which the answer of a function or a module is no longer waited for. Default: never.
    **settings
        Arguments of a function, or `tile` and `overlap` of a module.

    Returns
    -------
    Restoration
        `image` float32 (H, W, 3) in [0, 1], `seconds`, `calls`, `recipe`.

    Raises
    ------
    FileNotFoundError, ValueError, ImportError
        If an argument is not as above, or what restores answers with no picture.

    Examples
    --------
    >>> import frantools as ft
    >>> ft.restore("diffusion-basic", "hopper", size=64).image.shape
    (64, 64, 3)
    """
    column = Column("restored", what, setup, given=given, **settings)
    seed, region = check_seed(seed), check_region(region)
    if isinstance(photo, Tensor):
        return _from_input(column, photo, size, region, seed, precision, device, progress)
    restorer = column.restorer(precision, device, timeout)
    column = column.but(title=restorer.title if isinstance(restorer.title, str) else "restored")
    framed = frame_of(as_photo(photo), [restorer])
    part = None if region == Region.full() else region
    job = Job(framed, framed.size(size, part), part, seed, None, precision, device, timeout)
    made = job.restore(column, progress or (lambda _: None))
    legacy = {name: made.recipe[name] for name in LEGACY if name in made.recipe}
    recipe = recipe_of("restoration", framed, [column], job.size, region, seed, None, precision, **legacy)
    return replace(made, recipe=replace(recipe, precision=made.recipe.get("precision", recipe.precision)))


LEGACY = ("model", "model_sha256", "input_sha256", "setup")
"""What recipes of FranNet's restorations have said since the first version."""


def _from_input(
    column: Column,
    x: Tensor,
    size: int | tuple[int, int],
    region: Region,
    seed: int,
    precision: str,
    device: str | None,
    progress: Progress | None,
) -> Restoration:
    """A restoration from FranNet's input itself, of which there is no photo."""
    made = column.restorer(precision, device)
    sample = getattr(made, "sample", None)
    if sample is None:
        raise ValueError(
            f"a tensor of shape {tuple(x.shape)} and {x.dtype} is an input of FranNet alone, and {made.title} is another "
            "restorer; accepted are pictures as arrays"
        )
    restoration: Restoration = sample(x, size, region, seed, progress)
    return replace(restoration, recipe=Recipe.from_dict(dict(restoration.recipe)))
