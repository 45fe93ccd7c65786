"""Save the figure, copy its code, load a recipe."""

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
from .controls import WRAP, button, control
from .messages import Messages, UnfinishedError
from .rendering import LOCK

READ = ".png,.pdf,.svg,.json"

# Of a photo that only this session knows: how code comes by it, and what is left to the user.
GIVEN = {
    "uploaded": ("ft.load_image({name})  # give the path of your file here", "give the path of your file"),
    "given as an array": ("...  # put the array here that the widget was given", "put the array in its place"),
}


def literal(text: str) -> str:
    """Text as a Python literal: JSON's escapes of letters beyond 16 bits are none of Python's."""
    return encodable(to_json(text, ensure_ascii=False))


def script_of(recipe: Recipe, photo: Photo) -> str:
    """Python code that makes the figure of a recipe again.

    It imports the functions that can be named. What cannot is left as ``...``, with a comment that says what belongs
    there.
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
        lines.append(f"photo = {GIVEN[photo.origin][0].format(name=literal(photo.name))}")
    content = {name: value for name, value in recipe.items() if name != "versions"}
    lines.append(f"recipe = {pformat(content, sort_dicts=False, width=100)}")
    if columns:
        lines += ["columns = {", *columns, "}"]
    arguments = ["recipe", *(["photo=photo"] if photo.origin else []), *(["columns=columns"] if columns else [])]
    return "\n".join([*lines, f"figure = ft.render({', '.join(arguments)})", "figure", ""])


def left_to_do(recipe: Recipe, photo: Photo) -> str:
    """What a user has to put into the code of `script_of`; empty if nothing."""
    said = [f"{photo.name} was {photo.origin}: {GIVEN[photo.origin][1]} in the code"] if photo.origin else []
    said += [f"{column['missing']}: put it into the code" for column in recipe["columns"] if "missing" in column]
    return "; ".join(said)


class Files(widgets.VBox):
    """Files: saving the figure, its code, and loading a recipe.

    Parameters
    ----------
    name : str
        Of the file that is offered.
    message : Messages
        Told what became of it.
    shown : callable
        The figure anew, its recipe and its photo; a ValueError where it is not complete.
    code : callable
        The recipe and the photo that the controls say.
    load : callable
        Given the path of a file with a recipe; a ValueError or an OSError where it has none.
    """

    def __init__(
        self,
        name: str,
        message: Messages,
        shown: Callable[[], tuple[Figure, Recipe]],
        code: Callable[[], tuple[Recipe, Photo]],
        load: Callable[[Path], None],
    ) -> None:
        self._message, self._shown, self._code, self._load = message, shown, code, load
        self.path = control(
            widgets.Text, "Save as", "Where the figure is saved: .png, .pdf or .svg", value=f"{name}.png"
        )
        self.save = button("Save figure", "Write the figure with its recipe", "save", self._save)
        self.copy = button("Copy code", "Python code that makes this figure again", "copy", self._copy)
        self.upload = widgets.FileUpload(
            accept=READ,
            description="Load recipe",
            tooltip="A PNG, PDF, SVG or .json of FranTools: set the controls as they were for it",
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
                figure, recipe = self._shown()
                path = Path(expanduser(self.path.value))
                save_figure(figure, path, recipe)
            except (ValueError, OSError) as error:
                self._message.clear("action", "unfinished")
                self._message.error("unfinished" if isinstance(error, UnfinishedError) else "action", str(error))
            else:
                again = [column["missing"] for column in recipe["columns"] if "missing" in column]
                rest = f"; its recipe must be given a column again: {'; '.join(again)}" if again else ""
                self._message.info("action", f"saved {path}{rest}")

    def _copy(self) -> None:
        try:
            recipe, photo = self._code()
        except (ValueError, OSError) as error:
            self._message.error("action", str(error))
            return
        self.code.value = script_of(recipe, photo)
        self._message.info("action", left_to_do(recipe, photo) or "copied")
        self.code.layout.display = ""
        # The browser may refuse the clipboard to a page; then the code is there to be selected.
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
                except (ValueError, OSError) as error:  # the user knows the file by its name alone
                    self._message.error("action", str(error).replace(f"{path.parent}{os.sep}", ""))
        self.upload.value = ()  # the same file, chosen again, is a change again
