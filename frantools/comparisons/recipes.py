"""Recipes: descriptions that reproduce a picture or a figure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import astuple, dataclass, field, replace
from functools import cached_property
from os import PathLike
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ..files import ContentChangedError, from_json, replacing, to_json
from ..frannet.engine.arguments import check_seed, resolve_precision
from ..photos.degradation import Degradation
from ..photos.images import as_picture
from ..photos.photo_reference import PhotoReference, read_references
from ..photos.regions import Region, dimensions
from ..restorers.columns import Column
from .recipe_files import KEY, marked, read_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FIGURE_EXTENSIONS = (".png", ".pdf", ".svg")
VERSION = 2
"""Of the format of recipes."""

EMPTY: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, eq=False, repr=False)
class Recipe(Mapping[str, Any]):
    """An immutable description that reproduces a picture or a figure.

    It is also a mapping of the names in recipe files: ``recipe["size"]``.

    Parameters
    ----------
    view : str
        The kind of figure, such as "compare"; "restoration" for a single picture; empty if it cannot be rendered.
    photos : tuple of PhotoReference
        The restored photos.
    columns : tuple of Column
        The restorers.
    size : int or (int, int), optional
        Pixels.
    region : Region, optional
        The part of the photo.
    seed : int, optional
        Of the random numbers.
    precision : str, optional
        Of FranNet's matrix products.
    degradation : Degradation, optional
        Of the restorers' input.
    models : dict
        The hashes of FranNet's weights by name, and of other files that columns read by path.
    options : dict
        The view's own settings, such as those of the search for regions, and unknown content of a file.
    versions : dict
        Versions of the libraries that a result depends on.
    """

    view: str = ""
    photos: tuple[PhotoReference, ...] = ()
    columns: tuple[Column, ...] = ()
    size: int | tuple[int, int] | None = None
    region: Region | None = None
    seed: int | None = None
    precision: str | None = None
    degradation: Degradation | None = None
    models: Mapping[str, str] | None = None
    options: Mapping[str, Any] = field(default_factory=lambda: EMPTY)
    versions: Mapping[str, str] | None = None
    folder: Path | None = None
    """The folder of the file that it was read from."""

    def to_dict(self) -> dict[str, Any]:
        """Return the content of a recipe file, which `Recipe.from_dict` reads."""
        return deepcopy(self._content)

    @cached_property
    def _content(self) -> dict[str, Any]:
        origins = {photo.name: photo.origin for photo in self.photos if photo.origin}
        details = {photo.name: fields for photo in self.photos if (fields := photo.to_dict())}
        parts = {
            "version": VERSION if self.view else None,
            "figure": self.view or None,
            "pictures": {photo.name: photo.sha256 for photo in self.photos} or None,
            "given": origins or None,
            "photos": details or None,
            "columns": [column.to_dict() for column in self.columns] or None,
            "size": list(self.size) if isinstance(self.size, tuple) else self.size,
            "region": list(astuple(self.region)) if self.region is not None else None,
            "seed": self.seed,
            "precision": self.precision,
            "degradation": self.degradation.to_dict() if self.degradation is not None else None,
            "models": dict(self.models) if self.models is not None else None,
            **self.options,
            "versions": dict(self.versions) if self.versions is not None else None,
        }
        present = {name: value for name, value in parts.items() if value is not None or name in self.options}
        content: dict[str, Any] = from_json(to_json(present))
        return content

    def __getitem__(self, name: str) -> Any:
        return self._content[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._content)

    def __len__(self) -> int:
        return len(self._content)

    def __repr__(self) -> str:
        return f"Recipe({self._content!r})"

    def __eq__(self, other: object) -> bool:
        return dict(self) == dict(other) if isinstance(other, Mapping) else NotImplemented

    def __hash__(self) -> int:
        return hash(to_json(self._content, sort_keys=True))

    def replace(self, **changes: Any) -> Recipe:
        """Return a copy with some fields replaced."""
        return replace(self, **changes)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any], trust: bool = False, folder: Path | None = None) -> Recipe:
        """Read the content of a recipe file.

        Parameters
        ----------
        content : dict
            See `to_dict`.
        trust : bool
            Whether to import the functions that it names, which runs code.
        folder : Path, optional
            The file's folder.

        Raises
        ------
        ValueError
            If a part is invalid.
        """
        if isinstance(content, Recipe):
            if not trust:
                return content
            folder = folder or content.folder
        if not isinstance(content, Mapping) or not all(isinstance(name, str) for name in content):
            raise ValueError("the recipe is damaged: it is not a JSON object")
        try:
            return cls._from_parts(dict(content), trust, folder)
        except (TypeError, AttributeError, KeyError, IndexError) as error:
            raise ValueError(f"the recipe is damaged: {error}") from None

    @classmethod
    def _from_parts(cls, parts: dict[str, Any], trust: bool, folder: Path | None) -> Recipe:
        version, view = parts.pop("version", VERSION), parts.pop("figure", "")
        if version != VERSION:
            raise ValueError(f"the recipe's version must be {VERSION}, got {version!r}; a newer FranTools may read it")
        if not isinstance(view, str):
            raise ValueError(f"the recipe is damaged: its figure must be a name, got {view!r}")
        photos = read_references(parts.pop("pictures", {}), parts.pop("given", {}), parts.pop("photos", {}))
        size, region, seed = parts.pop("size", None), parts.pop("region", None), parts.pop("seed", None)
        precision, degradation = parts.pop("precision", None), parts.pop("degradation", None)
        models, versions = parts.pop("models", None), parts.pop("versions", None)
        columns = tuple(Column.from_dict(column, trust) for column in parts.pop("columns", ()) or ())
        if models is not None and not all(isinstance(text, str) for pair in models.items() for text in pair):
            raise ValueError("the recipe is damaged: its models must be hashes by name")
        if size is not None:
            size = dimensions(tuple(size)) if isinstance(size, (list, tuple)) else dimensions(size)[0]
        return cls(
            view=view,
            photos=photos,
            columns=columns,
            size=size,
            region=None if region is None else Region(**region) if isinstance(region, dict) else Region(*region),
            seed=None if seed is None else check_seed(seed),
            precision=None if precision is None else resolve_precision(precision),
            degradation=None if degradation is None else Degradation(**degradation),
            models=None if models is None else dict(models),
            options=MappingProxyType(parts),
            versions=None if versions is None else dict(versions),
            folder=folder,
        )


def as_recipe(recipe: Any, trust: bool = False) -> Recipe:
    """Convert a mapping, or read the recipe of a file; a recipe is returned unchanged."""
    if isinstance(recipe, (str, PathLike)):
        return load_recipe(recipe, trust)
    return Recipe.from_dict(recipe, trust)


def _marked_recipe(recipe: Mapping[str, Any]) -> str:
    return marked(to_json(dict(recipe)))


def save_picture(image: NDArray[Any], path: str | PathLike[str], recipe: Mapping[str, Any] | None = None) -> None:
    """Write a picture as PNG, completely or not at all.

    Parameters
    ----------
    image : ndarray
        (H, W, 3) or (H, W): uint8, or floats in [0, 1].
    path : path
        Ends in ``.png``. Missing folders are created.
    recipe : Recipe or dict, optional
        Stored in the file; `load_recipe` reads it.

    Raises
    ------
    ValueError
        If it is not a picture, or the name does not end in ``.png``.
    """
    if Path(path).suffix.lower() != ".png":
        raise ValueError(f"{path}: the file name of a picture must end in .png")
    text = PngInfo()
    if recipe is not None:
        text.add_text(KEY, _marked_recipe(recipe))
    with replacing(path) as temporary:
        Image.fromarray(as_picture(image)).save(temporary, format="png", pnginfo=text)


def save_figure(figure: Figure, path: str | PathLike[str], recipe: Mapping[str, Any] | None = None) -> None:
    """Write a figure, completely or not at all, at the size in pixels of its layout.

    Parameters
    ----------
    figure : Figure
        Of matplotlib.
    path : path
        Ends in ``.png``, ``.pdf`` or ``.svg``. Missing folders are created.
    recipe : Recipe or dict, optional
        Stored in the file; `load_recipe` reads it.

    Raises
    ------
    ValueError
        If the name ends otherwise.
    """
    from matplotlib import rc_context

    extension = Path(path).suffix.lower()
    if extension not in FIGURE_EXTENSIONS:
        raise ValueError(f"{path}: the file name of a figure must end in {', '.join(FIGURE_EXTENSIONS)}")
    key = KEY if extension == ".png" else "Keywords"
    metadata = {key: _marked_recipe(recipe)} if recipe is not None else {}
    # A user's own settings for saved figures, such as tight boxes, would change the layout.
    with replacing(path) as temporary, rc_context({"savefig.bbox": None, "savefig.pad_inches": 0.1}):
        figure.savefig(temporary, dpi=figure.dpi, metadata=metadata, facecolor=figure.get_facecolor())


def load_recipe(path: str | PathLike[str], trust: bool = False) -> Recipe:
    """Read the recipe of a picture, a figure, a page or a JSON file. This runs no code.

    Parameters
    ----------
    path : path
        A PNG, PDF, SVG, HTML or JSON file that FranTools wrote, or any file with a ``.json`` beside it.
    trust : bool
        Whether to import the functions that the recipe names, which runs code.

    Returns
    -------
    Recipe
        `frantools.render` accepts it.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it contains no recipe, or a damaged one.
    """
    text = read_text(path)
    try:
        content = from_json(text)
    except ValueError as error:
        raise ValueError(f"{path}: the recipe is damaged: {error}") from None
    try:
        return Recipe.from_dict(content, trust, Path(path).resolve().parent)
    except ContentChangedError:
        raise
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
