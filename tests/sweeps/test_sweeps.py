"""Sweeps in this process: axes, results, the store and errors."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest

import frantools as ft
from frantools.cli import main
from frantools.frannet.network.model import FranNet
from frantools.frannet.weights.checkpoints import save_model
from frantools.restorers.base import Cancelled
from frantools.restorers.functions import FunctionRestorer
from frantools.restorers.resizing import Resizing
from frantools.scores.measures import Measure
from frantools.sweeps.axes import expand_axes
from frantools.sweeps.spec import parse_axis, read_spec
from frantools.sweeps.store import Store, StoreError

PICTURES = [np.random.default_rng(n).integers(0, 256, (24, 20, 3), np.uint8) for n in range(2)]
AXES = {"K": [25, 50], "stochasticity": [0.0, 1.0]}


def lines(store: Path) -> list[dict]:
    return [json.loads(line) for path in store.glob("cells/*/*/*.jsonl") for line in path.read_text().splitlines()]


def numbers(sweep: ft.Sweep) -> list[float]:
    return [row["mse"] for row in sweep.rows]


def test_results_equal_those_of_evaluate():
    result = ft.sweep({"K": [25, 50]}, PICTURES, "A", ("mse", "mse_gray", "ssim"), size=12, seed=3)
    for K in (25, 50):
        metrics = ft.evaluate("diffusion-basic", PICTURES, ft.Setup(K=K), size=12, seed=3)
        rows = [row for row in result.rows if row["K"] == K]
        for name in result.measures:
            assert [row[name] for row in rows] == pytest.approx(metrics.per_picture[name], rel=1e-5)
        assert [row["calls"] for row in rows] == [metrics.calls] * 2


@pytest.mark.parametrize(
    ("axes", "base", "message"),
    [
        ([], None, "axes must be a dict of lists"),
        ({"K": 3}, None, "the axis K must be a list .* got 3"),
        ({"K": []}, None, "the axis K must be a list"),
        ({"K": "12"}, None, "the axis K must be .* got '12'"),
        ({3: [1]}, None, "the name of an axis must be .* got 3"),
        ({"picture": [1]}, None, "the name of an axis must be .* got 'picture'"),
        ({"k": [1]}, None, "the axes of the sampler B must be model, setup, .* stochasticity, K.* got 'k'"),
        ({"K": [1, 0]}, None, "K must be an integer from 1, got 0"),
        ({"K": [1, 200]}, None, "K must be an integer from 1 to 99, got 200"),
        ({"clipping": [-1, 1]}, None, "clipping must be None or"),
        ({"model": ["nonsense"]}, None, "'nonsense' is not a known restorer"),
        ({"model": ["bicubic"], "K": [1]}, None, "bicubic takes no settings, got K"),
        (
            {"model": ["single-best"], "K": [1]},
            None,
            "the single-pass model single-best has no sampler, so K cannot vary",
        ),
        ({"setup": ["Q:3"]}, None, "unknown setup"),
        ({"setup": ["B:foo=1"]}, None, "the setup B has no foo .*stochasticity"),
        ({"seed": ["x"]}, None, "seed must be an integer or None, got 'x'"),
        ({"given": [{"zoom": 2}]}, None, "given must be a dict of gray"),
        ({"strength": [1]}, lambda picture: picture, "has no parameter strength"),
    ],
    ids=range(18),
)
def test_invalid_axes_are_refused(axes, base, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        ft.sweep(axes, PICTURES, base, size=12, store=tmp_path / "store")
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"measures": ("nonsense",)}, "there is no measure 'nonsense'"),
        ({"measures": "mse"}, "measures must be a list .* got 'mse'"),
        ({"size": 0}, "size must be an integer from 1 to 16384, got 0"),
        ({"seed": 1.5}, "seed must be an integer, got 1.5"),
        ({"precision": "half"}, "precision must be 'float32', 'bfloat16' or 'auto', got 'half'"),
        ({"points": 0}, "points must be an even integer from 2, or None .*, got 0"),
        ({"points": 64, "measures": ("ssim",)}, "got 'ssim', which is not a mean over points"),
    ],
    ids=["measures", "text", "size", "seed", "precision", "points", "ssim"],
)
def test_invalid_arguments_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        ft.sweep(AXES, PICTURES, **options)


def test_points_estimate_every_pixel_with_a_standard_error():
    whole = ft.sweep(AXES, PICTURES, measures=("mse", "mse_gray"), size=64)
    some = ft.sweep(AXES, PICTURES, measures=("mse", "mse_gray"), size=64, points=512)
    assert some.names == [
        *("picture", "K", "stochasticity", "mse", "mse_gray", "mse_se", "mse_gray_se", "calls", "seconds", "sentence")
    ]
    for full, row in zip(whole.rows, some.rows, strict=True):
        for name in some.measures:
            assert 0 < row[f"{name}_se"] < 0.1 * row[name]
            assert abs(row[name] - full[name]) < 4 * row[f"{name}_se"]
        assert row["calls"] == full["calls"]
    for row in some.table().rows:
        errors = [each["mse_se"] for each in some.rows if all(each[name] == row[name] for name in some.axes)]
        assert row["mse_se"] == pytest.approx(np.hypot(*errors) / 2)
    every = ft.sweep(AXES, PICTURES[:1], size=12, points=144)
    assert numbers(every) == pytest.approx(numbers(ft.sweep(AXES, PICTURES[:1], size=12)), rel=1e-4)
    assert {row["mse_se"] for row in every.rows} == {0.0}
    plain = ft.sweep({"model": ["bicubic"]}, PICTURES[:1], size=64, points=512)
    assert (numbers(plain), plain.rows[0]["mse_se"]) == (numbers(ft.sweep({}, PICTURES[:1], "bicubic", size=64)), 0.0)


def test_a_union_of_axes_has_no_duplicates():
    union = [{"K": [8, 1]}, {"stochasticity": [1.0, 0.0]}, {"setup": ["A", "B"]}]
    assert [setting.values["setup"] for setting in expand_axes(union)] == ["B", "A", "B:stochasticity=0.0"]
    assert [dict(setting.values) for setting in expand_axes(union[:2])] == [
        {"K": 8, "stochasticity": 1.0},
        {"K": 1, "stochasticity": 1.0},
        {"K": 8, "stochasticity": 0.0},
    ]


def test_every_kind_of_column_can_be_swept():
    def blurred(picture, strength=1.0, seed=0):
        return picture * strength + seed / 100

    result = ft.sweep({"strength": [0.5, 1.0], "seed": [0, 3]}, PICTURES, ft.Column("dim", blurred), size=12)
    frame = result.to_frame()
    assert list(frame.columns) == ["picture", "strength", "seed", "mse", "calls", "seconds", "sentence"]
    assert frame.groupby(["strength", "seed"]).mse.mean()[1.0, 0] == pytest.approx(0)
    assert frame.groupby(["strength", "seed"]).mse.mean()[1.0, 3] == pytest.approx(0.03**2, rel=0.05)

    kinds = {"model": ["bicubic", PICTURES[0], "single-basic"]}
    result = ft.sweep([kinds, {"model": ["diffusion-basic"], "scheduler": ["UniPCMultistep:3"]}], PICTURES[:1], size=12)
    assert [(row["model"], row["scheduler"], row["sentence"]) for row in result.rows] == [
        ("bicubic", None, ""),
        ("array", None, ""),
        ("single-basic", None, ""),
        ("diffusion-basic", "UniPCMultistep", ""),
    ]
    given = ft.sweep({"given": [ft.Degradation(shrink=2), {"shrink": 4}, None]}, PICTURES, "bilinear", size=12)
    assert [row["given"] for row in given.table().rows] == ["shrunk 2 x", "shrunk 4 x", None]
    assert given.rows[0]["mse"] < given.rows[1]["mse"]


def test_a_model_has_one_name_in_all_settings(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in (tmp_path, tmp_path / "other"):
        folder.mkdir(exist_ok=True)
        (folder / "f.py").write_text("def fn(picture, sigma):\n    return picture\n")
    named = expand_axes({"model": ["f.py:fn", "other/f.py:fn"], "sigma": [0.5, 1, 3]})
    assert [setting.values["model"] for setting in named] == ["fn"] * 3 + ["fn (2)"] * 3
    save_model(ft.load_model("diffusion-basic"), tmp_path / "mine.safetensors")
    named = expand_axes({"model": ["mine.safetensors"], "setup": ["A", "B"], "seed": [0, 1]})
    assert [setting.values["model"] for setting in named] == ["mine"] * 4


def test_two_samplers_with_the_same_name_are_two_settings():
    """Their numbers are never averaged."""

    class Named(ft.Setup):
        name = "mine"

    result = ft.sweep({"setup": [Named(K=50), Named(K=25), Named(K=50), "B"], "seed": [0, 1]}, PICTURES[:1], size=8)
    assert [(row["setup"], row["calls"]) for row in result.rows] == [
        *[("mine", ft.Setup(K=50).calls)] * 2,
        *[("mine (2)", ft.Setup(K=25).calls)] * 2,
        *[("B", 15)] * 2,
    ]


def test_progress_counts_identical_cells_and_reaches_1(tmp_path):
    shares = []
    for store in (None, tmp_path, tmp_path):
        base = ft.Column("dim", lambda picture, s: picture / s)
        ft.sweep({"s": [1, 2]}, [PICTURES[0]] * 2, base, size=12, store=store, progress=shares.append)
        assert (float(shares[-1]), shares[-1].done, shares[-1].total, shares[-1].failures) == (1, 4, 4, 0)


def test_stored_results_are_not_computed_again(tmp_path):
    first = ft.sweep({"K": [25]}, PICTURES, size=12, store=tmp_path)
    shares = []
    both = ft.sweep(AXES, PICTURES, size=12, store=tmp_path, progress=shares.append)
    assert (shares[0].initial, shares[0].total, shares[-1].done, shares[-1].failures) == (2, 8, 8, 0)
    assert [float(share) for share in shares] == sorted(shares)
    assert shares[-1] == 1
    again = ft.sweep(AXES, PICTURES, size=12, store=tmp_path)
    assert again.rows == both.rows
    assert numbers(ft.sweep(AXES, PICTURES, size=12)) == numbers(both)
    assert {row["mse"] for row in first.rows} <= set(numbers(both))
    keys = [line["key"] for line in lines(tmp_path)]
    assert len(keys) == len(set(keys)) == 8


def test_pandas_reads_the_store_without_frantools(tmp_path):
    result = ft.sweep(AXES, PICTURES, size=12, store=tmp_path)
    frame = pandas.concat(pandas.read_json(path, lines=True) for path in tmp_path.glob("cells/*/*/*.jsonl"))
    assert sorted(frame.mse) == pytest.approx(sorted(numbers(result)))
    assert set(frame.setup) == {"B:K=25", "B:K=50", "B:stochasticity=0.0,K=25", "B:stochasticity=0.0,K=50"}
    assert "pandas.concat" in (tmp_path / "README.md").read_text()


def test_a_key_covers_everything_that_a_result_depends_on(tmp_path):
    base = {"axes": {"K": [50]}, "photos": PICTURES[:1], "size": 12}
    changes = [
        {}, {"size": 13}, {"seed": 1}, {"measures": ("mse", "ssim")}, {"axes": {"K": [49]}}, {"photos": PICTURES[1:]},
        {"base": "diffusion-best"}, {"axes": {"K": [50], "seed": [7]}},
    ]  # fmt: skip
    for number, change in enumerate(changes, 1):
        ft.sweep(**{**base, **change}, store=tmp_path)
        assert len(lines(tmp_path)) == number
    for change in ({}, {"axes": {"setup": ["A:K=50"]}}, {"photos": [ft.Photo(PICTURES[0], name="renamed")]}):
        ft.sweep(**{**base, **change}, store=tmp_path)
        assert len(lines(tmp_path)) == len(changes)
    calm = {"axes": {"model": ["bicubic"]}, "photos": PICTURES[:1], "size": 12, "store": tmp_path}
    ft.sweep(**calm)
    ft.sweep(**calm, seed=5)  # which nothing of it reads
    assert len(lines(tmp_path)) == len(changes) + 1


def test_a_restorer_without_a_name_is_computed_again_by_another_process(tmp_path, monkeypatch):
    def run(what):
        ft.sweep({"model": [what]}, PICTURES[:1], size=12, store=tmp_path)
        return len(lines(tmp_path))

    what, model = (lambda picture: picture * 0.5), ft.load_model("single-basic")
    assert [run(what), run(what), run(model), run("single-basic")] == [1, 1, 2, 3]
    monkeypatch.setattr("frantools.restorers.identity.PROCESS", "another")
    assert [run(what), run(model)] == [4, 4]  # a model in memory has its weights for a name


def test_a_failed_cell_has_an_error_message_and_the_others_are_computed(tmp_path):
    calls = []

    def fails(picture, strength):
        calls.append(strength)
        if strength == 2 and len(calls) < 4:
            raise RuntimeError("too strong")
        return picture

    base = ft.Column("mine", fails)
    result = ft.sweep({"strength": [1, 2, 3]}, PICTURES[:1], base, size=12, store=tmp_path)
    assert [row["sentence"] for row in result.rows] == ["", "mine raised RuntimeError: too strong", ""]
    assert result.failures.rows == [
        {"picture": "picture", "strength": 2, "sentence": "mine raised RuntimeError: too strong"}
    ]
    assert "1 failed" in repr(result)
    assert [row["failed"] for row in result.table().rows] == [0, 1, 0]
    assert result.to_frame().mse.isna().tolist() == [False, True, False]
    ft.sweep({"strength": [1, 2, 3]}, PICTURES[:1], base, size=12, store=tmp_path)
    assert calls == [1, 2, 3]  # only on request
    result = ft.sweep({"strength": [1, 2, 3]}, PICTURES[:1], base, size=12, store=tmp_path, retry=True)
    assert calls == [1, 2, 3, 2]
    assert not result.failures.rows
    assert not ft.sweep({"strength": [1, 2, 3]}, PICTURES[:1], base, size=12, store=tmp_path).failures.rows


def test_a_deleted_picture_is_an_error_of_its_cells(tmp_path):
    folder = tmp_path / "pictures"
    for number, picture in enumerate(PICTURES):
        ft.save_picture(picture, folder / f"{number}.png")

    def vanish(share):
        (folder / "1.png").unlink(missing_ok=True)

    result = ft.sweep({"model": ["bicubic"]}, folder, size=12, store=tmp_path / "store", progress=vanish)
    assert [row["sentence"] for row in result.rows] == [
        "",
        f"the picture {folder / '1.png'} was deleted during the sweep",
    ]


def test_an_exception_from_progress_ends_the_sweep_and_results_are_kept(tmp_path):
    def stop(share):
        if share.done > share.initial:
            raise Cancelled

    axes = {"strength": [1.0, 0.5]}
    base = ft.Column("dim", lambda picture, strength: picture * strength)
    with pytest.raises(Cancelled):
        ft.sweep(axes, PICTURES, base, size=12, store=tmp_path, progress=stop)
    assert lines(tmp_path)

    def interrupt(share):
        raise KeyboardInterrupt

    with pytest.raises(
        KeyboardInterrupt, match=r"of 4 cells are done and kept in .*; run the same sweep again to resume"
    ):
        ft.sweep(axes, PICTURES, base, size=12, store=tmp_path, progress=interrupt)


def test_a_task_that_another_process_computes_is_awaited(tmp_path):
    result = ft.sweep({"K": [50]}, PICTURES[:1], size=12, store=tmp_path / "mine")
    store, calls = Store(tmp_path / "shared"), []

    def report(share):
        calls.append(share)
        if len(calls) == 4:  # the other has finished
            for path in (tmp_path / "mine" / "cells").glob("*/*/*"):
                target = store.folder / path.relative_to(tmp_path / "mine")
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(path.read_bytes())
            claim.__exit__(None, None, None)

    from frantools.sweeps.plan import make_plan

    ((task, _),) = make_plan({"K": [50]}, PICTURES[:1], None, ("mse",), None, 12, 0, None, "float32").tasks()
    claim = store.claim(task.name)
    assert claim.__enter__()
    again = ft.sweep({"K": [50]}, PICTURES[:1], size=12, store=store.folder, progress=report)
    assert again.rows == result.rows
    assert len(lines(store.folder)) == 1


def test_other_folders_and_stores_are_refused(tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(StoreError, match="contains other files"):
        ft.sweep(AXES, PICTURES, size=12, store=tmp_path)
    store = Store(tmp_path / "store")
    with pytest.raises(StoreError, match="is a different store on this machine"):
        Store(store.folder, "another")
    with pytest.raises(StoreError, match="there is no store"):
        Store(tmp_path / "nowhere", store.id)
    (store.folder / "store.json").write_text(json.dumps({"format": 99, "id": "x"}))
    with pytest.raises(StoreError, match="the store has format 99, not 1"):
        Store(store.folder)
    (store.folder / "store.json").write_text("{")
    with pytest.raises(StoreError, match="is not a store"):
        Store(store.folder)


def test_a_damaged_line_is_computed_again(tmp_path):
    result = ft.sweep({"K": [25, 50]}, PICTURES[:1], size=12, store=tmp_path)
    (path,) = tmp_path.glob("cells/*/*/*.jsonl")
    path.write_text(path.read_text()[:-40])
    assert numbers(ft.sweep({"K": [25, 50]}, PICTURES[:1], size=12, store=tmp_path)) == numbers(result)
    assert len(list(tmp_path.glob("cells/*/*/*.jsonl"))) == 2


def test_infinity_and_nan_survive_the_store(tmp_path):
    for _ in range(2):
        result = ft.sweep({"model": ["original"]}, PICTURES[:1], measures=("psnr", "ssim"), size=6, store=tmp_path)
        assert (result.rows[0]["psnr"], str(result.rows[0]["ssim"])) == (np.inf, "nan")


def test_nested_infinite_settings_are_texts_in_the_store(tmp_path):
    axes = {"bounds": [(0, np.inf), (0, (-np.inf, np.nan))]}
    ft.sweep(axes, PICTURES[:1], ft.Column("same", lambda picture, bounds: picture), size=6, store=tmp_path)
    assert sorted(str(line["bounds"]) for line in lines(tmp_path)) == ["[0, 'inf']", "[0, ['-inf', 'nan']]"]


def test_a_notebook_displays_the_means_over_pictures():
    result = ft.sweep(AXES, PICTURES, size=12)
    frame = result.to_frame().groupby(["K", "stochasticity"]).mse.mean()
    for row in result.table().rows:
        assert row["mse"] == pytest.approx(frame[row["K"], row["stochasticity"]])
        assert row["pictures"] == 2
    assert repr(result) == "Sweep of K, stochasticity: 4 settings on 2 pictures, 8 cells"
    assert "| K | stochasticity |" in result._repr_markdown_()
    values, column = result.columns[0]
    assert values == {"K": 25, "stochasticity": 0.0}
    restored = ft.compare(ft.Photo(PICTURES[0]).at(12), [column], size=12, seed=0)
    assert restored.measure(["mse"]).rows[0]["mse"] == pytest.approx(result.rows[0]["mse"], rel=1e-5)


NOTE = {
    # noise, clipping, projection: how many settings of stochasticity and K
    ("normal", None, False): 110, ("squared", None, False): 110, ("zero", None, False): 110,
    ("normal", (-1.0, 1.0), False): 11, ("squared", (-1.0, 1.0), False): 11, ("zero", (-1.0, 1.0), False): 11,
    ("normal", None, True): 30, ("squared", None, True): 42, ("zero", None, True): 30,
}  # fmt: skip


def test_the_notes_sweep_has_its_465_setups():
    arguments = read_spec("note")
    result = [dict(setting.values) for setting in expand_axes(arguments["axes"], arguments["model"])]
    assert len(result) == 465
    assert Counter((each["noise_stddev"], each["clipping"], each["noise_projection"]) for each in result) == NOTE
    assert {each["K"] for each in result} == {*range(1, 11), 15, 20, 25, 30}
    assert {each["stochasticity"] for each in result} == {number / 10 for number in range(11)}
    assert (arguments["limit"], arguments["size"], arguments["points"]) == (128, 178, 2048)


def test_the_notes_sweep_is_the_published_one(shared):
    names = ("stochasticity", "K", "noise_stddev", "noise_projection")
    published = json.loads((shared / "published" / "ddim-sweep.json").read_text())
    result = [setting.values for setting in expand_axes(read_spec("note")["axes"])]
    listed = [
        {(*(row[name] for name in names), row["clipping"] and tuple(row["clipping"])) for row in rows}
        for rows in (published, result)
    ]
    assert listed[0] == listed[1]


@pytest.mark.parametrize(
    ("typed", "values"),
    [
        ("K=1,2,4", [1, 2, 4]),
        ("K=1:4", [1, 2, 3, 4]),
        ("stochasticity=0:1:0.1", [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]),
        ("clipping=none,[-1,1]", [None, [-1, 1]]),
        ("clipping=[-1,1]", [[-1, 1]]),
        ("noise_projection=true,false", [True, False]),
        ("noise_stddev=zero", ["zero"]),
        ("setup=A,B:K=25", ["A", "B:K=25"]),
        ('setup=["A","B:K=2,stochasticity=0"]', ["A", "B:K=2,stochasticity=0"]),
        ("scheduler=UniPCMultistep:6", ["UniPCMultistep:6"]),
    ],
)
def test_axes_of_the_command_line_are_parsed(typed, values):
    assert parse_axis(typed) == (typed.partition("=")[0], values)


@pytest.mark.parametrize(
    "values", [["a.py:f", "bicubic"], ["bicubic", "a,b.py:f", "a.py:g"], ["a,b.py", "B", "missing.py:f", "nearest"]]
)
def test_file_names_with_commas_in_an_axis_are_recognised(tmp_path, monkeypatch, values):
    monkeypatch.chdir(tmp_path)
    for name in ("a.py", "a,b.py"):
        (tmp_path / name).touch()
    assert parse_axis(f"model={','.join(values)}") == ("model", values)


@pytest.mark.parametrize("typed", ["K", "=1", "K=", "K=3:1", "K=0:1:0", "K=0:1:1e-9", "clipping=[[-1", 'setup=["A"'])
def test_invalid_axes_of_the_command_line_are_refused(typed):
    with pytest.raises(ValueError, match=r" must (be|have) .* got "):
        parse_axis(typed)


def test_options_override_the_file(tmp_path, capsys):
    for number, picture in enumerate(PICTURES):
        ft.save_picture(picture, tmp_path / "pictures" / f"{number}.png")
    file, out = tmp_path / "mine.toml", tmp_path / "table.csv"
    file.write_text('size = 12\nlimit = 1\n[[axes]]\nK = [25, 50]\n[[axes]]\nK = [50]\nclipping = ["none", [-1, 1]]\n')
    command = ["sweep", str(file), "--data", str(tmp_path / "pictures"), "--store", str(tmp_path / "store")]
    assert main([*command, "--workers", "0", "--out", str(out)]) == 0
    frame = pandas.read_csv(out)
    assert frame[["K", "clipping"]].fillna("none").values.tolist() == [[25, "none"], [50, "none"], [50, "(-1.0, 1.0)"]]
    assert "3 settings on 1 picture, 3 cells" in capsys.readouterr().out
    more = ["--axis", "stochasticity=0,1", "--limit", "2", "--setup", "A", "--measures", "mse", "psnr"]
    assert main([*command, *more, "--workers", "0", "--out", str(out)]) == 0
    frame = pandas.read_csv(out)
    assert (len(frame), set(frame.columns) >= {"K", "clipping", "stochasticity", "mse", "psnr"}) == (12, True)
    for wrong, message in (
        (["--axis", "Q=1"], "got 'Q'"),
        (["--out", "table.txt"], "the file name must end in .csv"),
        (["--scheduler", "tcp://127.0.0.1:9"], "pass either --workers"),
    ):
        assert main([*command, "--workers", "1", *wrong]) == 2
        assert message in capsys.readouterr().err
    file.write_text("axis = 3")
    assert main(command) == 2
    assert "unknown entry axis; use model, setup" in capsys.readouterr().err
    assert main(["sweep", "nothing", *command[2:]]) == 2
    assert "there is no such file; shipped are note" in capsys.readouterr().err


def test_without_dask_the_command_runs_in_one_process(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)  # as where it is not installed: it cannot be imported
    monkeypatch.setattr("frantools.cli.sweep_command.find_spec", lambda name: None)
    ft.save_picture(PICTURES[0], tmp_path / "pictures" / "0.png")
    command = ["sweep", "--data", str(tmp_path / "pictures"), "--axis", "K=50", "--size", "8"]
    assert main([*command, "--store", str(tmp_path / "store")]) == 0
    assert "1 cell" in capsys.readouterr().out


def test_the_command_line_reports_failed_cells(tmp_path, capsys):
    ft.save_picture(PICTURES[0], tmp_path / "pictures" / "0.png")
    (tmp_path / "mine.py").write_text("def f(picture, strength=1):\n    return picture * (1 / strength)\n")
    command = ["sweep", "--data", str(tmp_path / "pictures"), "--store", str(tmp_path / "store"), "--size", "8"]
    model = str(tmp_path / "mine.py:f")
    assert main([*command, "--model", model, "--axis", "strength=0,1", "--workers", "0"]) == 1
    output = "strength 0: f raised ZeroDivisionError"
    assert output in capsys.readouterr().err


def test_without_dask_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'frantools\[sweeps\]'"):
        ft.sweep({"model": ["bicubic"]}, PICTURES, size=8, client="local")


@pytest.mark.parametrize("points", [None, 16])
def test_the_second_run_of_a_sweep_computes_nothing(points, tmp_path, monkeypatch):
    """Neither a restoration nor an evaluation, whatever the axes and however the pictures are given."""
    for number, picture in enumerate(PICTURES):
        ft.save_picture(picture, tmp_path / "pictures" / f"{number}.png")
    done: Counter[str] = Counter()

    def count(where: type, name: str) -> None:
        inner = getattr(where, name)

        def counted(*given: Any, **named: Any) -> Any:
            done[name] += 1
            return inner(*given, **named)

        monkeypatch.setattr(where, name, counted)

    count(FranNet, "encode")
    count(FunctionRestorer, "restore")
    count(Resizing, "restore")
    count(Measure, "__call__")
    count(Measure, "at_points")
    arguments = [
        ({"K": [25, 50], "stochasticity": [0, 1]}, None),
        ({"model": ["bicubic", "single-basic"]}, None),
        ({"strength": [0.5, 1.0]}, ft.Column("half", half)),
    ]
    stored = {"points": points, "size": 12, "store": tmp_path / "store"}
    first = [ft.sweep(axes, tmp_path / "pictures", base, **stored).rows for axes, base in arguments]
    assert done["encode"] > 0
    assert done["restore"] > 0
    assert done["__call__"] + done["at_points"] > 0
    done.clear()
    assert [ft.sweep(axes, tmp_path / "pictures", base, **stored).rows for axes, base in arguments] == first
    assert not done


def half(picture, strength):
    return picture * strength
