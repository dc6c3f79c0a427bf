"""The closed loop obeys Little's law, and hides what it does not send. In virtual time: nothing here waits."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imlab.errors import UsageError
from imlab.lab.load.closedloop import Constant, Exponential, Think, users
from imlab.lab.load.openloop import Load, Send

pytestmark = pytest.mark.slow


class Jump(selectors.SelectSelector):
    """Waits for nothing: the time to wait is what the clock is put forward by."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found = super().select(0)
        if not found:
            assert timeout is not None, "everyone waits for what never comes"
            self.now += timeout
        return found


class VirtualLoop(asyncio.SelectorEventLoop):
    """asyncio's own loop, with a clock that jumps to the next timer (the idea of trio's autojump clock)."""

    def __init__(self) -> None:
        self._jump = Jump()
        super().__init__(self._jump)

    def time(self) -> float:
        return self._jump.now


@dataclass
class Desk:
    """One clerk, first come first served; ``service`` draws how long each takes."""

    service: Callable[[], float]
    free: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def __call__(self, index: int) -> Mapping[str, float]:
        async with self.free:
            begun = asyncio.get_running_loop().time()
            await asyncio.sleep(self.service())
            return {"begun": begun}


def delay(seconds: float) -> Send:
    """As many clerks as users: a constant response time."""

    async def send(index: int) -> None:
        await asyncio.sleep(seconds)

    return send


def run(count: int, think: Think, send: Send, seconds: float, drain_s: float = 10.0, seed: int = 1) -> Load:
    """One closed loop in virtual time."""
    work: Awaitable[Load] = users(count, think, send, seconds, np.random.default_rng(seed), drain_s)
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)  # type: ignore[arg-type]


@settings(max_examples=8)  # each searches the whole heap for garbage first
@given(
    count=st.integers(1, 8),
    wait=st.sampled_from([0.0, 0.01, 0.2, 1.0]),
    pause=st.sampled_from([0.05, 0.5, 2.0]),
    seed=st.integers(0, 99),
)
def test_with_constants_each_user_keeps_its_beat(count: int, wait: float, pause: float, seed: int) -> None:
    """Little's law, to one request per user: in T seconds each sends T / (W + Z)."""
    load = run(count, Constant(pause), delay(wait), 20 * (wait + pause), seed=seed)
    assert abs(len(load.sent) - 20 * count) <= count
    assert np.allclose(load.latency, wait) and not load.errors


def mean_values(count: int, service: float, think: float) -> tuple[float, float]:
    """X and W of ``count`` users at one exponential clerk, by mean value analysis (Reiser and Lavenberg, 1980)."""
    waiting, rate, response = 0.0, 0.0, 0.0
    for number in range(1, count + 1):
        response = service * (1 + waiting)
        rate = number / (response + think)
        waiting = rate * response
    return rate, response


@pytest.mark.parametrize("count", [1, 3, 10])
def test_a_queue_of_known_answer(count: int) -> None:
    """One clerk, exponential service (0.1 s) and think time (0.5 s): X and W as the theory has them."""
    chance = np.random.default_rng(7)
    seconds = 4_000 / mean_values(count, 0.1, 0.5)[0]
    load = run(count, Exponential(0.5), Desk(lambda: float(chance.exponential(0.1))), seconds)
    rate, response = mean_values(count, 0.1, 0.5)
    assert len(load.sent) / seconds == pytest.approx(rate, rel=0.08)
    assert load.latency.mean() == pytest.approx(response, rel=0.12)
    assert len(load.sent) / seconds * (load.latency.mean() + 0.5) == pytest.approx(count, rel=0.05), "Little's law"


def test_a_stall_is_felt_once_per_user_and_by_nobody_else() -> None:
    """Five users, 0.1 s pauses, a clerk away for one second: five long waits, though fifty would have come."""

    async def stalls(index: int) -> None:
        now = asyncio.get_running_loop().time()
        await asyncio.sleep(max(0.0, 6.0 - now) if now >= 5.0 else 0.0)

    load = run(5, Constant(0.1), stalls, 10.0)
    assert (load.latency > 0.5).sum() == 5
    assert (load.lag == 0).all() and np.array_equal(load.service, load.latency)


def test_a_users_pauses_do_not_hang_on_the_server() -> None:
    """The same pauses in the same order, whatever the server took."""
    fast, slow = (run(1, Exponential(0.5), delay(wait), 60.0) for wait in (0.01, 0.4))
    pauses = [load.sent[1:] - load.end[:-1] for load in (fast, slow)]
    shorter = min(len(part) for part in pauses)
    assert shorter > 20 and np.allclose(pauses[0][:shorter], pauses[1][:shorter])


def test_users_begin_at_phases_of_their_own() -> None:
    first = run(50, Constant(1.0), delay(10.0), 5.0, drain_s=20.0).sent
    assert len(np.unique(first)) == 50 and first.max() < 1.0


def test_failures_are_kept_and_their_users_go_on() -> None:
    async def every_third(index: int) -> None:
        if index % 3 == 0:
            raise OSError("no route")

    load = run(2, Constant(0.1), every_third, 2.0)
    assert set(load.errors) == set(range(0, len(load.sent), 3)) and len(load.sent) > 30
    assert set(load.errors.values()) == {"OSError: no route"}
    assert np.flatnonzero(np.isnan(load.end)).tolist() == sorted(load.errors)


def test_what_never_answers_is_given_up() -> None:
    async def never(index: int) -> None:
        await asyncio.get_running_loop().create_future()

    load = run(3, Constant(0.1), never, 1.0, drain_s=2.0)
    assert load.errors == dict.fromkeys(range(3), "no answer 2 s after the end")
    assert load.seconds == 1.0, "the wait for answers is not part of the window"


def test_the_rows_are_those_of_the_open_loop() -> None:
    row = run(1, Constant(0.1), Desk(lambda: 0.05), 1.0).rows(warm_up_s=0.5)[-1]
    assert set(row) == {"arrival", "warm_up", "error", "intended_s", "sent_s", "end_s", "begun_s"}
    assert row["intended_s"] == row["sent_s"] == row["begun_s"]


def test_a_thinker_that_cannot_think_is_no_failed_request() -> None:
    with pytest.raises(ValueError, match="scale"):
        run(1, Exponential(-1.0), delay(0.1), 1.0)


def test_whoever_thinks_too_long_asks_nothing() -> None:
    load = run(2, Constant(1e9), delay(0.1), 1.0)
    assert len(load.sent) == 0 and load.rows() == [] and load.busy >= 0


@pytest.mark.parametrize(("count", "seconds"), [(0, 1.0), (1, 0.0)])
def test_nobody_and_never_are_refused(count: int, seconds: float) -> None:
    with pytest.raises(UsageError, match="closed loop"):
        run(count, Constant(0.1), delay(0.1), seconds)
