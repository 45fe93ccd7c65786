"""Pictures and figures that carry their recipe: what makes the same picture again."""

from __future__ import annotations

import json
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngImageFile, PngInfo

from .files import replacing
from .images import as_picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Recipe = dict[str, Any]

KEY = "frantools"  # of the PNG text that holds the recipe
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
        Kept in the metadata, as JSON. `load_recipe` reads it from PNG files.

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
    """Read the recipe of a PNG that FranTools wrote.

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
        If it is not a PNG, or has no recipe.
    """
    if not Path(path).exists():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        # What stands before the pixels, which may be more than `Image.open` takes for harmless.
        with PngImageFile(path) as image:
            text = image.info
    except (OSError, SyntaxError, ValueError) as error:
        raise ValueError(f"{path} is not a readable PNG ({error}); recipes are in PNG files of FranTools") from None
    if KEY not in text:
        raise ValueError(f"{path} has no recipe; recipes are in PNG files that FranTools wrote")
    try:
        recipe = json.loads(text[KEY])
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} has a damaged recipe ({error})") from None
    if not isinstance(recipe, dict):
        raise ValueError(f"{path} has a damaged recipe: it is no JSON object")
    return recipe
