"""Training is repeatable bit for bit, also if it is killed and resumed; its errors are clear."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file

import frantools as ft
from frantools import cli
from frantools.frannet.weights.checkpoints import read_safetensors
from frantools.photos.images import crop_square
from frantools.training import Settings, train
from frantools.training.data import Batches
from frantools.training.data_workers import convert_worker_errors
from frantools.training.losses import SMOOTH, charbonnier
from frantools.training.provenance import git_commit
from frantools.training.training_step import TrainingRun, draw_times, learning_rate

TINY = Settings(steps=8, batch=2, points=16, masking="8")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of eight pictures, wide, tall and square."""
    folder = tmp_path_factory.mktemp("pictures")
    for name, portrait in ft.portraits().items():
        for number, (height, width) in enumerate([(64, 64), (70, 90), (90, 70), (178, 178)]):
            Image.fromarray(portrait[:height, :width]).save(folder / f"{name}-{number}.png")
    return folder


def weights(path: Path) -> dict[str, torch.Tensor]:
    return read_safetensors(path)[1]


def metadata(path: Path) -> dict[str, str]:
    with safe_open(path, framework="pt") as file:
        return dict(file.metadata())


def assert_same_weights(a: Path, b: Path) -> None:
    left, right = weights(a), weights(b)
    assert left.keys() == right.keys()
    different = [key for key in left if not torch.equal(left[key], right[key])]
    assert not different


