"""Columns of all kinds in widgets: their controls, what goes wrong in them, and their recipes. No browser."""

from __future__ import annotations

import io
import json
import sys
from base64 import b64decode
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest
import torch
import traitlets
from PIL import Image

import frantools as ft
from frantools.comparisons.recipes import load_recipe
from frantools.photos import photo as photo_module
from frantools.photos.photo import Photo
from frantools.restorers.columns import Column
from frantools.widgets.arguments_form import ArgumentsForm, slider_range
from frantools.widgets.controls import component_widgets
from frantools.widgets.setup_editor import SetupEditor
from frantools.widgets.view_widget import ViewWidget

SIZE = 72


def dim(
    picture: np.ndarray, weight: float = 0.5, steps: int = 1, invert: bool = False, mode: str = "all"
) -> np.ndarray:
    """A function with an argument of each kind."""
    made = picture * weight**steps
    return 1 - made if invert else made


def grain(picture: np.ndarray, seed: int, amount: float = 0.1) -> np.ndarray:
    """A function that leaves something to chance."""
    return (picture + amount * np.random.default_rng(seed).standard_normal(picture.shape)).clip(0, 1)


@pytest.fixture
def hanging() -> Iterator[tuple[Any, Event]]:
    """A function that does not answer until the test is over, and the event that it has begun."""
    begun, go = Event(), Event()

    def hang(picture: np.ndarray) -> np.ndarray:
        begun.set()
        go.wait(120)
        return picture

    yield hang, begun
    go.set()


@pytest.fixture
def wide() -> np.ndarray:
    """A photo of 3:2."""
    return np.random.default_rng(0).integers(0, 255, (60, 90, 3), dtype=np.uint8)


def done(widget: Any) -> Any:
    assert widget.wait(60)
    return widget


def image(widget: ViewWidget, title: str) -> np.ndarray:
    return widget.result[title].image


def setting(widget: ViewWidget, name: str) -> Any:
    return widget.columns.editor.settings.controls[name]


def upload(control: Any, name: str, content: bytes) -> None:
    """What the browser does with a chosen file."""
    file = {"name": name, "type": "", "size": len(content), "content": content, "last_modified": datetime.now(UTC)}
    control.value = (file,)


# Arguments as controls


def test_each_argument_has_a_control_that_changes_the_picture(wide: np.ndarray) -> None:
    column = Column("dim", dim, weight=0.1, steps=1, invert=False, mode="all")
    widget = done(ft.widgets.compare(wide, [column, "input"], size=SIZE))
    kinds = {name: type(each).__name__ for name, each in widget.columns.editor.settings.controls.items()}
    assert kinds == {"weight": "FloatSlider", "steps": "IntSlider", "invert": "Checkbox", "mode": "Text"}
    assert (setting(widget, "weight").min, setting(widget, "weight").max) == (0.0, 0.4)
    for name, value in (("weight", 0.3), ("steps", 2), ("invert", True)):
        before = image(widget, "dim")
        setting(widget, name).value = value
        assert not np.array_equal(image(done(widget), "dim"), before)
        assert widget.recipe["columns"][0]["settings"][name] == value
    setting(widget, "mode").value = "some"
    assert done(widget).columns.value[0].settings["mode"] == "some"
    assert widget.message.value == ""
    widget.close()


def test_only_samplers_have_sampler_controls_and_only_random_restorers_a_seed(wide: np.ndarray) -> None:
    widget = done(ft.widgets.compare(wide, [Column("dim", dim, weight=0.2), Column("grain", grain)], size=SIZE))
    editor = widget.columns.editor
    assert editor.setup.layout.display == "none"
    assert editor.own_seed.disabled
    widget.columns.chosen.index = 1
    assert not editor.own_seed.disabled
    before = image(widget, "grain")
    editor.own_seed.value = True
    editor.seed.value = 4
    assert not np.array_equal(image(done(widget), "grain"), before)
    assert widget.columns.value[1].seed == 4
    widget.close()


def test_a_slider_ends_at_a_multiple_of_its_value_and_extends_for_a_recipe() -> None:
    assert [slider_range(value) for value in (0.1, 3, 0, -2)] == [(0.0, 0.4), (0.0, 12.0), (0.0, 1.0), (-8.0, 8.0)]
    editor = ArgumentsForm()
    editor.set_value({"weight": 0.1})
    editor.controls["weight"].value = 0.3
    assert editor.value == {"weight": 0.3}
    editor.set_value({"weight": 0.9})
    assert editor.controls["weight"].value == 0.9


