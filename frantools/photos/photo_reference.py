"""Photos as recipes know them: by a name that finds them again, and the hash of their pixels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..restorers.base import Changed
from .file_names import find_spelling
from .photo import FRAMES, ITSELF, Photo


@dataclass(frozen=True)
class Source:
    """A photo as a recipe knows it.

    Parameters
    ----------
    name : str
        Of a built-in portrait, or a path.
    sha256 : str
        Of its pixels.
    how : str
        How it came to where the recipe was made, if its name does not find it: "uploaded", "given as an array".
    frame : {"square", "whole"}, optional
        What of it is looked at.
    taken : int, optional
        Pixels of the longer side that it was taken down to.
    reference : str, optional
        "none" where there is none; the name of another picture where it is one.
    reference_sha256, reference_how : str
        Of that picture, as of the photo itself.
    """

    name: str
    sha256: str
    how: str = ""
    frame: str | None = None
    taken: int | None = None
    reference: str | None = None
    reference_sha256: str | None = None
    reference_how: str | None = None

    @classmethod
    def of(cls, photo: Photo) -> Source:
        """A photo's."""
        facts = photo.name, photo.sha256, photo.how, photo.frame, photo.taken
        if isinstance(photo.other, Photo):
            return cls(*facts, photo.other.name, photo.other.sha256, photo.other.how or None)
        return cls(*facts, "none" if photo.other is None else None)

    def photo(self, given: Any = None, folder: Path | None = None) -> Photo:
        """The photo, found by its name, in `folder` first, or `given` in its place.

        Raises a FileNotFoundError or ValueError if nothing but the place where the recipe was made knows it, or it is
        another picture.
        """
        if given is None and self.how:
            raise FileNotFoundError(
                f"the picture {self.name} was {self.how}, and the recipe has its name alone; pass the file: "
                "--picture PATH on the command line, photo=PATH in Python"
            )
        reference = self._reference(given, folder)
        photo = Photo(beside(self.name, folder) if given is None else given, self.frame, reference, self.name)
        if self.sha256 and photo.sha256 != self.sha256:  # 0.1.0 kept no hash of restored pictures
            raise Changed(
                f"the picture {self.name} has changed since the recipe was made"
                if given is None
                else f"this is another picture than the {self.name} that the recipe was made with"
            )
        return photo if self.taken is None else photo.at(self.taken)

    def _reference(self, given: Any, folder: Path | None) -> Any:
        """What the photo is measured against, as `Photo` takes it."""
        if self.reference in (None, "none"):
            return ITSELF if self.reference is None else None
        other = given.other if isinstance(given, Photo) else None
        if not isinstance(other, Photo):
            if self.reference_how:
                raise FileNotFoundError(
                    f"the reference {self.reference} was {self.reference_how}, and the recipe has its name alone; pass "
                    "photo=Photo(PATH, reference=...) in Python"
                )
            other = Photo(beside(str(self.reference), folder), name=self.reference)
        if self.reference_sha256 not in (None, other.sha256):
            raise Changed(f"the reference {self.reference} has changed since the recipe was made")
        return other


def beside(name: str, folder: Path | None) -> str:
    """The path of a file that a recipe names: beside the recipe, where there is one; else as it is named."""
    if folder is None or Path(name).expanduser().is_absolute() or name.startswith("~"):
        return name
    found = find_spelling(folder / name)
    return str(found) if found.exists() else name


def facts_of(source: Source) -> dict[str, Any]:
    """What a recipe says of a photo beside its name and its hash."""
    names = ("frame", "taken", "reference", "reference_sha256", "reference_how")
    return {name: value for name in names if (value := getattr(source, name)) is not None}


def sources_of(pictures: Any, given: Any, facts: Any) -> tuple[Source, ...]:
    """The photos of a recipe, by what it says; a ValueError where that is damaged."""
    made = []
    for name, sha256 in pictures.items():
        if not isinstance(sha256, str):
            raise ValueError(f"the recipe is damaged: the picture {name} has no hash")
        source = Source(name, sha256, str((given or {}).get(name, "")), **(facts or {}).get(name, {}))
        if source.frame not in (*FRAMES, None):
            raise ValueError(f"the recipe is damaged: frame is {source.frame!r}; accepted are 'square' and 'whole'")
        made.append(source)
    return tuple(made)
