"""The shipped sweep of the note's settings is complete and agrees with notebook 7."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import frantools as ft
from frantools.frannet.sampling.schedule import make
from frantools.frannet.weights.checkpoints import shipped
from frantools.note import claims, plane_findings
from frantools.note.strides import strides, terms
from frantools.sweeps.export import export_records, format_export
from frantools.sweeps.reader import read_records, read_sweep

FILE = shipped() / "results" / "sweep" / "note.json"
NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "07-the-plane.ipynb"


@pytest.fixture(scope="module")
def ours() -> claims.Losses:
    return claims.losses(plane_findings.shipped_sweep())


def test_the_shipped_sweep_has_all_settings_of_the_note_on_each_picture(ours):
    result = plane_findings.shipped_sweep()
    assert set(ours) == set(claims.published())
    assert len(result) == 465 * len(result.pictures) == sum(map(len, ours.values()))
    for row in result.rows:
        numbers = [row[name] for name in ("mse", "mse_gray", "mse_se", "mse_gray_se")]
        assert np.isfinite(numbers).all()
        assert min(numbers) > 0
        assert row["mse_se"] < row["mse"]
    for values, column in result.columns:
        assert column.setup.calls_on(make()) in {row["calls"] for row in result.rows}
        assert {name: getattr(column.setup, name) for name in values} == values


def test_the_shipped_file_is_small_and_has_no_machine_names():
    text = FILE.read_text()
    content = json.loads(text)
    assert len(text) < 4_000_000
    assert len({item["sha256"] for item in content["pictures"]}) == len(content["pictures"])
    assert [item["seed"] for item in content["pictures"]] == sorted({item["seed"] for item in content["pictures"]})
    assert all("/" not in item["picture"] for item in content["pictures"])
    assert not {"worker", "time", "seconds"} & set(text.split('"'))
    assert content["command"].startswith("frantools sweep note ")
    assert len(content["commit"]) == 40


def test_an_exported_store_reads_like_the_store(tmp_path):
    store = tmp_path / "store"
    axes = {"K": [50, 90], "noise_stddev": ["normal", "zero"]}
    ft.sweep(axes, ["hopper", "astronaut"], size=16, points=64, measures=("mse", "mse_gray"), store=store)
    ft.sweep(
        {"K": [50]},
        [np.full((20, 20, 3), 0.5, np.float32)],
        size=16,
        points=64,
        measures=("mse", "mse_gray"),
        store=store,
    )  # not all of them
    facts, pictures, _ = read_records(store)
    file = tmp_path / "packed.json"
    file.write_text(format_export(export_records(facts, pictures, command="here")))
    whole, read = read_sweep(store), read_sweep(file)
    assert read.pictures == ("hopper", "astronaut")
    assert (read.axes, read.measures, read.points) == (whole.axes, whole.measures, whole.points)
    expected = {(row["picture"], *(row[name] for name in whole.axes)): row for row in whole.rows}
    assert len(read) == 8
    for row in read.rows:
        other = expected[row["picture"], *(row[name] for name in read.axes)]
        assert row["calls"] == other["calls"]
        for name in ("mse", "mse_gray", "mse_se", "mse_gray_se"):
            assert row[name] == pytest.approx(other[name], rel=1e-6)
    file.write_text("{}")
    with pytest.raises(ValueError, match=r"packed\.json: has no frame, measures"):
        read_sweep(file)


def test_a_store_without_a_complete_picture_is_not_exported(tmp_path):
    for name, K in (("hopper", 50), ("astronaut", 90)):
        ft.sweep({"K": [K]}, [name], size=16, points=64, store=tmp_path / "store")
    facts, pictures, _ = read_records(tmp_path / "store")
    with pytest.raises(ValueError, match="no picture was measured under all settings"):
        export_records(facts, pictures)


def test_the_published_numbers_are_drawn_as_means_of_512_pictures():
    result = plane_findings.published_sweep()
    assert len(result) == 465
    assert claims.losses(result) == claims.published()
    figure = ft.figures.slices(result, "stochasticity", "noise_stddev", where={"K": 1, "noise_projection": False})
    output = " ".join(text.get_text() for text in figure.texts)
    assert "mean over 512 pictures" in output
    assert "standard error" not in output


def test_the_notebook_agrees_with_the_results(ours):
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    outputs = [item for cell in cells for item in cell.get("outputs", [])]
    output = "".join(
        "".join(item.get("text", [])) + "".join(item.get("data", {}).get("text/plain", [])) for item in outputs
    )
    assert str(claims.agreement(ours)) in output
    assert str(claims.verdicts(ours)) in output
    assert plane_findings.about() in output
    for name in plane_findings.PARTS:
        assert str(plane_findings.least(name)) in output
    assert str(plane_findings.apart()) in output


def test_the_best_settings_of_each_part_are_the_best(ours):
    for name in plane_findings.PARTS:
        for row in plane_findings.least(name).rows:
            losses = {s: v.mean() for s, v in plane_findings.part(name, ours).items() if s.noise_stddev == row["noise"]}
            assert row["settings"] == len(losses)
            assert row["its loss here"] == f"{min(losses.values()):.5f}"
            assert row["worst loss here"] == f"{max(losses.values()):.5f}"


def test_a_claim_lists_the_means_that_contradict_it(ours):
    claim = "K = 7, 9, 10 are spikes"
    result = claims.verdict(claim, ours)
    rows = plane_findings.against(claim, rows=10_000).rows
    assert result.lower + len(rows) == len(result.pairs.rows)
    assert all(float(row["difference"]) >= 0 for row in rows)


@pytest.mark.parametrize("stddev", ["normal", "squared", "zero"])
def test_the_noise_projection_moves_a_point_back_to_its_sphere(stddev):
    result = strides("hopper", (0.5, 0.45), setup=ft.Setup(K=10, noise_stddev=stddev))
    assert [step.t for step in result] == ft.Setup(K=10).visited(make())[0].tolist()
    for step in result:
        assert np.linalg.norm(step.after - step.x0) == pytest.approx(step.radius, rel=1e-4, abs=1e-6)
        assert (stddev == "zero" or step.t_prev < 0) == np.allclose(step.noisy, step.mean)


def test_without_projection_noise_moves_a_point():
    setup = ft.Setup(K=10, noise_projection=False)
    result = strides("hopper", (0.5, 0.45), setup=setup)
    for step, following in zip(result, [*result[1:], None], strict=True):
        assert np.allclose(step.after, step.noisy, atol=1e-5)
        if following is not None:
            assert np.array_equal(following.x, step.after)


@pytest.mark.parametrize("K", [1, 8, 30])
def test_only_normal_noise_preserves_the_variance_of_a_step(K):
    setup = ft.Setup(K=K)
    assert all(terms(t, setup).variance == pytest.approx(1) for t in range(100))
    without = terms(50, replace(setup, noise_stddev="zero"))
    assert without.z == 0
    assert without.variance == pytest.approx(1 - terms(50, setup).z ** 2)
    with pytest.raises(ValueError, match="t must be an integer from 0 to 99, got 100"):
        terms(100, setup)
    with pytest.raises(ValueError, match="sampler must be 'ddim'"):
        terms(50, ft.SETUPS["DDPM"])


def test_the_sliders_of_the_formula_change_its_terms():
    widget = ft.widgets.formula(t=50)
    first = widget.chart.value
    widget.stochasticity.value = 0.0
    assert widget.setup.stochasticity == 0
    assert widget.chart.value != first
    assert terms(50, widget.setup).z == 0
