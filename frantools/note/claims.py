"""Tests of the note's claims about the sampler's settings, on the results of a sweep."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..checks import choice
from ..comparisons.tables import Table
from ..frannet.sampling.setup import Setup
from ..scores.intervals import ENOUGH
from ..scores.stratified import Estimate
from ..sweeps.result import Sweep
from .shipped_results import RENAMED, read_results

if TYPE_CHECKING:
    from pandas import DataFrame

LOSSES = {measure: published_name for published_name, measure in RENAMED.items()}
"""The names of measures in the published results."""


class NoteSetting(NamedTuple):
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


Losses = Mapping[NoteSetting, NDArray[np.float64]]
"""By setting, a loss for each picture; the pictures are the same, in the same order."""


@cache
def published(measure: str = "mse") -> Losses:
    """The losses of 465 settings that FranNet's author published, each the mean over 512 pictures."""
    choice("measure", measure, LOSSES)
    content = read_results("published-ddim-sweep.json")
    rows = [dict(zip(content["columns"], row, strict=True)) for row in content["rows"]]
    return {setting_of(row): np.array([row[LOSSES[measure]]]) for row in rows}


def setting_of(row: Mapping[str, Any]) -> NoteSetting:
    """The setting of a row; values that it lacks are the defaults of `Setup`."""
    defaults = {field.name: field.default for field in fields(Setup)}
    values = {name: row.get(name, defaults[name]) for name in NoteSetting._fields}
    bounds = values["clipping"]
    clipping = (float(bounds[0]), float(bounds[1])) if isinstance(bounds, (tuple, list)) else None
    return NoteSetting(
        round(float(values["stochasticity"]), 6), int(values["K"]), str(values["noise_stddev"]), clipping,
        bool(values["noise_projection"]),
    )  # fmt: skip


def losses(frame: DataFrame | Sweep, measure: str = "mse") -> Losses:
    """The losses of a sweep on the pictures that all its settings were measured on.

    Parameters
    ----------
    frame : Sweep or DataFrame
        Over settings of the sampler, see `NoteSetting`; or its `to_frame`.
    measure : str
        A column of it.

    Raises
    ------
    ValueError
        If the frame has no such column, has a setting twice, or no picture was measured with all settings.
    """
    if measure not in (frame.measures if isinstance(frame, Sweep) else frame):
        raise ValueError(f"the frame has no column {measure!r}; accepted: the measures of its sweep")
    by_setting: dict[NoteSetting, dict[str, float]] = {}
    listed = frame.rows if isinstance(frame, Sweep) else frame.to_dict("records")
    rows: list[dict[str, Any]] = [{str(name): value for name, value in row.items()} for row in listed]
    for row in rows:
        numbers = by_setting.setdefault(setting_of(row), {})
        if row["picture"] in numbers:
            raise ValueError(f"{setting_of(row)}: the frame has {row['picture']} twice")
        numbers[row["picture"]] = row[measure]
    common = [
        name
        for name in next(iter(by_setting.values()), {})
        if all(np.isfinite(numbers.get(name, np.nan)) for numbers in by_setting.values())
    ]
    if not common:
        raise ValueError("no picture was measured with all settings; complete the sweep first")
    return {setting: np.array([numbers[name] for name in common]) for setting, numbers in by_setting.items()}


@dataclass(frozen=True)
class Agreement:
    """The agreement of two models on the ranking of the settings."""

    correlation: float
    """Spearman's rank correlation of the mean losses: 1 if both rank the settings alike."""
    low: float
    high: float
    """Its 95 % interval: a bootstrap over the settings."""
    settings: int
    apart: Table
    """The settings whose ranks differ most."""

    def __str__(self) -> str:
        return (
            f"Over {self.settings} settings the rank correlation is {self.correlation:.3f} "
            f"(95 % interval {self.low:.3f} to {self.high:.3f})."
        )


