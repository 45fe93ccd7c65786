"""The controls that several widgets share: the picture, the columns and their setups, a region."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from os.path import expanduser
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import numpy as np
import traitlets

from ..checks import is_whole
from ..comparisons import COLUMNS, SOURCES, Column, model
from ..frannet.checkpoints import models
from ..frannet.samplers import NOISE_STDDEVS, SAMPLERS, Setup
from ..frannet.schedule import RULES
from ..frannet.setups import setup_name
from ..images import Picture, as_picture, load_image, portraits
from ..regions import LARGEST
from ..views.note import picture_hash

Report = Callable[[str], None]

WIDTH = "300px"
DDPM = {"stochasticity": 1.0, "K": 1, "noise_projection": False, "steps": "uniform"}  # what its sampler needs


def control(kind: type[widgets.Widget], description: str, tooltip: str, **settings: Any) -> widgets.Widget:
    """A control with its label and what it does as a tooltip, all as wide as each other."""
    if "layout" not in settings:  # one that nothing uses would stay in the kernel for good
        settings["layout"] = widgets.Layout(width=WIDTH)
    if kind is not widgets.Button:
        settings.setdefault("style", {"description_width": "104px"})
    if kind in (widgets.Dropdown, widgets.Text, widgets.Checkbox):  # these show a tooltip only where there is no label
        settings["description_allow_html"] = True
        description = f'<span title="{html.escape(tooltip)}">{html.escape(description)}</span>'
    return kind(description=description, tooltip=tooltip, **settings)


def side(size: object) -> int:
    """Pixels a side of a widget's pictures, which are squares; a ValueError if `size` is not that."""
    if not is_whole(size) or not 1 <= size <= LARGEST:
        raise ValueError(f"size is {size!r}; accepted are whole numbers from 1 to {LARGEST}, the pixels a side")
    return int(size)


def reach(slider: widgets.Widget, name: str, value: object) -> None:
    """Set a slider to a number, and let it go as far; a ValueError if it is not whole, or below the least."""
    if not is_whole(value) or value < slider.min:
        raise ValueError(f"{name} is {value!r}; accepted are whole numbers from {slider.min}")
    slider.max = max(slider.max, int(value))
    slider.value = int(value)


def button(description: str, tooltip: str, icon: str, action: Callable[[], None], width: str = "auto") -> Any:
    """A button and what it does."""
    made = control(widgets.Button, description, tooltip, icon=icon, layout=widgets.Layout(width=width))
    made.on_click(lambda _: action())
    return made


def is_diffusion(name: str) -> bool:
    """Whether a column's model has a sampler; a file that cannot be read is told of when it is rendered."""
    if name in SOURCES:
        return False
    try:
        return model(name).is_diffusion
    except (ValueError, OSError):
        return True


def described(column: Mapping[str, Any]) -> str:
    """The title of a column as its settings are: that of the preset that it is, or its model and its setup's name."""
    what = column["model"], column["setup"]
    for title, preset in COLUMNS.items():
        if what == (preset.model, preset.to_dict()["setup"]):
            return title
    if column["setup"] is None or "scheduler" in column["setup"]:
        return Path(column["model"]).stem
    name = setup_name(Setup(**column["setup"]))
    return name if column["model"] == COLUMNS["B"].model else f"{Path(column['model']).stem} {name}"


