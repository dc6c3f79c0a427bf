"""Laws of what befalls packets on a link; statistics with bounds that a right Course breaks once in a million runs."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from math import inf, isclose, sqrt
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imlab.net.fate.course import Course, Fate
from imlab.net.fate.losses import GilbertElliott, Loss, LossModel
from imlab.net.fate.outages import Calendar, Periodic, RandomOutages, Spans
from imlab.net.fate.ratetrace import Meter, RateTrace
from imlab.net.links import Link, Reordering

pytestmark = pytest.mark.slow

SIGMAS = 5  # of a normal: one false alarm in two million
TRACE = RateTrace(((1.0, 4e4), (0.5, 0.0), (2.0, 1e5)))

losses = st.just(0.0) | st.floats(0, 1) | st.builds(GilbertElliott, st.floats(0.01, 1), st.floats(0.01, 1))
outages = st.just(()) | st.builds(Spans, st.just(((0.5, 1.5), (3.0, 4.0)))) | st.just(Periodic(2, 0.5))
links = st.builds(
    Link,
    delay=st.floats(0, 2),
    jitter=st.just(0.0) | st.floats(0, 1),
    rate=st.just(inf) | st.floats(1e3, 1e7) | st.just(TRACE),
    loss=losses,
    queue=st.just(inf) | st.floats(0, 1e5),
    duplication=st.just(0.0) | st.floats(0, 1),
    reordering=st.none() | st.builds(Reordering, st.floats(0, 1), st.floats(0.001, 1)),
    outages=outages | st.builds(RandomOutages, st.floats(0.1, 5), st.floats(0.1, 5)),
)
packets = st.lists(st.tuples(st.just(0.0) | st.floats(0, 0.5), st.integers(1, 65_535)), min_size=1, max_size=30)


def fates(link: Link, gaps: list[tuple[float, int]], seed: int = 1) -> list[tuple[float, int, tuple[float, ...]]]:
    """(sent, size, arrivals) of packets with gaps between them."""
    course, now, told = Course(link, seed), 0.0, []
    for gap, size in gaps:
        now += gap
        told.append((now, size, course.send(now, size)))
    return told


@given(links, packets, st.integers(0, 9))
def test_same_seed_same_fates(link: Link, gaps: list[tuple[float, int]], seed: int) -> None:
    assert fates(link, gaps, seed) == fates(link, gaps, seed)


@given(links, packets)
def test_delays_are_bounded_below_and_nothing_arrives_in_an_outage(link: Link, gaps: list[tuple[float, int]]) -> None:
    calendar = Calendar(link.outage_model)
    for sent, size, arrivals in fates(link, gaps):
        fastest = size / 1e5 if isinstance(link.rate, RateTrace) else size / link.rate
        assert all(at >= sent + fastest + link.delay - 1e-9 for at in arrivals)
        assert not any(calendar.dead(at) for at in arrivals)
        assert len(arrivals) <= 1 + (link.duplication > 0)


@given(links, packets)
def test_a_link_without_reordering_keeps_the_order(link: Link, gaps: list[tuple[float, int]]) -> None:
    arrivals = [at for _, _, moments in fates(replace(link, reordering=None), gaps) for at in moments]
    assert arrivals == sorted(arrivals)


@given(links, packets)
def test_every_packet_has_a_fate(link: Link, gaps: list[tuple[float, int]]) -> None:
    course, now, dropped = Course(link, 1), 0.0, dict.fromkeys(Fate, 0)
    for gap, size in gaps:
        now += gap
        arrivals = course.send(now, size)
        assert bool(arrivals) == (course.why is None)
        if course.why:
            dropped[course.why] += 1
    assert dropped == course.drops
    assert not course.drops[Fate.OUTAGE] or link.outages
    assert not course.drops[Fate.LOST] or link.loss_model.mean
    assert not course.drops[Fate.FULL] or link.queue < inf


@given(links, packets)
def test_a_perfect_link_is_nothing(link: Link, gaps: list[tuple[float, int]]) -> None:
    assert all(arrivals == (sent,) for sent, _, arrivals in fates(Link(), gaps))


# Rate and queue


@given(st.floats(1e3, 1e6) | st.just(TRACE), st.just(0.0) | st.floats(0, 2), packets)
def test_the_rate_is_kept(rate: float | RateTrace, delay: float, gaps: list[tuple[float, int]]) -> None:
    """Between any arrival and a later one no more bytes come than the rate allows; a busy link is never idle."""
    meter = Meter(rate) if isinstance(rate, RateTrace) else Meter(RateTrace(((1.0, rate),)))
    free = 0.0
    for sent, size, (at,) in fates(Link(delay, rate=rate), gaps):
        begun = max(sent, free)
        free = at - delay
        assert isclose(meter.carried(free) - meter.carried(begun), size, rel_tol=1e-6, abs_tol=1e-3)


@given(st.floats(1e3, 1e6) | st.just(TRACE), st.floats(0, 1e5), packets)
def test_the_queue_is_bounded_and_no_larger_than_it_must_be(
    rate: float | RateTrace, queue: float, gaps: list[tuple[float, int]]
) -> None:
    course, now, largest = Course(Link(rate=rate, queue=queue), 1), 0.0, max(size for _, size in gaps)
    for gap, size in gaps:
        now += gap
        waiting = course.waiting(now)
        fits = course.free_at <= now or waiting + size <= queue
        assert bool(course.send(now, size)) is fits, f"{waiting} of {queue} bytes waiting, {size} more"
        assert course.waiting(now) <= max(queue, largest) * (1 + 1e-9) + 1e-3


@given(st.floats(1e3, 1e6) | st.just(TRACE), packets)
def test_what_waits_passes_when_it_says(rate: float | RateTrace, gaps: list[tuple[float, int]]) -> None:
    course, now = Course(Link(rate=rate), 1), 0.0
    for gap, size in gaps:
        now += gap
        course.send(now, size)
        waiting = course.waiting(now)
        assert isclose(course.passed(now, waiting), course.free_at, rel_tol=1e-6, abs_tol=1e-6)
        assert isclose(course.waiting(course.passed(now, waiting / 2)), waiting / 2, rel_tol=1e-6, abs_tol=1e-2)


def test_an_overloaded_link_drops_the_excess() -> None:
    course = Course(Link(rate=1e5, queue=3e4), 1)
    taken = sum(bool(course.send(number * 0.005, 1000)) for number in range(20_000))  # twice the rate for 100 s
    assert abs(taken * 1000 - 100 * 1e5) <= 3e4 + 1000


# Loss

MODELS: list[LossModel] = [
    Loss(0.0),
    Loss(0.01),
    Loss(0.3),
    Loss(1.0),
    GilbertElliott(0.01, 0.25),
    GilbertElliott(0.005, 0.5, good=0.001, bad=0.8),
    GilbertElliott(0.2, 0.6, good=0.1, bad=0.4),
    GilbertElliott(0.9, 0.8),
]
MANY = 40_000


def lost(model: LossModel, seed: int, count: int = MANY) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which of so many packets are lost."""
    course = Course(Link(loss=model), seed)
    return np.array([not course.send(float(number), 1000) for number in range(count)])


