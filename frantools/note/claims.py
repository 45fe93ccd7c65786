"""What FranNet's note says of the sampler's settings, held against a sweep: setting by setting, picture by picture."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..comparisons.tables import Table
from ..frannet.sampling.setup import Setup
from ..frannet.weights.checkpoints import shipped
from ..scores.intervals import ENOUGH
from ..scores.stratified import Estimate
from ..sweeps.result import Sweep

if TYPE_CHECKING:
    from pandas import DataFrame

LOSSES = {"mse": "loss", "mse_gray": "loss_gray"}
"""How the published numbers call a measure."""


class Setting(NamedTuple):
    """The settings of the sampler that the note varies."""

    stochasticity: float
    K: int
    noise_stddev: str
    clipping: tuple[float, float] | None
    noise_projection: bool

    def __str__(self) -> str:
        clipped = "" if self.clipping is None else ", clipped"
        projected = ", projected" if self.noise_projection else ""
        return f"stochasticity {self.stochasticity:g}, K {self.K}, {self.noise_stddev} noise{clipped}{projected}"


Losses = Mapping[Setting, NDArray[np.float64]]
"""Of each setting the losses, one for each picture, the pictures in one order."""


@cache
def published(measure: str = "mse") -> Losses:
    """The losses that FranNet's author published, of 465 settings: one number each, the mean over 512 pictures."""
    if measure not in LOSSES:
        raise ValueError(f"there is no published {measure!r}; accepted are {', '.join(LOSSES)}")
    content = json.loads((shipped() / "results" / "published-ddim-sweep.json").read_text(encoding="utf-8"))
    rows = [dict(zip(content["columns"], row, strict=True)) for row in content["rows"]]
    return {_setting(row): np.array([row[LOSSES[measure]]]) for row in rows}


def _setting(row: Mapping[str, Any]) -> Setting:
    """The setting of a row; what the row does not say is as in `Setup`."""
    defaults = {field.name: field.default for field in fields(Setup)}
    values = {name: row.get(name, defaults[name]) for name in Setting._fields}
    bounds = values["clipping"]
    clipping = (float(bounds[0]), float(bounds[1])) if isinstance(bounds, (tuple, list)) else None
    return Setting(
        round(float(values["stochasticity"]), 6), int(values["K"]), str(values["noise_stddev"]), clipping,
        bool(values["noise_projection"]),
    )  # fmt: skip


def losses(frame: DataFrame | Sweep, measure: str = "mse") -> Losses:
    """The losses of a sweep, of the pictures that all settings were measured on.

    Parameters
    ----------
    frame : Sweep or DataFrame
        Over settings of the sampler, see `Setting`; or its `to_frame`.
    measure : str
        A column of it.

    Raises
    ------
    ValueError
        If the frame has no such column, a setting stands in it twice, or no picture was measured everywhere.
    """
    if measure not in (frame.measures if isinstance(frame, Sweep) else frame):
        raise ValueError(f"the frame has no column {measure!r}; accepted are the measures of its sweep")
    found: dict[Setting, dict[str, float]] = {}
    listed = frame.rows if isinstance(frame, Sweep) else frame.to_dict("records")
    rows: list[dict[str, Any]] = [{str(name): value for name, value in row.items()} for row in listed]
    for row in rows:
        numbers = found.setdefault(_setting(row), {})
        if row["picture"] in numbers:
            raise ValueError(f"{_setting(row)}: {row['picture']} stands there twice; accepted is once a setting")
        numbers[row["picture"]] = row[measure]
    common = [
        name
        for name in next(iter(found.values()), {})
        if all(np.isfinite(each.get(name, np.nan)) for each in found.values())
    ]
    if not common:
        raise ValueError("no picture was measured under all settings; accepted are frames of a sweep that is done")
    return {setting: np.array([numbers[name] for name in common]) for setting, numbers in found.items()}


@dataclass(frozen=True)
class Agreement:
    """How alike two models find the settings."""

    correlation: float
    """Spearman's, of the mean losses: 1 where both have them in one order."""
    low: float
    high: float
    """Its 95 % interval: a bootstrap over the settings."""
    settings: int
    apart: Table
    """The settings on whose rank they agree least."""

    def __str__(self) -> str:
        return (
            f"Over {self.settings} settings the rank correlation is {self.correlation:.3f} "
            f"(95 % interval {self.low:.3f} to {self.high:.3f})."
        )


