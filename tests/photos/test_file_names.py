"""File names with undecodable bytes, composed and decomposed accents, and consoles with limited encodings."""

from __future__ import annotations

import ast
import io
import os
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ipykernel.iostream import OutStream
from PIL import Image

import frantools as ft
from frantools import cli
from frantools.comparisons.tables import Table
from frantools.files import write_json
from frantools.photos.file_names import as_label, encodable, find_spelling
from frantools.photos.folder import Pictures
from frantools.reports.figures import MeanInterval, Row
from frantools.restorers.base import RestorerError
from frantools.restorers.saved import matching
from frantools.system import console
from frantools.widgets.save_controls import literal

ROOT = Path(__file__).parents[2]
UNDECODABLE = os.fsdecode(b"na\xefve \xff.png")
COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "Åström.png") for form in ("NFC", "NFD"))
LIBRARIES = {"png", "Image", "os"}
"""What has an `open` or a `read_text` that reads bytes."""


def text_calls(path: Path) -> list[str]:
    """The calls of a file that read or write text, or run a program for its text, and name no encoding."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or "encoding" in {keyword.arg for keyword in node.keywords}:
            continue
        function = node.func
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        owner = function.value if isinstance(function, ast.Attribute) else None
        if isinstance(owner, ast.Name) and owner.id in LIBRARIES:
            continue
        is_binary = any(isinstance(item, ast.Constant) and "b" in str(item.value) for item in node.args)
        is_file = (name == "open" and not is_binary) or (owner is not None and name in ("read_text", "write_text"))
        if is_file or any(keyword.arg in ("text", "universal_newlines") for keyword in node.keywords):
            found.append(f"{path.name}:{node.lineno}: {ast.unparse(node)}")
    return found


def test_all_text_is_read_and_written_in_a_stated_encoding():
    files = [*ROOT.glob("frantools/**/*.py"), *ROOT.glob("benchmarks/*.py")]
    assert [call for path in files for call in text_calls(path)] == []


def test_calls_without_an_encoding_are_found(tmp_path):
    code = (
        'open("a")\nopen("a", "rb")\np.read_text()\np.open("w")\nrun("ls", text=True)\np.read_text(encoding="utf-8")\n'
    )
    (tmp_path / "x.py").write_text(code, encoding="utf-8")
    assert [call.split(":")[1] for call in text_calls(tmp_path / "x.py")] == ["1", "3", "4", "5"]


@pytest.mark.parametrize("name", [UNDECODABLE, "\ud83d half", COMPOSED, DECOMPOSED, "plain"])
def test_a_label_can_be_encoded_and_is_composed(name):
    label = as_label(name)
    assert label.encode("utf-8").decode("utf-8") == label
    assert unicodedata.is_normalized("NFC", label)
    assert encodable(name).encode("ascii", "backslashreplace") == name.encode("ascii", "backslashreplace")


def test_control_characters_of_names_are_escaped(tmp_path):
    name = "red \x1b[31m\rend\x9b.png"
    image = picture_at(tmp_path / name)
    if image is None:
        pytest.skip("this file system has no such names")
    result = ft.compare(image, ["nearest", (name, "bicubic")], size=16)
    ft.save_figure(result.figure(), tmp_path / "figure.svg", result.recipe)
    assert ft.load_recipe(tmp_path / "figure.svg") == result.recipe
    table = result.measure()
    for text in (repr(table), table.to_markdown(), table.to_latex(), (tmp_path / "figure.svg").read_text("utf-8")):
        assert not {"\x1b", "\r", "\x9b"} & set(text)
        assert "x1b[31m" in text.replace("{[}", "[").replace("\\[", "[")
    assert as_label("two\nlines\tof it") == "two\nlines\tof it"


def test_a_name_with_a_line_break_takes_one_line_of_a_table():
    assert len(repr(Table([{"picture": "a\nb.png", "mse": 0.5}])).splitlines()) == 2


@pytest.mark.parametrize(
    "text", ["plain", 'quoted "twice"', "line\nbreak", "\U0001f4f7\U0001f9d1", UNDECODABLE, "\ud83d", "\u2028", "\\n"]
)
def test_copied_code_contains_the_exact_text(text):
    code = literal(text)
    assert ast.literal_eval(code) == text
    code.encode("utf-8")


def picture_at(path: Path) -> Path | None:
    """A picture with this name, or None where the file system has no such names."""
    try:
        with path.open("wb") as file:
            Image.fromarray(ft.portraits()["hopper"]).resize((48, 48)).save(file, "PNG")
    except OSError:
        return None
    return path


@pytest.fixture
def undecodable(tmp_path: Path) -> Path:
    """A picture whose name is not UTF-8."""
    path = picture_at(tmp_path / UNDECODABLE)
    if path is None:
        pytest.skip("this file system has no such names")
    return path


def test_tables_accept_undecodable_names():
    table = Table([{"picture": UNDECODABLE, "mse": 0.5}], caption=UNDECODABLE)
    output = [table.to_csv(), table.to_latex(), table.to_markdown(), repr(table), table._repr_markdown_()]
    for text in output:
        text.encode("utf-8")
        assert "udcef" in text
    table.to_frame().to_csv(io.BytesIO())


def test_displayed_tables_compose_accents_and_exported_ones_do_not():
    table = Table([{"picture": DECOMPOSED}])
    for text in (table.to_latex(), table.to_markdown(), repr(table)):
        assert unicodedata.is_normalized("NFC", text)
    assert DECOMPOSED in table.to_csv()
    assert table.to_frame()["picture"].tolist() == [DECOMPOSED]


def test_a_comparison_with_an_undecodable_name_is_written_in_each_format(undecodable, tmp_path):
    result = ft.compare(undecodable, [undecodable, (UNDECODABLE, "nearest"), ("bad", lambda picture: None)], size=24)
    assert list(result.errors) == ["bad"]
    ft.widgets.Viewer(result).save(tmp_path / "page.html")
    ft.widgets.Viewer({UNDECODABLE: np.zeros((8, 8, 3))}).save(tmp_path / "one.html")
    for ending in ("png", "pdf", "svg"):
        ft.save_figure(result.figure(), tmp_path / f"figure.{ending}", result.recipe)
        recipe = ft.load_recipe(tmp_path / f"figure.{ending}")
        assert recipe.photos[0].load().name == str(undecodable)
    (tmp_path / "page.html").read_text(encoding="utf-8")
    assert ft.load_recipe(tmp_path / "page.html")["pictures"].keys() == {undecodable.name}
    write_json(tmp_path / "numbers.json", result.recipe.to_dict())
    assert ft.load_recipe(tmp_path / "numbers.json") == result.recipe
    ft.save_figure(ft.crops(result, boxes=[(0, 0, 9, 9)]), tmp_path / "crops.png")


def test_charts_and_planes_show_undecodable_names(undecodable, tmp_path):
    estimates = [MeanInterval(UNDECODABLE, "kind", 1.0, 0.9, 1.1), MeanInterval("b", UNDECODABLE, 2.0, 1.9, 2.1)]
    ft.save_figure(ft.figures.losses({UNDECODABLE: estimates}), tmp_path / "losses.pdf")
    row = Row([np.zeros((8, 8, 3))], label=UNDECODABLE, captions=[DECOMPOSED])
    ft.save_figure(ft.figures.grid([row], [UNDECODABLE]), tmp_path / "grid.png")
    sweep = ft.sweep({"model": [str(undecodable), "nearest"], "seed": [0, 1]}, undecodable.parent, size=16)
    ft.save_figure(ft.figures.plane(sweep, "model", "seed"), tmp_path / "plane.svg")
    ft.save_figure(ft.figures.slices(sweep, "model"), tmp_path / "slices.png")
    sweep.cells.to_csv(tmp_path / "cells.csv")
    assert repr(sweep.table()).encode("utf-8")


def test_stores_and_functions_with_undecodable_names_work(undecodable, tmp_path):
    folder = undecodable.with_suffix("")
    folder.mkdir()
    (folder / undecodable.name).write_bytes(undecodable.read_bytes())
    code = folder / os.fsdecode(b"f\xe9.py")
    code.write_text("def half(picture, by=2):\n    return picture / by\n", encoding="utf-8")
    for _ in range(2):
        sweep = ft.sweep({"by": [2, 4]}, folder, ("half", f"{code}:half"), size=16, store=folder / "store")
        assert sweep.failures.rows == []
        assert len(sweep) == 2
    assert ft.widgets.sweep(folder / "store", folder / undecodable.name).close() is None


@pytest.mark.parametrize(("wanted", "there"), [(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED)])
def test_names_of_other_normalisation_are_found(tmp_path, monkeypatch, wanted, there):
    for folder in ("photos", "results"):
        (tmp_path / folder).mkdir()
    photo = ft.Photo(np.array(ft.portraits()["hopper"]), name=str(tmp_path / "photos" / wanted))
    for name in (there, f"{Path(there).stem} other.png"):
        picture_at(tmp_path / "results" / name)
    assert matching(tmp_path / "results", photo).name == there
    assert find_spelling(tmp_path / "results" / wanted).name == there
    result = ft.compare(tmp_path / "results" / wanted, [tmp_path / "results" / wanted], size=16)
    assert result.errors == {}
    ft.save_figure(
        result.figure(), tmp_path / "results" / "figure.png", result.recipe.replace(photos=result.recipe.photos)
    )
    monkeypatch.chdir(tmp_path / "results")
    recipe = ft.compare(there, ["nearest"], size=16).recipe.to_dict()
    recipe["pictures"] = {wanted: recipe["pictures"].pop(there)}
    recipe["photos"] = {wanted: recipe["photos"].pop(there)}
    write_json("recipe.json", recipe)
    assert ft.render("recipe.json")
    with pytest.raises(RestorerError, match="has no picture whose name"):
        matching(tmp_path / "results", ft.Photo(photo, name="Ostrom.png"))


def test_the_hash_of_a_folder_does_not_depend_on_how_its_names_are_normalised(tmp_path):
    summaries = []
    for name in (COMPOSED, DECOMPOSED):
        folder = tmp_path / f"{len(summaries)}" / "folder"
        folder.mkdir(parents=True)
        picture_at(folder / name)
        summaries.append(Pictures(folder).summary())
    assert summaries[0] == summaries[1]


COMMANDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "compare": (
        "compare ü.png --column 双=bicubic --size 16 --out a.png --out a.md --out a.html",
        ("a.png", "a.md", "a.html"),
    ),
    "evaluate": ("evaluate --data data --column 双=bicubic --size 16 --out e.json", ("e.json",)),
    "rois": ("rois ü.png --column 双=bicubic --column nearest --at 32 --out r.json", ("r.json",)),
    "restore": ("restore ü.png --model nearest --size 16", ("ü-restored.png",)),
    "sweep": ("sweep --data data --axis model=nearest,ü.png --size 16 --workers 0 --out s.csv", ("s.csv",)),
    "figures": ("figures --recipe a.json --out f", ("f/compare.png",)),
    "train": (
        "train --data data --out m.safetensors --restorator single-pass --steps 1 --batch 1 --points 4",
        ("m.safetensors",),
    ),
}


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: a picture, a folder of one, and a recipe."""
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    picture_at(Path("ü.png"))
    picture_at(Path("data", "ö.png"))
    write_json("a.json", ft.compare("ü.png", ["nearest"], size=16).recipe.to_dict())
    return tmp_path


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "shift_jis"])
@pytest.mark.parametrize("name", COMMANDS)
def test_results_are_written_despite_a_limited_console_encoding(workspace, monkeypatch, name, encoding):
    command, written = COMMANDS[name]
    for stream in ("stdout", "stderr"):
        monkeypatch.setattr(sys, stream, io.TextIOWrapper(io.BytesIO(), encoding=encoding))
    assert cli.main(command.split()) == 0
    for path in written:
        assert Path(path).is_file()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
        stream.buffer.getvalue().decode(encoding)  # type: ignore[attr-defined]


