"""Effects of the correlation length of noise on held-out pictures, with confidence intervals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean, stdev
from typing import Any

from ..comparisons.tables import Table, signed
from ..scores.intervals import interval, paired_interval
from .charts import MeanInterval
from .shipped_results import noise_length

Study = Mapping[str, Any]
"""The content of a file that `benchmarks/noise_length.py` writes."""


def noise_lengths(study: Study | None = None) -> Table:
    """Tabulate the effects of the length of noise: a row per setup and length.

    Parameters
    ----------
    study : dict, optional
        As `benchmarks/noise_length.py` writes it. Default: the shipped one.

    Returns
    -------
    Table
        Means over pictures and seeds. The loss has its 95 % interval over pictures, and so has its mean difference from
        that of white noise: a point's own noise is as random at any length, so theory predicts 0. The spread of a point
        is the root of its mean variance over seeds, and should not change either; that of a picture's loss is the mean
        standard deviation over seeds, and grows with the length, as fewer draws average out in a picture.

    Raises
    ------
    FileNotFoundError
        If nothing has been measured.
    """
    study = _load(study)
    losses = {row["column"]: _means(study, index, "mse") for index, row in enumerate(study["columns"])}
    rows = []
    for index, row in enumerate(study["columns"]):
        loss, white = losses[row["column"]], losses[f"{row['setup']} 0"]
        low, high = interval(loss)
        below, above = paired_interval(loss, white)
        rows.append(
            {
                "setup": row["setup"],
                "length, pixels": row["pixels"],
                "loss (95 % interval)": f"{fmean(loss):.5f} ({low:.5f} to {high:.5f})",
                "less white noise's": signed(fmean(loss) - fmean(white), 5),
                "95 % interval": f"{signed(below, 5)} to {signed(above, 5)}",
                **{name: fmean(_means(study, index, name)) for name in ("ssim", "sharpness")},
                "spread of a point": f"{fmean(_spreads(study, index)):.4f}",
                "of the loss": f"{fmean(_loss_deviations(study, index)):.5f}",
            }
        )
    return Table(rows, f"{len(study['each'])} pictures of {study['size']} pixels a side, {study['seeds']} seeds each.")


def lengths(study: Study | None = None) -> dict[str, list[MeanInterval]]:
    """The data of `figures.lengths`: means over pictures and seeds with 95 % intervals over pictures, by measure."""
    study = _load(study)
    measures: dict[str, Callable[[int], Sequence[float]]] = {
        "loss": lambda index: _means(study, index, "mse"),
        "SSIM": lambda index: _means(study, index, "ssim"),
        "sharpness": lambda index: _means(study, index, "sharpness"),
        "spread of a point over seeds": lambda index: _spreads(study, index),
        "spread of a picture's loss over seeds": lambda index: _loss_deviations(study, index),
    }
    return {
        name: [
            MeanInterval(row["pixels"], row["setup"], fmean(values), *interval(values))
            for index, row in enumerate(study["columns"])
            for values in [measure(index)]
        ]
        for name, measure in measures.items()
    }


def length_sentences(study: Study | None = None) -> str:
    """Describe the changes from white noise to one draw for all points; intervals are over pictures."""
    study = _load(study)
    indices = {(row["setup"], row["pixels"]): index for index, row in enumerate(study["columns"])}
    sentences = []
    for setup in dict.fromkeys(row["setup"] for row in study["columns"]):
        white, one = indices[setup, "0"], indices[setup, "inf"]
        before, after = _means(study, white, "mse"), _means(study, one, "mse")
        low, high = (100 * bound / fmean(before) for bound in paired_interval(after, before))
        change = signed(100 * (fmean(after) / fmean(before) - 1), 1)
        significance = "more than chance" if low > 0 or high < 0 else "no more than chance"
        ssim_before, ssim_after = (fmean(_means(study, index, "ssim")) for index in (white, one))
        times = fmean(_loss_deviations(study, one)) / fmean(_loss_deviations(study, white))
        sentences.append(
            f"{setup}: the loss changes by {change} % ({signed(low, 1)} to {signed(high, 1)}: {significance}), "
            f"SSIM goes from {ssim_before:.3f} to {ssim_after:.3f}, and "
            f"the loss of a picture varies {times:.1f} times as much from seed to seed."
        )
    return "\n".join(sentences)


def _load(study: Study | None) -> Study:
    study = noise_length() if study is None else study
    if not study:
        raise FileNotFoundError("data/results/noise-length.json: no such file; run benchmarks/noise_length.py")
    return study


def _means(study: Study, index: int, name: str) -> Sequence[float]:
    """A measure of one column: for each picture, the mean over seeds."""
    return [fmean(columns[index][name]) for columns in study["each"].values()]


def _spreads(study: Study, index: int) -> Sequence[float]:
    return [columns[index]["spread"] for columns in study["each"].values()]


def _loss_deviations(study: Study, index: int) -> Sequence[float]:
    """The standard deviation over seeds of each picture's loss."""
    return [stdev(columns[index]["mse"]) for columns in study["each"].values()]
