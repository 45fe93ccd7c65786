"""Tests of the commands."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import frantools as ft
from frantools import cli, note
from frantools.comparisons.recipes import save_picture
from frantools.frannet.weights.checkpoints import save_model
from frantools.photos.images import crop_square
from frantools.reports.cards import facts

ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).parents[1] / "data" / "golden"


def damaged(content: bytes) -> bytes:
    """A PNG with wrong bytes in its compressed pixels."""
    start = content.index(b"IDAT") + 100
    return content[:start] + bytes(20) + content[start + 20 :]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with FranNet's two kinds of model, with random weights, and files that are none."""
    folder = tmp_path_factory.mktemp("models")
    for kind in ("single-pass", "diffusion"):
        save_model(ft.load_model(GOLDEN / f"{kind}.h5", GOLDEN / f"{kind}.json"), folder / f"{kind}.safetensors")
    (folder / "pickle.pt").write_bytes(b"\x80\x04")
    (folder / "pickle.safetensors").write_bytes(b"\x80\x04K\x01.")
    (folder / "cut.safetensors").write_bytes((folder / "diffusion.safetensors").read_bytes()[:-100])
    return folder


@pytest.fixture
def workspace(tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: a photo, the models, and things in the way."""
    monkeypatch.chdir(tmp_path)
    for path in models.iterdir():
        Path(path.name).symlink_to(path)
    Image.fromarray(crop_square(ft.portraits()["hopper"], 100)).save("photo.png")
    Image.fromarray(crop_square(ft.portraits()["astronaut"], 100)).save("other.png")
    Image.fromarray(crop_square(ft.portraits()["hopper"], 90)).save("smaller.png")
    Path("damaged.png").write_bytes(damaged(Path("photo.png").read_bytes()))
    Path("text.png").write_text("no picture", encoding="utf-8")
    Path("file").touch()
    Path("folder").mkdir()
    Path("pictures").mkdir()
    for name in ("photo.png", "other.png"):
        Path("pictures", name).write_bytes(Path(name).read_bytes())
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], command: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command, typed without quotes."""
    try:
        code = cli.main(command.split())
    except SystemExit as end:  # argparse's own way out
        code = end.code if isinstance(end.code, int) else 1
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def succeed(capsys: pytest.CaptureFixture[str], command: str) -> str:
    code, out, err = run(capsys, command)
    assert code == 0, err
    return out


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, cwd=ROOT)


def test_help_lists_every_command_without_importing_torch():
    output = python("-X", "importtime", "-m", "frantools", "--help")
    assert output.returncode == 0
    for command in ("figures", "restore", "rois", "evaluate", "train", "models", "import-keras"):
        assert f"\n    {command}" in output.stdout
    imported = {line.rsplit("|", 1)[1].strip() for line in output.stderr.splitlines() if "|" in line}
    assert "frantools.cli" in imported
    assert not imported & {"torch", "numpy", "matplotlib", "ipywidgets", "tqdm"}


def test_argument_errors_appear_without_importing_torch():
    output = python("-X", "importtime", "-m", "frantools", "restore")
    assert (output.returncode, output.stderr.splitlines()[-1].split(":")[0]) == (2, "frantools restore")
    imported = {line.rsplit("|", 1)[1].strip() for line in output.stderr.splitlines() if "|" in line}
    assert not imported & {"torch", "numpy", "matplotlib", "ipywidgets", "tqdm"}


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_each_command_has_help(capsys, command):
    assert succeed(capsys, f"{command} --help").startswith(f"usage: frantools {command}")


def test_version(capsys):
    assert succeed(capsys, "--version") == f"frantools {ft.__version__}\n"


def test_restore_writes_the_picture_and_its_recipe(capsys, workspace):
    out = succeed(
        capsys,
        "restore photo.png --model diffusion.safetensors --setup A --K 30 --no-noise-projection --stochasticity 0.5 "
        "--noise-stddev squared --clipping -1 1 --size 24x16 --region 0.2 0.2 0.2 0.4 --seed 7 --out new/result.png",
    )
    assert out.startswith("new/result.png  6 network call(s) a point, ")
    setup = ft.Setup(0.5, K=30, noise_projection=False, noise_stddev="squared", clipping=(-1, 1))
    restored = ft.restore(
        "diffusion.safetensors",
        "photo.png",
        setup,
        size=(24, 16),
        region=ft.Region(0.2, 0.2, 0.2, 0.4),
        seed=7,
    )
    written = ft.load_image("new/result.png")
    np.testing.assert_array_equal(written, (restored.image * 255).round().astype(np.uint8))
    recipe = ft.load_recipe("new/result.png")
    assert recipe == restored.recipe
    assert recipe["pictures"] == {"photo.png": ft.Photo("photo.png").sha256}


