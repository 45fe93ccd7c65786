"""A training's state on disk, to go on from bit for bit."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..files import from_json, to_json, with_infinite
from ..frannet.weights.checkpoints import read_safetensors, write_safetensors
from .settings import Settings
from .training_step import Run


def save(run: Run, path: Path, provenance: dict[str, Any]) -> None:
    """Write all that goes on from here, whole or not at all."""
    tensors = {f"model.{k}": v for k, v in run.model.state_dict().items()}
    tensors |= {f"average.{k}": v for k, v in run.average.items()}
    names = [name for name, _ in run.model.named_parameters()]
    for index, state in run.optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{names[index]}.{key}": value for key, value in state.items()}
    metadata = {
        "format": "frantools-checkpoint",
        "step": str(run.step),
        "loss": to_json(run.loss),
        "seconds": f"{run.seconds:.1f}",
        "settings": to_json(asdict(run.settings)),
        "history": to_json(run.history),
        "provenance": to_json(provenance),
    }
    write_safetensors(path, tensors, metadata)


def load(run: Run, path: Path, provenance: dict[str, Any]) -> None:
    """Let a run go on from a checkpoint of the same settings and pictures; of others it is a ValueError."""
    metadata, tensors = read_safetensors(path)
    try:
        check_same(path, metadata, run.settings, provenance)
        _restore(run, metadata, tensors)
    except (KeyError, TypeError, AttributeError, ValueError, RuntimeError) as error:
        if str(path) in str(error):
            raise
        wrong = " ".join(str(error).split())
        raise ValueError(f"{path} is a damaged checkpoint: {wrong:.300}") from None


def _restore(run: Run, metadata: dict[str, str], tensors: dict[str, Tensor]) -> None:
    """Take over the state that a checkpoint holds."""
    run.loss = from_json(metadata.get("loss", "null"))
    run.step, run.history = int(metadata["step"]), with_infinite(from_json(metadata["history"]))
    run.seconds = float(metadata["seconds"])
    part = {
        name: {k.removeprefix(name): v for k, v in tensors.items() if k.startswith(name)}
        for name in ("model.", "average.", "optimiser.")
    }
    run.model.load_state_dict(part["model."])
    run.average = {key: value.to(run.device) for key, value in part["average."].items()}
    state: dict[int, dict[str, Tensor]] = {}
    for index, (name, parameter) in enumerate(run.model.named_parameters()):
        kept = {key: part["optimiser."][f"{name}.{key}"] for key in ("step", "exp_avg", "exp_avg_sq")}
        # The fused AdamW walks through memory: its moments must lie there as the weights do.
        moments = {key: torch.empty_like(parameter).copy_(kept[key]) for key in ("exp_avg", "exp_avg_sq")}
        state[index] = {"step": kept["step"], **moments}
    run.optimiser.load_state_dict({"state": state, "param_groups": run.optimiser.state_dict()["param_groups"]})


def check_same(path: Path, metadata: dict[str, str], settings: Settings, provenance: dict[str, Any]) -> None:
    """Raise a ValueError if what is read is no checkpoint, or one of other settings or pictures."""
    if metadata.get("format") != "frantools-checkpoint":
        raise ValueError(f"{path} is no checkpoint of a training (its format is {metadata.get('format')!r})")
    if lacking := {"settings", "provenance", "step", "history", "seconds"} - metadata.keys():
        raise ValueError(f"{path} is a damaged checkpoint: it has no {', '.join(sorted(lacking))}")
    # Settings that a version before did not know had their defaults' effect.
    before, now = asdict(Settings()) | from_json(metadata["settings"]), asdict(settings)
    changed = [f"{key} was {before.get(key)!r} and is {now[key]!r}" for key in now if before.get(key) != now[key]]
    if changed:
        raise ValueError(f"{path} was trained with other settings: {', '.join(changed)}")
    kept = from_json(metadata["provenance"])
    if kept["data"]["sha256"] != provenance["data"]["sha256"]:
        raise ValueError(f"{path} was trained on other pictures than those now in {provenance['data']['folder']}")
    before, given = kept.get("held_out", provenance["held_out"]), provenance["held_out"]
    if (before or {}).get("sha256") != (given or {}).get("sha256"):
        raise ValueError(f"{path} was measured on other held-out pictures than those now given")


def check_finished(checkpoint: Path) -> None:
    """Raise a ValueError if a checkpoint is of a training that could be gone on with."""
    metadata, _ = read_safetensors(checkpoint)
    step, steps = int(metadata.get("step", 0)), from_json(metadata.get("settings", "{}")).get("steps", 0)
    if step < steps:
        raise ValueError(
            f"{checkpoint} is of an unfinished training, at step {step} of {steps}; go on from it with --resume "
            "(resume=True), or delete it"
        )
