"""Controls that save the figure, copy its code and load a recipe."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from os.path import expanduser
from pathlib import Path
from pprint import pformat
from typing import Any

import ipywidgets as widgets
from IPython.display import Javascript
from matplotlib.figure import Figure

from ..comparisons.recipes import Recipe, save_figure
from ..files import to_json
from ..photos.file_names import encodable
from ..photos.photo import Photo
from .background import LOCK
from .controls import WRAP, button, control
from .status import Messages, UnfinishedError

RECIPE_FILES = ".png,.pdf,.svg,.json"

# For photos that only this session has: how the code gets them, and what remains to be done.
PHOTO_CODE = {
    "uploaded": ("ft.load_image({name})  # give the path of your file here", "give the path of your file"),
    "given as an array": ("...  # put the array here that the widget was given", "put the array in its place"),
}


def literal(text: str) -> str:
    """Return text as a Python literal: JSON's escapes of characters beyond 16 bits do not exist in Python."""
    return encodable(to_json(text, ensure_ascii=False))


def recipe_script(recipe: Recipe, photo: Photo) -> str:
    """Return Python code that reproduces the figure of a recipe.

    It imports the functions that can be named. Anything else is left as ``...``, with a comment on what to put there.
    """
    imports, columns = ["import frantools as ft"], []
    for column in recipe["columns"]:
        title = literal(column["title"])
        if "function" in column and column.get("file"):
            columns.append(f"    {title}: {literal(column['file'] + ':' + column['function'])},")
        elif "function" in column:
            name, _, rest = column["function"].partition(".")
            imports.append(f"from {column['module']} import {name}")
            columns.append(f"    {title}: {name + ('.' + rest if rest else '')},")
        elif "missing" in column:
            columns.append(f"    {title}: ...,  # {' '.join(column['missing'].split())}: put it here")
    lines = [*dict.fromkeys(imports), ""]
    if photo.origin:
        lines.append(f"photo = {PHOTO_CODE[photo.origin][0].format(name=literal(photo.name))}")
    content = {name: value for name, value in recipe.items() if name != "versions"}
    lines.append(f"recipe = {pformat(content, sort_dicts=False, width=100)}")
    if columns:
        lines += ["columns = {", *columns, "}"]
    arguments = ["recipe", *(["photo=photo"] if photo.origin else []), *(["columns=columns"] if columns else [])]
    return "\n".join([*lines, f"figure = ft.render({', '.join(arguments)})", "figure", ""])


def remaining_edits(recipe: Recipe, photo: Photo) -> str:
    """Return the edits that the code of `recipe_script` needs, or an empty string."""
    edits = [f"{photo.name} was {photo.origin}: {PHOTO_CODE[photo.origin][1]} in the code"] if photo.origin else []
    edits += [f"{column['missing']}: put it into the code" for column in recipe["columns"] if "missing" in column]
    return "; ".join(edits)


class SaveControls(widgets.VBox):
    """Controls that save the figure, copy its code and load a recipe.

    Parameters
    ----------
    name : str
        The suggested file name, without its ending.
    message : Messages
        Shows the outcome.
    figure : callable
        Returns the figure and its recipe; raises a ValueError if it is not complete.
    recipe_and_photo : callable
        Returns the recipe and the photo of the controls.
    load : callable
        Loads a recipe from a path; raises a ValueError or an OSError if there is none.
    """

    def __init__(
        self,
        name: str,
        message: Messages,
        figure: Callable[[], tuple[Figure, Recipe]],
        recipe_and_photo: Callable[[], tuple[Recipe, Photo]],
        load: Callable[[Path], None],
    ) -> None:
        self._message, self._figure, self._recipe_and_photo, self._load = message, figure, recipe_and_photo, load
        self.path = control(widgets.Text, "Save as", "The file of the figure: .png, .pdf or .svg", value=f"{name}.png")
        self.save = button("Save figure", "Write the figure with its recipe", "save", self._save)
        self.copy = button("Copy code", "Python code that reproduces this figure", "copy", self._copy)
        self.upload = widgets.FileUpload(
            accept=RECIPE_FILES,
            description="Load recipe",
            tooltip="A PNG, PDF, SVG or .json of FranTools: restore the controls of its figure",
        )
        self.upload.observe(self._load_upload, "value")
        self.code = widgets.Textarea(
            tooltip="The code", layout=widgets.Layout(width="100%", height="160px", display="none")
        )
        self.clipboard = widgets.Output(layout=widgets.Layout(display="none"))
        row = widgets.HBox([self.save, self.copy, self.upload], layout=widgets.Layout(**WRAP))
        super().__init__([self.path, row, self.code, self.clipboard])

    def _save(self) -> None:
        with LOCK:
            try:
                figure, recipe = self._figure()
                path = Path(expanduser(self.path.value))
                save_figure(figure, path, recipe)
            except (ValueError, OSError) as error:
                self._message.clear("action", "unfinished")
                cause = "unfinished" if isinstance(error, UnfinishedError) else "action"
                self._message.error(cause, str(error))
            else:
                missing = [column["missing"] for column in recipe["columns"] if "missing" in column]
                note = f"; its recipe must be given a column again: {'; '.join(missing)}" if missing else ""
                self._message.info("action", f"saved {path}{note}")

    def _copy(self) -> None:
        try:
            recipe, photo = self._recipe_and_photo()
        except (ValueError, OSError) as error:
            self._message.error("action", str(error))
            return
        self.code.value = recipe_script(recipe, photo)
        self._message.info("action", remaining_edits(recipe, photo) or "copied")
        self.code.layout.display = ""
        # A browser may deny access to the clipboard; then the code can be selected.
        self.clipboard.outputs = ()
        self.clipboard.append_display_data(Javascript(f"navigator.clipboard?.writeText({to_json(self.code.value)})"))

    def _load_upload(self, change: dict[str, Any]) -> None:
        for file in change["new"]:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / Path(file["name"]).name
                path = path.with_suffix(path.suffix.lower())
                path.write_bytes(bytes(file["content"]))
                try:
                    self._load(path)
                except (ValueError, OSError) as error:  # shown with the file's name only
                    self._message.error("action", str(error).replace(f"{path.parent}{os.sep}", ""))
        self.upload.value = ()  # so that choosing the same file again is a change