def test_restore_accepts_a_setup_by_name_and_defaults_to_b(capsys, workspace):
    for options, setup in (("", "B"), ("--setup B", "B"), ("--setup DDIM", "DDIM"), ("--setup DDPM", "DDPM")):
        succeed(capsys, f"restore photo.png --model diffusion.safetensors --size 4 {options} --out x.png")
        assert ft.Setup(**ft.load_recipe("x.png")["setup"]) == ft.SETUPS[setup]


def test_restore_names_its_output_after_the_photo(capsys, workspace):
    succeed(capsys, "restore pictures/photo.png --model single-pass.safetensors --size 8")
    assert ft.load_image("photo-restored.png").shape == (8, 8, 3)
    for number, size in enumerate((4, 5), start=2):  # a name that nobody asked for replaces nothing
        out = succeed(capsys, f"restore photo.png --model single-pass.safetensors --size {size}")
        assert out.startswith(f"photo-restored-{number}.png ")
    assert [ft.load_image(path).shape[0] for path in sorted(Path.cwd().glob("*restored*"))] == [4, 5, 8]


def test_restore_reads_keras_weights(capsys, workspace):
    h5, config = GOLDEN / "single-pass.h5", GOLDEN / "single-pass.json"
    succeed(capsys, f"restore photo.png --model {h5} --config {config} --size 8 --out a.png")
    succeed(capsys, "restore photo.png --model single-pass.safetensors --size 8 --out b.png")
    np.testing.assert_array_equal(ft.load_image("a.png"), ft.load_image("b.png"))


def test_commands_run_networks_on_the_chosen_device(capsys, workspace):
    succeed(capsys, f"{RESTORE} --device cpu --out x.png")
    succeed(capsys, f"{RESTORE} --out y.png")
    assert (Path("x.png").read_bytes() == Path("y.png").read_bytes()) or torch.cuda.is_available()
    commands = (
        "figures",
        RESTORE,
        f"{EVALUATE} bicubic",
        "compare photo.png --column B",
        "rois photo.png --column A --column B",
    )
    for command in commands:
        code, _, err = run(capsys, f"{command} --device nowhere")
        assert (code, err) == (2, "frantools: device must be 'auto', 'cpu' or an available 'cuda', got 'nowhere'\n")


FULL = """
import resource, sys
from frantools import cli
resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, 2_000))
sys.exit(cli.main(sys.argv[1:]))
"""


@pytest.mark.skipif(os.name != "posix", reason="limits the size of files as POSIX does")
@pytest.mark.parametrize("name", ["import-keras", "train", "restore"])
def test_a_full_disk_is_an_error_of_one_line_and_leaves_no_partial_file(workspace, name):
    command = {
        "import-keras": f"import-keras {GOLDEN / 'diffusion.h5'} --out x.safetensors",
        "train": TRAIN,
        "restore": f"{RESTORE} --size 200 --out x.png",
    }[name]
    before = sorted(workspace.rglob("*"))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = subprocess.run(
        [sys.executable, "-c", FULL, *command.split()], capture_output=True, text=True, cwd=workspace, env=environment
    )
    outcome = run.stderr.splitlines()
    assert run.returncode == 2
    assert outcome[-1].startswith("frantools: ")
    assert "File too large" in outcome[-1]
    assert "Traceback" not in run.stderr
    assert sorted(workspace.rglob("*")) == before


@pytest.mark.parametrize(
    ("error", "one_line"),
    [
        (torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate"), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"), True),
        (RuntimeError("a mistake of ours"), False),
    ],
)
def test_exhausted_memory_is_an_error_of_one_line_and_bugs_have_tracebacks(
    capsys, workspace, monkeypatch, error, one_line
):
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr("frantools.photos.photo.load_image", fail)
    if not one_line:
        with pytest.raises(RuntimeError, match="a mistake of ours"):
            cli.main(RESTORE.split())
        return
    code, _, err = run(capsys, RESTORE)
    assert (code, err) == (2, f"frantools: {' '.join(str(error).split())}\n")


