"""Pictures and figures that carry their recipe: what makes the same picture again."""

from __future__ import annotations

import json
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from .files import replacing
from .images import as_picture
from .metadata import KEY, read_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Recipe = dict[str, Any]

FORMATS = (".png", ".pdf", ".svg")


def save_picture(image: NDArray[Any], path: str | PathLike[str], recipe: Recipe | None = None) -> None:
    """Write a picture as PNG, whole or not at all.

    Parameters
    ----------
    image : ndarray
        (H, W, 3) or (H, W): uint8, or floats in [0, 1].
    path : path
        Ends in ``.png``. Missing folders are made.
    recipe : dict, optional
        Kept in the file's metadata, as JSON.

    Raises
    ------
    ValueError
        If it is not a picture, or the name does not end in ``.png``.
    """
    if Path(path).suffix.lower() != ".png":
        raise ValueError(f"{path} does not end in .png, the only format that pictures are written in")
    text = PngInfo()
    if recipe is not None:
        text.add_text(KEY, json.dumps(recipe))
    with replacing(path) as temporary:
        Image.fromarray(as_picture(np.asarray(image))).save(temporary, format="png", pnginfo=text)


def save_figure(figure: Figure, path: str | PathLike[str], recipe: Recipe | None = None) -> None:
    """Write a figure, whole or not at all, at the size in pixels that it was laid out for.

    Parameters
    ----------
    figure : Figure
        Of matplotlib.
    path : path
        Ends in ``.png``, ``.pdf`` or ``.svg``. Missing folders are made.
    recipe : dict, optional
        Kept in the metadata, as JSON, where `load_recipe` finds it.

    Raises
    ------
    ValueError
        If the name ends otherwise.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        raise ValueError(f"{path} cannot be written; accepted are names that end in {', '.join(FORMATS)}")
    key = KEY if suffix == ".png" else "Keywords"
    metadata = {key: json.dumps(recipe)} if recipe is not None else {}
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=figure.dpi, metadata=metadata)


def load_recipe(path: str | PathLike[str]) -> Recipe:
    """Read the recipe that a file of FranTools carries; see `metadata.read_text`.

    Returns
    -------
    dict
        For a figure of the note: what `frantools.note.render` takes; of a widget: what `frantools.widgets.render` does.
        For a restored picture: the `recipe` of its `Restoration`.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it has no recipe, or a damaged one.
    """
    text = read_text(path)
    try:
        recipe = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} has a damaged recipe ({error})") from None
    if not isinstance(recipe, dict):
        raise ValueError(f"{path} has a damaged recipe: it is no JSON object")
    return recipe
