"""Laws of what describes a network: every value checks itself, labels itself, and means what it says."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice, pairwise
from math import inf, isclose, nan
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imlab.errors import UsageError
from imlab.net.fate.course import Course
from imlab.net.fate.losses import GilbertElliott, Loss
from imlab.net.fate.outages import Calendar, Outages, Periodic, RandomOutages, Spans
from imlab.net.fate.ratetrace import Meter, RateTrace
from imlab.net.links import Link, Reordering
from imlab.net.profiles import PROFILES, profile_called
from imlab.net.simulated.pipe import Pipe

TRACE = RateTrace(((2.0, 100.0), (1.0, 0.0), (0.5, 400.0)))

IMPOSSIBLE: list[tuple[str, Callable[[], object]]] = [
    ("delay", lambda: Link(delay=-0.1)),
    ("delay", lambda: Link(delay=inf)),
    ("delay", lambda: Link(delay=nan)),
    ("jitter", lambda: Link(jitter=-1)),
    ("rate", lambda: Link(rate=0)),
    ("rate", lambda: Link(rate=nan)),
    ("loss", lambda: Link(loss=1.1)),
    ("loss", lambda: Link(loss=nan)),
    ("queue", lambda: Link(queue=-1)),
    ("duplication", lambda: Link(duplication=2)),
    ("outages", lambda: Link(outages=((2, 1),))),
    ("outages", lambda: Link(outages=((0, 2), (1, 3)))),
    ("outages", lambda: Link(outages=((-1, 2),))),
    ("outages", lambda: Spans(((nan, 2),))),
    ("outage", lambda: Periodic(every=1, lasting=1)),
    ("outage", lambda: Periodic(every=1, lasting=0)),
    ("outages", lambda: RandomOutages(0, 1)),
    ("outages", lambda: RandomOutages(1, inf)),
    ("reordering", lambda: Reordering(1.5, 0.1)),
    ("reordering", lambda: Reordering(0.5, 0)),
    ("loss", lambda: Loss(-0.1)),
    ("p_enter", lambda: GilbertElliott(2, 0.5)),
    ("p_enter", lambda: GilbertElliott(0, 0)),
    ("rate trace", lambda: RateTrace(())),
    ("rate trace", lambda: RateTrace(((1.0, 0.0),))),
    ("rate trace", lambda: RateTrace(((0.0, 1.0),))),
    ("rate trace", lambda: RateTrace(((1.0, -1.0),))),
    ("rate trace", lambda: RateTrace(((1.0, nan),))),
]


@pytest.mark.parametrize(("named", "build"), IMPOSSIBLE, ids=lambda value: value if isinstance(value, str) else "")
def test_what_cannot_be_is_refused_by_name(named: str, build: Callable[[], object]) -> None:
    with pytest.raises(UsageError, match=named):
        build()


LABELS = [
    (Link(), "Link()"),
    (Link(0.05, rate=8_000), "Link(delay=0.05, rate=8000)"),
    (Link(loss=GilbertElliott(0.1, 0.5)), f"Link(loss={GilbertElliott(0.1, 0.5)!r})"),
    (Link(outages=((1, 2),)), "Link(outages=((1, 2),))"),
    (Link(rate=TRACE, reordering=Reordering(0.1, 0.2)), f"Link(rate={TRACE!r}, reordering={Reordering(0.1, 0.2)!r})"),
]


@pytest.mark.parametrize(("link", "label"), LABELS, ids=lambda value: value if isinstance(value, str) else "")
def test_a_label_is_what_differs_from_a_perfect_link(link: Link, label: str) -> None:
    assert repr(link) == label
    assert eval(label) == link


def test_links_are_values() -> None:
    assert Link(0.1) == Link(delay=0.1) and len({Link(0.1), Link(0.1), Link(0.2)}) == 2
    assert Link(loss=0.1).loss_model == Link(loss=Loss(0.1)).loss_model == Loss(0.1)
    assert Link(outages=((1, 2),)).outage_model == Spans(((1, 2),))


@pytest.mark.parametrize(
    "link", [Link(queue=10), Link(rate=TRACE), Link(loss=Loss(0.1)), Link(outages=((1, 2),))], ids=repr
)
def test_a_pipe_refuses_what_it_would_ignore(link: Link) -> None:
    with pytest.raises(UsageError, match="a pipe knows"):
        Pipe(link, Random(1))


# Outages

OUTAGES: list[Outages] = [
    Spans(),
    Spans(((0, 1), (2, 4))),
    Spans(((3, inf),)),
    Spans(((0, 1), (1.5, inf))),
    Periodic(every=1.5, lasting=0.5, first=0.25),
    Periodic(every=2, lasting=1),
    RandomOutages(1.0, 0.5, seed=3),
]


@pytest.mark.parametrize("outages", OUTAGES, ids=repr)
@settings(max_examples=40)
@given(moments=st.lists(st.floats(0, 30), min_size=1, max_size=20))
def test_a_calendar_answers_the_same_in_any_order(outages: Outages, moments: list[float]) -> None:
    edges = [*islice(outages.edges(), 400)]
    calendar = Calendar(outages)
    for moment in moments:
        dead = any(begin <= moment < end for begin, end in zip(edges[::2], edges[1::2], strict=True))
        assert calendar.dead(moment) is dead


@pytest.mark.parametrize("outages", OUTAGES, ids=repr)
@settings(max_examples=40)
@given(moments=st.lists(st.floats(0, 30), min_size=1, max_size=20))
def test_the_clock_of_a_link_stands_in_outages_and_only_there(outages: Outages, moments: list[float]) -> None:
    calendar = Calendar(outages)
    for before, after in pairwise(sorted(moments)):
        lived = calendar.alive(after) - calendar.alive(before)
        assert -1e-9 <= lived <= after - before + 1e-9
    for moment in moments:
        back = calendar.moment(calendar.alive(moment))
        assert back >= moment - 1e-9
        if not calendar.dead(moment):
            assert isclose(back, moment, abs_tol=1e-9) or calendar.dead(moment - 1e-9) or calendar.dead(moment + 1e-9)
        if back < inf:
            assert not all(calendar.dead(back + rounding) for rounding in (-1e-9, 0, 1e-9))


def test_known_hours_of_a_calendar() -> None:
    calendar = Calendar(Spans(((1, 3), (4, 5))))
    assert [calendar.alive(moment) for moment in (0, 1, 2, 3, 3.5, 4.5, 7)] == [0, 1, 1, 1, 1.5, 2, 4]
    assert [calendar.moment(clock) for clock in (0, 0.5, 1, 1.5, 2, 4)] == [0, 0.5, 3, 3.5, 5, 7]
    assert Calendar(Spans(((1, inf),))).moment(1) == inf


def test_random_outages_keep_their_means_and_their_seed() -> None:
    outages = RandomOutages(mean_up=2.0, mean_down=0.5, seed=1)
    edges = [0.0, *islice(outages.edges(), 8_000)]
    spans = [after - before for before, after in pairwise(edges)]
    up, down = sum(spans[::2]) / 4_000, sum(spans[1::2]) / 4_000
    assert abs(up / 2.0 - 1) < 0.08 and abs(down / 0.5 - 1) < 0.08  # 5 sigma of a mean of 4000 exponentials
    assert edges[1:] == [*islice(outages.edges(), 8_000)]
    assert edges[1:5] != [*islice(RandomOutages(2.0, 0.5, seed=2).edges(), 4)]


# Rates

STEPS = st.lists(st.tuples(st.floats(0.01, 10), st.just(0.0) | st.floats(1, 1e6)), min_size=1, max_size=6)


@given(STEPS.filter(lambda steps: any(rate for _, rate in steps)), st.floats(0, 100), st.floats(0.1, 1e6))
def test_a_meter_and_its_inverse_agree(steps: list[tuple[float, float]], start: float, size: float) -> None:
    trace = RateTrace(tuple(steps))
    meter = Meter(trace)
    done = meter.done(start, size)
    slack = 1e-9 * (meter.carried(done) + size) + 1e-6
    assert done >= start
    assert abs(meter.carried(done) - meter.carried(start) - size) <= slack
    assert abs(meter.carried(trace.seconds * 7) - 7 * trace.mean * trace.seconds) <= slack + 1e-6 * trace.mean


def test_known_moments_of_a_meter() -> None:
    meter = Meter(TRACE)  # 200 bytes in 2 s, a second of nothing, 200 bytes in half a second
    assert [meter.carried(moment) for moment in (0, 1, 2, 2.5, 3, 3.25, 3.5, 4.5)] == [
        0,
        100,
        200,
        200,
        200,
        300,
        400,
        500,
    ]
    assert [meter.done(0, size) for size in (100, 200, 201, 400, 500, 800)] == [1, 2, 3.0025, 3.5, 4.5, 7]
    assert meter.done(2.5, 0) == 2.5 and meter.done(2.5, 100) == 3.25


# Profiles


@pytest.mark.parametrize("name", PROFILES)
def test_every_profile_carries_packets_and_says_whence_it_is(name: str) -> None:
    profile = profile_called(name.upper())
    assert (profile.path.name == name and any(letter in profile.note for letter in "WLPRJT")) or "ours" in profile.note
    for link in (profile.path.up, profile.path.down):
        course = Course(link, seed=1)
        arrivals = [course.send(second / 2, 1200) for second in range(400)]
        came = [at for second, moments in enumerate(arrivals) for at in moments if at >= second / 2 + link.delay]
        assert len(came) == sum(map(len, arrivals)) > 200


def test_a_network_of_no_name_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(UsageError, match="satellite"):
        profile_called("carrier pigeon")
