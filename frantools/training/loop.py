"""The training loop: from a folder of pictures to a model and its card, with checkpoints to go on from."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from math import isfinite
from os import PathLike
from pathlib import Path
from typing import Any

import torch

from ..checks import integer
from ..files import check_output
from ..frannet.network.model import FranNet
from ..frannet.weights.checkpoints import check_card, save_model
from ..photos.folder import Pictures
from ..system.console import progress_bar, write_line
from ..system.devices import on_processor, without_autocast
from . import training_state
from .data import Batches
from .data_workers import loaded, watched
from .distributed import Team
from .provenance import provenance
from .settings import Settings
from .training_step import Run, diverged, held_out_loss


def train(
    data: str | PathLike[str],
    out: str | PathLike[str],
    settings: Settings | None = None,
    held_out: str | PathLike[str] | None = None,
    resume: bool = False,
    device: str = "auto",
    every: int = 500,
    workers: int = 0,
    threads: int | None = None,
) -> FranNet:
    """Train a model on a folder of pictures.

    Parameters
    ----------
    data : path
        A folder of pictures of any sizes (CelebA's ``img_align_celeba`` as it is).
    out : path
        The `.safetensors` file to write at the end, with its card beside it. The training's own state is kept in
        ``<out>.checkpoint.safetensors``.
    settings : Settings, optional
        What to train and how long. Default: a diffusion model.
    held_out : path, optional
        A folder of pictures to measure on, each `every` steps. Default: the last twentieth of `data`, which is then
        not trained on; of fewer than 20 pictures all are trained on and measured on.
    resume : bool
        Go on from the checkpoint where there is one. Without it, that of an unfinished training is in the way, and so
        is a finished model of that name.
    device : str
        "auto", "cpu", "cuda" ...
    every : int
        Steps between checkpoints and measurements.
    workers : int
        Processes that prepare batches; 0 prepares them in this one.
    threads : int, optional
        Of the processor. Default: as many as torch uses now, which it uses afterwards in any case.

    Notes
    -----
    Started by ``torchrun`` or ``accelerate launch``, on several GPUs or hosts, the processes train one model: each has
    its part of every batch, and the first one measures and writes.

    Returns
    -------
    FranNet
        The model with the moving average of its weights.

    Raises
    ------
    ValueError
        If a folder holds no readable picture, the checkpoint is of other settings, or an unfinished training's or a
        model would be overwritten.
    ChildProcessError
        If a process that prepares batches ends before its time, as where memory runs out.
    FloatingPointError
        If the loss stops being finite; the last checkpoint, if there is one, is kept.
    """
    settings = settings or Settings()
    out = check_name(out)
    for name, value, least in (("every", every, 1), ("workers", workers, 0), ("threads", threads, 1)):
        if value is not None:
            integer(name, value, least)
    team = Team(device)
    if settings.batch % team.size:
        raise ValueError(f"batch is {settings.batch}; accepted are multiples of the {team.size} processes")
    pictures = Pictures(data)
    for reason in pictures.skipped if team.leads else ():
        warnings.warn(f"skipped {reason}", stacklevel=2)
    training, measured = split(pictures, held_out)
    with torch_as(threads, team.device):
        run = Run(settings, team)
        made = provenance(pictures, measured if held_out is not None else None, team)
        begin(run, out, made, resume)
        with telling_what_is_kept(run, every), watched():
            work_through(run, out, made, training, measured, every, workers)
        model = run.averaged()
    if team.leads:
        save_model(model.cpu(), out, card(run, model, out.stem, made))
    team.wait()
    return model


def check_name(out: str | PathLike[str]) -> Path:
    """The path of a model to be written; a ValueError if it cannot be."""
    out = Path(out)
    if out.suffix != ".safetensors":
        raise ValueError(f"{out} does not end in .safetensors, the only format that models are written in")
    check_output(out)
    check_card(out.with_suffix(".json"))
    return out


def checkpoint_of(out: Path) -> Path:
    """Where the state of the training of a model is kept."""
    return out.with_suffix(".checkpoint.safetensors")


def split(pictures: Pictures, held_out: str | PathLike[str] | None) -> tuple[Pictures, Pictures]:
    """The pictures to train on, and those to measure on."""
    if held_out is not None:
        return pictures, Pictures(held_out)
    count = len(pictures) // 20
    if count == 0:
        return pictures, pictures  # too few to spare one
    return pictures.part(0, len(pictures) - count), pictures.part(len(pictures) - count, len(pictures))


@contextmanager
def torch_as(threads: int | None, device: torch.device) -> Iterator[None]:
    """Work in float32 with a number of threads; these and the random numbers are then as they were."""
    before = torch.get_default_dtype(), torch.get_num_threads()
    try:
        forked = torch.random.fork_rng([device] if device.type == "cuda" else [])
        with on_processor(), forked, without_autocast():
            torch.set_default_dtype(torch.float32)
            if threads is not None:
                torch.set_num_threads(threads)
            yield
    finally:
        torch.set_default_dtype(before[0])
        torch.set_num_threads(before[1])


def begin(run: Run, out: Path, made: dict[str, Any], resume: bool) -> None:
    """Go on from the checkpoint if that is asked; a ValueError if what is there already is in the way."""
    kept = checkpoint_of(out)
    if resume and kept.exists():
        training_state.load(run, kept, made)
        return
    if kept.exists():
        training_state.check_finished(kept)
    if out.exists():
        raise ValueError(
            f"{out} is there already, and the training would replace it; choose another name, or delete it"
        )


@contextmanager
def telling_what_is_kept(run: Run, every: int) -> Iterator[None]:
    """Let an interrupt say from where the training can go on."""
    try:
        yield
    except KeyboardInterrupt:
        if not run.history:
            raise KeyboardInterrupt(f"nothing is kept yet: there is a checkpoint every {every} steps") from None
        step = run.history[-1]["step"]
        raise KeyboardInterrupt(f"the checkpoint of step {step} is kept; go on with --resume") from None


def work_through(
    run: Run, out: Path, made: dict[str, Any], training: Pictures, measured: Pictures, every: int, workers: int
) -> None:
    """Take the steps that are left, and each `every` of them measure and keep a checkpoint."""
    settings, team = run.settings, run.team
    batches = Batches(training, settings.batch, settings.points, settings.masking, settings.seed, settings.augment)
    control = Batches(measured, settings.batch, settings.points, "none", seed=0, augment="none")
    controls = -(-len(measured) // settings.batch)
    begun = time.perf_counter() - run.seconds
    with progress_bar(
        total=settings.steps, initial=run.step, unit="step", desc=out.stem, disable=not team.leads
    ) as bar:
        for batch in loaded(batches, range(run.step, settings.steps), workers):
            loss = run.advance({key: value[team.rank :: team.size] for key, value in batch.items()})
            bar.update()
            bar.set_postfix_str(f"loss {loss:.4f}", refresh=False)
            if team.leads and (run.step % every == 0 or run.step == settings.steps):
                run.seconds = time.perf_counter() - begun
                value = held_out_loss(run, control, controls)
                if not isfinite(value):
                    raise diverged(value, run.step)
                run.history.append({"step": run.step, "loss": round(loss, 6), "held_out": round(value, 6)})
                training_state.save(run, checkpoint_of(out), made)
                write_line(f"step {run.step}: loss {loss:.4f}, held out {value:.4f}")


def card(run: Run, model: FranNet, name: str, made: dict[str, Any]) -> dict[str, Any]:
    """What is said of a trained model, as JSON can hold it."""
    return {
        "name": name,
        "settings": asdict(run.settings),
        "parameters": sum(p.numel() for p in model.parameters()),
        "minutes": round(run.seconds / 60, 1),
        "history": run.history,
        **made,
    }
