"""Findings about the sampler's settings, from the shipped sweep and the published one: tables and sentences."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from ..comparisons.tables import Table
from ..frannet.sampling.schedule import make
from ..frannet.sampling.setup import Setup
from ..restorers.columns import Column
from ..scores.intervals import ENOUGH
from ..sweeps.reader import read_sweep
from ..sweeps.result import Sweep
from .claims import LOSSES, Losses, NoteSetting, agreement, losses, published, verdict
from .shipped_results import read_results, results_path

FILE = "sweep/note.json"
PICTURES = 512  # of which each published number is the mean


@cache
def shipped_sweep() -> Sweep:
    """The shipped sweep of the note's settings on held-out portraits; `about` describes it."""
    return read_sweep(results_path(FILE))


@cache
def published_sweep() -> Sweep:
    """The published numbers, each a mean over 512 pictures, as a sweep that figures can draw."""
    losses_by_measure, schedule = {name: published(name) for name in LOSSES}, make()
    columns, rows = [], []
    for setting in losses_by_measure["mse"]:
        place, setup = setting._asdict(), Setup(**setting._asdict())
        columns.append((place, Column("FranNet", "diffusion-basic", setup)))
        rows.append(
            {"picture": "CelebA", **place, "calls": setup.calls_on(schedule), "seconds": None, "sentence": ""}
            | {name: float(losses[setting][0]) for name, losses in losses_by_measure.items()}
            | {"pictures": PICTURES}
        )
    return Sweep(
        NoteSetting._fields, tuple(LOSSES), columns, ("CelebA",), rows, "CelebA, as FranNet's author published."
    )


def _content() -> dict[str, Any]:
    return read_results(FILE)


def about() -> str:
    """Describe the shipped sweep, and whether it has enough pictures to decide claims."""
    content, sweep = _content(), shipped_sweep()
    pictures, settings = len(sweep.pictures), len(sweep.columns)
    models = ", ".join(sorted({setting["model"] for setting in content["settings"]}))
    few = (
        f"Claims are decided from {ENOUGH} portraits on. These are {pictures}: their means show which way a claim "
        "leans, and no difference is called real."
    )
    lines = [
        f"{models}: {settings} settings on {pictures} held-out portrait{'s' * (pictures != 1)}, {len(sweep):,} results "
        f"in {content['precision']}, each from {content['points'][0]:,} random points of a portrait at "
        f"{content['size']} pixels.",
        f"Beside them: the {len(published())} published settings, each a mean over {PICTURES} pictures of CelebA.",
        *([few] if pictures < ENOUGH else []),
    ]
    return "\n".join(lines)


def command() -> str:
    """The commands that produced the shipped sweep."""
    content = _content()
    return (
        f"{content['command']}\npython benchmarks/ship_sweep.py sweep-store --commit COMMIT --command COMMAND\n\n"
        f"Made with the code of commit {content['commit'][:7]}, engine {content['engine']}, of {content['data']}."
    )


PARTS: dict[str, Callable[[NoteSetting], bool]] = {
    "every step": lambda s: s.K == 1 and s.clipping is None and not s.noise_projection,
    "the plane": lambda s: s.clipping is None and not s.noise_projection,
    "clipping": lambda s: s.clipping is not None,
    "noise projection": lambda s: s.noise_projection,
}
"""The charts of the note, and which settings each shows."""


def part(name: str, losses: Losses) -> Losses:
    """The losses of the settings that a chart of the note shows."""
    return {setting: values for setting, values in losses.items() if PARTS[name](setting)}


def least(name: str, ours: Losses | None = None, theirs: Losses | None = None) -> Table:
    """The best settings in a chart of the note, by the kind of noise: ours, and the published ones.

    Parameters
    ----------
    name : str
        Of `PARTS`.
    ours, theirs : dict, optional
        Losses; see `claims.losses`. Default: the shipped and the published ones.

    Returns
    -------
    Table
        A row per kind of noise. The last column is the rank correlation of both, over the settings of the row.
    """
    ours = part(name, losses(shipped_sweep()) if ours is None else ours)
    theirs = part(name, published() if theirs is None else theirs)
    rows = []
    for kind in ("normal", "squared", "zero"):
        sources = [{s: values for s, values in source.items() if s.noise_stddev == kind} for source in (ours, theirs)]
        row: dict[str, Any] = {"noise": kind, "settings": len(sources[0])}
        for title, source in zip(("here", "published"), sources, strict=True):
            means = {setting: float(values.mean()) for setting, values in source.items()}
            best = min(means, key=means.__getitem__)
            row |= {
                f"best {title}": f"stochasticity {best.stochasticity:g}, K {best.K}",
                f"its loss {title}": f"{means[best]:.5f}",
                f"worst loss {title}": f"{max(means.values()):.5f}",
            }
        row["rank correlation"] = f"{agreement(sources[0], sources[1], draws=1).correlation:+.2f}"
        rows.append(row)
    return Table(rows)


def apart(ours: Losses | None = None, rows: int = 10) -> Table:
    """The settings whose ranks differ most between the two models, with losses and ranks."""
    table = agreement(losses(shipped_sweep()) if ours is None else ours, rows=rows).apart
    return Table([{**row, **{name: f"{row[name]:.5f}" for name in ("loss", "published")}} for row in table.rows])


def against(claim: str, ours: Losses | None = None, rows: int = 8) -> Table:
    """The comparisons whose mean contradicts a claim most; see `claims.CLAIMS`.

    Column `says` states whether that is real or may be chance.
    """
    pairs = verdict(claim, losses(shipped_sweep()) if ours is None else ours).pairs.rows
    contradicting = sorted((row for row in pairs if row["difference"] > 0), key=lambda row: -row["difference"])
    numbers = ("difference", "standard error")
    return Table([{**row, **{name: f"{row[name]:+.6f}" for name in numbers}} for row in contradicting[:rows]])
