"""Damaged files and stores: damaged parts are skipped or refused by name, and the rest is read."""

from __future__ import annotations

import json
import re
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

import frantools as ft
from frantools.comparisons.cache import Disk
from frantools.files import MAX_DEPTH, from_json, read_json
from frantools.restorers.base import Restoration
from frantools.sweeps.export import export_records
from frantools.sweeps.reader import read_records, read_sweep
from frantools.sweeps.store import Store, StoreError

PICTURES = [np.random.default_rng(n).integers(0, 256, (12, 10, 3), np.uint8) for n in range(2)]
DEEP = "[" * 1000 + "]" * 1000


@contextmanager
def one_warning(path: Path) -> Iterator[None]:
    """Exactly one warning, which names a file."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    assert [str(path) in str(item.message) for item in caught] == [True]


def swept(store: Path, **options: object) -> ft.Sweep:
    return ft.sweep({"strength": [0.5, 1.0]}, PICTURES, scaled, size=6, store=store, **options)


def scaled(picture, strength):
    calls.append(strength)
    return picture * strength


calls: list[float] = []


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that no test changes."""
    folder = tmp_path_factory.mktemp("whole")
    swept(folder)
    return folder


@pytest.fixture
def store(whole: Path, tmp_path: Path) -> Path:
    calls.clear()
    return Path(shutil.copytree(whole, tmp_path / "store"))


def test_json_nested_too_deeply_is_refused():
    assert from_json("[" * MAX_DEPTH + "]" * MAX_DEPTH)
    for text in ("[" * 500 + "]" * 500, DEEP, '{"a": ' * 10_000):
        with pytest.raises(ValueError, match=r"nested|delimiter|Expecting"):
            from_json(text)


def test_undecodable_names_are_read_and_half_a_surrogate_pair_is_refused(tmp_path):
    assert from_json(json.dumps({"name": "\udcff.png", "emoji": "\U0001f600"}))["name"] == "\udcff.png"
    for content in ({"\ud800": 1}, {"a": ["\udbff"]}):
        (tmp_path / "a.json").write_text(json.dumps(content), encoding="utf-8")
        with pytest.raises(ValueError, match=r"a\.json: it has half a surrogate pair") as caught:
            read_json(tmp_path / "a.json")
        str(caught.value).encode()


RECIPE = {"version": 2, "figure": "compare", "size": 16, "seed": 0, "columns": [{"title": "a", "model": "bicubic"}]}


@pytest.mark.parametrize(
    "change",
    [
        {"seed": True}, {"seed": [1]}, {"size": "16"}, {"size": [1, 2, 3]}, {"region": ["x", 0, 1, 1]}, {"models": [1]},
        {"region": {"left": 1}}, {"precision": {}}, {"version": 99}, {"columns": 3}, {"columns": [{"title": "\ud800"}]},
        {"columns": [{"title": "a", "model": "B", "setup": {"stochasticity": 10**400}}]}, {"options": DEEP},
        {"size": 10**400},
        {"degradation": {"noise": 10**400}}, {"pictures": {"hopper": 3}}, {"figure": 7}, {"columns": [{"setup": {}}]},
    ],
)  # fmt: skip
def test_the_error_of_a_damaged_recipe_names_its_file(change, tmp_path):
    path = tmp_path / "mine.json"
    text = json.dumps(RECIPE | change).replace(json.dumps(DEEP), DEEP)
    path.write_text(text, encoding="utf-8")
    for read in (ft.load_recipe, ft.render):
        with pytest.raises(ValueError, match=r"mine\.json") as caught:
            read(path)
        assert type(caught.value) is ValueError


