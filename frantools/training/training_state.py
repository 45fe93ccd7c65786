"""Checkpoints of a training, from which it resumes bit for bit."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..files import from_json, to_json, with_infinite
from ..frannet.weights.checkpoints import read_safetensors, write_safetensors
from .training_settings import Settings
from .training_step import TrainingRun

FORMAT = "frantools-checkpoint"


def save_checkpoint(run: TrainingRun, path: Path, provenance: dict[str, Any]) -> None:
    """Write everything that resuming needs."""
    tensors = {f"model.{key}": value for key, value in run.model.state_dict().items()}
    tensors |= {f"average.{key}": value for key, value in run.average.items()}
    names = [name for name, _ in run.model.named_parameters()]
    for index, state in run.optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{names[index]}.{key}": value for key, value in state.items()}
    metadata = {
        "format": FORMAT,
        "step": str(run.step),
        "loss": to_json(run.loss),
        "seconds": f"{run.seconds:.1f}",
        "settings": to_json(asdict(run.settings)),
        "history": to_json(run.history),
        "provenance": to_json(provenance),
    }
    write_safetensors(path, tensors, metadata)


def load_checkpoint(run: TrainingRun, path: Path, provenance: dict[str, Any]) -> None:
    """Restore the state of a run; a ValueError if the checkpoint is of other settings or pictures, or damaged."""
    metadata, tensors = read_safetensors(path)
    try:
        _check_matches(path, metadata, run.settings, provenance)
        _restore_state(run, metadata, tensors)
    except (KeyError, TypeError, AttributeError, ValueError, RuntimeError) as error:
        if str(path) in str(error):
            raise
        raise ValueError(f"{path}: is a damaged checkpoint: {' '.join(str(error).split()):.300}") from None


def _restore_state(run: TrainingRun, metadata: dict[str, str], tensors: dict[str, Tensor]) -> None:
    run.loss = from_json(metadata.get("loss", "null"))
    run.step, run.history = int(metadata["step"]), with_infinite(from_json(metadata["history"]))
    run.seconds = float(metadata["seconds"])
    model, average, optimiser = (
        {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
        for prefix in ("model.", "average.", "optimiser.")
    )
    run.model.load_state_dict(model)
    run.average = {key: value.to(run.device) for key, value in average.items()}
    state: dict[int, dict[str, Tensor]] = {}
    for index, (name, parameter) in enumerate(run.model.named_parameters()):
        # The fused AdamW iterates over memory: its moments need the memory format of the weights.
        moments = {
            key: torch.empty_like(parameter).copy_(optimiser[f"{name}.{key}"]) for key in ("exp_avg", "exp_avg_sq")
        }
        state[index] = {"step": optimiser[f"{name}.step"], **moments}
    run.optimiser.load_state_dict({"state": state, "param_groups": run.optimiser.state_dict()["param_groups"]})


def _check_matches(path: Path, metadata: dict[str, str], settings: Settings, provenance: dict[str, Any]) -> None:
    """Raise a ValueError if a file is not a checkpoint, or has other settings or pictures."""
    if metadata.get("format") != FORMAT:
        raise ValueError(f"{path}: is not a checkpoint of a training (its format is {metadata.get('format')!r})")
    if missing := {"settings", "provenance", "step", "history", "seconds"} - metadata.keys():
        raise ValueError(f"{path}: is a damaged checkpoint: it has no {', '.join(sorted(missing))}")
    # A setting that is missing did not exist yet, and had the effect of its default.
    saved, current = asdict(Settings()) | from_json(metadata["settings"]), asdict(settings)
    changes = [f"{key} was {saved.get(key)!r} and is {current[key]!r}" for key in current if saved[key] != current[key]]
    if changes:
        raise ValueError(f"{path}: was trained with other settings: {', '.join(changes)}")
    saved = from_json(metadata["provenance"])
    if saved["data"]["sha256"] != provenance["data"]["sha256"]:
        raise ValueError(f"{path}: was trained on other pictures than those in {provenance['data']['folder']}")
    held_out, given = saved.get("held_out", provenance["held_out"]), provenance["held_out"]
    if (held_out or {}).get("sha256") != (given or {}).get("sha256"):
        raise ValueError(f"{path}: was measured on other held-out pictures than those given")


def check_finished(checkpoint: Path) -> None:
    """Raise a ValueError if a checkpoint belongs to an unfinished training."""
    metadata, _ = read_safetensors(checkpoint)
    step, steps = int(metadata.get("step", 0)), from_json(metadata.get("settings", "{}")).get("steps", 0)
    if step < steps:
        raise ValueError(
            f"{checkpoint}: belongs to an unfinished training, at step {step} of {steps}; resume it with --resume "
            "(resume=True), or delete the file"
        )