@pytest.mark.parametrize("restorator", ["diffusion", "single-pass"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_weights_depend_on_the_seed_alone(data, tmp_path, restorator, precision):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        settings = Settings(restorator, "dynamic", steps=3, batch=2, points=16, seed=seed, precision=precision)
        train(data, tmp_path / f"{name}.safetensors", settings)
    a, b, c = (tmp_path / f"{name}.safetensors" for name in "abc")
    assert_same_weights(a, b)
    assert any(not torch.equal(weights(a)[key], value) for key, value in weights(c).items())


def test_the_number_of_workers_does_not_change_the_weights(data, tmp_path):
    settings = Settings(steps=2, batch=2, points=16)
    train(data, tmp_path / "alone.safetensors", settings)
    train(data, tmp_path / "helped.safetensors", settings, workers=1)
    assert_same_weights(tmp_path / "alone.safetensors", tmp_path / "helped.safetensors")


def test_a_batch_depends_on_the_step_alone(data):
    pictures = [ft.load_image(path) for path in sorted(data.iterdir())]
    forward, again = (Batches(pictures, 3, 8, "uniform", seed=4) for _ in range(2))
    for step in (7, 0, 3):
        for name, value in forward[step].items():
            assert torch.equal(value, again[step][name])


def test_each_epoch_shows_each_picture_once():
    shades = [np.full((9, 9, 3), 20 * number, dtype=np.uint8) for number in range(6)]
    batches = Batches(shades, 2, 1, "none", seed=0)
    seen = torch.cat([batches[step]["colour"][:, 0, 0] for step in range(6)])
    for epoch in (seen[:6], seen[6:]):
        assert ((epoch + 1) * 127.5).round().sort().values.tolist() == [0, 20, 40, 60, 80, 100]


def test_the_colours_of_a_batch_match_its_input(data):
    """The gray of the asked colours is that of the network's input at the same points, up to its coarser pixels."""
    smooth = crop_square(crop_square(ft.portraits()["astronaut"], 8), 178)
    batch = Batches([smooth], 4, 64, "none", seed=0)[0]
    gray = batch["colour"] @ torch.tensor([0.2989, 0.587, 0.114])
    read = torch.nn.functional.grid_sample(
        batch["input"], batch["points"][:, :, None] * 2 - 1, padding_mode="border", align_corners=False
    )[:, 0, :, 0]
    assert (gray - read).abs().mean() < 0.02


@pytest.mark.parametrize(
    "settings", [{}, {"times": "noisy", "objective": "v"}, {"error": "huber"}, {"error": "square"}]
)
@pytest.mark.parametrize("restorator", ["diffusion", "single-pass"])
def test_the_loss_falls(data, tmp_path, restorator, settings):
    if restorator == "single-pass" and "times" in settings:
        pytest.skip("a single pass has no diffusion steps")
    settings = Settings(restorator, steps=30, batch=2, points=256, rate=2e-3, **settings)
    out = tmp_path / "model.safetensors"
    train(data, out, settings, every=10)
    history = json.loads(out.with_suffix(".json").read_text())["history"]
    assert [entry["step"] for entry in history] == [10, 20, 30]
    assert history[-1]["held_out"] < 0.9 * history[0]["held_out"]


@pytest.mark.parametrize(
    "settings",
    [
        {"restorator": "direction", "source": "uniform:-4,4"},
        {"restorator": "direction", "masking": "4,8:0.1..0.5", "error": "pseudo-huber:0.1"},
        {"restorator": "constant", "error": "huber:0.1"},
        {"restorator": "interpolant", "objective": "noise", "source": "normal:0.25,0.5"},
        {"restorator": "interpolant", "objective": "v", "times": "noisy"},
        {"restorator": "interpolant", "objective": "direction", "target": "difference", "colours": "yuv"},
        {"restorator": "single-pass", "target": "difference", "colours": "lab"},
        {"restorator": "interpolant", "objective": "constant", "masking": "5..9:2..-8:-1"},
    ],
    ids=lambda settings: "-".join(settings.values()),
)
def test_every_kind_learns(data, tmp_path, settings):
    out = tmp_path / "model.safetensors"
    train(data, out, Settings(steps=16, batch=2, points=64, rate=2e-3, **settings), every=8)
    card = json.loads(out.with_suffix(".json").read_text())
    assert card["history"][-1]["held_out"] < card["history"][0]["held_out"]
    assert Settings(**card["settings"]).config == ft.load_model(out).config


def test_options_of_the_command_line_are_settings(data, tmp_path, capsys):
    out = tmp_path / "model.safetensors"
    command = ["train", "--data", str(data), "--out", str(out), "--steps", "1", "--batch", "2", "--points", "4"]
    arguments = {"restorator": "direction", "masking": "4,8:2..-3:-1", "error": "huber:0.1", "source": "uniform:-4,4"}
    options = [part for name, value in arguments.items() for part in (f"--{name}", value)]
    assert cli.main([*command, *options, "--source", "uniform:4,-4"]) == 2
    assert "source must be normal, normal:MEAN" in capsys.readouterr().err
    assert cli.main([*command, *options]) == 0
    settings = json.loads(out.with_suffix(".json").read_text())["settings"]
    assert {name: settings[name] for name in arguments} == arguments


def test_a_checkpoint_without_sources_and_colours_can_be_resumed(data, tmp_path):
    out = tmp_path / "model.safetensors"
    train(data, out, TINY, every=4)
    stored, checkpoint = weights(out), out.with_suffix(".checkpoint.safetensors")
    header, tensors = read_safetensors(checkpoint)
    settings = json.loads(header["settings"])
    del settings["source"], settings["colours"]
    save_file(dict(tensors), checkpoint, header | {"settings": json.dumps(settings)})
    train(data, out, TINY, resume=True)
    assert all(torch.equal(value, stored[key]) for key, value in weights(out).items())


def test_noisy_times_are_drawn_more_often():
    rng = torch.Generator().manual_seed(0)
    uniform, noisy = (draw_times(times, (200, 100), 100, rng) for times in ("uniform", "noisy"))
    for times in (uniform, noisy):
        assert times.unique().tolist() == list(range(100)), "every step is trained"
    assert (uniform >= 75).float().mean() == pytest.approx(0.25, abs=0.02)
    assert (noisy >= 75).float().mean() == pytest.approx(0.5, abs=0.02)


def test_the_charbonnier_loss_is_quadratic_for_small_errors_and_linear_for_large_ones():
    zero, scale = torch.zeros(1), 2 * SMOOTH
    assert charbonnier(zero, torch.tensor([0.01])).item() * scale == pytest.approx(0.01**2, rel=1e-3)
    assert charbonnier(zero, torch.tensor([100.0])).item() == pytest.approx(100 - SMOOTH, rel=1e-3)


def test_a_trained_model_is_loaded_by_path_and_restores(data, tmp_path):
    out = tmp_path / "mine.safetensors"
    trained = train(data, out, Settings("single-pass", steps=2, batch=2, points=16))
    loaded = ft.load_model(out)
    assert loaded.name == "mine"
    portrait = ft.portraits()["hopper"]
    np.testing.assert_array_equal(
        ft.restore(loaded, portrait, size=16).image, ft.restore(trained, portrait, size=16).image
    )


def test_warm_up_and_decay():
    settings = Settings(steps=1000, rate=1.0)
    rates = [learning_rate(step, settings) for step in range(1000)]
    assert rates[0] == pytest.approx(1 / 200, rel=1e-2)
    assert max(rates) == max(rates[190:210])
    assert rates[:195] == sorted(rates[:195])
    assert rates[200:] == sorted(rates[200:], reverse=True)
    assert 0.005 <= rates[-1] < 0.0051


def test_the_checkpoint_and_the_card_have_the_provenance(data, tmp_path):
    out = tmp_path / "model.safetensors"
    train(data, out, TINY, every=5)
    stored = metadata(out.with_suffix(".checkpoint.safetensors"))
    provenance, card = json.loads(stored["provenance"]), json.loads(out.with_suffix(".json").read_text())
    assert json.loads(stored["settings"])["seed"] == TINY.seed
    assert stored["step"] == "8"
    assert provenance["command"].startswith("frantools")
    assert provenance["commit"] == git_commit()
    assert provenance["threads"] == torch.get_num_threads()
    assert provenance["data"]["pictures"] == 8
    assert len(provenance["data"]["sha256"]) == 64
    assert card["settings"] == json.loads(stored["settings"])
    assert {key: card[key] for key in provenance} == provenance
    assert str(tmp_path) not in json.dumps(card["data"]), "no path of a machine is kept"


def command(data: Path, out: Path, *options: str) -> list[str]:
    return [
        *(sys.executable, "-m", "frantools", "train", "--data", str(data), "--out", str(out), "--threads", "1"),
        *("--steps", "8", "--batch", "2", "--points", "16", "--masking", "8", "--every", "2", *options),
    ]


def test_a_killed_and_resumed_training_gives_the_same_weights(data, tmp_path):
    whole, killed = tmp_path / "whole.safetensors", tmp_path / "killed.safetensors"
    train(data, whole, TINY, every=2)
    checkpoint = killed.with_suffix(".checkpoint.safetensors")
    with subprocess.Popen(command(data, killed), stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and not checkpoint.exists():
            time.sleep(0.005)
        time.sleep(random.uniform(0, 0.5))  # in a step, a measurement or the writing of a checkpoint
        process.send_signal(signal.SIGKILL)
    assert 2 <= int(metadata(checkpoint)["step"]) <= 8, "what stands there is whole"
    subprocess.run(command(data, killed, "--resume"), check=True, capture_output=True)
    assert_same_weights(whole, killed)
    assert_same_weights(whole.with_suffix(".checkpoint.safetensors"), checkpoint)
    cards = [json.loads(path.with_suffix(".json").read_text()) for path in (whole, killed)]
    assert cards[0]["history"] == cards[1]["history"]


@pytest.mark.parametrize(("restorator", "stop"), [("diffusion", 1), ("diffusion", 4), ("single-pass", 5)])
def test_an_interrupted_and_resumed_training_gives_the_same_weights(data, tmp_path, monkeypatch, restorator, stop):
    settings = Settings(restorator, steps=6, batch=2, points=16)
    whole, stopped = tmp_path / "whole.safetensors", tmp_path / "stopped.safetensors"
    train(data, whole, settings, every=2)
    advance = TrainingRun.advance

    def interrupted(run: TrainingRun, batch: Any) -> float:
        if run.step == stop:
            raise KeyboardInterrupt
        return advance(run, batch)

    monkeypatch.setattr(TrainingRun, "advance", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(data, stopped, settings, every=2)
    assert not stopped.exists()
    monkeypatch.undo()
    train(data, stopped, settings, every=2, resume=True)
    assert_same_weights(whole, stopped)


def test_resuming_a_finished_training_changes_nothing(data, tmp_path):
    out, settings = tmp_path / "model.safetensors", Settings(steps=2, batch=2, points=4)
    train(data, out, settings)
    (tmp_path / "before.safetensors").write_bytes(out.read_bytes())
    train(data, out, settings, resume=True)
    assert_same_weights(out, tmp_path / "before.safetensors")


def test_resuming_without_a_checkpoint_starts_a_training(data, tmp_path):
    out = tmp_path / "model.safetensors"
    train(data, out, Settings(steps=1, batch=1, points=4), resume=True)
    assert out.exists()


def test_resuming_with_other_settings_is_refused(data, tmp_path):
    out = tmp_path / "model.safetensors"
    train(data, out, Settings(steps=1, batch=2, points=4))
    other = Settings(steps=2, batch=2, points=4, seed=1)
    with pytest.raises(ValueError, match="other settings: steps was 1 and is 2, seed was 0 and is 1"):
        train(data, out, other, resume=True)


def test_resuming_with_other_pictures_is_refused(data, tmp_path):
    out, other, settings = tmp_path / "model.safetensors", tmp_path / "other", Settings(steps=1, batch=1, points=4)
    train(data, out, settings)
    other.mkdir()
    Image.fromarray(ft.portraits()["hopper"]).save(other / "hopper.png")
    with pytest.raises(ValueError, match="trained on other pictures than those in other"):
        train(other, out, settings, resume=True)


@pytest.mark.parametrize("content", [b"", b"damaged", None])
def test_resuming_from_another_file_is_refused(data, tmp_path, content):
    out = tmp_path / "model.safetensors"
    train(data, out, Settings(steps=1, batch=1, points=4))
    checkpoint = out.with_suffix(".checkpoint.safetensors")
    checkpoint.write_bytes(out.read_bytes() if content is None else content)
    with pytest.raises(ValueError, match=r"model\.checkpoint\.safetensors:? (is not|not a complete)"):
        train(data, out, Settings(steps=1, batch=1, points=4), resume=True)


def test_a_loss_that_is_not_finite_ends_the_training_without_a_checkpoint(data, tmp_path):
    out = tmp_path / "model.safetensors"
    with pytest.raises(FloatingPointError, match=r"the loss is (nan|inf) at step 1; the last checkpoint, if any"):
        train(data, out, Settings(steps=50, batch=2, points=16, rate=1e30), every=1)
    assert not list(tmp_path.iterdir())


def test_a_later_divergence_leaves_the_checkpoint_before_it(data, tmp_path, monkeypatch):
    forward = TrainingRun.forward
    monkeypatch.setattr(
        TrainingRun, "forward", lambda run, *given: forward(run, *given) * (torch.inf if run.step == 5 else 1)
    )
    out = tmp_path / "model.safetensors"
    with pytest.raises(FloatingPointError, match="the loss is inf at step 5"):
        train(data, out, TINY, every=2)
    assert metadata(out.with_suffix(".checkpoint.safetensors"))["step"] == "4"
    monkeypatch.undo()
    train(data, out, TINY, every=2, resume=True)  # and it can go on from there
    assert out.exists()


def test_unreadable_pictures_are_skipped_with_a_warning(data, tmp_path):
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    for path in data.iterdir():
        (mixed / path.name).write_bytes(path.read_bytes())
    (mixed / "broken.jpg").write_bytes(b"no picture")
    (mixed / "notes.txt").write_text("not meant as one")
    with pytest.warns(UserWarning, match=r"skipped broken\.jpg: "):
        train(mixed, tmp_path / "mixed.safetensors", Settings(steps=1, batch=2, points=4))
    summary = json.loads((tmp_path / "mixed.json").read_text())["data"]
    assert (summary["pictures"], summary["skipped"]) == (8, 1)


def test_training_gives_no_warnings(data, tmp_path, recwarn):
    train(data, tmp_path / "a.safetensors", Settings(restorator="single-pass", steps=1, batch=2, points=4))
    assert [str(warning.message) for warning in recwarn] == []


def test_a_single_picture_is_enough(tmp_path):
    folder = tmp_path / "one"
    folder.mkdir()
    Image.fromarray(np.zeros((1, 1, 3), dtype=np.uint8)).save(folder / "dot.png")
    train(folder, tmp_path / "one.safetensors", Settings(steps=1, batch=2, points=4))
    assert (tmp_path / "one.safetensors").exists()


def test_held_out_pictures_can_be_a_folder(data, tmp_path):
    settings = Settings(steps=1, batch=2, points=4)
    with pytest.raises(ValueError, match="there is no folder"):
        train(data, tmp_path / "model.safetensors", settings, held_out=tmp_path / "nowhere")
    train(data, tmp_path / "model.safetensors", settings, held_out=data)
    assert (tmp_path / "model.safetensors").exists()


def test_no_temporary_files_remain(data, tmp_path):
    train(data, tmp_path / "out" / "model.safetensors", Settings(steps=2, batch=1, points=4), every=1)
    left = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert left == ["model.checkpoint.safetensors", "model.json", "model.safetensors"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"restorator": "magic"}, "restorator must be 'single-pass', 'diffusion'"),
        ({"masking": "65"}, "masking must be none, uniform, dynamic, an integer from 1 to 64, or SIZES"),
        ({"masking": "8:0.5..0.1"}, "masking '8:0.5..0.1': the number of cells"),
        ({"objective": "direction"}, "objective must be 'noise' or 'v', got 'direction'"),
        ({"source": "cauchy"}, "source must be normal, .* got 'cauchy'"),
        ({"source": "uniform", "restorator": "constant"}, "source must be 'normal' for a constant model"),
        ({"masking": "-1"}, "masking must be .* got '-1'"),
        ({"steps": 0}, "steps must be an integer from 1, got 0"),
        ({"batch": 0}, "batch must be an integer from 1, got 0"),
        ({"points": -1}, "points must be an integer from 1, got -1"),
        ({"rate": 0.0}, "rate must be a number above 0, got 0.0"),
        ({"rate": float("nan")}, "rate must be .* got nan"),
        ({"rate": float("inf")}, "rate must be .* got inf"),
        ({"seed": -1}, "seed must be an integer from 0 to 1000000000000, got -1"),
        ({"seed": 10**17}, "seed must be an integer from 0 to 1000000000000, got 100000000000000000"),
        ({"seed": 1.5}, "seed must be .* got 1.5"),
        ({"steps": 1.5}, "steps must be .* got 1.5"),
        ({"precision": "half"}, "precision must be 'float32' or 'bfloat16', got"),
        ({"times": "late"}, "times must be 'uniform' or 'noisy', got 'late'"),
        ({"times": "noisy", "restorator": "single-pass"}, "times must be 'uniform' for a single-pass model"),
        ({"error": "l2"}, "error must be 'note', 'square', .* got 'l2'"),
    ],
)
def test_invalid_settings_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        Settings(**wrong)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"data": "nowhere"}, "there is no folder nowhere"),
        ({"out": "model.pt"}, r"model\.pt: models are written as \.safetensors only"),
        ({"out": "file/model.safetensors"}, "file is not a folder"),
        ({"out": "folder.safetensors"}, "is a folder, not a file to write"),
        ({"every": 0}, "every must be an integer from 1, got 0"),
        ({"workers": -1}, "workers must be an integer from 0, got -1"),
        ({"threads": 0}, "threads must be an integer from 1, got 0"),
        ({"device": "meta"}, "device must be 'auto', 'cpu' or an available 'cuda', got 'meta'"),
        ({"device": "abacus"}, "device must be 'auto', 'cpu' or an available 'cuda', got 'abacus'"),
    ],
)
def test_invalid_arguments_are_refused_before_the_training(data, tmp_path, monkeypatch, wrong, message):
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    Path("folder.safetensors").mkdir()
    with pytest.raises(ValueError, match=message):
        train(**{"data": data, "out": "model.safetensors", "settings": TINY, **wrong})


