"""The tables of what was measured: every result that is there, none in another's place, and what is real of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import frantools as ft
from frantools.comparisons.evaluation import Metrics, summarise
from frantools.frannet.sampling.setup import QUICK
from frantools.note import findings
from frantools.note import shipped_results as shipped
from frantools.reports import figures
from frantools.scores.intervals import interval, paired_interval


def metrics(loss: float, calls: int = 1, pictures: int = 40, seed: int = 0) -> Metrics:
    """Made-up results, of the same hard and easy pictures."""
    hard = np.random.default_rng(0).gamma(1.5, size=pictures)
    own = loss * (hard + np.random.default_rng(seed).normal(0, 0.01, pictures))
    rows = [{"mse": value, "mse_gray": value / 3, "psnr": 20.0, "ssim": 0.8} for value in own.tolist()]
    return summarise(rows, calls, seconds=pictures * 0.123)


def row(model: str, setup: str | None, calls: int, loss: float = 0.01) -> dict[str, Any]:
    return {"model": model, "sha256": None, "setup": setup, **metrics(loss, calls).to_dict()}


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of results: baselines, and models of one and of many calls, some with setups of their own."""
    files = {
        "a-diffusion": [
            row("diffusion-best", "B", 15),
            row("diffusion-basic", "B", 15),
            row("diffusion-best", "A", 100),
        ],
        "b-schedulers": [row("diffusion-best", "DPM-Solver++ 6", 6), row("diffusion-best", "B-6", 6)],
        "c-single": [row("single-best", None, 1), row("single-masking-8", None, 1)],
        "d-baselines": [row("bicubic", None, 0), row("bicubic-colour", None, 0, loss=0.001)],
    }
    folder = tmp_path / "results"
    folder.mkdir()
    for name, rows in files.items():
        (folder / f"{name}.json").write_text(json.dumps({"command": f"frantools evaluate {name}", "results": rows}))
    (folder / "other.json").write_text(json.dumps({"command": "something else", "rows": []}))
    monkeypatch.setattr(shipped, "shipped", lambda: tmp_path)
    return folder


NAMES = [
    "bicubic",
    "bicubic-colour",
    "single-best",
    "single-masking-8",
    "diffusion-best B",
    "diffusion-basic B",
    "diffusion-best A",
    "diffusion-best DPM-Solver++ 6",
    "diffusion-best B-6",
]


def test_no_result_takes_the_place_of_another(results):
    assert [*findings.shipped_results()] == NAMES
    assert [*findings.metrics()] == NAMES
    assert [row["model"] for row in findings.losses().rows] == NAMES
    for name, row in findings.shipped_results().items():
        assert name == f"{row['model']} {row['setup'] or ''}".strip()


def test_the_notes_columns_are_those_of_its_models(results):
    columns = findings.held_out_results()
    assert {title: (row["model"], row["setup"]) for title, row in columns.items()} == {
        "B": ("diffusion-basic", "B"),
        "masking-8": ("single-masking-8", None),
    }


def test_the_notes_numbers_stand_beside_its_own_models_alone(results):
    noted = {row["model"]: row["loss in the note (CelebA)"] for row in findings.losses().rows}
    assert {name: value for name, value in noted.items() if value} == {
        "bicubic": "0.0118",
        "single-masking-8": "0.00638",
        "diffusion-basic B": "0.00637",
    }


def test_results_with_old_names_of_measures_are_read(results):
    path = results / "c-single.json"
    before = findings.metrics(), findings.losses().rows
    old = path.read_text().replace('"mse"', '"loss"').replace('"mse_gray"', '"loss_gray"')
    assert '"loss_gray"' in old
    path.write_text(old)
    assert (findings.metrics(), findings.losses().rows) == before


def test_the_commands_are_those_of_the_results(results):
    commands = [f"frantools evaluate {path.stem}" for path in sorted(results.glob("?-*.json"))]
    assert findings.commands().splitlines() == commands


def test_colour_is_what_the_true_colour_takes_from_the_loss(results):
    assert "So colour is 90 % of it" in findings.colour()


def test_a_table_of_losses_says_how_sure_they_are():
    given = metrics(0.01)
    (row,) = findings.losses({"mine": given}).rows
    low, high = interval(given.per_picture["mse"])
    assert row["loss (95 % interval)"] == f"{given.mse:.5f} ({low:.5f} to {high:.5f})"
    assert row["ms a picture"] == 120


def test_differences_are_real_where_their_interval_excludes_0():
    given = {"base": metrics(0.01), "same": metrics(0.01, seed=1), "more": metrics(0.011, seed=2)}
    same, more = findings.differences("base", results=given).rows
    assert (same["model"], same["real"], more["model"], more["real"]) == ("same", False, "more", True)
    low, high = paired_interval(given["more"].per_picture["mse"], given["base"].per_picture["mse"])
    assert more["95 % interval"] == f"{low:+.5f} to {high:+.5f}"
    assert float(more["in %"]) == pytest.approx(100 * (given["more"].mse / given["base"].mse - 1), abs=0.05)
    (less,) = findings.differences("more", ["base"], "mse_gray", given).rows
    assert less["real"]
    assert less["gray loss less that of more"].startswith("-")


