"""A warm-up that was too short is found, a settled window is called settled, and too few blocks prove nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest

from imlab.errors import UsageError
from imlab.lab.statistics.steady import halves, slope, steady

SECONDS = np.linspace(0.0, 10.0, 500)


def blocks(drift: float, n: int = 12, spread: float = 0.01) -> tuple[np.ndarray, np.ndarray]:
    """Halves of n windows whose times change by ``drift`` in all, evenly: half of it from half to half."""
    rng = np.random.default_rng(n)
    windows = [0.02 * np.exp(math.log1p(drift) * SECONDS / 10 + rng.normal(0, 0.1, 500)) for _ in range(n)]
    level = np.exp(rng.normal(0, spread, n))
    first, second = np.array([halves(SECONDS, window) for window in windows]).T
    return first * level, second * level


@pytest.mark.parametrize(
    ("drift", "n", "state"),
    [(0.0, 12, "steady"), (0.3, 12, "drifting"), (-0.3, 12, "drifting"), (0.01, 30, "steady"), (0.3, 4, "unproven")],
)
def test_drift_is_judged_over_blocks(drift: float, n: int, state: str) -> None:
    found = steady(*blocks(drift, n))
    assert found.state == state and found.text().startswith(f"{state}: second half ")


def test_half_of_an_even_drift_lies_between_the_halves() -> None:
    assert steady(*blocks(0.3)).drift.change.estimate == pytest.approx(1.3**0.5 - 1, abs=0.02)


def test_a_backlog_that_grows_is_no_steady_state() -> None:
    first, second = blocks(0.0)
    assert steady(first, second, slopes=np.linspace(-0.5, 0.5, 12)).state == "steady"
    grown = steady(first, second, slopes=np.linspace(1.5, 2.5, 12))
    assert grown.state == "drifting" and grown.text().endswith("requests/s")
    assert steady(first, second, slopes=np.linspace(-2.5, -1.5, 12)).state == "steady", (
        "a backlog that drains is served"
    )


def test_the_slope_of_a_line_is_its_slope() -> None:
    assert slope(SECONDS, 3.0 + 2.5 * SECONDS) == pytest.approx(2.5)
    assert math.isnan(slope([1.0, 1.0], [1.0, 2.0]))


def test_halves_are_halves_of_time_and_leave_failures_out() -> None:
    at = np.array([0.0, 1.0, 2.0, 3.0, 9.0, 10.0])
    assert halves(at, np.array([1.0, 1.0, 1.0, math.nan, 5.0, 7.0])) == (1.0, 6.0)
    assert halves(at, at + 1, statistic=lambda part: float(part.max())) == (4.0, 11.0)
    with pytest.raises(UsageError, match="half of the window is empty: 0 and 2"):
        halves(at, [math.nan] * 4 + [1.0, 1.0])
    with pytest.raises(UsageError, match="a moment for each value"):
        slope([1.0], [1.0])


def test_steady_blocks_are_called_drifting_one_time_in_twenty() -> None:
    rng = np.random.default_rng(8)
    first, second = np.exp(rng.normal(0, 0.1, (2, 150, 8)))
    drifting = [steady(a, b).state == "drifting" for a, b in zip(first, second, strict=True)]
    assert 0.02 <= np.mean(drifting) <= 0.09