def test_rois_prints_the_regions_and_writes_them(capsys, workspace):
    out = succeed(capsys, "rois photo.png other.png --size 20 --count 3 --out regions.json --out regions.png")
    found = ft.find_rois([ft.load_image("photo.png"), ft.load_image("other.png")], size=20, count=3)
    head, *rows = out.splitlines()
    assert head.split() == ["top", "left", "bottom", "right", "score", "difference"]
    assert [list(map(int, row.split()[:4])) for row in rows] == [[r.top, r.left, r.bottom, r.right] for r in found]
    written = json.loads(Path("regions.json").read_text(encoding="utf-8"))
    for region, roi in zip(written["regions"], found, strict=True):
        assert region == pytest.approx(asdict(roi), rel=1e-4)
    assert [column["title"] for column in written["columns"]] == ["photo", "other"]
    recipe = ft.load_recipe("regions.png")
    assert recipe == {key: value for key, value in written.items() if key != "regions"}
    ft.save_figure(ft.render(recipe), "again.png")
    np.testing.assert_array_equal(ft.load_image("again.png"), ft.load_image("regions.png"))
    assert ft.load_image("regions.png").shape[1] > 200, "both pictures, side by side"


def test_rois_are_three_eighths_of_the_shorter_side_by_default(capsys, workspace):
    for at, side in (("64", 24), ("64x40", 15)):
        succeed(capsys, f"rois photo.png --column bicubic --column area --at {at} --out regions.json")
        written = json.loads(Path("regions.json").read_text(encoding="utf-8"))
        assert written["search"]["size"] == side
        assert {region["right"] - region["left"] for region in written["regions"]} == {side}


def test_identical_pictures_have_regions_without_difference(capsys, workspace):
    rows = succeed(capsys, "rois photo.png photo.png --size 20").splitlines()[1:]
    assert {float(row.split()[5]) for row in rows} == {0}


def test_rois_merges_regions(capsys, workspace):
    images = [ft.load_image("photo.png"), ft.load_image("other.png")]
    succeed(capsys, "rois photo.png other.png --size 25 --count 9 --merge --out regions.json")
    written = json.loads(Path("regions.json").read_text(encoding="utf-8"))["regions"]
    for region, roi in zip(written, ft.merge_rois(ft.find_rois(images, 25, 9)), strict=True):
        assert region == pytest.approx(asdict(roi), rel=1e-4)


def test_compare_writes_a_figure_and_numbers_of_columns_of_every_kind(capsys, workspace):
    Path("mine.py").write_text(
        "def darker(picture):\n    return picture / 2\n\n\ndef none(picture):\n    return None\n", encoding="utf-8"
    )
    code, out, _ = run(
        capsys,
        "compare photo.png --column bicubic --column diffusion.safetensors --column Dark=mine.py:darker "
        "--column pictures --column mine.py:none --given shrink=2 --size 32 "
        "--out a.png --out a.csv --out a.json --out a.md --out a.tex",
    )
    assert code == 1, "none fails"
    titles = ["bicubic", "diffusion", "Dark", "pictures", "none"]
    assert [line.split()[0] for line in out.splitlines()[1:6]] == titles
    assert "none returned None" in out
    assert "shrunk 2 x" in out
    assert [column["title"] for column in ft.load_recipe("a.png")["columns"]] == titles
    assert Path("a.csv").read_text(encoding="utf-8").count("\n") == 6
    assert json.loads(Path("a.json").read_text(encoding="utf-8"))["results"][0]["column"] == "bicubic"
    code, _, err = run(capsys, "figures --recipe a.png --out again")
    assert (code, "a recipe runs no code" in err) == (2, True)
    out = succeed(capsys, "verify a.png --trust")
    assert out.startswith("a.png: identical")


def test_evaluate_prints_a_table_and_writes_the_numbers(capsys, workspace):
    out = succeed(
        capsys,
        "evaluate --data pictures --model single-pass.safetensors diffusion.safetensors --setup B DDIM --size 16 "
        "--seed 3 --out numbers/table.json",
    )
    head, *rows = out.splitlines()
    assert head.split()[:3] == ["model", "setup", "loss"]
    assert [row.split()[0] for row in rows] == ["single-pass", "diffusion", "diffusion"]
    written = json.loads(Path("numbers/table.json").read_text(encoding="utf-8"))
    assert written["data"]["pictures"] == 2
    assert [(r["model"], r["setup"], r["calls"]) for r in written["results"]] == [
        ("single-pass", None, 1),
        ("diffusion", "B", 15),
        ("diffusion", "DDIM", 100),
    ]
    expected = ft.evaluate(ft.load_model("diffusion.safetensors"), "pictures", ft.SETUPS["B"], size=16, seed=3)
    assert written["results"][1]["mse"] == expected.mse
    assert written["results"][1]["each"] == expected.per_picture
    assert written["results"][1]["sha256"] == ft.load_model("diffusion.safetensors").sha256


