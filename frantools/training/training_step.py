"""A training under way: one optimiser step after the other, and what each learns from."""

from __future__ import annotations

from math import cos, isfinite, pi

import torch
from torch import Tensor

from ..frannet.network.model import FranNet
from ..frannet.sampling.objectives import Interpolant
from .data import Batches
from .distributed import Team
from .settings import Settings

WARM_UP = 200  # steps
EMA = 0.999  # decay of the moving average of the weights
LOWEST = 0.005  # the learning rate decays to this share of it


def learning_rate(step: int, settings: Settings) -> float:
    """Linear warm-up, then half a cosine down to a small share."""
    warm = min(1.0, (step + 1) / min(WARM_UP, settings.steps))
    return settings.rate * warm * (LOWEST + (1 - LOWEST) * (1 + cos(pi * step / settings.steps)) / 2)


def draw_times(times: str, shape: tuple[int, ...], steps: int, rng: torch.Generator) -> Tensor:
    """Diffusion steps to be asked about, int64 from 0 to `steps` - 1; see `Settings`."""
    if times == "uniform":
        return torch.randint(steps, shape, generator=rng)
    # The square of a uniform number, from the top: half of the steps are of the noisiest quarter.
    return ((1 - torch.rand(shape, generator=rng).square()) * steps).long().clamp(max=steps - 1)


def ask(interpolant: Interpolant, x0: Tensor, x1: Tensor, t: Tensor | None, alpha_bar: Tensor) -> tuple[Tensor, Tensor]:
    """The values that a network sees, and what it should answer, (..., 3) each.

    Of values to restore, x0, and values drawn from the source, x1, (..., 3) each; at diffusion steps `t`, (...) int64
    from 0, or None where it is told no time. alpha_bar is (steps + 1,), the clean one first: step t's is
    ``alpha_bar[t + 1]``.
    """
    a = (alpha_bar[0] if t is None else alpha_bar[t + 1][..., None]).to(x0.device)
    return interpolant.training_input(x0, x1, a), interpolant.target(x0, x1, a)


def objective(
    model: FranNet, batch: dict[str, Tensor], alpha_bar: Tensor, rng: torch.Generator, settings: Settings
) -> Tensor:
    """The loss of a batch: the mean error of the colour, or of what else the network answers."""
    colour, points, encoded = batch["colour"], batch["points"], model.encode(batch["input"])
    latents = model.latents(encoded, points)
    with torch.autocast(points.device.type, enabled=False):  # what is to be learned is not rounded
        base = model.base(encoded, points)
        x0 = model.to_value(colour, base)
    # Drawn on the CPU, so that a seed means the same on every device.
    config = model.config
    t = draw_times(settings.times, tuple(points.shape[:2]), len(alpha_bar) - 1, rng) if config.timed else None
    blind = config.interpolant.blind
    x1 = torch.zeros_like(x0) if blind else settings.start.draw(tuple(x0.shape), rng).to(x0.device)
    value, target = ask(config.interpolant, x0, x1, t, alpha_bar)
    answer = model.decode(latents, points, None if t is None else t.to(x0.device), value).float()
    if settings.restorator == "single-pass" and settings.colours == "rgb":  # the error is of the colour itself
        return settings.loss(model.to_colour(answer, base), colour).mean()
    return settings.loss(answer, target).mean()


def diverged(loss: float, step: int) -> FloatingPointError:
    """The error that ends a training."""
    return FloatingPointError(
        f"the loss is {loss} at step {step}; the last checkpoint, if there is one, is kept. A lower rate may help"
    )


class Run:
    """A training under way: all that a checkpoint holds."""

    def __init__(self, settings: Settings, team: Team) -> None:
        torch.manual_seed(settings.seed)
        self.settings, self.team, self.step = settings, team, 0
        self.device = team.device
        self.model = FranNet(settings.config).to(self.device)
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = {key: value.clone() for key, value in self.model.state_dict().items()}
        self.optimiser = torch.optim.AdamW(self.model.parameters(), lr=settings.rate, fused=True)
        self.alpha_bar = torch.tensor(self.model.schedule.alpha_bar, dtype=torch.float32, device="cpu")
        self.history: list[dict[str, float]] = []
        self.loss: float | None = None  # a moving average
        self.seconds = 0.0

    def forward(self, batch: dict[str, Tensor], seed: int) -> Tensor:
        """The objective of a batch, its randomness all from `seed`."""
        torch.manual_seed(seed)  # dropout draws from the global generator
        batch = {key: value.to(self.device, non_blocking=True) for key, value in batch.items()}
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.settings.precision == "bfloat16"):
            rng = torch.Generator().manual_seed(seed)
            return objective(self.model, batch, self.alpha_bar, rng, self.settings)

    def advance(self, batch: dict[str, Tensor]) -> float:
        """One optimiser step; returns the moving average of the loss."""
        self.model.train()
        # Each process has random numbers of its own, and the first those of a process that trains alone.
        seed = self.settings.seed * 1_000_003 + self.step + self.team.rank * 0x9E3779B97F4A7C15
        loss = self.forward(batch, seed % 2**64)
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.step, self.settings)
        self.optimiser.zero_grad()
        loss.backward()
        mean = loss.detach().clone()
        statistics = [buffer for buffer in self.model.buffers() if buffer.is_floating_point()]
        self.team.mean([mean, *(p.grad for p in self.model.parameters() if p.grad is not None), *statistics])
        value = mean.item()
        if not isfinite(value):
            raise diverged(value, self.step)
        self.optimiser.step()
        self.step += 1
        self.loss = value if self.loss is None else 0.98 * self.loss + 0.02 * value
        decay = min(EMA, self.step / (self.step + 10))  # young averages forget faster
        with torch.no_grad():
            for key, value_now in self.model.state_dict().items():
                if value_now.is_floating_point():
                    self.average[key].lerp_(value_now, 1 - decay)
        return self.loss

    def averaged(self) -> FranNet:
        """The model with the moving average of its weights, in evaluation mode."""
        model = FranNet(self.model.config).to(self.device)
        model.load_state_dict(self.average)
        return model.eval()


def held_out_loss(run: Run, batches: Batches, count: int) -> float:
    """The objective on pictures that are not trained on, with the averaged weights; the same draws each time."""
    model = run.averaged()
    losses = []
    with torch.no_grad():
        for index in range(count):
            batch = {key: value.to(run.device) for key, value in batches[index].items()}
            rng = torch.Generator().manual_seed(index)
            losses.append(objective(model, batch, run.alpha_bar, rng, run.settings).item())
    return sum(losses) / len(losses)