@pytest.mark.parametrize("change", [{"pictures": {"gone.png": "0" * 64}}, {"models": {"gone.safetensors": "0" * 64}}])
def test_the_error_of_a_missing_part_names_the_recipes_file(change, tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(ft.compare("hopper", ["bicubic"], size=8).recipe.to_dict() | change), encoding="utf-8")
    with pytest.raises((FileNotFoundError, ValueError), match=r"mine\.json: .*gone\."):
        ft.render(path)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("key", [1]), ("key", None), ("picture", 3), ("model", {}), ("sentence", None), ("setup", 3), ("given", []),
        ("seed", "0"), ("seed", True), ("seconds", "x"), ("calls", [1]), ("worker", 3), ("time", []), ("mse", []),
        ("mse", "much"), ("mse", None), ("mse", True), ("mse", 10**400), ("strength", {}), ("strength", [[{}]]),
    ],
)  # fmt: skip
def test_only_the_line_with_a_damaged_field_is_skipped(field, value, store):
    (path, _) = sorted(store.glob("cells/*/*/*.jsonl"))
    first, second = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    path.write_text(json.dumps(first | {field: value}) + "\n" + json.dumps(second) + "\n", encoding="utf-8")
    with one_warning(path):
        assert len(read_sweep(store)) == 3
    with one_warning(path):
        assert not swept(store).failures.rows
    assert calls == [first["strength"]]


def test_the_error_of_a_store_of_another_version_names_its_file(store):
    paths = sorted(store.glob("cells/*/*/context.json"))
    for path in paths:
        path.write_text(json.dumps(read_json(path) | {"engine": 10**6}), encoding="utf-8")
    with pytest.raises(
        ValueError, match=rf"engine version 1, the current one; {re.escape(str(paths[0]))} is of version 1000000$"
    ):
        read_sweep(store)


@pytest.mark.parametrize("field", ["key", "picture", "model", "setup", "seed", "given", "seconds", "sentence", "mse"])
def test_only_the_line_without_a_field_is_skipped(field, store):
    (path, _) = sorted(store.glob("cells/*/*/*.jsonl"))
    first, second = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    del second[field]
    path.write_text(json.dumps(first) + "\n" + json.dumps(second) + "\n", encoding="utf-8")
    with one_warning(path):
        assert len(read_sweep(store)) == 3


@pytest.mark.parametrize(
    "line", [b"\xff\xfe", b"\0" * 50, b"null", b'"text"', DEEP.encode(), b"[]", b'{"key": "\\ud800"}']
)
def test_damaged_lines_of_a_file_are_one_warning(line, store):
    (path, _) = sorted(store.glob("cells/*/*/*.jsonl"))
    path.write_bytes(line + b"\n" + path.read_bytes() + line + b"\n")
    with one_warning(path):
        assert len(read_sweep(store)) == 4
    with one_warning(path):
        swept(store)
    assert calls == []


@pytest.mark.parametrize(
    "content",
    ["{}", "{", "[]", "3", DEEP, "\xff", *({name: value} for name, value in [
        ("points", "x"), ("points", [1]), ("measures", []), ("measures", [[]]), ("size", "6"), ("frame", None),
        ("engine", None), ("picture", {}), ("precision", 1)
    ])],
)  # fmt: skip
def test_only_the_picture_of_a_damaged_context_is_skipped(content, store):
    path = min(store.glob("cells/*/*/context.json"))
    facts = json.loads(path.read_text(encoding="utf-8"))
    text = content if isinstance(content, str) else json.dumps(facts | content)
    path.write_bytes(text.encode("latin-1"))
    with one_warning(path):
        assert len(read_sweep(store)) == 2
    for other in store.glob("cells/*/*/context.json"):
        other.write_text("{}", encoding="utf-8")
    with (
        pytest.warns(UserWarning, match=r"context\.json: has no engine"),
        pytest.raises(ValueError, match=r"has no results .*context\.json: has no engine"),
    ):
        read_sweep(store)


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"format": 1}', '{"format": 1, "id": 3}', DEEP])
def test_the_error_of_a_damaged_store_names_its_file(content, store):
    (store / "store.json").write_text(content, encoding="utf-8")
    for read in (Store, read_sweep, swept):
        with pytest.raises(StoreError, match=r"store\.json"):
            read(store)