def agreement(
    ours: Losses, theirs: Losses | None = None, draws: int = 2000, seed: int = 0, rows: int = 10
) -> Agreement:
    """The rank correlation of losses, over the settings that both have.

    Parameters
    ----------
    ours : dict
        From `losses`.
    theirs : dict, optional
        The same of another model. Default: `published`.
    draws, seed : int
        Of the bootstrap, over settings.
    rows : int
        The number of settings in `Agreement.apart`.

    Raises
    ------
    ValueError
        If they share fewer than three settings.

    References
    ----------
    Spearman, "The proof and measurement of association between two things" (1904). The interval is the percentile
    interval of Efron and Tibshirani (1993), chapter 13: it covers the choice of settings.
    """
    theirs = published() if theirs is None else theirs
    shared = [setting for setting in ours if setting in theirs]
    if len(shared) < 3:
        raise ValueError(f"ours and theirs must share 3 or more settings, got {len(shared)}")
    pair = np.array([[losses[setting].mean() for setting in shared] for losses in (ours, theirs)])
    ones = np.ones((1, len(shared)))
    ranks = np.concatenate([_ranks(values, ones) for values in pair])
    counts = np.random.default_rng(seed).multinomial(len(shared), ones[0] / len(shared), draws).astype(np.float64)
    correlations = _correlations(_ranks(pair[0], counts), _ranks(pair[1], counts), counts)
    low, high = np.nanquantile(correlations, [0.025, 0.975])  # a resample of a single setting has no correlation
    order = np.argsort(-np.abs(ranks[0] - ranks[1]), kind="stable")[:rows]
    apart = [
        {"setting": str(shared[k]), "loss": float(pair[0, k]), "rank": float(ranks[0, k])}
        | {"published": float(pair[1, k]), "its rank": float(ranks[1, k])}
        for k in order
    ]
    return Agreement(
        float(_correlations(ranks[:1], ranks[1:], ones)[0]), float(low), float(high), len(shared), Table(apart)
    )


Array = NDArray[np.float64]


def _ranks(values: Array, counts: Array) -> Array:
    """(D, N): the ranks of N values, from 1, repeated `counts` (D, N) times; equal ones share their mean rank."""
    below, equal = (order(values[:, None], values).astype(np.float64) for order in (np.less, np.equal))
    return counts @ below + (counts @ equal + 1) / 2


def _correlations(a: Array, b: Array, counts: Array) -> Array:
    """Pearson's correlations along the last axis, of pairs repeated `counts` times; NaN if all pairs are equal."""
    a, b = (x - (x * counts).sum(axis=-1, keepdims=True) / counts.sum(axis=-1, keepdims=True) for x in (a, b))
    with np.errstate(invalid="ignore"):
        correlations: Array = (counts * a * b).sum(axis=-1) / np.sqrt(
            (counts * a**2).sum(axis=-1) * (counts * b**2).sum(axis=-1)
        )
    return correlations


Pair = tuple[NoteSetting, NoteSetting]
"""Two settings, the first of which has the smaller loss if the claim is true."""


@dataclass(frozen=True)
class Verdict:
    """The result of testing a claim."""

    claim: str
    pairs: Table
    """A row per comparison: two settings, the mean difference, its paired standard error, and whether it is real."""
    true: int
    false: int
    open: int
    """The number of comparisons for the claim, against it, and undecided."""
    lower: int
    """The number whose mean supports the claim, whether or not that may be chance."""

    @property
    def verdict(self) -> str:
        """The verdict in a few words."""
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


def judge(claim: str, pairs: Sequence[Pair], losses: Losses, level: float = 0.95) -> Verdict:
    """Compare pairs of settings on the same pictures.

    A difference is real if its interval excludes 0: the mean over the pictures, plus or minus the paired standard error
    times the quantile of Student's t. The intervals of all pairs hold jointly at `level` (Bonferroni's correction), so
    that none of many comparisons is real by chance. With fewer than 20 pictures no difference is real. If a setting has
    a single number, as the published ones do, its sign counts.
    """
    rows, counts, lower = [], {True: 0, False: 0, None: 0}, 0
    pair_level = 1 - (1 - level) / max(1, len(pairs))
    for better, worse in pairs:
        differences = losses[better] - losses[worse]
        mean, count = float(differences.mean()), len(differences)
        error = float(differences.std(ddof=1) / count**0.5) if count > 1 else 0.0
        low, high = Estimate(mean, error, count - 1 or inf).interval(pair_level)
        decision = None if low <= 0 <= high or 1 < count < ENOUGH else high < 0
        counts[decision] += 1
        lower += mean < 0
        real = {True: "for", False: "against", None: "open"}[decision]
        rows.append(
            {"setting": str(better), "beside": str(worse), "difference": mean, "standard error": error, "says": real}
        )
    return Verdict(claim, Table(rows), counts[True], counts[False], counts[None], lower)


