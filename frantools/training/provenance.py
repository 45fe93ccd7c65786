"""Where weights come from: what stands in a checkpoint and on a model's card."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

from ..photos.folder import Pictures
from .distributed import Team


def provenance(pictures: Pictures, held_out: Pictures | None, team: Team) -> dict[str, Any]:
    """The data, the command, the code and the machine of a training, as JSON can hold them; no path of a machine."""
    return {
        "data": pictures.summary(),
        "held_out": held_out.summary() if held_out is not None else None,
        "command": shlex.join(["frantools", *sys.argv[1:]]),
        "commit": git_commit(),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "device": team.device.type,
        "processes": team.size,
    }


def git_commit() -> str | None:
    """The commit of the checkout that this package runs from, or None."""
    here = Path(__file__).parent
    try:
        asked = subprocess.run(["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, check=False)
    except OSError:  # there is no git
        return None
    return asked.stdout.decode("ascii", "replace").strip() or None