@pytest.mark.parametrize(
    "change",
    [
        {"size": None}, {"settings": [3]}, {"settings": 3}, {"numbers": {"mse": 1}}, {"pictures": [{}]},
        {"measures": 3}, {"numbers": {"mse": [["x", 1], [1, 1]]}},
    ],
)  # fmt: skip
def test_the_error_of_a_damaged_packed_sweep_names_its_file(change, store, tmp_path):
    facts, pictures, _ = read_records(store)
    content = export_records(facts, pictures)
    (tmp_path / "a.json").write_text(json.dumps(content), encoding="utf-8")
    assert len(read_sweep(tmp_path / "a.json")) == 4
    (tmp_path / "a.json").write_text(json.dumps(content | change), encoding="utf-8")
    with pytest.raises(ValueError, match=r"a\.json"):
        read_sweep(tmp_path / "a.json")


def picture() -> Restoration:
    return Restoration(np.full((8, 9, 3), 0.5, np.float32), 0.5, 7, {"size": [9, 8]}, ("A remark",))


ARRAYS = {
    "float64": np.zeros((8, 9, 3)),
    "gray": np.zeros((8, 9), np.float32),
    "beyond 1": np.full((8, 9, 3), 2, np.float32),
    "NaN": np.full((8, 9, 3), np.nan, np.float32),
    "empty": np.zeros((0, 9, 3), np.float32),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_a_cached_array_that_is_not_a_picture_is_skipped(name, tmp_path):
    disk = Disk(tmp_path)
    disk.put("a", picture())
    path = disk._path("a")
    np.save(path, ARRAYS[name])
    with one_warning(path):
        assert disk.get("a") is None


def test_an_array_with_a_huge_shape_in_its_header_allocates_no_memory(tmp_path):
    disk = Disk(tmp_path)
    disk.put("a", picture())
    path = disk._path("a")
    content = path.read_bytes()
    for header in (b"(8, 99999999999, 3), ", b"(8, 9, 3( ", b"(-8, 9, 3), "):
        path.write_bytes(content.replace(b"(8, 9, 3), ", header))
        with one_warning(path):
            assert disk.get("a") is None


@pytest.mark.parametrize(
    "change", [{"seconds": "x"}, {"calls": None}, {"recipe": []}, {"remarks": "x"}, {"remarks": [3]}, None, [], DEEP]
)
def test_a_cached_picture_with_damaged_metadata_is_skipped_and_overwritten(change, tmp_path):
    disk = Disk(tmp_path)
    disk.put("a", picture())
    path = disk._path("a")
    facts = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    content = (
        json.dumps(facts | change) if isinstance(change, dict) else change if change == DEEP else json.dumps(change)
    )
    path.with_suffix(".json").write_text(content, encoding="utf-8")
    with one_warning(path):
        assert disk.get("a") is None
    disk.put("a", picture())
    assert disk.get("a") is not None


def test_the_error_of_a_damaged_checkpoint_names_it(tmp_path):
    from frantools.frannet.weights.checkpoints import read_safetensors, write_safetensors
    from frantools.training import Settings
    from frantools.training.loop import checkpoint_path, train

    for number in range(2):
        ft.save_picture(PICTURES[number].repeat(8, 0).repeat(8, 1), tmp_path / "pictures" / f"{number}.png")
    out, tiny = tmp_path / "m.safetensors", Settings(steps=1, batch=2, points=8)
    train(tmp_path / "pictures", out, tiny)
    path = checkpoint_path(out)
    metadata, tensors = read_safetensors(path)
    first = next(name for name in tensors if name.startswith("optimiser."))
    for facts, cached in (
        (metadata | {"step": "x"}, tensors),
        (metadata | {"provenance": "[]"}, tensors),
        (metadata | {"history": DEEP}, tensors),
        (metadata, {name: value for name, value in tensors.items() if name != first}),
    ):
        write_safetensors(path, cached, facts)
        with pytest.raises(ValueError, match=re.escape(f"{path}: ")):
            train(tmp_path / "pictures", out, tiny, resume=True)
