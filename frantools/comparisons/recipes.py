"""Recipes: what makes the same picture or figure again, typed, read from files and written into them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
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
from .recipe_files import KEY, read_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = (".png", ".pdf", ".svg")
VERSION = 2
"""Of the form in which recipes are written. Those of FranTools 0.1.0 carry none."""

EMPTY: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, eq=False, repr=False)
class Recipe(Mapping[str, Any]):
    """What makes the same picture or figure again. It does not change.

    It is a mapping too, with the names that recipes have in files: ``recipe["size"]``.

    Parameters
    ----------
    view : str
        The kind of figure, such as "compare"; "restoration" for a single picture; empty for what cannot be rendered.
    photos : tuple of PhotoReference
        What was restored.
    columns : tuple of Column
        By what.
    size : int or (int, int), optional
        Pixels.
    region : Region, optional
        What of the photo.
    seed : int, optional
        Of the random numbers.
    precision : str, optional
        Of FranNet's products.
    degradation : Degradation, optional
        What restorers were given.
    models : dict
        The hashes of FranNet's weights, by name, and of other files that columns read, by path.
    options : dict
        The view's own part, such as the search for regions; and whatever else a file held.
    versions : dict
        Of the libraries that a result depends on.
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
    version: int | None = VERSION
    folder: Path | None = None
    """Where the file was that it was read from."""

    def to_dict(self) -> dict[str, Any]:
        """The recipe as JSON can hold it; `Recipe.from_dict` reads it."""
        made: dict[str, Any] = json.loads(to_json(self._content))
        return made

    @cached_property
    def _content(self) -> dict[str, Any]:
        made: dict[str, Any] = {"version": self.version if self.view else None, "figure": self.view or None}
        if self.photos:
            made["pictures"] = {source.name: source.sha256 for source in self.photos}
            made["given"] = {photo.name: photo.origin for photo in self.photos if photo.origin} or None
            made["photos"] = {photo.name: fields for photo in self.photos if (fields := photo.to_dict())} or None
        made["columns"] = [column.to_dict() for column in self.columns] or None
        made["size"] = list(self.size) if isinstance(self.size, tuple) else self.size
        made["region"] = list(astuple(self.region)) if self.region is not None else None
        made |= {"seed": self.seed, "precision": self.precision}
        made["degradation"] = self.degradation.to_dict() if self.degradation is not None else None
        made["models"] = dict(self.models) if self.models is not None else None
        made |= self.options
        made["versions"] = dict(self.versions) if self.versions is not None else None
        kept = {name: value for name, value in made.items() if value is not None or name in self.options}
        content: dict[str, Any] = json.loads(to_json(kept))
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

    def but(self, **changes: Any) -> Recipe:
        """The same recipe with some of its parts changed."""
        return replace(self, **changes)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any], trust: bool = False, folder: Path | None = None) -> Recipe:
        """Read a recipe, of this version or of 0.1.0.

        Parameters
        ----------
        content : dict
            As `to_dict` gives it.
        trust : bool
            Whether functions that it names are imported, which runs code.
        folder : Path, optional
            Where the file was.

        Raises
        ------
        ValueError
            If a part is not what it should be, in a sentence that names it.
        """
        if isinstance(content, Recipe):
            if not trust:
                return content
            folder = folder or content.folder
        if not isinstance(content, Mapping) or not all(isinstance(name, str) for name in content):
            raise ValueError("the recipe is damaged: it is no JSON object")
        left = dict(content)
        version = left.pop("version", None)
        if version not in (None, 1, VERSION):
            raise ValueError(
                f"the recipe is of version {version!r}; accepted are those up to {VERSION}: update FranTools"
            )
        try:
            return cls._read(left, version, trust, folder)
        except (TypeError, AttributeError, KeyError, IndexError) as error:
            raise ValueError(f"the recipe is damaged: {error}") from None

    @classmethod
    def _read(cls, left: dict[str, Any], version: int | None, trust: bool, folder: Path | None) -> Recipe:
        view = left.pop("figure", "")
        if not isinstance(view, str):
            raise ValueError(f"the recipe is damaged: its figure is {view!r}; accepted is the name of one")
        if not view and "model" in left and "setup" in left:  # a restored picture of 0.1.0
            return cls._read_restored(left, trust, folder)
        pictures, given = left.pop("pictures", {}), left.pop("given", {})
        if view or isinstance(pictures, dict):
            sources = read_references(pictures, given, left.pop("photos", {}))
        else:  # of the search for regions of 0.1.0, which lists files
            sources, left["pictures"] = (), pictures
        size, region, seed = left.pop("size", None), left.pop("region", None), left.pop("seed", None)
        precision, degradation = left.pop("precision", None), left.pop("degradation", None)
        models = left.pop("models", None)
        columns = tuple(Column.from_dict(column, trust) for column in left.pop("columns", ()) or ())
        hashes = [] if models is None else [each for pair in models.items() for each in pair]
        if not all(isinstance(each, str) for each in hashes):
            raise ValueError("the recipe is damaged: its models are no hashes by name")
        versions = left.pop("versions", None)
        return cls(
            view=view,
            photos=sources,
            columns=columns,
            size=_size(size),
            region=None if region is None else Region(**region) if isinstance(region, dict) else Region(*region),
            seed=None if seed is None else check_seed(seed),
            precision=None if precision is None else resolve_precision(precision),
            degradation=None if degradation is None else Degradation(**degradation),
            models=None if models is None else dict(models),
            options=MappingProxyType(left),
            versions=None if versions is None else dict(versions),
            version=version,
            folder=folder,
        )

    @classmethod
    def _read_restored(cls, left: dict[str, Any], trust: bool, folder: Path | None) -> Recipe:
        """A restored picture of 0.1.0: one column, without a title."""
        name = left["model"]
        column = {"title": str(name), "model": str(name), "setup": left["setup"], "seed": None}
        kept: dict[str, Any] = {
            key: left.pop(key) for key in ("model", "model_sha256", "input_sha256", "setup", "picture") if key in left
        }
        sha256 = kept.get("model_sha256")
        made = cls._read({**left, "figure": "restoration", "columns": [column]}, None, trust, folder)
        photos = (PhotoReference(str(kept["picture"]), ""),) if "picture" in kept else ()
        return replace(
            made, photos=photos, models={str(name): sha256} if sha256 else {}, options=MappingProxyType(kept)
        )


