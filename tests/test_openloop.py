"""The open loop keeps its schedule whatever the server does, and says so when it did not."""

from __future__ import annotations

import asyncio
import dataclasses
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import cast

import numpy as np
import pytest

from imlab.errors import InvalidRun, UsageError
from imlab.lab.load.openloop import Load, Send, offer
from imlab.lab.load.reach import reach
from imlab.lab.load.schedule import Burst, Poisson, Times, Uniform
from imlab.lab.load.spin import Spin
from imlab.lab.load.validity import Validity, drift, growth, in_flight, settled

pytestmark = pytest.mark.slow

SCHEDULES = [Poisson(300.0, 0.1), Uniform(300.0, 0.1), Burst(10, 0.05, 0.1)]


def offered(arrivals: Times, send: Send, drain_s: float = 10.0) -> Load:
    """One real window, on a real loop."""
    return asyncio.run(offer(arrivals, send, drain_s))


async def at_once(index: int) -> None:
    """A server that answers in the same turn."""


async def slowly(index: int) -> Mapping[str, float]:
    """A server that takes far longer than the gap between arrivals."""
    await asyncio.sleep(0.1)
    return {"half": time.monotonic()}


@pytest.mark.parametrize("schedule", SCHEDULES, ids=repr)
def test_lag_and_service_make_up_the_latency(schedule: Poisson | Uniform | Burst) -> None:
    load = offered(schedule.draw(np.random.default_rng(1)), slowly)
    assert np.allclose(load.lag + load.service, load.latency)
    assert (load.lag >= 0).all(), "nothing is sent before its time"
    assert (load.service >= 0.09).all()
    assert (np.diff(load.intended) >= 0).all() and not load.errors


def test_a_slow_server_does_not_slow_the_schedule() -> None:
    arrivals = Uniform(500.0, 0.05).draw(np.random.default_rng(1))
    load = offered(arrivals, slowly)
    assert load.sent.max() < load.end.min(), "everything was sent before the first answer came"


def test_the_server_may_tell_further_moments() -> None:
    load = offered(np.array([0.0, 0.001]), slowly)
    assert (load.stamps["half"] > load.sent).all() and (load.stamps["half"] <= load.end).all()


def test_the_moments_of_a_message_are_columns_of_its_row() -> None:
    """acked, delivered, playable: what one request did not tell is empty in its row alone."""

    async def message(index: int) -> Mapping[str, float]:
        told = {"acked": time.monotonic()}
        await asyncio.sleep(0)
        return told | {name: time.monotonic() for name in ("delivered", "playable")} if index else told

    first, second = offered(np.array([0.0, 0.001]), message).rows()
    moments = ("intended_s", "sent_s", "acked_s", "delivered_s", "playable_s", "end_s")
    values = [cast(float, second[name]) for name in moments]
    assert values == sorted(values)
    assert [name for name in moments if np.isnan(cast(float, first[name]))] == ["delivered_s", "playable_s"]


def test_moments_of_the_generator_are_not_for_others_to_tell() -> None:
    async def confused(index: int) -> Mapping[str, float]:
        return {"sent": time.monotonic()}

    with pytest.raises(UsageError, match="notes sent itself"):
        offered(np.array([0.0]), confused)


def test_a_request_that_tells_nonsense_has_failed() -> None:
    async def nonsense(index: int) -> Mapping[str, float]:
        return {"acked": "soon"}  # type: ignore[dict-item]

    load = offered(np.array([0.0]), nonsense)
    assert "TypeError" in load.errors[0] and np.isnan(load.end[0])


def test_a_window_starts_at_the_agreed_moment_or_not_at_all() -> None:
    async def later(lead_s: float) -> tuple[float, Load]:
        start = time.monotonic() + lead_s
        return start, await offer(np.array([0.0, 0.001]), at_once, start=start, receivers=3)

    for lead_s in (0.3, 2.0, 10.0):  # a crowded machine needs longer to be ready
        with suppress(InvalidRun):
            start, load = asyncio.run(later(lead_s))
            break
    assert load.origin == start and (load.lag >= 0).all() and load.receivers == 3
    with pytest.raises(InvalidRun, match="after the agreed start"):
        asyncio.run(later(-0.5))


def test_spinning_is_part_of_what_was_burnt_and_never_before_its_time() -> None:
    async def waits() -> tuple[Spin, list[float], float]:
        spin = Spin()
        await spin.settle()
        assert spin.seconds == 0 and spin.idle > 0
        begun, late = time.monotonic(), []
        for moment in [begun + 0.0005 * step for step in range(20)]:
            await spin.until(moment)
            late.append(time.monotonic() - moment)
        return spin, late, time.monotonic() - begun

    spin, late, took = asyncio.run(waits())
    assert min(late) >= 0
    assert 0 < spin.seconds <= took


def test_failures_are_kept_and_do_not_stop_the_window() -> None:
    async def every_third(index: int) -> None:
        if index % 3 == 0:
            raise OSError("no route")

    load = offered(np.linspace(0.0, 0.008, 9), every_third)
    assert load.errors == dict.fromkeys((0, 3, 6), "OSError: no route")
    assert np.isnan(load.end[[0, 3, 6]]).all() and np.isfinite(load.end[[1, 2, 4, 5, 7, 8]]).all()


