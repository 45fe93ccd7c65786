"""The README's numbers, links, code and commands."""

from __future__ import annotations

import json
import re
import shlex
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import frantools as ft
from frantools import cli
from frantools.note import findings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = [part.split("```")[0] for part in README.split("```python\n")[1:]]
COMMANDS = re.findall(r"^(frantools .*?)(?:\s+#.*)?$", README.replace("\\\n", " "), flags=re.MULTILINE)


def test_its_numbers_match_the_shipped_results():
    assert findings.summary()._repr_markdown_() in README
    assert findings.samplers().removeprefix("On the held-out portraits ") in README


def test_its_pictures_and_files_exist():
    prose = re.sub(r"```.*?```", "", README, flags=re.DOTALL)
    links = re.findall(r"\]\((?!http)([^)#]+)\)", prose)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.fixture
def without_extras(monkeypatch):
    """The environment that plain `make` creates: optional libraries cannot be imported."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    required = [name for extra, names in extras.items() if extra != "test" for name in names]
    libraries = {re.split(r"[\[>=]", name)[0] for name in required} - {"frantools"}
    assert {"diffusers", "pandas", "distributed"} <= libraries
    for library in libraries:
        monkeypatch.setitem(sys.modules, library, None)
    ft.adapters._diffusers.cache_clear()
    yield
    ft.adapters._diffusers.cache_clear()


def test_its_first_block_of_python_runs(tmp_path, monkeypatch, capsys, without_extras):
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(BLOCKS[0], names)
    assert names["comparison"].errors == {}
    assert "PSNR" in capsys.readouterr().out
    assert [column.title for column in ft.load_recipe("cat.png").columns] == names["comparison"].titles


def test_its_blocks_of_python_run_without_optional_libraries_unless_they_name_them(
    tmp_path, monkeypatch, without_extras
):
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    optional = []
    for block in BLOCKS[1:]:
        small = block.replace("size=512", "size=32").replace("size=128", "size=8").replace("points=2048", "points=16")
        small = small.replace('["astronaut", "hopper"]', '["hopper"]')
        try:
            exec(small, names)
        except ModuleNotFoundError as error:
            optional.append((block, str(error)))
    names["plane"].close()
    assert ["SchedulerSetup" in block for block, _ in optional] == [True]
    assert optional[0][1].endswith("pip install 'frantools[schedulers]'")
    assert names["b"].recipe == ft.load_recipe("b.png")


@pytest.mark.parametrize("command", COMMANDS)
def test_its_commands_are_parsed(command, monkeypatch):
    """Parsed as typed; what they would do is left out."""
    calls = []
    for module, _ in cli.COMMANDS.values():
        monkeypatch.setattr(module, "run", calls.append)
    assert cli.main(shlex.split(command)[1:]) == 0
    assert len(calls) == 1


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_notebooks_contain_pictures_instead_of_their_widgets(path):
    """JupyterLab would show a sentence for a widget whose cell has not been run; see `rerun.py`."""
    cells = [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    displayed = [output.get("data", {}) for cell in cells for output in cell["outputs"]]
    assert "application/vnd.jupyter.widget-view+json" not in {kind for data in displayed for kind in data}
    assert any("image/png" in output.get("data", {}) for output in cells[-1]["outputs"])