def test_a_folder_without_a_readable_picture_is_refused(tmp_path):
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"contains no readable picture \(1 unreadable\); accepted: "):
        train(tmp_path, tmp_path / "model.safetensors", TINY)


def test_neither_an_unfinished_training_nor_a_model_is_overwritten(data, tmp_path, monkeypatch):
    forward = TrainingRun.forward
    monkeypatch.setattr(
        TrainingRun, "forward", lambda run, *given: forward(run, *given) * (torch.inf if run.step == 1 else 1)
    )
    out, settings = tmp_path / "model.safetensors", Settings(steps=2, batch=1, points=4)
    with pytest.raises(FloatingPointError):
        train(data, out, settings, every=1)
    monkeypatch.undo()
    with pytest.raises(ValueError, match="belongs to an unfinished training, at step 1 of 2; resume it with --resume"):
        train(data, out, settings)
    model = train(data, out, settings, resume=True)
    for resume in (False, True):
        with pytest.raises(ValueError, match="the file exists; choose another name"):
            train(data, out, settings, resume=resume)
        out.with_suffix(".checkpoint.safetensors").unlink(missing_ok=True)
    assert torch.equal(ft.load_model(out).decoder.blocks[0][1].weight, model.decoder.blocks[0][1].weight)


def test_a_card_does_not_overwrite_another_file(data, tmp_path):
    (tmp_path / "model.json").write_text('{"mine": 1}')
    with pytest.raises(
        ValueError, match="the file is not a model's card, and would be overwritten; choose another name"
    ):
        train(data, tmp_path / "model.safetensors", Settings(steps=1, batch=1, points=4))
    assert (tmp_path / "model.json").read_text() == '{"mine": 1}'