def agreement(
    ours: Losses, theirs: Losses | None = None, draws: int = 2000, seed: int = 0, rows: int = 10
) -> Agreement:
    """The rank correlation between losses, over the settings that both have.

    Parameters
    ----------
    ours : dict
        From `losses`.
    theirs : dict, optional
        The same of another model. Default: `published`.
    draws, seed : int
        Of the bootstrap, over settings.
    rows : int
        How many settings `Agreement.apart` has.

    Raises
    ------
    ValueError
        If they share fewer than three settings.

    References
    ----------
    Spearman, "The proof and measurement of association between two things" (1904). The interval is the percentile
    interval of Efron and Tibshirani (1993), chapter 13: it tells how much hangs on which settings were tried.
    """
    theirs = published() if theirs is None else theirs
    shared = [setting for setting in ours if setting in theirs]
    if len(shared) < 3:
        raise ValueError(f"{len(shared)} settings are in both; accepted are 3 or more")
    pair = np.array([[each[setting].mean() for setting in shared] for each in (ours, theirs)])
    once = np.ones((1, len(shared)))
    ranks = np.concatenate([_ranks(values, once) for values in pair])
    drawn = np.random.default_rng(seed).multinomial(len(shared), once[0] / len(shared), draws).astype(np.float64)
    each = _correlations(_ranks(pair[0], drawn), _ranks(pair[1], drawn), drawn)
    low, high = np.nanquantile(each, [0.025, 0.975])  # a draw of one setting alone has no correlation
    order = np.argsort(-np.abs(ranks[0] - ranks[1]), kind="stable")[:rows]
    apart = [
        {"setting": str(shared[k]), "loss": float(pair[0, k]), "rank": float(ranks[0, k])}
        | {"published": float(pair[1, k]), "its rank": float(ranks[1, k])}
        for k in order
    ]
    return Agreement(
        float(_correlations(ranks[:1], ranks[1:], once)[0]), float(low), float(high), len(shared), Table(apart)
    )


Array = NDArray[np.float64]


def _ranks(values: Array, counts: Array) -> Array:
    """(D, N): the ranks of N values, from 1, where they occur so often, (D, N); equal ones share their mean rank."""
    below, equal = (order(values[:, None], values).astype(np.float64) for order in (np.less, np.equal))
    return counts @ below + (counts @ equal + 1) / 2


def _correlations(a: Array, b: Array, counts: Array) -> Array:
    """Pearson's, along the last axis, of pairs that occur so often; NaN where all are alike."""
    a, b = (each - (each * counts).sum(axis=-1, keepdims=True) / counts.sum(axis=-1, keepdims=True) for each in (a, b))
    with np.errstate(invalid="ignore"):
        made: Array = (counts * a * b).sum(axis=-1) / np.sqrt(
            (counts * a**2).sum(axis=-1) * (counts * b**2).sum(axis=-1)
        )
    return made


Pair = tuple[Setting, Setting]
"""Two settings, of which the first has the smaller loss where the claim is true."""


@dataclass(frozen=True)
class Verdict:
    """A claim, and what the losses say of it."""

    claim: str
    pairs: Table
    """The two settings of each comparison, the mean difference, its paired standard error, and whether it is real."""
    true: int
    false: int
    open: int
    """How many comparisons speak for the claim, against it, and for neither."""
    lower: int
    """In how many the mean is on the claim's side, whether or not that can be told from chance."""

    @property
    def verdict(self) -> str:
        """In a word or two."""
        if not self.true and not self.false:
            return "not decided"
        if not self.false:
            return "holds where decided" if self.open else "holds"
        return "holds in part" if self.true else "does not hold"

    def __str__(self) -> str:
        return (
            f'"{self.claim}": {self.verdict}. Of {self.true + self.false + self.open} comparisons, {self.true} speak '
            f"for it and {self.false} against it; {self.open} cannot be told."
        )


