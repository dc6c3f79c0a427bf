"""Power as promised: the formula against scipy, against simulation, and the advice that follows from it."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from imlab.errors import UsageError
from imlab.lab.statistics.effect import Effect, paired
from imlab.lab.statistics.intervals import student
from imlab.lab.statistics.sample_size import advice, power_to_exclude, power_to_find


def nothing(spread: float, n: int = 12) -> Effect:
    """An A/A run whose log ratios have exactly this standard deviation."""
    logs = np.random.default_rng(n).normal(size=n)
    return paired(np.ones(n), np.exp(spread * (logs - logs.mean()) / logs.std(ddof=1)))


@pytest.mark.parametrize("spread", [0.01, 0.03, 0.1])
@pytest.mark.parametrize("n", [6, 12, 40])
def test_power_to_find_is_the_noncentral_ts(n: int, spread: float) -> None:
    shift = math.log1p(0.03) * math.sqrt(n) / spread
    exact = stats.nct.sf(stats.t.ppf(0.975, n - 1), n - 1, shift)
    assert power_to_find(n, spread, 0.03) == pytest.approx(exact, abs=2e-4)


@pytest.mark.parametrize(
    ("n", "spread", "effect"), [(6, 0.02, 0.0), (12, 0.03, 0.0), (20, 0.03, 0.03), (12, 0.02, 0.01)]
)
def test_power_to_exclude_is_what_simulation_gives(n: int, spread: float, effect: float) -> None:
    draws = np.random.default_rng(n).normal(math.log1p(effect), spread, (40_000, n))
    _, low, high = student(draws, level=0.90)
    found = np.mean((low > -math.log1p(0.03)) & (high < math.log1p(0.03)))
    assert power_to_exclude(n, spread, 0.03, effect) == pytest.approx(found, abs=0.01)


def test_an_effect_of_the_margin_passes_for_nothing_one_time_in_twenty() -> None:
    assert power_to_exclude(200, 0.03, 0.03, effect=0.03) == pytest.approx(0.05, abs=1e-3)


@pytest.mark.parametrize("spread", [0.005, 0.02, 0.05])
def test_the_advice_is_enough_and_one_block_less_is_not(spread: float) -> None:
    told = advice(nothing(spread))
    assert told.spread == pytest.approx(spread) and told.bound > spread
    promised: list[tuple[int | None, Callable[[int], float]]] = [
        (told.to_find, lambda n: float(power_to_find(n, spread, 0.03))),
        (told.to_exclude, lambda n: float(power_to_exclude(n, spread))),
    ]
    for n, power in promised:
        assert n is not None and power(n) >= 0.8
        assert n == 6 or power(n - 1) < 0.8
    assert told.cautious is not None and told.to_exclude is not None and told.cautious >= told.to_exclude


def test_a_noisy_machine_is_told_that_no_number_will_do() -> None:
    told = advice(nothing(0.9))
    assert told.to_find is None and told.cautious is None
    assert told.text() == (
        "blocks spread by 90.00% (A/A, n=12); for 3% with a power of 80%: "
        "over 2,000 blocks to find it, over 2,000 to exclude it; to be safe over 2,000"
    )


def test_power_keeps_the_shape_and_rises_with_the_blocks() -> None:
    powers = power_to_find([[6, 12], [24, 48]], 0.05, 0.03)
    assert powers.shape == (2, 2) and (np.diff(powers.ravel()) > 0).all()
    assert power_to_find(12, 0.05, -0.03) == pytest.approx(power_to_find(12, 0.05, 1 / 0.97 - 1))


def test_misuse_is_named() -> None:
    with pytest.raises(UsageError, match="6 A/A blocks"):
        advice(nothing(0.02, n=5))
    with pytest.raises(UsageError, match="two blocks"):
        power_to_find(1, 0.02, 0.03)