def test_a_failed_column_is_reported_and_the_others_are_measured(capsys, workspace):
    Path("mine.py").write_text("def fail(picture):\n    raise RuntimeError('no good')\n", encoding="utf-8")
    evaluate = "evaluate --data pictures --size 16 --column mine.py:fail"
    code, out, err = run(capsys, f"{evaluate} --column bicubic --out x.json")
    assert code == 1
    assert [row.split()[0] for row in out.splitlines()[1:]] == ["bicubic"]
    assert "frantools: 1 of 2 columns failed: fail raised RuntimeError: no good" in err
    written = json.loads(Path("x.json").read_text(encoding="utf-8"))
    assert [result["model"] for result in written["results"]] == ["bicubic"]
    assert written["errors"] == {"fail": "fail raised RuntimeError: no good"}
    for several in ("", " --column Again=mine.py:fail"):
        code, out, err = run(capsys, f"{evaluate}{several} --out y.json")
        assert (code, out) == (1, "")
        assert "raised RuntimeError: no good" in err
        assert json.loads(Path("y.json").read_text(encoding="utf-8"))["results"] == []


COLUMNS = "--column bicubic --column nearest --column mine.py:fail"
FAILING = {
    f"compare photo.png {COLUMNS} --size 16 --out a.png --out a.csv --out a.html": ["a.png", "a.csv", "a.html"],
    f"rois photo.png {COLUMNS} --at 32 --out r.json --out r.png": ["r.json", "r.png"],
    "rois photo.png --column bicubic --column mine.py:fail --at 32 --out r.json": [],
    "compare photo.png --column mine.py:fail --size 16 --out a.md": ["a.md"],
    "sweep --data pictures --model mine.py:fail --axis by=0,1 --size 16 --workers 0 --out s.csv": ["s.csv"],
    "figures --recipe failed.png --trust --out f": ["f/compare.png"],
    "restore photo.png --model nothing": [],
}


@pytest.mark.parametrize("command", FAILING)
def test_the_exit_code_of_a_failed_column_is_1_and_files_are_written(capsys, workspace, command):
    Path("mine.py").write_text("def fail(picture, by=0):\n    return picture * (1 / by)\n", encoding="utf-8")
    Path("nothing").mkdir()
    if "failed.png" in command:
        assert run(capsys, f"compare photo.png {COLUMNS} --size 16 --out failed.png")[0] == 1
    code, _, err = run(capsys, command)
    assert code == 1
    assert re.search("fail|nothing: the folder contains no pictures", err.splitlines()[-1])
    assert [path for path in FAILING[command] if not Path(path).is_file()] == []


@pytest.mark.parametrize("name", ["sigma=25", "lr=0.1,K=4", "B=bicubic"])
def test_paths_may_contain_equal_signs_and_commas(capsys, workspace, name):
    Path(name).mkdir()
    for folder in (name, "pictures"):
        save_picture(crop_square(ft.portraits()["hopper"], 32), f"{folder}/photo.png")
    weights = f"{name}.safetensors"
    Path(weights).write_bytes(Path("single-pass.safetensors").read_bytes())
    Path(f"{name}.py").write_text("def half(picture):\n    return picture / 2\n", encoding="utf-8")
    columns = [name, weights, f"{name}.py:half", f"mine={name}/", f"K=2=./{name}.py:half", "b=bicubic", "B:K=50"]
    for column in columns:
        succeed(capsys, f"compare photo.png --column {column} --size 16 --out a.json")
    assert [column.title for column in ft.load_recipe("a.json").columns] == ["B:K=50"]
    succeed(capsys, f"compare {name}/photo.png --column bicubic --reference {name}/photo.png --size 16")
    succeed(capsys, f"evaluate --data {name} --model {weights} --column again={weights} --size 16")
    out = succeed(capsys, f"sweep --data {name} --axis model={weights},bicubic,{name} --size 16 --workers 0")
    assert "3 settings on 1 picture" in out


@pytest.mark.parametrize("column", ["sigma=26", "t=nosuch.png", "lr=0.1,K=4/out"])
def test_the_error_of_a_missing_path_with_an_equal_sign_says_how_to_write_it(capsys, workspace, column):
    code, _, err = run(capsys, f"compare photo.png --column bicubic --column {column} --size 16")
    assert (code, f"write ./{column}" in err) == (2, True)


def test_evaluate_limits_the_pictures_and_reports_skipped_ones(capsys, workspace):
    Path("pictures/broken.png").write_text("no picture", encoding="utf-8")
    code, _, err = run(
        capsys, "evaluate --data pictures --model single-pass.safetensors --size 8 --limit 1 --out x.json"
    )
    assert code == 0
    assert "skipped broken.png: " in err
    assert json.loads(Path("x.json").read_text(encoding="utf-8"))["results"][0]["pictures"] == 1


