"""A step of the sampler, looked at closely: its terms, and where the noise projection puts a point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from numpy.typing import NDArray
from torch import Tensor

from ..frannet.network.coordinate_model import predictor
from ..frannet.sampling.schedule import Schedule, make
from ..frannet.sampling.setup import SETUPS, Setup
from ..frannet.weights.checkpoints import load_model
from ..photos.photo import as_photo
from ..system.devices import without_autocast
from ..views.layout import VERBATIM, blank, plain

Vector = NDArray[np.float64]
INKS = {"x0": "#0072b2", "e": "#009e73", "z": "#d55e00"}


@dataclass(frozen=True)
class Terms:
    """What a step multiplies the predicted colour, the predicted noise and new noise with."""

    x0: float
    """sqrt(p)"""
    e: float
    """sqrt(1 - p - sigma**2)"""
    z: float
    """sigma, its square, or 0, by the kind of noise."""

    @property
    def variance(self) -> float:
        """The sum of the squares; 1 is what the network was trained with."""
        return self.x0**2 + self.e**2 + self.z**2


def terms(t: int, setup: Setup, schedule: Schedule | None = None) -> Terms:
    """The terms of DDIM's step from t to t - K, the first of them -1: the clean picture.

    Raises a ValueError if the schedule has no such step, or the setup steps otherwise.
    """
    schedule = make() if schedule is None else schedule
    _check(setup)
    if not 0 <= t < schedule.steps:
        raise ValueError(f"t is {t}; accepted are 0 to {schedule.steps - 1}")
    c = setup.step_coefficients(t, max(t - setup.K, -1), schedule)
    return Terms(c.keep, c.toward, c.sigma)


def _check(setup: Setup) -> None:
    if setup.sampler != "ddim":
        raise ValueError(f"the sampler is {setup.sampler!r}; accepted is 'ddim', whose step has these terms")


@dataclass(frozen=True)
class Stride:
    """A real step of a real point; vectors are (3,), in the network's units, where colours lie in about [-1, 1]."""

    t: int
    t_prev: int
    x: Vector
    """Before the step."""
    x0: Vector
    """The colour that the network predicts."""
    mean: Vector
    """After the step, without new noise: on the sphere."""
    noisy: Vector
    """With the noise."""
    after: Vector
    """With the noise projected back onto the sphere, where the setup does."""

    @property
    def radius(self) -> float:
        """Of the sphere around `x0`."""
        return float(np.linalg.norm(self.mean - self.x0))


@without_autocast()
def strides(
    photo: Any, point: tuple[float, float], model: str = "diffusion-basic", setup: Setup = SETUPS["A"], seed: int = 0
) -> list[Stride]:
    """All steps of one point of a photo, as the sampler took them.

    Parameters
    ----------
    photo : Photo, path or ndarray
        What is restored.
    point : (float, float)
        (x, y) in [0, 1].
    model : str
        A diffusion model.
    setup : Setup
        Of the "ddim" sampler.
    seed : int
        Of the start value and the noise.
    """
    _check(setup)
    network, random = load_model(model), torch.Generator().manual_seed(seed)
    schedule, strides = network.schedule, list[Stride]()
    last: dict[str, Tensor] = {}

    with torch.inference_mode():
        points = torch.tensor([[point]], dtype=torch.float32, device="cpu")
        latents = network.latents(network.encode(as_photo(photo).with_frame("square").input), points)
        predict = predictor(network.config, lambda x, t: network.decode(latents, points, t, x), schedule)

        def watched_predict(x: Tensor, t: int) -> tuple[Tensor, Tensor]:
            x0, e = predict(x, t)
            last.update(x=x, e=e, z=torch.zeros_like(x))
            return x0, e

        def noise(shape: tuple[int, ...]) -> Tensor:
            last["z"] = torch.randn(shape, generator=random, dtype=torch.float32, device="cpu")
            return last["z"]

        start = setup.first_value(noise((1, 1, 3)), network.config.restorator)
        steps = setup.sample(watched_predict, start, schedule, noise)
        for c, step in zip(setup.coefficients(schedule), steps, strict=True):
            mean = c.keep * step.x0 + c.toward * last["e"]
            vectors = (last["x"], step.x0, mean, mean + c.sigma * last["z"], step.x)
            strides.append(Stride(c.t, c.t_prev, *(vector[0, 0].double().numpy() for vector in vectors)))
    return strides