def test_an_argument_without_a_control_stays_and_a_typed_one_is_parsed() -> None:
    kernel = np.ones((3, 3))
    editor = ArgumentsForm()
    editor.set_value({"kernel": kernel, "axis": None})
    assert [*editor.controls] == ["axis"]
    editor.controls["axis"].value = "[1, 2]"
    assert editor.value["axis"] == [1, 2]
    assert editor.value["kernel"] is kernel
    editor.controls["axis"].value = "import os"
    assert "got 'import os'" in editor.error
    assert editor.value["axis"] == [1, 2]


def test_a_function_that_is_chosen_again_has_its_last_arguments(wide: np.ndarray) -> None:
    widget = done(ft.widgets.compare(wide, [Column("dim", dim, weight=0.2), "input"], size=SIZE))
    editor = widget.columns.editor
    setting(widget, "weight").value = 0.4
    editor.model.value = "bicubic"
    assert widget.columns.value[0].what == "bicubic"
    assert not widget.columns.value[0].settings
    editor.model.value = "dim (function)"
    assert widget.columns.value[0].what is dim
    assert widget.columns.value[0].settings == {"weight": 0.4}
    widget.columns.chosen.index = 1
    widget.columns.preset.value = "dim"
    widget.columns.add.click()
    assert [column.what for column in widget.columns.value] == [dim, "input", dim]
    assert [column.title for column in widget.columns.value] == ["dim", "input", "dim (2)"]
    widget.close()


# What goes wrong in a column


def failing(picture: np.ndarray) -> np.ndarray:
    raise KeyError("nothing here")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (failing, "wrong raised KeyError: 'nothing here'"),
        (lambda picture: None, "wrong returned None"),
        (lambda picture: picture * np.nan, "values that are NaN"),
        (lambda picture: picture[..., 0], "wrong returned an array of shape"),
        (lambda picture: picture[..., :2], "wrong returned 2 channels"),
    ],
)
def test_the_error_of_a_column_replaces_its_picture_and_the_others_render(
    wrong: Any, said: str, wide: np.ndarray
) -> None:
    widget = done(ft.widgets.compare(wide, [Column("wrong", wrong), "bicubic"], size=SIZE))
    assert said in widget.result.errors["wrong"]
    assert widget.final
    assert widget.message.value == ""
    assert said in widget.viewer.notes["wrong"]
    sides = image(widget, "bicubic").shape[1::-1]
    assert widget.viewer.pictures == {"original": sides, "wrong": None, "bicubic": sides}
    first, second = widget.figure()[0].axes
    assert said.split()[0] in first.texts[0].get_text()
    assert np.array_equal(second.images[0].get_array(), image(widget, "bicubic"))
    widget.look["view"].value = "difference"
    widget.figure()
    assert widget.message.value == ""
    widget.close()


def test_stop_abandons_a_hanging_function_with_a_message(hanging: Any, wide: np.ndarray) -> None:
    hang, begun = hanging
    widget = ft.widgets.compare(wide, ["input", Column("hang", hang)], size=SIZE)
    assert begun.wait(60)
    assert widget.busy
    widget.status.stop.click()
    assert widget.status.stop.disabled, "control is given back at once"
    done(widget)
    assert "hang cannot be interrupted: it is still running, and its result will be dropped" in widget.message.value
    assert not widget.final
    results: list[Any] = []
    widget.observe(results.append, "result")
    widget.columns.chosen.index = 1
    widget.columns.editor.model.value = "bicubic"
    assert done(widget).message.value == "", "what is rendered now does not hang"
    assert widget.final
    assert results
    widget.close()


def test_the_message_of_a_running_function_disappears_when_it_ends(wide: np.ndarray) -> None:
    begun, go, gone = Event(), Event(), Event()

    def hang(picture: np.ndarray) -> np.ndarray:
        begun.set()
        go.wait(120)
        return picture

    widget = ft.widgets.compare(wide, [Column("hang", hang)], size=SIZE)
    assert begun.wait(60)
    widget.status.stop.click()
    done(widget)
    assert "still running" in widget.message.value
    widget.message.observe(lambda change: gone.set() if not change["new"] else None, "value")
    shown = widget.result
    go.set()
    assert gone.wait(60)
    assert widget.result is shown, "the late answer is dropped"
    widget.close()