def test_numbers_that_are_not_finite_are_null(capsys, workspace):
    succeed(capsys, "evaluate --data pictures --model single-pass.safetensors --size 5 --out x.json")
    assert (
        json.loads(Path("x.json").read_text(encoding="utf-8"), parse_constant=pytest.fail)["results"][0]["ssim"] is None
    )


def test_a_frannet_config_is_not_a_card(capsys, workspace):
    config = (GOLDEN / "diffusion.json").read_bytes()
    Path("diffusion.json").write_bytes(config)
    code, _, err = run(capsys, "evaluate --data pictures --model diffusion.safetensors --size 8 --cards")
    assert (code, err) == (2, "frantools: diffusion.safetensors has no card diffusion.json, which --cards needs\n")
    assert Path("diffusion.json").read_bytes() == config


def test_a_missing_library_is_an_error_of_one_line(capsys, workspace, monkeypatch):
    monkeypatch.setitem(sys.modules, "diffusers", None)
    ft.adapters._diffusers.cache_clear()
    code, _, err = run(capsys, f"{RESTORE} --setup UniPCMultistep:6")
    assert code == 2
    assert "pip install 'frantools[schedulers]'" in err
    assert len(err.splitlines()) == 1


def test_evaluate_adds_numbers_to_cards_and_models_shows_them(capsys, workspace):
    Path("diffusion.json").write_text(json.dumps({"name": "mine", "minutes": 1.5}), encoding="utf-8")
    command = "evaluate --data pictures --model diffusion.safetensors --setup B DDIM --size 8 --cards"
    succeed(capsys, f"{command} --out x.json")
    card, written = (json.loads(Path(name).read_text(encoding="utf-8")) for name in ("diffusion.json", "x.json"))
    assert (card["name"], card["minutes"]) == ("mine", 1.5)
    losses = [result["mse"] for result in written["results"]]
    assert [result["mse"] for result in card["quality"]["results"]] == losses
    assert facts("mine", card)["loss"] == f"B {losses[0]:.4f}, DDIM {losses[1]:.4f}"


def test_a_damaged_picture_is_reported_in_one_line(capsys, workspace):
    Path("pictures/aaa.png").write_bytes(damaged(Path("photo.png").read_bytes()))
    code, _, err = run(capsys, "evaluate --data pictures --model single-pass.safetensors --size 8")
    assert code == 0
    assert next(line for line in err.splitlines() if "aaa.png" in line).startswith("frantools: skipped: ")


def test_train_writes_a_model(capsys, workspace):
    options = "--steps 2 --batch 1 --points 4 --restorator single-pass --masking 4 --seed 9"
    assert succeed(capsys, f"train --data pictures --out mine.safetensors {options}") == "mine.safetensors\n"
    card = json.loads(Path("mine.json").read_text(encoding="utf-8"))
    assert (card["settings"]["masking"], card["settings"]["seed"], card["settings"]["steps"]) == ("4", 9, 2)
    succeed(capsys, f"train --data pictures --out mine.safetensors {options} --resume")
    assert ft.load_model("mine.safetensors").setup is None


def test_models_lists_the_shipped_models(capsys):
    out = succeed(capsys, "models")
    for name in ft.models():
        assert any(line.startswith(name) for line in out.splitlines())
    assert json.loads(succeed(capsys, "models --json")) == ft.models()


def test_models_accepts_an_empty_card():
    row = facts("mine", {})
    assert row["model"] == "mine"
    assert set(row.values()) == {"mine", None}


def test_import_keras_writes_the_same_model(capsys, workspace):
    Path("weights.h5").write_bytes((GOLDEN / "diffusion.h5").read_bytes())
    Path("weights.json").write_bytes((GOLDEN / "diffusion.json").read_bytes())
    assert succeed(capsys, "import-keras weights.h5") == "weights.safetensors\n"
    assert (
        succeed(capsys, "import-keras weights.h5 weights.json --out new/mine.safetensors") == "new/mine.safetensors\n"
    )
    portrait = ft.portraits()["hopper"]
    first, *rest = (
        ft.restore(ft.load_model(name, config), portrait, ft.Setup(K=50), size=8).image
        for name, config in (
            ("weights.h5", "weights.json"),
            ("weights.safetensors", None),
            ("new/mine.safetensors", None),
        )
    )
    for image in rest:
        np.testing.assert_array_equal(image, first)


