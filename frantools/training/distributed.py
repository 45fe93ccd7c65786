"""Training in several processes, on several GPUs or hosts: each trains on a part of every batch."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..system.devices import find_device


class ProcessGroup:
    """The processes that `torchrun` or `accelerate launch` started, or this one alone.

    Parameters
    ----------
    device : str
        "auto", "cpu", "cuda" ...

    Attributes
    ----------
    rank, size : int
        The index of this process, and the number of processes.
    device : torch.device
        The device to train on.

    Raises
    ------
    ModuleNotFoundError
        If there are several processes, and accelerate, which connects them, is not installed.
    ValueError
        If the device is not available.
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
                "training in several processes needs accelerate: pip install accelerate"
            ) from None
        self._accelerator: Any = Accelerator(cpu=find_device(device).type == "cpu")
        self.rank, self.size = self._accelerator.process_index, self._accelerator.num_processes
        self.device = self._accelerator.device

    @property
    def is_main(self) -> bool:
        """Whether this process measures and writes."""
        return self.rank == 0

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Replace float tensors by their means over the processes, in one exchange."""
        if self.size == 1:
            return
        flat = torch.cat([tensor.detach().flatten() for tensor in tensors])
        means = self._accelerator.reduce(flat, reduction="mean").split([tensor.numel() for tensor in tensors])
        with torch.no_grad():
            for tensor, mean in zip(tensors, means, strict=True):
                tensor.copy_(mean.view(tensor.shape))

    def wait(self) -> None:
        """Wait for all processes."""
        if self.size > 1:
            self._accelerator.wait_for_everyone()