def test_a_timeout_is_the_error_of_its_column_and_the_others_render(hanging: Any, wide: np.ndarray) -> None:
    hang, _ = hanging
    widget = done(ft.widgets.compare(wide, [Column("hang", hang), "bicubic"], size=SIZE, timeout=0.2))
    assert "hang did not return within 0.2 s; it is still running" in widget.result.errors["hang"]
    assert widget.final
    assert widget.recipe["timeout"] == 0.2
    assert image(widget, "bicubic").shape == (48, 72, 3)
    widget.close()


# Photos and other kinds


def test_a_photo_of_three_to_two_is_shown_whole_and_square_with_frannet(wide: np.ndarray) -> None:
    widget = done(ft.widgets.compare(wide, [Column("dim", dim), "input"], size=SIZE))
    assert image(widget, "dim").shape == (48, 72, 3)
    widget.columns.chosen.index = 1
    widget.columns.editor.model.value = "single-masking-8"
    assert done(widget).message.value == ""
    assert image(widget, "dim").shape == (72, 72, 3)
    widget.close()


def test_derived_pictures_of_a_photo_are_computed_once(wide: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    made, prepare = [], photo_module.prepare_input

    def counted(*arguments: Any, **named: Any) -> torch.Tensor:
        made.append(arguments)
        return prepare(*arguments, **named)

    monkeypatch.setattr(photo_module, "prepare_input", counted)
    widget = done(ft.widgets.compare(wide, ["input", "bicubic", "nearest"], size=SIZE))
    picture = widget.photo.value.with_frame("square").picture
    for seed in range(1, 4):
        widget.controls["seed"].value = seed
        done(widget)
    assert len(made) == 1
    assert widget.photo.value.with_frame("square").picture is picture
    widget.close()


@pytest.mark.parametrize("name", ["rois", "region"])
def test_regions_accept_any_restorer_and_any_photo(name: str, wide: np.ndarray) -> None:
    options = {"search": ft.figures.RoiSearch(16, 2, 6, 1)} if name == "rois" else {}
    columns = [Column("dim", dim, weight=0.9), Column("grain", grain)]
    widget = done(getattr(ft.widgets, name)(wide, columns, size=SIZE, **options))
    assert widget.final
    assert widget.message.value == ""
    again = ft.render(widget.recipe, photo=wide, columns={"dim": dim, "grain": grain})
    ours, theirs = (
        [np.asarray(axes.images[0].get_array()) for axes in figure.axes if axes.images]
        for figure in (widget.figure()[0], again)
    )
    assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))
    widget.close()


def test_variability_accepts_a_function_only_with_a_seed(wide: np.ndarray) -> None:
    widget = done(ft.widgets.variability(wide, Column("grain", grain, amount=0.1), size=SIZE, count=3))
    assert widget.final
    assert widget.result.deviation.mean() > 0.02
    widget.close()
    widget = done(ft.widgets.variability(wide, Column("dim", dim), size=SIZE, count=3))
    assert "dim does not depend on the seed" in widget.message.value
    widget.close()
    widget = done(ft.widgets.trajectory(wide, Column("dim", dim), size=SIZE))
    assert "dim has no steps" in widget.message.value
    widget.close()


def test_an_array_and_a_folder_are_columns(wide: np.ndarray, tmp_path: Path) -> None:
    results = tmp_path / "results"
    results.mkdir()
    made = np.ascontiguousarray(wide[::-1])
    Image.fromarray(wide).save(tmp_path / "cat.png")
    Image.fromarray(made).save(results / "cat_x1.png")
    columns = [Column("array", made), Column("folder", f"{results}/"), "original"]
    widget = done(ft.widgets.compare(tmp_path / "cat.png", columns, size=90))
    assert not widget.result.errors
    assert np.allclose(image(widget, "array"), made / np.float32(255))
    assert np.array_equal(image(widget, "folder"), image(widget, "array"))
    widget.columns.editor.title.value = "renamed"
    assert done(widget).columns.value[0].title == "renamed"
    widget.columns.chosen.index = 1
    assert widget.columns.editor.file.value == f"{results}/"
    widget.photo.value = "hopper"
    assert "the folder has no picture whose name starts with the stem of hopper" in done(widget).result.errors["folder"]
    widget.close()


def test_without_a_reference_only_the_numbers_are_missing(wide: np.ndarray) -> None:
    photo = Photo(wide, reference=None)
    widget = done(ft.widgets.compare(photo, [Column("dim", dim), "bicubic"], size=SIZE))
    assert widget.final
    assert widget.result.measured == {}
    assert widget.viewer.numbers == {}
    assert all("PSNR" not in text.get_text() for axes in widget.figure()[0].axes for text in axes.texts)
    assert widget.recipe.photos[0].reference == "none"
    widget.close()


