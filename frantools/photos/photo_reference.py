"""References to photos in recipes: a name that leads to the file, and the hash of the pixels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..files import ContentChangedError
from .file_names import find_spelling
from .photo import FRAMES, ITSELF, Photo

JSON_NAMES = {
    "frame": "frame",
    "downscaled_to": "taken",
    "reference": "reference",
    "reference_sha256": "reference_sha256",
    "reference_origin": "reference_how",
}
"""Names in recipe files of the optional fields."""


@dataclass(frozen=True)
class PhotoReference:
    """A photo as a recipe identifies it.

    Parameters
    ----------
    name : str
        The name of a built-in portrait, or a path.
    sha256 : str
        The hash of its pixels.
    origin : str
        "uploaded" or "given as an array" for a photo that its name does not lead to.
    frame : {"square", "whole"}, optional
        The part that is restored.
    downscaled_to : int, optional
        Pixels of the longer side that the frame is downscaled to.
    reference : str, optional
        "none" for a photo without a reference; the name of another picture that serves as one.
    reference_sha256, reference_origin : str, optional
        The hash and the origin of that other picture.
    """

    name: str
    sha256: str
    origin: str = ""
    frame: str | None = None
    downscaled_to: int | None = None
    reference: str | None = None
    reference_sha256: str | None = None
    reference_origin: str | None = None

    @classmethod
    def from_photo(cls, photo: Photo) -> PhotoReference:
        """Refer to a photo."""
        fields = photo.name, photo.sha256, photo.origin, photo.frame, photo.downscaled_to
        other = photo.reference_photo
        if other is None or other is photo:
            return cls(*fields, "none" if other is None else None)
        return cls(*fields, other.name, other.sha256, other.origin or None)

    def load(self, replacement: Any = None, folder: Path | None = None) -> Photo:
        """Load the photo by its name, from `folder` if it is there, or take `replacement` for it.

        Raises
        ------
        FileNotFoundError
            If its name does not lead to it, and there is no replacement.
        ContentChangedError
            If the pixels are not those that the recipe was made with.
        """
        if replacement is None and self.origin:
            raise FileNotFoundError(
                f"the picture {self.name} was {self.origin}, and the recipe has only its name; pass the file: "
                "--picture PATH on the command line, photo=PATH in Python"
            )
        path = resolve_path(self.name, folder) if replacement is None else replacement
        photo = Photo(path, self.frame, self._load_reference(replacement, folder), self.name)
        if self.sha256 and photo.sha256 != self.sha256:
            raise ContentChangedError(
                f"the picture {self.name} has changed since the recipe was made"
                if replacement is None
                else f"this is another picture than the {self.name} that the recipe was made with"
            )
        return photo if self.downscaled_to is None else photo.at(self.downscaled_to)

    def _load_reference(self, replacement: Any, folder: Path | None) -> Any:
        """Return the `reference` argument of `Photo`."""
        if self.reference is None:
            return ITSELF
        if self.reference == "none":
            return None
        other = replacement.reference_photo if isinstance(replacement, Photo) else None
        if other is None or other is replacement:
            if self.reference_origin:
                raise FileNotFoundError(
                    f"the reference {self.reference} was {self.reference_origin}, and the recipe has only its name; "
                    "pass photo=Photo(PATH, reference=...) in Python"
                )
            other = Photo(resolve_path(self.reference, folder), name=self.reference)
        if self.reference_sha256 not in (None, other.sha256):
            raise ContentChangedError(f"the reference {self.reference} has changed since the recipe was made")
        return other

    def to_dict(self) -> dict[str, Any]:
        """The optional fields that are set, as recipe files name them."""
        return {key: value for name, key in JSON_NAMES.items() if (value := getattr(self, name)) is not None}


def resolve_path(name: str, folder: Path | None) -> str:
    """Return the path of a file that a recipe names: in the recipe's folder if it is there, otherwise `name`."""
    if folder is None or Path(name).expanduser().is_absolute() or name.startswith("~"):
        return name
    path = find_spelling(folder / name)
    return str(path) if path.exists() else name


def read_references(hashes: Any, origins: Any, fields: Any) -> tuple[PhotoReference, ...]:
    """Read the photos of a recipe from its parts "pictures", "given" and "photos".

    Raises a ValueError if they are damaged.
    """
    references = []
    for name, sha256 in hashes.items():
        if not isinstance(sha256, str):
            raise ValueError(f"the recipe is damaged: the picture {name} has no hash")
        content = (fields or {}).get(name, {})
        if unknown := content.keys() - JSON_NAMES.values():
            raise ValueError(f"the recipe is damaged: the picture {name} has an unknown field {min(unknown)!r}")
        named = {field: content.get(key) for field, key in JSON_NAMES.items()}
        reference = PhotoReference(name, sha256, str((origins or {}).get(name, "")), **named)
        if reference.frame not in (*FRAMES, None):
            raise ValueError(f"the recipe is damaged: frame must be 'square' or 'whole', got {reference.frame!r}")
        references.append(reference)
    return tuple(references)
