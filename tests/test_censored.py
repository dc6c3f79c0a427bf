"""What is only a bound bounds, and is never a number: with the promised coverage, whatever cut the blocks short."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from imlab.errors import UsageError
from imlab.lab.plots.load_curve import Capacity, Offered, load_curve
from imlab.lab.statistics.censored import Bound, compared, sustained
from imlab.lab.statistics.effect import paired
from imlab.lab.statistics.intervals import mean_interval, median_interval

RATES = np.array([400.0, 410.0, 420.0, 430.0, 440.0, 450.0, 460.0, 470.0, 480.0, 490.0, 500.0, 510.0])


def bounds(*kinds: tuple[Bound, int]) -> list[Bound]:
    """So many blocks of each kind."""
    return [kind for kind, count in kinds for _ in range(count)]


def test_exact_blocks_have_the_geometric_mean_and_its_interval() -> None:
    found = sustained(RATES, bounds(("exact", 12)))
    assert found.rate == mean_interval(np.log(RATES)).map(math.exp)
    assert found.censored == 0 and found.text().startswith("453.7 [")


TOLD: dict[str, tuple[list[Bound], str]] = {
    "six bounds from below": (bounds(("at least", 6)), ">= 400/s (6 of 6 blocks are bounds)"),
    "six bounds from above": (bounds(("below", 6)), "< 450/s (6 of 6 blocks are bounds)"),
    "one of six": (bounds(("exact", 5), ("at least", 1)), ">= 400/s (1 of 6 blocks are bounds)"),
    "one on each side": (
        bounds(("below", 1), ("exact", 4), ("at least", 1)),
        "no number: bounds on both sides (2 of 6 blocks are bounds)",
    ),
    "one of twelve leaves both ends": (
        bounds(("exact", 11), ("at least", 1)),
        "455 [420, 490]/s (1 of 12 blocks are bounds)",
    ),
    "most of twelve": (bounds(("exact", 3), ("at least", 9)), ">= 420/s (9 of 12 blocks are bounds)"),
    "too few": (bounds(("exact", 2), ("at least", 1)), "400/s, 410/s, >= 420/s (n=3: no interval)"),
}


@pytest.mark.parametrize("case", TOLD)
def test_bounds_are_told_as_bounds(case: str) -> None:
    kinds, text = TOLD[case]
    assert sustained(RATES[: len(kinds)], kinds).text() == text


@given(some.lists(some.floats(1.0, 1e6), min_size=6, max_size=40), some.data())
def test_an_interval_of_bounds_holds_that_of_the_blocks_themselves(true: list[float], data: some.DataObject) -> None:
    """Whatever cuts which block short, and however far."""
    kinds: list[Bound] = [data.draw(some.sampled_from(["exact", "at least", "below"])) for _ in true]
    cuts = np.array([data.draw(some.floats(1.0, 100.0)) for _ in true])
    powers = np.select([np.array(kinds) == "at least", np.array(kinds) == "below"], [-1.0, 1.0], 0.0)
    found = sustained(true * cuts**powers, kinds).rate
    if set(kinds) != {"exact"}:
        whole = median_interval(np.log(true)).map(math.exp)
        assert found.low <= whole.low * (1 + 1e-9) and whole.high <= found.high * (1 + 1e-9)


@pytest.mark.parametrize("n", [6, 8, 12, 30])
@pytest.mark.parametrize("limit", [-1.0, 0.0, 1.0], ids=["mostly cut", "half cut", "rarely cut"])
def test_the_low_end_is_below_the_median_as_often_as_promised(n: int, limit: float) -> None:
    """Log-normal capacities, the generator's limit drawn around a place of them: 97.5 % one-sided, or more."""
    rng = np.random.default_rng((n, int(limit + 1)))
    held, experiments = 0, 300
    for _ in range(experiments):
        true, most = rng.normal(0.0, 1.0, n), limit + rng.normal(0.0, 0.3, n)
        kinds: list[Bound] = ["at least" if cut else "exact" for cut in (true > most).tolist()]
        held += sustained(np.exp(np.minimum(true, most)), kinds).rate.low <= 1.0
    assert held / experiments > 0.975 - 3 * math.sqrt(0.025 * 0.975 / experiments)


def test_exact_blocks_are_compared_as_any_others() -> None:
    exact = bounds(("exact", 12))
    found, known = compared(RATES, exact, RATES[::-1] * 1.5, exact), paired(RATES, RATES[::-1] * 1.5, better="higher")
    for mine, other in ((found.change, known.change), (found.narrow, known.narrow)):
        assert (mine.estimate, mine.low, mine.high) == pytest.approx((other.estimate, other.low, other.high))
    assert found.verdict == known.verdict == "faster"


