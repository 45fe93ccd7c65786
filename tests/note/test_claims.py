"""What a sweep says of the note's claims: the right verdict where the numbers are made to be so."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

import frantools as ft
from frantools.note import claims
from frantools.note.claims import CLAIMS, NoteSetting, agreement, losses, published, verdict, verdicts

PICTURES = 40
B = NoteSetting(1.0, 8, "normal", None, True)


def noisy(means: dict[NoteSetting, float], pictures: int = PICTURES, seed: int = 0) -> dict[NoteSetting, np.ndarray]:
    """Losses of hard and easy pictures, with a little chance in each."""
    rng = np.random.default_rng(seed)
    hard = rng.gamma(2, size=pictures)
    return {setting: mean * hard + rng.normal(0, 0.02, pictures) for setting, mean in means.items()}


def test_the_published_numbers_are_all_there():
    assert len(published()) == len(published("mse_gray")) == 465
    least = min(value[0] for value in published().values())
    assert least == 0.006341
    assert {setting for setting, value in published().items() if value == least} == {
        NoteSetting(1.0, 6, "zero", None, projection)
        for projection in (False, True)  # without noise, the same sampler
    }
    assert published("mse_gray")[NoteSetting(1.0, 1, "normal", None, False)] == [0.003426]
    with pytest.raises(ValueError, match="measure must be 'mse' or 'mse_gray', got 'ssim'"):
        published("ssim")


def test_the_published_numbers_are_those_of_the_shared_file(shared):
    import json

    rows = json.loads((shared / "published" / "ddim-sweep.json").read_text())
    assert [(claims.setting_of(row), row["loss"]) for row in rows] == [(s, v[0]) for s, v in published().items()]


def test_the_claims_are_the_notes_own():
    made = {row["claim"]: row for row in verdicts(published()).rows}
    assert list(made) == list(CLAIMS)
    for row in made.values():
        assert row["for"] > 0
        assert row["open"] == 0
    assert made["clipping helps"]["for"] == 31  # without stochasticity the three kinds of noise are one
    assert made["K = 7, 9, 10 are spikes"]["verdict"] == "holds in part"


CLIPPED = B._replace(K=1, noise_projection=False, clipping=(-1.0, 1.0))
PAIRS = {
    "clipping helps": (CLIPPED, CLIPPED._replace(clipping=None)),
    "stochasticity 0 is worse under projection": (B, B._replace(stochasticity=0.0)),
    "K = 7, 9, 10 are spikes": (B._replace(K=6), B._replace(K=9)),
    "zero noise with K = 6 or 8 is best": (B._replace(noise_stddev="zero"), B),
}


@pytest.mark.parametrize("claim", CLAIMS)
@pytest.mark.parametrize(
    ("first", "second", "pictures", "expected"),
    [
        (1.0, 1.2, PICTURES, "holds"),
        (1.2, 1.0, PICTURES, "does not hold"),
        (1.0, 1.0, PICTURES, "not decided"),
        (1.0, 1.2, 10, "not decided"),
        (1.0, 1.2, 1, "holds"),
    ],
    ids=["better", "worse", "alike", "few pictures", "one number"],
)
def test_a_claim_is_judged_by_the_paired_difference(claim, first, second, pictures, expected):
    """The pictures differ far more than the settings do: only pairs tell."""
    better, worse = PAIRS[claim]
    known = noisy({better: first, worse: second}, pictures, seed=3)
    assert first == second or known[worse].std() > abs(first - second) or pictures == 1
    said = verdict(claim, known)
    assert said.verdict == expected
    assert (said.true, said.false, said.open) == {
        "holds": (1, 0, 0), "does not hold": (0, 1, 0), "not decided": (0, 0, 1),
    }[expected]  # fmt: skip
    row = said.pairs.rows[0]
    assert row["difference"] == pytest.approx((known[better] - known[worse]).mean())
    if pictures > 1:
        assert row["standard error"] == pytest.approx((known[better] - known[worse]).std(ddof=1) / pictures**0.5)
    assert str(said).startswith(f'"{claim}": {expected}.')


def test_a_claim_may_hold_in_part_and_missing_settings_do_not_count():
    means = {B._replace(K=K): loss for K, loss in {6: 1.0, 7: 2.0, 9: 0.5}.items()}
    said = verdict("K = 7, 9, 10 are spikes", noisy(means))
    assert (said.verdict, said.true, said.false, said.open) == ("holds in part", 1, 1, 0)
    assert verdict("clipping helps", noisy(means)).verdict == "not decided"


def test_of_many_comparisons_none_is_real_by_chance():
    """Settings that are all alike: at 95 % each, some of 210 differences would seem real."""
    settings = [s for s in published() if s.clipping is None and s.stochasticity and s.noise_stddev != "zero"]
    real = [verdict("K = 7, 9, 10 are spikes", noisy(dict.fromkeys(settings, 1.0), seed=n)) for n in range(20)]
    assert len(real[0].pairs.rows) > 100
    assert sum(said.verdict != "not decided" for said in real) <= 3
    each = [row["difference"] / row["standard error"] for said in real for row in said.pairs.rows]
    assert sum(abs(t) > 2.1 for t in each) > 20


def test_a_claim_that_some_comparisons_leave_open_holds_where_it_is_decided():
    means = {B._replace(K=K): loss for K, loss in {6: 1.0, 7: 2.0, 9: 1.0}.items()}
    said = verdict("K = 7, 9, 10 are spikes", noisy(means))
    assert (said.verdict, said.true, said.false, said.open) == ("holds where decided", 1, 0, 1)


def test_the_same_sampler_is_compared_once():
    calm = [B._replace(K=K, stochasticity=0.0, noise_stddev=kind) for K in (6, 7) for kind in ("normal", "zero")]
    calm += [each._replace(noise_projection=False) for each in calm]
    assert len(verdict("K = 7, 9, 10 are spikes", noisy(dict.fromkeys(calm, 1.0))).pairs.rows) == 1
    zero = B._replace(noise_stddev="zero")
    said = verdict("zero noise with K = 6 or 8 is best", noisy(dict.fromkeys([zero, zero._replace(K=7), B], 1.0)))
    assert [row["setting"] for row in said.pairs.rows] == [str(zero)] * 2


def test_two_models_that_agree_have_a_correlation_near_one():
    rng = np.random.default_rng(0)
    ours = {setting: value * rng.uniform(0.8, 1.2) for setting, value in published().items()}
    found = agreement(ours, draws=500)
    expected = spearmanr([v[0] for v in ours.values()], [v[0] for v in published().values()]).statistic
    assert found.correlation == pytest.approx(expected)
    assert 0.9 < found.low < found.correlation < found.high < 1
    assert found.settings == 465
    ranks = [abs(row["rank"] - row["its rank"]) for row in found.apart.rows]
    assert len(ranks) == 10
    assert ranks == sorted(ranks, reverse=True)


def test_the_interval_of_a_correlation_holds_it_as_often_as_it_says():
    """Of pairs of normal numbers whose correlation is known."""
    true, held, rng = 0.6, 0, np.random.default_rng(1)
    spearman = 6 / np.pi * np.arcsin(true / 2)
    settings = [B._replace(K=k) for k in range(1, 81)]
    for _ in range(120):
        a = rng.normal(size=80)
        b = true * a + (1 - true**2) ** 0.5 * rng.normal(size=80)
        each = ({s: np.array([v]) for s, v in zip(settings, numbers, strict=True)} for numbers in (a, b))
        found = agreement(*each, draws=200)
        held += found.low <= spearman <= found.high
    assert 0.88 <= held / 120 <= 0.99


def test_a_sweeps_frame_is_read():
    pictures = [np.random.default_rng(n).integers(0, 256, (12, 12, 3), np.uint8) for n in range(2)]
    axes = [{"K": [25, 50], "clipping": [None, (-1, 1)]}, {"K": [50], "noise_stddev": ["zero"]}]
    sweep = ft.sweep(axes, pictures, size=8)
    known = losses(sweep.to_frame())
    assert set(known) == {
        NoteSetting(1.0, K, noise, clipping, True)
        for K, noise, clipping in [
            (25, "normal", None), (25, "normal", (-1.0, 1.0)), (50, "normal", None), (50, "normal", (-1.0, 1.0)),
            (50, "zero", None),
        ]
    }  # fmt: skip
    for row in sweep.rows:
        assert row["mse"] in known[claims.setting_of(row)]


def test_incomplete_frames_are_errors():
    from pandas import DataFrame

    rows = [{"picture": "a", "K": 1, "mse": 0.1}, {"picture": "b", "K": 2, "mse": 0.2}]
    with pytest.raises(ValueError, match="no picture was measured with all settings"):
        losses(DataFrame(rows))
    with pytest.raises(ValueError, match="the frame has a twice"):
        losses(DataFrame([rows[0], rows[0]]))
    with pytest.raises(ValueError, match="the frame has no column 'ssim'"):
        losses(DataFrame(rows), "ssim")
    with pytest.raises(ValueError, match="must share 3 or more settings, got 1"):
        agreement({B: np.array([1.0])})
