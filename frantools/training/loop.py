"""The training loop: from a folder of pictures to a model and its card, with checkpoints."""

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
from .data import Batches
from .data_workers import convert_worker_errors, load_batches
from .distributed import ProcessGroup
from .provenance import get_provenance
from .training_settings import Settings
from .training_state import check_finished, load_checkpoint, save_checkpoint
from .training_step import TrainingRun, diverged


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
        A folder of pictures of any sizes, such as CelebA's ``img_align_celeba``.
    out : path
        The `.safetensors` file to write at the end, with its card beside it. Checkpoints are written to
        ``<out>.checkpoint.safetensors``.
    settings : Settings, optional
        Default: those of a diffusion model.
    held_out : path, optional
        A folder of pictures to measure on, every `every` steps. Default: the last twentieth of `data`, which is then
        not trained on; fewer than 20 pictures are all trained on and measured on.
    resume : bool
        Whether to resume from the checkpoint, if there is one. Otherwise neither the checkpoint of an unfinished
        training nor a finished model is overwritten.
    device : str
        "auto", "cpu", "cuda" ...
    every : int
        Steps between checkpoints and measurements.
    workers : int
        Processes that prepare batches; 0 prepares them in this one.
    threads : int, optional
        Processor threads. Default: the number that torch uses now, which is restored in any case.

    Notes
    -----
    If ``torchrun`` or ``accelerate launch`` starts several processes, on several GPUs or hosts, they train one model:
    each on its part of every batch. The first one measures and writes.

    Returns
    -------
    FranNet
        The model with the moving average of its weights.

    Raises
    ------
    ValueError
        If a folder has no readable picture, the checkpoint has other settings, or an unfinished training or a model
        would be overwritten.
    ChildProcessError
        If a process that prepares batches dies, for example for lack of memory.
    FloatingPointError
        If the loss is not finite; the last checkpoint is kept.
    """
    settings = settings or Settings()
    out = _check_name(out)
    for name, value, minimum in (("every", every, 1), ("workers", workers, 0), ("threads", threads, 1)):
        if value is not None:
            integer(name, value, minimum)
    processes = ProcessGroup(device)
    if settings.batch % processes.size:
        raise ValueError(f"batch must be a multiple of the {processes.size} processes, got {settings.batch}")
    pictures = Pictures(data)
    for reason in pictures.skipped if processes.is_main else ():
        warnings.warn(f"skipped {reason}", stacklevel=2)
    training, measured = _split(pictures, held_out)
    with _torch_settings(threads, processes.device):
        run = TrainingRun(settings, processes)
        provenance = get_provenance(pictures, measured if held_out is not None else None, processes)
        _prepare(run, out, provenance, resume)
        with _explain_interrupts(run, every), convert_worker_errors():
            _run_steps(run, out, provenance, training, measured, every, workers)
        model = run.averaged_model()
    if processes.is_main:
        card = {
            "name": out.stem,
            "settings": asdict(settings),
            "parameters": sum(parameter.numel() for parameter in model.parameters()),
            "minutes": round(run.seconds / 60, 1),
            "history": run.history,
            **provenance,
        }
        save_model(model.cpu(), out, card)
    processes.wait()
    return model


def checkpoint_path(out: Path) -> Path:
    """Return the path of a model's checkpoint."""
    return out.with_suffix(".checkpoint.safetensors")


def _check_name(out: str | PathLike[str]) -> Path:
    """Check that a model and its card can be written to a path."""
    out = Path(out)
    if out.suffix != ".safetensors":
        raise ValueError(f"{out}: models are written as .safetensors only")
    check_output(out)
    check_card(out.with_suffix(".json"))
    return out


def _split(pictures: Pictures, held_out: str | PathLike[str] | None) -> tuple[Pictures, Pictures]:
    """Split pictures into those to train on and those to measure on."""
    if held_out is not None:
        return pictures, Pictures(held_out)
    count = len(pictures) // 20
    if count == 0:
        return pictures, pictures
    return pictures.part(0, len(pictures) - count), pictures.part(len(pictures) - count, len(pictures))


@contextmanager
def _torch_settings(threads: int | None, device: torch.device) -> Iterator[None]:
    """Compute in float32 on a number of threads, and restore torch's settings and random state afterwards."""
    dtype, previous_threads = torch.get_default_dtype(), torch.get_num_threads()
    try:
        forked = torch.random.fork_rng([device] if device.type == "cuda" else [])
        with on_processor(), forked, without_autocast():
            torch.set_default_dtype(torch.float32)
            if threads is not None:
                torch.set_num_threads(threads)
            yield
    finally:
        torch.set_default_dtype(dtype)
        torch.set_num_threads(previous_threads)


def _prepare(run: TrainingRun, out: Path, provenance: dict[str, Any], resume: bool) -> None:
    """Load the checkpoint to resume from, or check that nothing would be overwritten."""
    checkpoint = checkpoint_path(out)
    if resume and checkpoint.exists():
        load_checkpoint(run, checkpoint, provenance)
        return
    if checkpoint.exists():
        check_finished(checkpoint)
    if out.exists():
        raise ValueError(f"{out}: the file exists; choose another name, or delete it")


@contextmanager
def _explain_interrupts(run: TrainingRun, every: int) -> Iterator[None]:
    """Add to a KeyboardInterrupt from which step the training can resume."""
    try:
        yield
    except KeyboardInterrupt:
        if not run.history:
            raise KeyboardInterrupt(f"there is no checkpoint yet: one is written every {every} steps") from None
        step = run.history[-1]["step"]
        raise KeyboardInterrupt(f"the checkpoint of step {step} is kept; resume with --resume") from None


def _run_steps(
    run: TrainingRun,
    out: Path,
    provenance: dict[str, Any],
    training: Pictures,
    measured: Pictures,
    every: int,
    workers: int,
) -> None:
    """Take the remaining steps; measure and write a checkpoint every `every` steps and at the end."""
    settings, processes = run.settings, run.processes
    batches = Batches(training, settings.batch, settings.points, settings.masking, settings.seed, settings.augment)
    held_out = Batches(measured, settings.batch, settings.points, "none", seed=0, augment="none")
    held_out_count = -(-len(measured) // settings.batch)
    start = time.perf_counter() - run.seconds
    bar_options = {"total": settings.steps, "initial": run.step, "unit": "step", "desc": out.stem}
    with progress_bar(**bar_options, disable=not processes.is_main) as bar:
        for batch in load_batches(batches, range(run.step, settings.steps), workers):
            loss = run.advance({key: value[processes.rank :: processes.size] for key, value in batch.items()})
            bar.update()
            bar.set_postfix_str(f"loss {loss:.4f}", refresh=False)
            if processes.is_main and (run.step % every == 0 or run.step == settings.steps):
                run.seconds = time.perf_counter() - start
                held_out_loss = run.held_out_loss(held_out, held_out_count)
                if not isfinite(held_out_loss):
                    raise diverged(held_out_loss, run.step)
                entry = {"step": run.step, "loss": round(loss, 6), "held_out": round(held_out_loss, 6)}
                run.history.append(entry)
                save_checkpoint(run, checkpoint_path(out), provenance)
                write_line(f"step {run.step}: loss {loss:.4f}, held out {held_out_loss:.4f}")