def test_an_incomplete_checkpoint_is_refused(data, tmp_path):
    save_file({}, tmp_path / "model.checkpoint.safetensors", {"format": "frantools-checkpoint", "step": "1"})
    with pytest.raises(ValueError, match="is a damaged checkpoint: it has no history, provenance, seconds, settings"):
        train(data, tmp_path / "model.safetensors", TINY, resume=True)


@pytest.mark.parametrize(
    ("steps", "message"), [(1, "one is written every 2 steps"), (3, "the checkpoint of step 2 is kept")]
)
def test_an_interrupt_says_which_checkpoint_is_kept(data, tmp_path, monkeypatch, steps, message):
    forward = TrainingRun.forward

    def interrupted(run: TrainingRun, *given: Any) -> torch.Tensor:
        if run.step == steps:
            raise KeyboardInterrupt
        return forward(run, *given)

    monkeypatch.setattr(TrainingRun, "forward", interrupted)
    with pytest.raises(KeyboardInterrupt, match=message):
        train(data, tmp_path / "model.safetensors", TINY, every=2)


def test_resuming_with_other_held_out_pictures_is_refused(data, tmp_path):
    out, other, settings = tmp_path / "model.safetensors", tmp_path / "other", Settings(steps=1, batch=1, points=4)
    train(data, out, settings, held_out=data)
    assert json.loads(out.with_suffix(".json").read_text())["held_out"]["pictures"] == 8
    train(data, out, settings, held_out=data, resume=True)
    other.mkdir()
    Image.fromarray(ft.portraits()["hopper"]).save(other / "hopper.png")
    for held_out in (other, None):
        with pytest.raises(ValueError, match="was measured on other held-out pictures than those given"):
            train(data, out, settings, held_out=held_out, resume=True)


