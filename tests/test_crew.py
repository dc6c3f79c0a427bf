"""Several generator processes offer one schedule exactly once, and none of them fails in silence."""

from __future__ import annotations

import asyncio
import os
import signal
import socketserver
import struct
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace

import numpy as np
import pytest

from imlab.errors import DoorError, UsageError
from imlab.lab.load.crew import Outcome, crew, whole
from imlab.lab.load.member import KINDS, histograms
from imlab.lab.load.openloop import Load, Send
from imlab.lab.load.reach import reach
from imlab.lab.load.schedule import Poisson, Times
from imlab.lab.load.validity import Validity

NUMBER = struct.Struct("!Q")
REFUSED = 17  # the arrival that the sender below cannot send
EVERYWHERE = (None, None)  # two members, pinned to nothing


class Echo(socketserver.StreamRequestHandler):
    """Sends back every number, and keeps it."""

    def handle(self) -> None:
        while message := self.rfile.read(NUMBER.size):
            self.server.seen.append(NUMBER.unpack(message)[0])  # type: ignore[attr-defined]
            self.wfile.write(message)


class Server(socketserver.ThreadingTCPServer):
    """A thread per connection, on any free port of loopback."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Echo)
        self.seen: list[int] = []


@contextmanager
def served() -> Iterator[Server]:
    with Server() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@asynccontextmanager
async def numbers(member: int, port: int) -> AsyncIterator[Send]:
    """One connection; answers come in the order of the requests, so each waits for its turn."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    turn = asyncio.Lock()

    async def send(index: int) -> Mapping[str, float]:
        if index == REFUSED:
            raise OSError("no route")
        async with turn:
            writer.write(NUMBER.pack(index))
            assert NUMBER.unpack(await reader.readexactly(NUMBER.size)) == (index,)
        return {"acked": asyncio.get_running_loop().time()}

    yield send
    writer.close()
    await writer.wait_closed()


@asynccontextmanager
async def fatal(member: int, who: int) -> AsyncIterator[Send]:
    """A sender whose process is killed at its third request, in one member."""
    yielded = 0

    async def send(index: int) -> None:
        nonlocal yielded
        yielded += 1
        if member == who and yielded == 3:
            os.kill(os.getpid(), signal.SIGKILL)

    yield send


@asynccontextmanager
async def unreachable(member: int) -> AsyncIterator[Send]:
    """A sender that cannot connect, in one member."""
    if member == 1:
        raise ConnectionRefusedError("nobody listens")

    async def send(index: int) -> None: ...

    yield send


@asynccontextmanager
async def silent(member: int) -> AsyncIterator[Send]:
    """A sender that never has its connection, in one member."""
    await asyncio.sleep(3600.0 if member == 1 else 0.0)

    async def send(index: int) -> None: ...

    yield send


def nothing(member: int) -> None:
    """No sender at all."""


SCHEDULE = Poisson(400.0, 0.5).draw(np.random.default_rng(1))


def sender(function: object) -> str:
    """How a member finds a function of this file."""
    return f"{__name__}:{function.__name__}"  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def told() -> tuple[Outcome, list[int]]:
    """One schedule by two members over real sockets, and what the server saw."""
    with served() as server:
        port = server.server_address[1]
        return crew(SCHEDULE, sender(numbers), EVERYWHERE, {"port": port}, warm_up_s=0.1, receivers=3), server.seen


@pytest.mark.process
def test_the_schedule_is_offered_exactly_once(told: tuple[Outcome, list[int]]) -> None:
    outcome, seen = told
    assert np.array_equal(outcome.load.intended, SCHEDULE)
    assert sorted(seen) == [index for index in range(len(SCHEDULE)) if index != REFUSED]
    assert (outcome.load.lag >= 0).all(), "no member starts before the others"