needs_shipped = pytest.mark.skipif(
    not {"diffusion-basic", "single-masking-32", "single-masking-8"} <= ft.models().keys(),
    reason="needs the shipped models diffusion-basic, single-masking-32 and single-masking-8",
)


@needs_shipped
def test_figures_writes_four_figures_and_reproduces_one_from_its_recipe(capsys, workspace):
    lines = succeed(capsys, "figures --size 32 --picture photo.png --seed 2 --out new/figures").splitlines()
    paths = [f"new/figures/{name}.png" for name in note.FIGURES]
    assert [line.split()[0] for line in lines[:-1]] == paths
    assert lines[-1].startswith("4 figure(s) in ")
    assert sorted(os.listdir("new/figures")) == sorted(f"{name}.png" for name in note.FIGURES)
    recipe = ft.load_recipe(paths[2])
    assert (recipe["size"], recipe["seed"], list(recipe["pictures"])) == ([32, 32], 2, ["photo.png"])
    assert recipe["search"]["size"] == 12, "in proportion to the note's 384 of 1024"
    succeed(capsys, f"figures --recipe {paths[2]} --out again")
    np.testing.assert_array_equal(ft.load_image("again/roi-crops.png"), ft.load_image(paths[2]))
    assert ft.load_recipe("again/roi-crops.png") == recipe


@needs_shipped
def test_figures_2_and_3_share_their_network_calls(capsys, workspace, sampling):
    points = 2 * 32 * 32  # two built-in portraits
    succeed(capsys, "figures --size 32 --only entire-image")
    assert sampling.point_calls == points * (100 + 15 + 1 + 1)
    sampling.reset()
    succeed(capsys, "figures --size 32 --only entire-image roi-crops")
    assert sampling.point_calls == points * (100 + 15 + 1 + 1)
    sampling.reset()
    succeed(capsys, "figures --size 32")
    assert sampling.point_calls == points * (100 + 100) + 2 * points * (100 + 15 + 1 + 1), "1; 2 with 3; and 4"


@needs_shipped
def test_figures_writes_only_the_chosen_figures(capsys, workspace):
    succeed(capsys, "figures --only local-region --size 8 --precision bfloat16")
    assert os.listdir("figures") == ["local-region.png"]
    recipe = ft.load_recipe("figures/local-region.png")
    assert list(recipe["pictures"]) == ["astronaut", "hopper"]
    assert recipe["precision"] == "bfloat16"


