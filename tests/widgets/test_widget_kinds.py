"""Columns of the whole family in widgets: an autoregressive sampler's sliders, and switches of a network's parts."""

from __future__ import annotations

import json
from dataclasses import fields
from math import inf
from typing import Any

import numpy as np
import pytest
import torch

import frantools as ft
from frantools.frannet.network.model import Config, FranNet
from frantools.frannet.weights.checkpoints import save_model
from frantools.restorers.columns import Column
from frantools.widgets.column_editor import ColumnEditor, describe_column
from frantools.widgets.column_list import ColumnList
from frantools.widgets.controls import component_widgets
from frantools.widgets.setup_editor import NONE

OWN = ft.AutoregressiveSetup(start=0.2, steps=5, threshold=0.001)
OTHER = ft.AutoregressiveSetup(1.5, 0.07, 130, 0.005, 0.03, 2.5, "squared", noise_length=inf)
ABLATION = ft.Ablation("global", without=(1, 9), positions="random")


@pytest.fixture(scope="module")
def direction(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An untrained model whose answers are sampled autoregressively."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("kinds") / "direction.safetensors"
    save_model(FranNet(Config("direction", setup=OWN)), path)
    return str(path)


def editor_of(column: Column) -> ColumnEditor:
    editor = ColumnEditor(pytest.fail)
    editor.set_value(column)
    return editor


def test_a_single_pass_model_has_no_setup() -> None:
    editor = editor_of(Column("a", "single-basic"))
    setup = editor.setup
    assert setup.name.value == NONE
    assert setup.name.disabled
    assert [each for each in setup.children if is_shown(each)] == [setup.name, setup.main]
    assert setup.main.children == ()
    assert editor.value == Column("a", "single-basic")
    editor.model.value = "diffusion-basic"
    assert setup.name.value == "B"
    assert [*setup.main.children] == [setup["stochasticity"], setup["K"]]
    assert is_shown(setup.advanced)
    assert NONE not in setup.name.options
    setup["K"].value = 5
    assert setup.name.value == "another"
    assert editor.value.setup == ft.Setup(K=5)


def through_json(column: Column) -> Column:
    return Column.from_dict(json.loads(json.dumps(column.to_dict())))


def is_shown(widget: Any) -> bool:
    return widget.layout.display != "none"


def test_the_form_is_that_of_the_models_sampler(direction: str) -> None:
    editor = editor_of(Column("a", "diffusion-basic", "A"))
    setup = editor.setup
    diffusion = [field.name for field in fields(ft.Setup)]
    assert [*setup.form.controls] == diffusion
    assert is_shown(setup.name)
    editor.file.value = direction
    assert editor.value.setup == OWN
    assert [*setup.form.controls] == [field.name for field in fields(ft.AutoregressiveSetup)]
    assert not is_shown(setup.name)
    assert not any(each.disabled for each in setup.form.controls.values())
    editor.model.value = "diffusion-basic"
    assert editor.value.setup == ft.Setup()
    assert [*setup.form.controls] == diffusion
    assert is_shown(setup.name)
    editor.model.value = "single-basic"
    assert editor.value.setup is None
    assert setup.main.children == (), "single-pass"
    editor.model.value = direction
    assert editor.value.setup == OWN
    editor.close()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("start", 0.5),
        ("end", 0.02),
        ("steps", 12),
        ("decay", 0.7),
        ("threshold", 0.05),
        ("converge_threshold", 0.1),
        ("noise_stddev", "zero"),
        ("noise_length", 0.1),
    ],
)
def test_each_slider_of_an_autoregressive_sampler_sets_its_setting(direction: str, name: str, value: Any) -> None:
    editor = editor_of(Column("a", direction))
    slider = editor.setup[name]
    assert len(slider.tooltip) > 20
    slider.value = value
    assert editor.value.setup.to_dict() == OWN.to_dict() | {name: value}
    assert through_json(editor.value) == editor.value
    editor.close()


@pytest.mark.parametrize(
    "setup",
    [OWN, OTHER, ft.Setup(start=60, stop=10), ft.Setup(start=300, stop=130), ft.Setup(stop=0), ft.Setup(start=100)],
    ids=["own", "other", "part", "of more steps", "stop 0", "start 100"],
)
def test_a_setup_survives_its_controls(direction: str, setup: Any) -> None:
    model = direction if isinstance(setup, ft.AutoregressiveSetup) else "diffusion-basic"
    column = Column("a", model, setup)
    editor = editor_of(Column("b", model))
    editor.set_value(column)
    assert editor.value == column
    editor.title.value = "renamed"  # all controls are read
    assert editor.error == ""
    assert editor.value == column.replace(title="renamed") == through_json(editor.value)
    editor.close()


