"""The widgets without a browser: their controls through traits, their background, their cache, errors and recipes."""

from __future__ import annotations

import gc
import io
import re
import shutil
import subprocess
import sys
import tracemalloc
import weakref
from base64 import b64decode
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, get_ident
from types import SimpleNamespace
from typing import Any

import nbformat
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from ipywidgets.widgets import widget as widget_module
from ipywidgets.widgets.widget_selection import _Selection as Selection
from matplotlib.figure import Figure
from nbclient import NotebookClient
from PIL import Image

import frantools as ft
from frantools import cli, note
from frantools.comparisons.comparison import Cache, Column
from frantools.comparisons.recipes import Recipe, load_recipe, save_figure
from frantools.frannet.network.model import Config, FranNet
from frantools.frannet.sampling.adapters import SchedulerSetup
from frantools.frannet.weights.checkpoints import save_model
from frantools.photos.images import as_picture
from frantools.photos.photo import Photo
from frantools.scores.measures import measures
from frantools.scores.roi_search import RoiSearch
from frantools.views import compare as compare_view
from frantools.views import progressive
from frantools.views.compare import VIEWS
from frantools.views.layout import INK
from frantools.views.progressive import coarse_to_fine, job_of
from frantools.views.variability import spreads
from frantools.widgets import KINDS, cleanup
from frantools.widgets.background import Worker
from frantools.widgets.compare_widget import CompareWidget
from frantools.widgets.controls import component_widgets
from frantools.widgets.region_widget import box_of_region, drag_region
from frantools.widgets.view_widget import ViewWidget

FAST = ft.Setup(K=30)  # 6 calls
SMALL = 72  # pixels: just above the preview's 64
SEARCH = RoiSearch(size=24, count=3, sub_size=8, sub_count=1)


