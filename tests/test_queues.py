"""A service as queues: the quick way is the plain way, both are what formulas say, and the region is what it claims."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imlab.errors import UsageError
from imlab.lab.known.systems import Queue
from imlab.lab.known.theory import Steady as Theory
from imlab.studies.architectures.costs import (
    CHANGES,
    NEW_HITS,
    OLD_HITS,
    Cpu,
    Far,
    Hits,
    Side,
    mixed,
    new_side,
    old_side,
)
from imlab.studies.architectures.model import Between, Closed, Cost, Fixed, Fleet, Load, Memoryless, Node, Open, Work
from imlab.studies.architectures.plainly import play_plainly
from imlab.studies.architectures.predicted import predict
from imlab.studies.architectures.region import BOX, FALL, first_order, region
from imlab.studies.architectures.simulated import draw, play, simulate
from imlab.studies.architectures.theory import crowd, most

pytestmark = pytest.mark.slow

TIMES = st.one_of(st.floats(0.0, 0.02).map(Fixed), st.floats(1e-4, 0.02).map(Memoryless), st.just(Between(0.001, 0.03)))
SOME = TIMES.filter(lambda time: time.mean_s >= 1e-4)  # who takes none ties with his neighbour
COSTS = st.builds(Cost, SOME, SOME, TIMES, TIMES, st.sampled_from([0, 0, 5]))
WORKS = st.lists(COSTS, min_size=1, max_size=3).map(lambda costs: Work(tuple((1 / len(costs), one) for one in costs)))
LOADS: st.SearchStrategy[Load] = st.one_of(
    st.floats(5.0, 400.0).map(Open), st.builds(Closed, st.integers(1, 20), st.floats(1e-3, 0.1).map(Memoryless))
)
FLEETS = st.builds(
    Fleet,
    st.builds(Node, st.integers(1, 3), st.sampled_from([None, 1, 4])),
    st.integers(1, 3),
    st.sampled_from([None, 1, 3]),
)


def one_kind(cost: Cost) -> Work:
    """All requests alike."""
    return Work(((1.0, cost),))


@settings(max_examples=60)
@given(FLEETS, WORKS, LOADS, st.integers(0, 2**32))
def test_the_quick_way_is_the_plain_way(fleet: Fleet, work: Work, load: Load, seed: int) -> None:
    drawn = draw(work, load, 120, seed)
    quick, plain = play(fleet, drawn, load), play_plainly(fleet, drawn, load)
    np.testing.assert_allclose(quick.came, plain.came, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(quick.left, plain.left, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("servers", [1, 4])
@pytest.mark.parametrize("busy", [0.3, 0.8])
def test_cores_are_the_queue_of_the_formula(servers: int, busy: float) -> None:
    service_s = 0.004
    rate = busy * servers / service_s
    seen = simulate(Fleet(Node(servers)), one_kind(Cost(Memoryless(service_s))), Open(rate), 200_000, seed=1)
    theory = Theory(Queue(servers, service_s), rate)
    assert seen.mean_s == pytest.approx(theory.mean_s, rel=0.05)
    assert seen.quantile_s(0.99) == pytest.approx(theory.quantile(0.99), rel=0.10)
    assert seen.busy == pytest.approx(busy, rel=0.02)


def test_threads_that_only_wait_are_servers() -> None:
    threads, far_s, rate = 8, 0.02, 300.0
    seen = simulate(
        Fleet(Node(64, threads)), one_kind(Cost(Fixed(), wait=Memoryless(far_s))), Open(rate), 200_000, seed=2
    )
    assert seen.mean_s == pytest.approx(Theory(Queue(threads, far_s), rate).mean_s, rel=0.05)


@pytest.mark.parametrize("users", [1, 5, 40])
def test_a_closed_loop_is_the_repairman_of_the_books(users: int) -> None:
    work, load = one_kind(Cost(Memoryless(0.005))), Closed(users, Memoryless(0.1))
    seen = simulate(Fleet(Node()), work, load, 120_000, seed=3)
    assert seen.mean_s == pytest.approx(float(crowd(Node(), work, load).mean_s()[0]), rel=0.04)
    assert users == pytest.approx(seen.rate * (seen.mean_s + 0.1), rel=0.02)  # Little


@pytest.mark.parametrize("threads", [4, 32, None])
@pytest.mark.parametrize("users", [10, 182])
def test_the_formula_of_the_region_is_near_the_simulation(threads: int | None, users: int) -> None:
    side = Side(Cpu(0.001, 0.0014, 0.0018, 0.002), OLD_HITS, threads)
    work, load = side.work(Far()), Closed(users, Memoryless(0.17))
    seen = simulate(Fleet(side.node), work, load, 60_000, seed=4)
    assert float(crowd(side.node, work, load).mean_s()[0]) == pytest.approx(seen.mean_s, rel=0.12)


@pytest.mark.parametrize("threads", [4, 32, None])
def test_nothing_carries_more_than_its_most(threads: int | None) -> None:
    side = Side(Cpu(0.001, 0.0014, 0.0018, 0.002), OLD_HITS, threads)
    limit = most(side.node, side.work(Far()))
    seen = simulate(Fleet(side.node), side.work(Far()), Closed(600, Memoryless(0.01)), 60_000, seed=5)
    assert 0.9 * limit < seen.rate < 1.03 * limit


@settings(max_examples=25)
@given(st.sampled_from(["hit_s", "miss_s", "send_s"]), st.floats(1.2, 3.0), st.integers(0, 2**32))
def test_what_costs_more_is_no_quicker(dearer: str, factor: float, seed: int) -> None:
    cpu = Cpu(0.001, 0.001, 0.002, 0.002)
    more = Cpu(**{name: getattr(cpu, name) * (factor if name == dearer else 1) for name in Cpu.__slots__})
    load = Closed(40, Fixed(0.05))
    means = [
        simulate(Fleet(Node()), Side(one, Hits(0.6), None).work(Far()), load, 4_000, seed).mean_s for one in (cpu, more)
    ]
    assert means[1] > means[0] * 0.999


def test_single_flight_reads_once_for_all_who_wait() -> None:
    work = [one_kind(Cost(Fixed(), wait=Fixed(0.1), database=Fixed(0.01), notes=notes)) for notes in (0, 1)]
    alone, shared = (simulate(Fleet(Node(), 1, 1), one, Open(50.0), 4_000, seed=6) for one in work)
    assert shared.mean_s < 0.11 <= alone.quantile_s(0.0) + 1e-9
    assert shared.quantile_s(1.0) <= 0.11 + 1e-9


def test_the_same_seed_is_the_same_and_a_change_leaves_the_rest() -> None:
    old, new = old_side(), new_side()
    first, again = (draw(old.work(Far()), Open(100.0), 500, seed=7) for _ in range(2))
    assert all(np.array_equal(getattr(first, name), getattr(again, name)) for name in ("before", "wait", "pause"))
    other = draw(new.work(Far()), Open(100.0), 500, seed=7)
    assert np.array_equal(first.pause, other.pause)


def test_all_changes_are_the_new_side() -> None:
    assert mixed(old_side(), new_side(), frozenset()) == old_side()
    assert mixed(old_side(), new_side(), frozenset(CHANGES)) == new_side()
    with pytest.raises(UsageError, match="magic"):
        mixed(old_side(), new_side(), frozenset({"magic"}))


def test_a_region_fills_its_box_evenly_and_says_what_it_counts() -> None:
    found = region(512, seed=8)
    for name, one in BOX.items():
        shares = np.log(found.points[name] / one.least) / np.log(one.most / one.least)
        assert shares.min() >= -0.2 and shares.max() <= 1.2
        if not one.whole:  # one point in each of so many strips
            assert len(np.unique(np.floor(shares * 512).clip(0, 511))) >= 500
    assert np.array_equal(found.reaches, 1 - found.after_s / found.before_s >= FALL - 1e-12)
    assert not (found.fits & ~found.meets).any()


def test_what_decides_alone_explains_all_and_noise_nothing() -> None:
    rng = np.random.default_rng(9)
    one, other = rng.random(4_000), rng.random(4_000)
    assert first_order(one, one**2) > 0.97
    assert first_order(other, one) < 0.02
    assert first_order(one, one + other) == pytest.approx(0.5, abs=0.05)


def test_a_prediction_knows_its_error() -> None:
    told = predict(new_side(), NEW_HITS, Open(100.0), requests=4_000, seeds=(1, 2))
    assert told.p50_s < told.mean_s < told.p99_s
    assert told.rate == pytest.approx(100.0, rel=0.1)
    assert told.error(told.mean_s / 1.1) == pytest.approx(0.1)
    with pytest.raises(UsageError):
        told.error(0.0)