def test_without_git_there_is_no_commit(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert git_commit() is None


def in_a_worker(monkeypatch: pytest.MonkeyPatch, step: int, action: Callable[[], None]) -> None:
    """Let something happen in the process that prepares the batch of a step, and in no other."""
    prepare = Batches.__getitem__

    def replacement(batches: Batches, arguments: int) -> dict[str, torch.Tensor]:
        if arguments == step and multiprocessing.parent_process() is not None:
            action()
        return prepare(batches, arguments)

    monkeypatch.setattr(Batches, "__getitem__", replacement)


needs_fork = pytest.mark.skipif(
    multiprocessing.get_start_method(allow_none=True) not in (None, "fork") or sys.platform != "linux",
    reason="what is patched here reaches the workers by fork",
)


@needs_fork
def test_a_killed_worker_ends_the_training_with_one_line_and_it_can_be_resumed(data, tmp_path, monkeypatch, capsys):
    whole, killed = tmp_path / "whole.safetensors", tmp_path / "killed.safetensors"
    command = ["train", "--data", str(data), "--steps", "8", "--batch", "2", "--points", "16", "--every", "2"]
    assert cli.main([*command, "--out", str(whole)]) == 0
    with monkeypatch.context() as patched:
        in_a_worker(patched, 6, lambda: os.kill(os.getpid(), signal.SIGKILL))
        capsys.readouterr()
        assert cli.main([*command, "--out", str(killed), "--workers", "1"]) == 2
    message = capsys.readouterr().err.splitlines()[-1]
    assert message.startswith("frantools: the processes that prepare pictures failed (")
    assert message.endswith("the last checkpoint, if any, is kept. Fewer workers need less memory")
    assert not killed.exists()
    assert cli.main([*command, "--out", str(killed), "--workers", "1", "--resume"]) == 0
    assert_same_weights(whole, killed)


@needs_fork
@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(28, "No space left on device"), "[Errno 28] No space left on device"),
        (MemoryError("no more"), "no more"),
        (BrokenPipeError(32, "Broken pipe"), "the processes that prepare pictures failed ([Errno 32] Broken pipe); "),
    ],
)
def test_an_error_in_a_worker_is_reported_without_its_traceback(data, tmp_path, monkeypatch, capsys, error, message):
    def fail() -> None:
        raise error

    in_a_worker(monkeypatch, 1, fail)
    command = ["train", "--data", str(data), "--out", str(tmp_path / "m.safetensors"), "--workers", "1"]
    assert cli.main([*command, "--steps", "2", "--batch", "1", "--points", "4"]) == 2
    (line,) = (line for line in capsys.readouterr().err.splitlines() if line.startswith("frantools: "))
    assert line.startswith(f"frantools: {message}")
    assert "Traceback" not in line