@pytest.mark.parametrize("state", ["missing", "closed"])
@pytest.mark.parametrize("name", COMMANDS)
def test_commands_work_without_streams(workspace, monkeypatch, name, state):
    command, written = COMMANDS[name]
    for stream in ("stdout", "stderr"):
        closed = io.StringIO()
        closed.close()
        monkeypatch.setattr(sys, stream, None if state == "missing" else closed)
    assert cli.main(command.split()) == 0
    for path in written:
        assert Path(path).is_file()


@pytest.mark.parametrize("state", ["missing", "closed"])
def test_training_works_without_streams(workspace, monkeypatch, state):
    closed = io.StringIO()
    closed.close()
    for stream in ("stdout", "stderr"):
        monkeypatch.setattr(sys, stream, None if state == "missing" else closed)
    settings = ft.training.Settings(restorator="single-pass", steps=1, batch=1, points=4)
    assert ft.training.train("data", "m.safetensors", settings)


def test_files_are_written_before_anything_is_printed(workspace, monkeypatch):
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

    for name, (command, written) in COMMANDS.items():
        if name != "figures":  # which prints each figure after it is written
            monkeypatch.setattr(sys, "stdout", Full())
            assert cli.main(command.split()) == 2
            assert [path for path in written if not Path(path).is_file()] == []


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("name", ["sweep", "train"])
@pytest.mark.parametrize("watched", [False, True])
def test_progress_bars_appear_only_in_terminals(workspace, monkeypatch, name, watched):
    stream: Any = Terminal() if watched else io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    with console.progress_bar(total=2, mininterval=0) as bar:
        bar.update()
    assert ("\r" in stream.getvalue()) is watched
    stream.truncate(0)
    assert cli.main(COMMANDS[name][0].split()) == 0
    assert watched or "\r" not in stream.getvalue()


class Cell(OutStream):
    """Standard error of a notebook, without its kernel."""

    closed = False

    def __init__(self) -> None:
        pass

    def __del__(self) -> None:
        pass

    def isatty(self) -> bool:
        return False


def test_progress_bars_appear_in_notebooks(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Cell())
    assert console.is_interactive()


def test_results_are_written_despite_a_locale_without_utf8(workspace):
    """As in a container or a service, where Python is not told to use UTF-8."""
    left = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG"))}
    result = subprocess.run(
        [sys.executable, "-X", "utf8=0", "-m", "frantools", *COMMANDS["compare"][0].split()],
        env={**left, "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONPATH": str(ROOT)},
        capture_output=True,
    )
    assert result.returncode == 0, result.stderr
    for path in ("a.png", "a.md", "a.html"):
        assert Path(path).is_file()
    assert Path("a.md").read_text(encoding="utf-8")
