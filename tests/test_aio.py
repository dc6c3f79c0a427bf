"""The asyncio drivers over real sockets on loopback: the conformance table, and what only sockets can do."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from random import Random

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin

from imlab.client.backoff import Backoff
from imlab.client.events import Connected, Event, Lost
from imlab.client.phone import Phone
from imlab.errors import UsageError
from imlab.net.sockets.aio import Runner
from imlab.net.sockets.aio_client import Client, address
from imlab.net.sockets.aio_server import Server
from imlab.net.sockets.gate import refusal
from imlab.net.sockets.listening import listen
from imlab.net.sockets.websocket import built_for_each, built_once
from imlab.server.hub import Hub
from imlab.server.terms import Terms
from imlab.store.memory import MemoryStore
from imlab.store.reader import Reader
from imlab.store.writer import Writer
from imlab.wire.effects import Dial, Effect
from imlab.wire.messages import Chunk, Hello, Join, Refused, VoiceMessage, Welcome
from imlab.wire.protobuf import Protobuf
from tests.conformance import SCENARIOS, Scenario, arrived, note, sent, told

PATIENCE = 20  # seconds until a wait is a failure; nothing here takes one

pytestmark = pytest.mark.process


class Service:
    """A server on a port of 127.0.0.1, over a store that outlives it."""

    def __init__(self, store: MemoryStore, port: int = 0, terms: Terms | None = None) -> None:
        self._socket = listen("127.0.0.1", port)
        self.port: int = self._socket.getsockname()[1]
        self.server = Server(Hub(terms))
        self._writer = Writer(store, self.server.stored)
        self._reader = Reader(store, self.server.stored)

    async def start(self) -> None:
        await self.server.start(self._socket, self._writer.put, self._reader.load)

    async def stop(self) -> None:
        await self.server.stop()
        await asyncio.to_thread(self._writer.close)
        await asyncio.to_thread(self._reader.close)
        if self.server.broken.done():
            self.server.broken.result()

    async def crash(self) -> None:
        """Cut every connection, forget the hub; what the store was told in time stays."""
        self.server.abort()
        await self.stop()


class AioHandset:
    """A client and what it was told."""

    def __init__(self, name: str, seed: int, url: str) -> None:
        self.events: list[Event] = []
        phone = Phone(name, Random(f"{name} {seed}"), backoff=Backoff(first=0.02, most=0.2))
        self.client = Client(phone, url, self.events.append)

    def send(self, message: VoiceMessage) -> None:
        self.client.send(message)

    def join(self, room: str, after: int | None = None) -> None:
        self.client.join(room, after)


class AioPlace:
    """A server and phones in one process, over loopback."""

    def __init__(self, terms: Terms | None = None) -> None:
        self.store = MemoryStore()
        self._terms = terms
        self.service = Service(self.store, 0, terms)
        self._handsets: dict[str, AioHandset] = {}
        self._all: list[AioHandset] = []

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.service.port}"

    def phone(self, name: str, seed: int = 0) -> AioHandset:
        handset = AioHandset(name, seed, self.url)
        self._handsets.setdefault(name, handset)
        self._all.append(handset)
        handset.client.start()
        return handset

    async def until(self, done: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not done():
                await asyncio.sleep(0.001)
        self.check()

    async def settle(self) -> None:
        for handset in self._all:
            await self.until(lambda handset=handset: not handset.client.unsent)  # type: ignore[misc]

    def cut(self, name: str) -> None:
        self._handsets[name].client.cut()

    async def crash(self, terms: Terms | None = None) -> None:
        await self.service.crash()
        self.service = Service(self.store, self.service.port, terms or self._terms)
        await self.service.start()

    def check(self) -> None:
        """A driver that broke fails the test with its own exception."""
        for broken in (self.service.server.broken, *(handset.client.broken for handset in self._all)):
            if broken.done():
                broken.result()

    async def close(self) -> None:
        for handset in self._all:
            await handset.client.close()
        await self.service.stop()
        self.check()


def over_sockets(scenario: Callable[[AioPlace], Awaitable[None]], terms: Terms | None = None) -> None:
    """Run a scenario in a place of its own."""

    async def run() -> None:
        place = AioPlace(terms)
        await place.service.start()
        try:
            await scenario(place)
        finally:
            await place.close()

    asyncio.run(run())


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_conformance(scenario: Scenario) -> None:
    async def run(place: AioPlace) -> None:
        await scenario(place)

    over_sockets(run)


def test_a_note_longer_than_any_buffer_reaches_everyone() -> None:
    """Megabytes through transports that keep bytes: the sender and the server must both hear that they drained."""

    async def run(place: AioPlace) -> None:
        ears = [place.phone(f"ear{i}") for i in range(2)]
        for ear in ears:
            ear.join("tea", after=0)
        ann = place.phone("ann")
        long = [note("tea", "ann", number, size=6_000_000) for number in range(3)]
        for each in long:
            ann.send(each)
        await place.until(lambda: all(len(arrived(ear)) == 3 for ear in ears))
        assert [each.audio for each in arrived(ears[0])] == [each.audio for each in long]

    over_sockets(run)


def test_a_listener_that_stops_reading_delays_nobody_and_misses_nothing() -> None:
    async def run(place: AioPlace) -> None:
        framing, ear, ann = Protobuf(), place.phone("ear"), place.phone("ann")
        ear.join("tea", after=0)
        async with connect(f"{place.url}/ws", max_queue=1, compression=None, max_size=None) as slow:
            await slow.send(framing.encode(Hello("slow")))
            await slow.send(framing.encode(Join("tea", 0)))
            notes = [note("tea", "ann", number, size=400_000) for number in range(40)]
            for each in notes:
                ann.send(each)
            await place.until(lambda: len(arrived(ear)) == 40)
            got = b""
            while len(got) < 16_000_000:
                message = framing.decode(await slow.recv(decode=False))
                got += message.audio if isinstance(message, VoiceMessage | Chunk) else b""
            assert got == b"".join(each.audio for each in notes)

    over_sockets(run)


def test_time_passes_heartbeats_keep_a_quiet_line_and_silence_ends_it() -> None:
    async def run(place: AioPlace) -> None:
        ann = place.phone("ann")
        async with connect(f"{place.url}/ws", compression=None) as silent:
            await silent.send(Protobuf().encode(Hello("silent")))
            with pytest.raises(ConnectionClosed, match="not heard"):
                while True:
                    await silent.recv()
        assert len(told(ann, Connected)) == 1
        assert not told(ann, Lost), "heartbeats kept it"

    over_sockets(run, Terms(heartbeat=0.05, dead=0.4, greeting=0.2))


@pytest.mark.parametrize("words", ["hello", b"\xff\xff\xff", b""], ids=repr)
def test_what_cannot_be_read_is_refused_and_ends_the_connection(words: str | bytes) -> None:
    async def run(place: AioPlace) -> None:
        async with connect(f"{place.url}/ws", compression=None) as stranger:
            await stranger.send(Protobuf().encode(Hello("stranger")))
            assert isinstance(Protobuf().decode(await stranger.recv(decode=False)), Welcome)
            await stranger.send(words)
            refused = Protobuf().decode(await stranger.recv(decode=False))
            assert isinstance(refused, Refused)
            assert (refused.about, refused.fault) == ("", "peer")
            with pytest.raises(ConnectionClosed):
                await stranger.recv()

    over_sockets(run)


def test_a_server_that_makes_no_sense_is_left_and_tried_again() -> None:
    async def babble(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.send(b"\xff\xff\xff")
        await connection.wait_closed()

    async def run() -> None:
        async with serve(babble, "127.0.0.1", 0) as server:
            handset = AioHandset("ann", 0, f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}")
            handset.client.start()
            async with asyncio.timeout(PATIENCE):
                while len(told(handset, Lost)) < 3:
                    await asyncio.sleep(0.001)
            await handset.client.close()
            assert not told(handset, Connected)

    asyncio.run(run())


def test_nobody_answers_and_the_phone_keeps_trying() -> None:
    async def run() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        handset = AioHandset("ann", 0, f"ws://127.0.0.1:{port}")
        handset.client.start()
        async with asyncio.timeout(PATIENCE):
            while len(told(handset, Lost)) < 3:
                await asyncio.sleep(0.001)
        await handset.client.close()

    asyncio.run(run())


def test_stopping_finishes_what_the_store_has_begun() -> None:
    """Every note that the store made durable is acknowledged before the server hangs up."""

    async def run(place: AioPlace) -> None:
        ann = place.phone("ann")
        await place.until(lambda: bool(told(ann, Connected)))
        for number in range(200):
            ann.send(note("tea", "ann", number, size=20_000))
        await place.until(lambda: bool(sent(ann)))
        await place.service.server.stop()
        await place.until(lambda: bool(told(ann, Lost)))
        assert len(sent(ann)) == place.store.load("tea", None, 0).head
        await place.crash()
        await place.until(lambda: len(sent(ann)) == 200)

    over_sockets(run)


class Careless:
    """A core with a bug."""

    def outbox(self) -> list[Effect]:
        return []

    def wake_at(self) -> float | None:
        return 0.0

    def wake(self, now: float) -> None:
        raise ZeroDivisionError("a bug")


def test_a_bug_is_heard_of() -> None:
    async def run() -> None:
        core = Careless()
        runner = Runner(core, lambda effect: None)
        runner.ask(lambda now: None)
        with pytest.raises(ZeroDivisionError):
            await asyncio.wait_for(runner.broken, PATIENCE)

        async def fail() -> None:
            raise ZeroDivisionError("another")

        other = Runner(core, lambda effect: None)
        other.spawn(fail())
        with pytest.raises(ZeroDivisionError):
            await asyncio.wait_for(other.broken, PATIENCE)
        await other.close()

    asyncio.run(run())


def test_an_effect_that_asks_for_more_waits_its_turn() -> None:
    """An application may answer an event at once; what follows must not overtake what was to be done before."""

    class Wordy(Careless):
        def __init__(self) -> None:
            self.waiting: list[Effect] = [Dial("a"), Dial("b")]

        def outbox(self) -> list[Effect]:
            effects, self.waiting = self.waiting, []
            return effects

        def wake_at(self) -> float | None:
            return None

    async def run() -> list[str]:
        core, done = Wordy(), list[str]()

        def do(effect: Effect) -> None:
            assert isinstance(effect, Dial)
            done.append(effect.peer)
            if effect.peer == "a":
                runner.ask(lambda now: core.waiting.append(Dial("c")))

        runner = Runner(core, do)
        runner.ask(lambda now: None)
        return done

    assert asyncio.run(run()) == ["a", "b", "c"]


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536, 300_000])
def test_a_frame_built_once_is_the_library_s_own(size: int) -> None:
    async def run() -> None:
        got: dict[str, bytes] = {}
        served: asyncio.Queue[ServerConnection] = asyncio.Queue()

        async def attend(connection: ServerConnection) -> None:
            served.put_nowait(connection)
            await connection.wait_closed()

        async with (
            serve(attend, "127.0.0.1", 0, compression=None) as server,
            connect(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}", compression=None) as client,
        ):
            connection = await served.get()
            for write in (built_once, built_for_each):
                write([connection], bytes(size))
                got[write.__name__] = await client.recv(decode=False)
        assert got["built_once"] == got["built_for_each"] == bytes(size)
        built_once([connection], b"nobody is there any more")

    asyncio.run(run())


def test_small_messages_leave_at_once() -> None:
    """Without TCP_NODELAY an Ack may wait 40 ms for the client's delayed acknowledgement of the one before."""
    with listen("127.0.0.1", 0) as listening, socket.create_connection(listening.getsockname()):
        accepted, _ = listening.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


