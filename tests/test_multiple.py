"""Among several effects, nothing is claimed that would be wrong more than one time in twenty."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from imlab.errors import UsageError
from imlab.lab.statistics.effect import Effect, paired
from imlab.lab.statistics.multiple import adjusted, holm, p_margin, p_zero


def effect(logs: np.ndarray, margin: float = 0.03) -> Effect:
    """An effect with these log ratios."""
    return paired(np.ones(len(logs)), np.exp(logs), margin)


@pytest.mark.parametrize(
    ("ps", "found"),
    [
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),  # Holm's own example in many textbooks
        ([0.04], [0.04]),
        ([0.5, 0.9], [1.0, 1.0]),
        ([0.02, math.nan], [0.04, math.nan]),
        ([[0.01, 0.5], [0.03, 0.02]], [[0.02, 0.5], [0.04, 0.04]]),
        ([], []),
    ],
)
def test_holms_steps(ps: list[float], found: list[float]) -> None:
    assert holm(ps) == pytest.approx(np.array(found), nan_ok=True)


@settings(max_examples=40)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_keeps_the_order_and_lies_below_bonferroni(ps: list[float]) -> None:
    found = holm(ps)
    assert (found >= np.array(ps) - 1e-15).all() and (found <= np.minimum(1, np.array(ps) * len(ps)) + 1e-15).all()
    assert (np.diff(found[np.argsort(ps, kind="stable")]) >= 0).all()


@pytest.mark.parametrize("wrong", [[-0.1], [1.2], 0.5])
def test_p_values_lie_between_nothing_and_one(wrong: object) -> None:
    with pytest.raises(UsageError, match="between 0 and 1"):
        holm(wrong)  # type: ignore[arg-type]


def test_holm_errs_in_one_family_of_twenty() -> None:
    families = np.random.default_rng(1).random((20_000, 8))
    assert 0.045 <= (holm(families).min(axis=1) <= 0.05).mean() <= 0.055
    assert (families.min(axis=1) <= 0.05).mean() > 0.3, "uncorrected, a third of the families err"


@pytest.mark.parametrize("n", [6, 9, 20])
def test_students_p_is_scipys(n: int) -> None:
    logs = np.random.default_rng(n).normal(0.01, 0.03, n)
    assert p_zero(effect(logs)) == pytest.approx(stats.ttest_1samp(logs, 0).pvalue, rel=1e-9)
    above = stats.ttest_1samp(logs, -math.log1p(0.03), alternative="greater").pvalue
    below = stats.ttest_1samp(logs, math.log1p(0.03), alternative="less").pvalue
    assert p_margin(effect(logs)) == pytest.approx(max(above, below), rel=1e-9)


@pytest.mark.parametrize("n", [6, 12, 29, 30, 40])
def test_alone_the_p_values_give_the_same_verdict(n: int) -> None:
    rng = np.random.default_rng(n)
    for spread in (0.01, 0.05, 0.2):
        for _ in range(4):
            one = effect(rng.normal(rng.normal(0, 0.04), spread, n))
            assert adjusted({"one": one})["one"].verdict == one.verdict, one.text()


def test_company_makes_a_verdict_careful() -> None:
    clear, faint = effect(np.linspace(-0.31, -0.29, 8)), effect(-0.04 + 0.09 * np.linspace(-1, 1, 12) ** 3)
    few = effect(np.array([0.2, 0.3]))
    assert faint.verdict == "faster" and few.verdict == "inconclusive"
    found = adjusted({"clear": clear, "few": few} | {f"faint {k}": faint for k in range(4)})
    assert found["clear"].verdict == "faster" and found["faint 0"].verdict == "inconclusive"
    assert math.isnan(found["few"].p_zero) and found["few"].verdict == "inconclusive"
    assert found["faint 0"].text().endswith("faster alone, inconclusive among 6 (Holm)")
    assert found["clear"].text().endswith("faster among 6 (Holm)")


def test_equal_blocks_are_certain() -> None:
    assert p_zero(effect(np.full(8, 0.2))) == 0.0 and p_margin(effect(np.full(8, 0.2))) == 1.0
    assert p_zero(effect(np.zeros(8))) == 1.0 and p_margin(effect(np.zeros(8))) == 0.0
