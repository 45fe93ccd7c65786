"""The processes that train together: on several GPUs or hosts, each has a part of every batch."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..system.devices import find_device


class Team:
    """One process, alone or among those that `torchrun` or `accelerate launch` started.

    Parameters
    ----------
    device : str
        "auto", "cpu", "cuda" ...

    Attributes
    ----------
    rank, size : int
        Which process this is, and of how many. Rank 0 measures and writes.
    device : torch.device
        Where it trains.

    Raises
    ------
    ModuleNotFoundError
        If there are several processes, and accelerate, which joins them, is not installed.
    ValueError
        If the device is not at hand.
    """

    def __init__(self, device: str = "auto") -> None:
        self.rank, self.size = 0, int(os.environ.get("WORLD_SIZE", "1"))
        if self.size == 1:
            self.device = find_device(device)
            return
        try:
            from accelerate import Accelerator
        except ModuleNotFoundError:
            raise ModuleNotFoundError(
                "several processes train together through accelerate: pip install accelerate"
            ) from None
        self._accelerator: Any = Accelerator(cpu=find_device(device).type == "cpu")
        self.rank, self.size = self._accelerator.process_index, self._accelerator.num_processes
        self.device = self._accelerator.device

    @property
    def leads(self) -> bool:
        """Whether this is the process that measures and writes."""
        return self.rank == 0

    def mean(self, tensors: Sequence[Tensor]) -> None:
        """Replace float tensors by their means over the processes, all in one exchange."""
        if self.size == 1:
            return
        flat = torch.cat([tensor.detach().flatten() for tensor in tensors])
        means = self._accelerator.reduce(flat, reduction="mean").split([tensor.numel() for tensor in tensors])
        with torch.no_grad():
            for tensor, mean in zip(tensors, means, strict=True):
                tensor.copy_(mean.view(tensor.shape))

    def wait(self) -> None:
        """Go on when all processes are here."""
        if self.size > 1:
            self._accelerator.wait_for_everyone()
