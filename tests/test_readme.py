"""The README says what is so."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

import frantools as ft
from frantools import cli
from frantools.note import findings

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
COMMANDS = re.findall(r"^(frantools .*?)(?:\s+#.*)?$", README.replace("\\\n", " "), flags=re.MULTILINE)


def test_its_numbers_are_those_of_the_shipped_results():
    assert findings.summary()._repr_markdown_() in README
    assert findings.samplers().removeprefix("On the held-out portraits ") in README


def test_its_pictures_and_files_exist():
    prose = re.sub(r"```.*?```", "", README, flags=re.DOTALL)
    links = re.findall(r"\]\((?!http)([^)#]+)\)", prose)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_its_first_lines_of_python_run_as_they_are_pasted(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(README.split("```python\n")[1].split("```")[0], names)
    assert names["made"].errors == {}
    assert "PSNR" in capsys.readouterr().out
    assert [column.title for column in ft.load_recipe("cat.png").columns] == names["made"].titles


@pytest.mark.parametrize("command", COMMANDS)
def test_its_commands_are_understood(command, monkeypatch):
    """Parsed as typed; what they would do is left out."""
    asked = []
    known = {name: (title, arguments, asked.append) for name, (title, arguments, _) in cli.COMMANDS.items()}
    monkeypatch.setattr(cli, "COMMANDS", known)
    assert cli.main(shlex.split(command)[1:]) == 0
    assert len(asked) == 1


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_notebooks_hold_pictures_in_the_place_of_their_widgets(path):
    """JupyterLab would show a sentence for a widget whose cell has not been run; see `rerun.py`."""
    cells = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
    shown = [output.get("data", {}) for cell in cells for output in cell["outputs"]]
    assert "application/vnd.jupyter.widget-view+json" not in {kind for data in shown for kind in data}
    assert any("image/png" in output.get("data", {}) for output in cells[-1]["outputs"])
