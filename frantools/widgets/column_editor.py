"""The settings of one column as controls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from os.path import expanduser
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import traitlets

from ..frannet.network.ablations import Ablation
from ..frannet.weights.checkpoints import models
from ..restorers.columns import COLUMNS, Column, as_column, restorer_label
from ..restorers.resizing import BASELINES
from ..restorers.resolve import expand_setup
from .ablation_controls import AblationControls, words
from .controls import Composed, Report, control, folded
from .settings_editor import SettingsEditor
from .setup_editor import SetupEditor


@dataclass(frozen=True)
class Facts:
    """What of a column there is to set."""

    setup: Any = None
    """The sampler's setup that it has, by default too; None where there is no sampler."""
    sampled: bool = False
    """Whether it is of the kind of restorer that may have a sampler."""
    random: bool = False
    """Whether the seed matters."""
    calls: int | None = None
    """How often a network is called for a point, where that is known; at most, where it may end before."""
    maps: int | None = None
    """How many feature maps can be left out; None where there is no ablation."""
    ablation: Ablation | None = None
    """What is taken away from the network."""


def facts_of(column: Column) -> Facts:
    """What of a column there is to set. What cannot be made is told of where it is rendered, and keeps what it has."""
    try:
        made = column.resolve()
    except Exception:  # of whatever kind: a user's own restorer may raise anything
        return Facts(column.setup, True, True)
    return Facts(made.sampler, made.model is not None, bool(made.random), made.calls, made.feature_maps, made.ablation)


def plain(column: Column) -> Column:
    """Return the column with the model and the setup that its name stands for."""
    try:
        what, setup = expand_setup(column.what, column.setup)
    except ValueError:  # an unknown name, which is reported when the column is rendered
        return column
    return column.replace(what=what, setup=setup)


def described(column: Column) -> str:
    """The title of a column as its settings are: that of its preset, or its model and setup; and what is left out."""
    ablation = column.settings.get("ablation")
    return ", ".join([_preset(column), *words(ablation if isinstance(ablation, Ablation) else None)])


def _preset(column: Column) -> str:
    if not isinstance(column.what, str):
        return as_column(column.what).title
    for title, preset in COLUMNS.items():
        if (column.what, column.setup) == (preset.what, preset.setup):
            return title
    if column.setup is None:
        return Path(column.what).stem
    name = column.setup.name
    return name if column.what == column.setup.default_model else f"{Path(column.what).stem} {name}"


def chip_of(column: Column) -> str:
    """What a column is, in a few words: "diffusion-basic · B · 15 calls · no local context"."""
    facts, setup = facts_of(column), []
    if facts.setup is not None:
        setup = [facts.setup.name]
    calls = [f"{facts.calls} {'call' if facts.calls == 1 else 'calls'}"] if facts.calls else []
    if facts.setup is not None and facts.setup.ends_early and facts.calls != 1:
        calls = [f"up to {each}" for each in calls]
    name = Path(column.what).stem if isinstance(column.what, str) else restorer_label(column.what)
    return " · ".join([name, *setup, *calls, *words(facts.ablation)])


def alike(setup: Any, other: Any) -> bool:
    """Whether two setups sample the same kinds of model, or both are none."""
    kinds = [None if each is None else each.model_kinds for each in (setup, other)]
    return kinds[0] == kinds[1]


def same(what: Any, other: Any) -> bool:
    """Whether two columns' restorers are one."""
    return what is other or (isinstance(what, str) and isinstance(other, str) and what == other)