@plain
def spheres(steps: Sequence[Stride], size: int = 330) -> Figure:
    """The noise projection of some steps, each in the plane of three of its points.

    Parameters
    ----------
    steps : sequence of Stride
        From `strides`.
    size : int
        Pixels that a panel is wide.

    Returns
    -------
    Figure
        The plane of the predicted colour, the mean and the noisy point holds the projected point too: their distances
        are the real ones. The point before the step lies off it, and is dropped onto it at a right angle.
    """
    head, foot = 34, 54
    figure = blank(len(steps) * size, size + head + foot)
    height = size + head + foot
    for number, step in enumerate(steps):
        axes = figure.add_axes(
            ((number * size + 8) / (len(steps) * size), foot / height, (size - 16) / (len(steps) * size), size / height)
        )
        across = _unit(step.mean - step.x0)
        up = _unit((step.noisy - step.x0) - across * float((step.noisy - step.x0) @ across))
        before, mean, noisy, after = (
            np.array([(each - step.x0) @ across, (each - step.x0) @ up])
            for each in (step.x, step.mean, step.noisy, step.after)
        )
        axes.add_patch(Circle((0, 0), step.radius, fill=False, color="#999999", lw=1.2))
        axes.plot(*zip((0, 0), noisy, strict=True), ":", color="#999999", lw=1)
        arrow = {"arrowstyle": "->", "color": INKS["z"], "lw": 1.6, "shrinkA": 2, "shrinkB": 3}
        axes.annotate("", (noisy[0], noisy[1]), (mean[0], mean[1]), arrowprops=arrow)
        axes.annotate("", (after[0], after[1]), (noisy[0], noisy[1]), arrowprops=arrow | {"color": "black"})
        axes.plot(
            0, 0, "o", ms=11, color=tuple(np.clip((step.x0 + 1) / 2, 0, 1)), mec="black", label="predicted colour x0"
        )
        axes.plot(*before, "o", ms=7, mfc="white", mec="#666666", label="before the step (dropped onto the plane)")
        axes.plot(*mean, "o", ms=7, color=INKS["e"], label="the step without noise")
        axes.plot(*noisy, "o", ms=7, color=INKS["z"], label="with noise")
        axes.plot(*after, "o", ms=7, color="black", label="after the noise projection")
        reach = 1.12 * max(step.radius, *(float(np.abs(each).max()) for each in (before, noisy)))
        axes.set(xlim=(-reach, reach), ylim=(-reach, reach), xticks=[], yticks=[], aspect="equal")
        told = f"step {step.t} to {step.t_prev}: radius {step.radius:.3f}, with noise {np.linalg.norm(noisy):.3f}"
        axes.set_title(told, size=9, **VERBATIM)
    figure.legend(*axes.get_legend_handles_labels(), loc="lower center", ncols=3, fontsize=8.5, frameon=False)
    return figure


def _unit(vector: Vector) -> Vector:
    """A vector of length 1 in this direction; of none, 0."""
    made: Vector = vector / max(float(np.linalg.norm(vector)), 1e-12)
    return made


@plain
def formula(t: int, setup: Setup) -> Figure:
    """The terms of a step: along all steps of such a setup, and of the one from t.

    Parameters
    ----------
    t : int
        The step that is marked.
    setup : Setup
        Its stochasticity, K and kind of noise count.
    """
    schedule = make()
    each = [terms(at, setup, schedule) for at in range(schedule.steps)]
    here, along = each[t], np.arange(schedule.steps)
    figure = blank(860, 270)
    axes = figure.add_axes((0.07, 0.17, 0.5, 0.72))
    noise = {"normal": r"$\sigma$", "squared": r"$\sigma^2$", "zero": "0"}[setup.noise_stddev]
    names = {
        "x0": r"$\sqrt{p}$  of the predicted colour",
        "e": r"$\sqrt{1-p-\sigma^2}$  of the predicted noise",
        "z": f"{noise}  of new noise",
    }
    for name, ink in INKS.items():
        axes.plot(along, [getattr(one, name) for one in each], color=ink, lw=1.6)
    axes.axvline(t, color="black", lw=0.8, ls=":")
    axes.set(xlim=(schedule.steps - 1, 0), ylim=(0, 1.03))
    axes.set_xlabel("diffusion step t, from noise to the colour", size=9)
    axes.grid(color="#e4e4e4", linewidth=0.6)
    bars = figure.add_axes((0.62, 0.17, 0.36, 0.72))
    for number, (name, ink) in enumerate(INKS.items()):
        value = getattr(here, name)
        bars.barh(-number, value, 0.42, color=ink)
        bars.text(0, -number + 0.3, names[name], size=9, va="bottom")
        bars.text(value + 0.015, -number, f"{value:.3f}", size=9, va="center")
    bars.set(xlim=(0, 1.15), ylim=(-2.6, 0.75), yticks=[])
    bars.set_title(f"t = {t} to {max(t - setup.K, -1)}; sum of the squares {here.variance:.3f}", size=9)
    for each_axes in (axes, bars):
        each_axes.tick_params(labelsize=8)
        for spine in ("top", "right"):
            each_axes.spines[spine].set_visible(False)
    return figure
