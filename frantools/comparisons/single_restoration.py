"""The restoration of one photo by one restorer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from torch import Tensor

from ..frannet.engine.arguments import check_seed
from ..photos.degradation import Degradation
from ..photos.photo import as_photo
from ..photos.regions import Region
from ..restorers.base import Progress, Restoration, reporting
from ..restorers.columns import Column, as_column
from .comparison import check_part, check_placement
from .recipes import Recipe
from .render_job import RenderJob, recipe_of, resolve_columns, with_preferred_frame


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
        Any restorer: a FranNet of `load_model`, the name of a model or a setup, a function, a torch module, a path.
    photo : Photo, str, path, ndarray or Tensor
        See `Photo`. For FranNet also the network's input, as `prepare_input` returns it: (1, 1, 64, 64) floats in
        [-1, 1].
    setup : Sampler or str, optional
        For FranNet's diffusion models only. Default: `Setup()`, the note's B.
    size : int or (int, int)
        Width and height, 1 to 16384 each. One number is the longer side of the frame; with a region, both sides.
    region : Region, optional
        Of the frame. Default: all of it.
    seed : int
        Of the random numbers. FranNet's belong to points: a region has the colours that it has in the whole picture.
    precision : {"float32", "bfloat16", "auto"}
        Of FranNet's products; sums over blocks and steps are always float32. "bfloat16" changes the loss by less than
        1 %. "auto" chooses it if the device has instructions for it (AVX-512 BF16, or CUDA); elsewhere it is emulated
        and not faster.
    progress : callable, optional
        Called with the completed fraction, 0 to 1, several times a second, in the calling thread. If it raises, the
        work ends and the error is raised from here.
    given : Degradation, optional
        The degradation of the photo. FranNet models read their 64 x 64 gray copy all the same.
    device : str, optional
        The device of FranNet models. Default: unchanged.
    timeout : float, optional
        Seconds to wait for a function, a module or a custom restorer. Default: no limit.
    **settings
        Arguments of a function, or `tile` and `overlap` of a module.

    Returns
    -------
    Restoration
        `image` float32 (H, W, 3) in [0, 1], `seconds`, `calls`, `recipe`.

    Raises
    ------
    FileNotFoundError, ValueError, ImportError
        If an argument is invalid, or the restorer does not return a picture.

    Examples
    --------
    >>> import frantools as ft
    >>> ft.restore("diffusion-basic", "hopper", size=64).image.shape
    (64, 64, 3)
    """
    column = Column(what, what) if isinstance(what, str) and setup is not None else as_column(what)
    changes = {"setup": setup, "given": given, "settings": settings or None}
    column = column.replace(**{name: value for name, value in changes.items() if value is not None})
    precision, device = check_placement(precision, device)
    seed, part = check_seed(seed), check_part(region)
    restorers = resolve_columns([column], precision, device, timeout)
    restorer = restorers[id(column)][1]
    if isinstance(photo, Tensor):
        restoration = restorer.restore_input(photo, size, part or Region.full(), seed, progress)
        return replace(restoration, recipe=Recipe.from_dict(dict(restoration.recipe)))
    photo = with_preferred_frame(as_photo(photo), restorers)
    job = RenderJob(photo, photo.size(size, part), part, seed, None, precision, device, timeout, restorers=restorers)
    restoration = job.restore(column, reporting(progress))
    provenance = {name: restoration.recipe[name] for name in PROVENANCE if name in restoration.recipe}
    recipe = recipe_of(
        "restoration", photo, [column], job.size, part or Region.full(), seed, None, precision, restorers, **provenance
    )
    changes = {name: restoration.recipe[name] for name in ("precision", "versions") if name in restoration.recipe}
    return replace(restoration, recipe=recipe.replace(**changes))


PROVENANCE = ("model", "model_sha256", "input_sha256", "setup")
"""What recipes of FranNet's restorations contain besides."""
