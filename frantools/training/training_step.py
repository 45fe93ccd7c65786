"""The optimiser step and its objective."""

from __future__ import annotations

from math import cos, isfinite, pi

import torch
from torch import Tensor

from ..frannet.network.model import FranNet
from ..frannet.sampling.objectives import Interpolant
from .data import Batches
from .distributed import ProcessGroup
from .training_settings import Settings

WARM_UP = 200
"""Steps in which the learning rate rises."""
EMA_DECAY = 0.999
"""Decay of the moving average of the weights."""
FINAL_RATE = 0.005
"""Fraction of the learning rate at the end."""


def learning_rate(step: int, settings: Settings) -> float:
    """Linear warm-up, then half a cosine down to a small fraction."""
    warm_up = min(1.0, (step + 1) / min(WARM_UP, settings.steps))
    return settings.rate * warm_up * (FINAL_RATE + (1 - FINAL_RATE) * (1 + cos(pi * step / settings.steps)) / 2)


def draw_times(times: str, shape: tuple[int, ...], steps: int, rng: torch.Generator) -> Tensor:
    """Draw diffusion steps, int64 from 0 to `steps` - 1; see `Settings`."""
    if times == "uniform":
        return torch.randint(steps, shape, generator=rng)
    # The square of a uniform number, from the top: half of the steps are in the noisiest quarter.
    return ((1 - torch.rand(shape, generator=rng).square()) * steps).long().clamp(max=steps - 1)


def input_and_target(
    interpolant: Interpolant, x0: Tensor, x1: Tensor, t: Tensor | None, alpha_bar: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the values that a network reads, and its targets, both (..., 3).

    Parameters
    ----------
    interpolant : Interpolant
    x0, x1 : Tensor
        Clean values, and values drawn from the source distribution, (..., 3).
    t : Tensor or None
        Diffusion steps, (...) int64 from 0; None for a network without a time.
    alpha_bar : Tensor
        (steps + 1,), starting with the clean value: that of step t is ``alpha_bar[t + 1]``.
    """
    a = (alpha_bar[0] if t is None else alpha_bar[t + 1][..., None]).to(x0.device)
    return interpolant.training_input(x0, x1, a), interpolant.target(x0, x1, a)


def objective(
    model: FranNet, batch: dict[str, Tensor], alpha_bar: Tensor, rng: torch.Generator, settings: Settings
) -> Tensor:
    """Return the mean loss of a batch."""
    colour, points, encoded = batch["colour"], batch["points"], model.encode(batch["input"])
    latents = model.latents(encoded, points)
    with torch.autocast(points.device.type, enabled=False):  # targets are not rounded
        base = model.base(encoded, points)
        x0 = model.to_value(colour, base)
    # Drawn on the CPU, so that a seed gives the same numbers on every device.
    config = model.config
    t = draw_times(settings.times, tuple(points.shape[:2]), len(alpha_bar) - 1, rng) if config.timed else None
    blind = config.interpolant.blind
    x1 = torch.zeros_like(x0) if blind else settings.start.draw(tuple(x0.shape), rng).to(x0.device)
    value, target = input_and_target(config.interpolant, x0, x1, t, alpha_bar)
    prediction = model.decode(latents, points, None if t is None else t.to(x0.device), value).float()
    if settings.restorator == "single-pass" and settings.colours == "rgb":
        return settings.loss(model.to_colour(prediction, base), colour).mean()
    return settings.loss(prediction, target).mean()


def diverged(loss: float, step: int) -> FloatingPointError:
    """Create the error of a training whose loss is not finite."""
    return FloatingPointError(
        f"the loss is {loss} at step {step}; the last checkpoint, if any, is kept. A lower rate may help"
    )


class TrainingRun:
    """A model with its optimiser and all else that a checkpoint contains."""

    def __init__(self, settings: Settings, processes: ProcessGroup) -> None:
        torch.manual_seed(settings.seed)
        self.settings, self.processes, self.step = settings, processes, 0
        self.device = processes.device
        self.model = FranNet(settings.config).to(self.device)
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = {key: value.clone() for key, value in self.model.state_dict().items()}
        self.optimiser = torch.optim.AdamW(self.model.parameters(), lr=settings.rate, fused=True)
        self.alpha_bar = torch.tensor(self.model.schedule.alpha_bar, dtype=torch.float32, device="cpu")
        self.history: list[dict[str, float]] = []
        self.loss: float | None = None
        """A moving average."""
        self.seconds = 0.0

    def forward(self, batch: dict[str, Tensor], seed: int) -> Tensor:
        """Compute the objective of a batch, with all random numbers from `seed`."""
        torch.manual_seed(seed)  # dropout uses the global generator
        batch = {key: value.to(self.device, non_blocking=True) for key, value in batch.items()}
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.settings.precision == "bfloat16"):
            rng = torch.Generator().manual_seed(seed)
            return objective(self.model, batch, self.alpha_bar, rng, self.settings)

    def advance(self, batch: dict[str, Tensor]) -> float:
        """Take one optimiser step, and return the moving average of the loss."""
        self.model.train()
        # Each process has its own random numbers; those of the first are the same as in a training with one process.
        seed = self.settings.seed * 1_000_003 + self.step + self.processes.rank * 0x9E3779B97F4A7C15
        loss = self.forward(batch, seed % 2**64)
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.step, self.settings)
        self.optimiser.zero_grad()
        loss.backward()
        mean_loss = loss.detach().clone()
        gradients = [parameter.grad for parameter in self.model.parameters() if parameter.grad is not None]
        statistics = [buffer for buffer in self.model.buffers() if buffer.is_floating_point()]
        self.processes.average([mean_loss, *gradients, *statistics])
        value = mean_loss.item()
        if not isfinite(value):
            raise diverged(value, self.step)
        self.optimiser.step()
        self.step += 1
        self.loss = value if self.loss is None else 0.98 * self.loss + 0.02 * value
        decay = min(EMA_DECAY, self.step / (self.step + 10))  # shorter at first
        with torch.no_grad():
            for key, tensor in self.model.state_dict().items():
                if tensor.is_floating_point():
                    self.average[key].lerp_(tensor, 1 - decay)
        return self.loss

    def averaged_model(self) -> FranNet:
        """Return the model with the moving average of its weights, in evaluation mode."""
        model = FranNet(self.model.config).to(self.device)
        model.load_state_dict(self.average)
        return model.eval()

    def held_out_loss(self, batches: Batches, count: int) -> float:
        """Return the objective of held-out batches with the averaged weights; its random numbers never change."""
        model = self.averaged_model()
        losses = []
        with torch.no_grad():
            for index in range(count):
                batch = {key: value.to(self.device) for key, value in batches[index].items()}
                rng = torch.Generator().manual_seed(index)
                losses.append(objective(model, batch, self.alpha_bar, rng, self.settings).item())
        return sum(losses) / len(losses)
