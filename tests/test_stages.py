"""Stages add up to the whole at every percentile, or there are none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imlab.errors import InvalidRun, UsageError
from imlab.lab.record.stages import take_apart

RNG = np.random.default_rng(5)
TAP = RNG.uniform(0, 100, 500)
SENT = TAP + RNG.exponential(0.01, 500)
HEARD = SENT + RNG.lognormal(-3, 1.0, 500)


@given(q=st.floats(0.01, 0.99))
def test_stages_at_a_percentile_sum_to_it(q: float) -> None:
    parts = take_apart({"tap": TAP, "sent": SENT, "heard": HEARD}).at(q)
    assert list(parts) == ["sent", "heard"]
    assert sum(parts.values()) == pytest.approx(np.quantile(HEARD - TAP, q, method="inverted_cdf"), rel=0.02)


def test_one_item_comes_apart_alone() -> None:
    stages = take_apart({"tap": 1.0, "sent": 1.25, "heard": 2.0}, names=["sending", "hearing"])
    assert stages.item(0) == {"sending": 0.25, "hearing": 0.75} == stages.at(0.5)


@pytest.mark.parametrize(
    ("stamps", "whole", "reason"),
    [
        ({"tap": TAP, "heard": HEARD}, (HEARD - TAP) * 1.03, "over 2 % apart"),
        ({"tap": TAP, "heard": HEARD}, np.roll(HEARD - TAP, 1), "over all items"),
        ({"tap": SENT, "sent": TAP, "heard": HEARD}, None, "'sent' lies .* before 'tap'"),
        ({"tap": TAP, "heard": np.where(TAP > 50, np.nan, HEARD)}, None, "no moment 'heard'"),
    ],
    ids=["gap", "mixed up", "backwards", "missing"],
)
def test_what_does_not_add_up_is_not_drawn(
    stamps: dict[str, np.ndarray], whole: np.ndarray | None, reason: str
) -> None:
    with pytest.raises(InvalidRun, match=reason):
        take_apart(stamps, whole)


def test_a_whole_measured_otherwise_may_differ_a_little() -> None:
    assert take_apart({"tap": TAP, "heard": HEARD}, (HEARD - TAP) * 1.01).seconds.shape == (500, 1)


@pytest.mark.parametrize("names", [[], ["one", "two"]])
def test_every_stage_has_one_name(names: list[str]) -> None:
    with pytest.raises(UsageError, match="cannot make"):
        take_apart({"tap": TAP, "heard": HEARD}, names=names)
