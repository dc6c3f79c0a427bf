"""Verdicts by rule: the interval and the margin decide, and nothing else does."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imlab.errors import UsageError
from imlab.lab.claims.claim import Better, Claim, Endpoint, Evidence, Verdict, changed, exact, measured, voided
from imlab.lab.statistics.effect import paired
from imlab.lab.statistics.intervals import Interval

FINITE = st.floats(-1e6, 1e6)


def found(low: float, high: float, narrow: tuple[float, float] | None = None, name: str = "speed") -> Evidence:
    """Evidence with this 95 % interval; the 90 % one is a fifth narrower unless it is given."""
    middle, half = (low + high) / 2, 0.4 * (high - low)
    inner = narrow or (middle - half, middle + half)
    return Evidence(name, Interval(middle, low, high, 12, "made"), Interval(middle, *inner, 12, "made", 0.9), "q/run")


def claim(*endpoints: Endpoint, own: Sequence[Evidence] = (), void: str = "") -> Claim:
    return Claim("C1", "it is faster", "somewhere", endpoints, "much", "blocks", "A/A", tuple(own), void)


def endpoint(better: Better = "lower", said: float = 0.0, margin: float = 3.0, name: str = "speed") -> Endpoint:
    return Endpoint(name, "time, new against old", "%", better, margin, said, study="q01_time")


CASES: list[tuple[str, Better, float, tuple[float, float], Verdict]] = [
    ("wholly lower", "lower", 0, (-20, -10), "supported"),
    ("wholly higher", "lower", 0, (10, 20), "refuted"),
    ("across zero and wide", "lower", 0, (-20, 10), "inconclusive"),
    ("within the margin", "lower", 0, (-2, 1), "equivalent"),
    ("seen, and within the margin", "lower", 0, (-2, -1), "equivalent"),
    ("the other side", "higher", 0, (10, 20), "supported"),
    ("the other side, refuted", "higher", 0, (-20, -10), "refuted"),
    ("as large as said", "lower", -80, (-82, -78), "supported"),
    ("larger than said", "lower", -80, (-95, -90), "supported"),
    ("a fifth is no four fifths", "lower", -80, (-22, -18), "refuted"),
    ("it may be as large", "lower", -80, (-85, -60), "inconclusive"),
    ("larger than said, and opposite", "lower", -80, (70, 90), "refuted"),
    ("nothing at all", "lower", -80, (-1, 1), "equivalent"),
    ("as high as said", "higher", 79.2, (77, 90), "supported"),
    ("not as high", "higher", 79.2, (20, 40), "refuted"),
    ("the value itself", "same", 640, (639, 642), "supported"),
    ("another value", "same", 640, (256, 256), "refuted"),
    ("perhaps the value", "same", 640, (630, 650), "inconclusive"),
    ("no difference, as said", "same", 0, (-1, 2), "supported"),
]


@pytest.mark.parametrize(("better", "said", "ends", "verdict"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
def test_the_verdict_by_rule(better: Better, said: float, ends: tuple[float, float], verdict: Verdict) -> None:
    judged = claim(endpoint(better, said)).judge([found(*ends)])
    assert judged.verdict == verdict, judged.text()


def test_equivalence_asks_the_narrow_interval() -> None:
    assert claim(endpoint()).judge([found(-4, 4, narrow=(-2.9, 2.9))]).verdict == "equivalent"
    assert claim(endpoint()).judge([found(-4, 4, narrow=(-3.1, 2.9))]).verdict == "inconclusive"


@given(FINITE, st.floats(0, 1e3), st.sampled_from(["lower", "higher"]), st.floats(0, 100))
def test_mirrored_evidence_mirrors_a_direction(middle: float, half: float, better: Better, size: float) -> None:
    other: Better = "higher" if better == "lower" else "lower"
    said = size if better == "higher" else -size
    one = endpoint(better, said).verdict(*_both(middle - half, middle + half))
    assert one == endpoint(other, -said).verdict(*_both(-middle - half, half - middle))


@given(FINITE, st.floats(0, 1e3), st.floats(0.1, 100), st.sampled_from(["lower", "higher", "same"]))
def test_a_decided_claim_is_decided_by_its_whole_interval(
    middle: float, half: float, margin: float, better: Better
) -> None:
    effect, narrow = _both(middle - half, middle + half)
    verdict = endpoint(better, margin=margin).verdict(effect, narrow)
    if better != "same" and verdict in ("supported", "refuted"):
        assert effect.low > 0 or effect.high < 0
        assert (effect.low > 0) == ((better == "higher") == (verdict == "supported"))
    if better == "same" and verdict == "supported":
        assert max(abs(narrow.low), abs(narrow.high)) < margin


@given(st.sampled_from([(-20.0, -10.0), (10.0, 20.0), (-1.0, 1.0)]), st.sampled_from(["lower", "higher", "same"]))
def test_without_an_interval_nothing_is_decided(ends: tuple[float, float], better: Better) -> None:
    few = Interval(sum(ends) / 2, math.nan, math.nan, 4, "n=4: no interval")
    judged = claim(endpoint(better)).judge([Evidence("speed", few, few)])
    assert judged.verdict == "inconclusive" and "n=4: no interval" in judged.text()


HOLDS, FALLS, NOTHING, UNSURE = (-20, -10), (10, 20), (-1, 1), (-20, 10)


@pytest.mark.parametrize(
    ("ends", "verdict"),
    [
        ([HOLDS, HOLDS], "supported"),
        ([HOLDS, FALLS], "refuted"),
        ([FALLS, NOTHING], "refuted"),
        ([HOLDS, NOTHING], "equivalent"),
        ([HOLDS, UNSURE], "inconclusive"),
        ([UNSURE, None], "inconclusive"),
        ([HOLDS, None], "inconclusive"),
        ([FALLS, None], "refuted"),
        ([None, None], "not yet tried"),
    ],
    ids=repr,
)
def test_a_claim_stands_when_all_of_it_does(ends: list[tuple[float, float] | None], verdict: Verdict) -> None:
    both = claim(endpoint(name="a"), endpoint(name="b"))
    evidence = [found(*pair, name=name) for name, pair in zip("ab", ends, strict=True) if pair]
    assert both.judge(evidence).verdict == both.judge(evidence[::-1]).verdict == verdict


def test_what_is_not_tried_says_whose_turn_it_is() -> None:
    assert "no run of q01_time speaks of it" in claim(endpoint()).judge().text()
    assert "no study judges it yet" in claim(Endpoint("speed", "time", "%", "lower", 3.0)).judge().text()
    half = claim(endpoint(name="a"), endpoint(name="b")).judge([found(-20, -10, name="a")])
    assert half.text().startswith("b: holds so far; no run of q01_time")


def test_void_is_told_with_its_reason() -> None:
    judged = claim(endpoint()).judge([voided("speed", "9 of 12 blocks were rejected")])
    assert (judged.verdict, judged.reason) == ("void", "9 of 12 blocks were rejected")
    judged = claim(endpoint(), void="no clock here is fine enough").judge([found(-20, -10)])
    assert (judged.verdict, judged.reason) == ("void", "no clock here is fine enough")


def test_a_size_that_is_missed_is_not_reproduced() -> None:
    told = claim(endpoint("lower", -80)).judge([found(-45, -35)]).text()
    assert told == "speed: not reproduced: -40 [-45, -35] %; claimed -80 %, margin 3 %"
    assert "not reproduced" not in claim(endpoint("lower", -80)).judge([found(-85, -79)]).text()


def test_arithmetic_needs_no_run() -> None:
    sums = claim(endpoint("same", 640, 19.2), own=[exact("speed", 256.0)])
    assert sums.judge().verdict == "refuted"
    assert sums.judge().text() == "speed: 256 %, by arithmetic; claimed 640 %, margin 19.2 %"


def test_evidence_from_blocks() -> None:
    values = [4.0, 5.0, 6.0, 5.0, 4.5, 5.5]
    told = measured("speed", values, "q/run")
    assert told.effect.estimate == 5.0 and told.effect.low < told.narrow.low < told.narrow.high < told.effect.high
    ratios = np.array([0.5, 0.52, 0.48, 0.51, 0.49, 0.5])
    change = changed("speed", paired(np.ones(6), ratios))
    assert -52 < change.effect.low < change.narrow.low < -50 < change.narrow.high < change.effect.high < -48
    assert claim(endpoint()).judge([change]).text().endswith("%; claimed lower, margin 3 %")


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: claim(), "needs endpoints"),
        (lambda: claim(endpoint(), endpoint()), "with different names"),
        (lambda: endpoint(margin=0), "the margin is positive"),
        (lambda: endpoint("lower", said=80), r"\+80 % is not lower"),
        (lambda: claim(endpoint()).judge([found(1, 2, name="sped")]), "no endpoint sped: there are speed"),
        (lambda: claim(endpoint()).judge([found(1, 2), found(-2, -1)]), "two pieces of evidence for one endpoint"),
    ],
)  # fmt: skip
def test_slips_are_refused(make: object, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        make()  # type: ignore[operator]


def _both(low: float, high: float) -> tuple[Interval, Interval]:
    made = found(low, high)
    return made.effect, made.narrow
