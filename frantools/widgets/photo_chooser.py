"""The choice of a photo: a built-in portrait, a file by its path, or an upload."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from os.path import expanduser
from typing import Any

import ipywidgets as widgets
import traitlets

from ..photos.images import portraits
from ..photos.photo import Photo, as_photo
from ..photos.photo_reference import PhotoReference
from .controls import WIDTH, Composed, Report, control, slim

UPLOAD = (
    "A picture from this computer. JupyterLab drops what is larger than 10 MB without a word, unless make lab started "
    "it or websocket_max_message_size is set: type the path of such a file"
)


class PhotoTrait(traitlets.Instance):
    """A `Photo`, or whatever `Photo` takes."""

    def validate(self, obj: Any, value: Any) -> Any:
        """Make it a photo."""
        return super().validate(obj, as_photo(value))


class PhotoChooser(Composed, widgets.VBox):
    """A photo: a built-in portrait, a file by its path, or an upload.

    Parameters
    ----------
    photo : Photo, str, path or ndarray, optional
        What to start with. Default: the first portrait.
    report : callable
        Told in one sentence what is wrong with a photo that cannot be read.
    """

    value = PhotoTrait(Photo, allow_none=True, help="The photo; whatever `Photo` takes can be assigned.")

    def __init__(self, photo: Any = None, report: Report = print) -> None:
        self._photos = {name: Photo(name) for name in portraits()}
        self.report = report
        self.choice = slim(widgets.Dropdown, "Photo", "The photo to restore; FranNet sees it gray", "170px")
        self.path = control(
            widgets.Text,
            "File",
            "The path of a picture on the kernel's machine; press Enter",
            placeholder="path of a picture",
            continuous_update=False,
        )
        self.upload = widgets.FileUpload(accept="image/*", tooltip=UPLOAD, layout=widgets.Layout(width=WIDTH))
        super().__init__([self.path, self.upload])  # the choice has its place in the slim row
        self.show(next(iter(self._photos.values())) if photo is None else as_photo(photo))
        self.compose(self.choice)
        self.path.observe(self._read_path, "value")
        self.upload.observe(self._read_upload, "value")

    def _read(self) -> Photo:
        return self._photos[self.choice.value]

    def _write(self, photo: Photo) -> None:
        name = self._known(photo)
        if tuple(self.choice.options) != tuple(self._photos):
            self.choice.options = tuple(self._photos)
        self.choice.value = name

    def _known(self, photo: Photo) -> str:
        """The name under which a photo is offered; another one of its name keeps its own."""
        names = [name for name, each in self._photos.items() if each is photo]
        if names:
            return names[0]
        free = [photo.name, f"{photo.name} ({photo.origin or 'file'})"]
        free += [f"{photo.name} ({number})" for number in range(2, len(self._photos) + 3)]
        for name in free:
            if name not in self._photos or self._photos[name].key[:3] == photo.key[:3]:
                break
        self._photos[name] = photo
        return name

    def find(self, source: PhotoReference) -> str:
        """Choose the photo of a recipe: the same one, or what its name says.

        Returns
        -------
        str
            What is wrong, if that photo is not at hand; empty if all is well.

        Raises
        ------
        FileNotFoundError, ValueError
            If there is no such file, or it is not a picture.
        """
        known = [photo for photo in self._photos.values() if photo.sha256 == source.sha256]
        same = next((photo for photo in known if photo.name == source.name), next(iter(known), None))
        if same is not None:
            self.show(self._as(same, source))
            return ""
        if source.origin:
            return (
                f"the controls are set, but the recipe's picture {source.name} was {source.origin}; upload it here too"
            )
        self.show(replace(source, sha256="").load())
        changed = source.sha256 and self.value.sha256 != source.sha256
        return f"the picture {source.name} has changed since the recipe was made" if changed else ""

    def _as(self, photo: Photo, source: PhotoReference) -> Photo:
        """A photo with the name, the frame and the reference that a recipe says; itself where it has them."""
        return photo if PhotoReference.from_photo(photo) == source else source.load(photo)

    def _read_path(self, change: dict[str, Any]) -> None:
        if path := expanduser(change["new"].strip()):
            self._add(lambda: Photo(path))

    def _read_upload(self, change: dict[str, Any]) -> None:
        for file in change["new"]:
            self._add(lambda file=file: Photo(bytes(file["content"]), name=file["name"]))  # type: ignore[misc]
        self.upload.value = ()  # the same file, chosen again, is a change again

    def _add(self, make: Callable[[], Photo]) -> None:
        try:
            photo = make()
        except (ValueError, OSError) as error:
            self.report(str(error))
        else:
            self.value = photo
