"""The settings of one column as controls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from os.path import expanduser
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import traitlets

from ..frannet.network.ablations import Ablation
from ..frannet.sampling.samplers import Sampler
from ..frannet.weights.checkpoints import models
from ..restorers.columns import COLUMNS, Column, as_column, restorer_label
from ..restorers.resizing import BASELINES
from ..restorers.resolve import expand_setup
from .arguments_form import ArgumentsForm
from .controls import Composite, ShowError, control, folded, set_visible
from .form import Form
from .setup_editor import SetupEditor


@dataclass(frozen=True)
class ColumnFacts:
    """The settings that a column has, and what depends on them."""

    setup: Sampler | None = None
    """The sampler that it runs with, even by default."""
    can_sample: bool = False
    """Whether restorers of its kind may have a sampler."""
    random: bool = False
    """Whether the result depends on the seed."""
    calls: int | None = None
    """The network calls per point, at most, if known."""
    feature_maps: int | None = None
    """The number of feature maps that can be left out; None without ablations."""
    ablation: Ablation | None = None


def inspect_column(column: Column) -> ColumnFacts:
    """Return the facts of a column. If it has an error, which is shown where it is rendered, its settings stay."""
    try:
        restorer = column.resolve()
    except Exception:  # a custom restorer may raise anything
        return ColumnFacts(column.setup, True, True)
    return ColumnFacts(
        restorer.sampler,
        restorer.model is not None,
        bool(restorer.random),
        restorer.calls,
        restorer.feature_maps,
        restorer.ablation,
    )


def with_separate_setup(column: Column) -> Column:
    """Return the column with the model and the setup of its name."""
    try:
        what, setup = expand_setup(column.what, column.setup)
    except ValueError:  # an unknown name, which is an error where the column is rendered
        return column
    return column.replace(what=what, setup=setup)


def default_title(column: Column) -> str:
    """Return the title of a column by its settings: its preset, or its model and setup, and what is left out."""
    ablation = column.settings.get("ablation")
    return ", ".join([_preset_title(column), *describe_ablation(ablation if isinstance(ablation, Ablation) else None)])


def _preset_title(column: Column) -> str:
    if not isinstance(column.what, str):
        return as_column(column.what).title
    for title, preset in COLUMNS.items():
        if (column.what, column.setup) == (preset.what, preset.setup):
            return title
    if column.setup is None:
        return Path(column.what).stem
    name = column.setup.name
    return name if column.what == column.setup.default_model else f"{Path(column.what).stem} {name}"


def describe_ablation(ablation: Ablation | None) -> list[str]:
    """Return what an ablation leaves out, in a few words for each part.

    Examples
    --------
    >>> describe_ablation(Ablation("global", without=(1, 3)))
    ['no local context', 'no maps 1, 3']
    """
    if ablation is None:
        return []
    context = {"local": ["no global context"], "global": ["no local context"]}.get(ablation.context, [])
    numbers = ", ".join(map(str, ablation.without))
    maps = [f"no map{'s' if len(ablation.without) > 1 else ''} {numbers}"] if numbers else []
    return [*context, *maps, *([] if ablation.positions is None else ["other positions"])]


def describe_column(column: Column) -> str:
    """Describe a column in a few words: "diffusion-basic · B · 15 calls · no local context"."""
    facts = inspect_column(column)
    parts = [Path(column.what).stem if isinstance(column.what, str) else restorer_label(column.what)]
    if facts.setup is not None:
        parts.append(facts.setup.name)
    if facts.calls:
        calls = "1 call" if facts.calls == 1 else f"{facts.calls} calls"
        is_limit = facts.setup is not None and facts.setup.ends_early and facts.calls != 1
        parts.append(f"up to {calls}" if is_limit else calls)
    return " · ".join([*parts, *describe_ablation(facts.ablation)])


def is_same_kind(setup: Sampler | None, other: Sampler | None) -> bool:
    """Return whether two samplers sample the same kinds of model, or both are None."""
    kinds = [None if sampler is None else sampler.model_kinds for sampler in (setup, other)]
    return kinds[0] == kinds[1]


def is_same_restorer(what: Any, other: Any) -> bool:
    """Return whether the restorers of two columns are the same."""
    return what is other or (isinstance(what, str) and isinstance(other, str) and what == other)


class ColumnEditor(Composite, widgets.VBox):
    """The settings of one column; `value` is a `Column`.

    Parameters
    ----------
    show_error : callable
        Called with the error of a weight file.
    """

    value: Any = traitlets.Instance(Column, allow_none=True)

    def __init__(self, show_error: ShowError = print) -> None:
        self._show_error = show_error
        slow = {"continuous_update": False}
        self.title = control(widgets.Text, "Title", "The title above the column", **slow)
        self.model = control(widgets.Dropdown, "Model", "The restorer: a model, a function, plain resizing, a folder")
        self.file = control(
            widgets.Text,
            "Weight file",
            "A weight file, a folder of results, or FILE.py:FUNCTION; press Enter",
            placeholder="own weights",
            **slow,
        )
        self.own_seed = control(widgets.Checkbox, "Own seed", "Random numbers of its own, not those of all columns")
        self.seed = control(widgets.IntText, "Seed", "Another seed, other random numbers", **slow)
        self.setup = SetupEditor()
        self.settings = ArgumentsForm()
        self.ablation = Form(Ablation)
        self.network = folded("More of the network", [self.ablation])
        self._named = (*models(), *BASELINES)
        self._restorers: dict[str, Any] = {name: name for name in self._named}
        self._remembered: dict[str, Any] = {}  # the arguments of each model, for when it is chosen again
        self.model.options = list(self._restorers)
        rest = folded("Title, file and seed", [self.title, self.file, self.own_seed, self.seed])
        super().__init__([self.model, self.setup, self.settings, self.network, rest])
        self.bind(self.title, self.model, self.own_seed, self.seed, self.setup, self.settings, self.ablation)
        for part in (self.setup, self.settings):
            part.observe(self._on_change, "error")
        self.file.observe(self._choose_file, "value")

    def _read(self) -> Column:
        for part in (self.setup, self.settings):
            if part.error:
                raise ValueError(part.error)
        label = self.model.value
        what = self._restorers[label]
        is_same = is_same_restorer(what, self.value.what)
        settings = self._read_settings() if is_same else self._remembered.get(label, {})
        column = self.value.replace(what=what, title=self.title.value, setup=None, seed=None, settings=settings)
        facts = inspect_column(column)
        if facts.setup is not None:
            setup = self.setup.value
            column = column.replace(setup=setup if is_same_kind(setup, facts.setup) else facts.setup)
        return column.replace(seed=self.seed.value) if facts.random and self.own_seed.value else column

    def _read_settings(self) -> dict[str, Any]:
        """Return the arguments, with the ablation unless it was changed to leave out nothing."""
        before = self.value.settings.get("ablation")
        ablation = replace(before if isinstance(before, Ablation) else Ablation(), **self.ablation.value)
        is_set = ablation == before or ablation != Ablation()
        return self.settings.value | ({"ablation": ablation} if is_set else {})

    def _write(self, column: Column) -> None:
        label = self._offer(column.what)
        self.title.value, self.model.value = column.title, label
        self.file.value = label if isinstance(column.what, str) and label not in self._named else ""
        self.own_seed.value, self.seed.value = column.seed is not None, column.seed or 0
        facts = inspect_column(column)
        self.setup.set_value(facts.setup)
        self._write_settings(column, facts)

    def _write_settings(self, column: Column, facts: ColumnFacts) -> None:
        ablation = facts.ablation or Ablation()
        self.ablation.set_value({name: getattr(ablation, name) for name in self.ablation.controls})
        separate = set() if facts.feature_maps is None else {"ablation"}
        self.settings.set_value({name: value for name, value in column.settings.items() if name not in separate})

    def _offer(self, what: Any) -> str:
        """Add a restorer to the list of models, if necessary, and return its name there."""
        label = restorer_label(what)
        names = [label] if isinstance(what, str) else (label if n == 1 else f"{label} {n}" for n in count(1))
        name = next(n for n in names if n not in self._restorers or is_same_restorer(self._restorers[n], what))
        if name not in self._restorers:
            self._restorers[name] = what
            self.model.options = list(self._restorers)
        return name

    def _update_controls(self) -> None:
        """Show and enable the settings that have an effect."""
        facts = inspect_column(self.value)
        with self.writing():
            if not is_same_kind(facts.setup, self.setup.value):
                self.setup.set_value(facts.setup)
            if self._read_settings() != dict(self.value.settings):
                self._write_settings(self.value, facts)
        self.ablation["without"].offer(set(range(1, (facts.feature_maps or 0) + 1)))
        set_visible(self.network, facts.feature_maps is not None)
        self._remembered[self.model.value] = dict(self.value.settings)
        set_visible(self.setup, facts.can_sample)
        self.own_seed.disabled = not facts.random
        self.seed.disabled = not (facts.random and self.own_seed.value)

    def _choose_file(self, change: dict[str, Any]) -> None:
        path = expanduser(change["new"].strip())
        if not path or self._writing:
            return
        load: Callable[[], object] = Column(path, path).resolve
        try:
            load()
        except (ValueError, OSError, ImportError) as error:
            self._show_error(str(error))
            return
        self.model.value = self._offer(path)
