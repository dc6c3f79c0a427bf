"""Who did it: shares keep Shapley's axioms and sum to the whole, and known systems are found again."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from imlab.errors import UsageError
from imlab.lab.attribution.contrasts import contrasts, contrasts_of_logs
from imlab.lab.attribution.shapley import first_in, joining, last_in, shapley
from imlab.lab.attribution.shares import BY_SHAPLEY, Attribution, attribute
from imlab.lab.plan.design import Experiment, plan
from imlab.lab.plan.factorial import Full
from imlab.lab.plan.fraction import Fraction
from imlab.lab.statistics.intervals import mean_interval, student
from imlab.lab.statistics.ratio import UNSEEN, fieller, ratio_interval

Floats = NDArray[np.float64]

EXPERIMENTS = 4_000
NAMES = ("cache", "pool", "framing", "tls", "async", "region")
CELLS = np.array(list(itertools.product((0, 1), repeat=3)), dtype=np.float64)
# ln of a system whose three changes meddle: cache and pool do half the work twice, framing costs, and more with both
KNOWN = 5 - 1.2 * CELLS[:, 0] - 0.6 * CELLS[:, 1] + 0.1 * CELLS[:, 2] + CELLS[:, :2].prod(1) * 0.5 + CELLS.prod(1) * 0.3
SHARED = np.array([-1.2 + 0.25 + 0.1, -0.6 + 0.25 + 0.1, 0.1 + 0.1])  # an interaction is shared alike by those in it


def factors(count: int) -> dict[str, tuple[Any, ...]]:
    return dict.fromkeys(NAMES[:count], (False, True))


def frame(logs: Floats, count: int) -> pd.DataFrame:
    """Blocks by cells, as by_block gives it."""
    columns = pd.MultiIndex.from_product([[False, True]] * count, names=NAMES[:count])
    return pd.DataFrame(np.exp(logs), columns=columns)


def noisy(blocks: int, spread: float = 0.05, seed: int = 1, experiments: int = 0) -> Floats:
    """The known system with a mood for each block and noise for each cell."""
    rng = np.random.default_rng((seed, blocks))
    shape = (experiments, blocks) if experiments else (blocks,)
    found: Floats = KNOWN + rng.normal(0, 0.5, (*shape, 1)) + rng.normal(0, spread, (*shape, 8))
    return found


@st.composite
def games(draw: st.DrawFn, fewest: int = 1) -> tuple[int, Floats]:
    """Any values for the cells of up to six factors."""
    count = draw(st.integers(fewest, 6))
    return count, np.random.default_rng(draw(st.integers(0, 2**32))).normal(0, 3, 2**count)


@given(games())
def test_values_sum_to_the_whole(game: tuple[int, Floats]) -> None:
    count, values = game
    assert shapley(values).sum() == pytest.approx(values[-1] - values[0], abs=1e-12)
    for order in itertools.islice(itertools.permutations(range(count)), 20):
        assert joining(values, order).sum() == pytest.approx(values[-1] - values[0], abs=1e-12)


@given(games())
def test_a_value_is_the_mean_over_all_orders(game: tuple[int, Floats]) -> None:
    count, values = game
    orders = list(itertools.permutations(range(min(count, 4))))
    values = values[: 2 ** min(count, 4)]
    total = np.zeros(min(count, 4))
    for order in orders:
        total[list(order)] += joining(values, order)
    assert shapley(values) == pytest.approx(total / len(orders), abs=1e-12)


@given(games(2))
def test_symmetry(game: tuple[int, Floats]) -> None:
    """Who may be exchanged for each other gets the same."""
    count, values = game
    cube = values.reshape((2,) * count)
    even = ((cube + cube.swapaxes(0, 1)) / 2).reshape(-1)
    assert shapley(even)[0] == pytest.approx(shapley(even)[1], abs=1e-12)


@given(games(), st.floats(-2, 2))
def test_dummy(game: tuple[int, Floats], alone: float) -> None:
    """Who adds the same to everyone gets that, and nothing for nothing."""
    _, values = game
    beside = np.stack([values, values + alone], axis=-1).reshape(-1)
    assert shapley(beside) == pytest.approx([*shapley(values), alone], abs=1e-9)
    assert first_in(beside)[-1] == pytest.approx(alone) and last_in(beside)[-1] == pytest.approx(alone)


@given(games(), st.integers(0, 2**32))
def test_additivity(game: tuple[int, Floats], seed: int) -> None:
    """Two games played together give what they give apart."""
    _, values = game
    others = np.random.default_rng(seed).normal(0, 1, len(values))
    assert shapley(values + 2 * others) == pytest.approx(shapley(values) + 2 * shapley(others), abs=1e-9)


@given(games())
def test_it_does_not_matter_from_which_side_one_starts(game: tuple[int, Floats]) -> None:
    _, values = game
    assert shapley(-values[::-1]) == pytest.approx(shapley(values), abs=1e-12)
    assert first_in(-values[::-1]) == pytest.approx(last_in(values))


def test_gloves() -> None:
    """Two have a left glove, one a right, a pair is worth 1: the textbook's 1/6, 1/6 and 2/3."""
    pairs = np.array([min(left + other, right) for left, other, right in CELLS])
    assert shapley(pairs) == pytest.approx([1 / 6, 1 / 6, 2 / 3])
    assert (first_in(pairs).tolist(), last_in(pairs).tolist()) == ([0, 0, 0], [0, 0, 1])


