"""Blocks that nothing pairs: Welch's interval covers at any sizes and spreads, and its verdicts know what it knows."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from imlab.errors import UsageError
from imlab.lab.statistics.effect import paired
from imlab.lab.statistics.unpaired import gap, p_values, unpaired

Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator, tuple[int, int]], Floats]

EXPERIMENTS = 2_000
SIZES = ((6, 6), (6, 12), (12, 7), (30, 30))
FAMILIES: dict[str, Draw] = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "Student, 4 degrees": lambda rng, shape: rng.standard_t(4, shape),
}


@pytest.mark.parametrize("spread", [1.0, 3.0], ids=["alike", "one thrice as wide"])
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_the_interval_covers(sizes: tuple[int, int], family: str, spread: float) -> None:
    for seed in (1, 2, 3):
        rng = np.random.default_rng((seed, *sizes))
        old, new = (FAMILIES[family](rng, (EXPERIMENTS, n)) for n in sizes)
        _, low, high = gap(old, 0.5 + spread * new).interval()
        assert 0.93 <= np.mean((low <= 0.5) & (high >= 0.5)) <= 0.975


def test_it_is_welchs() -> None:
    rng = np.random.default_rng(5)
    old, new = np.exp(rng.normal(0, 0.1, 9)), np.exp(rng.normal(0.05, 0.03, 7))
    known = stats.ttest_ind(np.log(new), np.log(old), equal_var=False)
    interval = known.confidence_interval(0.95)
    found = unpaired(old, new, margin=0.03)
    assert math.log1p(found.change.low) == pytest.approx(interval.low)
    assert math.log1p(found.change.high) == pytest.approx(interval.high)
    assert p_values(old, new)[0] == pytest.approx(known.pvalue)
    assert found.change.method == "Welch t, 9 and 7 blocks" and len(found.blocks) == 7


def test_p_values_and_intervals_agree() -> None:
    rng = np.random.default_rng(6)
    for shift in np.linspace(-0.05, 0.05, 60):
        old, new = np.exp(rng.normal(0, 0.02, 8)), np.exp(rng.normal(shift, 0.01, 10))
        found, (zero, margin) = unpaired(old, new), p_values(old, new)
        assert (zero < 0.05) == found.seen
        assert (margin < 0.05) == (found.verdict == "equivalent")


def test_pairs_are_thrown_away_and_that_costs() -> None:
    rng = np.random.default_rng(7)
    mood = rng.normal(0, 0.3, 12)
    old, new = np.exp(mood), np.exp(mood + rng.normal(-0.1, 0.01, 12))
    assert paired(old, new).verdict == "faster" and unpaired(old, new).verdict == "inconclusive"
    assert unpaired(old, new).change.estimate == pytest.approx(paired(old, new).change.estimate)


def test_bootstrap_t_stands_beside() -> None:
    rng = np.random.default_rng(8)
    found = unpaired(np.exp(rng.normal(0, 0.05, 20)), np.exp(rng.normal(0.1, 0.05, 25)))
    assert found.beside.low == pytest.approx(found.change.low, abs=0.01)
    assert found.beside.high == pytest.approx(found.change.high, abs=0.01)


def test_five_blocks_on_a_side_have_no_interval() -> None:
    found = unpaired(np.ones(5), np.full(12, 2.0))
    assert found.verdict == "inconclusive" and not found.change.given and found.change.estimate == pytest.approx(1.0)
    assert all(math.isnan(p) for p in p_values(np.ones(5), np.full(12, 2.0)))


def test_blocks_all_alike() -> None:
    assert unpaired(np.ones(6), np.ones(8)).verdict == "equivalent"
    assert unpaired(np.ones(6), np.full(8, 2.0)).verdict == "slower"
    assert p_values(np.ones(6), np.full(8, 2.0)) == (0.0, 1.0)


@pytest.mark.parametrize("bad", [[], [1.0, 0.0], [1.0, math.nan], [[1.0]]], ids=str)
def test_what_has_no_logarithm_is_refused(bad: list[float]) -> None:
    with pytest.raises(UsageError, match="positive"):
        unpaired(bad, [1.0, 2.0])
