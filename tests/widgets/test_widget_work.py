"""What widgets leave undone: nothing is computed twice, and a tick of a slider reads no weights."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ipywidgets
import numpy as np
import pytest
import torch
from PIL import Image

import frantools as ft
from frantools import files, note
from frantools.comparisons.cache import Cache
from frantools.comparisons.comparison import Column
from frantools.frannet.network import fingerprints
from frantools.frannet.network.model import FranNet
from frantools.frannet.weights import checkpoints
from frantools.frannet.weights.checkpoints import save_model
from frantools.restorers import saved
from frantools.restorers.frannet import FranNetRestorer
from frantools.scores.roi_search import RoiSearch
from frantools.widgets import live_view

FAST = ft.Setup(K=40)
SIZE = 72  # pixels: just above the preview's 64
SEARCH = RoiSearch(size=24, count=3, sub_size=8, sub_count=1)
INPUT = 64 * 64 * 4  # bytes of what the network reads
SEVERAL = ("compare", "rois", "region")  # widgets that take columns, and not a column


def done(widget: Any) -> Any:
    assert widget.wait(60)
    return widget


@pytest.fixture(scope="module")
def weights(random_models: dict[str, FranNet], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Weight files of the two kinds of model."""
    folder = tmp_path_factory.mktemp("weights")
    paths = {kind: str(folder / f"{kind}.safetensors") for kind in random_models}
    for kind, model in random_models.items():
        save_model(model, paths[kind])
    return paths


@pytest.fixture
def columns(weights: dict[str, str]) -> list[Column]:
    return [Column("fast", weights["diffusion"], FAST), Column("single", weights["single-pass"])]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each restoration by FranNet from now on, with an empty cache."""
    made: list[str] = []

    def counted(name: str) -> Callable[..., Any]:
        whole = getattr(FranNetRestorer, name)

        def call(self: FranNetRestorer, *arguments: Any, **named: Any) -> Any:
            made.append(f"{self.title} {name}")
            return whole(self, *arguments, **named)

        return call

    for name in ("_sample", "trace", "at"):
        monkeypatch.setattr(FranNetRestorer, name, counted(name))
    monkeypatch.setattr(live_view, "CACHE", Cache())
    return made


def make(kind: str, columns: list[Column]) -> Any:
    options = {"rois": {"search": SEARCH}, "variability": {"count": 3}}.get(kind, {})
    what = columns if kind in SEVERAL else columns[0]
    return done(getattr(ft.widgets, kind)("hopper", what, size=SIZE, **options))


def set_stride(widget: Any, stride: int) -> None:
    widget.columns.chosen.index = 0
    widget.columns.editor.setup["K"].value = stride


def choose_seed(widget: Any, seed: int) -> None:
    widget.viewer._on_event(widget.viewer, {"kind": "chip", "title": f"seed {seed}"}, [])


def click_box(widget: Any, number: int) -> None:
    name = widget.viewer.boxes[number]["name"]
    widget.viewer._on_event(widget.viewer, {"kind": "box", "name": name}, [])


def move(widget: Any, left: int) -> None:
    widget.viewer.boxes = [{"name": "region", "box": [left, 14, left + 15, 43]}]


MOVES: dict[str, list[tuple[Callable[[Any, int], None], int, int]]] = {
    "compare": [(set_stride, 50, 40)],
    "rois": [
        (set_stride, 50, 40),
        (lambda widget, count: setattr(widget.search["count"], "value", count), 2, 3),
        (lambda widget, size: setattr(widget.search["size"], "value", size), 20, 24),
        (click_box, 1, 1),
        (lambda widget, anew: setattr(widget.controls["rerender"], "value", anew), 3, 1),
    ],
    "region": [(set_stride, 50, 40), (move, 30, 14)],
    "trajectory": [
        (set_stride, 50, 40),
        (lambda widget, frame: setattr(widget.look["frame"], "value", frame), 0, 3),
        (lambda widget, x: setattr(widget.look["points"], "value", f"0.{x} 0.5"), 2, 7),
    ],
    "variability": [
        (set_stride, 50, 40),
        (choose_seed, 2, 0),
        (lambda widget, count: setattr(widget.count, "value", count), 4, 3),
    ],
}
"""By widget: what a hand does, with a new value and with the one from before."""


@pytest.mark.parametrize("kind", [*MOVES])
def test_known_settings_compute_nothing(kind: str, columns: list[Column], calls: list[str]) -> None:
    widget = make(kind, columns)
    assert calls, "there is something to count"
    for act, there, back in MOVES[kind]:
        act(widget, there)
        done(widget)
        act(widget, back)
        done(widget)
        calls.clear()
        for value in (there, back):
            act(widget, value)
            done(widget)
        assert calls == [], (act, there, back)
    assert widget.message.value == ""
    other = make(kind, columns)
    assert calls == [], "a second widget that shows the same"
    other.close()
    widget.close()


def test_a_known_view_computes_nothing(columns: list[Column], calls: list[str]) -> None:
    widget = make("compare", columns)
    widget.viewer.set_trait("screen", {"width": SIZE, "height": SIZE, "dpr": 1})
    before = len(calls)
    for zooms in range(2):
        for view in (ft.Region(0.25, 0.25, 0.5, 0.5), ft.Region.full()):
            widget.viewer.view = view
            done(widget)
        assert (len(calls) > before) is (zooms == 0)
        calls.clear()
        before = 0
    widget.close()


def test_a_sweep_computes_each_cell_once_and_shows_it_from_then_on(calls: list[str]) -> None:
    axes = {"K": [40, 50], "stochasticity": [0.0, 1.0]}

    def run() -> Any:
        return done(ft.widgets.sweep(axes, "hopper", size=16, points=32, seed=11))

    widget = run()
    assert calls, "there is something to count"
    for i in (0, 1, 0):
        widget.plane.chosen = [i, 0]
        done(widget)
    calls.clear()
    for i in (1, 0):
        widget.plane.chosen = [i, 0]
        done(widget)
    widget.x.value = "stochasticity"
    done(widget)
    again = run()
    assert calls == []
    widget.close()
    again.close()


def test_figures_of_a_notebook_that_share_a_cache_share_their_restorations(
    columns: list[Column], calls: list[str]
) -> None:
    cache = Cache()
    entire, crops = (note.recipe(name, ["hopper"], columns, SIZE) for name in ("entire-image", "roi-crops"))
    note.restorations(entire, cache=cache)
    assert len(calls) == 2
    note.restorations(crops, cache=cache)
    note.restorations(entire, cache=cache)
    assert len(calls) == 2


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """What is hashed from now on and is larger than the network's input: weights, files and pictures."""
    large: list[Any] = []
    whole = hashlib.sha256

    def counted(data: Any = b"", **options: Any) -> Any:
        if memoryview(data).nbytes > INPUT:
            large.append(memoryview(data).nbytes)
        return whole(data, **options)

    def read(path: Path) -> str:
        large.append(path)
        return files.hash_of(path)

    monkeypatch.setattr(hashlib, "sha256", counted)
    for module in (saved, checkpoints):
        monkeypatch.setattr(module, "hash_of", read)
    return large