def test_the_degradation_is_in_the_recipe_and_is_loaded_with_it(wide: np.ndarray) -> None:
    given = ft.Degradation(shrink=3)
    widget = done(ft.widgets.compare(wide, [Column("dim", dim), "bicubic"], size=SIZE, given=given))
    assert image(widget, "dim").shape == (16, 24, 3)
    assert widget.recipe.degradation == given
    recipe = widget.recipe
    widget.given = None
    assert image(done(widget), "dim").shape == (48, 72, 3)
    widget.load(recipe)
    assert done(widget).given == given
    assert widget.recipe == recipe
    widget.close()


# Traits


def test_recipe_result_and_final_are_observed_and_cannot_be_set(wide: np.ndarray) -> None:
    widget = done(ft.widgets.compare(wide, [Column("dim", dim, weight=0.2), "input"], size=SIZE))
    seen: list[tuple[str, Any]] = []
    widget.observe(lambda change: seen.append((change["name"], change["new"])), ["recipe", "result", "final"])
    setting(widget, "weight").value = 0.4
    done(widget)
    names = [name for name, _ in seen]
    assert names[:2] == ["final", "recipe"]
    assert names[-1] == "final"
    assert "result" in names
    assert [value for name, value in seen if name == "final"] == [False, True]
    for name in ("recipe", "result", "final"):
        with pytest.raises(traitlets.TraitError, match="read-only"):
            setattr(widget, name, None)
    assert all(isinstance(column, Column) for column in widget.columns.value)
    widget.close()


# Recipes


def test_loading_a_recipe_with_a_function_runs_nothing_and_asks_for_the_function(tmp_path: Path) -> None:
    trace = tmp_path / "run"
    (tmp_path / "mine.py").write_text(f"open({str(trace)!r}, 'w')\ndef f(picture):\n    return picture\n")
    named = {"function": "f", "file": str(tmp_path / "mine.py"), "sha256": None, "settings": {}}
    string = {"model": f"{tmp_path / 'mine.py'}:f", "setup": None}
    module = {"function": "f", "module": "antigravity", "sha256": None, "settings": {}}
    columns = [
        {"title": title, **each, "seed": None} for title, each in zip("abc", (named, string, module), strict=True)
    ]
    widget = done(ft.widgets.compare("hopper", ["input"], size=64))
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps({"figure": "compare", "pictures": {"hopper": ""}, "columns": columns, "size": 64}))
    widget.load(json.loads(path.read_text()))
    assert set(done(widget).result.errors) == {"a", "b", "c"}
    assert all("a recipe runs no code" in text for text in widget.result.errors.values())
    for index in range(3):
        widget.columns.chosen.index = index
    assert not trace.exists()
    assert "antigravity" not in sys.modules
    widget.load(json.loads(path.read_text()), columns={"a": dim, "b": dim, "c": dim})
    assert not done(widget).result.errors
    assert not trace.exists()
    widget.close()


def test_saving_a_figure_of_a_lambda_names_the_column_to_pass_again(wide: np.ndarray, tmp_path: Path) -> None:
    column = Column("mine", lambda picture, weight: picture * weight, weight=0.25)
    widget = done(ft.widgets.compare(wide, [column, "bicubic"], size=SIZE))
    widget.files.path.value = str(tmp_path / "a.png")
    widget.files.save.click()
    assert "mine is a lambda, which no recipe can name" in widget.message.value
    widget.files.copy.click()
    assert '"mine": ...,  # mine is a lambda, which no recipe can name: put it here' in widget.files.code.value
    assert "mine is a lambda, which no recipe can name: put it into the code" in widget.message.value

    recipe = load_recipe(tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"mine is a lambda.*pass it: columns=\{'mine': \.\.\.\}"):
        ft.render(recipe, photo=wide)
    setting(widget, "weight").value = 0.5
    done(widget)
    upload(widget.files.upload, "a.png", (tmp_path / "a.png").read_bytes())
    assert not done(widget).result.errors, "this widget has it still"
    assert widget.columns.value[0].settings == {"weight": 0.25}
    other = ft.widgets.compare(wide, ["bicubic"], size=SIZE)
    other.load(recipe)
    assert "pass it: columns=" in done(other).result.errors["mine"]
    other.load(recipe, columns={"mine": column.what})
    assert np.array_equal(image(done(other), "mine"), image(widget, "mine"))
    other.load(recipe, columns={"nobody": dim})
    assert "the recipe has no column &#x27;nobody&#x27;" in other.message.value
    for each in (widget, other):
        each.close()


