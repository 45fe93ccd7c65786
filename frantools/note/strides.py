"""Single steps of the sampler: their terms, and the geometry of the noise projection."""

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

from ..checks import integer, invalid
from ..frannet.network.coordinate_model import predictor
from ..frannet.sampling.schedule import Schedule, make
from ..frannet.sampling.setup import SETUPS, Setup
from ..frannet.weights.checkpoints import load_model
from ..photos.photo import as_photo
from ..system.devices import without_autocast
from ..views.layout import VERBATIM, Canvas, hide_spines, with_default_style

Vector = NDArray[np.float64]
INKS = {"x0": "#0072b2", "e": "#009e73", "z": "#d55e00"}


@dataclass(frozen=True)
class Terms:
    """The factors of a step for the predicted colour, the predicted noise and new noise."""

    x0: float
    """sqrt(p)"""
    e: float
    """sqrt(1 - p - sigma**2)"""
    z: float
    """sigma, its square, or 0, by the kind of noise."""

    @property
    def variance(self) -> float:
        """The sum of the squares; the network was trained with 1."""
        return self.x0**2 + self.e**2 + self.z**2


def terms(t: int, setup: Setup, schedule: Schedule | None = None) -> Terms:
    """The terms of DDIM's step from t to t - K, or to -1, the clean picture.

    Raises a ValueError if the schedule has no such step, or the setup is not of DDIM.
    """
    schedule = make() if schedule is None else schedule
    _check(setup)
    integer("t", t, 0, schedule.steps - 1)
    c = setup.step_coefficients(t, max(t - setup.K, -1), schedule)
    return Terms(c.keep, c.toward, c.sigma)


def _check(setup: Setup) -> None:
    if setup.sampler != "ddim":
        raise invalid("sampler", "'ddim', whose steps have these terms", setup.sampler)


@dataclass(frozen=True)
class Stride:
    """A step of a point; vectors are (3,), in the network's units: colours are about in [-1, 1]."""

    t: int
    t_prev: int
    x: Vector
    """Before the step."""
    x0: Vector
    """The predicted colour."""
    mean: Vector
    """After the step, without new noise: on the sphere."""
    noisy: Vector
    """With the noise."""
    after: Vector
    """With the noise projected back onto the sphere, if the setup does."""

    @property
    def radius(self) -> float:
        """The radius of the sphere around `x0`."""
        return float(np.linalg.norm(self.mean - self.x0))


@without_autocast()
def strides(
    photo: Any, point: tuple[float, float], model: str = "diffusion-basic", setup: Setup = SETUPS["A"], seed: int = 0
) -> list[Stride]:
    """Sample one point of a photo and record all steps.

    Parameters
    ----------
    photo : Photo, path or ndarray
        The photo to restore.
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


@with_default_style
def spheres(steps: Sequence[Stride], size: int = 330) -> Figure:
    """Draw the noise projection of some steps, each in the plane of three of its points.

    Parameters
    ----------
    steps : sequence of Stride
        From `strides`.
    size : int
        Pixels that a panel is wide.

    Returns
    -------
    Figure
        The plane of the predicted colour, the mean and the noisy point contains the projected point too, so their
        distances are true. The point before the step is not in it, and is projected onto it at a right angle.
    """
    head, foot = 34, 54
    canvas = Canvas(len(steps) * size, size + head + foot)
    for number, step in enumerate(steps):
        axes = canvas.axes(number * size + 8, head, size - 16, size)
        across = _unit(step.mean - step.x0)
        up = _unit((step.noisy - step.x0) - across * float((step.noisy - step.x0) @ across))
        before, mean, noisy, after = (
            np.array([(vector - step.x0) @ across, (vector - step.x0) @ up])
            for vector in (step.x, step.mean, step.noisy, step.after)
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
        reach = 1.12 * max(step.radius, *(float(np.abs(vector).max()) for vector in (before, noisy)))
        axes.set(xlim=(-reach, reach), ylim=(-reach, reach), xticks=[], yticks=[], aspect="equal")
        title = f"step {step.t} to {step.t_prev}: radius {step.radius:.3f}, with noise {np.linalg.norm(noisy):.3f}"
        axes.set_title(title, size=9, **VERBATIM)
    handles, labels = axes.get_legend_handles_labels()
    canvas.figure.legend(handles, labels, loc="lower center", ncols=3, fontsize=8.5, frameon=False)
    return canvas.figure


def _unit(vector: Vector) -> Vector:
    """A vector of length 1 in the same direction; 0 for a zero vector."""
    unit: Vector = vector / max(float(np.linalg.norm(vector)), 1e-12)
    return unit


@with_default_style
def formula(t: int, setup: Setup) -> Figure:
    """Draw the terms of all steps of a setup, and of the step from t.

    Parameters
    ----------
    t : int
        The step to mark.
    setup : Setup
        Its stochasticity, K and kind of noise are used.
    """
    schedule = make()
    all_terms = [terms(step, setup, schedule) for step in range(schedule.steps)]
    marked = all_terms[t]
    figure = Canvas(860, 270).figure
    axes = figure.add_axes((0.07, 0.17, 0.5, 0.72))
    noise = {"normal": r"$\sigma$", "squared": r"$\sigma^2$", "zero": "0"}[setup.noise_stddev]
    names = {
        "x0": r"$\sqrt{p}$  of the predicted colour",
        "e": r"$\sqrt{1-p-\sigma^2}$  of the predicted noise",
        "z": f"{noise}  of new noise",
    }
    for name, ink in INKS.items():
        axes.plot(range(schedule.steps), [getattr(step, name) for step in all_terms], color=ink, lw=1.6)
    axes.axvline(t, color="black", lw=0.8, ls=":")
    axes.set(xlim=(schedule.steps - 1, 0), ylim=(0, 1.03))
    axes.set_xlabel("diffusion step t, from noise to the colour", size=9)
    axes.grid(color="#e4e4e4", linewidth=0.6)
    bars = figure.add_axes((0.62, 0.17, 0.36, 0.72))
    for number, (name, ink) in enumerate(INKS.items()):
        value = getattr(marked, name)
        bars.barh(-number, value, 0.42, color=ink)
        bars.text(0, -number + 0.3, names[name], size=9, va="bottom")
        bars.text(value + 0.015, -number, f"{value:.3f}", size=9, va="center")
    bars.set(xlim=(0, 1.15), ylim=(-2.6, 0.75), yticks=[])
    bars.set_title(f"t = {t} to {max(t - setup.K, -1)}; sum of the squares {marked.variance:.3f}", size=9)
    for panel in (axes, bars):
        panel.tick_params(labelsize=8)
        hide_spines(panel, "top", "right")
    return figure
