"""The note's findings, restated with the numbers of a run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import combinations
from statistics import fmean
from typing import Any

from .checkpoints import shipped
from .metrics import distance
from .metrics import sharpness as measure_sharpness
from .restore import Restoration
from .samplers import SETUPS
from .tables import Table

Pictures = Mapping[str, Mapping[str, Restoration]]

PUBLISHED = {
    "DDPM": 0.0103,
    "DDIM": 0.0175,
    "A": 0.00646,
    "B": 0.00637,
    "masking-32": 0.00639,
    "masking-8": 0.00638,
    "bicubic": 0.0118,
}
"""Losses that FranNet's note reports: CelebA, 512 test images, 178 x 178."""

DIFFUSION, SINGLE = ("A", "B"), ("masking-32", "masking-8")


def held_out_results() -> dict[str, dict[str, Any]]:
    """The shipped results on held-out portraits, by the note's name of a column; made by `frantools evaluate`."""
    files = (shipped() / "results").glob("*.json")
    rows = [row for file in files for row in json.loads(file.read_text())["results"]]
    named = {row["setup"] or row["model"].removeprefix("single-"): row for row in rows}
    return {name: named[name] for name in PUBLISHED if name in named}


def held_out(names: Sequence[str] = ()) -> Table:
    """Means over the held-out portraits, beside the losses that the note published for CelebA."""
    results = held_out_results()
    return Table(
        [
            {"column": name, "calls": row["calls"]}
            | {metric: row[metric] for metric in ("loss", "loss_gray", "psnr", "ssim")}
            | {"loss in the note (CelebA)": f"{PUBLISHED[name]:g}"}
            for name, row in results.items()
            if name in (names or results)
        ]
    )


def samplers() -> str:
    """How DDPM and DDIM compare to A and B, with the same weights, on the held-out portraits."""
    loss = {name: row["loss"] for name, row in held_out_results().items()}
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


def distances(pictures: Pictures) -> Table:
    """How far apart each two columns are: the root mean squared difference, for each picture."""
    rows = []
    for name, columns in pictures.items():
        for a, b in combinations([title for title, made in columns.items() if made.calls], 2):
            rows.append({"picture": name, "a": a, "b": b, "distance": distance(columns[a].image, columns[b].image)})
    return Table(rows)