def clipping_helps(losses: Losses) -> Iterator[Pair]:
    """Pair each clipped setting with the same without clipping."""
    for setting in losses:
        if setting.clipping is not None:
            yield setting, setting._replace(clipping=None)


def no_stochasticity_is_worse(losses: Losses) -> Iterator[Pair]:
    """With projection, pair stochasticity 1 with stochasticity 0."""
    for setting in losses:
        if setting.noise_projection and setting.stochasticity == 0:
            yield setting._replace(stochasticity=1.0), setting


def spikes(losses: Losses) -> Iterator[Pair]:
    """Pair K 6 and K 8 with K 7, 9 and 10, all else the same."""
    for setting in losses:
        if setting.K in (7, 9, 10):
            yield from ((setting._replace(K=K), setting) for K in (6, 8))


def zero_noise_is_best(losses: Losses) -> Iterator[Pair]:
    """Pair the best published setting of zero noise and K 6 or 8 with all others, except those and equivalent ones.

    The published numbers choose it: a setting chosen by the losses that judge it would look too good.
    """
    claimed = [setting for setting in losses if setting.noise_stddev == "zero" and setting.K in (6, 8)]
    equivalent = set(map(canonical, claimed))
    if claimed:
        first = min(claimed, key=lambda setting: float(published()[setting][0]))
        yield from ((first, setting) for setting in losses if canonical(setting) not in equivalent)


CLAIMS: dict[str, Callable[[Losses], Iterator[Pair]]] = {
    "clipping helps": clipping_helps,
    "stochasticity 0 is worse under projection": no_stochasticity_is_worse,
    "K = 7, 9, 10 are spikes": spikes,
    "zero noise with K = 6 or 8 is best": zero_noise_is_best,
}
"""The note's claims, and the comparisons that decide each."""


def verdict(claim: str, losses: Losses) -> Verdict:
    """Test a claim of `CLAIMS` on losses.

    Pairs with a missing setting are ignored, and of pairs of the same two samplers only the first counts.
    """
    pairs = [pair for pair in CLAIMS[claim](losses) if pair[0] in losses and pair[1] in losses]
    different = {(canonical(better), canonical(worse)): (better, worse) for better, worse in reversed(pairs)}
    return judge(claim, list(reversed(different.values())), losses)


def canonical(setting: NoteSetting) -> NoteSetting:
    """A representative of the settings that are the same sampler up to rounding because they add no noise."""
    is_deterministic = setting.stochasticity == 0 or setting.noise_stddev == "zero"
    return setting._replace(noise_stddev="zero", noise_projection=False) if is_deterministic else setting


def verdicts(ours: Losses, theirs: Losses | None = None) -> Table:
    """Test all claims on our losses and on the published ones.

    Parameters
    ----------
    ours : dict
        From `losses`.
    theirs : dict, optional
        Default: `published`.
    """
    rows = []
    for claim in CLAIMS:
        our_verdict = verdict(claim, ours)
        their_verdict = verdict(claim, published() if theirs is None else theirs)
        rows.append(
            {
                "claim": claim,
                "verdict": our_verdict.verdict,
                "for": our_verdict.true,
                "against": our_verdict.false,
                "open": our_verdict.open,
                "means on its side": f"{our_verdict.lower} of {len(our_verdict.pairs.rows)}",
                "published means, by sign alone": (
                    f"{their_verdict.verdict} ({their_verdict.true} for, {their_verdict.false} against)"
                ),
            }
        )
    protocol = (
        "each is decided where its interval excludes 0; the intervals of a claim hold together with 95 %, by "
        f"Bonferroni, and decide nothing under {ENOUGH} pictures. The published numbers are one mean a setting without "
        "a spread: their differences count by sign, however small, and some may be chance."
    )
    return Table(rows, f"Comparisons of two settings on the same pictures; {protocol}")