def test_other_errors_are_not_converted():
    with pytest.raises(RuntimeError, match="a mistake of ours") as raised, convert_worker_errors():
        raise RuntimeError("a mistake of ours")
    assert not isinstance(raised.value, OSError)


def test_torch_settings_are_restored_and_its_default_dtype_is_ignored(data, tmp_path):
    settings = Settings(steps=2, batch=2, points=16)
    train(data, tmp_path / "a.safetensors", settings)
    torch.manual_seed(5)
    expected = torch.rand(3, dtype=torch.float32)
    torch.manual_seed(5)
    torch.set_default_dtype(torch.float64)
    try:
        train(data, tmp_path / "b.safetensors", settings)
        with pytest.raises(FloatingPointError):
            train(data, tmp_path / "c.safetensors", Settings(steps=9, batch=2, points=4, rate=1e30), threads=2)
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.get_num_threads() == 1
    assert torch.equal(torch.rand(3), expected)
    assert_same_weights(tmp_path / "a.safetensors", tmp_path / "b.safetensors")


def test_the_card_has_the_number_of_threads(data, tmp_path):
    train(data, tmp_path / "m.safetensors", Settings(steps=1, batch=1, points=4), threads=2)
    assert json.loads((tmp_path / "m.json").read_text())["threads"] == 2
    assert torch.get_num_threads() == 1


