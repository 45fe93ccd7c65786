"""The project's files agree, and packages that are built from them are complete."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
import zipfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import frantools as ft

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONDA_NAMES = {"pytorch": "torch"}  # every other package has the same name on conda-forge

LOAD_SHIPPED = """
import json
import frantools as ft
from frantools.frannet.weights.checkpoints import shipped
models = {name: ft.load_model(name).sha256 for name in ft.models()}
print(json.dumps({"folder": str(shipped()), "models": models}))
"""


def requirements(lines: list[str]) -> dict[str, Requirement]:
    """Requirements by name, less the project's own extras."""
    parsed = [Requirement(line) for line in lines]
    return {canonicalize_name(r.name): r for r in parsed if r.name != PROJECT["name"]}


def pins() -> dict[str, Version]:
    """The versions in constraints.txt, by name."""
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and line[0] != "#"]
    return {canonicalize_name(name): Version(version) for name, version in (line.split("==") for line in lines)}


def python(code: str, path: Path = ROOT) -> Any:
    """The JSON that a fresh interpreter prints, with `path` first among the folders that it imports from."""
    environment = {**os.environ, "PYTHONPATH": str(path)}
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, cwd=path)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_environment_yml_and_pyproject_have_the_same_dependencies():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    listed = [line for line in environment["dependencies"] if isinstance(line, str)]
    conda = {CONDA_NAMES.get(name, name): r.specifier for name, r in requirements(listed).items()}
    conda.pop("pip")
    expected = {name: r.specifier for name, r in requirements(PROJECT["dependencies"]).items()}
    expected["python"] = Requirement(f"python{PROJECT['requires-python']}").specifier
    assert conda == expected


def test_constraints_pin_every_dependency_within_its_range():
    pinned = pins()
    for lines in (PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()):
        for name, requirement in requirements(lines).items():
            assert name in pinned, f"{name} is not pinned"
            assert pinned[name] in requirement.specifier, f"{requirement} is pinned to {pinned[name]}"


def test_constraints_hold_for_every_build_of_a_version():
    assert not [name for name, version in pins().items() if version.local], "a local version is one machine's build"
    assert pins()["torch"] == Version("2.13.0")


def test_importing_frantools_does_not_import_compilers_or_front_ends():
    used = "import frantools as ft, json, sys; ft.restore, ft.evaluate, ft.find_rois, ft.load_model, ft.note.draw"
    imported = python(f"{used}; print(json.dumps(list(sys.modules)))")
    assert {"frantools.frannet.engine.grid_decoder", "matplotlib.figure"} <= set(imported)
    heavy = {"torch._dynamo", "torch._inductor", "IPython", "ipywidgets", "matplotlib.pyplot"}
    assert not heavy & set(imported)


def test_make_test_runs_browser_tests_after_all_others():
    dry_run = subprocess.run(["make", "-n", "test"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    first, second = (line.split() for line in dry_run.splitlines() if "-m pytest" in line)
    tests = {str(path.relative_to(ROOT)): path.read_text() for path in (ROOT / "tests").rglob("test_*.py")}
    files = {name for name, text in tests.items() if "\nimport browser\n" in text}
    assert {name for option, name in pairwise(first) if option == "--ignore"} == files
    assert {word for word in second if word.startswith("tests/")} == files


def test_a_restoration_does_not_import_compilers():
    """It would take seconds of each process."""
    imported = python(
        "import frantools as ft, json, numpy, sys, torch\n"
        "from frantools.frannet.network.model import Config, FranNet\n"
        "from frantools.frannet.network.architecture import Encoding\n"
        "fixed = Config('single-pass', position_encoding=Encoding('fixed'), time_encoding=Encoding('fixed'))\n"
        "for config in (Config('diffusion'), Config('single-pass'), fixed):\n"
        "    ft.restore(FranNet(config).eval().requires_grad_(False), numpy.zeros((32, 32)), size=8)\n"
        "print(json.dumps(list(sys.modules)))"
    )
    assert not {"torch._dynamo", "torch._inductor"} & set(imported)


def test_an_installed_wheel_loads_its_models(tmp_path):
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    site = tmp_path / "site"
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        wheel.extractall(site)
    loaded = python(LOAD_SHIPPED, path=site)
    assert (site / "frantools" / "viewer" / "js" / "style.css").is_file()
    assert Path(loaded["folder"]) == site / "frantools" / "data"
    assert loaded["models"] == {name: ft.load_model(name).sha256 for name in ft.models()}
    assert {"diffusion-basic", "single-masking-8", "single-masking-32"} <= loaded["models"].keys()
    assert not list(site.rglob("*.checkpoint.safetensors")), "a training's checkpoints are no models"
