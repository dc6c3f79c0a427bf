"""Laws of the proxy over real sockets: bytes and their order, lower bounds on time (never upper ones), refusals."""

from __future__ import annotations

import asyncio
import socket
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from math import inf
from random import Random
from threading import Thread
from time import monotonic

import pytest

from imlab.errors import UsageError
from imlab.net.fate.losses import GilbertElliott
from imlab.net.fate.outages import Spans
from imlab.net.fate.ratetrace import RateTrace
from imlab.net.links import Link, Path, Reordering
from imlab.net.profiles import PROFILES
from imlab.net.proxy import HOST, Proxy, proxy
from imlab.net.proxying.flow import reset
from imlab.net.proxying.thread import ProxyThread, proxy_thread

pytestmark = pytest.mark.process

PATIENCE = 20.0  # seconds that a loaded machine may take; only a failure lasts so long
PERFECT = Path("perfect", Link(), Link())

Serve = Callable[[StreamReader, StreamWriter], Coroutine[None, None, None]]


async def echo(reader: StreamReader, writer: StreamWriter) -> None:
    """Answers with what it hears."""
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()
    writer.write_eof()


@asynccontextmanager
async def server(serve: Serve = echo) -> AsyncIterator[int]:
    """The port of a server on loopback."""
    async with await asyncio.start_server(serve, HOST, 0) as listening:
        yield listening.sockets[0].getsockname()[1]


@asynccontextmanager
async def call(port: int) -> AsyncIterator[tuple[StreamReader, StreamWriter]]:
    """A connection that is aborted at the end."""
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


def run(test: Coroutine[None, None, None]) -> None:
    """In a loop of its own, with patience."""

    async def patiently() -> None:
        async with asyncio.timeout(PATIENCE):
            await test

    asyncio.run(patiently())


async def exchange(port: int, data: bytes) -> bytes:
    """All that comes back for ``data`` and its end."""
    async with call(port) as (reader, writer):
        writer.write(data)
        writer.write_eof()
        return await reader.read()


BYTES = Random(1).randbytes(300_000)
JITTERY = Link(0.01, jitter=0.03, rate=3e6)
FADING = Link(0.005, rate=RateTrace(((0.02, 2e6), (0.02, 0.0), (0.02, 1e7))), queue=20_000)


@pytest.mark.parametrize(
    "link",
    [Link(), JITTERY, FADING, Link(rate=2e6, queue=0), Link(0.02, rate=5e6, outages=((0.05, 0.15), (0.2, 0.25)))],
    ids=repr,
)
def test_every_byte_comes_in_order(link: Link) -> None:
    async def test() -> None:
        async with server() as target, proxy(HOST, target, Path("p", link, link), 1) as port:
            several = await asyncio.gather(*(exchange(port, BYTES[start:]) for start in (0, 100_000, 299_999)))
            assert several == [BYTES, BYTES[100_000:], BYTES[-1:]]

    run(test())


def test_the_round_trip_is_paid_for_the_handshake_and_for_each_answer() -> None:
    async def test() -> None:
        async with server() as target, proxy(HOST, target, Path("p", Link(0.06), Link(0.04)), 1) as port:
            begun = monotonic()
            async with call(port) as (reader, writer):
                for trips in (2, 3, 4):
                    writer.write(b"?")
                    assert await reader.readexactly(1) == b"?"
                    assert monotonic() - begun >= trips * 0.1

    run(test())


@pytest.mark.parametrize("way", ["up", "down"])
def test_the_rate_bounds_all_connections_together(way: str) -> None:
    slow = Link(rate=400_000)
    path = Path("p", slow, Link()) if way == "up" else Path("p", Link(), slow)

    async def test() -> None:
        async with server() as target, proxy(HOST, target, path, 1) as port:
            begun = monotonic()
            await asyncio.gather(*(exchange(port, BYTES[:40_000]) for _ in range(3)))
            assert monotonic() - begun >= 120_000 / 400_000

    run(test())