@pytest.mark.parametrize("ending", [".png", ".pdf", ".svg", ".json"])
def test_recipes_are_loaded_from_each_kind_of_file(ending: str, wide: np.ndarray, tmp_path: Path) -> None:
    widget = done(ft.widgets.compare("hopper", ["nearest", "bicubic"], size=SIZE, seed=3))
    path = tmp_path / f"a{ending}"
    if ending == ".json":
        path.write_text(json.dumps(widget.recipe.to_dict()))
    else:
        widget.files.path.value = str(path)
        widget.files.save.click()
    other = done(ft.widgets.compare(wide, ["input"], size=64))
    upload(other.files.upload, f"A{ending.upper()}", path.read_bytes())
    assert done(other).message.value == ""
    assert other.recipe == widget.recipe
    for each in (widget, other):
        each.close()


def test_an_upload_without_a_recipe_is_named_in_the_message(tmp_path: Path) -> None:
    widget = done(ft.widgets.compare("hopper", ["nearest"], size=64))
    Image.new("RGB", (4, 4)).save(tmp_path / "plain.png")
    upload(widget.files.upload, "plain.png", (tmp_path / "plain.png").read_bytes())
    assert ">plain.png: it contains no recipe" in widget.message.value
    widget.close()


def test_the_code_of_a_function_imports_it(wide: np.ndarray) -> None:
    from skimage.restoration import denoise_tv_chambolle

    widget = done(ft.widgets.compare("hopper", [Column("TV", denoise_tv_chambolle, weight=0.1), "input"], size=64))
    names: dict[str, Any] = {}
    exec(widget.script, names)
    assert "import denoise_tv_chambolle" in widget.script
    shown = np.asarray(names["figure"].axes[0].images[0].get_array())
    assert np.array_equal(shown, image(widget, "TV"))
    widget.close()


def test_a_module_is_a_column_and_stays_unchanged(wide: np.ndarray) -> None:
    module = torch.nn.Conv2d(3, 3, 3, padding=1)
    module.train()
    widget = done(ft.widgets.compare(wide, [Column("conv", module), "bicubic"], size=SIZE))
    assert module.training
    assert "conv" in {*widget.result}
    assert widget.columns.editor.setup.layout.display == "none"
    widget.close()


# In a saved notebook


def test_a_notebook_stores_a_picture_of_the_widget_for_use_without_a_kernel(wide: np.ndarray) -> None:
    widget = done(ft.widgets.compare(wide, [Column("dim", dim), "bicubic"], size=SIZE))
    kept = Image.open(io.BytesIO(b64decode(widget._repr_mimebundle_()["image/png"])))
    assert kept.width > 2 * 64
    assert np.asarray(kept.convert("RGB")).std() > 10, "not an empty one"
    widget.close()


def test_a_message_disappears_with_its_cause(wide: np.ndarray) -> None:
    widget = done(ft.widgets.compare(wide, [Column("dim", dim, mode=None), "input"], size=SIZE))
    setting(widget, "mode").value = "two words"
    assert "got &#x27;two words&#x27;" in done(widget).message.value
    assert not widget.final
    setting(widget, "mode").value = "'two words'"
    assert done(widget).message.value == ""
    assert widget.final
    widget.look["view"].value = "difference"
    for seed in (1, 2):
        widget.controls["seed"].value = seed
        assert done(widget).message.value == ""
    widget.close()
    widget = done(ft.widgets.trajectory("hopper", ft.Setup(K=50), size=64))
    points = widget.look["points"]
    points.value = "0,42 0,4"
    assert "a point must be two numbers" in widget.message.value
    points.value = "0.42 0.4"
    assert widget.message.value == ""
    widget.close()


def test_a_tick_of_a_slider_changes_no_other_control() -> None:
    """The browser is told of every change, and each takes a millisecond of the tick."""
    editor = SetupEditor()
    editor.set_value(ft.Setup(stochasticity=0.5))
    told: list[Any] = []
    for each in component_widgets(editor):
        each.observe(lambda change: told.append((change["owner"], change["name"])))
    editor["stochasticity"].value = 0.6
    assert editor.value == ft.Setup(stochasticity=0.6)
    assert {owner for owner, name in told if name not in ("comm", "keys")} <= {
        editor,
        editor.form,
        editor["stochasticity"],
    }
