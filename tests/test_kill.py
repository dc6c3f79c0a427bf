"""kill -9 at any moment: nothing acknowledged is lost, nothing is stored twice, and the clients finish."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest

from imlab.client.backoff import Backoff
from imlab.client.events import Arrived, Event, Progress, Sent
from imlab.client.phone import Phone
from imlab.net.sockets.aio_client import Client
from imlab.stack.plan import ServerPlan
from imlab.stack.server import start
from imlab.store.sqlite import SqliteStore
from imlab.wire.messages import VoiceMessage
from tests.conformance import note

KILLS = 50
PATIENCE = 120  # seconds until a wait is a failure
SIZES = (300, 2_000, 20_000, 150_000)  # bytes; the last needs three messages

pytestmark = pytest.mark.process


def free_port() -> int:
    """A port that nobody had a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


@dataclass
class Mouth:
    """A client that never stops talking, a few notes ahead of what is acknowledged."""

    name: str
    url: str
    random: Random
    acknowledged: dict[str, int] = field(default_factory=dict)
    given: list[VoiceMessage] = field(default_factory=list)
    held: int = 0  # acknowledgements by the server of bytes
    talking: bool = True

    def __post_init__(self) -> None:
        phone = Phone(self.name, Random(self.name), backoff=Backoff(first=0.01, most=0.05))
        self.client = Client(phone, self.url, self._hear)
        self.client.start()

    def talk(self, ahead: int = 6) -> None:
        """Give notes until so many are unacknowledged."""
        while self.talking and self.client.unsent < ahead:
            message = note("tea", self.name, len(self.given), size=self.random.choice(SIZES))
            self.given.append(message)
            self.client.send(message)

    def _hear(self, event: Event) -> None:
        if isinstance(event, Progress):
            self.held += 1
        if isinstance(event, Sent):
            assert self.acknowledged.setdefault(event.id, event.sequence) == event.sequence, "one note, two places"
            self.talk()


class Ear:
    """A client that writes down what arrives."""

    def __init__(self, url: str) -> None:
        self.heard: list[VoiceMessage] = []
        self.client = Client(Phone("ear", Random(1), backoff=Backoff(first=0.01, most=0.05)), url, self._hear)
        self.client.join("tea", 0)
        self.client.start()

    def _hear(self, event: Event) -> None:
        if isinstance(event, Arrived):
            self.heard.append(event.note)


async def until(done: Callable[[], bool], *clients: Client) -> None:
    """Wait; a client that breaks ends it with its own exception."""
    async with asyncio.timeout(PATIENCE):
        while not done():
            await asyncio.sleep(0.001)
            for client in clients:
                if client.broken.done():
                    client.broken.result()


@asynccontextmanager
async def nursery(port: int, directory: Path) -> AsyncIterator[Callable[[], Awaitable[int]]]:
    """Servers that come back; call it for the next one's process id, once that accepts connections."""
    command = (sys.executable, "-P", "-m", "tests.nursery", str(port), str(directory))
    root = Path(__file__).parents[1]
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd=root,
        env=os.environ | {"PYTHONPATH": str(root), "OPENBLAS_NUM_THREADS": "1"},
    )  # fmt: skip
    assert process.stdin and process.stdout
    lines = process.stdout

    async def ready() -> int:
        async with asyncio.timeout(PATIENCE):
            pid: int = json.loads(await lines.readline())["pid"]
            return pid

    try:
        yield ready
    finally:
        process.stdin.close()
        assert await asyncio.wait_for(process.wait(), PATIENCE) == 0


def check(mouths: list[Mouth], heard: list[VoiceMessage], directory: Path) -> None:
    """What was given was acknowledged, stored and heard: once, in one order, byte for byte."""
    store = SqliteStore(directory)
    stored = store.load("tea", 0, 1 << 40).notes
    store.close()
    given = {each.id: each for mouth in mouths for each in mouth.given}
    acknowledged = dict(pair for mouth in mouths for pair in mouth.acknowledged.items())
    assert list(stored) == heard
    assert [each.sequence for each in stored] == list(range(1, len(given) + 1))
    assert {each.id: each.sequence for each in stored} == acknowledged
    assert all(each.audio == given[each.id].audio for each in stored)
    for mouth in mouths:
        assert [each.id for each in stored if each.sender == mouth.name] == [each.id for each in mouth.given]


def test_killed_at_fifty_random_moments(tmp_path: Path) -> None:
    async def run() -> None:
        random, port = Random(20), free_port()
        async with nursery(port, tmp_path) as next_life:
            pid = await next_life()
            url = f"ws://127.0.0.1:{port}"
            ear, mouths = Ear(url), [Mouth(f"mouth{i}", url, Random(i)) for i in range(3)]
            clients = [ear.client, *(mouth.client for mouth in mouths)]
            for _ in range(KILLS):
                for mouth in mouths:
                    mouth.talk()
                before, wanted = sum(len(m.acknowledged) for m in mouths), random.randrange(8)
                await until(lambda: sum(len(m.acknowledged) for m in mouths) >= before + wanted, *clients)  # noqa: B023
                await asyncio.sleep(random.uniform(0, 0.02))  # anywhere in what follows
                os.kill(pid, signal.SIGKILL)
                pid = await next_life()
            for mouth in mouths:
                mouth.talking = False
            await until(lambda: not any(client.unsent for client in clients), *clients)
            await until(lambda: len(ear.heard) == sum(len(mouth.given) for mouth in mouths), *clients)
            for client in clients:
                await client.close()
        check(mouths, ear.heard, tmp_path)

    asyncio.run(run())


def test_killed_in_the_middle_of_a_long_note(tmp_path: Path) -> None:
    """The real program, killed when it holds a part of a long note; another takes its place, the client goes on."""

    async def run() -> None:
        plan = ServerPlan(ws_port=free_port(), data=tmp_path)
        server = await asyncio.to_thread(start, plan)
        ann, ear = Mouth("ann", server.ws, Random(1), talking=False), Ear(server.ws)
        ann.given = [note("tea", "ann", number, size=8_000_000) for number in range(3)]
        for each in ann.given:
            ann.client.send(each)
        await until(lambda: len(ann.acknowledged) == 1 and ann.held > 150, ann.client)
        await asyncio.to_thread(server.kill)
        assert len(ann.acknowledged) < 3, "it was over before the kill"
        server = await asyncio.to_thread(start, plan)
        await until(lambda: len(ear.heard) == 3 and len(ann.acknowledged) == 3, ann.client, ear.client)
        await ann.client.close()
        await ear.client.close()
        await asyncio.to_thread(server.stop)
        check([ann], ear.heard, tmp_path)

    asyncio.run(run())


def test_stopped_in_the_middle_of_a_stream(tmp_path: Path) -> None:
    """SIGTERM is no crash: all that was stored was acknowledged before the server hung up, and nothing else was."""

    async def run() -> None:
        server = await asyncio.to_thread(start, ServerPlan(data=tmp_path))
        mouths = [Mouth(f"mouth{i}", server.ws, Random(i)) for i in range(3)]
        for mouth in mouths:
            mouth.talk()
        clients = [mouth.client for mouth in mouths]
        await until(lambda: all(len(mouth.acknowledged) >= 20 for mouth in mouths), *clients)
        await asyncio.to_thread(server.stop)
        for client in clients:
            await client.close()
        store = SqliteStore(tmp_path)
        stored = store.load("tea", 0, 1 << 40).notes
        store.close()
        assert {each.id: each.sequence for each in stored} == dict(
            pair for mouth in mouths for pair in mouth.acknowledged.items()
        )

    asyncio.run(run())
