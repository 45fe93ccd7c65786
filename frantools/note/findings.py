"""The note's findings, restated with the numbers of a run: tables and sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from statistics import fmean
from typing import Any

from ..checks import choice
from ..comparisons.evaluation import NAMES, Metrics
from ..comparisons.tables import Table, signed
from ..frannet.sampling.setup import SETUPS
from ..frannet.weights.checkpoints import models as cards
from ..restorers.base import Restoration
from ..restorers.resizing import BASELINES
from ..scores.intervals import interval, is_real, paired_interval
from ..scores.measures import OLD, distance, measures
from ..scores.measures import sharpness as measure_sharpness
from . import shipped_results as shipped
from .charts import Estimate
from .noise_lengths import length_sentences as length_sentences
from .noise_lengths import lengths as lengths
from .noise_lengths import noise_lengths as noise_lengths
from .shipped_results import FAMILIES, NOTE_COLUMNS, PUBLISHED
from .shipped_results import commands as commands
from .shipped_results import curves as curves
from .shipped_results import held_out_results as held_out_results
from .shipped_results import metrics as metrics
from .shipped_results import shipped_results as shipped_results

Pictures = Mapping[str, Mapping[str, Restoration]]

DIFFUSION, SINGLE = ("A", "B"), ("masking-32", "masking-8")


def models() -> Table:
    """The shipped models, from their cards."""
    settings = ("restorator", "masking", "target", "features", "objective", "augment", "steps")
    return Table(
        [
            {"model": name}
            | {setting: card.get("settings", {}).get(setting) for setting in settings}
            | {"parameters": card.get("parameters"), "minutes of training": card.get("minutes")}
            for name, card in cards().items()
        ]
    )


def losses(results: Mapping[str, Metrics] | None = None) -> Table:
    """What was measured of each model, with 95 % intervals, beside what the note published for CelebA.

    Parameters
    ----------
    results : dict of Metrics, optional
        By name. Default: the shipped ones, on the held-out portraits.
    """
    return Table(
        [
            {
                "model": name,
                "loss (95 % interval)": _spread(result, "mse"),
                "gray loss (95 % interval)": _spread(result, "mse_gray"),
                "psnr": result.psnr,
                "ssim": result.ssim,
                "calls": result.calls,
                "ms a picture": float(f"{1000 * result.seconds:.2g}"),
                "loss in the note (CelebA)": f"{NOTE_COLUMNS[name]:g}" if name in NOTE_COLUMNS else "",
            }
            for name, result in (metrics() if results is None else results).items()
        ]
    )


def _spread(result: Metrics, metric: str) -> str:
    low, high = interval(result.each[metric])
    return f"{getattr(result, metric):.5f} ({low:.5f} to {high:.5f})"


def differences(
    reference: str,
    names: Sequence[str] = (),
    metric: str = "mse",
    results: Mapping[str, Metrics] | None = None,
) -> Table:
    """How much each model differs from one of them on the same pictures, and whether the difference is real.

    Parameters
    ----------
    reference : str
        What the others are compared with.
    names : sequence of str
        Which ones. Default: all but the reference.
    metric : {"mse", "mse_gray", "psnr", "ssim"}
        What is compared. The old names "loss" and "loss_gray" are taken too.
    results : dict of Metrics, optional
        By name, all on the same pictures. Default: the shipped ones.

    Returns
    -------
    Table
        The difference's 95 % interval is that of `intervals.paired_interval`; it is real where that excludes 0, to five
        digits. Under 20 pictures tell no real difference: such intervals are too narrow.

    Raises
    ------
    ValueError
        If there is no result or metric of a name, or the results are of different numbers of pictures.
    """
    known = metrics() if results is None else results
    if unknown := [name for name in (reference, *names) if name not in known]:
        raise ValueError(f"there is no result of {unknown[0]!r}; accepted are {', '.join(known)}")
    metric = OLD.get(metric, metric)
    choice("metric", metric, NAMES)
    base, rows = known[reference], []
    for name in names or [name for name in known if name != reference]:
        low, high = paired_interval(known[name].each[metric], base.each[metric])
        mean, other = (getattr(result, metric) for result in (known[name], base))
        rows.append(
            {
                "model": name,
                f"{measures[metric].head} less that of {reference}": signed(mean - other, 5),
                "95 % interval": f"{signed(low, 5)} to {signed(high, 5)}",
                "in %": signed(100 * (mean / other - 1), 1) if other else "",
                "real": is_real(low, high, base.pictures),
            }
        )
    return Table(rows)


def estimates(results: Mapping[str, Metrics] | None = None) -> dict[str, list[Estimate]]:
    """What `figures.losses` draws: loss and gray loss with 95 % intervals, of the shipped results or given ones."""
    shown = metrics() if results is None else results
    return {
        "loss": [_estimate(name, result, "mse", NOTE_COLUMNS.get(name)) for name, result in shown.items()],
        "gray loss": [_estimate(name, result, "mse_gray") for name, result in shown.items()],
    }


def _estimate(name: str, result: Metrics, metric: str, note: float | None = None) -> Estimate:
    low, high = interval(result.each[metric])
    return Estimate(name, _kind(name, result), getattr(result, metric), low, high, note)


def _kind(name: str, result: Metrics) -> str:
    if name in BASELINES:
        return "resizing, given the true colour" if name.endswith("-colour") else "resizing the gray input"
    if result.calls == 1:
        return "single-pass model"
    return "autoregressive model" if " AR" in name else "diffusion model"


def colour() -> str:
    """How much of what resizing loses is colour."""
    gray, given = (shipped_results()[name]["mse"] for name in ("bicubic", "bicubic-colour"))
    return (
        f"Enlarged as it is, the gray input has a loss of {gray:.4f} (bicubic); with the true colour at the same low "
        f"resolution it has {given:.4f}. So colour is {100 * (1 - given / gray):.0f} % of it, and detail the rest."
    )


def ablation() -> Table:
    """What each change to the single-pass model does, one at a time; from `data/results/ablation.json`."""
    rows = shipped.ablation()
    if not rows:
        return Table([{"change": "none has been measured yet"}])
    return Table([row | {metric: f"{row[metric]:.5f}" for metric in ("mse", "mse_gray")} for row in rows])


def summary() -> Table:
    """Means of what was measured on the held-out portraits, beside the losses that the note published.

    Of the baselines, bicubic alone: it is the best of them.
    """
    shown = {n: row for n, row in shipped_results().items() if row["calls"] or n.startswith("bicubic")}
    return Table([_beside("model", name, row, NOTE_COLUMNS) for name, row in shown.items()])


def _beside(head: str, name: str, row: Mapping[str, Any], published: Mapping[str, float]) -> dict[str, Any]:
    """A row of means, beside the loss that the note published, where it did."""
    note = f"{published[name]:g}" if name in published else ""
    return {head: name, **{each: row[each] for each in ("calls", *NAMES)}, "loss in the note (CelebA)": note}


def quick(model: str = "diffusion-best") -> str:
    """Which sampler needs the fewest calls to come within 2 % of B's loss."""
    found = curves(model)
    calls = SETUPS["B"].calls
    target = dict(found[FAMILIES["B"]])[calls]
    lines = [f"{model} with B ({calls} calls): {target:.5f}."]
    for family, points in found.items():
        near = [(count, loss) for count, loss in points if loss <= 1.02 * target]
        least = min(points, key=lambda point: point[1])
        lines.append(
            f"{family}: within 2 % of that from {near[0][0]} calls on ({near[0][1]:.5f})."
            if near
            else f"{family}: never within 2 % of that; best is {least[1]:.5f}, with {least[0]} calls."
        )
    return "\n".join(lines)