class PictureChooser(widgets.VBox):
    """A picture: a built-in portrait, a file by its path, or an upload.

    Parameters
    ----------
    image : str, path or ndarray, optional
        What to start with: the name of a portrait, a path, or a picture. Default: the first portrait.
    report : callable
        Told in one sentence what is wrong with a picture that cannot be read.
    """

    value = traitlets.Unicode(help="The name of the picture: of a portrait, or a path.")

    def __init__(self, image: Any = None, report: Report = print) -> None:
        self._pictures: dict[str, Picture] = portraits()
        self._given: dict[str, str] = {}  # of those that no name finds again: how they came here
        self._report = report
        self._choice = control(widgets.Dropdown, "Picture", "The picture to restore: its centre square, made gray")
        self._path = control(
            widgets.Text,
            "File",
            "The path of a picture on the kernel's machine; press Enter",
            placeholder="path of a picture",
            continuous_update=False,
        )
        self._upload = widgets.FileUpload(
            accept="image/*", tooltip="A picture from this computer", layout=widgets.Layout(width=WIDTH)
        )
        super().__init__([self._choice, self._path, self._upload])
        self._path.observe(self._read_path, "value")
        self._upload.observe(self._read_upload, "value")
        self._choice.observe(lambda change: self.set_trait("value", change["new"]), "value")
        self.observe(self._choose, "value")
        if isinstance(image, (str, Path)):
            if str(image) not in self._pictures:
                self._pictures[str(image)] = load_image(image)
            start = str(image)
        elif image is not None:
            picture = as_picture(image)
            start = next((name for name, each in self._pictures.items() if np.array_equal(each, picture)), "picture")
            if start not in self._pictures:
                self._given[start] = "given as an array"
            self._pictures[start] = picture
        else:
            start = next(iter(self._pictures))
        self._choice.options = list(self._pictures)
        self.value = start

    @property
    def image(self) -> Picture:
        """The picture itself."""
        return self._pictures[self.value]

    @property
    def given(self) -> str:
        """How the picture came here, where nothing but this session knows it; a script must be given it."""
        return self._given.get(self.value, "")

    def find(self, name: str, sha256: object, given: str = "") -> str:
        """Choose the picture of a recipe: the same one, or what its name says.

        Parameters
        ----------
        name, sha256 : str
            As the recipe has them.
        given : str
            How it had come to where the recipe was made, if its name does not find it.

        Returns
        -------
        str
            What is wrong, if that picture is not at hand; empty if all is well.

        Raises
        ------
        FileNotFoundError, ValueError
            If there is no such file, or it is not a picture.
        """
        names = [name, *self._pictures] if name in self._pictures else list(self._pictures)
        same = next((each for each in names if picture_hash(self._pictures[each]) == sha256), None)
        if same is None and given:
            return f"the controls are set, but the recipe's picture {name} was {given}; upload it here too"
        self.value = same or name
        changed = picture_hash(self.image) != sha256
        return f"the picture {name} has changed since the recipe was made" if changed else ""

    def add(self, name: str, content: Any, given: str = "") -> None:
        """Read a picture, and choose it; what is wrong with it is reported.

        `given` says how it came here, where its name does not find it.
        """
        try:
            picture = load_image(content)
        except (ValueError, OSError) as error:
            self._report(str(error))
            return
        if given:
            if name in self._pictures.keys() - self._given.keys():  # of a portrait, or a path
                name = f"{name} ({given})"
            self._given[name] = given
        else:
            self._given.pop(name, None)
        self._pictures[name] = picture
        self._choice.options = list(self._pictures)
        if self.value == name:  # another picture of the same name
            self.notify_change({"name": "value", "old": name, "new": name, "owner": self, "type": "change"})
        else:
            self.value = name

    def _choose(self, change: dict[str, Any]) -> None:
        name = change["new"]
        if name not in self._pictures:
            self._pictures[name] = load_image(name)
            self._choice.options = list(self._pictures)
        self._choice.value = name

    def _read_path(self, change: dict[str, Any]) -> None:
        if path := expanduser(change["new"].strip()):
            self.add(path, path)

    def _read_upload(self, change: dict[str, Any]) -> None:
        for file in change["new"]:
            self.add(file["name"], bytes(file["content"]), "uploaded")
        self._upload.value = ()  # the same file, chosen again, is a change again


