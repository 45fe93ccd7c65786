"""The origin of trained weights, for checkpoints and model cards."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

from ..photos.folder import Pictures
from .distributed import ProcessGroup


def get_provenance(pictures: Pictures, held_out: Pictures | None, processes: ProcessGroup) -> dict[str, Any]:
    """Describe the data, command, code and machine of a training as JSON content, without paths of the machine."""
    return {
        "data": pictures.summary(),
        "held_out": held_out.summary() if held_out is not None else None,
        "command": shlex.join(["frantools", *sys.argv[1:]]),
        "commit": git_commit(),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "device": processes.device.type,
        "processes": processes.size,
    }


def git_commit() -> str | None:
    """Return the commit of the checkout that contains this package, or None."""
    folder = Path(__file__).parent
    try:
        result = subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, check=False)
    except OSError:  # git is not installed
        return None
    return result.stdout.decode("ascii", "replace").strip() or None
