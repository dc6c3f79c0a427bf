"""Bad links, outages and a kill -9 on one day: each note delivered once, in order, byte for byte; nothing lost.

A mouth and an ear, each on a host of its own behind a bad link, and a durable server on a third: real processes,
sockets and TCP through the TUN engine. What was given, acknowledged, heard and stored must agree, note by note.
(In virtual time, with more luck: test_virtual_chaos.)
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from math import sqrt
from pathlib import Path as File
from random import Random
from time import monotonic, sleep

import pytest

from imlab.audio.clip import Clip
from imlab.client.events import Event
from imlab.client.phone import Phone
from imlab.client.recorder import Recorder
from imlab.codec.opus import Opus
from imlab.errors import DoorError
from imlab.net.links import Link, Path, Reordering
from imlab.net.sockets.aio_client import Client
from imlab.net.tun import Host, Network
from imlab.server.terms import Terms
from imlab.stack.plan import ServerPlan
from imlab.stack.server import RunningServer, start
from imlab.store.sqlite import SqliteStore
from imlab.wire.messages import VoiceMessage
from tests.tally import Tally, check
from tests.tools import need_network

SEED = 5
PORT = 8765  # of a host that nobody else is on
OUTAGE_S = 2.5
PATIENCE_S = 240.0  # for a whole day; it takes less than a minute
CODEC = Opus(bitrate=12_000, frame_ms=60, complexity=0)
HEARTBEAT = Terms(heartbeat=4.0, dead=8.0)  # a lost goodbye is noticed after seconds; half a minute would do as well


class Caller:
    """A real phone and its tally, in a loop of its own; it listens to a room if there is one."""

    def __init__(self, name: str, server: str, notes: Sequence[VoiceMessage] = (), room: str = "") -> None:
        self.tally = Tally(notes)
        self._name, self._server, self._room = name, server, room
        self._over: Future[None] = Future()

    async def live(self) -> None:
        """Until ``stop``, or until something breaks."""
        client = Client(Phone(self._name, Random(self._name)), self._server, self._hear)
        self._client = client
        if self._room:
            client.join(self._room, 0)
        self.tally.talk(client.send)
        client.start()
        over = asyncio.wrap_future(self._over)
        done, _ = await asyncio.wait({over, client.broken}, return_when=asyncio.FIRST_COMPLETED)
        for each in done:
            each.result()
        await client.close()

    def stop(self) -> None:
        """From another thread."""
        self._over.set_result(None)

    def _hear(self, event: Event) -> None:
        self.tally.hear(event)
        self.tally.talk(self._client.send)


def run_on(host: Host, caller: Caller) -> None:
    """A thread's work: the caller lives on the host, its sockets too."""
    with host.entered():
        asyncio.run(caller.live())


class Stage:
    """The network, the server and the two callers of one day, which runs in this thread as they live in theirs."""

    def __init__(self, network: Network, link: Link, data: File, notes: Sequence[VoiceMessage]) -> None:
        self.network, self.link, self.given = network, link, notes
        address = network["server"].address
        self._plan = ServerPlan(host=address, ws_port=PORT, data=data, terms=HEARTBEAT)
        self.server = self._started()
        url = f"ws://{address}:{PORT}"
        self._callers = {"mouth": Caller("mouth", url, notes), "ear": Caller("ear", url, room="tea")}
        self.mouth, self.ear = (caller.tally for caller in self._callers.values())
        self._lives: list[Future[None]] = []
        self._end = monotonic() + PATIENCE_S

    @contextmanager
    def alive(self) -> Iterator[None]:
        """Both callers live; at the end they hang up and the server is stopped, and none of them may complain."""
        with ThreadPoolExecutor(2) as threads:
            for name, caller in self._callers.items():
                self._lives.append(threads.submit(run_on, self.network[name], caller))
            try:
                yield
            finally:
                for caller in self._callers.values():
                    caller.stop()
        for life in self._lives:
            life.result()
        self.server.stop()

    def until(self, done: Callable[[], bool], what: str) -> None:
        """Wait; at the day's deadline say what is missing."""
        while not done():
            for life in self._lives:
                if life.done():
                    life.result()
            if monotonic() > self._end:
                pytest.fail(f"{PATIENCE_S:g} s, and still not {what}: {self}", pytrace=False)
            sleep(0.01)

    @contextmanager
    def dark(self) -> Iterator[None]:
        """Nothing arrives at either caller or from it, and something was to."""
        before = self._swallowed()
        self._behind(replace(self.link, outages=((0.0, 1e6),)))
        yield
        self._behind(self.link)
        assert self._swallowed() > before, "nobody spoke during the outage"

    def rest(self) -> None:
        """As long as an outage lasts."""
        end = monotonic() + OUTAGE_S
        self.until(lambda: monotonic() >= end, "the end of an outage")

    def kill(self) -> None:
        """kill -9, in the middle of things; what was acknowledged by then is in the store."""
        promised = dict(self.mouth.acknowledged)
        os.kill(self.server.pid, signal.SIGKILL)
        with pytest.raises(DoorError, match="ended with -9"):
            self.server.stop()
        stored = read(self._plan.data)
        assert promised.items() <= {note.id: note.sequence for note in stored}.items()
        assert 0 < len(stored) < len(self.given), "the server was killed before or after everything"

    def revive(self) -> None:
        """Another server over the same store, where the old one was."""
        self.server = self._started()

    def _started(self) -> RunningServer:
        with self.network["server"].entered():
            return start(self._plan)

    def _behind(self, link: Link) -> None:
        for name in self._callers:
            self.network.change(name, Path("chaos", link, link))

    def _swallowed(self) -> int:
        return sum(link["outage"] for link in self.network.traffic().links.values())

    def __str__(self) -> str:
        numbers = {note.sequence for note in self.ear.heard}
        missing = [number for number in range(1, len(self.given) + 1) if number not in numbers]
        said = f"{len(self.given)} given, {len(self.mouth.acknowledged)} acknowledged, not heard {missing}"
        ends = {"mouth": self.mouth.ups_and_downs[-3:], "ear": self.ear.ups_and_downs[-3:]}
        return f"{said}; {ends}; {self.network.traffic().links}"