def test_what_never_answers_is_given_up() -> None:
    async def never(index: int) -> None:
        await asyncio.get_running_loop().create_future()

    load = offered(np.array([0.0, 0.001]), never, drain_s=0.05)
    assert load.errors == {0: "no answer in 0.05 s", 1: "no answer in 0.05 s"}


def test_warm_up_is_labelled_not_dropped() -> None:
    rows = offered(np.array([0.0, 0.01, 0.02]), at_once).rows(warm_up_s=0.01)
    assert [row["warm_up"] for row in rows] == [True, False, False]
    assert {"arrival", "intended_s", "sent_s", "end_s", "error"} <= set(rows[0])


@pytest.mark.parametrize("arrivals", [np.array([]), np.array([1.0, 0.5])], ids=["none", "out of order"])
def test_a_schedule_is_not_empty_and_in_order(arrivals: Times) -> None:
    with pytest.raises(UsageError, match="schedule"):
        offered(arrivals, at_once)


def window(latency: Times, rate: float = 100.0) -> Load:
    """A window that went exactly on schedule, with these latencies."""
    intended = np.arange(len(latency)) / rate
    return Load(intended, intended + 1e-5, intended + latency, {}, {}, 0.0, float(intended[-1]), 1.0, 0.9)


STEADY = window(np.full(400, 0.05))
REASONS = {
    "sound": (STEADY, ""),
    "late": (dataclasses.replace(STEADY, sent=STEADY.sent + np.linspace(0, 0.1, 400)), "achieved"),
    "one burst": (dataclasses.replace(STEADY, intended=np.zeros(20), sent=np.full(20, 0.01), end=np.ones(20)), ""),
    "busy": (dataclasses.replace(STEADY, cpu_s=3.9), "busy"),
    "spinning is not work": (dataclasses.replace(STEADY, cpu_s=3.9, spin_s=3.5), ""),
    "errors": (dataclasses.replace(STEADY, errors={7: "reset"}), "errors 0.25%, first: reset"),
    "overload": (window(np.linspace(0.0, 2.0, 400)), "no steady state"),
    "slow but steady": (window(np.full(400, 0.5)), ""),
}


@pytest.mark.parametrize("case", REASONS)
def test_a_window_is_invalid_for_a_reason(case: str) -> None:
    load, reason = REASONS[case]
    found = Validity().reasons(load)
    assert [reason in text for text in found] == [True] if reason else found == []


def test_what_happens_in_the_warm_up_is_not_judged() -> None:
    load = dataclasses.replace(STEADY, errors={7: "reset"})
    assert Validity().reasons(load, warm_up_s=1.0) == []


def test_requests_in_flight_are_counted_at_each_arrival() -> None:
    assert in_flight(window(np.full(100, 0.055)))[10:].tolist() == [5.0 + 0] * 90
    assert growth(window(np.linspace(0.0, 2.0, 20))) == "", "too few arrivals to show a trend"


def test_what_was_reached_is_told() -> None:
    load = dataclasses.replace(window(np.full(2000, 0.05)), receivers=1)
    assert reach(load, warm_up_s=5.0).text() == (
        "100 arrivals/s, lag p50 0.01 ms, p90 0.01 ms, p99 0.01 ms; 1 generator 1% busy, 1 receiver beside"
    )
    assert reach(window(np.full(5, 0.05))).text().startswith("100 arrivals/s, lag of too few to tell")


def test_steady_state_is_tested_over_blocks() -> None:
    """Eight blocks of slightly different speed; then the same with a second half that is slower by half."""
    rng = np.random.default_rng(5)
    speeds = rng.uniform(0.04, 0.06, 8)
    noise = rng.normal(1.0, 0.01, (8, 400))
    slower = np.where(np.arange(400) < 225, 1.0, 1.5)
    blocks = [speed * part for speed, part in zip(speeds, noise, strict=True)]
    assert settled((window(part) for part in blocks), warm_up_s=0.5).state == "steady"
    assert settled((window(part * slower) for part in blocks), warm_up_s=0.5).state == "drifting"
    assert settled(window(part) for part in blocks).state == "drifting", "without a warm-up the backlog first fills"
    first, second, gained = drift(window(0.05 * slower), warm_up_s=0.5)
    assert (first, second) == pytest.approx((0.05, 0.075)) and gained > 0


@pytest.mark.process
def test_a_generator_stays_light() -> None:
    rooms = {
        "plan": "design",
        "load": "closedloop, crew, member, openloop, reach, schedule, validity",
        "record": "quantiles, stages, histogram",
        "statistics": "intervals, effect",
        "running": "cell, run",
    }
    wanted = "; ".join(f"from imlab.lab.{room} import {names}" for room, names in rooms.items())
    code = f"{wanted}; import sys; print(*{{name.split('.')[0] for name in sys.modules}})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout.split()
    assert not {"pandas", "scipy", "matplotlib"} & set(loaded)
