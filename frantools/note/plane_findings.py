"""FranNet's note on the diffusion restorator, told by the shipped sweep and the published one: tables and sentences."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

from ..comparisons.tables import Table
from ..frannet.sampling.schedule import make
from ..frannet.sampling.setup import Setup
from ..frannet.weights.checkpoints import shipped
from ..restorers.columns import Column
from ..scores.intervals import ENOUGH
from ..sweeps.reader import read_sweep
from ..sweeps.result import Sweep
from .claims import LOSSES, Losses, Setting, agreement, losses, published, verdict

FILE = "sweep/note.json"


@cache
def swept() -> Sweep:
    """The shipped sweep: the note's settings, on held-out portraits. `about` says how it was made."""
    return read_sweep(shipped() / "results" / FILE)


@cache
def noted() -> Sweep:
    """The published numbers as a sweep, of which each is a mean over 512 pictures: figures draw it like ours."""
    known, schedule = {name: published(name) for name in LOSSES}, make()
    columns, rows = [], []
    for setting, loss in known["mse"].items():
        place, setup = setting._asdict(), Setup(**setting._asdict())
        columns.append((place, Column("FranNet", "diffusion-basic", setup)))
        rows.append(
            {"picture": "CelebA", **place, "calls": setup.calls_on(schedule), "seconds": None, "sentence": ""}
            | {name: float(each[setting][0]) for name, each in known.items()}
            | {"pictures": PICTURES}
        )
        assert len(loss) == 1
    return Sweep(Setting._fields, tuple(LOSSES), columns, ("CelebA",), rows, "CelebA, as FranNet's author published.")


PICTURES = 512
"""How many the published numbers are means of."""


@cache
def _content() -> dict[str, Any]:
    made: dict[str, Any] = json.loads((shipped() / "results" / FILE).read_text(encoding="utf-8"))
    return made


def about() -> str:
    """What the shipped sweep is, and whether it can decide anything."""
    content, made = _content(), swept()
    pictures, settings = len(made.pictures), len(made.columns)
    models = ", ".join(sorted({each["model"] for each in content["settings"]}))
    few = (
        f"Claims are decided from {ENOUGH} portraits on. These are {pictures}: their means show which way a claim "
        "leans, and no difference is called real."
    )
    lines = [
        f"{models}: {settings} settings on {pictures} held-out portrait{'s' * (pictures != 1)}, {len(made):,} results "
        f"in {content['precision']}, each from {content['points'][0]:,} random points of a portrait at "
        f"{content['size']} pixels.",
        f"Beside them: the {len(published())} published settings, each a mean over {PICTURES} pictures of CelebA.",
        *([few] if pictures < ENOUGH else []),
    ]
    return "\n".join(lines)


def command() -> str:
    """What made the shipped sweep."""
    content = _content()
    return (
        f"{content['command']}\npython benchmarks/ship_sweep.py sweep-store --commit COMMIT --command COMMAND\n\n"
        f"Made with the code of commit {content['commit'][:7]}, engine {content['engine']}, of {content['data']}."
    )


PARTS: dict[str, Callable[[Setting], bool]] = {
    "every step": lambda each: each.K == 1 and each.clipping is None and not each.noise_projection,
    "the plane": lambda each: each.clipping is None and not each.noise_projection,
    "clipping": lambda each: each.clipping is not None,
    "noise projection": lambda each: each.noise_projection,
}
"""The pictures of the note: which settings each shows."""


def part(name: str, known: Losses) -> Losses:
    """The losses of the settings that a picture of the note shows."""
    return {setting: each for setting, each in known.items() if PARTS[name](setting)}


def least(name: str, ours: Losses | None = None, theirs: Losses | None = None) -> Table:
    """The best settings of a picture of the note, by the kind of noise: ours, and the published ones.

    Parameters
    ----------
    name : str
        Of `PARTS`.
    ours, theirs : dict, optional
        Losses; see `claims.losses`. Default: the shipped and the published ones.

    Returns
    -------
    Table
        A row a kind of noise. The last column is the rank correlation between both, over the settings of the row.
    """
    ours = part(name, losses(swept()) if ours is None else ours)
    theirs = part(name, published() if theirs is None else theirs)
    rows = []
    for kind in ("normal", "squared", "zero"):
        mine, other = ({s: each for s, each in known.items() if s.noise_stddev == kind} for known in (ours, theirs))
        row: dict[str, Any] = {"noise": kind, "settings": len(mine)}
        for title, known in (("here", mine), ("published", other)):
            means = {setting: float(each.mean()) for setting, each in known.items()}
            best = min(means, key=means.__getitem__)
            row |= {
                f"best {title}": f"stochasticity {best.stochasticity:g}, K {best.K}",
                f"its loss {title}": f"{means[best]:.5f}",
                f"worst loss {title}": f"{max(means.values()):.5f}",
            }
        row["rank correlation"] = f"{agreement(mine, other, draws=1).correlation:+.2f}"
        rows.append(row)
    return Table(rows)


def apart(ours: Losses | None = None, rows: int = 10) -> Table:
    """The settings on whose rank both models agree least, the loss and the rank of each."""
    made = agreement(losses(swept()) if ours is None else ours, rows=rows).apart
    return Table([{**row, **{name: f"{row[name]:.5f}" for name in ("loss", "published")}} for row in made.rows])


def against(claim: str, ours: Losses | None = None, rows: int = 8) -> Table:
    """The comparisons whose mean speaks most against a claim; see `claims.CLAIMS`.

    `says` tells whether that is real, or may be chance.
    """
    made = verdict(claim, losses(swept()) if ours is None else ours).pairs.rows
    found = sorted((row for row in made if row["difference"] > 0), key=lambda row: -row["difference"])
    numbers = ("difference", "standard error")
    return Table([{**row, **{name: f"{row[name]:+.6f}" for name in numbers}} for row in found[:rows]])