class ColumnEditor(widgets.HBox):
    """The settings of one column; `value` is what `Column.to_dict` gives."""

    value = traitlets.Dict()

    def __init__(self, report: Report = print) -> None:
        self._report = report
        slow = {"continuous_update": False}
        self.title = control(widgets.Text, "Title", "What stands above the column", **slow)
        self.model = control(widgets.Dropdown, "Model", "A trained model, the gray input or the original picture")
        self.file = control(
            widgets.Text,
            "Weight file",
            "The path of a .safetensors file; press Enter",
            placeholder="own weights",
            **slow,
        )
        self.own_seed = control(widgets.Checkbox, "Own seed", "Random numbers of its own, not those of all columns")
        self.seed = control(widgets.IntText, "Seed", "Another seed, other random numbers", **slow)
        self.sampler = control(
            widgets.Dropdown, "Sampler", "DDPM steps with the posterior mean and visits all steps", options=SAMPLERS
        )
        self.stochasticity = control(
            widgets.FloatSlider,
            "Stochasticity",
            "DDIM's eta: 0 adds no noise along the way, 1 as much as DDPM",
            max=1.0,
            step=0.05,
        )
        self.K = control(
            widgets.IntSlider, "K", "The stride of the steps: 1 calls the network 100 times, 8 15 times", min=1, max=99
        )
        self.steps = control(widgets.Dropdown, "Steps", "Which diffusion steps are visited", options=RULES)
        self.noise_projection = control(
            widgets.Checkbox,
            "Noise projection",
            "Pull the noisy value back to its distance from the predicted colour before the noise came in",
        )
        self.noise_stddev = control(
            widgets.Dropdown, "Noise stddev", "The added noise: sigma, sigma squared, or none", options=NOISE_STDDEVS
        )
        self.clip = control(widgets.Checkbox, "Clipping", "Keep values within bounds, at the start and after each step")
        self.low = control(widgets.FloatText, "From", "The lower bound; colours lie in [-1, 1]", value=-1.0, **slow)
        self.high = control(widgets.FloatText, "To", "The upper bound; colours lie in [-1, 1]", value=1.0, **slow)
        self._solver: dict[str, Any] | None = None  # a setup of another library: shown by its name, and kept as it is
        self._settings = [getattr(self, name) for name in Setup.__dataclass_fields__ if name != "clipping"]
        self._settings += [self.clip, self.low, self.high]
        self._named = (*models(), *SOURCES)
        self._known = [*self._named]
        self.model.options = self._known
        super().__init__(
            [
                widgets.VBox([self.title, self.model, self.file, self.own_seed, self.seed]),
                widgets.VBox([self.sampler, self.stochasticity, self.K, self.steps, self.noise_projection]),
                widgets.VBox([self.noise_stddev, self.clip, self.low, self.high]),
            ],
            layout=widgets.Layout(flex_flow="row wrap"),
        )
        self._loading = False
        for each in (self.title, self.model, self.own_seed, self.seed, *self._settings):
            each.observe(self._changed, "value")
        self.file.observe(self._choose_file, "value")
        self.observe(self._fill, "value")

    @property
    def diffusion(self) -> bool:
        """Whether the model has a sampler to set up."""
        return is_diffusion(self.model.value)

    @property
    def _setup(self) -> dict[str, Any]:
        if self._solver is not None and self.sampler.value not in SAMPLERS:
            return self._solver
        setup = {name: getattr(self, name).value for name in Setup.__dataclass_fields__ if name != "clipping"}
        return {**setup, "clipping": [self.low.value, self.high.value] if self.clip.value else None}

    def _changed(self, _: object) -> None:
        if self._loading:
            return
        self._loading = True
        try:
            if self.sampler.value == "ddpm":
                for name, needed in DDPM.items():
                    getattr(self, name).value = needed
        finally:
            self._loading = False
        self._enable()
        self.value = {
            "title": self.title.value,
            "model": self.model.value,
            "setup": self._setup if self.diffusion else None,
            "seed": self.seed.value if self.own_seed.value and self.diffusion else None,
        }

    def _enable(self) -> None:
        """Disable what does nothing with the settings as they are."""
        diffusion, free = self.diffusion, self.sampler.value != "ddpm"
        ours = diffusion and self.sampler.value in SAMPLERS
        for each in self._settings:
            each.disabled = not ours
        self.sampler.disabled = self.own_seed.disabled = not diffusion
        if ours:
            for name in DDPM:
                getattr(self, name).disabled = not free
            self.K.disabled = not free or self.steps.value != "uniform"
            self.noise_stddev.disabled = self.stochasticity.value == 0
        self.low.disabled = self.high.disabled = not (ours and self.clip.value)
        self.seed.disabled = not (diffusion and self.own_seed.value)

    def _fill(self, change: dict[str, Any]) -> None:
        column = change["new"]
        if self._loading or not column:
            return
        self._loading = True
        try:
            if column["model"] not in self._known:
                self._known.append(column["model"])
                self.model.options = self._known
            self.title.value, self.model.value = column["title"], column["model"]
            self.file.value = "" if column["model"] in self._named else column["model"]
            self.own_seed.value, self.seed.value = column["seed"] is not None, column["seed"] or 0
            self._fill_setup(column["setup"] or {})
        except ValueError as error:  # of bounds being typed: they stay as they are
            self._report(str(error))
        finally:
            self._loading = False
        self._enable()

    def _fill_setup(self, setup: dict[str, Any]) -> None:
        self._solver = setup if "scheduler" in setup else None
        if self._solver is not None:
            name = f"{setup['scheduler']}, {setup['steps']} steps"
            self.sampler.options = [*SAMPLERS, name]
            self.sampler.value = name
            return
        self.sampler.options = SAMPLERS
        values = Setup(**setup).to_dict()
        bounds = values.pop("clipping")
        for name, value in values.items():
            getattr(self, name).value = value
        self.clip.value = bounds is not None
        self.low.value, self.high.value = bounds or (-1.0, 1.0)

    def _choose_file(self, change: dict[str, Any]) -> None:
        path = expanduser(change["new"].strip())
        if not path or self._loading:
            return
        try:
            model(path)
        except (ValueError, OSError) as error:
            self._report(str(error))
            return
        if path not in self._known:
            self._known.append(path)
            self.model.options = self._known
        self.model.value = path