OLD, EXACT, MORE, LESS = RATES[:6], bounds(("exact", 6)), bounds(("at least", 6)), bounds(("below", 6))
VERDICTS = {
    "equal": (EXACT, 1.0, EXACT, "equivalent", "+0.0 % [+0.0, +0.0]: equivalent"),
    "new is at least more": (EXACT, 1.2, MORE, "faster", ">= +20.0 % (6 of 6 blocks are bounds): faster"),
    "new is at least less": (EXACT, 0.8, MORE, "inconclusive", ">= -20.0 % (6 of 6 blocks are bounds): inconclusive"),
    "old is at least more": (MORE, 0.8, EXACT, "slower", "<= -20.0 % (6 of 6 blocks are bounds): slower"),
    "old is at least less": (MORE, 1.2, EXACT, "inconclusive", "<= +20.0 % (6 of 6 blocks are bounds): inconclusive"),
    "both at least": (MORE, 1.2, MORE, "inconclusive", "no number (6 of 6 blocks are bounds): inconclusive"),
    "new is below": (EXACT, 0.8, LESS, "slower", "<= -20.0 % (6 of 6 blocks are bounds): slower"),
    "old is below": (LESS, 1.2, EXACT, "faster", ">= +20.0 % (6 of 6 blocks are bounds): faster"),
    "old below, new at least": (LESS, 1.2, MORE, "faster", ">= +20.0 % (6 of 6 blocks are bounds): faster"),
    "both below": (LESS, 1.2, LESS, "inconclusive", "no number (6 of 6 blocks are bounds): inconclusive"),
}


@pytest.mark.parametrize("case", VERDICTS)
def test_a_bound_gives_a_verdict_only_from_its_own_side(case: str) -> None:
    before, ratio, after, verdict, text = VERDICTS[case]
    found = compared(OLD, before, OLD * ratio, after)
    assert (found.verdict, found.text()) == (verdict, text)


MARKED: dict[str, tuple[list[Bound], str, str]] = {
    "an interval": (bounds(("exact", 6)), "425 [405, 445] requests/s", "425/s"),
    "at least": (bounds(("at least", 6)), "at least 400 (97.5 % bound) requests/s", "≥ 400/s"),
    "below": (bounds(("below", 6)), "below 450 (97.5 % bound) requests/s", "< 450/s"),
    "too few blocks": (bounds(("exact", 1), ("at least", 2)), "at least 400 (n=3: no interval) requests/s", "≥ 400/s"),
}


@pytest.mark.parametrize("case", MARKED)
def test_a_load_curve_marks_a_bound_as_a_bound(case: str) -> None:
    kinds, text, label = MARKED[case]
    capacity = Capacity.over(sustained(RATES[: len(kinds)], kinds))
    assert capacity.text() == text
    curve = load_curve({"one": [Offered(100.0, mean_interval([0.02]))]}, "Load", 0.05, {"one": capacity})
    assert text in curve.alt and label in [words.get_text() for words in curve.figure.axes[0].texts]


def test_bounds_on_both_sides_cannot_be_marked() -> None:
    with pytest.raises(UsageError, match="no capacity to mark"):
        Capacity.over(sustained(OLD, bounds(("below", 1), ("exact", 4), ("at least", 1))))


def test_one_bound_of_twelve_leaves_the_effect_two_ends() -> None:
    found = compared(RATES, bounds(("exact", 12)), RATES * 1.2, bounds(("exact", 11), ("at least", 1)))
    assert (found.verdict, found.text()) == ("faster", "+20.0 % [+20.0, +20.0] (1 of 12 blocks are bounds): faster")


def test_a_block_of_which_nothing_is_known_widens_and_nothing_else() -> None:
    rates = np.array([0.0, *RATES[:5]])
    kinds = bounds(("at least", 1), ("exact", 5))
    assert sustained(rates, kinds).text() == "no number: bounds on both sides (1 of 6 blocks are bounds)"
    assert compared(rates, kinds, rates, kinds).verdict == "inconclusive"


@pytest.mark.parametrize(
    ("rates", "kinds"),
    [([], []), ([1.0], ["exact", "exact"]), ([1.0], ["about"]), ([0.0], ["exact"]), ([math.inf], ["at least"])],
    ids=["none", "uneven", "unknown kind", "nothing exactly", "infinite"],
)
def test_what_is_no_rate_is_refused(rates: list[float], kinds: list[Bound]) -> None:
    with pytest.raises(UsageError):
        sustained(rates, kinds)


def test_as_many_old_as_new_blocks() -> None:
    with pytest.raises(UsageError, match="6 and 12"):
        compared(OLD, EXACT, RATES, bounds(("exact", 12)))
