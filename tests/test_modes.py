"""The dip is Hartigan's; one hill is rarely taken for two, and two hills with a valley are found."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from imlab.errors import UsageError
from imlab.lab.statistics.modes import dip, modes

RNG = np.random.default_rng


@pytest.mark.parametrize(
    ("values", "found"),  # by the package diptest 0.12.0
    [
        ([(i * i * 7919) % 1000 for i in range(60)], 0.06666666666666667),
        ([*np.linspace(0, 1, 40) ** 2, *(3 + np.linspace(0, 1, 25))], 0.12820512820512822),
        (np.linspace(0, 1, 100) ** 3, 0.005),
    ],
    ids=["squares", "two groups", "one slope"],
)
def test_the_dip_is_the_packages(values: list[float], found: float) -> None:
    assert dip(np.array(values, dtype=np.float64)) == pytest.approx(found, rel=1e-12)


@settings(max_examples=40)
@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=4, max_size=60, unique=True), st.floats(0.1, 10))
def test_the_dip_is_bounded_and_knows_no_unit(values: list[float], unit: float) -> None:
    sample = np.array(values)
    found = dip(sample)
    assert 0.5 / len(sample) - 1e-12 <= found <= 0.25 + 1e-12
    assert dip(np.round(sample) * 2) == dip(np.round(sample)), "by a power of two: to the last bit"
    assert dip(-np.round(sample)) == pytest.approx(dip(np.round(sample)))
    assert 0 < dip(sample * unit) <= 0.25 + 1e-12


def flags(draw: str, n: int, times: int) -> float:
    """The share of samples that are flagged."""
    rng = RNG((n, times))
    samples: dict[str, Callable[[], NDArray[np.float64]]] = {
        "uniform": lambda: rng.random(n),
        "normal": lambda: rng.normal(size=n),
        "log-normal": lambda: rng.lognormal(size=n),
        "exponential": lambda: rng.exponential(size=n),
        "ticks": lambda: np.round(rng.normal(0, 100, n)),
        "hills 4 apart": lambda: rng.normal(size=n) + 4 * (rng.random(n) < 0.5),
        "a hill of a tenth": lambda: rng.normal(size=n) + 6 * (rng.random(n) < 0.1),
        "hills 1 apart": lambda: rng.normal(size=n) + (rng.random(n) < 0.5),
    }
    return float(np.mean([modes(samples[draw]()).several for _ in range(times)]))


@pytest.mark.parametrize("n", [20, 70, 300])
def test_the_hardest_single_hill_is_flagged_one_time_in_twenty(n: int) -> None:
    assert 0.02 <= flags("uniform", n, 250) <= 0.09


@pytest.mark.parametrize(
    ("draw", "n", "least", "most"),
    [
        ("normal", 200, 0.0, 0.02),
        ("log-normal", 200, 0.0, 0.02),
        ("exponential", 200, 0.0, 0.02),
        ("ticks", 1_000, 0.0, 0.05),
        ("hills 1 apart", 500, 0.0, 0.02),  # no valley between them, and none is claimed
        ("hills 4 apart", 200, 0.95, 1.0),
        ("a hill of a tenth", 2_000, 0.95, 1.0),
    ],
)
def test_hills_are_flagged_where_there_is_a_valley(draw: str, n: int, least: float, most: float) -> None:
    assert least <= flags(draw, n, 50) <= most


def test_of_many_values_two_thousand_are_drawn() -> None:
    found = modes(np.append(RNG(1).normal(0, 1, 30_000), [np.nan] * 5))
    assert found.n == 2_000 and not found.several and found == modes(np.append(RNG(1).normal(0, 1, 30_000), np.nan))
    assert found.text().startswith("no sign of a second hill (dip 0.0")


@pytest.mark.parametrize("values", [[1.0] * 19, [1.0] * 100, np.round(RNG(1).normal(0, 2, 1_000)), [np.inf] * 30])
def test_what_shows_no_hills_is_refused(values: list[float]) -> None:
    with pytest.raises(UsageError, match="hills"):
        modes(values)