class ColumnEditor(Composed, widgets.VBox):
    """The settings of one column; `value` is a `Column`.

    Parameters
    ----------
    report : callable
        Told what is wrong with a weight file.
    """

    value: Any = traitlets.Instance(Column, allow_none=True)

    def __init__(self, report: Report = print) -> None:
        self._report = report
        slow = {"continuous_update": False}
        self.title = control(widgets.Text, "Title", "What stands above the column", **slow)
        self.model = control(widgets.Dropdown, "Model", "What restores: a model, a function, plain resizing, a folder")
        self.file = control(
            widgets.Text,
            "Weight file",
            "A weight file, a folder of pictures made elsewhere, or FILE.py:FUNCTION; press Enter",
            placeholder="own weights",
            **slow,
        )
        self.own_seed = control(widgets.Checkbox, "Own seed", "Random numbers of its own, not those of all columns")
        self.seed = control(widgets.IntText, "Seed", "Another seed, other random numbers", **slow)
        self.setup = SetupEditor()
        self.settings = SettingsEditor()
        self.ablation = AblationControls()
        self.network = folded("More of the network", [self.ablation])
        self._named = (*models(), *BASELINES)
        self._whats: dict[str, Any] = {name: name for name in self._named}
        self._remembered: dict[str, Any] = {}  # the arguments of each model, for when it is chosen again
        self.model.options = list(self._whats)
        rest = folded("Title, file and seed", [self.title, self.file, self.own_seed, self.seed])
        super().__init__([self.model, self.setup, self.settings, self.network, rest])
        controls = [self.title, self.model, self.own_seed, self.seed, self.setup, self.settings, self.ablation]
        self.compose(*controls)
        for each in (self.setup, self.settings):
            each.observe(self._changed, "error")
        self.file.observe(self._choose_file, "value")

    def _read(self) -> Column:
        before, label = self.value, self.model.value
        for each in (self.setup, self.settings):
            if each.error:
                raise ValueError(each.error)
        what = self._whats[label]
        settings = self._said() if same(what, before.what) else self._remembered.get(label, {})
        made = before.replace(what=what, title=self.title.value, setup=None, seed=None, settings=settings)
        facts = facts_of(made)
        if facts.setup is not None:
            made = made.replace(setup=self.setup.value if alike(self.setup.value, facts.setup) else facts.setup)
        return made.replace(seed=self.seed.value) if facts.random and self.own_seed.value else made

    def _write(self, column: Column) -> None:
        label = self._know(column.what)
        self.title.value, self.model.value = column.title, label
        self.file.value = label if isinstance(column.what, str) and label not in self._named else ""
        self.own_seed.value, self.seed.value = column.seed is not None, column.seed or 0
        facts = facts_of(column)
        self.setup.show(facts.setup)
        self._show(column, facts)

    def _said(self) -> dict[str, Any]:
        """The arguments that the controls say, an ablation among them."""
        left = self.ablation.value
        return self.settings.value | ({} if left is None else {"ablation": left})

    def _show(self, column: Column, facts: Facts) -> None:
        """Show a column's arguments, and what is taken away from its network by switches of their own."""
        self.ablation.show(facts.ablation)
        own = {"ablation"} if facts.maps is not None else set()
        self.settings.show({name: each for name, each in column.settings.items() if name not in own})

    def _know(self, what: Any) -> str:
        """Offer a restorer; the name under which it is offered."""
        label = restorer_label(what)
        names = [label] if isinstance(what, str) else (label if n == 1 else f"{label} {n}" for n in count(1))
        name = next(name for name in names if name not in self._whats or same(self._whats[name], what))
        if name not in self._whats:
            self._whats[name] = what
            self.model.options = list(self._whats)
        return name

    def _settle(self) -> None:
        """Show and enable what does something with the column as it is."""
        facts = facts_of(self.value)
        with self.writing():
            if not alike(facts.setup, self.setup.value):
                self.setup.show(facts.setup)
            if self._said() != dict(self.value.settings):
                self._show(self.value, facts)
        self.ablation.offer(facts.maps or 0)
        self.network.layout.display = "none" if facts.maps is None else ""
        self._remembered[self.model.value] = dict(self.value.settings)
        self.setup.layout.display = "" if facts.sampled else "none"
        self.own_seed.disabled = not facts.random
        self.seed.disabled = not (facts.random and self.own_seed.value)

    def _choose_file(self, change: dict[str, Any]) -> None:
        path = expanduser(change["new"].strip())
        if not path or self._writing:
            return
        check: Callable[[], object] = Column(path, path).resolve
        try:
            check()
        except (ValueError, OSError, ImportError) as error:
            self._report(str(error))
            return
        self.model.value = self._know(path)