@pytest.mark.process
def test_what_members_count_sums_up(told: tuple[Outcome, list[int]]) -> None:
    load = told[0].load
    assert [len(part.intended) for part in load.parts] == [len(SCHEDULE[first::2]) for first in (0, 1)]
    assert load.errors == {REFUSED: "OSError: no route"}
    assert load.cpu_s == sum(part.cpu_s for part in load.parts)
    assert load.busy == max(part.busy for part in load.parts)
    assert load.receivers == 6
    assert len({part.origin for part in load.parts}) == 1, "one start"
    stamped = np.isfinite(load.stamps["acked"])
    assert np.flatnonzero(~stamped).tolist() == [REFUSED]
    assert (load.stamps["acked"] >= load.sent)[stamped].all() and (load.stamps["acked"] <= load.end)[stamped].all()


@pytest.mark.process
def test_merged_histograms_are_those_of_the_merged_rows(told: tuple[Outcome, list[int]]) -> None:
    outcome = told[0]
    expected = histograms(outcome.load, warm_up_s=0.1)
    for kind in KINDS:
        found = getattr(outcome, kind)
        assert np.array_equal(found.counts, expected[kind].counts)
        assert (found.failed, found.outside) == (expected[kind].failed, expected[kind].outside)
    assert outcome.latency.n == (SCHEDULE >= 0.1).sum()


FATES = {
    "killed": (fatal, {"who": 1}, DoorError, r"generator 2 of 2 died with code -9"),
    "silent": (silent, {}, DoorError, r"generator 2 of 2 said nothing in 1 s, and should have been ready"),
    "no sender": (nothing, {}, DoorError, r"generator . of 2 failed: TypeError"),
    "unreachable": (unreachable, {}, DoorError, r"generator 2 of 2 failed: ConnectionRefusedError: nobody listens"),
}


@pytest.mark.process
@pytest.mark.parametrize("case", FATES)
def test_a_member_that_is_lost_is_named(case: str) -> None:
    function, settings, error, words = FATES[case]
    with pytest.raises(error, match=words):
        crew(SCHEDULE, sender(function), EVERYWHERE, settings, ready_s=1.0 if function is silent else 60.0)


def share(busy: float, count: int = 200) -> Load:
    """A member's share that went on schedule, at this busy share of its core."""
    intended = np.arange(count) / 100.0
    return Load(intended, intended + 1e-5, intended + 0.05, {}, {}, 0.0, 2.0, 2.0 * busy, 0.0)


def test_a_crew_tells_what_it_reached() -> None:
    load = whole((replace(share(0.2), receivers=3), replace(share(0.6), receivers=3)))
    assert (
        reach(load).text()
        == "201 arrivals/s, lag p50 0.01 ms, p90 0.01 ms; 2 generators, the busiest 60% busy, 6 receivers beside"
    )


def test_a_crew_is_as_busy_as_its_busiest_member() -> None:
    assert Validity().reasons(whole((share(0.2), share(0.6)))) == []
    assert Validity().reasons(whole((share(0.2), share(0.8)))) == ["generator 2 of 2 busy 80% of its core, over 70%"]


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_dealing_out_and_joining_are_inverse(count: int) -> None:
    load = share(0.1, 50)
    stamps = {"acked": load.end - 0.01}
    errors = {3: "reset", 44: "late"}
    parts = tuple(
        replace(
            load,
            intended=load.intended[first::count],
            sent=load.sent[first::count],
            end=load.end[first::count],
            stamps={"acked": stamps["acked"][first::count]},
            errors={index // count: why for index, why in errors.items() if index % count == first},
        )
        for first in range(count)
    )
    found = whole(parts)
    assert np.array_equal(found.intended, load.intended) and np.array_equal(found.latency, load.latency)
    assert np.array_equal(found.stamps["acked"], stamps["acked"]) and found.errors == errors


@pytest.mark.parametrize(
    ("arrivals", "cores"),
    [(np.array([0.0]), (None, None)), (np.array([]), ()), (SCHEDULE, ()), (SCHEDULE[::-1], (None,))],
)
def test_there_is_work_for_everyone(arrivals: Times, cores: tuple[int | None, ...]) -> None:
    with pytest.raises(UsageError, match="cannot be dealt"):
        crew(arrivals, sender(numbers), cores)
