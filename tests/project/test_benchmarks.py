"""The benchmarks run, and its tables say what they should; how fast things are is no matter of a test."""

from __future__ import annotations

import ast
import importlib
import json
import os
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from frantools import findings, portraits, save_picture
from frantools.reports import figures

ROOT = Path(__file__).parents[2]


def rows(markdown: str, first: str) -> list[dict[str, str]]:
    """The rows, by column, of the table whose head begins with a cell."""
    lines = iter(markdown.splitlines())
    head = next(line for line in lines if line.startswith(f"| {first} |"))
    next(lines)
    body = []
    for line in lines:
        if not line.startswith("|"):
            break
        body.append(line)
    names, *cells = ([cell.strip() for cell in line.strip("|").split("|")] for line in (head, *body))
    return [dict(zip(names, row, strict=True)) for row in cells]


@pytest.fixture
def run_benchmark(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Run a benchmark in this process, and return what it prints."""

    def run(name: str, *arguments: object, code: int | None = 0) -> Any:
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        status: object = 0
        try:
            runpy.run_path(str(ROOT / "benchmarks" / name), run_name="__main__")
        except SystemExit as ended:
            status = ended.code
        assert code in (status, None)  # None: some return 1 if they are slower than expected
        return capsys.readouterr()

    return run


@pytest.mark.skipif(sys.platform == "win32", reason="the benchmark forks processes, which Windows has not")
def test_the_quick_benchmark_fills_its_tables_and_keeps_the_prose_above_them(tmp_path):
    out = tmp_path / "results.md"
    out.write_text("Prose.\n\n<!-- from here on written by run.py -->\nold results\n")
    command = [sys.executable, "benchmarks/run.py", "--quick", "--sections", "engine", "rois", "--setups", "masking-32"]
    # One thread: two of them would wait for each other on a machine that has other things to do.
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    run = subprocess.run([*command, "--out", out], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    written = out.read_text()
    assert written.startswith("Prose.\n")
    assert "old results" not in written
    assert run.stdout.strip() in written

    engine = rows(written, "setup")
    assert [row["form"] for row in engine] == [
        "plain port",
        *(f"engine, {form}" for form in ("float32", "bfloat16", "float32, not compiled", "bfloat16, not compiled")),
    ]
    for row in engine:
        assert list(row) == [
            "setup",
            "size",
            "form",
            "seconds",
            "point-steps a second",
            "useful GFLOP/s",
            "of the roof",
            "peak memory",
            "times as fast as plain",
        ]
        assert float(row["seconds"]) > 0
        assert float(row["peak memory"].removesuffix(" MB")) > 0
    assert engine[0]["times as fast as plain"] == "1.0"
    assert {row["precision"] for row in rows(written, "precision")} == {"float32", "bfloat16"}
    assert [row["same answer"] for row in rows(written, "pictures")] == ["yes"]


def test_noise_lengths_are_measured_picture_by_picture_and_a_run_is_resumed(tmp_path, run_benchmark):
    for name in ("astronaut", "hopper"):
        save_picture(portraits()[name], tmp_path / "pictures" / f"{name}.png")
    out = tmp_path / "lengths.json"
    options = [
        "--data",
        tmp_path / "pictures",
        "--out",
        out,
        "--seeds",
        "2",
        "--setup",
        "B:K=50,noise_projection=false",
    ]
    run_benchmark("noise_length.py", *options, "--limit", 1)
    first = json.loads(out.read_text())
    assert list(first["each"]) == ["astronaut.png"]
    assert run_benchmark("noise_length.py", *options, "--limit", 2).err.splitlines() == ["2 pictures"]
    both = json.loads(out.read_text())
    assert list(both["each"]) == ["astronaut.png", "hopper.png"]
    assert both["each"]["astronaut.png"] == first["each"]["astronaut.png"]
    assert run_benchmark("noise_length.py", *options, "--limit", 2).err == ""
    refused = run_benchmark("noise_length.py", *options, "--seeds", 3, code=2)
    assert "is of another model, size, setups or number of seeds" in refused.err

    white, *_, one = findings.noise_lengths(both).rows
    assert (white["length, pixels"], one["length, pixels"]) == ("0", "inf")
    assert one["ssim"] > white["ssim"]
    assert float(one["of the loss"]) > float(white["of the loss"])
    assert white["95 % interval"] == "+0.00000 to +0.00000"
    panels = findings.lengths(both)
    figure = figures.lengths(panels)
    shown = [axes.get_title() for axes in figure.axes]
    assert shown == list(panels) == ["loss", "SSIM", "sharpness", *shown[3:]]
    middle = figure.axes[1].containers[0].lines[0].get_ydata()
    assert list(middle) == [row["ssim"] for row in findings.noise_lengths(both).rows]
    with pytest.raises(ValueError, match="at least one length"):
        figures.lengths({"loss": []})


@pytest.mark.parametrize("path", sorted((ROOT / "benchmarks").glob("*.py")), ids=lambda path: path.name)
def test_what_a_benchmark_imports_is_there(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("frantools"):
            module = importlib.import_module(node.module)
            for name in (each.name for each in node.names):
                assert hasattr(module, name) or importlib.import_module(f"{node.module}.{name}")


def test_points_are_timed_beside_a_grid_and_estimates_are_compared_with_all_pixels(tmp_path, run_benchmark):
    save_picture(portraits()["hopper"], tmp_path / "hopper.png")
    timed = rows(run_benchmark("points.py", code=None).out, "setup")
    assert [(row["setup"], row["calls"]) for row in timed] == [("B", "15"), ("A", "100")]
    assert all(float(row["ratio"]) > 0 for row in timed)
    options = ("--size", 16, "--points", 100, "--draws", 3)
    estimated = rows(run_benchmark("estimates.py", tmp_path, *options, code=None).out, "measure")
    assert [(row["measure"], row["intervals"]) for row in estimated] == [("mse", "20"), ("mse_gray", "20")]
    assert all(0 < float(row["hold, first draw"].rstrip("%")) <= 100 for row in estimated)