def held_out(names: Sequence[str] = ()) -> Table:
    """Means over the held-out portraits, beside the losses that the note published for CelebA."""
    results = held_out_results()
    return Table([_beside("column", n, row, PUBLISHED) for n, row in results.items() if n in (names or results)])


def samplers() -> str:
    """How DDPM and DDIM compare to A and B, with the same weights, on the held-out portraits."""
    loss = {name: row["mse"] for name, row in held_out_results().items()}
    worse = [f"{name}'s is {100 * (loss[name] / loss['B'] - 1):.0f} % above B's" for name in ("DDPM", "DDIM")]
    return (
        f"On the held-out portraits A's loss is {loss['A']:.4f} and B's {loss['B']:.4f}; with the same weights, "
        f"{' and '.join(worse)}."
    )


def calls() -> str:
    """How much less B asks of the network than A."""
    a, b = SETUPS["A"].calls, SETUPS["B"].calls
    return (
        f"A calls the network {a} times for each point and B {b} times: {a / b:.1f} times less work. "
        f'(The note says "{SETUPS["B"].K} times faster", which is the stride of the steps.)'
    )


def closeness(pictures: Pictures) -> str:
    """How much closer A and B are to each other than to the single-pass models."""
    sentences = []
    for name, columns in pictures.items():
        within = distance(columns["A"].image, columns["B"].image)
        across = fmean(distance(columns[d].image, columns[s].image) for d in DIFFUSION for s in SINGLE)
        sentences.append(
            f"{name}: A and B are {within:.4f} apart, and {across:.4f} on average from the single-pass models, "
            f"{across / within:.1f} times as far."
        )
    return "\n".join(sentences)


def sharpness(pictures: Pictures) -> str:
    """How sharp B is beside A and the single-pass models."""
    sentences = []
    for name, columns in pictures.items():
        sharp = {title: measure_sharpness(made.image) for title, made in columns.items()}
        single = fmean(sharp[title] for title in SINGLE)
        sentences.append(
            f"{name}: B is {_percent(sharp['B'], sharp['A'])} A, and {_percent(sharp['B'], single)} "
            "the single-pass models."
        )
    return "\n".join(sentences)


def _percent(value: float, other: float) -> str:
    share = 100 * (value / other - 1)
    return f"{abs(share):.1f} % {'sharper' if share >= 0 else 'less sharp'} than"


def local_sharpness(beside: str = "single-best") -> Table:
    """How sharp models are in the local region, on the held-out portraits; from `data/results/sharpness.json`.

    Parameters
    ----------
    beside : str
        The model that the others are compared with, portrait by portrait.
    """
    each = shipped.sharpness()
    rows = []
    for name, values in each.items():
        low, high = (100 * bound for bound in interval([a / b - 1 for a, b in zip(values, each[beside], strict=True)]))
        compared = "" if name == beside else f"{low:+.1f} % to {high:+.1f} %"
        rows.append({"model": name, "sharpness": fmean(values), f"beside {beside} (95 % interval)": compared})
    return Table(rows)


def distances(pictures: Pictures) -> Table:
    """How far apart each two columns are: the root mean squared difference, for each picture."""
    rows = []
    for name, columns in pictures.items():
        for a, b in combinations([title for title, made in columns.items() if made.calls], 2):
            rows.append({"picture": name, "a": a, "b": b, "distance": distance(columns[a].image, columns[b].image)})
    return Table(rows)
