"""The note's findings, restated with measured numbers as tables and sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from statistics import fmean
from typing import Any

from ..checks import choice
from ..comparisons.evaluation import Metrics
from ..comparisons.tables import Table, signed
from ..frannet.sampling.setup import SETUPS
from ..frannet.weights.checkpoints import models as model_cards
from ..restorers.base import Restoration
from ..restorers.resizing import BASELINES
from ..scores.intervals import interval, is_real, paired_interval
from ..scores.measures import distance, measures
from ..scores.measures import sharpness as measure_sharpness
from .charts import MeanInterval
from .noise_lengths import length_sentences as length_sentences
from .noise_lengths import lengths as lengths
from .noise_lengths import noise_lengths as noise_lengths
from .shipped_results import FAMILIES, NOTE_LOSSES, PUBLISHED, read_results, with_current_names
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
            for name, card in model_cards().items()
        ]
    )


def losses(results: Mapping[str, Metrics] | None = None) -> Table:
    """The measures of each model, with 95 % intervals, and the losses that the note published for CelebA.

    Parameters
    ----------
    results : dict of Metrics, optional
        By name. Default: the shipped ones, on the held-out portraits.
    """
    return Table(
        [
            {
                "model": name,
                "loss (95 % interval)": _with_interval(result, "mse"),
                "gray loss (95 % interval)": _with_interval(result, "mse_gray"),
                "psnr": result.psnr,
                "ssim": result.ssim,
                "calls": result.calls,
                "ms a picture": float(f"{1000 * result.seconds:.2g}"),
                "loss in the note (CelebA)": f"{NOTE_LOSSES[name]:g}" if name in NOTE_LOSSES else "",
            }
            for name, result in (metrics() if results is None else results).items()
        ]
    )


def _with_interval(result: Metrics, metric: str) -> str:
    low, high = interval(result.per_picture[metric])
    return f"{result.means[metric]:.5f} ({low:.5f} to {high:.5f})"


def differences(
    reference: str,
    names: Sequence[str] = (),
    metric: str = "mse",
    results: Mapping[str, Metrics] | None = None,
) -> Table:
    """Compare models with one of them on the same pictures.

    Parameters
    ----------
    reference : str
        The model to compare with.
    names : sequence of str
        The models to compare. Default: all but the reference.
    metric : {"mse", "mse_gray", "psnr", "ssim"}
        The measure to compare.
    results : dict of Metrics, optional
        By name, all on the same pictures. Default: the shipped ones.

    Returns
    -------
    Table
        The 95 % interval of each difference is that of `intervals.paired_interval`; the difference is real if it
        excludes 0, to five digits. With fewer than 20 pictures that is not decided: such intervals are too narrow.

    Raises
    ------
    ValueError
        If there is no result or metric of a name, or the results are of different numbers of pictures.
    """
    results = metrics() if results is None else results
    if unknown := [name for name in (reference, *names) if name not in results]:
        raise ValueError(f"there is no result of {unknown[0]!r}; accepted: {', '.join(results)}")
    choice("metric", metric, measures.builtin)
    base, rows = results[reference], []
    for name in names or [name for name in results if name != reference]:
        low, high = paired_interval(results[name].per_picture[metric], base.per_picture[metric])
        mean, base_mean = results[name].means[metric], base.means[metric]
        rows.append(
            {
                "model": name,
                f"{measures[metric].head} less that of {reference}": signed(mean - base_mean, 5),
                "95 % interval": f"{signed(low, 5)} to {signed(high, 5)}",
                "in %": signed(100 * (mean / base_mean - 1), 1) if base_mean else "",
                "real": is_real(low, high, base.pictures),
            }
        )
    return Table(rows)


def estimates(results: Mapping[str, Metrics] | None = None) -> dict[str, list[MeanInterval]]:
    """The data of `figures.losses`: loss and gray loss with 95 % intervals. Default: of the shipped results."""
    results = metrics() if results is None else results
    return {
        "loss": [_mean_interval(name, result, "mse", NOTE_LOSSES.get(name)) for name, result in results.items()],
        "gray loss": [_mean_interval(name, result, "mse_gray") for name, result in results.items()],
    }


def _mean_interval(name: str, result: Metrics, metric: str, note: float | None = None) -> MeanInterval:
    low, high = interval(result.per_picture[metric])
    return MeanInterval(name, _kind(name, result), result.means[metric], low, high, note)


def _kind(name: str, result: Metrics) -> str:
    if name in BASELINES:
        return "resizing, given the true colour" if name.endswith("-colour") else "resizing the gray input"
    if result.calls == 1:
        return "single-pass model"
    return "autoregressive model" if " AR" in name else "diffusion model"


def colour() -> str:
    """The share of colour in the loss of resizing."""
    gray, coloured = (shipped_results()[name]["mse"] for name in ("bicubic", "bicubic-colour"))
    return (
        f"Enlarged as it is, the gray input has a loss of {gray:.4f} (bicubic); with the true colour at the same low "
        f"resolution it has {coloured:.4f}. So colour is {100 * (1 - coloured / gray):.0f} % of it, and detail the "
        "rest."
    )


def ablation() -> Table:
    """The effect of each change to the single-pass model, one at a time; from `data/results/ablation.json`."""
    rows = [with_current_names(row) for row in read_results("ablation.json").get("rows", [])]
    if not rows:
        return Table([{"change": "none has been measured yet"}])
    return Table([row | {metric: f"{row[metric]:.5f}" for metric in ("mse", "mse_gray")} for row in rows])


def summary() -> Table:
    """Means over the held-out portraits, and the losses that the note published; bicubic is the only baseline."""
    results = {n: row for n, row in shipped_results().items() if row["calls"] or n.startswith("bicubic")}
    return Table([_row_of_means("model", name, row, NOTE_LOSSES) for name, row in results.items()])


def _row_of_means(head: str, name: str, row: Mapping[str, Any], published: Mapping[str, float]) -> dict[str, Any]:
    note = f"{published[name]:g}" if name in published else ""
    means = {column: row[column] for column in ("calls", *measures.builtin)}
    return {head: name, **means, "loss in the note (CelebA)": note}


def quick(model: str = "diffusion-best") -> str:
    """The number of calls that each sampler needs to come within 2 % of B's loss."""
    samplers = curves(model)
    calls = SETUPS["B"].calls
    target = dict(samplers[FAMILIES["B"]])[calls]
    lines = [f"{model} with B ({calls} calls): {target:.5f}."]
    for family, points in samplers.items():
        near = [(count, loss) for count, loss in points if loss <= 1.02 * target]
        least = min(points, key=lambda point: point[1])
        lines.append(
            f"{family}: within 2 % of that from {near[0][0]} calls on ({near[0][1]:.5f})."
            if near
            else f"{family}: never within 2 % of that; best is {least[1]:.5f}, with {least[0]} calls."
        )
    return "\n".join(lines)


