"""A tile whose blocks are compiled, and which runs all steps of a sampler in compiled code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

import torch
from torch import Tensor

from ..network.model import FranNet
from ..sampling.samplers import KernelCoefficients
from ..sampling.setup import MINIMUM_SQUARE
from . import kernel

NOISE_LIMIT = 1 << 20  # random numbers that a tile holds at once: those of all steps of most setups
POINT_STEPS = 12_000  # points times steps between two progress reports: about 10 ms


@dataclass(frozen=True)
class CompiledTile:
    """The decoder at the points of a tile; see `FastDecoder.tile`."""

    blocks: kernel.KernelTile
    time: Callable[[float | None], Tensor]
    """(B, H): the share of the time in the first layers."""
    model: FranNet

    @torch.no_grad()
    def __call__(self, value: Tensor, t: float | None) -> Tensor:
        return self.blocks(value, self.time(t), self.model.adds_to_value)

    @torch.no_grad()
    def sample(
        self,
        x: Tensor,
        coefficients: KernelCoefficients,
        draw: Callable[[], Tensor],
        on_progress: Callable[[float], None],
    ) -> Tensor:
        """Sample as `Setup.sample` does, to the bit if torch rounds square roots correctly.

        Parameters
        ----------
        x : Tensor
            (N, 3) float32.
        coefficients : KernelCoefficients
            Of the sampler.
        draw : callable
            Returns the next random numbers, (N, 3) float32.
        on_progress : callable
            Called from time to time with the number of completed steps, averaged over the points.
        """
        value = x.float().T.clone(memory_format=torch.contiguous_format)
        low, high = coefficients.clipping or (0.0, 0.0)
        if coefficients.clipping is not None:
            value.clamp_(low, high)
        steps = coefficients.steps
        points, completed, batch = value.shape[1], 0, max(1, NOISE_LIMIT // value.numel())
        for first in range(0, len(steps), batch):
            batch_steps = steps[first : first + batch]
            noise_count = sum(step.sigma > 0 for step in batch_steps)
            noise = torch.empty(noise_count, *value.shape, dtype=torch.float32, device="cpu")
            for numbers in noise:
                numbers.copy_(draw().T)
            times = torch.stack([self.time(step.t) for step in batch_steps]).contiguous()
            rows = [(sqrt(c.alpha_bar), sqrt(1 - c.alpha_bar), c.keep, c.toward, c.sigma) for c in batch_steps]
            table = torch.tensor(rows, dtype=torch.float32, device="cpu")
            plan = kernel.KernelPlan(
                table.data_ptr(), len(batch_steps), self.model.adds_to_value, self.model.config.objective == "v",
                coefficients.posterior, coefficients.noise_projection, coefficients.clipping is not None, low, high,
                MINIMUM_SQUARE,
            )  # fmt: skip
            strip = self.blocks.blocks.strip
            stride = strip * max(1, POINT_STEPS // (strip * len(batch_steps)))
            for start in range(0, points, stride):
                stop = min(start + stride, points)
                self.blocks.sample(plan, times, noise, value, start, stop)
                on_progress(completed + len(batch_steps) * stop / points)
            completed += len(batch_steps)
        return value.T