@pytest.mark.parametrize("way", ["up", "down"])
def test_nothing_passes_in_an_outage_and_nothing_is_lost(way: str) -> None:
    """Over a connection that was open before; its bytes wait, in their order, until the outage is over."""
    dead = Link(0.01, rate=1e6, outages=((0.0, 0.4),))
    path = Path("p", dead, Link()) if way == "up" else Path("p", Link(), dead)

    async def test() -> None:
        async with server() as target:
            begun = monotonic()  # before the proxy begins: its clock is behind this one
            async with Proxy(HOST, target, PERFECT, 1) as running, call(running.port) as (reader, writer):
                writer.write(b"open")
                assert await reader.readexactly(4) == b"open"
                running.change(path)
                writer.write(BYTES[:50_000])
                assert await reader.readexactly(1) == BYTES[:1]
                assert monotonic() - begun >= 0.4
                assert await reader.readexactly(49_999) == BYTES[1:50_000]

    run(test())


def test_a_link_that_dies_stalls_and_goes_on_when_it_is_back() -> None:
    async def test() -> None:
        async with (
            server() as target,
            Proxy(HOST, target, PERFECT, 1) as running,
            call(running.port) as (reader, writer),
        ):
            writer.write(b"a")
            assert await reader.readexactly(1) == b"a"
            dead = Link(outages=Spans(((0, inf),)))
            running.change(Path("dead", dead, Link()))
            writer.write(b"b")
            answer = asyncio.create_task(reader.readexactly(1))
            done, _ = await asyncio.wait([answer], timeout=0.2)
            assert not done, "a byte came over a dead link"
            running.change(PERFECT)
            assert await answer == b"b"

    run(test())


def test_a_slow_link_that_becomes_perfect_keeps_the_order() -> None:
    async def test() -> None:
        slow = Path("slow", Link(rate=50_000), Link())
        async with server() as target, Proxy(HOST, target, slow, 1) as running, call(running.port) as (reader, writer):
            writer.write(BYTES[:20_000])
            assert await reader.readexactly(1) == BYTES[:1]
            running.change(PERFECT)
            writer.write(BYTES[20_000:])
            assert await reader.readexactly(len(BYTES) - 1) == BYTES[1:]

    run(test())


@pytest.mark.parametrize("way", ["up", "down"])
def test_a_half_open_link_swallows_and_tells_nobody(way: str) -> None:
    heard = bytearray()

    async def hearing(reader: StreamReader, writer: StreamWriter) -> None:
        while data := await reader.read(1000):
            heard.extend(data)
            writer.write(data)

    async def test() -> None:
        gone = Path("p", Link(loss=1.0), Link()) if way == "up" else Path("p", Link(), Link(loss=1.0))
        async with server(hearing) as target, Proxy(HOST, target, PERFECT, 1) as running:
            async with call(running.port) as (reader, writer):
                writer.write(b"a")
                assert await reader.readexactly(1) == b"a"
                running.change(gone)
                writer.write(b"b" * 1000)
                rest = asyncio.create_task(reader.read(1))
                done, _ = await asyncio.wait([rest], timeout=0.2)
                assert not done and not writer.is_closing()
                running.change(PERFECT)
                writer.write(b"c")
                assert await rest == b"c"
            assert heard == b"a" + b"b" * 1000 * (way == "down") + b"c"

    run(test())


def test_a_full_queue_stops_the_sender() -> None:
    """What a sender gets rid of is bounded by the kernel's buffers and the link's queue, not by what it has."""
    offered = bytes(1 << 20)

    async def test() -> None:
        async with server() as target, proxy(HOST, target, Path("p", Link(rate=1000, queue=5000), Link()), 1) as port:
            sender = socket.create_connection((HOST, port))
            sender.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)
            sender.setblocking(False)
            sending = asyncio.create_task(asyncio.get_running_loop().sock_sendall(sender, offered))
            done, _ = await asyncio.wait([sending], timeout=0.5)
            sending.cancel()
            sender.close()
            assert not done, "1 MB went into a link of 1 kB/s with a queue of 5 kB"

    run(test())