def test_the_pilot_plant() -> None:
    """Box, Hunter and Hunter 2005, chapter 5: yields and the effects of temperature, concentration and catalyst."""
    yields = np.array([[60, 72, 54, 68, 52, 83, 45, 80]]).reshape(2, 2, 2).T.reshape(1, 8)  # theirs: first is fastest
    told = contrasts_of_logs(yields.astype(float), dict.fromkeys("TCK", (0, 1)))
    assert {one.name.replace(" × ", ""): one.effect.estimate for one in told} == {
        "T": 23.0, "C": -5.0, "K": 1.5, "TC": 1.5, "TK": 10.0, "CK": 0.0, "TCK": 0.5,
    }  # fmt: skip


def test_a_known_system_with_strong_interactions_is_found_again() -> None:
    found = attribute(frame(noisy(12, spread=0.0), 3), factors(3))
    ratios = [found.parts[name].shapley.ratio.estimate for name in NAMES[:3]]
    assert ratios == pytest.approx(np.exp(SHARED))
    shares = [found.parts[name].shapley.share for name in NAMES[:3]]
    assert [share.estimate for share in shares] == pytest.approx(SHARED / SHARED.sum())
    assert shares[2].estimate < 0 < shares[0].estimate, "who made it slower has a negative share"
    pool = found.parts["pool"]
    assert math.log(pool.first.ratio.estimate) == pytest.approx(-0.6)
    assert math.log(pool.last.ratio.estimate) == pytest.approx(-0.6 + 0.5 + 0.3), "the cache has done it already"
    told = {one.name: one.effect.estimate for one in found.contrasts}
    assert told["cache × pool × framing"] == pytest.approx(0.3 / 4)
    assert told["cache × pool"] == pytest.approx(0.5 / 2 + 0.3 / 4)
    assert told["cache"] == pytest.approx(-1.2 + 0.5 / 2 + 0.3 / 4)


@pytest.mark.parametrize("blocks", [1, 5, 6, 12, 30])
@pytest.mark.parametrize("order", [(), ("pool", "framing", "cache")])
def test_shares_sum_to_a_hundred_percent_and_steps_multiply_to_the_whole(blocks: int, order: tuple[str, ...]) -> None:
    found = attribute(frame(noisy(blocks, spread=0.3), 3), factors(3))
    fall = found.waterfall(order)
    assert math.fsum(step.share.estimate for step in fall.steps.values()) == pytest.approx(1.0, abs=1e-12)
    product = math.prod(step.ratio.estimate for step in fall.steps.values())
    assert product == pytest.approx(found.whole.estimate, rel=1e-12)
    assert fall.old * product == pytest.approx(fall.new, rel=1e-12)
    assert tuple(fall.steps) == (order or NAMES[:3]) and (fall.how == BY_SHAPLEY) == (not order)
    assert all(step.ratio.given == step.share.given == (blocks >= 6) for step in fall.steps.values())
    assert math.fsum(part.shapley.share.estimate for part in found.parts.values()) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("blocks", [6, 12])
