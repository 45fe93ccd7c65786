"""The choice of a photo: a built-in portrait, a file or an upload."""

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
from .controls import WIDTH, Composite, ShowError, control, set_options, slim

UPLOAD = (
    "A picture from this computer. JupyterLab silently drops files larger than 10 MB, unless make lab started it or "
    "websocket_max_message_size is set: type the path of such a file"
)


class PhotoTrait(traitlets.Instance):
    """A `Photo`, or anything that `Photo` accepts."""

    def validate(self, obj: Any, value: Any) -> Any:
        """Return the value as a photo."""
        return super().validate(obj, as_photo(value))


class PhotoChooser(Composite, widgets.VBox):
    """A photo: a built-in portrait, a file by its path, or an upload.

    Parameters
    ----------
    photo : Photo, str, path or ndarray, optional
        The photo to start with. Default: the first portrait.
    show_error : callable
        Called with the error of a photo that cannot be read.
    """

    value = PhotoTrait(Photo, allow_none=True, help="The photo; anything that `Photo` accepts can be assigned.")

    def __init__(self, photo: Any = None, show_error: ShowError = print) -> None:
        self._photos = {name: Photo(name) for name in portraits()}
        self.show_error = show_error
        self.choice = slim(widgets.Dropdown, "Photo", "The photo to restore; FranNet sees it in grayscale", "170px")
        self.path = control(
            widgets.Text,
            "File",
            "The path of a picture on the kernel's machine; press Enter",
            placeholder="path of a picture",
            continuous_update=False,
        )
        self.upload = widgets.FileUpload(accept="image/*", tooltip=UPLOAD, layout=widgets.Layout(width=WIDTH))
        super().__init__([self.path, self.upload])  # the menu belongs into the slim row
        self.set_value(next(iter(self._photos.values())) if photo is None else as_photo(photo))
        self.bind(self.choice)
        self.path.observe(self._open_path, "value")
        self.upload.observe(self._open_upload, "value")

    def _read(self) -> Photo:
        return self._photos[self.choice.value]

    def _write(self, photo: Photo) -> None:
        name = self._offer(photo)
        set_options(self.choice, list(self._photos), name)

    def _offer(self, photo: Photo) -> str:
        """Add a photo to the menu, if necessary, and return its name there; it replaces no other photo."""
        for name, known in self._photos.items():
            if known is photo:
                return name
        names = [photo.name, f"{photo.name} ({photo.origin or 'file'})"]
        names += [f"{photo.name} ({number})" for number in range(2, len(self._photos) + 3)]
        for name in names:
            if name not in self._photos or self._photos[name].key[:3] == photo.key[:3]:
                break
        self._photos[name] = photo
        return name

    def find(self, reference: PhotoReference) -> str:
        """Choose the photo of a recipe: a known one with the same content, or the one that its name leads to.

        Returns
        -------
        str
            A warning if that photo is not available, or an empty string.

        Raises
        ------
        FileNotFoundError, ValueError
            If there is no such file, or it is not a picture.
        """
        known = [photo for photo in self._photos.values() if photo.sha256 == reference.sha256]
        if known:
            photo = next((photo for photo in known if photo.name == reference.name), known[0])
            is_same = PhotoReference.from_photo(photo) == reference  # with its name, frame and reference
            self.set_value(photo if is_same else reference.load(photo))
            return ""
        name, origin = reference.name, reference.origin
        if origin:
            return f"the controls are set, but the recipe's picture {name} was {origin}; upload it here too"
        self.set_value(replace(reference, sha256="").load())
        has_changed = reference.sha256 and self.value.sha256 != reference.sha256
        return f"the picture {name} has changed since the recipe was made" if has_changed else ""

    def _open_path(self, change: dict[str, Any]) -> None:
        if path := expanduser(change["new"].strip()):
            self._open(lambda: Photo(path))

    def _open_upload(self, change: dict[str, Any]) -> None:
        for file in change["new"]:
            self._open(lambda file=file: Photo(bytes(file["content"]), name=file["name"]))  # type: ignore[misc]
        self.upload.value = ()  # so that choosing the same file again is a change

    def _open(self, read_photo: Callable[[], Photo]) -> None:
        try:
            photo = read_photo()
        except (ValueError, OSError) as error:
            self.show_error(str(error))
        else:
            self.value = photo