def test_a_difference_that_rounds_to_0_is_not_real():
    base = metrics(0.01)
    shifted = {name: [value - 1e-7 for value in values] for name, values in base.per_picture.items()}
    given = {"base": base, "near": Metrics({**base.means, "mse": base.mse - 1e-7}, base.pictures, per_picture=shifted)}
    (near,) = findings.differences("base", results=given).rows
    assert near["real"] is False
    assert [near["loss less that of base"], near["95 % interval"], near["in %"]] == [
        "+0.00000",
        "+0.00000 to +0.00000",
        "+0.0",
    ]


def test_too_few_pictures_decide_no_difference():
    given = {"base": metrics(0.01, pictures=5), "more": metrics(0.02, pictures=5)}
    (more,) = findings.differences("base", results=given).rows
    assert more["real"] is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"reference": "other"}, "there is no result of 'other'; accepted: a, b"),
        ({"reference": "a", "names": ["c"]}, "there is no result of 'c'; accepted: a, b"),
        ({"reference": "a", "metric": "calls"}, "metric must be 'mse', 'mse_gray', 'psnr' or 'ssim', got 'calls'"),
        ({"reference": "a"}, "must be of the same pictures, got 4"),
    ],
)
def test_invalid_comparisons_are_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        findings.differences(**arguments, results={"a": metrics(0.01), "b": metrics(0.01, pictures=41)})


def test_an_ablation_is_read_where_there_is_one(results):
    assert findings.ablation().rows == [{"change": "none has been measured yet"}]
    rows = [{"name": "note", "change": "", "loss": 0.00291, "loss_gray": 0.00125, "parameters": 591731}]
    (results / "ablation.json").write_text(json.dumps({"commands": ["made so"], "rows": rows}))
    assert findings.ablation().rows == [
        {"name": "note", "change": "", "mse": "0.00291", "mse_gray": "0.00125", "parameters": 591731}
    ]
    assert [*findings.shipped_results()] == NAMES


def test_the_shipped_results_are_of_the_same_pictures():
    files = shipped.files()
    assert len({(file["data"]["sha256"], file["size"], file["limit"]) for file in files}) == 1
    assert {len(result.per_picture["mse"]) for result in findings.metrics().values()} == {128}


def test_the_models_are_those_that_are_shipped():
    rows = findings.models().rows
    assert [row["model"] for row in rows] == [*ft.models()]
    assert all(row["parameters"] == ft.models()[row["model"]]["parameters"] for row in rows)


def test_the_figure_has_a_line_for_each_model_and_tells_the_kinds_apart(results):
    figure = figures.losses(findings.estimates())
    loss, gray = figure.axes
    assert [label.get_text() for label in loss.get_yticklabels()] == NAMES
    assert loss.get_xlabel().startswith("loss: mean and 95 % interval")
    assert gray.get_xlabel().startswith("gray loss: ")
    told = [text.get_text() for text in figure.legends[0].get_texts()]
    assert told == [
        "resizing the gray input",
        "resizing, given the true colour",
        "single-pass model",
        "diffusion model",
        "the note's own, on CelebA",
    ]
    shown = {container.get_label(): container.lines[0].get_xydata().tolist() for container in loss.containers}
    single = [[result.mse, index] for index, result in enumerate(findings.metrics().values()) if result.calls == 1]
    assert shown["single-pass model"] == single
    colours = [container.lines[0].get_color() for container in loss.containers]
    assert len(set(colours)) == len(colours)


def test_a_figure_of_no_losses_is_refused():
    for panels in ({}, {"loss": []}):
        with pytest.raises(ValueError, match="a figure of losses needs at least one model"):
            figures.losses(panels)


def test_loss_against_calls_has_a_line_for_each_sampler_and_tells_the_quickest():
    curves = findings.curves()
    assert list(curves) == list(findings.FAMILIES.values())
    figure = ft.figures.loss_against_calls(curves)
    lines = {line.get_label(): line.get_xdata() for line in figure.axes[0].lines}
    assert {name: [*calls] for name, calls in lines.items()} == {n: [c for c, _ in p] for n, p in curves.items()}
    told = findings.quick().splitlines()
    assert len(told) == 1 + len(curves)
    assert told[0].startswith("diffusion-best with B (15 calls)")


def test_a_setup_of_6_calls_is_within_2_percent_of_b():
    curve = dict(findings.curves()[findings.FAMILIES["B"]])
    assert QUICK.calls == 6
    assert curve[QUICK.calls] <= 1.02 * curve[ft.SETUPS["B"].calls]


def test_a_figure_of_no_sampler_is_refused():
    with pytest.raises(ValueError, match="needs at least one sampler"):
        ft.figures.loss_against_calls({"B": []})


def test_the_best_models_reach_what_was_asked_of_them():
    """On 128 held-out portraits: less than bicubic's own gray loss, and 15 calls lose hardly more than one."""
    results = findings.shipped_results()
    single, diffusion = results["single-best"], results["diffusion-best B:noise_stddev=zero"]
    assert single["mse"] <= 0.0025
    assert single["mse_gray"] < results["bicubic"]["mse_gray"]
    assert diffusion["mse"] <= 1.06 * single["mse"]  # 1.0506 was measured
    sharp = {row["model"]: row["sharpness"] for row in findings.local_sharpness().rows}
    assert sharp["diffusion-best B:noise_stddev=zero"] > sharp["single-best"]