def test_intervals_of_values_and_shares_cover(blocks: int, seed: int) -> None:
    logs = noisy(blocks, 0.2, seed, EXPERIMENTS)
    values = shapley(logs).swapaxes(-1, -2)  # experiment, factor, block
    whole = (logs[..., -1] - logs[..., 0])[:, None, :].repeat(3, axis=1)
    for truth, (_, low, high) in ((SHARED, student(values)), (SHARED / SHARED.sum(), fieller(values, whole))):
        covered = np.mean((low <= truth) & (truth <= high), axis=0)
        assert ((covered >= 0.93) & (covered <= 0.97)).all(), covered


def test_a_resampled_share_agrees_with_fiellers() -> None:
    rng = np.random.default_rng(7)
    whole = rng.normal(-1, 0.3, 40)
    part = whole * 0.3 + rng.normal(0, 0.1, 40)
    found, (ratio, low, high) = ratio_interval(part, whole), fieller(part, whole)
    assert found.method.startswith("percentile bootstrap") and found == ratio_interval(part, whole)
    assert found.estimate == pytest.approx(float(ratio))
    assert (found.low, found.high) == pytest.approx((float(low), float(high)), abs=0.015)


@pytest.mark.parametrize("blocks", [3, 6, 12, 29, 30, 40])
def test_a_share_of_a_whole_that_is_always_one_is_a_mean(blocks: int) -> None:
    part = np.random.default_rng(blocks).normal(0.3, 0.1, blocks)
    found, mean = ratio_interval(part, np.ones(blocks)), mean_interval(part)
    assert (found.estimate, found.low, found.high) == pytest.approx((mean.estimate, mean.low, mean.high), nan_ok=True)


def test_a_skewed_step_is_noted() -> None:
    logs = np.zeros((12, 2))
    logs[:, 1] = -2 - np.random.default_rng(4).lognormal(0.0, 1.0, 12)
    step = Attribution(factors(1), logs).parts["cache"].first
    assert step.ratio.note and step.changed().endswith(f"({step.ratio.note})") and not step.share.note


@given(st.floats(-3, 3), st.integers(6, 29))
def test_the_ends_of_fieller_are_where_student_says_zero(share: float, blocks: int) -> None:
    rng = np.random.default_rng(blocks)
    whole = rng.normal(2, 0.5, blocks)
    part = share * whole + rng.normal(0, 0.4, blocks)
    _, low, high = fieller(part, whole)
    assert low < high
    ends = [student(part - end * whole) for end in (low, high)]
    assert min(abs(ends[0][1]), abs(ends[0][2])) < 1e-9 and min(abs(ends[1][1]), abs(ends[1][2])) < 1e-9


def test_there_is_no_share_of_a_change_that_is_not_seen() -> None:
    rng = np.random.default_rng(3)
    found = attribute(frame(rng.normal(0, 0.2, (8, 4)), 2), factors(2))
    share = found.parts["cache"].shapley.share
    assert not share.given and share.method == UNSEEN
    assert found.parts["cache"].shapley.text().endswith(UNSEEN)
    assert not np.isfinite(fieller(rng.normal(0, 1, 8), np.resize([1.0, -1.0], 8))[1])
    assert math.isnan(ratio_interval([1.0, 2.0], [1.0, -1.0]).estimate), "a part of nothing"


def test_one_factor_is_all_of_it() -> None:
    table = pd.DataFrame({"old": [4.0] * 8, "new": [1.0, 1.1] * 4}).rename_axis(columns="cache")
    found = attribute(table, {"cache": ("old", "new")})
    for step in (found.parts["cache"].shapley, found.parts["cache"].first, found.parts["cache"].last):
        assert (step.share.low, step.share.estimate, step.share.high) == pytest.approx((1.0, 1.0, 1.0))
        assert step.ratio == found.whole


def test_cells_are_found_by_name_in_any_order_and_by_what_csv_makes_of_a_level() -> None:
    logs = noisy(8)
    plain = attribute(frame(logs, 3), factors(3))
    mixed = frame(logs, 3).iloc[:, ::-1].reorder_levels(["pool", "framing", "cache"], axis=1).rename(columns=str)
    assert list(map(tuple, mixed.columns))[:2] == [("True", "True", "True"), ("True", "False", "True")]
    again = attribute(mixed, factors(3))
    assert (plain.logs == again.logs).all()
    assert plain.waterfall() == again.waterfall()


