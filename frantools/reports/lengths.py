"""What the length of noise changes, and what it does not: over held-out pictures, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean, stdev
from typing import Any

from ..scores.intervals import interval, paired_interval
from ..tables import Table, signed
from ..views.charts import Estimate
from . import results as shipped

Measured = Mapping[str, Any]
"""What `benchmarks/noise_length.py` writes."""


def noise_lengths(made: Measured | None = None) -> Table:
    """What the length of noise changes, and what it does not: a row a setup and length, over held-out pictures.

    Parameters
    ----------
    made : dict, optional
        As `benchmarks/noise_length.py` writes it. Default: the shipped one.

    Returns
    -------
    Table
        Means over pictures and seeds. The loss stands with its 95 % interval over pictures, and beside the mean of its
        difference from white noise's, with one too: a point's own noise is as random at any length, so theory says 0.
        The spread of a point is the root of its mean variance over seeds, and should stay likewise; that of a picture's
        loss is the mean standard deviation over seeds, and grows with the length: fewer draws average out in a picture.

    Raises
    ------
    FileNotFoundError
        If nothing has been measured.
    """
    made = _measured(made)
    losses = {row["column"]: _means(made, index, "mse") for index, row in enumerate(made["columns"])}
    rows = []
    for index, row in enumerate(made["columns"]):
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
                **{name: fmean(_means(made, index, name)) for name in ("ssim", "sharpness")},
                "spread of a point": f"{fmean(_spreads(made, index)):.4f}",
                "of the loss": f"{fmean(_varied(made, index)):.5f}",
            }
        )
    return Table(rows, f"{len(made['each'])} pictures of {made['size']} pixels a side, {made['seeds']} seeds each.")


def lengths(made: Measured | None = None) -> dict[str, list[Estimate]]:
    """What `figures.lengths` draws: means over pictures and seeds with 95 % intervals over pictures, by measure."""
    made = _measured(made)
    measures = {
        "loss": lambda index: _means(made, index, "mse"),
        "SSIM": lambda index: _means(made, index, "ssim"),
        "sharpness": lambda index: _means(made, index, "sharpness"),
        "spread of a point over seeds": lambda index: _spreads(made, index),
        "spread of a picture's loss over seeds": lambda index: _varied(made, index),
    }
    return {
        name: [_estimate(row["pixels"], row["setup"], of(index)) for index, row in enumerate(made["columns"])]
        for name, of in measures.items()
    }


def _estimate(pixels: str, setup: str, values: Sequence[float]) -> Estimate:
    return Estimate(pixels, setup, fmean(values), *interval(values))


def _measured(made: Measured | None) -> Measured:
    made = shipped.noise_length() if made is None else made
    if not made:
        raise FileNotFoundError("there is no data/results/noise-length.json; benchmarks/noise_length.py makes it")
    return made


def _means(made: Measured, index: int, name: str) -> Sequence[float]:
    """A measure of one column, for each picture the mean over seeds."""
    return [fmean(each[index][name]) for each in made["each"].values()]


def _spreads(made: Measured, index: int) -> Sequence[float]:
    return [each[index]["spread"] for each in made["each"].values()]


def _varied(made: Measured, index: int) -> Sequence[float]:
    """The standard deviation of each picture's loss over seeds."""
    return [stdev(each[index]["mse"]) for each in made["each"].values()]