def spread(model: LossModel) -> float:
    """Standard deviation of the share of MANY packets: binomial, widened by a chain's memory (1+r)/(1-r)."""
    variance = model.mean * (1 - model.mean)
    memory = 1 - model.p_enter - model.p_leave if isinstance(model, GilbertElliott) else 0.0
    return sqrt(variance * max(1.0, (1 + memory) / (1 - memory)) / MANY)


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_the_share_of_losses_is_the_models(model: LossModel) -> None:
    assert abs(lost(model, seed=7).mean() - model.mean) <= SIGMAS * spread(model) + 1e-12


@pytest.mark.parametrize("p_leave", [0.1, 0.25, 0.5, 1.0])
def test_bursts_last_as_long_as_the_bad_state(p_leave: float) -> None:
    gone = lost(GilbertElliott(0.02, p_leave), seed=3).astype(int)
    begins, ends = np.flatnonzero(np.diff(gone) == 1), np.flatnonzero(np.diff(gone) == -1)
    lengths = ends[ends > begins[0]][: begins.size] - begins[: ends[ends > begins[0]].size]
    sigma = sqrt(1 - p_leave) / p_leave / sqrt(lengths.size)  # of a mean of geometric lengths
    assert lengths.size > 300
    assert abs(lengths.mean() - 1 / p_leave) <= SIGMAS * sigma + 1e-12


def test_a_link_begins_in_the_stationary_state() -> None:
    model = GilbertElliott(0.01, 0.03)
    first = np.array([lost(model, seed, count=1)[0] for seed in range(2_000)])
    assert abs(first.mean() - model.mean) <= SIGMAS * sqrt(model.mean * (1 - model.mean) / 2_000)