class Net(torch.nn.Module):
    """A restorer with weights that are worth counting."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = torch.nn.Conv2d(3, 3, 3, padding=1)
        self.register_buffer("other", torch.zeros(20_000))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.convolution(x).clamp(0, 1)


def test_a_tick_of_a_slider_hashes_no_weights_and_no_pictures(
    columns: list[Column], weights: dict[str, str], tmp_path: Path, hashed: list[Any]
) -> None:
    picture = ft.portraits()["hopper"]
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "folder" / "hopper.png", tmp_path / "one.png"):
        Image.fromarray(picture).save(path)
    others = [
        ("in memory", ft.load_model(weights["single-pass"])),
        ("module", Net()),
        ("folder", tmp_path / "folder"),
        ("file", tmp_path / "one.png"),
        ("array", np.asarray(picture)),
    ]
    widget = done(ft.widgets.compare("hopper", [*columns, *others], size=SIZE, seed=12))
    assert hashed, "there is something to count"
    assert widget.result.errors == {}
    widget.columns.chosen.index = 0
    hashed.clear()
    for K in (41, 42, 43):
        widget.columns.editor.setup["K"].value = K
        done(widget)
    assert hashed == []
    widget.close()


def test_a_tick_of_a_slider_hashes_nothing_before_the_kernel_is_free(
    columns: list[Column], monkeypatch: pytest.MonkeyPatch
) -> None:
    widget = make("compare", columns)
    calls: list[str] = []

    def count(module: Any, name: str) -> None:
        original = getattr(module, name)

        def counted(*arguments: Any, **options: Any) -> Any:
            if threading.current_thread() is threading.main_thread():
                calls.append(name)
            return original(*arguments, **options)

        monkeypatch.setattr(module, name, counted)

    count(fingerprints, "fingerprint")
    for name in ("sha256", "blake2b"):
        count(hashlib, name)
    for stride in (41, 42, 43):
        set_stride(widget, stride)
    assert calls == []
    assert done(widget).recipe.models
    widget.recipe.to_dict()
    widget.load(widget.recipe)
    assert "fingerprint" in calls, "there is something to count"
    widget.close()


@pytest.mark.parametrize("kind", [*MOVES, "sweep", "formula"])
def test_nothing_is_written_back_into_the_control_that_is_dragged(
    kind: str, columns: list[Column], monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind == "formula":
        widget: Any = ft.widgets.formula()
        sliders = [widget.t, widget.stochasticity, widget.K]
    elif kind == "sweep":
        widget = done(ft.widgets.sweep({"K": [40, 50], "stochasticity": [0.0, 1.0]}, "hopper", size=16, points=32))
        sliders = [widget.under]
    else:
        widget = make(kind, [columns[0], columns[1]])
        setup = widget.columns.editor.setup
        sliders = [setup["K"], setup["stochasticity"]]
        sliders += [widget.look["frame"]] if kind == "trajectory" else []
        sliders += [widget.search[name] for name in ("size", "count", "sub_size")] if kind == "rois" else []
    for slider in sliders:
        whole = isinstance(slider, ipywidgets.IntSlider)
        middle = (slider.min + slider.max) // 2 if whole else (slider.min + slider.max) / 2 + 0.1 + 0.2 - 0.3
        sent: list[Any] = []
        monkeypatch.setattr(
            slider.comm, "send", lambda data=None, *_, sent=sent, **__: sent.append(data), raising=False
        )
        for value in (slider.min, middle, slider.max):
            slider.set_state({"value": value})  # as the browser does
            if kind != "formula":
                done(widget)
            assert slider.value == value
        assert [data for data in sent if data["method"] == "update" and "value" in data["state"]] == []
    widget.close()
