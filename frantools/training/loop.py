"""The training loop: AdamW, warm-up and cosine decay, a moving average of the weights, checkpoints to go on from."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from math import cos, inf, isfinite, pi
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader
from tqdm import tqdm

from ..checks import is_whole
from ..files import check_output, replacing
from ..frannet import schedule
from ..frannet.checkpoints import check_card, read_safetensors, save_model
from ..frannet.network import STEPS, Config, FranNet
from ..frannet.predictions import PREDICTIONS, noisy
from ..pictures import Pictures
from .data import AUGMENTS, Batches, check_masking
from .team import Team

WARM_UP = 200  # steps
EMA = 0.999  # decay of the moving average of the weights
SEEDS = 10**12  # the highest: a million steps have seeds of their own below 2 ** 64
LOWEST = 0.005  # the learning rate decays to this share of it
TIMES = ("uniform", "noisy")
ERRORS = ("note", "square", "huber")
HUBER = 0.5  # below this, an error counts as its square; beyond, as its size


@dataclass(frozen=True)
class Settings:
    """What makes a training: the same settings and data on the same machine give the same weights.

    Parameters
    ----------
    restorator : {"single-pass", "diffusion"}
        What is trained.
    masking : str
        "none", "uniform", "dynamic" or cells a side; see `data.mask`.
    augment : {"none", "crops", "strong"}
        See `data.Batches`.
    target, features, objective : str
        See `network.Config`.
    times : {"uniform", "noisy"}
        Which diffusion steps a diffusion model is asked about in training: all as often, or the noisy ones more:
        half of them of the noisiest quarter. A restoration's first calls decide most of it.
    error : {"note", "square", "huber"}
        What the loss makes of an error: the note's, which is its square (single-pass) or its size (diffusion); its
        square; or the pseudo-Huber (Charbonnier et al., 1997), a square for small errors and a size for large ones.
        Squares lead to the mean of what may be there, sizes to its median.
    steps : int
        Optimiser steps.
    batch, points : int
        Pictures a step, and points asked about in each.
    rate : float
        AdamW's highest learning rate.
    seed : int
        Of the weights, the data, the dropout and the diffusion noise; at most 10 ** 12.
    precision : {"float32", "bfloat16"}
        Of the products; "bfloat16" is automatic mixed precision, the weights stay float32.
    """

    restorator: str = "diffusion"
    masking: str = "none"
    augment: str = "crops"
    target: str = "colour"
    features: str = "note"
    objective: str = "noise"
    times: str = "uniform"
    error: str = "note"
    steps: int = 6000
    batch: int = 32
    points: int = 256
    rate: float = 2e-3
    seed: int = 0
    precision: str = "float32"

    def __post_init__(self) -> None:
        self.config  # noqa: B018 - checks its part
        check_masking(self.masking)
        for name, accepted in (("augment", AUGMENTS), ("times", TIMES), ("error", ERRORS)):
            if getattr(self, name) not in accepted:
                listed = ", ".join(map(repr, accepted))
                raise ValueError(f"{name} is {getattr(self, name)!r}; accepted are {listed}")
        if self.times != "uniform" and self.restorator != "diffusion":
            raise ValueError(f"times {self.times!r} goes with a diffusion restorator; a single-pass one has no steps")
        for name in ("steps", "batch", "points"):
            if not is_whole(getattr(self, name)) or getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; accepted are whole numbers from 1")
        if not 0 < self.rate < inf:
            raise ValueError(f"rate is {self.rate}; accepted are finite numbers above 0")
        if not is_whole(self.seed) or not 0 <= self.seed <= SEEDS:
            raise ValueError(f"seed is {self.seed}; accepted are whole numbers from 0 to {SEEDS}")
        if self.precision not in ("float32", "bfloat16"):
            raise ValueError(f"precision is {self.precision!r}; accepted are 'float32' and 'bfloat16'")

    @property
    def config(self) -> Config:
        """Of the model that is trained."""
        return Config(self.restorator, target=self.target, features=self.features, objective=self.objective)


def learning_rate(step: int, settings: Settings) -> float:
    """Linear warm-up, then half a cosine down to a small share."""
    warm = min(1.0, (step + 1) / min(WARM_UP, settings.steps))
    return settings.rate * warm * (LOWEST + (1 - LOWEST) * (1 + cos(pi * step / settings.steps)) / 2)


def draw_times(times: str, shape: tuple[int, ...], rng: torch.Generator) -> Tensor:
    """Diffusion steps to be asked about, int64; see `Settings`."""
    if times == "uniform":
        return torch.randint(STEPS, shape, generator=rng)
    # The square of a uniform number, from the top: half of the steps are of the noisiest quarter.
    return ((1 - torch.rand(shape, generator=rng).square()) * STEPS).long().clamp(max=STEPS - 1)


def error(answer: Tensor, truth: Tensor, kind: str, is_diffusion: bool) -> Tensor:
    """The mean error of answers, as `Settings` names it."""
    if kind == "huber":
        return (((answer - truth).square() + HUBER**2).sqrt() - HUBER).mean()
    return F.l1_loss(answer, truth) if kind == "note" and is_diffusion else F.mse_loss(answer, truth)


def objective(
    model: FranNet, batch: dict[str, Tensor], alpha_bar: Tensor, rng: torch.Generator, settings: Settings
) -> Tensor:
    """The loss of a batch: the error of the colour, or of the noise or velocity."""
    colour, points, encoded = batch["colour"], batch["points"], model.encode(batch["input"])
    latents = model.latents(encoded, points)
    with torch.autocast(points.device.type, enabled=False):  # what is to be learned is not rounded
        base = model.base(encoded, points)
    if not model.is_diffusion:
        value = model.decode(latents, points, None, torch.zeros_like(colour)).float()
        return error(model.to_colour(value, base), colour, settings.error, False)
    value = model.to_value(colour, base)
    # Drawn on the CPU, so that a seed means the same on every device.
    t = draw_times(settings.times, tuple(points.shape[:2]), rng)
    e = torch.randn(value.shape, generator=rng).to(value.device)
    a = alpha_bar[t + 1][..., None].to(value.device)
    target = PREDICTIONS[model.config.objective].target(value, e, a)
    answer = model.decode(latents, points, t.to(value.device), noisy(value, e, a)).float()
    return error(answer, target, settings.error, True)


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
        self.alpha_bar = torch.from_numpy(schedule.make("cosine").alpha_bar).float()
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

    def save(self, path: Path, provenance: dict[str, Any]) -> None:
        tensors = {f"model.{k}": v for k, v in self.model.state_dict().items()}
        tensors |= {f"average.{k}": v for k, v in self.average.items()}
        names = [name for name, _ in self.model.named_parameters()]
        for index, state in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{names[index]}.{key}": value for key, value in state.items()}
        metadata = {
            "format": "frantools-checkpoint",
            "step": str(self.step),
            "loss": json.dumps(self.loss),
            "seconds": f"{self.seconds:.1f}",
            "settings": json.dumps(asdict(self.settings)),
            "history": json.dumps(self.history),
            "provenance": json.dumps(provenance),
        }
        with replacing(path) as temporary:
            save_file({key: value.contiguous() for key, value in tensors.items()}, temporary, metadata)

    def load(self, path: Path, provenance: dict[str, Any]) -> None:
        """Go on from a checkpoint of the same settings and pictures."""
        metadata, tensors = read_safetensors(path)
        if metadata.get("format") != "frantools-checkpoint":
            raise ValueError(f"{path} is no checkpoint of a training (its format is {metadata.get('format')!r})")
        if lacking := {"settings", "provenance", "step", "history", "seconds"} - metadata.keys():
            raise ValueError(f"{path} is a damaged checkpoint: it has no {', '.join(sorted(lacking))}")
        # Settings that a version before did not know had their defaults' effect.
        before, now = asdict(Settings()) | json.loads(metadata["settings"]), asdict(self.settings)
        changed = [f"{key} was {before.get(key)!r} and is {now[key]!r}" for key in now if before.get(key) != now[key]]
        if changed:
            raise ValueError(f"{path} was trained with other settings: {', '.join(changed)}")
        kept = json.loads(metadata["provenance"])
        if kept["data"]["sha256"] != provenance["data"]["sha256"]:
            raise ValueError(f"{path} was trained on other pictures than those now in {provenance['data']['folder']}")
        before, given = kept.get("held_out", provenance["held_out"]), provenance["held_out"]
        if (before or {}).get("sha256") != (given or {}).get("sha256"):
            raise ValueError(f"{path} was measured on other held-out pictures than those now given")
        self.loss = json.loads(metadata.get("loss", "null"))
        self.step, self.history = int(metadata["step"]), json.loads(metadata["history"])
        self.seconds = float(metadata["seconds"])
        part = {
            name: {k.removeprefix(name): v for k, v in tensors.items() if k.startswith(name)}
            for name in ("model.", "average.", "optimiser.")
        }
        self.model.load_state_dict(part["model."])
        self.average = {key: value.to(self.device) for key, value in part["average."].items()}
        state: dict[int, dict[str, Tensor]] = {}
        for index, (name, parameter) in enumerate(self.model.named_parameters()):
            kept = {key: part["optimiser."][f"{name}.{key}"] for key in ("step", "exp_avg", "exp_avg_sq")}
            # The fused AdamW walks through memory: its moments must lie there as the weights do.
            moments = {key: torch.empty_like(parameter).copy_(kept[key]) for key in ("exp_avg", "exp_avg_sq")}
            state[index] = {"step": kept["step"], **moments}
        self.optimiser.load_state_dict({"state": state, "param_groups": self.optimiser.state_dict()["param_groups"]})


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


def git_commit() -> str | None:
    """The commit of the checkout that this package runs from, or None."""
    here = Path(__file__).parent
    try:
        asked = subprocess.run(["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, check=False)
    except OSError:  # there is no git
        return None
    return asked.stdout.strip() or None


def train(
    data: str | PathLike[str],
    out: str | PathLike[str],
    settings: Settings | None = None,
    held_out: str | PathLike[str] | None = None,
    resume: bool = False,
    device: str = "auto",
    every: int = 500,
    workers: int = 0,
) -> FranNet:
    """Train a model on a folder of pictures.

    Parameters
    ----------
    data : path
        A folder of pictures of any sizes (CelebA's ``img_align_celeba`` as it is).
    out : path
        The `.safetensors` file to write at the end, with its card beside it. The training's own state is kept in
        ``<out>.checkpoint.safetensors``.
    settings : Settings, optional
        What to train and how long. Default: a diffusion model.
    held_out : path, optional
        A folder of pictures to measure on, each `every` steps. Default: the last twentieth of `data`, which is then
        not trained on; of fewer than 20 pictures all are trained on and measured on.
    resume : bool
        Go on from the checkpoint where there is one. Without it, that of an unfinished training is in the way, and so
        is a finished model of that name.
    device : str
        "auto", "cpu", "cuda" ...
    every : int
        Steps between checkpoints and measurements.
    workers : int
        Processes that prepare batches; 0 prepares them in this one.

    Notes
    -----
    Started by ``torchrun`` or ``accelerate launch``, on several GPUs or hosts, the processes train one model: each has
    its part of every batch, and the first one measures and writes.

    Returns
    -------
    FranNet
        The model with the moving average of its weights.

    Raises
    ------
    ValueError
        If a folder holds no readable picture, the checkpoint is of other settings, or an unfinished training's or a
        model would be overwritten.
    FloatingPointError
        If the loss stops being finite; the last checkpoint, if there is one, is kept.
    """
    settings = settings or Settings()
    out = Path(out)
    if out.suffix != ".safetensors":
        raise ValueError(f"{out} does not end in .safetensors, the only format that models are written in")
    check_output(out)
    check_card(out.with_suffix(".json"))
    if every < 1:
        raise ValueError(f"every is {every}; accepted are whole numbers from 1")
    if workers < 0:
        raise ValueError(f"workers is {workers}; accepted are whole numbers from 0")
    team = Team(device)
    if settings.batch % team.size:
        raise ValueError(f"batch is {settings.batch}; accepted are multiples of the {team.size} processes")
    pictures = Pictures(data)
    for reason in pictures.skipped if team.leads else ():
        print(f"skipped {reason}", file=sys.stderr)
    training, measured = _split(pictures, held_out)
    run = Run(settings, team)
    checkpoint = out.with_suffix(".checkpoint.safetensors")
    provenance = {
        "data": pictures.summary(),
        "held_out": measured.summary() if held_out is not None else None,
        "command": shlex.join(["frantools", *sys.argv[1:]]),
        "commit": git_commit(),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "device": team.device.type,
        "processes": team.size,
    }
    if resume and checkpoint.exists():
        run.load(checkpoint, provenance)
    elif checkpoint.exists():
        _check_finished(checkpoint)
    if out.exists() and not (resume and checkpoint.exists()):
        raise ValueError(
            f"{out} is there already, and the training would replace it; choose another name, or delete it"
        )
    batches = Batches(training, settings.batch, settings.points, settings.masking, settings.seed, settings.augment)
    control = Batches(measured, settings.batch, settings.points, "none", seed=0, augment="none")
    controls = -(-len(measured) // settings.batch)
    loader = DataLoader(batches, batch_size=None, sampler=range(run.step, settings.steps), num_workers=workers)
    try:
        with tqdm(
            total=settings.steps,
            initial=run.step,
            unit="step",
            desc=out.stem,
            dynamic_ncols=True,
            disable=not team.leads,
        ) as bar:
            begun = time.perf_counter() - run.seconds
            for batch in loader:
                loss = run.advance({key: value[team.rank :: team.size] for key, value in batch.items()})
                bar.update()
                bar.set_postfix_str(f"loss {loss:.4f}", refresh=False)
                if team.leads and (run.step % every == 0 or run.step == settings.steps):
                    run.seconds = time.perf_counter() - begun
                    value = held_out_loss(run, control, controls)
                    if not isfinite(value):
                        raise diverged(value, run.step)
                    run.history.append({"step": run.step, "loss": round(loss, 6), "held_out": round(value, 6)})
                    run.save(checkpoint, provenance)
                    bar.write(f"step {run.step}: loss {loss:.4f}, held out {value:.4f}", file=sys.stderr)
    except KeyboardInterrupt:
        if not run.history:
            raise KeyboardInterrupt(f"nothing is kept yet: there is a checkpoint every {every} steps") from None
        raise KeyboardInterrupt(
            f"the checkpoint of step {run.history[-1]['step']} is kept; go on with --resume"
        ) from None
    model = run.averaged()
    card = {
        "name": out.stem,
        "settings": asdict(settings),
        "parameters": sum(p.numel() for p in model.parameters()),
        "minutes": round(run.seconds / 60, 1),
        "history": run.history,
        **provenance,
    }
    if team.leads:
        save_model(model.cpu(), out, card)
    team.wait()
    return model


def _check_finished(checkpoint: Path) -> None:
    metadata, _ = read_safetensors(checkpoint)
    step, steps = int(metadata.get("step", 0)), json.loads(metadata.get("settings", "{}")).get("steps", 0)
    if step < steps:
        raise ValueError(
            f"{checkpoint} is of an unfinished training, at step {step} of {steps}; go on from it with --resume "
            "(resume=True), or delete it"
        )


def _split(pictures: Pictures, held_out: str | PathLike[str] | None) -> tuple[Pictures, Pictures]:
    """The pictures to train on, and those to measure on."""
    if held_out is not None:
        return pictures, Pictures(held_out)
    count = len(pictures) // 20
    if count == 0:
        return pictures, pictures  # too few to spare one
    return pictures.part(0, len(pictures) - count), pictures.part(len(pictures) - count, len(pictures))
