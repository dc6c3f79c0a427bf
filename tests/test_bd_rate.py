"""The Bjontegaard delta rate: known answers, and a reason where there is none."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imlab.audio.quality.bd_rate import Point, bd_rate, front
from imlab.errors import InvalidRun


def curve(rates: Sequence[float], qualities: Sequence[float]) -> list[Point]:
    return [Point(rate, quality) for rate, quality in zip(rates, qualities, strict=True)]


KNOWN = [  # percent: package bjontegaard 1.3.0 (Erlangen), method "pchip"
    (
        curve([686.76, 309.58, 157.11, 85.95], [40.28, 37.18, 34.24, 31.42]),
        curve([893.34, 407.8, 204.93, 112.75], [40.39, 37.21, 34.17, 31.24]),
        31.379878202397627,
    ),
    (
        curve([9487.76, 4593.60, 2486.44, 1358.24], [40.037, 38.615, 36.845, 34.851]),
        curve([9787.80, 4469.00, 2451.52, 1356.24], [40.121, 38.651, 36.970, 34.987]),
        -4.417485350589045,
    ),
    (
        curve([6000, 8000, 12000, 16000, 24000], [2.01, 2.55, 3.72, 4.09, 4.32]),
        curve([12650, 15850, 19850, 23050, 23850], [3.33, 3.52, 3.65, 3.74, 3.76]),
        51.35750651339808,
    ),
]


@pytest.mark.parametrize(("anchor", "other", "percent"), KNOWN)
def test_known_answers(anchor: list[Point], other: list[Point], percent: float) -> None:
    assert bd_rate(anchor, other).percent == pytest.approx(percent, rel=1e-9)
    assert bd_rate(anchor[::-1], other[::-1]) == bd_rate(anchor, other)
    back = bd_rate(other, anchor).percent
    assert (1 + back / 100) * (1 + percent / 100) == pytest.approx(1)


@given(factor=st.floats(0.1, 10))
def test_a_codec_that_always_costs_so_many_times_more_costs_so_many_times_more(factor: float) -> None:
    anchor = KNOWN[2][0]
    result = bd_rate(anchor, [Point(point.rate * factor, point.quality) for point in anchor])
    assert result.percent == pytest.approx(100 * (factor - 1), abs=1e-6)
    assert (result.low, result.high, result.share) == (2.01, 4.32, 1.0)


def test_only_what_both_reach_is_compared() -> None:
    anchor, other, _ = KNOWN[2]
    result = bd_rate(anchor, other)
    assert (result.low, result.high) == (3.33, 3.76)
    assert result.share == pytest.approx((3.76 - 3.33) / (4.32 - 2.01))


GOOD = curve([1, 2, 3, 4], [1, 2, 3, 4])


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (curve([1, 2, 3, 4], [4, 5, 6, 7]), "do not overlap: one reaches 1 to 4, the other 4 to 7"),
        (GOOD[:3], "needs 4 points, the other has 3"),
        ([], "needs 4 points"),
        (curve([0, 2, 3, 4], [1, 2, 3, 4]), "above zero"),
        (curve([1, 2, 3, 4], [1, 2, float("nan"), 4]), "finite"),
        (curve([1, 2, 3, 4], [1, 3, 2, 4]), r"does not rise from 2 \(quality 3\) to 3 \(quality 2\)"),
        (curve([1, 2, 2, 4], [1, 2, 3, 4]), "does not rise from 2"),
    ],
)
def test_no_answer_has_a_reason(other: list[Point], why: str) -> None:
    with pytest.raises(InvalidRun, match=why):
        bd_rate(GOOD, other)


@given(st.lists(st.builds(Point, st.integers(1, 20), st.integers(1, 20))))
def test_the_front_is_what_nothing_cheaper_equals(points: list[Point]) -> None:
    kept = front(points)
    undominated = {
        point
        for point in points
        if not any(one != point and one.rate <= point.rate and one.quality >= point.quality for one in points)
    }
    assert set(kept) == undominated and list(kept) == sorted(kept, key=lambda point: point.rate)