def test_an_end_is_an_end_and_a_reset_a_reset() -> None:
    async def slamming(reader: StreamReader, writer: StreamWriter) -> None:
        if await reader.read(1) == b"!":
            reset(writer)
        else:
            writer.write(b"bye")
            writer.close()

    async def test() -> None:
        async with server(slamming) as target, proxy(HOST, target, Path("p", Link(0.01), Link(0.01)), 1) as port:
            async with call(port) as (reader, writer):
                writer.write(b".")
                assert await reader.read() == b"bye"
            async with call(port) as (reader, writer):
                writer.write(b"!")
                with pytest.raises(ConnectionResetError):
                    await reader.read()

    run(test())


def test_a_target_that_is_not_there_ends_the_connection() -> None:
    async def test() -> None:
        with socket.create_server((HOST, 0)) as nobody:
            free = nobody.getsockname()[1]
        async with proxy(HOST, free, PERFECT, 1) as port, call(port) as (reader, _):
            with pytest.raises(ConnectionError):
                await reader.readexactly(1)

    run(test())


def test_leaving_cuts_what_is_open() -> None:
    async def test() -> None:
        async with server() as target:
            async with proxy(HOST, target, Path("p", Link(rate=10.0), Link()), 1) as port:
                reader, writer = await asyncio.open_connection(HOST, port)
                writer.write(bytes(10_000))
            with pytest.raises(ConnectionError):
                await reader.readexactly(1)
            writer.transport.abort()
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection(HOST, port)

    run(test())


CANNOT = [
    Link(loss=0.01),
    Link(loss=GilbertElliott(0.1, 0.5)),
    Link(duplication=0.1),
    Link(reordering=Reordering(0.1, 0.1)),
]


@pytest.mark.parametrize("link", CANNOT, ids=repr)
def test_what_tcp_hides_is_refused_and_the_engine_that_can_is_named(link: Link) -> None:
    for path in (Path("p", link, Link()), Path("p", Link(), link)):
        with pytest.raises(UsageError, match="TUN"):
            Proxy(HOST, 1, path, 1)


def test_profiles_without_loss_are_accepted() -> None:
    accepted = [name for name, profile in PROFILES.items() if not profile.path.up.loss_model.mean]
    assert [Proxy(HOST, 1, PROFILES[name].path, 1).port for name in accepted] == [0] * len(accepted)
    assert {"good 4G", "3G", "EDGE", "lift", "8 kB/s uplink"} == set(accepted)


# Beside the caller


def answer_once(listener: socket.socket) -> None:
    """One connection, echoed without asyncio."""
    connection, _ = listener.accept()
    with connection:
        while data := connection.recv(65_536):
            connection.sendall(data)


def test_a_proxy_in_a_thread_serves_blocking_programs() -> None:
    with socket.create_server((HOST, 0)) as listener:
        echoing = Thread(target=answer_once, args=(listener,))
        echoing.start()
        with proxy_thread(HOST, listener.getsockname()[1], Path("p", Link(0.02), Link(0.02)), 1) as port:
            begun = monotonic()
            with socket.create_connection((HOST, port), timeout=PATIENCE) as client:
                client.sendall(b"hello")
                assert client.recv(5, socket.MSG_WAITALL) == b"hello"
            assert monotonic() - begun >= 0.08
            echoing.join(PATIENCE)


def test_a_proxy_in_a_thread_changes_and_refuses_in_the_callers() -> None:
    with pytest.raises(UsageError, match="TUN"):
        ProxyThread(HOST, 1, Path("p", Link(loss=0.5), Link()), 1)
    running = ProxyThread(HOST, 1, PERFECT, 1)
    running.open()
    running.change(Path("p", Link(0.1), Link()))
    with pytest.raises(UsageError, match="TUN"):
        running.change(Path("p", Link(loss=0.5), Link()))
    running.close()