RESTORE = "restore photo.png --size 8 --model diffusion.safetensors"
ROIS = "rois photo.png other.png --size 20"
EVALUATE = "evaluate --data pictures --size 8 --limit 1 --model single-pass.safetensors"
TRAIN = "train --data pictures --steps 1 --batch 1 --points 4 --out x.safetensors"


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("", "required: COMMAND"),
        ("paint", "invalid choice: 'paint'"),
        ("restore", "required: PICTURE"),
        ("restore nowhere.png", "there is no picture nowhere.png"),
        ("restore folder", "folder is not a file; accepted: JPEG"),
        ("restore damaged.png", "damaged.png is damaged"),
        ("restore text.png", "text.png is not a picture; accepted: JPEG"),
        ("restore photo.png --model nosuch", "'nosuch' is not a known restorer"),
        ("restore photo.png --model nosuch.safetensors", "nosuch.safetensors"),
        ("restore photo.png --model pickle.pt", "pickle.pt: not a complete weight file"),
        ("restore photo.png --model pickle.safetensors", "pickle"),
        ("restore photo.png --model cut.safetensors", "not a complete .safetensors"),
        ("restore photo.png --model text.png", "text.png is not a picture"),
        (f"restore photo.png --model {GOLDEN / 'diffusion.h5'}", "Keras weights require their config"),
        (f"restore photo.png --model {GOLDEN / 'diffusion.h5'} --config no.json", "there is no config file no.json"),
        (f"restore photo.png --model {GOLDEN / 'diffusion.h5'} --config text.png", "is not a FranNet config"),
        ("restore photo.png --model single-pass.safetensors --K 8", "has no sampler"),
        ("restore photo.png --model single-pass.safetensors --setup A", "has no sampler"),
        (f"{RESTORE} --setup C", "unknown setup 'C'; accepted: "),
        (
            f"{RESTORE} --setup DDIM:10",
            "'10' in 'DDIM:10' must be a setting and its value, as in B:K=10",
        ),
        (f"{RESTORE} --K 0", "K must be an integer from 1, got 0"),
        (f"{RESTORE} --K 1000", "K must be an integer from 1 to 99, got 1000"),
        (f"{RESTORE} --K eight", "argument --K: invalid int value: 'eight'"),
        (f"{RESTORE} --stochasticity 2", "stochasticity must be a number from 0 to 1, got 2.0"),
        (f"{RESTORE} --stochasticity nan", "stochasticity must be "),
        (f"{RESTORE} --noise-stddev cubed", "must be 'normal', 'squared' or 'zero'"),
        (f"{RESTORE} --clipping 1 -1", "low < high"),
        (f"{RESTORE} --clipping 1", "expected 2 arguments"),
        (f"{RESTORE} --steps random", "must be 'uniform' or 'quadratic'"),
        (f"{RESTORE} --sampler euler", "must be 'ddim' or 'ddpm'"),
        (f"{RESTORE} --sampler ddpm", "the 'ddpm' sampler requires"),
        (f"{RESTORE} --size 0", "size must be "),
        (f"{RESTORE} --size -5", "size must be "),
        (f"{RESTORE} --size 8x0", "size must be "),
        (f"{RESTORE} --size 99999", "size must be "),
        (f"{RESTORE} --size big", "a size must be N or WxH, such as 1024 or 640x480, got 'big'"),
        (f"{RESTORE} --size 8x", "a size must be N or WxH, such as 1024 or 640x480, got '8x'"),
        (f"{RESTORE} --region 0.5 0 0.6 1", "leaves the picture"),
        (f"{RESTORE} --region -0.1 0 0.6 1", "leaves the picture"),
        (f"{RESTORE} --region 0 0 0 1", "is empty"),
        (f"{RESTORE} --region 0 0 nan 1", "must be a number, got nan"),
        (f"{RESTORE} --region 0 0 1", "expected 4 arguments"),
        (f"{RESTORE} --seed x", "invalid int value: 'x'"),
        (f"{RESTORE} --device abacus", "device must be 'auto', 'cpu' or an available 'cuda', got 'abacus'"),
        (f"{EVALUATE} --device abacus", "device must be 'auto', 'cpu' or an available 'cuda', got 'abacus'"),
        (f"{RESTORE} --precision half", "must be 'float32', 'bfloat16' or 'auto', got 'half'"),
        (f"{RESTORE} --out x.jpg", "x.jpg: the file name must end in .png"),
        (f"{RESTORE} --out folder", "folder is a folder, not a file to write"),
        (f"{RESTORE} --out file/x.png", "file is not a folder"),
        (f"{RESTORE} --colour red", "unrecognized arguments: --colour red"),
        ("rois photo.png", "at least two pictures are needed"),
        ("rois photo.png nowhere.png", "there is no picture nowhere.png"),
        ("rois photo.png smaller.png --size 20", "must have the same shape"),
        ("rois photo.png other.png --size 384", "size must be an integer from 1 to 100, got 384"),
        ("rois photo.png other.png --size 0", "size must be "),
        (f"{ROIS} --count 0", "count must be an integer from 1, got 0"),
        (f"{ROIS} --out x.txt", "x.txt: the file name must end in .png or .json"),
        (f"{ROIS} --out file/x.png", "file is not a folder"),
        ("evaluate --data pictures", "there is nothing to measure; pass --model or --column"),
        ("evaluate --data nowhere --model single-pass.safetensors", "there is no folder nowhere"),
        ("evaluate --data file --model single-pass.safetensors", "there is no folder file"),
        ("evaluate --data folder --model single-pass.safetensors", "folder contains no readable picture"),
        ("evaluate --data pictures --model nosuch", "there is no model 'nosuch'"),
        (
            f"{EVALUATE} --setup A",
            "setup is A, and none of what is measured has such a sampler; A goes with",
        ),
        (f"{EVALUATE} diffusion.safetensors --setup A C", "unknown setup 'C'; accepted: "),
        (f"{EVALUATE} --limit 0", "limit must be an integer from 1, got 0"),
        (f"{EVALUATE} --size -1", "size must be an integer from 1 to 16384, got -1"),
        (f"{EVALUATE} --size 2000000", "size must be an integer from 1 to 16384, got 2000000"),
        (f"{EVALUATE} --out folder", "folder is a folder"),
        (f"{EVALUATE} --out x.txt", "x.txt: the file name must end in .json"),
        (f"{EVALUATE} --cards", "single-pass.safetensors has no card"),
        (f"{TRAIN} --data nowhere", "there is no folder nowhere"),
        (f"{TRAIN} --data folder", "folder contains no readable picture"),
        (f"{TRAIN} --held-out nowhere", "there is no folder nowhere"),
        (f"{TRAIN} --out x.pt", "x.pt: models are written as .safetensors only"),
        (f"{TRAIN} --out file/x.safetensors", "file is not a folder"),
        (f"{TRAIN} --out single-pass.safetensors", "single-pass.safetensors: the file exists"),
        (f"{TRAIN} --masking 65", "masking must be none, uniform, dynamic, an integer from 1 to 64"),
        (f"{TRAIN} --restorator gan", "must be 'single-pass', 'diffusion'"),
        (f"{TRAIN} --steps 0", "steps must be "),
        (f"{TRAIN} --seed 100000000000000000", "must be an integer from 0 to 1000000000000"),
        (f"{TRAIN} --device abacus", "device must be 'auto', 'cpu' or an available 'cuda', got 'abacus'"),
        (f"{TRAIN} --threads 0", "threads must be an integer from 1, got 0"),
        (f"{TRAIN} --rate 1e30 --steps 9", "the loss is "),
        ("import-keras nowhere.h5", "nowhere.h5"),
        ("import-keras photo.png", "photo.png: the file name of Keras weights must end in .h5"),
        (f"import-keras {GOLDEN / 'diffusion.h5'} no.json --out x.safetensors", "there is no config file no.json"),
        (f"import-keras {GOLDEN / 'diffusion.h5'} --out x.pt", "x.pt: models are written as .safetensors only"),
        ("figures --only cover", "figure must be 'ddpm-vs-ddim', 'entire-image', 'roi-crops' or"),
        ("figures --picture nowhere.png", "there is no picture nowhere.png"),
        ("figures --size 0", "size must be "),
        ("figures --recipe photo.png", "photo.png: it contains no recipe"),
        ("figures --recipe text.png", "text.png: it contains no recipe"),
        ("figures --recipe nowhere.png", "there is no file nowhere.png"),
        ("figures --recipe photo.png --seed 1", "accepted with it: --out"),
    ],
)
def test_user_errors_are_one_line_and_exit_code_2(capsys, workspace, command, message):
    before = sorted(workspace.rglob("*"))
    code, out, err = run(capsys, command)
    assert code == 2
    assert out == ""
    *bar, line = err.splitlines()
    assert message in line
    assert line.startswith("frantools")
    assert not bar or command.startswith(("train", "rois")), "nothing but the line, and before it what was done"
    assert sorted(workspace.rglob("*")) == before, "nothing is written"


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs a user that folders can be closed to")
def test_a_read_only_folder_is_refused(capsys, workspace):
    Path("folder").chmod(0o500)
    code, _, err = run(capsys, f"{RESTORE} --out folder/x.png")
    assert (code, len(err.splitlines())) == (2, 1)