def outage(stage: Stage) -> None:
    with stage.dark():
        stage.rest()


def death(stage: Stage) -> None:
    stage.kill()
    stage.revive()


def death_in_an_outage(stage: Stage) -> None:
    with stage.dark():
        stage.kill()
        stage.revive()
        stage.rest()


Act = Callable[[Stage], None]


@dataclass(frozen=True, slots=True)
class Day:
    """notes: how many are sent over the link. acts: what befalls them, each after so many are acknowledged."""

    link: Link
    notes: int
    acts: tuple[tuple[int, Act], ...]


DAYS = {
    "100 ms, 10 % loss, two outages, a kill": Day(
        Link(delay=0.1, loss=0.1), 200, ((50, outage), (100, death), (150, outage))
    ),
    "jitter, copies, wrong order, a kill in an outage": Day(
        Link(delay=0.02, jitter=0.02, loss=0.05, duplication=0.05, reordering=Reordering(0.05, 0.03)),
        60,
        ((30, death_in_an_outage),),
    ),
}


def spoken_notes(speech: Clip, count: int) -> list[VoiceMessage]:
    """From 1 to 3 s of the speech, from anywhere in it, so that no two have the same bytes."""
    random, found = Random(SEED), []
    for number in range(count):
        length = round(random.uniform(1, 3) * speech.rate)
        begin = random.randrange(len(speech.samples) - length)
        recorder = Recorder(CODEC)
        recorder.add(speech.samples[begin : begin + length])
        found.append(recorder.stop(f"{random.getrandbits(128):032x}", "mouth", "tea", number))
    return found


def read(data: File | None) -> tuple[VoiceMessage, ...]:
    """What a dead server has left."""
    assert data
    with closing(SqliteStore(data)) as store:
        return store.load("tea", 0, 1 << 40).notes


@pytest.mark.process
@pytest.mark.parametrize("day", DAYS.values(), ids=DAYS.keys())
def test_each_note_is_delivered_once_in_order_whatever_happens(day: Day, speech: Clip, tmp_path: File) -> None:
    need_network()
    path = Path("chaos", day.link, day.link)
    notes = spoken_notes(speech, day.notes)
    with Network({"mouth": path, "ear": path, "server": None}, SEED) as network:
        stage = Stage(network, day.link, tmp_path, notes)
        with stage.alive():
            for so_many, act in day.acts:
                stage.until(lambda: len(stage.mouth.acknowledged) >= so_many, f"{so_many} acknowledged")  # noqa: B023
                act(stage)
            stage.until(lambda: len(stage.ear.heard) == day.notes, "all heard")
            stage.until(lambda: len(stage.mouth.acknowledged) == day.notes, "all acknowledged")
        links = network.traffic().links
    check(notes, stage.mouth.acknowledged, {"ear": stage.ear.heard, "store": read(tmp_path)})
    share = day.link.loss_model.mean
    for name in ("mouth up", "mouth down", "ear up", "ear down"):
        lost, offered = links[name]["lost on the air"], links[name]["offered"]
        assert abs(lost - share * offered) < 5 * sqrt(share * offered), f"{name}: lost {lost} of {offered}"
    assert sum(link["lost on the air"] for link in links.values()) > 10, links
