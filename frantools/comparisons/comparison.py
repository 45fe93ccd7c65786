"""One photo, several columns: what each restorer makes of it, side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any

from torch import Tensor

from ..frannet.engine.arguments import check_region, check_seed, resolve_precision
from ..photos.degradation import Degradation
from ..photos.photo import Photo, as_photo
from ..photos.regions import Region
from ..restorers.base import Cancelled, Colours, Progress, Restoration, reporting
from ..restorers.columns import COLUMNS, Column, as_column, as_columns
from ..restorers.custom import check_timeout
from ..restorers.resizing import resized_picture
from ..scores.measures import measure
from ..scores.roi_search import Roi, find_rois
from ..system.devices import find_device
from .cache import Cache
from .recipes import Recipe
from .render_job import RenderJob, recipe_of, resolve_columns, run, with_preferred_frame
from .tables import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["COLUMNS", "Cache", "Cancelled", "Column", "Comparison", "compare", "recipe_of", "restore"]


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
    copies: tuple[str, ...] = ()
    """The titles of the columns that read the photo's own 64 x 64 copy."""
    pending: frozenset[str] = frozenset()
    """The titles of the columns that have only a preview or a placeholder so far; empty once complete."""
    measured: Mapping[str, Mapping[str, float]] = field(default_factory=dict, repr=False)
    """Numbers that are known already, by title; views draw them."""
    urgent: bool = False
    """Whether the next update takes so long that this one should be shown first."""

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

    @property
    def images(self) -> dict[str, Restoration | str]:
        """By title, the restoration or the error message to show in its place."""
        return {title: self.errors.get(title) or self.restorations[title] for title in self.titles}

    def is_final(self, title: str) -> bool:
        """Whether a column's restoration or error is final."""
        return title not in self.pending

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
        taken = self.photo.downscaled_to
        down = f" downscaled to {taken} pixels" if taken is not None and taken != max(self.size) else ""
        said = [f"The {self.photo.frame} frame of {self.photo.name}{down} at {width} x {height}"]
        said += [f"region {self.region}"] if self.region is not None else []
        itself = "the reference itself" if self.photo.reference_photo is self.photo else "the photo itself"
        worse = "" if self.given is None else f", {self.given}"
        said += [f"given: {itself}{worse}" + (f"; to {', '.join(self.copies)} its 64 x 64 copy" if self.copies else "")]
        lines = ["; ".join(said) + "."]
        lines += [f"{each.title} is given {itself}, {each.given}." for each in self.columns if each.given is not None]
        lines += [
            f"{title} is {wide} x {high} and was resampled (bicubic, antialiased) to be measured."
            for title, (wide, high) in self.resampled.items()
        ]
        lines += [f"{title}: {remark}." for title, made in self.restorations.items() for remark in made.remarks]
        return " ".join(lines)

    def numbers(self, names: Sequence[str] | None = None) -> dict[str, dict[str, float]]:
        """The measures of each restoration by title; none where there is no reference."""
        if self.reference is None:
            return {}
        return {title: measure(self.fitted(title), self.reference, names) for title in self.restorations}

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
        recipe = recipe_of(
            "compare", self.photo, self.columns, self.size, self.region, self.seed, self.given, self.precision
        )
        others = [made.recipe.get("versions", {}) for made in self.restorations.values()]
        return recipe.replace(
            versions={name: each for found in (recipe.versions or {}, *others) for name, each in found.items()}
        )

    def figure(self) -> Figure:
        """The columns side by side, with their numbers."""
        import_module("frantools.views.compare")  # fills the registry
        draw: Callable[[Comparison], Figure] = FIGURES["comparison"]
        return draw(self)

    def _repr_png_(self) -> bytes | None:
        shown: bytes = self.figure()._repr_png_()  # type: ignore[attr-defined]
        return shown

    def __repr__(self) -> str:
        said = [f"{title} failed" if title in self.errors else title for title in self.titles]
        return f"Comparison of {self.photo.name} at {self.size[0]} x {self.size[1]}: {', '.join(said)}"


FIGURES: dict[str, Any] = {}
"""What draws a comparison, by name; `views` fills it, so that nothing here imports a view."""


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
        Seconds after which a function, a module or a restorer of your own is no longer waited for. Default: never.
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
    made, region = as_columns(columns), _part(region)
    (precision, device), timeout = _placed(precision, device), check_timeout(timeout)
    seed, photo, restorers = check_seed(seed), as_photo(photo), resolve_columns(made, precision, device, timeout)
    photo = with_preferred_frame(photo, restorers)
    sides = photo.size(size, region)
    job = RenderJob(photo, sides, region, seed, given, precision, device, timeout, cache, restorers=restorers)
    restorations, errors = run(job, made, progress)
    copies = tuple(column.title for column in made if column.title not in errors and job.reads_copy(column))
    return Comparison(photo, tuple(made), sides, region, seed, given, precision, restorations, errors, copies)


def _placed(precision: str, device: str | None) -> tuple[str, str | None]:
    """A precision and a device that are at hand, "auto" resolved."""
    if device is None:
        return resolve_precision(precision), None
    found = find_device(device)
    return resolve_precision(precision, found), str(found)


def _part(region: Region | None) -> Region | None:
    """A region that is checked; all of the picture is none."""
    checked = check_region(region)
    return None if checked == Region.full() else checked


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
        See `Photo`. For FranNet also the network's input itself, as `prepare_input` makes it: (1, 1, 64, 64) floats
        in [-1, 1].
    setup : Sampler or str, optional
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
        Seconds after which a function, a module or a restorer of your own is no longer waited for. Default: never.
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
    column = _one(what, setup, given, settings)
    precision, device = _placed(precision, device)
    seed, part = check_seed(seed), _part(region)
    if isinstance(photo, Tensor):
        return _from_input(column, photo, size, region or Region.full(), seed, precision, device, progress)
    restorers, whole_photo = resolve_columns([column], precision, device, timeout), as_photo(photo)
    framed = with_preferred_frame(whole_photo, restorers)
    job = RenderJob(framed, framed.size(size, part), part, seed, None, precision, device, timeout, restorers=restorers)
    made = job.restore(column, reporting(progress))
    legacy = {name: made.recipe[name] for name in LEGACY if name in made.recipe}
    recipe = recipe_of(
        "restoration", framed, [column], job.size, part or Region.full(), seed, None, precision, restorers, **legacy
    )
    kept = {name: made.recipe[name] for name in ("precision", "versions") if name in made.recipe}
    return replace(made, recipe=recipe.replace(**kept))


def _one(what: Any, setup: Any, given: Degradation | None, settings: Mapping[str, Any]) -> Column:
    """The one column that restores: what is given, with what goes with it."""
    column = Column(what, what) if isinstance(what, str) and setup is not None else as_column(what)
    changes = {"setup": setup, "given": given, "settings": settings or None}
    return column.replace(**{name: value for name, value in changes.items() if value is not None})


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
    made = column.resolve(precision, device)
    if made.model is None:
        raise ValueError(
            f"a tensor of shape {tuple(x.shape)} and {x.dtype} is an input of FranNet alone, and {made.title} is "
            "another restorer; accepted are pictures as arrays"
        )
    restoration = made.restore_input(x, size, region, seed, progress)
    return replace(restoration, recipe=Recipe.from_dict(dict(restoration.recipe)))