class ColumnList(widgets.VBox):
    """Columns in their order, and the settings of one of them; `value` is a list of what `Column.to_dict` gives.

    Parameters
    ----------
    columns : sequence of Column
        To start with.
    report : callable
        Told what is wrong with a weight file.
    several : bool
        Whether columns can be added and removed.
    """

    value: Any = traitlets.List()

    def __init__(self, columns: Sequence[Column], report: Report = print, several: bool = True) -> None:
        self.chosen = widgets.ToggleButtons(
            tooltip="The column whose settings are shown", style={"button_width": "auto"}
        )
        self.editor = ColumnEditor(report)
        self.editor.title.disabled = not several  # there it stands nowhere
        self.preset = control(
            widgets.Dropdown,
            "Preset",
            "The note's setups: what to add, or to set this column to",
            options=list(COLUMNS),
        )
        self.add = button("Add", "A new column of that preset, after this one", "plus", self._add)
        self.apply = button("Set", "Set this column to the preset", "check", self._apply)
        self.remove = button("Remove", "Take this column away", "minus", self._remove)
        self.left = button("", "Move this column to the left", "arrow-left", lambda: self._move(-1), "40px")
        self.right = button("", "Move this column to the right", "arrow-right", lambda: self._move(1), "40px")
        row = [self.preset, self.apply, *([self.add, self.remove, self.left, self.right] if several else [])]
        wrap = widgets.Layout(flex_flow="row wrap")
        super().__init__([*([self.chosen] if several else []), widgets.HBox(row, layout=wrap), self.editor])
        self.observe(self._show, "value")
        self.chosen.observe(self._choose, "index")
        self.editor.observe(self._edited, "value")
        self._showing = False
        self.value = [column.to_dict() for column in columns]

    @property
    def index(self) -> int:
        """Which column is shown."""
        return min(self.chosen.index or 0, len(self.value) - 1)

    def _set(self, columns: list[dict[str, Any]], index: int) -> None:
        """Take over columns, with one of them shown; observers are told once."""
        with self.hold_trait_notifications():
            self.value = columns
        self.chosen.index = min(index, len(columns) - 1)

    def _choose(self, _: object) -> None:
        self._show(None)
        with suppress(ValueError):  # of bounds being typed
            if self.value and not self._showing and (name := described(self.value[self.index])) in COLUMNS:
                self.preset.value = name

    def _show(self, _: object) -> None:
        if self._showing or not self.value:
            return
        self._showing = True
        try:
            titles = [(column["title"], number) for number, column in enumerate(self.value)]
            if list(self.chosen.options) != titles:
                index = self.index
                self.chosen.options = titles
                self.chosen.tooltips = [f"Show the settings of {title}" for title, _ in titles]
                self.chosen.index = index
            self.editor.value = self.value[self.index]
            self.remove.disabled = len(self.value) == 1
            self.left.disabled, self.right.disabled = self.index == 0, self.index == len(self.value) - 1
        finally:
            self._showing = False

    def _edited(self, change: dict[str, Any]) -> None:
        if self._showing:
            return
        at, new = self.index, change["new"]
        before = self.value[at]
        with suppress(ValueError):  # of bounds being typed
            own = re.fullmatch(re.escape(described(before)) + r"( \(\d+\))?", before["title"])
            if own and new["title"] == before["title"]:  # or a changed DDIM would still be called DDIM
                new = {**new, "title": self._free(described(new), at)}
        self.value = [*self.value[:at], new, *self.value[at + 1 :]]

    def _free(self, title: str, at: int | None = None) -> str:
        """A title, with a number behind it where another column than the one `at` has it."""
        taken = {column["title"] for number, column in enumerate(self.value) if number != at}
        names = (f"{title}{suffix}" for suffix in ["", *(f" ({n})" for n in range(2, len(taken) + 3))])
        return next(name for name in names if name not in taken)

    def _add(self) -> None:
        preset = COLUMNS[self.preset.value].to_dict()
        at = self.index + 1
        new = {**preset, "title": self._free(preset["title"])}
        self._set([*self.value[:at], new, *self.value[at:]], at)

    def _apply(self) -> None:
        at = self.index
        preset = COLUMNS[self.preset.value].to_dict()
        if any(column["title"] == preset["title"] for n, column in enumerate(self.value) if n != at):
            preset["title"] = self.value[at]["title"]
        self._set([*self.value[:at], preset, *self.value[at + 1 :]], at)

    def _remove(self) -> None:
        at = self.index
        if len(self.value) > 1:
            self._set([*self.value[:at], *self.value[at + 1 :]], max(at - 1, 0))

    def _move(self, by: int) -> None:
        at, to = self.index, self.index + by
        if 0 <= to < len(self.value):
            columns = list(self.value)
            columns[at], columns[to] = columns[to], columns[at]
            self._set(columns, to)


class Numbers(widgets.HBox):
    """Some numbers with names; `value` is a dict of them.

    Parameters
    ----------
    controls : dict of Widget
        By name.
    open_ended : bool
        Whether sliders reach further where `value` does.
    """

    value = traitlets.Dict()

    def __init__(self, controls: Mapping[str, widgets.Widget], open_ended: bool = False) -> None:
        self.controls = dict(controls)
        self._open_ended = open_ended
        super().__init__(list(self.controls.values()), layout=widgets.Layout(flex_flow="row wrap"))
        self._loading = False
        for each in self.controls.values():
            each.observe(self._changed, "value")
        self.observe(self._fill, "value")
        self._changed(None)

    def _changed(self, _: object) -> None:
        if not self._loading:
            self.value = {name: each.value for name, each in self.controls.items()}

    def _fill(self, change: dict[str, Any]) -> None:
        self._loading = True
        try:
            for name, each in self.controls.items():
                if self._open_ended and isinstance(each, widgets.IntSlider):
                    reach(each, name, change["new"][name])
                else:
                    each.value = change["new"][name]
        finally:
            self._loading = False
        self._changed(None)  # a control may have kept a number within its bounds
