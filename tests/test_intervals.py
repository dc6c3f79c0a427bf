"""Intervals cover what they promise; verdicts follow their rules; Student's t agrees with scipy's."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from imlab.errors import UsageError
from imlab.lab.statistics.effect import Effect, paired
from imlab.lab.statistics.intervals import beside, bootstrap_t, mean_interval, median_interval, percentile, student
from imlab.lab.statistics.student import t_quantile

EXPERIMENTS = 4_000


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 5, 6, 11, 28, 60, 201])
@pytest.mark.parametrize("p", [0.005, 0.1, 0.5, 0.95, 0.975, 0.9995])
def test_students_quantile_is_scipys(p: float, freedom: int) -> None:
    assert t_quantile(p, freedom) == pytest.approx(stats.t.ppf(p, freedom), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("n", [6, 8, 12])
def test_students_interval_covers_normal_blocks(n: int, seed: int) -> None:
    blocks = np.random.default_rng((n, seed)).normal(0.1, 1.0, (EXPERIMENTS, n))
    _, low, high = student(blocks)
    assert 0.93 <= np.mean((low <= 0.1) & (high >= 0.1)) <= 0.97


def test_the_percentile_bootstrap_covers_from_thirty_blocks() -> None:
    blocks = np.random.default_rng(30).normal(0.0, 1.0, (200, 30))
    bounds = np.array([percentile(one)[1:] for one in blocks])
    assert 0.90 <= np.mean((bounds[:, 0] <= 0) & (bounds[:, 1] >= 0)) <= 0.98


def test_the_bootstrap_t_leans_with_the_skew() -> None:
    blocks = np.random.default_rng(4).lognormal(0.0, 1.0, 12)
    mean, low, high = bootstrap_t(blocks)
    assert high - mean > 1.2 * (mean - low)
    _, even_low, even_high = student(blocks)
    assert high > even_high > mean > even_low


@pytest.mark.parametrize(
    ("n", "method"),
    [
        (1, "n=1: no interval"),
        (5, "n=5: no interval"),
        (6, "Student t"),
        (29, "Student t"),
        (30, "percentile bootstrap, 10,000"),
    ],
)
def test_the_method_follows_the_number_of_blocks(n: int, method: str) -> None:
    found = mean_interval(np.random.default_rng(n).normal(5.0, 1.0, n))
    assert found.method == method and found.given == (n >= 6)
    assert not found.given or found.low < found.estimate < found.high
    assert beside(np.arange(n) + 1.0).given == (n >= 6)


def test_the_same_blocks_give_the_same_interval() -> None:
    blocks = np.random.default_rng(9).normal(size=40)
    assert mean_interval(blocks) == mean_interval(blocks)


def test_equal_blocks_have_no_width() -> None:
    assert beside(np.full(8, 2.0)).low == beside(np.full(8, 2.0)).high == 2.0


@pytest.mark.parametrize("n", [6, 9, 20])
def test_the_median_interval_covers_any_shape(n: int) -> None:
    draws = np.random.default_rng(n).exponential(1.0, (1_000, n))
    found = [median_interval(draw) for draw in draws]
    assert np.mean([one.low <= math.log(2) <= one.high for one in found]) >= 0.94


@pytest.mark.parametrize("values", [[], [1.0, math.nan], [math.inf] * 8])
def test_every_block_has_one_finite_value(values: list[float]) -> None:
    with pytest.raises(UsageError, match="finite value per block"):
        mean_interval(values)


def effect(change: float, spread: float = 0.01, n: int = 8, better: str = "lower") -> Effect:
    """An effect whose blocks lie evenly around a change."""
    logs = math.log1p(change) + spread * np.linspace(-1, 1, n)
    return paired(np.full(n, 2.0), 2.0 * np.exp(logs), better="higher" if better == "higher" else "lower")


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (effect(-0.20), "faster"),
        (effect(+0.20), "slower"),
        (effect(+0.20, better="higher"), "faster"),
        (effect(0.0), "equivalent"),
        (effect(-0.015, spread=0.005), "equivalent"),  # surely there, surely small
        (effect(0.0, spread=0.2), "inconclusive"),
        (effect(-0.9, n=5), "inconclusive"),  # however large: five blocks have no interval
    ],
    ids=["faster", "slower", "higher is better", "equivalent", "real but small", "noisy", "few"],
)
def test_a_verdict_is_one_of_four(found: Effect, verdict: str) -> None:
    assert found.verdict == verdict
    assert found.text().endswith(verdict)


def test_an_effect_is_the_mean_log_ratio() -> None:
    found = paired([1.0, 1.0], [2.0, 0.5])
    assert found.change.estimate == pytest.approx(0.0), "doubling and halving cancel"
    assert found.blocks == pytest.approx((1.0, -0.5))


def test_nothing_changed_is_seen_about_one_time_in_twenty() -> None:
    rng = np.random.default_rng(12)
    old, new = np.exp(rng.normal(0, 0.1, (2, 500, 8)))
    seen = np.mean([paired(a, b).seen for a, b in zip(old[:200], new[:200], strict=True)])
    assert 0.01 <= seen <= 0.10


@pytest.mark.parametrize(("old", "new"), [([1.0], [1.0, 2.0]), ([1.0], [0.0]), ([math.nan], [1.0]), ([], [])])
def test_an_effect_pairs_positive_blocks(old: list[float], new: list[float]) -> None:
    with pytest.raises(UsageError, match="paired effect"):
        paired(old, new)
