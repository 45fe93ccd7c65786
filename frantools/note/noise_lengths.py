"""What the length of noise changes, and what it does not: over held-out pictures, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean, stdev
from typing import Any

from ..comparisons.tables import Table, signed
from ..scores.intervals import interval, paired_interval
from . import shipped_results as shipped
from .charts import Estimate

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


def length_sentences(made: Measured | None = None) -> str:
    """What changes from white noise to one draw for all points, in a sentence a setup; intervals are over pictures."""
    made = _measured(made)
    indices = {(row["setup"], row["pixels"]): index for index, row in enumerate(made["columns"])}
    sentences = []
    for setup in dict.fromkeys(row["setup"] for row in made["columns"]):
        white, one = indices[setup, "0"], indices[setup, "inf"]
        before, after = _means(made, white, "mse"), _means(made, one, "mse")
        low, high = (100 * bound / fmean(before) for bound in paired_interval(after, before))
        change = signed(100 * (fmean(after) / fmean(before) - 1), 1)
        verdict = "more than chance" if low > 0 or high < 0 else "no more than chance"
        ssim = (fmean(_means(made, index, "ssim")) for index in (white, one))
        times = fmean(_varied(made, one)) / fmean(_varied(made, white))
        sentences.append(
            f"{setup}: the loss changes by {change} % ({signed(low, 1)} to {signed(high, 1)}: {verdict}), "
            f"SSIM goes from {next(ssim):.3f} to {next(ssim):.3f}, and "
            f"the loss of a picture varies {times:.1f} times as much from seed to seed."
        )
    return "\n".join(sentences)


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