def test_a_fraction_tells_sums_of_aliases() -> None:
    """Every contrast of a half is the signed sum of the effects of the whole that it names."""
    rng = np.random.default_rng(5)
    logs = rng.normal(0, 1, (8, 32))
    whole = {one.name: one.effect.estimate for one in contrasts_of_logs(logs, factors(5))}
    assert len(whole) == 31 and list(whole)[:5] == list(NAMES[:5])
    chosen = Fraction(("D=AB", "E=-AC"))
    told = contrasts(frame(logs, 5), factors(5), chosen)
    assert len(told) == 7 and [one.name for one in told][:5] == list(NAMES[:5])
    for one in told:
        total = sum(-whole[name[1:]] if name[0] == "-" else whole[name] for name in (one.name, *one.aliases))
        assert one.effect.estimate == pytest.approx(total), one.text()
    assert told[0].text().startswith("cache = pool × tls = -framing × async = -cache × pool × framing × tls × async: ")


def test_the_cells_of_a_plan_are_the_columns_of_a_table() -> None:
    """From the experiment to the fraction's contrasts through the table that a run's rows give."""

    def attempt(_trial: Any) -> Any:
        yield {}

    experiment = Experiment("q99_half", "Who?", "Me.", attempt, factors(3), design=Fraction(("C=AB",)))
    effects = np.array([0.5, -1.0, 0.0])
    rows = [
        {"block": trial.block, **trial.labels, "wait_s": math.exp(effects @ list(map(int, trial.settings.values())))}
        for trial in plan(experiment, "full").trials
    ]
    table = pd.DataFrame(rows).pivot_table(index="block", columns=list(factors(3)), values="wait_s")
    told = contrasts(table, factors(3), Fraction(("C=AB",)))
    assert [one.effect.estimate for one in told] == pytest.approx(effects, abs=1e-12)
    assert [one.change.estimate for one in told] == pytest.approx(np.expm1(effects), abs=1e-12)


def test_rows_for_a_table_are_percent() -> None:
    rows = attribute(frame(noisy(8), 3), factors(3)).rows()
    assert [row["factor"] for row in rows] == list(NAMES[:3])
    assert sum(float(row["shapley_share_percent"]) for row in rows) == pytest.approx(100)
    assert all(row["first_in_change_low_percent"] < row["first_in_change_percent"] for row in rows)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("ask", "reason"),
    [
        (lambda: attribute(frame(noisy(6), 3), factors(3), Fraction(("C=AB",))), "shares need every cell"),
        (lambda: attribute(frame(noisy(6), 3).iloc[:, ::2], factors(3)), "4 of 8 cells are not in the table: False, "),
        (lambda: attribute(frame(noisy(6), 3), factors(2)), "not by the factors"),
        (lambda: attribute(frame(np.full((6, 8), np.nan), 3), factors(3)), "positive value for each"),
        (lambda: attribute(frame(np.full((6, 8), -np.inf), 3), factors(3)), "positive value for each"),
        (lambda: attribute(frame(noisy(6)[:0], 3), factors(3)), "positive value for each"),
        (lambda: attribute(frame(noisy(6), 3), factors(3) | {"pool": (1, 2, 3)}), "two levels, old and new; see pool"),
        (lambda: attribute(frame(noisy(6), 3).iloc[:, [0, *range(8)]], factors(3)), "two columns"),
        (lambda: attribute(pd.DataFrame(), {}), "1 to 6 factors"),
        (lambda: attribute(pd.DataFrame(), {str(n): (0, 1) for n in range(7)}, Full()), "1 to 6 factors, not 7"),
        (lambda: attribute(frame(noisy(6), 3), factors(3)).waterfall(("cache", "pool")), "each factor once"),
        (lambda: ratio_interval([1.0], [1.0, 2.0]), "of the same blocks"),
    ],
)
def test_what_cannot_be_attributed_is_refused(ask: Any, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        ask()


def test_an_attribution_can_be_made_of_logs() -> None:
    logs = noisy(7)
    assert Attribution(factors(3), logs).whole == attribute(frame(logs, 3), factors(3)).whole