def test_sliders_set_and_reset_start_and_stop() -> None:
    editor = editor_of(Column("a", "diffusion-basic"))
    editor.setup["start"].value = 60
    editor.setup["stop"].value = 10
    assert editor.value.setup == ft.Setup(start=60, stop=10)
    editor.setup["start"].value = 5
    assert "start must be above stop" in editor.error
    editor.setup["start"].value = editor.setup["stop"].value = "all"
    assert (editor.error, editor.value.setup) == ("", ft.Setup())
    editor.setup["steps"].value = "quadratic"
    assert editor.setup["start"].disabled
    editor.close()


def test_an_end_above_the_start_is_an_error(direction: str) -> None:
    editor = editor_of(Column("a", direction))
    editor.setup["end"].value = 0.5
    assert "end must be at most start" in editor.error
    assert editor.value == Column("a", direction), "as it was given"
    editor.setup["start"].value = 0.9
    assert (editor.error, editor.value.setup.end) == ("", 0.5)
    editor.close()


# What is taken away


def test_checkboxes_leave_out_parts_of_a_network_and_restore_them(direction: str) -> None:
    editor = editor_of(Column("a", direction))
    assert is_shown(editor.network)
    assert sum(map(is_shown, editor.ablation["without"].boxes.values())) == 3
    editor.ablation["context"].value = "global"
    assert editor.value.settings == {"ablation": ft.Ablation("global")}
    assert describe_column(editor.value) == "direction · AR:start=0.2,steps=5 · up to 5 calls · no local context"
    editor.ablation["without"].boxes[2].value = True
    assert editor.value.settings == {"ablation": ft.Ablation("global", without=(2,))}
    assert describe_column(editor.value).endswith("no local context · no map 2")
    editor.model.value = "single-basic"
    assert not editor.value.settings
    assert editor.ablation["context"].value == "both"
    editor.ablation["context"].value = "local"
    assert describe_column(editor.value) == "single-basic · 1 call · no global context"
    editor.model.value = "bicubic"
    assert not is_shown(editor.network)
    assert not editor.value.settings
    editor.model.value = direction
    assert editor.value.settings == {"ablation": ft.Ablation("global", without=(2,))}, "remembered"
    editor.ablation["context"].value = "both"
    editor.ablation["without"].boxes[2].value = False
    assert not editor.value.settings
    editor.close()


@pytest.mark.parametrize("ablation", [ABLATION, ft.Ablation()], ids=["some", "none"])
def test_an_ablation_survives_its_controls(direction: str, ablation: ft.Ablation) -> None:
    column = Column("a", direction, ablation=ablation)
    editor = editor_of(column)
    editor.title.value = "renamed"
    assert editor.value.settings == column.settings
    assert through_json(editor.value) == editor.value
    editor.close()


def test_an_argument_named_ablation_is_not_an_ablation() -> None:
    def dim(picture: np.ndarray, ablation: float = 0.5) -> np.ndarray:
        return picture * ablation

    editor = editor_of(Column("dim", dim, ablation=0.25))
    assert not is_shown(editor.network)
    editor.settings.controls["ablation"].value = 0.5
    assert editor.value.settings == {"ablation": 0.5}
    editor.close()


def test_a_default_title_names_the_ablation() -> None:
    columns = ColumnList([Column("B", "diffusion-basic", "B"), Column("mine", "single-basic")], pytest.fail)
    columns.editor.ablation["context"].value = "global"
    assert columns.value[0].title == "B, no local context"
    columns.chosen.index = 1
    columns.editor.ablation["context"].value = "global"
    assert columns.value[1].title == "mine"
    columns.close()


def test_an_ablation_changes_the_picture_and_its_recipe_reproduces_it(direction: str) -> None:
    widget = ft.widgets.compare("hopper", [Column("whole", direction), Column("cut", direction)], size=24)
    assert widget.wait(60)
    before = widget.result["cut"].image
    assert np.array_equal(before, widget.result["whole"].image)
    widget.columns.chosen.index = 1
    widget.columns.editor.ablation["context"].value = "global"
    widget.columns.editor.setup["steps"].value = 3
    assert widget.wait(60)
    assert widget.message.value == ""
    cut = widget.result["cut"].image
    setup = ft.AutoregressiveSetup(start=0.2, steps=3, threshold=0.001)
    assert not np.array_equal(cut, before)
    left = ft.restore(direction, ft.portraits()["hopper"], setup, 24, ablation=ft.Ablation("global"))
    assert np.array_equal(cut, left.image)
    assert widget.viewer.chips["cut"] == "direction · AR:start=0.2,steps=3 · up to 3 calls · no local context"
    again = ft.render(widget.recipe)
    assert np.array_equal(np.asarray(again.axes[1].images[0].get_array()), cut)
    recipe, columns = widget.recipe, widget.columns.value
    widget.columns.editor.ablation["context"].value = "both"
    widget.load(recipe)
    assert widget.wait(60)
    assert widget.columns.value == columns
    names: dict[str, Any] = {}
    exec(widget.script, names)
    assert np.array_equal(np.asarray(names["figure"].axes[1].images[0].get_array()), cut)
    assert all(each.tooltip for each in component_widgets(widget.columns.editor) if hasattr(each, "readout"))
    widget.close()