TOGETHER = """
import sys, torch
from frantools.frannet.weights.checkpoints import read_safetensors
from frantools.training import Settings, train
from frantools.training.distributed import ProcessGroup

team = ProcessGroup("cpu")
tensors = [torch.full((2, 2), float(team.rank)), torch.tensor([1.0 + team.rank])]
team.average(tensors)
assert [t.unique().tolist() for t in tensors] == [[0.5], [1.5]], tensors
made = train(sys.argv[1], sys.argv[2], Settings(steps=4, batch=4, points=16), device="cpu", every=2)
weights = torch.cat([value.flatten() for value in made.state_dict().values() if value.is_floating_point()])
others = weights.clone()
team.average([others])
torch.testing.assert_close(others, weights, rtol=0, atol=1e-7)  # both have the same
sys.stdout.write(f"together {team.rank}\\n")  # at once: two processes share the pipe
"""


def test_two_processes_train_one_model(data, tmp_path):
    script = tmp_path / "together.py"
    script.write_text(TOGETHER)
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    command = [*launch, str(script), str(data), str(tmp_path / "m.safetensors")]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr
    assert sorted(line for line in run.stdout.splitlines() if line.startswith("together")) == [
        "together 0",
        "together 1",
    ]
    card = json.loads((tmp_path / "m.json").read_text())
    assert card["processes"] == 2
    assert [entry["step"] for entry in card["history"]] == [2, 4]
    assert ft.load_model(tmp_path / "m.safetensors").config.restorator == "diffusion"


def test_a_batch_must_be_a_multiple_of_the_processes(data, tmp_path, monkeypatch):
    monkeypatch.setattr("frantools.training.loop.ProcessGroup", lambda device: SimpleNamespace(size=2))
    with pytest.raises(ValueError, match="batch must be a multiple of the 2 processes, got 3"):
        train(data, tmp_path / "m.safetensors", Settings(batch=3))
