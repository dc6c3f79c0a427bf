"""Percentiles: the right observation, or a reason why there is none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imlab.errors import UsageError
from imlab.lab.record.quantiles import quantile, quantiles


@given(n=st.integers(1, 3_000), q=st.sampled_from([0.5, 0.9, 0.99]))
def test_a_percentile_is_printed_only_with_ten_observations_above_it(n: int, q: float) -> None:
    found = quantile(np.arange(n), q)
    if found.value is None:
        assert n * (1 - q) < 10 and "n too small" in found.withheld
    else:
        assert (np.arange(n) > found.value).sum() >= 10
        assert (np.arange(n) <= found.value).mean() >= q


def test_the_needed_number_is_told() -> None:
    assert quantile(np.ones(999), 0.99).text() == "withheld: n too small (999, needs 1000)"
    assert quantile(np.ones(1000), 0.99).text(1e3, "ms") == "1e+03 ms"


@pytest.mark.parametrize(
    ("lag", "latency", "withheld"),
    [
        (1e-4, 1e-4, ""),
        (3e-4, 1e-3, "generator late by 0.3 ms"),
        (3e-4, 4e-3, ""),
        (2e-3, 1e-2, "generator late by 2 ms"),
    ],
)
def test_a_late_generator_withholds_that_percentile_alone(lag: float, latency: float, withheld: str) -> None:
    assert quantile(np.full(100, latency), 0.5, np.full(100, lag)).withheld == withheld
    early = np.where(np.arange(2_000) < 1_960, 0.0, 0.01)  # late only in the tail
    median, tail = quantiles(np.full(2_000, 0.02), (0.5, 0.99), early)
    assert median.value == 0.02 and tail.value is None


def test_a_failed_request_takes_for_ever() -> None:
    values = np.where(np.arange(1_000) < 20, np.nan, 1.0)
    median, tail = quantiles(values, (0.5, 0.99))
    assert median.value == 1.0 and tail.withheld == "2.0% failed"


@pytest.mark.parametrize("q", [0.0, 1.0, -0.5, 50.0])
def test_a_quantile_lies_between_nothing_and_all(q: float) -> None:
    with pytest.raises(UsageError, match="between 0 and 1"):
        quantile([1.0], q)