GATE = [
    ("/ws", "127.0.0.1:8765", None, 0),
    ("/ws", "any.example:8765", None, 0),  # no browser: it could say anything anyway
    ("/ws", "127.0.0.1:8765", "http://127.0.0.1:8766", 0),
    ("/ws", "[::1]:8765", "http://[::1]:8766", 0),
    ("/ws", "localhost:8765", "http://localhost:3000", 0),
    ("/ws?token=1", "localhost", "http://localhost", 0),
    ("/ws", "127.0.0.1:8765", "https://evil.example", 403),
    ("/ws", "evil.example:8765", "http://evil.example:8765", 403),  # DNS rebinding
    ("/ws", "127.0.0.1:8765", "null", 403),  # a sandboxed frame or a file
    ("/ws", "[::1", "http://[::1", 403),
    ("/", "127.0.0.1:8765", None, 404),
    ("/ws/../x", "127.0.0.1:8765", None, 404),
]


@pytest.mark.parametrize(("path", "host", "origin", "status"), GATE)
def test_who_may_come_in(path: str, host: str, origin: str | None, status: int) -> None:
    assert (refusal(path, host, origin) or (0, ""))[0] == status


def test_a_name_of_our_own_may_be_used() -> None:
    page = "http://lab.example"
    assert refusal("/ws", "lab.example:8765", page) is not None
    assert refusal("/ws", "LAB.example:8765", page, ["lab.example"]) is None
    assert refusal("/ws", "evil.example:8765", "http://evil.example", ["lab.example"]) is not None


def test_a_page_from_elsewhere_may_not_come_in() -> None:
    async def run(place: AioPlace) -> None:
        with pytest.raises(InvalidStatus, match="403"):
            await connect(f"{place.url}/ws", origin=Origin("https://evil.example"))
        async with connect(f"{place.url}/ws", origin=Origin("http://127.0.0.1")):
            pass

    over_sockets(run)


ADDRESSES = [
    ("ws://127.0.0.1:8765", "ws://127.0.0.1:8765/ws"),
    ("ws://127.0.0.1:8765/", "ws://127.0.0.1:8765/ws"),
    ("ws://127.0.0.1:8765/ws", "ws://127.0.0.1:8765/ws"),
    ("wss://example.org/behind", "wss://example.org/behind/ws"),
]


@pytest.mark.parametrize(("given", "dialled"), ADDRESSES)
def test_addresses(given: str, dialled: str) -> None:
    assert address(given) == dialled


@pytest.mark.parametrize("wrong", ["127.0.0.1:8765", "http://127.0.0.1", "", "ws://"])
def test_what_is_no_address(wrong: str) -> None:
    with pytest.raises(UsageError, match="ws://HOST:PORT"):
        address(wrong)
