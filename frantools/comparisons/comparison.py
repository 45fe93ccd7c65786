"""Comparisons: one photo restored by several columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..checks import invalid
from ..frannet.engine.arguments import check_region, check_seed, resolve_precision
from ..photos.degradation import Degradation
from ..photos.photo import as_photo
from ..photos.regions import Region
from ..restorers.base import Colours, Progress, Restoration
from ..restorers.columns import Column, as_columns
from ..restorers.custom import check_timeout
from ..restorers.resizing import resized_picture
from ..scores.measures import measure
from ..scores.roi_search import Roi, find_rois
from ..system.devices import find_device
from .cache import Cache
from .recipes import Recipe
from .render_job import RenderJob, recipe_of, render_columns, resolve_columns, with_preferred_frame
from .tables import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False)
class Comparison(Mapping[str, Restoration]):
    """The restorations of a photo by several columns; a mapping of titles to restorations.

    A notebook displays it as its figure. While it is computed, views and widgets receive incomplete comparisons:
    `restorations` then contains previews or placeholders of the columns in `pending`.

    Parameters
    ----------
    job : RenderJob
        The photo, its size and what else the columns have in common.
    columns : tuple of Column
        In their order.
    restorations : dict
        By title, of the columns that did not fail.
    errors : dict
        Error messages by title, of the columns that failed.
    pending : frozenset of str
        The titles of the columns that are not final yet.
    measured : dict
        Numbers that are known already, by title; views draw them.
    urgent : bool
        Whether the next update takes so long that this one should be shown first.
    """

    job: RenderJob
    columns: tuple[Column, ...]
    restorations: Mapping[str, Restoration] = field(repr=False)
    errors: Mapping[str, str]
    pending: frozenset[str] = frozenset()
    measured: Mapping[str, Mapping[str, float]] = field(default_factory=dict, repr=False)
    urgent: bool = False

    photo = property(lambda self: self.job.photo, doc="The photo, with its frame.")
    size = property(lambda self: self.job.size, doc="Width and height in pixels.")
    region = property(lambda self: self.job.region, doc="The region of the frame, or None for all of it.")
    seed = property(lambda self: self.job.seed, doc="The seed of columns without their own.")
    given = property(lambda self: self.job.given, doc="The degradation, or None.")
    precision = property(lambda self: self.job.precision, doc="The precision of FranNet's products.")

    @property
    def titles(self) -> list[str]:
        """The titles of all columns, in their order."""
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
        """The picture that restorations are measured against: float32 (H, W, 3) in [0, 1], or None."""
        return self.photo.reference(self.size, self.region)

    def fitted(self, title: str) -> Colours:
        """A restoration at the comparison's size: float32 (H, W, 3) in [0, 1], resampled (bicubic) if necessary."""
        return resized_picture(self[title].image, self.size)

    @property
    def resampled(self) -> dict[str, tuple[int, int]]:
        """The width and height of the restorations whose size is not the comparison's, by title."""
        sizes = {title: (r.image.shape[1], r.image.shape[0]) for title, r in self.restorations.items()}
        return {title: size for title, size in sizes.items() if size != self.size}

    def protocol(self) -> str:
        """Describe how the numbers were measured."""
        width, height = self.size
        longer = self.photo.downscaled_to
        downscaled = f" downscaled to {longer} pixels" if longer is not None and longer != max(self.size) else ""
        parts = [f"The {self.photo.frame} frame of {self.photo.name}{downscaled} at {width} x {height}"]
        parts += [f"region {self.region}"] if self.region is not None else []
        picture = "the reference itself" if self.photo.reference_photo is self.photo else "the photo itself"
        degraded = "" if self.given is None else f", {self.given}"
        copies = [column.title for column in self.columns if self.job.reads_copy(column)]
        copies = [title for title in copies if title not in self.errors]
        parts += [f"given: {picture}{degraded}" + (f"; to {', '.join(copies)} its 64 x 64 copy" if copies else "")]
        lines = ["; ".join(parts) + "."]
        lines += [f"{column.title} is given {picture}, {column.given}." for column in self.columns if column.given]
        lines += [
            f"{title} is {result_width} x {result_height} and was resampled (bicubic, antialiased) to be measured."
            for title, (result_width, result_height) in self.resampled.items()
        ]
        lines += [f"{title}: {remark}." for title, result in self.restorations.items() for remark in result.remarks]
        return " ".join(lines)

    def numbers(self, names: Sequence[str] | None = None) -> dict[str, dict[str, float]]:
        """The measures of each final restoration, by title; empty without a reference."""
        if self.reference is None:
            return {}
        final = [title for title in self.restorations if self.is_final(title)]
        return {title: measure(self.fitted(title), self.reference, names) for title in final}

    def measure(self, names: Sequence[str] | None = None) -> Table:
        """Measure the columns against the reference.

        Parameters
        ----------
        names : sequence of str, optional
            Of `frantools.measures`. Default: all.

        Returns
        -------
        Table
            One row per column, with its error message if it failed. Without a reference there are no numbers.
        """
        numbers, rows = self.numbers(names), []
        for title in self.titles:
            row: dict[str, Any] = {"column": title}
            if title in self.restorations:
                restoration = self.restorations[title]
                row |= numbers.get(title, {}) | {"calls": restoration.calls, "seconds": restoration.seconds}
            if self.errors:
                row["error"] = self.errors.get(title, "")
            rows.append(row)
        heads = {name: None for row in rows for name in row}
        return Table([{name: row.get(name) for name in heads} for row in rows], caption=self.protocol())

    def rois(self, size: int | None = None, count: int = 4) -> list[Roi]:
        """Find square regions of interest; see `find_rois`.

        Parameters
        ----------
        size : int, optional
            Pixels a side. Default: three eighths of the shorter side, as in the note.
        count : int
            At most.
        """
        side = max(1, min(self.size) * 3 // 8) if size is None else size
        return find_rois([self.fitted(title) for title in self.restorations], side, count)

    @property
    def recipe(self) -> Recipe:
        """The recipe that reproduces the comparison."""
        job = self.job
        recipe = recipe_of(
            "compare", job.photo, self.columns, job.size, job.region, job.seed, job.given, job.precision, job.restorers
        )
        versions = dict(recipe.versions or {})
        for restoration in self.restorations.values():
            versions |= restoration.recipe.get("versions", {})
        return recipe.replace(versions=versions)

    def figure(self) -> Figure:
        """The columns side by side, with their numbers."""
        import_module("frantools.views.compare")  # fills the registry
        draw: Callable[[Comparison], Figure] = FIGURES["comparison"]
        return draw(self)

    def _repr_png_(self) -> bytes | None:
        png: bytes = self.figure()._repr_png_()  # type: ignore[attr-defined]
        return png

    def __repr__(self) -> str:
        parts = [f"{title} failed" if title in self.errors else title for title in self.titles]
        return f"Comparison of {self.photo.name} at {self.size[0]} x {self.size[1]}: {', '.join(parts)}"


FIGURES: dict[str, Any] = {}
"""The functions that draw comparisons, by name. `views` fills it, so that this module need not import views."""


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
        Columns, pairs (title, what), or restorers: names, setups, paths, functions, modules, arrays.
    size : int or (int, int)
        Width and height. One number is the longer side of the frame; with a region, both sides.
    region : Region, optional
        Of the frame. Default: all of it.
    seed : int
        Of the random numbers, for columns without their own.
    given : Degradation, optional
        The degradation of the photo. FranNet models read their 64 x 64 gray copy all the same.
    progress : callable, optional
        Called with the completed fraction, 0 to 1. If it raises, the work ends.
    precision, device : str, optional
        For FranNet models; see `restore`.
    timeout : float, optional
        Seconds to wait for a function, a module or a custom restorer. Default: no limit.
    cache : Cache, optional
        Contains earlier restorations, and stores new ones.

    Returns
    -------
    Comparison
        If a column fails, its message is in `errors`, and the others still render.

    Raises
    ------
    FileNotFoundError, ValueError
        If the photo cannot be read, a column is unknown, or an argument is invalid.

    Examples
    --------
    >>> import frantools as ft
    >>> comparison = ft.compare("hopper", ["bicubic", ("gray", "nearest")], size=64)
    >>> comparison.titles
    ['bicubic', 'gray']
    """
    if given is not None and not isinstance(given, Degradation):
        raise invalid("given", "a Degradation, such as Degradation(shrink=4)", given)
    columns, region = as_columns(columns), check_part(region)
    (precision, device), timeout = check_placement(precision, device), check_timeout(timeout)
    seed, photo, restorers = check_seed(seed), as_photo(photo), resolve_columns(columns, precision, device, timeout)
    photo = with_preferred_frame(photo, restorers)
    pixels = photo.size(size, region)
    job = RenderJob(photo, pixels, region, seed, given, precision, device, timeout, cache, restorers=restorers)
    return Comparison(job, tuple(columns), *render_columns(job, columns, progress))


def check_placement(precision: str, device: str | None) -> tuple[str, str | None]:
    """Check a precision and a device, and resolve "auto"."""
    if device is None:
        return resolve_precision(precision), None
    available = find_device(device)
    return resolve_precision(precision, available), str(available)


def check_part(region: Region | None) -> Region | None:
    """Check a region; return None for the full one."""
    region = check_region(region)
    return None if region == Region.full() else region
