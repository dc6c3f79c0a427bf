"""The driver in threads over real sockets: the conformance table, plainly and where gevent has patched the process."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random

import pytest

from imlab.client.backoff import Backoff
from imlab.client.events import Connected, Event, Lost
from imlab.client.phone import Phone
from imlab.errors import UsageError
from imlab.net.blocking import BlockingClient
from imlab.net.sockets.threads import Turns
from imlab.server.terms import Terms
from imlab.wire.effects import Effect
from imlab.wire.messages import VoiceMessage
from tests.conformance import SCENARIOS, Scenario, arrived, note, told
from tests.test_aio import PATIENCE, AioPlace

pytestmark = pytest.mark.process

ROOT = Path(__file__).resolve().parents[1]


class ThreadedHandset:
    """A client and what it was told."""

    def __init__(self, name: str, seed: int, url: str) -> None:
        self.events: list[Event] = []
        phone = Phone(name, Random(f"{name} {seed}"), backoff=Backoff(first=0.02, most=0.2))
        self.client = BlockingClient(phone, url, self.events.append)

    def send(self, message: VoiceMessage) -> None:
        self.client.send(message)

    def join(self, room: str, after: int | None = None) -> None:
        self.client.join(room, after)


class ThreadedPlace(AioPlace):
    """The server of test_aio.py, and phones in threads."""

    def __init__(self, terms: Terms | None = None) -> None:
        super().__init__(terms)
        self.threaded: dict[str, ThreadedHandset] = {}
        self.everyone: list[ThreadedHandset] = []

    def phone(self, name: str, seed: int = 0) -> ThreadedHandset:  # type: ignore[override]
        handset = ThreadedHandset(name, seed, self.url)
        self.threaded.setdefault(name, handset)
        self.everyone.append(handset)
        handset.client.start()
        return handset

    async def settle(self) -> None:
        await self.until(lambda: not any(handset.client.unsent for handset in self.everyone))

    def cut(self, name: str) -> None:
        self.threaded[name].client.cut()

    def check(self) -> None:
        super().check()
        for handset in self.everyone:
            if handset.client.broken.done():
                handset.client.broken.result()

    async def close(self) -> None:
        await asyncio.gather(*(asyncio.to_thread(handset.client.close) for handset in self.everyone))
        await super().close()


def over_threads(scenario: Callable[[ThreadedPlace], Awaitable[None]], terms: Terms | None = None) -> None:
    """Run a scenario in a place of its own."""

    async def run() -> None:
        place = ThreadedPlace(terms)
        await place.service.start()
        try:
            await scenario(place)
        finally:
            await place.close()

    asyncio.run(run())


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_conformance(scenario: Scenario) -> None:
    over_threads(scenario)


UNDER_GEVENT = """
from gevent import monkey
monkey.patch_all()
assert monkey.is_module_patched("threading") and monkey.is_module_patched("socket")
from tests.conformance import SCENARIOS
from tests.test_blocking import over_threads
for scenario in SCENARIOS:
    over_threads(scenario)
print(len(SCENARIOS))
"""


def test_conformance_where_gevent_has_patched_the_process() -> None:
    command = [sys.executable, "-c", UNDER_GEVENT]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=4 * PATIENCE)
    assert (done.returncode, done.stdout.strip()) == (0, str(len(SCENARIOS))), done.stderr


def test_a_note_longer_than_any_buffer_reaches_everyone() -> None:
    async def run(place: ThreadedPlace) -> None:
        ear, ann = place.phone("ear"), place.phone("ann")
        ear.join("tea", after=0)
        long = [note("tea", "ann", number, size=6_000_000) for number in range(3)]
        for each in long:
            ann.send(each)
        await place.until(lambda: len(arrived(ear)) == 3)
        assert [each.audio for each in arrived(ear)] == [each.audio for each in long]

    over_threads(run)


def test_heartbeats_keep_a_quiet_line() -> None:
    async def run(place: ThreadedPlace) -> None:
        quiet = place.phone("quiet")
        await place.until(lambda: bool(told(quiet, Connected)))
        watch = asyncio.get_running_loop()
        until = watch.time() + 0.6
        await place.until(lambda: watch.time() > until)
        assert not told(quiet, Lost), "heartbeats kept it"

    over_threads(run, Terms(heartbeat=0.05, dead=0.4, greeting=0.2))


async def soon(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not done():
            await asyncio.sleep(0.001)


def test_nobody_answers_and_the_phone_keeps_trying() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    handset = ThreadedHandset("ann", 0, f"ws://127.0.0.1:{port}")
    handset.client.start()
    asyncio.run(soon(lambda: len(told(handset, Lost)) >= 3))
    handset.client.close()


def test_who_never_reads_is_cut_off_when_we_hang_up() -> None:
    """A writer that waits for a peer that takes nothing must not wait for ever."""

    async def run(place: ThreadedPlace) -> None:
        ann = place.phone("ann")
        await place.until(lambda: bool(told(ann, Connected)))
        call = ann.client._call
        assert call and call.connection
        place.service.server._listener.close(close_connections=False)
        for connection in place.service.server._connections.values():
            connection.transport.pause_reading()
        ann.send(note("tea", "ann", 1, size=8_000_000))
        await place.until(lambda: call.kept > 0)
        await asyncio.to_thread(ann.client.close)
        assert not ann.client._turns._threads, "every thread has ended"

    over_threads(run)


def test_an_application_hears_of_its_own_mistake_and_a_bug_breaks_the_client() -> None:
    handset = ThreadedHandset("ann", 0, "ws://127.0.0.1:1")
    handset.join("tea")
    with pytest.raises(UsageError, match="already in room"):
        handset.join("tea")
    assert not handset.client.broken.done()
    handset.client.close()


class Careless:
    """A core with a bug."""

    def outbox(self) -> list[Effect]:
        return []

    def wake_at(self) -> float | None:
        return 0.0

    def wake(self, now: float) -> None:
        raise ZeroDivisionError("a bug")


def test_a_bug_is_heard_of() -> None:
    turns = Turns(Careless(), lambda effect: None)
    with pytest.raises(ZeroDivisionError):
        turns.broken.result(PATIENCE)
    turns.close(PATIENCE)

    def fail() -> None:
        raise ZeroDivisionError("another")

    class Careful(Careless):
        def wake_at(self) -> float | None:
            return None

    other = Turns(Careful(), lambda effect: None)
    other.spawn(fail)
    with pytest.raises(ZeroDivisionError, match="another"):
        other.broken.result(PATIENCE)
    other.close(PATIENCE)