def test_random_losses_are_independent() -> None:
    gone = lost(Loss(0.3), seed=5).astype(float) - 0.3
    assert abs((gone[1:] * gone[:-1]).mean()) <= SIGMAS * 0.3 * 0.7 / sqrt(MANY)


def test_a_greater_share_loses_the_same_packets_and_more() -> None:
    little, much = lost(Loss(0.05), seed=2), lost(Loss(0.1), seed=2)
    assert (much | ~little).all() and much.sum() > little.sum()


@given(st.integers(0, 99))
@settings(max_examples=20)
def test_one_kind_of_luck_does_not_touch_another(seed: int) -> None:
    plain = Link(0.05, loss=0.2)
    rich = replace(plain, jitter=0.1, duplication=0.3, reordering=Reordering(0.3, 0.1))
    gaps = [(1.0, 1000)] * 100
    assert [bool(moments) for *_, moments in fates(plain, gaps, seed)] == [
        bool(moments) for *_, moments in fates(rich, gaps, seed)
    ]


# Jitter, reordering, duplication, outages


def test_jitter_is_uniform_where_packets_are_apart() -> None:
    course = Course(Link(0.1, jitter=0.05), 1)
    late = np.sort([course.send(float(second), 100)[0] - second - 0.1 for second in range(5_000)]) / 0.05
    assert late[0] >= 0 and late[-1] <= 1 + 1e-9
    assert np.abs(late - np.arange(1, 5_001) / 5_000).max() <= 2.7 / sqrt(5_000)  # Kolmogorov, one in a million


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 1.0])
def test_a_share_of_packets_is_late_or_double(share: float) -> None:
    course = Course(Link(0.1, duplication=share, reordering=Reordering(share, 0.5)), 1)
    arrivals = [course.send(number * 0.01, 100) for number in range(10_000)]
    late = sum(moments[0] > number * 0.01 + 0.3 for number, moments in enumerate(arrivals))
    double = sum(len(moments) == 2 for moments in arrivals)
    allowed = SIGMAS * sqrt(10_000 * share * (1 - share))
    assert abs(late - 10_000 * share) <= allowed and abs(double - 10_000 * share) <= allowed


def test_a_late_packet_is_overtaken_and_holds_up_nobody() -> None:
    told = fates(Link(0.1, reordering=Reordering(0.5, 0.5)), [(0.01, 100)] * 50)
    arrivals = [moments[0] - sent for sent, _, moments in told]
    assert {round(delay, 9) for delay in arrivals} == {0.1, 0.6}
    assert any(after < before for (_, _, (before,)), (_, _, (after,)) in pairwise(told))


def test_an_outage_takes_what_would_arrive_in_it_and_no_more() -> None:
    course = Course(Link(0.5, outages=((2.0, 4.0),)), 1)
    sent = [number / 10 for number in range(60)]
    gone = [moment for moment in sent if not course.send(moment, 100)]
    assert gone == [moment for moment in sent if 2.0 <= moment + 0.5 < 4.0]
    assert course.drops == {Fate.FULL: 0, Fate.LOST: 0, Fate.OUTAGE: len(gone)}


# Changes


def test_a_change_holds_from_the_next_packet_and_overtakes_nothing() -> None:
    course = Course(Link(1.0, rate=1000), 1)
    assert course.send(0.0, 500) == (1.5,)
    course.change(Link(0.1, rate=1e6))
    assert course.send(0.0, 1000) == (1.5,)  # it waits for the one before, and must not arrive before it
    assert isclose(course.send(3.0, 1000)[0], 3.101)


@pytest.mark.parametrize("queue", [0.0, 500.0, inf])
def test_a_backlog_is_no_queue_of_a_link_without_a_rate(queue: float) -> None:
    course = Course(Link(rate=1000), 1)
    course.send(0.0, 5000)
    course.change(Link(queue=queue))
    assert course.waiting(1.0) == 0
    assert course.send(1.0, 100) == (5.0,)


def test_a_loss_model_that_stays_goes_on() -> None:
    model = GilbertElliott(0.1, 0.3)
    steady, changing, moment = Course(Link(loss=model), 4), Course(Link(loss=model), 4), Random(1)
    for number in range(500):
        changing.change(Link(delay=moment.random(), loss=model))
        assert bool(steady.send(float(number), 9)) == bool(changing.send(float(number), 9))