def held_out(names: Sequence[str] = ()) -> Table:
    """Means over the held-out portraits, and the losses that the note published for CelebA."""
    results = held_out_results()
    return Table([_row_of_means("column", n, row, PUBLISHED) for n, row in results.items() if n in (names or results)])


def samplers() -> str:
    """The losses of DDPM and DDIM, compared with A and B, with the same weights, on the held-out portraits."""
    loss = {name: row["mse"] for name, row in held_out_results().items()}
    worse = [f"{name}'s is {100 * (loss[name] / loss['B'] - 1):.0f} % above B's" for name in ("DDPM", "DDIM")]
    return (
        f"On the held-out portraits A's loss is {loss['A']:.4f} and B's {loss['B']:.4f}; with the same weights, "
        f"{' and '.join(worse)}."
    )


def calls() -> str:
    """The network calls of A and B."""
    a, b = SETUPS["A"].calls, SETUPS["B"].calls
    return (
        f"A calls the network {a} times for each point and B {b} times: {a / b:.1f} times less work. "
        f'(The note says "{SETUPS["B"].K} times faster", which is the stride of the steps.)'
    )


def closeness(pictures: Pictures) -> str:
    """The distance between A and B, and that to the single-pass models."""
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
    """The sharpness of B, compared with A and with the single-pass models."""
    sentences = []
    for name, columns in pictures.items():
        sharp = {title: measure_sharpness(restoration.image) for title, restoration in columns.items()}
        single = fmean(sharp[title] for title in SINGLE)
        sentences.append(
            f"{name}: B is {_percent(sharp['B'], sharp['A'])} A, and {_percent(sharp['B'], single)} "
            "the single-pass models."
        )
    return "\n".join(sentences)


def _percent(value: float, base: float) -> str:
    share = 100 * (value / base - 1)
    return f"{abs(share):.1f} % {'sharper' if share >= 0 else 'less sharp'} than"


def local_sharpness(base: str = "single-best") -> Table:
    """The sharpness of models in the local region, on the held-out portraits; from `data/results/sharpness.json`.

    Parameters
    ----------
    base : str
        The model that the others are compared with, portrait by portrait.
    """
    by_model: dict[str, list[float]] = read_results("sharpness.json")["each"]
    rows = []
    for name, values in by_model.items():
        ratios = [a / b - 1 for a, b in zip(values, by_model[base], strict=True)]
        low, high = (100 * bound for bound in interval(ratios))
        compared = "" if name == base else f"{low:+.1f} % to {high:+.1f} %"
        rows.append({"model": name, "sharpness": fmean(values), f"beside {base} (95 % interval)": compared})
    return Table(rows)


def distances(pictures: Pictures) -> Table:
    """The root mean squared difference of every two columns, for each picture."""
    rows = []
    for name, columns in pictures.items():
        for a, b in combinations([title for title, restoration in columns.items() if restoration.calls], 2):
            rows.append({"picture": name, "a": a, "b": b, "distance": distance(columns[a].image, columns[b].image)})
    return Table(rows)