def judge(claim: str, pairs: Sequence[Pair], known: Losses, level: float = 0.95) -> Verdict:
    """Compare pairs of settings on the same pictures.

    A difference is real where its interval excludes 0: the mean over the pictures, and its paired standard error times
    the quantile of Student's t. The intervals of all pairs hold together as often as `level` says (Bonferroni's
    correction), so that of many comparisons none is real by chance. Under 20 pictures no difference is real. Where a
    setting has one number alone, as the published ones do, its sign counts.
    """
    rows, counts, lower = [], {True: 0, False: 0, None: 0}, 0
    each_level = 1 - (1 - level) / max(1, len(pairs))
    for better, worse in pairs:
        each = known[better] - known[worse]
        mean = float(each.mean())
        error = float(each.std(ddof=1) / len(each) ** 0.5) if len(each) > 1 else 0.0
        low, high = Estimate(mean, error, len(each) - 1 or inf).interval(each_level)
        said = None if low <= 0 <= high or 1 < len(each) < ENOUGH else high < 0
        counts[said] += 1
        lower += mean < 0
        real = {True: "for", False: "against", None: "open"}[said]
        rows.append(
            {"setting": str(better), "beside": str(worse), "difference": mean, "standard error": error, "says": real}
        )
    return Verdict(claim, Table(rows), counts[True], counts[False], counts[None], lower)


def clipping_helps(known: Losses) -> Iterator[Pair]:
    """Each clipped setting beside the same that is not clipped."""
    for setting in known:
        if setting.clipping is not None:
            yield setting, setting._replace(clipping=None)


def none_is_worse(known: Losses) -> Iterator[Pair]:
    """Under projection, stochasticity 1 beside stochasticity 0."""
    for setting in known:
        if setting.noise_projection and setting.stochasticity == 0:
            yield setting._replace(stochasticity=1.0), setting


def spikes(known: Losses) -> Iterator[Pair]:
    """K 6 and K 8 beside each of K 7, 9 and 10, all else the same."""
    for setting in known:
        if setting.K in (7, 9, 10):
            yield from ((setting._replace(K=K), setting) for K in (6, 8))


def best(known: Losses) -> Iterator[Pair]:
    """The best setting of zero noise and K 6 or 8, as published, beside all others but those and their likes.

    Chosen by the published numbers, since a setting that is chosen by the losses that judge it looks too good.
    """
    claimed = [setting for setting in known if setting.noise_stddev == "zero" and setting.K in (6, 8)]
    likes = set(map(alike, claimed))
    if claimed:
        first = min(claimed, key=lambda setting: float(published()[setting][0]))
        yield from ((first, setting) for setting in known if alike(setting) not in likes)


CLAIMS: dict[str, Callable[[Losses], Iterator[Pair]]] = {
    "clipping helps": clipping_helps,
    "stochasticity 0 is worse under projection": none_is_worse,
    "K = 7, 9, 10 are spikes": spikes,
    "zero noise with K = 6 or 8 is best": best,
}
"""What the note claims, and the comparisons that decide it."""


def verdict(claim: str, known: Losses) -> Verdict:
    """What losses say of a claim of `CLAIMS`.

    Pairs of which a setting is missing do not count, and of pairs of the same two samplers the first.
    """
    pairs = [pair for pair in CLAIMS[claim](known) if pair[0] in known and pair[1] in known]
    different = {(alike(better), alike(worse)): (better, worse) for better, worse in reversed(pairs)}
    return judge(claim, list(reversed(different.values())), known)


def alike(setting: Setting) -> Setting:
    """Where no noise is added, the one setting that stands for all that are then the same sampler, up to rounding."""
    calm = setting.stochasticity == 0 or setting.noise_stddev == "zero"
    return setting._replace(noise_stddev="zero", noise_projection=False) if calm else setting


def verdicts(ours: Losses, theirs: Losses | None = None) -> Table:
    """All claims: what our losses say of each, and what the published ones do.

    Parameters
    ----------
    ours : dict
        From `losses`.
    theirs : dict, optional
        Default: `published`.
    """
    rows = []
    for claim in CLAIMS:
        mine, other = (verdict(claim, known) for known in (ours, published() if theirs is None else theirs))
        said = f"{mine.lower} of {len(mine.pairs.rows)}"
        rows.append(
            {"claim": claim, "verdict": mine.verdict, "for": mine.true, "against": mine.false, "open": mine.open}
            | {"means on its side": said}
            | {"published means, by sign alone": f"{other.verdict} ({other.true} for, {other.false} against)"}
        )
    how = (
        "each is decided where its interval excludes 0; the intervals of a claim hold together with 95 %, by "
        f"Bonferroni, and decide nothing under {ENOUGH} pictures. The published numbers are one mean a setting without "
        "a spread: their differences count by sign, however small, and some may be chance."
    )
    return Table(rows, f"Comparisons of two settings on the same pictures; {how}")
