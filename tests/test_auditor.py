"""A table of before and after, audited by algebra: known answers, made systems recovered, contradictions refused."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from imlab.errors import InvalidRun, UsageError
from imlab.lab.claims.auditor import Loop, Published, audit
from imlab.studies.claims import CLAIMS
from imlab.studies.published.speed import AFTER, BEFORE

clients = st.floats(1, 1e5)
think = st.floats(0, 10)
latency = st.floats(1e-4, 10)
share = st.floats(0, 1)


def test_the_published_table() -> None:
    found = audit(BEFORE, AFTER)
    assert found.loop is not None and found.cache is not None and found.by_product
    assert found.loop.clients == pytest.approx(182.5, abs=0.01)
    assert found.loop.think == pytest.approx(0.1702, abs=1e-4)
    assert found.cache.latency == pytest.approx((0.0511, 0.0549), abs=1e-4)
    assert found.cache.share == pytest.approx((0.923, 0.946), abs=1e-3)
    assert (BEFORE.busy, AFTER.busy) == pytest.approx((100.8, 36.12))


def test_the_published_table_in_words() -> None:
    changes, closed, cached = audit(BEFORE, AFTER).lines()
    assert "-80.0%" in changes and "+79.2%" in changes
    assert "182.5 clients with 170 ms of think time" in closed and "no gain of capacity is shown" in closed
    assert "a hit 0 to 5 ms" in cached and "51-55 ms, 92-95 % of the whole gain" in cached


def test_the_first_claims_carry_the_audit() -> None:
    doubts = {claim.id: claim.doubt for claim in CLAIMS}
    for name, words in (("C1", "rate 480 to 860/s"), ("C2", "182.5 clients"), ("C3", "51-55 ms")):
        assert words in doubts[name], name


@given(clients, think, latency, latency)
def test_a_made_closed_loop_is_recovered(n: float, z: float, slow: float, fast: float) -> None:
    assume(slow > 1.2 * fast and n / (fast + z) > 1.05 * n / (slow + z))  # closer rows are all rounding
    made = Loop(n, z)
    found = audit(Published(slow, made.rate(slow)), Published(fast, made.rate(fast)))
    assert found.loop is not None, found.misfit
    assert found.loop.clients == pytest.approx(n, rel=1e-6)
    assert found.loop.think == pytest.approx(z, rel=1e-6, abs=1e-6 * slow)
    assert found.by_product


@given(clients, think, latency, latency)
def test_a_loop_that_states_its_clients_agrees_with_itself(n: float, z: float, slow: float, fast: float) -> None:
    made = Loop(n, z)
    found = audit(Published(slow, made.rate(slow), clients=n), Published(fast, made.rate(fast), clients=n))
    assert found.loop is not None and found.loop.think == pytest.approx(z, rel=1e-6, abs=1e-6 * max(slow, fast))


@given(st.floats(1e-5, 0.01), st.floats(0.02, 1), st.floats(0, 0.9), share)
def test_a_made_cache_is_recovered(hit: float, miss: float, before: float, gained: float) -> None:
    after = before + (1 - before) * gained
    slow, fast = (ratio * hit + (1 - ratio) * miss for ratio in (before, after))
    assume(slow - fast > 1e-6)
    found = audit(Published(slow, 100, before), Published(fast, 100, after), hit_cost=(hit, hit))
    assert found.cache is not None
    assert found.cache.latency == pytest.approx((fast, fast), rel=1e-9)
    assert found.cache.share == pytest.approx((1, 1), rel=1e-5)


def test_rounding_makes_no_think_time_negative() -> None:
    found = audit(Published(0.200, 500), Published(0.100, 1001))
    assert found.loop == Loop(100.0, 0.0)


MISFITS = [
    ("rate beyond latency", Published(0.2, 100), Published(0.1, 300), "clients were added, or the load was open"),
    ("more and slower", Published(0.1, 100), Published(0.2, 300), "clients were added, or the load was open"),
    ("less and quicker", Published(0.2, 300), Published(0.1, 100), "clients were taken away"),
    ("one rate", Published(0.2, 300), Published(0.1, 300), "the rate is the same in both rows"),
    ("two loads", Published(0.2, 300, clients=100), Published(0.1, 600, clients=200), "two loads"),
]


@pytest.mark.parametrize(("before", "after", "why"), [case[1:] for case in MISFITS], ids=[case[0] for case in MISFITS])
def test_where_no_loop_fits_the_reason_is_given(before: Published, after: Published, why: str) -> None:
    found = audit(before, after)
    assert found.loop is None and not found.by_product
    assert why in found.misfit and any("no closed loop fits" in line for line in found.lines())


def test_a_loop_that_got_slower_gives_no_by_product() -> None:
    made = Loop(100, 0.5)
    found = audit(Published(0.1, made.rate(0.1), 0.9), Published(0.2, made.rate(0.2), 0.6))
    assert found.loop is not None and not found.by_product and found.cache is None
    assert [line.partition(" fits ")[2] for line in found.lines()][1].startswith("both rows")


def test_more_under_way_than_clients_is_refused() -> None:
    with pytest.raises(InvalidRun, match=r"contradicts Little's law: 480/s x 210 ms is 101 .* of 50 clients"):
        Published(0.210, 480, clients=50)


def test_rows_of_two_different_loops_are_refused() -> None:
    with pytest.raises(InvalidRun, match="not of one closed loop"):
        audit(Published(0.2, 100, clients=100), Published(0.1, 400, clients=100))
    with pytest.raises(InvalidRun, match="one row states 400 clients, and both rows together need 18"):
        audit(Published(0.210, 480, clients=400), AFTER)


@pytest.mark.parametrize("row", [(0, 100, None), (0.1, -1, None), (0.1, 100, 1.2), (float("nan"), 100, None)], ids=repr)
def test_what_no_system_shows_is_refused(row: tuple[float, float, float | None]) -> None:
    with pytest.raises(UsageError, match=r"a row has|a hit ratio is"):
        Published(*row)


@pytest.mark.parametrize("cost", [(-0.1, 0.0), (0.005, 0.001), (0.0, 0.5)], ids=repr)
def test_a_hit_costs_no_more_than_the_response(cost: tuple[float, float]) -> None:
    with pytest.raises(UsageError, match="a hit costs between"):
        audit(BEFORE, AFTER, hit_cost=cost)


@given(share, share)
def test_without_two_hit_ratios_nothing_is_said_of_the_cache(before: float, after: float) -> None:
    assert audit(Published(0.2, 480, before), Published(0.1, 860)).cache is None
    assert audit(Published(0.2, 480), Published(0.1, 860, after)).cache is None
    assert audit(Published(0.2, 480, 1.0), Published(0.1, 860, after)).cache is None  # nothing ever missed