@pytest.fixture(scope="session")
def weights(random_models: dict[str, FranNet], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Weight files of the two kinds of model."""
    folder = tmp_path_factory.mktemp("weights")
    for kind, model in random_models.items():
        save_model(model, folder / f"{kind}.safetensors")
    return {kind: str(folder / f"{kind}.safetensors") for kind in random_models}


@pytest.fixture
def columns(weights: dict[str, str]) -> list[Column]:
    """Two diffusion columns and a single-pass one."""
    return [
        Column("fast", weights["diffusion"], FAST),
        Column("other", weights["diffusion"], ft.Setup(stochasticity=0.0, K=30, noise_projection=False)),
        Column("single", weights["single-pass"]),
    ]


@pytest.fixture
def compare(columns: list[Column]) -> CompareWidget:
    return done(ft.widgets.compare("hopper", [Column("Input", "input"), *columns], size=SMALL))


def done(widget: Any) -> Any:
    assert widget.wait(60)
    return widget


def draw(widget: ViewWidget, left: float, top: float, right: float, bottom: float) -> None:
    """What the browser does with a box that is drawn, its edges in fractions of the picture."""
    wide, high = widget.viewer.frame
    box = [round(left * wide), round(top * high), round(right * wide), round(bottom * high)]
    widget.viewer.boxes = [*widget.viewer.boxes, {"name": "drawn", "box": box}]


def shown(figure: Figure) -> list[np.ndarray]:
    """The pictures of a figure."""
    return [np.asarray(axes.images[0].get_array()) for axes in figure.axes if axes.images]


def upload(control: Any, name: str, content: bytes) -> None:
    """What the browser does with a chosen file."""
    file = {"name": name, "type": "", "size": len(content), "content": content, "last_modified": datetime.now(UTC)}
    control.value = (file,)


def pictures(widget: ViewWidget) -> dict[str, np.ndarray]:
    comparison = getattr(widget.result, "comparison", widget.result)
    return {title: restoration.image for title, restoration in comparison.items()}


def follow(widget: ViewWidget, name: str) -> list[Any]:
    """The values that a trait takes from now on."""
    seen: list[Any] = []
    widget.observe(lambda change: seen.append(change["new"]), name)
    return seen


def until(happened: Event) -> None:
    assert happened.wait(60)


# The background worker


def test_new_work_cancels_running_and_waiting_work() -> None:
    worker, ran = Worker(), []

    def work(name: str) -> Callable[[Any], None]:
        def run(cancelled: Any) -> None:
            ran.append(name)
            assert name == "last" or cancelled.wait(60)

        return run

    for name in ("first", *map(str, range(20)), "last"):
        worker.submit(work(name))
    assert worker.join(60)
    assert ran[-1] == "last"
    assert len(ran) < 22


def test_python_exits_without_completing_the_picture(weights: dict[str, str]) -> None:
    """Many minutes of work are under way: to finish it would take longer than the timeout."""
    code = (
        "import sys, threading\n"
        "import frantools as ft\n"
        "from frantools.comparisons.comparison import Column\n"
        "slow = Column('slow', sys.argv[1], ft.SETUPS['A'])\n"
        "widget = ft.widgets.compare('hopper', [slow], size=2048)\n"
        "under_way, left = threading.Event(), widget.status.left\n"
        "left.observe(lambda change: under_way.set() if change['new'].endswith('s left') else None, 'value')\n"
        "assert left.value.endswith('s left') or under_way.wait(60)"
    )
    subprocess.run([sys.executable, "-c", code, weights["diffusion"]], check=True, timeout=120)


def test_stop_ends_long_rendering_and_keeps_the_pictures(weights: dict[str, str]) -> None:
    widget = ft.widgets.compare("hopper", [Column("slow", weights["diffusion"], ft.SETUPS["A"])], size=2048)
    under_way = Event()
    widget.status.left.observe(lambda change: under_way.set() if change["new"].endswith("s left") else None, "value")
    until(under_way)
    assert widget.status.progress.layout.visibility == "visible"
    assert not widget.status.stop.disabled
    widget.status.stop.click()
    assert widget.status.stop.disabled, "at once"
    assert widget.status.progress.layout.visibility == "hidden"
    assert widget.wait(30), "the work ends long before its minutes are over"
    assert widget.result is not None, "what was shown stays"
    assert not widget.final
    assert widget.message.value == ""
    widget.close()


def test_dragging_a_slider_renders_its_final_value_only(
    compare: CompareWidget, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped, whole = Event(), CompareWidget.compute

    def slow(self: CompareWidget, *arguments: Any) -> Any:
        until(stopped)  # as long as the slider moves, nothing is done
        return whole(self, *arguments)

    monkeypatch.setattr(CompareWidget, "compute", slow)
    compare.columns.chosen.index = 1
    recipes = follow(compare, "recipe")
    before = len(compare.cache)
    for K in range(60, 31, -1):
        compare.columns.editor.setup["K"].value = K
    assert len(recipes) == 29, "the kernel is free while it renders"
    stopped.set()
    done(compare)
    assert compare.recipe["columns"][1]["setup"]["K"] == 32
    assert len(compare.cache) - before == 2, "coarse and sharp"


def recipe_of(columns: list[Column], size: int = SMALL, seed: int = 7) -> Recipe:
    return Recipe("compare", columns=tuple(columns), size=size, seed=seed)


def computed(recipe: Recipe, cache: Cache | None = None) -> list[Any]:
    """All that the view of a recipe shows of the portrait."""
    return list(CompareWidget.view.compute(recipe, [Photo("hopper")], lambda share: None, cache or Cache()))


def test_the_coarse_preview_is_drawn_before_the_chosen_size(columns: list[Column]) -> None:
    sizes = [[len(each.image) for each in data.values()] for data in computed(recipe_of(columns))]
    assert sizes[0] == [64] * 3
    assert sizes[-1] == [SMALL] * 3
    assert [SMALL, 64, 64] in sizes, "columns sharpen one after the other"


def test_a_slow_column_shows_the_gray_input_first(columns: list[Column], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progressive, "SOON", 0.0)
    first, second, third, *_ = computed(recipe_of(columns))
    assert [[each.calls for each in data.values()] for data in (first, second, third)] == [
        [FAST.calls, 0, 0],
        [FAST.calls, FAST.calls, 0],
        [FAST.calls, FAST.calls, 1],
    ]
    assert list(first) == ["fast", "other", "single"]
    assert np.array_equal(first["single"].image, ft.restore("input", "hopper", size=64).image)


def test_measuring_delays_neither_pictures_nor_stop_nor_new_settings(
    columns: list[Column], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go, shown = Event(), Event(), Event()
    numbers = compare_view._measure

    def slow(*arguments: Any) -> dict[str, float]:
        begun.set()
        assert go.wait(60)
        return numbers(*arguments)

    monkeypatch.setattr(compare_view, "_measure", slow)
    widget = ft.widgets.compare("hopper", columns[:1], size=SMALL, seed=99)
    try:
        until(begun)
        assert widget.viewer.pictures == {"original": (SMALL, SMALL), "fast": (SMALL, SMALL)}
        assert widget.viewer.numbers == {"fast": "not yet measured"}
        widget.status.stop.click()
        assert widget.wait(30), "measuring goes on alone"
        assert widget.viewer.pictures == {"original": (SMALL, SMALL), "fast": (SMALL, SMALL)}, "what was shown stays"
        assert widget.message.value == ""
        widget.observe(lambda _: shown.set(), "result")
        widget.controls["seed"].value = 98
        until(shown)
    finally:
        go.set()
    found = done(widget).result.measured["fast"]
    target = widget.photo.value.with_frame("square").reference(SMALL)
    assert found == {name: measures[name](pictures(widget)["fast"], target) for name in measures.in_captions}


def test_restorations_are_cached(compare: CompareWidget) -> None:
    compare.cache = Cache()
    compare.refresh()
    first = dict(done(compare).result)
    compare.controls["seed"].value = 1
    assert not np.array_equal(done(compare).result["fast"].image, first["fast"].image)
    compare.controls["seed"].value = 0
    again = done(compare).result
    assert all(again[title] is first[title] for title in ("fast", "other", "single"))


def test_the_cache_is_bounded(columns: list[Column]) -> None:
    cache = Cache(megabytes=1)
    for seed in range(4):
        computed(recipe_of(columns[:1], 200, seed), cache)
    assert cache.bytes <= 1_000_000


@pytest.mark.parametrize("kind", [*KINDS])
def test_a_closed_widget_stops_and_frees_everything(kind: str, columns: list[Column]) -> None:
    gc.collect()
    before = set(widget_module._instances)
    slow = Column("slow", columns[0].what, ft.SETUPS["A"])
    several = kind in ("compare", "rois", "region")
    widget = getattr(ft.widgets, kind)("hopper", [slow, columns[1]] if several else slow, size=256)
    shown = Event()
    widget.observe(lambda _: shown.set(), "result")
    if widget.result is None:
        until(shown)
    widget.unobserve_all("result")
    alive = [weakref.ref(each) for each in (widget, widget.result, widget.viewer)]
    assert widget.busy
    widget.close()
    assert not widget.busy
    widget.controls["seed"].value = 5
    assert not widget.busy
    widget.close()
    del widget
    gc.collect()
    assert [each() for each in alive] == [None] * 3
    assert set(widget_module._instances) == before


# The controls


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("stochasticity", 0.5, ("stochasticity", 0.5)),
        ("K", 40, ("K", 40)),
        ("steps", "quadratic", ("steps", "quadratic")),
        ("noise_projection", False, ("noise_projection", False)),
        ("noise_stddev", "squared", ("noise_stddev", "squared")),
        ("noise_length", float("inf"), ("noise_length", "inf")),
        ("clipping", (-1.0, 1.0), ("clipping", [-1.0, 1.0])),
        ("sampler", "ddpm", ("sampler", "ddpm")),
    ],
)
def test_each_control_of_a_setup_changes_the_restoration(
    compare: CompareWidget, name: str, value: Any, expected: tuple[str, Any]
) -> None:
    before = pictures(compare)["fast"]
    compare.columns.chosen.index = 1
    compare.columns.editor.setup[name].value = value
    done(compare)
    assert compare.message.value == ""
    assert compare.recipe["columns"][1]["setup"][expected[0]] == expected[1]
    assert not np.array_equal(pictures(compare)["fast"], before)


def test_each_common_control_changes_the_restorations(compare: CompareWidget) -> None:
    for change in (
        lambda: setattr(compare.controls["seed"], "value", 5),
        lambda: setattr(compare.controls["size"], "value", 64),
        lambda: setattr(compare.photo, "value", "astronaut"),
    ):
        before = pictures(compare)["fast"]
        change()
        assert not np.array_equal(pictures(done(compare))["fast"], before)


def test_a_column_may_have_a_seed_of_its_own(compare: CompareWidget) -> None:
    compare.columns.chosen.index = 1
    editor = compare.columns.editor
    assert editor.seed.disabled
    before = pictures(compare)
    editor.own_seed.value = True
    editor.seed.value = 9
    after = pictures(done(compare))
    assert not np.array_equal(after["fast"], before["fast"])
    assert np.array_equal(after["other"], before["other"])


def test_controls_without_effect_are_disabled(compare: CompareWidget) -> None:
    editor = compare.columns.editor

    def disabled(*names: str) -> list[bool]:
        return [(getattr(editor, name, None) or editor.setup[name]).disabled for name in names]

    setup = ("sampler", "stochasticity", "K", "steps", "noise_projection", "noise_stddev", "noise_length", "clipping")
    compare.columns.chosen.index = 3
    assert all(disabled("own_seed", "seed")), "single-pass"
    assert editor.setup.main.children == ()
    compare.columns.chosen.index = 0
    assert editor.setup.layout.display == "none", "the input"
    compare.columns.chosen.index = 1
    assert not any(disabled(*setup))
    assert editor.setup["clipping"].low.disabled, "no clipping"
    editor.setup["steps"].value = "quadratic"
    assert disabled("K") == [True]
    editor.setup["stochasticity"].value = 0
    assert disabled("noise_stddev") == [True]
    editor.setup["sampler"].value = "ddpm"
    assert disabled("stochasticity", "K", "steps", "noise_projection") == [True] * 4
    assert (editor.setup["K"].value, editor.setup["stochasticity"].value, editor.setup["noise_projection"].value) == (
        1,
        1.0,
        False,
    )
    compare.cancel()


def test_the_common_seed_is_disabled_if_no_column_uses_it(compare: CompareWidget, columns: list[Column]) -> None:
    seed = compare.controls["seed"]
    assert not seed.disabled
    for index in (1, 2):
        compare.columns.chosen.index = index
        compare.columns.editor.own_seed.value = True
    assert seed.disabled, "two have seeds of their own, two need none"
    compare.columns.editor.own_seed.value = False
    assert not seed.disabled
    compare.cancel()
    widget = ft.widgets.rois("hopper", columns[2:], size=SMALL, search=SEARCH)
    assert seed.disabled is False
    assert widget.controls["seed"].disabled, "single-pass"
    widget.search["sub_count"].value = 0
    assert widget.search["sub_size"].disabled
    widget.search["sub_count"].value = 2
    assert not widget.search["sub_size"].disabled
    widget.cancel()


@pytest.mark.parametrize("kind", [*KINDS, "sweep", "formula"])
def test_menus_have_plain_labels_and_messages_are_above_the_pictures(kind: str, columns: list[Column]) -> None:
    if kind == "formula":
        widget: Any = ft.widgets.formula()
    elif kind == "sweep":
        axes = {"K": [30, 50], "steps": ["uniform", "quadratic"], "clipping": [None, (-1.0, 1.0)]}
        widget = ft.widgets.sweep(axes, "hopper", size=16, points=16)
    else:
        several = kind in ("compare", "rois", "region")
        widget = getattr(ft.widgets, kind)("hopper", columns[:2] if several else columns[0], size=16)
    menus = [each for each in component_widgets(widget) if isinstance(each, Selection)]
    labels = [label for menu in menus for label in menu._options_labels]
    assert labels
    assert [label for label in labels if re.search(r"""['"]""", label) or not isinstance(label, str)] == []
    if kind != "formula":
        places = [
            next(n for n, child in enumerate(widget.children) if each in component_widgets(child))
            for each in (widget.message, widget.viewer)
        ]
        assert places == sorted(set(places))
    widget.close()


def test_every_control_has_a_tooltip(compare: CompareWidget) -> None:
    shown = [each for each in component_widgets(compare) if hasattr(each, "description") and hasattr(each, "disabled")]
    assert len(shown) > 25
    assert [
        each
        for each in shown
        if not (each.tooltip or getattr(each, "tooltips", None)) and each is not compare.files.code
    ] == []


def test_default_titles_follow_the_settings() -> None:
    widget = ft.widgets.compare("hopper", ["DDIM", "DDPM"], size=16)
    columns, editor = widget.columns, widget.columns.editor

    def titles() -> list[str]:
        return [column.title for column in columns.value]

    editor.setup["stochasticity"].value = 0.5
    assert titles() == ["DDIM:stochasticity=0.5", "DDPM"]
    editor.setup["stochasticity"].value = 1.0
    editor.setup["noise_projection"].value = True
    assert titles() == ["A", "DDPM"]
    editor.setup["sampler"].value = "ddpm"
    assert titles() == ["DDPM (2)", "DDPM"], "titles differ"
    assert editor.title.value == "DDPM (2)"
    editor.setup["sampler"].value = "ddim"
    editor.setup["K"].value = 25
    assert titles()[0] == "DDIM:stochasticity=1.0,K=25"
    editor.model.value = "single-masking-8"
    assert titles()[0] == "masking-8"
    editor.title.value = "mine"
    editor.model.value = "diffusion-best"
    editor.setup["K"].value = 8
    assert titles() == ["mine", "DDPM"]
    widget.close()


def test_the_controls_are_those_of_the_chosen_column(weights: dict[str, str]) -> None:
    widget = ft.widgets.compare("hopper", ["DDIM", Column("mine", weights["single-pass"]), "A"], size=16)
    columns = widget.columns
    columns.editor.file.value = "nowhere.safetensors"
    assert "there is no weight file nowhere.safetensors" in widget.message.value
    columns.chosen.index = 1
    assert columns.editor.file.value == weights["single-pass"]
    columns.chosen.index = 2
    assert (columns.editor.file.value, columns.preset.value) == ("", "A")
    widget.close()


def test_columns_are_added_renamed_reordered_and_removed(compare: CompareWidget) -> None:
    columns = compare.columns

    def titles() -> list[str]:
        return [column["title"] for column in compare.recipe["columns"]]

    columns.chosen.index = 3
    columns.preset.value = "Input"
    columns.add.click()
    assert titles() == ["Input", "fast", "other", "single", "Input (2)"]
    columns.left.click()
    columns.editor.title.value = "gray"
    assert titles() == ["Input", "fast", "other", "gray", "single"]
    columns.right.click()
    columns.remove.click()
    assert titles() == ["Input", "fast", "other", "single"]
    columns.chosen.index = 1
    columns.preset.value = "Original"
    columns.apply.click()
    assert titles() == ["Input", "Original", "other", "single"]
    assert list(done(compare).result) == titles()
    for _ in range(5):
        columns.remove.click()
    assert len(titles()) == 1, "the last one stays"
    compare.cancel()


def test_a_weight_file_is_chosen_by_its_path(compare: CompareWidget, weights: dict[str, str]) -> None:
    compare.columns.chosen.index = 0
    compare.columns.editor.file.value = weights["single-pass"]
    assert compare.recipe["columns"][0]["model"] == weights["single-pass"]
    compare.columns.editor.file.value = "nothing.safetensors"
    assert "there is no weight file nothing.safetensors" in compare.message.value
    assert compare.recipe["columns"][0]["model"] == weights["single-pass"]


def test_each_column_has_its_numbers(compare: CompareWidget) -> None:
    loss = f"loss {compare.result.measured['fast']['mse']:.4f}"
    line = compare.viewer.numbers["fast"]
    assert line.startswith(loss)
    assert all(word in line for word in ("PSNR", "SSIM"))
    losses = {title: row["mse"] for title, row in compare.result.measured.items()}
    assert [title for title, places in compare.viewer.best.items() if 0 in places] == [min(losses, key=losses.get)]
    assert compare.viewer.chips["fast"] == f"diffusion · {FAST.name} · {FAST.calls} calls"
    assert f"<td>{FAST.calls}</td>" in compare.table.value
    compare.columns.editor.title.value = "<img onerror=1>"
    assert "<img" not in done(compare).table.value


def test_a_click_on_a_chip_opens_the_settings_of_its_column_and_another_closes_them(compare: CompareWidget) -> None:
    compare.viewer._on_event(compare.viewer, {"kind": "chip", "title": "other"}, [])
    assert compare.columns.chosen.index == 2
    assert compare.panels.side.children == (compare.columns,)
    compare.panels.buttons["Numbers"].value = True
    assert compare.panels.side.children == (compare.table,)
    assert not compare.panels.buttons["Columns"].value
    compare.panels.buttons["Numbers"].value = False
    assert compare.panels.side.layout.display == "none"


def test_a_saved_difference_is_of_the_two_chosen_columns(compare: CompareWidget) -> None:
    controls = compare.look.controls
    assert controls["left"].layout.display == "none"
    controls["view"].value = "difference"
    controls["left"].value, controls["right"].value = 1, 2
    assert controls["left"].layout.display == ""
    axes = compare.figure()[0].axes[0]
    assert "fast" in axes.get_title()
    arrays = [np.asarray(image.get_array()) for image in axes.images]
    expected = pictures(compare)
    assert np.allclose(arrays[0], np.abs(expected["fast"] - expected["other"]).mean(axis=-1))
    assert "difference" in axes.child_axes[0].get_ylabel()


@pytest.mark.parametrize("view", VIEWS)
def test_a_title_is_shown_as_it_is_typed(compare: CompareWidget, view: str) -> None:
    compare.columns.editor.title.value = "a$_$b"
    compare.look["view"].value = view
    figure, _ = done(compare).figure()
    figure.draw_without_rendering()
    assert "a$_$b" in figure.axes[0].get_title()


def test_zoom_boxes_and_unchanged_pictures_stay_when_a_control_changes(compare: CompareWidget) -> None:
    view = {"x": 0.25, "y": 0.5, "width": 0.25, "height": 0.25}
    compare.viewer.view = view
    draw(compare, 0.25, 0.25, 0.5, 0.75)
    before = dict(compare.viewer._models)
    compare.columns.chosen.index = 1
    compare.columns.editor.setup["K"].value = 40
    done(compare)
    assert compare.viewer.view == view
    assert compare.viewer.boxes == [{"name": "drawn", "box": [18, 18, 36, 54]}]
    after = compare.viewer._models
    assert [title for title in before if after[title] is not before[title]] == ["fast"]


def test_only_the_changed_column_is_coarse_at_first(compare: CompareWidget) -> None:
    compare.columns.chosen.index = 2
    seen: list[dict[str, int]] = []
    compare.observe(lambda change: seen.append({t: len(p.image) for t, p in change["new"].items()}), "result")
    compare.columns.editor.setup["K"].value = 3
    done(compare)
    assert seen[0] == {"Input": SMALL, "fast": SMALL, "other": 64, "single": SMALL}
    assert seen[-1] == dict.fromkeys(seen[0], SMALL)


def test_the_visible_part_is_re_rendered_and_lasts_as_long_as_its_column(columns: list[Column]) -> None:
    gc.collect()
    before = set(widget_module._instances)
    fixed = Column("dark", lambda picture: picture / 2)
    shown = ("input", "original")
    widget = done(ft.widgets.compare("hopper", [columns[0], columns[2], fixed, *shown], size=SMALL))
    viewer = widget.viewer
    plain = dict(viewer.chips)
    viewer.set_trait("screen", {"width": SMALL, "height": SMALL, "dpr": 1})
    assert "re-rendered" not in viewer.chips["fast"], "the whole picture is in view"
    results = follow(widget, "result")
    said: list[tuple[bool, int]] = []
    viewer.observe(
        lambda _: said.append(("re-rendered" in viewer.chips["fast"], len(viewer.details.get("fast", [])))), "chips"
    )
    viewer.view = {"x": 0.3, "y": 0.3, "width": 0.2, "height": 0.2}
    done(widget)
    assert widget.final
    assert results == [], "nothing else is rendered"
    assert set(viewer.details) == {"fast", "single", *shown}
    assert viewer.chips["fast"].endswith("re-rendered")
    assert viewer.chips["dark"].endswith("pixels")
    assert all(viewer.chips[title] == plain[title] for title in shown), "nothing is restored there"
    parts = len(viewer.details["fast"])
    assert all(anew == (count == parts) for anew, count in said), "only while all of it is there"
    assert {anew for anew, _ in said} == {False, True}
    parts_of = {title: list(details) for title, details in viewer.details.items()}
    single = viewer._details["single"][0][1]
    widget.columns.editor.setup["K"].value = 40
    done(widget)
    title = widget.columns.value[0].title
    assert sorted(map(str, viewer.details[title])) == sorted(map(str, parts_of["fast"]))
    assert viewer._details["single"][0][1] is single, "what has not changed is not sent again"
    viewer.view = ft.Region.full()
    assert not widget.busy or widget.wait(10)
    assert "re-rendered" not in viewer.chips["single"]
    assert viewer.details["single"]
    widget.close()
    gc.collect()
    assert set(widget_module._instances) == before


def test_a_loaded_recipe_of_a_region_shows_it(compare: CompareWidget) -> None:
    compare.load(compare.recipe.replace(view="region", region=ft.Region(0.25, 0.5, 0.25, 0.25)))
    assert compare.viewer.view == {"x": 0.25, "y": 0.5, "width": 0.25, "height": 0.25}


def test_a_hundred_changes_render_once_at_a_time(compare: CompareWidget, monkeypatch: pytest.MonkeyPatch) -> None:
    running, most = set[int](), [0]
    whole = CompareWidget.compute

    def counted(self: CompareWidget, *arguments: Any) -> Any:
        running.add(get_ident())
        most[0] = max(most[0], len(running))
        try:
            yield from whole(self, *arguments)
        finally:
            running.discard(get_ident())

    monkeypatch.setattr(CompareWidget, "compute", counted)
    compare.columns.chosen.index = 1
    for number in range(100):
        compare.columns.editor.setup["stochasticity"].value = (number % 20) / 20
    done(compare)
    assert most[0] == 1
    assert compare.final
    assert compare.recipe["columns"][1]["setup"]["stochasticity"] == 0.95


def test_rerunning_a_cell_frees_the_widgets_of_its_last_run(
    columns: list[Column], monkeypatch: pytest.MonkeyPatch
) -> None:
    at = {"header": {"msg_id": ""}, "metadata": {"cellId": ""}}
    monkeypatch.setattr(cleanup, "get_ipython", lambda: SimpleNamespace(get_parent=lambda: at))

    def run(cell: str, number: int, show: bool = True) -> Any:
        at["metadata"]["cellId"], at["header"]["msg_id"] = cell, f"{cell} {number}"
        made = [done(ft.widgets.compare("hopper", columns[:1], size=16)) for _ in range(2)]
        if show:
            made[0]._repr_mimebundle_()
        return made

    first = run("a", 1)
    assert all(each.comm is not None for each in first), "two of one run"
    gc.collect()
    count = len(widget_module._instances)
    for number in range(2, 5):
        last = run("a", number)
    gc.collect()
    assert len(widget_module._instances) == count
    assert all(each.comm is None for each in first)
    other = run("b", 1, show=False)
    at["metadata"]["cellId"] = "c"
    other[0]._repr_mimebundle_()
    run("b", 2)
    assert other[0].comm is not None, "it is shown elsewhere"
    assert other[1].comm is None
    assert all(each.comm is not None for each in last)


# Errors


def test_an_invalid_control_is_a_message_and_the_widget_stays_usable(compare: CompareWidget) -> None:
    compare.columns.chosen.index = 1
    editor = compare.columns.editor
    editor.setup["clipping"].on.value = True
    editor.setup["clipping"].low.value = 2.0
    assert "clipping must be None or (low, high) with low &lt; high" in compare.message.value
    editor.setup["clipping"].low.value = -2.0
    assert done(compare).message.value == ""
    editor.title.value = "other"
    assert "two columns have the same title" in done(compare).message.value
    editor.title.value = "fast"
    assert done(compare).message.value == ""
    assert compare.final


def test_an_unreadable_picture_is_a_message_and_the_photo_stays(compare: CompareWidget, tmp_path: Path) -> None:
    compare.photo.path.value = str(tmp_path / "none.png")
    assert "there is no picture" in compare.message.value
    upload(compare.photo.upload, "text.png", b"no picture")
    assert "is not a picture" in compare.message.value
    assert compare.photo.value.name == "hopper"
    file = io.BytesIO()
    Image.fromarray(ft.portraits()["astronaut"]).save(file, "png")
    upload(compare.photo.upload, "me.png", file.getvalue())
    assert done(compare).message.value == ""
    assert compare.recipe["pictures"].keys() == {"me.png"}


def test_a_path_may_begin_with_the_home_folder(
    compare: CompareWidget, weights: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    compare.photo.path.value = f"~/{photo(tmp_path / 'mine.png').name}"
    assert compare.message.value == ""
    assert compare.recipe["pictures"].keys() == {str(tmp_path / "mine.png")}, "a script finds it, too"
    shutil.copy(weights["single-pass"], tmp_path / "own.safetensors")
    compare.columns.editor.file.value = "~/own.safetensors"
    assert compare.recipe["columns"][0]["model"] == str(tmp_path / "own.safetensors")
    compare.files.path.value = "~/a.png"
    done(compare).files.save.click()
    assert (tmp_path / "a.png").exists()


def photo(path: Path, name: str = "astronaut") -> Path:
    """A file with a portrait upside down: a picture that no widget knows."""
    Image.fromarray(ft.portraits()[name][::-1]).save(path)
    return path


def test_the_code_of_an_uploaded_picture_needs_only_its_path(compare: CompareWidget, tmp_path: Path) -> None:
    mine, other = photo(tmp_path / "mine.png"), photo(tmp_path / "other.png", "hopper")
    upload(compare.photo.upload, "me.png", mine.read_bytes())
    compare.look["view"].value = "difference"  # without the seconds that it took
    compare.files.path.value = str(tmp_path / "a.png")
    done(compare).files.save.click()
    compare.files.copy.click()
    assert "me.png was uploaded: give the path of your file in the code" in compare.message.value

    def run(path: Path) -> Figure:
        names: dict[str, Any] = {}
        exec(compare.files.code.value.replace("me.png", str(path), 1), names)
        return names["figure"]

    assert 'photo = ft.load_image("me.png")  # give the path of your file here' in compare.files.code.value
    with pytest.raises(FileNotFoundError, match=r"there is no picture me\.png"):
        run(Path("me.png"))
    with pytest.raises(ValueError, match=r"this is another picture than the me\.png that the recipe was made with"):
        run(other)
    save_figure(run(mine), tmp_path / "b.png")
    assert np.array_equal(np.asarray(Image.open(tmp_path / "a.png")), np.asarray(Image.open(tmp_path / "b.png")))


def test_an_upload_differs_from_a_portrait_or_a_file_of_its_name(
    compare: CompareWidget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    photo(Path("me.png"), "hopper")
    content = photo(tmp_path / "mine.png").read_bytes()
    upload(compare.photo.upload, "me.png", content)
    assert compare.recipe["given"] == {"me.png": "uploaded"}, "though there is another me.png"
    upload(compare.photo.upload, "hopper", content)
    assert compare.photo.choice.value == "hopper (uploaded)"
    assert compare.recipe["given"] == {"hopper": "uploaded"}
    compare.photo.value = "hopper"
    assert np.array_equal(compare.photo.value.pixels, ft.portraits()["hopper"])
    assert "given" not in compare.recipe
    compare.photo.path.value = "me.png"
    assert "given" not in compare.recipe, "now its name finds it"
    compare.cancel()


def test_the_code_of_an_array_asks_for_the_array(columns: list[Column]) -> None:
    image = ft.portraits()["hopper"][::-1] / 255
    widget = done(ft.widgets.compare(image, columns[:2], size=SMALL))
    assert "photo = ...  # put the array here that the widget was given" in widget.script
    names: dict[str, Any] = {"array": image}
    exec(widget.script.replace("...", "array", 1), names)
    made = [figure.axes[0].images[0].get_array() for figure in (widget.figure()[0], names["figure"])]
    assert np.array_equal(*made)


def test_a_recipe_finds_an_uploaded_picture_or_asks_for_it(
    compare: CompareWidget, columns: list[Column], tmp_path: Path
) -> None:
    content = photo(tmp_path / "mine.png").read_bytes()
    compare.controls["seed"].value = 4
    upload(compare.photo.upload, "me.png", content)
    recipe = done(compare).recipe
    compare.photo.value = "hopper"
    compare.load(recipe)
    assert done(compare).message.value == ""
    assert compare.photo.value.name == "me.png"

    other = ft.widgets.compare("hopper", columns[:1], size=64)
    other.load(recipe)
    assert "the recipe&#x27;s picture me.png was uploaded; upload it here too" in done(other).message.value
    assert (other.controls["seed"].value, other.photo.value.name) == (4, "hopper")
    upload(other.photo.upload, "again.png", content)
    other.load(recipe)
    assert done(other).message.value == ""
    assert other.recipe["pictures"] == recipe["pictures"], "the same picture, by the name that the recipe has"


def test_a_file_can_be_uploaded_twice(compare: CompareWidget, columns: list[Column], tmp_path: Path) -> None:
    compare.files.path.value = str(tmp_path / "a.png")
    compare.files.save.click()
    content = (tmp_path / "a.png").read_bytes()
    for seed in (8, 9):
        compare.controls["seed"].value = seed
        upload(compare.files.upload, "a.png", content)
        assert compare.controls["seed"].value == 0
    mine = photo(tmp_path / "mine.png").read_bytes()
    for _ in range(2):
        compare.photo.value = "hopper"
        upload(compare.photo.upload, "me.png", mine)
        assert compare.photo.value.name == "me.png"
    compare.cancel()


def test_loading_a_recipe_warns_of_changed_pictures_and_models(compare: CompareWidget) -> None:
    recipe = compare.recipe
    compare.load({**recipe, "pictures": {"hopper": "0"}, "seed": 5})
    assert "the picture hopper has changed since the recipe was made" in done(compare).message.value
    assert compare.controls["seed"].value == 5
    compare.load({**recipe, "models": dict.fromkeys(recipe["models"], "0")})
    assert "has other weights than when the recipe was made" in done(compare).message.value


def test_a_missing_model_is_an_error_of_its_column(weights: dict[str, str]) -> None:
    widget = done(ft.widgets.compare("hopper", [Column("none", "no-such-model"), Column("x", "input")], size=SMALL))
    assert "'no-such-model' is not a known restorer" in widget.result.errors["none"]
    assert pictures(widget)["x"].shape == (SMALL, SMALL, 3), "the others go on"
    widget.columns.editor.file.value = weights["single-pass"]
    assert done(widget).message.value == ""
    assert not widget.result.errors
    assert widget.final


def test_an_unknown_preset_is_an_error() -> None:
    with pytest.raises(ValueError, match="'C' is not a known restorer"):
        ft.widgets.compare(columns=["C"])


# Recipes


def test_a_saved_figure_restores_the_controls_and_its_code_reproduces_it(
    compare: CompareWidget, columns: list[Column], tmp_path: Path
) -> None:
    compare.columns.chosen.index = 1
    compare.columns.editor.setup["stochasticity"].value = 0.25
    compare.controls["seed"].value = 11
    compare.look["view"].value = "difference"
    done(compare)
    compare.files.path.value = str(tmp_path / "a.png")
    compare.files.save.click()
    assert "saved" in compare.message.value

    other = ft.widgets.compare("astronaut", columns[:1], size=64)
    upload(other.files.upload, "a.png", (tmp_path / "a.png").read_bytes())
    assert "error" not in done(other).message.value
    assert "the recipe reads files outside its own folder" in other.message.value, "the weights"
    assert other.recipe == compare.recipe == load_recipe(tmp_path / "a.png")

    compare.files.copy.click()
    assert compare.files.code.layout.display == ""
    names: dict[str, Any] = {}
    exec(compare.files.code.value, names)
    save_figure(names["figure"], tmp_path / "b.png")
    a, b = (np.asarray(Image.open(tmp_path / name)) for name in ("a.png", "b.png"))
    assert np.array_equal(a, b)


def test_a_figure_is_saved_as_pdf_and_unknown_extensions_are_errors(compare: CompareWidget, tmp_path: Path) -> None:
    compare.files.path.value = str(tmp_path / "a.pdf")
    compare.files.save.click()
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")
    compare.files.path.value = str(tmp_path / "a.txt")
    compare.files.save.click()
    assert "the file name of a figure must end in" in compare.message.value


def test_the_recipe_of_a_figure_of_the_note_is_loaded(compare: CompareWidget, columns: list[Column]) -> None:
    recipe = note.recipe("entire-image", ["astronaut"], columns[1:], size=80, seed=4)
    compare.load(recipe)
    done(compare)
    assert compare.recipe["size"] == 80
    assert compare.recipe["seed"] == 4
    assert compare.photo.value.name == "astronaut"
    assert list(compare.result) == ["other", "single"]


def test_a_file_without_a_recipe_is_a_message_and_changes_nothing(compare: CompareWidget, tmp_path: Path) -> None:
    before = compare.recipe
    Image.new("RGB", (4, 4)).save(tmp_path / "plain.png")
    compare.load(tmp_path / "plain.png")
    assert "contains no recipe" in compare.message.value
    compare.load({"figure": "compare", "columns": [{"title": "x"}]})
    assert "is not a column" in compare.message.value
    compare.load({"figure": "compare", "columns": before["columns"], "seed": "many"})
    assert "seed must be an integer" in compare.message.value
    assert compare.recipe == before


DAMAGED: dict[str, list[Any]] = {
    "columns": [
        ["a"],
        [],
        "DDIM",
        [5],
        [{"title": 5, "model": "input"}],
        [{"title": "x", "model": 5}],
        [{"title": "x", "model": "input"}, {"title": "y", "model": [1]}],
        [{"title": "x", "model": "input", "seed": "many"}],
    ],
    "pictures": [5, {"no-such-picture.png": ""}],
    "size": ["large", [], -1],
    "seed": ["many"],
    "look": [{"view": "upside down"}, "none"],
    "region": [[0.1, 0.2], ["a", "b", "c", "d"], [0.5, 0.5, 2, 2]],
    "search": [{"size": "large"}],
    "count": ["many"],
    "rerender": [{}],
}


@pytest.mark.parametrize("kind", [*KINDS])
def test_a_damaged_recipe_is_a_message_and_the_widget_stays_usable(kind: str, columns: list[Column]) -> None:
    several = kind in ("compare", "rois", "region")
    widget = getattr(ft.widgets, kind)("hopper", columns[:2] if several else columns[0], size=64)
    good = done(widget).recipe
    for name in good.keys() & DAMAGED.keys():
        for value in DAMAGED[name]:
            widget.load({**good, name: value})
            assert "error" in done(widget).message.value, (name, value)
            widget.load(good)
            assert widget.message.value == ""
            assert widget.recipe.replace(models=good.models) == good
    done(widget)


def test_an_incomplete_figure_is_not_saved(compare: CompareWidget, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    compare.files.path.value = str(path)
    compare.controls["size"].value = 2048
    compare.files.save.click()
    assert "the figure is not complete" in compare.message.value
    compare.cancel()
    compare.files.save.click()
    assert "the figure is not complete" in compare.message.value
    assert not path.exists()
    compare.controls["size"].value = SMALL
    compare.files.save.click()
    assert done(compare).message.value == "", "what it waited for is there"
    compare.files.save.click()
    assert load_recipe(path)["size"] == SMALL


def test_the_command_line_reproduces_the_figure_of_a_widget(
    columns: list[Column], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    widget = done(ft.widgets.variability("hopper", columns[0], size=SMALL, count=2))
    path = tmp_path / "a.png"
    widget.files.path.value = str(path)
    widget.files.save.click()
    again = tmp_path / "again" / "variability.png"
    assert cli.main(["figures", "--recipe", str(path), "--out", str(again.parent)]) == 0
    assert capsys.readouterr().out.startswith(str(again))
    assert np.array_equal(np.asarray(Image.open(again)), np.asarray(Image.open(path)))
    assert load_recipe(again) == load_recipe(path)


def test_the_command_line_asks_for_the_path_of_an_uploaded_picture(
    columns: list[Column], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine, other = photo(tmp_path / "mine.png"), photo(tmp_path / "other.png", "hopper")
    widget = ft.widgets.region("hopper", columns[2:], size=SMALL)
    upload(widget.photo.upload, "me.png", mine.read_bytes())
    widget.files.path.value = str(tmp_path / "a.png")
    done(widget).files.save.click()
    again = tmp_path / "again"

    def figures(*options: str) -> int:
        return cli.main(["figures", "--recipe", str(tmp_path / "a.png"), "--out", str(again), *options])

    assert figures() == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert "the picture me.png was uploaded, and the recipe has only its name; pass the file: --picture PATH" in error
    assert figures("--picture", str(other)) == 2
    assert f"{other}: not a picture of the recipe, which has me.png" in capsys.readouterr().err
    assert figures("--picture", str(mine)) == 0
    assert np.array_equal(*(np.asarray(Image.open(each)) for each in (tmp_path / "a.png", again / "region.png")))
    recipe = load_recipe(again / "region.png")
    assert "given" not in recipe
    assert recipe["pictures"].keys() == {str(mine)}, "this recipe finds it by itself"


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ({"figure": "compare", "pictures": {}, "columns": []}, "the recipe is damaged"),
        ({"figure": "../compare"}, "this is not the recipe of a figure"),
    ],
)
def test_the_command_line_rejects_other_recipes_in_one_line(
    recipe: dict[str, Any], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_figure(Figure(), tmp_path / "a.png", recipe)
    assert cli.main(["figures", "--recipe", str(tmp_path / "a.png"), "--out", str(tmp_path)]) == 2
    text = capsys.readouterr().err
    assert message in text
    assert text.count("\n") == 1


def test_rendering_with_a_changed_picture_is_an_error(compare: CompareWidget) -> None:
    with pytest.raises(ValueError, match="the picture hopper has changed"):
        ft.render({**compare.recipe, "pictures": {"hopper": "0"}})


# Regions


def test_regions_scale_with_the_picture(columns: list[Column]) -> None:
    widget = ft.widgets.rois("hopper", columns[:2], size=512, search=RoiSearch(size=192, sub_size=48))
    widget.controls["size"].value = 128
    assert (widget.search.value["size"], widget.search.value["sub_size"]) == (48, 12)
    assert {roi.bottom - roi.top for roi in done(widget).result.rois} >= {48}
    widget.controls["size"].value = 512
    assert (widget.search.value["size"], widget.search.value["sub_size"]) == (192, 48)
    widget.close()


def test_regions_are_boxes_and_the_chosen_one_is_re_rendered_at_full_size(columns: list[Column]) -> None:
    widget = done(ft.widgets.rois("hopper", columns, size=SMALL, search=SEARCH))
    found = widget.result.rois
    assert len(found) == 3
    assert [roi.score for roi in found] == sorted((roi.score for roi in found), reverse=True)
    assert widget.controls["rerender"].value == 1
    boxes = {each["name"].split(":")[0]: each["box"] for each in widget.viewer.boxes}
    assert boxes == {str(n): [r.left, r.top, r.right, r.bottom] for n, r in enumerate(found, start=1)}
    roi = found[1]
    widget.controls["rerender"].value = 2
    anew = done(widget).result.rerendered["fast"]
    again = ft.restore(columns[0].what, ft.portraits()["hopper"], FAST, SMALL, roi.region(SMALL))
    assert np.array_equal(anew.image, again.image)
    assert asdict(roi.region(SMALL)) in widget.viewer.details["fast"]
    figure, _ = widget.figure()
    assert figure.axes[4].get_title() == "2 re-rendered"
    size = figure.get_size_inches().tolist()
    fewer = widget.view.draw(replace(widget.result, rois=found[:1], sub_rois=[[]]), widget.recipe, None)
    assert fewer.get_size_inches()[1] == size[1], "fewer regions are no reason for the page to jump"
    draw(widget, 0.1, 0.1, 0.2, 0.2)
    widget.search["count"].value = 2
    assert [each["name"].split(":")[0] for each in done(widget).viewer.boxes] == ["1", "2", "drawn"], "mine stays"


def click(widget: ViewWidget, name: str) -> None:
    """What the browser does with a box that is clicked."""
    widget.viewer._on_event(widget.viewer, {"kind": "box", "name": name}, [])


def test_a_click_on_a_box_shows_it_at_full_size_and_a_second_one_returns(columns: list[Column]) -> None:
    widget = done(ft.widgets.rois("hopper", columns, size=SMALL, search=SEARCH))
    draw(widget, 0.25, 0.25, 0.5, 0.75)
    names = [each["name"] for each in widget.viewer.boxes]
    assert widget.viewer.movable == dict.fromkeys(names[:3], False), "what was found stays where it is"
    full = asdict(ft.Region.full())
    for number, roi in list(enumerate(widget.result.rois, start=1))[::-1]:
        click(widget, names[number - 1])
        assert widget.viewer.view == asdict(roi.region(SMALL))
        assert done(widget).recipe["rerender"] == number
        assert asdict(roi.region(SMALL)) in widget.viewer.details["fast"]
        click(widget, names[number - 1])
        assert widget.viewer.view == full
    click(widget, "drawn")
    assert widget.viewer.view == {"x": 0.25, "y": 0.25, "width": 0.25, "height": 0.5}
    assert widget.recipe["rerender"] == 1, "it is none of those that were found"
    widget.viewer.view = {"x": 0.3, "y": 0.25, "width": 0.25, "height": 0.5}  # somebody pans
    click(widget, "drawn")
    assert widget.viewer.view["x"] == 0.25
    click(widget, "no such box")
    assert done(widget).message.value == ""


@pytest.mark.parametrize(("size", "merge"), [(SMALL, False), (128, True), (200, True)])
def test_sub_regions_are_outlined_in_the_boxes_and_all_columns_are_cropped_below(
    columns: list[Column], size: int, merge: bool
) -> None:
    def fail(picture: Any) -> Any:
        raise RuntimeError("no good")

    search = RoiSearch(size=size // 3, count=4, sub_size=size // 12, sub_count=3, merge=merge)
    widget = done(ft.widgets.rois("hopper", [*columns, Column("<fails>", fail)], size=size, search=search))
    found, outlines = widget.result.rois, widget.viewer.outlines
    assert len(outlines) == sum(map(len, widget.result.sub_rois)) >= len(found)
    for left, top, right, bottom in outlines:
        assert any(roi.left <= left < right <= roi.right and roi.top <= top < bottom <= roi.bottom for roi in found)
    shown = re.findall(r'base64,([^"]*)" alt="(\w+), region (\d)"', widget.crops.value)
    assert [(title, int(number)) for _, title, number in shown] == [
        (column.title, number) for number in range(1, len(found) + 1) for column in columns
    ]
    for content, title, number in shown:
        crop = found[int(number) - 1].crop(pictures(widget)[title])
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(b64decode(content)))), as_picture(crop))
    assert widget.crops.value.count(">fast<") == len(found)
    widget.controls["size"].value = 64
    assert all(max(box) <= 64 for box in done(widget).viewer.outlines)
    assert len(widget.viewer.outlines) == sum(map(len, widget.result.sub_rois))


def test_each_control_of_the_search_changes_the_regions(columns: list[Column]) -> None:
    widget = done(ft.widgets.rois("hopper", columns, size=SMALL, search=SEARCH))
    controls = widget.search.controls
    controls["count"].value = 2
    assert len(done(widget).result.rois) == 2
    controls["merge"].value = False
    controls["sub_count"].value = 2
    assert [len(inner) for inner in done(widget).result.sub_rois] == [2, 2]
    controls["sub_size"].value = 6
    assert done(widget).result.sub_rois[0][0].bottom - done(widget).result.sub_rois[0][0].top == 6
    controls["size"].value = 30
    assert done(widget).result.rois[0].bottom - widget.result.rois[0].top == 30
    widget.controls["rerender"].value = 0
    assert done(widget).figure()[0].axes[-1].get_title() != "0 re-rendered"


def test_regions_are_limited_by_the_picture_and_sub_regions_by_regions(columns: list[Column]) -> None:
    widget = done(ft.widgets.rois("hopper", columns[1:], size=128, search=RoiSearch(100, 3, 90, 1)))
    size, region, inner = widget.controls["size"], widget.search["size"], widget.search["sub_size"]
    assert (region.max, inner.max) == (128, 100)
    size.value = 64
    assert (region.max, region.value, inner.max, inner.value) == (64, 50, 50, 45)
    assert widget.search.value == {"size": 50, "count": 3, "sub_size": 45, "sub_count": 1, "merge": True}
    assert done(widget).message.value == ""
    assert len(widget.result.rois) == 1
    size.value = 256
    region.value = 200
    assert (region.max, inner.max) == (256, 200)
    widget.controls["rerender"].value = 3
    widget.search["count"].value = 2
    assert (widget.controls["rerender"].max, widget.controls["rerender"].value) == (2, 2)
    widget.load({**widget.recipe, "size": 64})
    assert (region.value, widget.recipe["search"]["size"]) == (64, 64), "a recipe too is kept within bounds"
    assert done(widget).message.value == ""
    with pytest.raises(ValueError, match="regions of 65 pixels do not fit into 64"):
        ft.render({**widget.recipe, "search": {**widget.recipe["search"], "size": 65}})


def test_sliders_extend_to_requested_values(columns: list[Column]) -> None:
    asked = RoiSearch(size=2, count=20, sub_size=40, sub_count=9, merge=False)
    widget = done(ft.widgets.rois("hopper", columns[1:], size=SMALL, search=asked))
    recipe = {**widget.recipe, "rerender": 15}
    assert recipe["search"] == asdict(asked)
    assert len(widget.result.rois) == 20
    other = ft.widgets.rois("hopper", columns[1:], size=SMALL, search=SEARCH)
    other.load(recipe)
    assert done(other).recipe == recipe
    assert other.result.rerendered
    seeds = ft.widgets.variability("hopper", columns[0], size=SMALL, count=40)
    assert seeds.recipe["count"] == 40
    seeds.load({**seeds.recipe, "count": 33})
    assert seeds.recipe["count"] == 33
    seeds.load({**seeds.recipe, "count": 50})
    assert seeds.recipe["count"] == 50
    seeds.close()


@pytest.mark.parametrize("kind", [*KINDS])
@pytest.mark.parametrize("size", ["512", (64, 64), 0, 20_000, 64.0, True])
def test_an_invalid_size_is_an_error(kind: str, size: Any) -> None:
    with pytest.raises(ValueError, match=r"^size must be an integer from 1 to 16384, got .*"):
        getattr(ft.widgets, kind)(size=size)


def test_an_invalid_search_or_number_of_seeds_is_an_error(columns: list[Column]) -> None:
    for search, message in (
        ({"size": 0}, "size must be an integer from 1, got 0"),
        ({"size": 100}, "regions of 100 pixels do not fit into 72"),
        ({"size": 24, "count": 0}, "count must be an integer from 1, got 0"),
        ({"size": 24, "sub_count": -1}, "sub_count must be an integer from 0, got -1"),
    ):
        with pytest.raises(ValueError, match=message):
            ft.widgets.rois("hopper", columns[1:], size=SMALL, search=RoiSearch(**search))
    with pytest.raises(ValueError, match="count must be an integer from 2, got 1"):
        ft.widgets.variability("hopper", columns[0], size=SMALL, count=1)
    widget = ft.widgets.variability("hopper", columns[0], size=SMALL, count=3)
    widget.load({**widget.recipe, "count": 1})
    assert "the recipe&#x27;s count must be an integer from 2, got 1" in widget.message.value
    assert widget.recipe["count"] == 3
    widget.close()


def test_a_drawn_rectangle_is_rendered_as_the_region(columns: list[Column]) -> None:
    widget = done(ft.widgets.region("hopper", columns, size=SMALL))
    assert widget.recipe["region"] == [0.2, 0.2, 0.2, 0.4]
    assert widget.viewer.boxes == [{"name": "region", "box": [14, 14, 29, 43]}]
    assert widget.viewer.view == {"x": 0.2, "y": 0.2, "width": 0.2, "height": 0.4}, "it is what one sees first"
    draw(widget, 0.5, 0.25, 0.75, 0.5)
    assert widget.recipe["region"] == [0.5, 0.25, 0.25, 0.25]
    assert widget.viewer.boxes == [{"name": "region", "box": [36, 18, 54, 36]}]
    shown = done(widget).result.region["fast"].image
    again = ft.restore(columns[0].what, ft.portraits()["hopper"], FAST, SMALL, ft.Region(0.5, 0.25, 0.25, 0.25))
    assert np.array_equal(shown, again.image)
    widget.show_region.click()
    assert widget.viewer.view == {"x": 0.5, "y": 0.25, "width": 0.25, "height": 0.25}
    widget.viewer.view = ft.Region(0.0, 0.5, 0.5, 0.5)
    widget.take_view.click()
    assert done(widget).recipe["region"] == [0.0, 0.5, 0.5, 0.5]
    widget.viewer.boxes = [{"name": "region", "box": [9, 36, 45, 72]}]  # it was dragged
    assert widget.recipe["region"] == [0.125, 0.5, 0.5, 0.5]
    widget.viewer.boxes = []
    assert len(done(widget).viewer.boxes) == 1, "there is always one"
    assert widget.message.value == ""


@given(
    st.tuples(*[st.integers(1, 999)] * 4),
    st.tuples(*[st.integers(1, 600)] * 2),
    st.tuples(*[st.integers(-700, 700)] * 2),
)
def test_a_dragged_rectangle_keeps_its_size_and_stops_at_the_edges(
    sides: tuple[int, ...], frame: tuple[int, int], by: tuple[int, int]
) -> None:
    (x, width), (y, height) = (
        (low / 1000 * (1 - extent / 1000), extent / 1000) for low, extent in (sides[:2], sides[2:])
    )
    region = ft.Region(x, y, width, height)
    before = box_of_region(region, frame)
    shift = [
        min(max(by[axis], -before[axis]), frame[axis] - before[axis + 2]) for axis in (0, 1)
    ]  # as the browser does
    after = [edge + shift[n % 2] for n, edge in enumerate(before)]
    moved = drag_region(region, before, after, frame)
    assert (moved.width, moved.height) == (width, height)
    again = box_of_region(moved, frame)
    assert [again[2] - again[0], again[3] - again[1]] == [before[2] - before[0], before[3] - before[1]]
    for axis, (was, now, extent) in enumerate(((x, moved.x, width), (y, moved.y, height))):
        if shift[axis] == 0:
            assert now == was
        elif after[axis] == 0:
            assert now == 0
        elif after[axis + 2] == frame[axis]:
            assert now == 1 - extent
        else:
            assert abs(now - was - shift[axis] / frame[axis]) <= 0.001 * max(1 / frame[0], 1 / frame[1], width, height)


def test_dragging_an_edge_leaves_the_other_edges_in_place() -> None:
    region = ft.Region(0.123, 0.3, 0.2345, 0.45)
    left, top, right, bottom = before = box_of_region(region, (100, 80))
    narrower = drag_region(region, before, (left, top, right - 5, bottom), (100, 80))
    assert (narrower.x, narrower.y, narrower.height) == (0.123, 0.3, 0.45)
    assert narrower.x + narrower.width == pytest.approx((right - 5) / 100, abs=1e-3)
    lower = drag_region(region, before, (left, top + 8, right, bottom), (100, 80))
    assert (lower.x, lower.width) == (0.123, 0.2345)
    assert lower.y == pytest.approx((top + 8) / 80, abs=1e-3)
    assert lower.y + lower.height == pytest.approx(0.75, abs=1e-3)


def test_typing_an_edge_changes_only_that_and_dragging_keeps_the_size(columns: list[Column]) -> None:
    widget = done(ft.widgets.region("hopper", columns[2:], size=100, region=ft.Region(0.123, 0.3, 0.2345, 0.45)))
    assert widget.viewer.movable == {"region": True}, "chosen or not"
    ((left, top, right, bottom),) = [each["box"] for each in widget.viewer.boxes]
    widget.viewer.boxes = [{"name": "region", "box": [left + 30, top, right + 30, bottom]}]
    assert widget.recipe["region"] == [0.423, 0.3, 0.2345, 0.45]
    assert widget.viewer.boxes[0]["box"] == [left + 30, top, right + 30, bottom]
    widget.viewer.boxes = [{"name": "region", "box": [100 - (right - left), top, 100, bottom]}]
    assert widget.recipe["region"] == [1 - 0.2345, 0.3, 0.2345, 0.45], "the edge"
    for name, value in (("x", 0.3), ("y", 0.111), ("width", 0.5), ("height", 0.6)):
        before = dict(zip(("x", "y", "width", "height"), widget.recipe["region"], strict=True))
        widget.edges[name].value = value
        assert dict(zip(before, widget.recipe["region"], strict=True)) == {**before, name: value}
    widget.close()


def test_zooming_out_of_a_region_re_renders_the_whole_picture(columns: list[Column]) -> None:
    widget = done(ft.widgets.region("hopper", columns[:1], size=SMALL))
    widget.viewer.set_trait("screen", {"width": 200, "height": 200, "dpr": 1})
    assert done(widget).viewer.details["fast"]
    widget.viewer.view = ft.Region.full()
    assert {"x": 0.0, "y": 0.0, "width": 1.0, "height": 1.0} in done(widget).viewer.details["fast"]
    assert widget.final


def test_a_typed_region_outside_the_picture_is_a_message(columns: list[Column]) -> None:
    widget = done(ft.widgets.region("hopper", columns[:1], size=SMALL))
    widget.edges["x"].value = 0.9
    assert "leaves the picture" in widget.message.value
    widget.edges["width"].value = 0.1
    assert done(widget).message.value == ""
    assert widget.recipe["region"] == [0.9, 0.2, 0.1, 0.4]


@pytest.mark.parametrize("name", ["rois", "region", "trajectory", "variability"])
def test_the_recipe_of_each_widget_makes_the_same_figure(name: str, columns: list[Column]) -> None:
    options = {"search": SEARCH} if name == "rois" else {}
    several = columns if name in ("rois", "region") else columns[0]
    widget = done(getattr(ft.widgets, name)("hopper", several, size=SMALL, **options))

    pairs = list(zip(shown(widget.figure()[0]), shown(ft.render(widget.recipe)), strict=True))
    assert len(pairs) > 1
    assert all(np.array_equal(a, b) for a, b in pairs)


# The theme, and what is imported


def test_the_ink_is_legible_on_a_light_and_on_a_dark_theme() -> None:
    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    ink = luminance(INK)
    assert (1.0 + 0.05) / (ink + 0.05) > 4.3, "on white"
    assert (ink + 0.05) / (luminance("#111111") + 0.05) > 4.3, "on the dark theme's"


def test_importing_frantools_imports_no_widgets() -> None:
    code = (
        "import sys, frantools; print([m for m in ('ipywidgets', 'IPython', 'matplotlib.pyplot') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_cancelling_shows_no_error(compare: CompareWidget) -> None:
    compare.controls["seed"].value = 21
    compare.cancel()
    done(compare)
    assert compare.message.value == ""


# Trajectory and variability


def test_the_last_step_of_a_trajectory_is_the_restoration(columns: list[Column]) -> None:
    widget = done(ft.widgets.trajectory("hopper", columns[0], size=SMALL))
    restored = ft.restore(columns[0].what, ft.portraits()["hopper"], FAST, SMALL).image
    assert widget.result.value.shape == (FAST.calls, SMALL, SMALL, 3)
    assert np.allclose(widget.result.value[-1].astype(np.float32).clip(0, 1), restored, atol=2e-3)
    assert np.allclose(widget.result.value[-1], widget.result.x0[-1], atol=2e-3), "the last step ends in its prediction"


def test_a_drawn_box_adds_a_point_and_its_lines(columns: list[Column]) -> None:
    widget = done(ft.widgets.trajectory("hopper", columns[0], size=SMALL))
    look = widget.look.controls
    widget.clear.click()
    assert len(widget.figure()[0].axes[2].lines) == 1, "the step alone"
    before = widget.chart.value
    draw(widget, 0.125, 0.625, 0.375, 0.875)
    assert look["points"].value == "0.250 0.750"
    assert widget.chart.value != before
    draw(widget, 0.375, 0.375, 0.625, 0.625)
    assert look["points"].value == "0.250 0.750; 0.500 0.500"
    assert [each["name"] for each in widget.viewer.boxes] == ["1", "2"]
    red = widget.figure()[0].axes[2].lines
    assert len(red) == 5, "value and predicted x0 of two points, and the step"
    assert np.array_equal(red[0].get_ydata(), widget.result.value[:, 54, 18, 0])
    widget.viewer.boxes = widget.viewer.boxes[1:]
    assert look["points"].value == "0.500 0.500"
    look["points"].value = "2 2"
    assert "the point 2 2 is outside the picture" in widget.message.value
    look["points"].value = "here"
    assert "a point must be two numbers" in widget.message.value
    look["points"].value = "0.5, 0.5"
    assert len(widget.figure()[0].axes[2].lines) == 3


def test_the_step_slider_scrubs_through_the_restoration(columns: list[Column]) -> None:
    widget = done(ft.widgets.trajectory("hopper", columns[0], size=SMALL))
    frame = widget.look["frame"]
    assert (frame.max, frame.value, widget.play.max) == (5, 5, 5)
    frame.value = 0
    on_screen = np.asarray(Image.open(io.BytesIO(widget.viewer._models["value"].encoded.tiles[0].data)))
    assert np.array_equal(on_screen, as_picture(widget.result.value[0].astype(np.float32).clip(0, 1)))
    assert widget.viewer.numbers["value"] == "after step 99"
    assert widget.figure()[0].axes[0].get_title() == "value after step 99"
    widget.columns.editor.setup["K"].value = 60
    done(widget)
    assert (frame.max, frame.value) == (ft.Setup(K=60).calls - 1, 0)
    recipe = {**widget.recipe, "columns": [columns[0].to_dict()], "look": {"points": "", "frame": 3}}
    widget.load(recipe)
    assert (frame.max, frame.value) == (5, 3), "a recipe of more steps"
    done(widget)


def test_the_step_slider_has_the_steps_of_the_default_setup(columns: list[Column]) -> None:
    widget = ft.widgets.trajectory("hopper", Column("B", columns[0].what), size=SMALL)
    assert (widget.look["frame"].max, widget.look["frame"].value, widget.play.max) == (14, 14, 14)
    assert len(done(widget).result.t) == 15
    widget.close()
    assert ft.widgets.trajectory("hopper", columns[2], size=SMALL).play.max == 99, "single-pass"


def test_variability_is_the_mean_and_the_spread_of_the_seeds(columns: list[Column]) -> None:
    widget = done(ft.widgets.variability("hopper", columns[0], size=SMALL, seed=3, count=3))
    model, image = columns[0].what, ft.portraits()["hopper"]
    stack = np.stack([ft.restore(model, image, FAST, SMALL, seed=3 + index).image for index in range(3)])
    assert np.allclose(widget.result.mean, stack.mean(axis=0), atol=1e-6)
    assert np.allclose(widget.result.deviation, stack.std(axis=0).mean(axis=-1), atol=1e-6)
    widget.controls["count"].value = 2
    assert done(widget).result.count == 2
    assert widget.figure()[0].axes[0].get_title() == "Seed 3"
    assert list(widget.viewer.pictures) == ["mean", "standard deviation", "seed 3", "seed 4"]
    widget.viewer._on_event(widget.viewer, {"kind": "chip", "title": "seed 4"}, [])
    assert done(widget).recipe["seed"] == 4, "it is kept"
    assert list(widget.viewer.pictures)[2:] == ["seed 3", "seed 4"], "the others stay"
    assert [widget.viewer.chips[each] for each in ("seed 3", "seed 4")] == ["keep", "kept"]
    assert widget.figure()[0].axes[0].get_title() == "Seed 4"
    assert np.array_equal(widget.result.sample, ft.restore(model, image, FAST, SMALL, seed=4).image)
    widget.columns.editor.own_seed.value = True
    widget.columns.editor.seed.value = 9
    assert done(widget).figure()[0].axes[0].get_title() == "Seed 9"
    assert np.array_equal(widget.result.sample, ft.restore(model, image, FAST, SMALL, seed=9).image)


def test_the_recipe_reproduces_the_chosen_seed(columns: list[Column], tmp_path: Path) -> None:
    smooth = ft.Setup(K=50, noise_projection=False, noise_length=0.2)
    widget = done(ft.widgets.variability("hopper", columns[0].replace(setup=smooth), size=SMALL, count=4))
    made = [ft.restore(columns[0].what, "hopper", smooth, SMALL, seed=seed).image for seed in range(4)]
    assert not any(np.array_equal(made[2], made[seed]) for seed in (0, 1, 3)), "each is a colouring of its own"
    assert np.array_equal(done(widget).result.sample, made[0])
    widget.viewer._on_event(widget.viewer, {"kind": "chip", "title": "seed 2"}, [])
    widget.files.path.value = str(tmp_path / "kept.png")
    done(widget).files.save.click()
    recipe = load_recipe(tmp_path / "kept.png")
    assert (recipe["seed"], recipe["first"]) == (2, 0)
    other = ft.widgets.compare("hopper", columns, size=SMALL)
    other.load(recipe)
    assert np.array_equal(widget.result.sample, made[2])
    assert np.array_equal(done(other).result["fast"].image, made[2])
    again = ft.widgets.variability("hopper", columns[0], size=SMALL)
    again.load(recipe)
    assert list(done(again).viewer.pictures)[2:] == [f"seed {seed}" for seed in range(4)]
    assert again.recipe == recipe
    again.load({key: value for key, value in recipe.items() if key != "first"})
    assert done(again).recipe["first"] == 2, "an older recipe began with what is kept"
    again.first.value = 7
    assert list(done(again).viewer.pictures)[2:] == ["seed 2", "seed 7", "seed 8", "seed 9"]


def test_the_spread_of_many_seeds_takes_no_more_memory_than_that_of_two() -> None:
    random, count, side = np.random.default_rng(0), 40, 64
    made = [random.uniform(0.4, 0.6, (side, side, 3)).astype(np.float32) for _ in range(count)]
    tracemalloc.start()
    try:
        last = deque(spreads(map(np.copy, made)), maxlen=1).pop()
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 10 * made[0].nbytes
    assert last.count == count
    assert np.array_equal(last.sample, made[0])
    assert np.allclose(last.mean, np.mean(made, axis=0, dtype=np.float64), atol=1e-5)
    assert np.allclose(last.deviation, np.std(made, axis=0, dtype=np.float64).mean(axis=-1), atol=1e-5)


def test_a_trajectory_that_needs_too_much_memory_is_a_message(columns: list[Column]) -> None:
    widget = done(ft.widgets.trajectory("hopper", Column("A", columns[0].what, FAST), size=SMALL))
    recipe = widget.recipe
    widget.columns.editor.setup["K"].value = 1
    widget.controls["size"].value = 1024
    assert (
        "all 100 steps of 1024 x 1024 pixels take 1.3 GB, more than 1 GB; with so many steps, choose at most "
        "912 pixels a side, or at most 79 steps" in done(widget).message.value
    )
    widget.load(recipe)
    assert done(widget).message.value == ""
    assert widget.final
    with pytest.raises(ValueError, match=r"all 100 steps of 16384 x 16384 pixels take 322.1 GB, .* a side$"):
        ft.render({**recipe, "columns": [Column("A", columns[0].what, ft.SETUPS["A"]).to_dict()]} | {"size": 16384})


@pytest.mark.parametrize("setup", [FAST, ft.Setup(stochasticity=0.5, steps="quadratic", clipping=(-1.5, 1.5))])
def test_a_trajectory_of_a_model_of_residuals_shows_colours(setup: ft.Setup, tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = Config("diffusion", target="residual", features="fine", objective="v")
    save_model(FranNet(config), tmp_path / "model.safetensors")
    widget = done(ft.widgets.trajectory("hopper", Column("v", str(tmp_path / "model.safetensors"), setup), size=SMALL))
    network, image = str(tmp_path / "model.safetensors"), ft.portraits()["hopper"]
    restored = ft.restore(network, image, setup, SMALL).image
    assert np.allclose(widget.result.x0[-1].astype(np.float32).clip(0, 1), restored, atol=2e-3)
    assert np.allclose(widget.result.value[-1].astype(np.float32).clip(0, 1), restored, atol=2e-3)
    gray = ft.prepare_input(image)
    first = widget.result.value[0].astype(np.float32).mean(axis=(0, 1))
    assert np.allclose(first, float(gray.mean() + 1) / 2, atol=0.05), "noise about the gray input, and not about 0.5"


def test_a_scheduler_of_diffusers_has_its_own_form(columns: list[Column]) -> None:
    pytest.importorskip("diffusers")
    solver = SchedulerSetup("UniPCMultistep", 4)
    widget = done(ft.widgets.compare("hopper", [Column("solver", columns[0].what, solver), columns[1]], size=SMALL))
    editor = widget.columns.editor
    assert editor.setup.name.value == "UniPCMultistep:4"
    assert [*editor.setup.form.controls] == ["steps", "noise_length"]
    editor.title.value = "renamed"
    assert done(widget).recipe["columns"][0]["setup"] == solver.to_dict()
    assert widget.result["renamed"].calls == 4
    editor.setup["steps"].value = 5
    assert done(widget).result["renamed"].calls == 5
    editor.setup.name.value = "B"
    assert done(widget).message.value == ""
    assert widget.recipe["columns"][0]["setup"]["sampler"] == "ddim"
    path = done(ft.widgets.trajectory("hopper", Column("solver", columns[0].what, solver), size=SMALL)).result
    assert len(path.t) == 4


@pytest.mark.parametrize(
    ("name", "text"),
    [("trajectory", "choose a model of FranNet that is sampled"), ("variability", "choose a diffusion model")],
)
def test_a_single_pass_model_is_a_message(name: str, text: str, columns: list[Column]) -> None:
    widget = done(getattr(ft.widgets, name)("hopper", columns[2], size=SMALL))
    assert text in widget.message.value
    widget.load({"columns": [columns[0].to_dict()]})
    assert done(widget).message.value == ""
    assert widget.final


def test_a_merged_region_is_rendered_in_its_own_shape(columns: list[Column]) -> None:
    part = ft.Region(0.1, 0.2, 0.2, 0.4)
    job = job_of(recipe_of(columns[:1]), Photo("hopper"), None, part, part.width / part.height)
    *_, made = coarse_to_fine(job, columns[:1], lambda share: None)
    assert made["fast"].image.shape == (SMALL, SMALL // 2, 3)


def test_a_headless_notebook_stores_complete_pictures() -> None:
    code = (
        'import frantools as ft\nft.widgets.compare("hopper", ["B", ("red", lambda given: given * [1, 0, 0])], size=64)'
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    NotebookClient(notebook, timeout=120, store_widget_state=False).execute()
    kept = next(each.data["image/png"] for each in notebook.cells[0].outputs if "image/png" in each.get("data", {}))
    red, green, _ = np.asarray(Image.open(io.BytesIO(b64decode(kept))).convert("RGB"), float).transpose(2, 0, 1)
    width = red.shape[1] // 3  # three panes: the original, B and red
    assert np.abs(red - green)[:, width : 2 * width].mean() > 5  # and not the gray input
    assert green[40:-40, -width + 10 : -10].max() < 40


def test_without_a_kernel_the_region_is_shown_instead_of_the_whole_picture(columns: list[Column]) -> None:
    widget = ft.widgets.region("hopper", columns[:1], size=64)
    assert widget.wait()
    made = widget._repr_mimebundle_()
    kept = (made[0] if isinstance(made, tuple) else made)["image/png"]
    shown = np.asarray(Image.open(io.BytesIO(b64decode(kept))).convert("RGB"))[20:340, :320]  # below its title
    part = next(iter(widget.result.region.values())).image
    np.testing.assert_allclose(shown[2::5, 2::5], part * 255, atol=0.6)
    widget.close()