def test_the_recipe_of_a_restored_picture_is_not_a_figures(capsys, workspace):
    save_picture(np.zeros((4, 4, 3)), "restored.png", {"model": "diffusion-basic"})
    code, _, err = run(capsys, "figures --recipe restored.png")
    assert code == 2
    assert "not the recipe of a figure" in err


def test_an_interrupt_is_one_line_and_exit_code_130(capsys, workspace, monkeypatch):
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("frantools.photos.photo.load_image", interrupted)
    assert run(capsys, RESTORE) == (130, "", "frantools: interrupted\n")


def test_a_closed_pipe_is_not_an_error():
    reader = subprocess.Popen(["true"], stdin=subprocess.PIPE)
    reader.wait()
    listed = subprocess.run(
        [sys.executable, "-m", "frantools", "models"], stdout=reader.stdin, stderr=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert (listed.returncode, listed.stderr) == (0, "")


def test_public_names_do_not_depend_on_the_order_of_imports():
    code = "import frantools.scores.measures, frantools as ft; [getattr(ft, n) for n in ft.__all__]; print(ft.restore)"
    output = python("-c", code)
    assert output.returncode == 0, output.stderr
    assert output.stdout.startswith("<function restore")


def test_each_card_gets_the_numbers_of_its_own_weights(capsys, workspace):
    paths = [Path(folder, "model.safetensors") for folder in ("folder", "pictures")]
    for kind, path in zip(("single-pass", "diffusion"), paths, strict=True):
        save_model(ft.load_model(f"{kind}.safetensors"), path, {})
    names = " ".join(map(str, paths))
    succeed(capsys, f"evaluate --data pictures --model {names} --setup B --size 8 --limit 1 --cards")
    setups = [json.loads(path.with_suffix(".json").read_text())["quality"]["results"] for path in paths]
    assert [[result["setup"] for result in results] for results in setups] == [[None], ["B"]]