def _size(size: Any) -> int | tuple[int, int] | None:
    if size is None:
        return None
    if isinstance(size, (list, tuple)):
        return dimensions(tuple(size))
    return dimensions(size)[0]


def as_recipe(recipe: Any, trust: bool = False) -> Recipe:
    """A recipe, of a recipe, a mapping, or the path of a file that has one."""
    if isinstance(recipe, (str, PathLike)):
        return load_recipe(recipe, trust)
    return Recipe.from_dict(recipe, trust)


def text_of(recipe: Mapping[str, Any]) -> str:
    """The JSON of a recipe."""
    return to_json(recipe.to_dict() if isinstance(recipe, Recipe) else dict(recipe))


def save_picture(image: NDArray[Any], path: str | PathLike[str], recipe: Mapping[str, Any] | None = None) -> None:
    """Write a picture as PNG, whole or not at all.

    Parameters
    ----------
    image : ndarray
        (H, W, 3) or (H, W): uint8, or floats in [0, 1].
    path : path
        Ends in ``.png``. Missing folders are made.
    recipe : Recipe or dict, optional
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
        text.add_text(KEY, text_of(recipe))
    with replacing(path) as temporary:
        Image.fromarray(as_picture(image)).save(temporary, format="png", pnginfo=text)


def save_figure(figure: Figure, path: str | PathLike[str], recipe: Mapping[str, Any] | None = None) -> None:
    """Write a figure, whole or not at all, at the size in pixels that it was laid out for.

    Parameters
    ----------
    figure : Figure
        Of matplotlib.
    path : path
        Ends in ``.png``, ``.pdf`` or ``.svg``. Missing folders are made.
    recipe : Recipe or dict, optional
        Kept in the metadata, as JSON. `load_recipe` reads it.

    Raises
    ------
    ValueError
        If the name ends otherwise.
    """
    from matplotlib import rc_context

    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        raise ValueError(f"{path} cannot be written; accepted are names that end in {', '.join(FORMATS)}")
    key = KEY if suffix == ".png" else "Keywords"
    metadata = {key: text_of(recipe)} if recipe is not None else {}
    # A user's own settings of saved figures, such as tight boxes, would make another figure of it.
    with replacing(path) as temporary, rc_context({"savefig.bbox": None, "savefig.pad_inches": 0.1}):
        figure.savefig(temporary, dpi=figure.dpi, metadata=metadata, facecolor=figure.get_facecolor())


def load_recipe(path: str | PathLike[str], trust: bool = False) -> Recipe:
    """Read the recipe of a picture, a figure or a JSON file. No code is run.

    Parameters
    ----------
    path : path
        A PNG, PDF, SVG or page that FranTools wrote, a ``.json``, or a picture beside which one lies.
    trust : bool
        Whether functions that the recipe names are imported, which runs code.

    Returns
    -------
    Recipe
        What `frantools.render` takes.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it has no recipe, or a damaged one.
    """
    text = read_text(path)
    try:
        content = from_json(text)
    except ValueError as error:
        raise ValueError(f"{path}: the recipe is damaged: {error}") from None
    if not isinstance(content, dict):
        raise ValueError(f"{path}: the recipe is damaged: it is no JSON object")
    try:
        return Recipe.from_dict(content, trust, Path(path).resolve().parent)
    except ContentChangedError:
        raise
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
