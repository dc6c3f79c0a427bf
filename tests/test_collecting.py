"""Requests taken whole by their connection are answered as the plain ASGI way answers them, byte for byte."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from imlab.net.sockets.listening import listen
from imlab.net.web.application import Application
from imlab.net.web.serving.http import HttpServer
from imlab.net.web.serving.ready import Header
from imlab.net.web.serving.whole import Order, Orders
from imlab.net.web.uploads.posting import Post, Posting
from imlab.net.web.uploads.put import NOTES, Put
from imlab.server.doors import Body, Claimed, Committed, Examined
from imlab.server.upload_terms import Patience, UploadTerms
from imlab.store.memory import MemoryStore
from imlab.wire.messages import VoiceMessage
from tests.uploads import anything, kept

pytestmark = pytest.mark.process

MEMORY = 4_000  # bytes that a body may have to be taken whole
IDS = [f"{number:032x}" for number in range(3)]
END = b"PUT /end HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"  # to part on good terms


async def examine(body: Body, claimed: Claimed) -> Examined:
    """One kind of file brings out a bug."""
    if isinstance(body, bytes) and body.startswith(b"bug"):
        raise RuntimeError("a bug")
    return await anything(body, claimed)


class Two:
    """Two servers of one kind, in a thread: one takes small bodies whole, one does not."""

    def __init__(self, directory: Path, patience: Patience) -> None:
        self.terms = UploadTerms(file=20_000, memory=MEMORY, patience=patience)
        self.stores = [MemoryStore(), MemoryStore()]
        self.whole = 0  # requests so taken
        self._directory = directory
        self._listening = [listen("127.0.0.1", 0), listen("127.0.0.1", 0)]
        self._stop = asyncio.Event()

    async def serve(self) -> None:
        servers: list[HttpServer] = []
        for store, listening in zip(self.stores, self._listening, strict=True):
            put = Put(Posting(examine, posts(store)), self._directory / f"{id(store)}", self.terms, lambda: 1.7e9)
            app = Application({("PUT", NOTES): put}, put, whole=self._counted(put) if not servers else None)
            servers.append(HttpServer(app, None, app.at_once, app.orders))
            servers[-1].start(listening)
        await self._stop.wait()
        for server in servers:
            await server.stop()

    def ask(self, pieces: Sequence[bytes]) -> list[bytes]:
        """What each says to this, sent in these pieces, until it hangs up; dates and ids that it drew blotted out."""
        return [self._asked(listening.getsockname(), pieces) for listening in self._listening]

    def leave(self, request: bytes) -> None:
        """Say it to the first, and go without waiting."""
        with socket.create_connection(self._listening[0].getsockname()) as connection:
            connection.sendall(request)

    @contextmanager
    def standing(self) -> Iterator[Two]:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            thread = threading.Thread(target=runner.run, args=(self.serve(),))
            thread.start()
            try:
                yield self
            finally:
                runner.get_loop().call_soon_threadsafe(self._stop.set)
                thread.join()

    def _counted(self, put: Put) -> Orders:
        def order(method: bytes, target: bytes, headers: Sequence[Header]) -> Order | None:
            found = put.order(method, target, headers)
            self.whole += found is not None
            return found

        return order

    def _asked(self, address: tuple[str, int], pieces: Sequence[bytes]) -> bytes:
        with socket.create_connection(address, timeout=30) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for piece in pieces:
                connection.sendall(piece)
            said = b""
            while data := connection.recv(65_536):
                said += data
        return re.sub(rb"date: [^\r]*|(?<![0-9a-f])(?!0{16})[0-9a-f]{32}(?![0-9a-f])", b"*", said)


def posts(store: MemoryStore) -> Post:
    async def post(note: VoiceMessage, body: Body) -> Committed:
        (answer,) = store.commit([note], {note.id: body})
        await asyncio.sleep(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return post


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    with Two(tmp_path_factory.mktemp("two"), Patience()).standing() as standing:
        yield standing


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    with Two(tmp_path_factory.mktemp("hasty"), Patience(silence=0.05, linger=0.05)).standing() as standing:
        yield standing


def request(body: bytes, path: str = "/notes/tea?sender=ann", method: str = "PUT", **headers: str) -> bytes:
    given = {"Host": "localhost", "Content-Length": str(len(body))}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in given.items() if value)
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body


PATHS = [
    "/notes/tea?sender=ann",
    "/notes/tea%20room",
    "/notes/t%C3%A9?sender=b+c&timestamp_ms=5&duration_ms=9",
    "/notes/x",
]
BODIES = st.one_of(
    st.binary(min_size=1, max_size=300),
    st.sampled_from([b"type", b"content", b"same", b"x" * MEMORY, b"x" * (MEMORY + 1)]),
)
KEYS = st.sampled_from(["", *IDS])
TYPES = st.sampled_from(["", "audio/ogg", "audio/wav", "nonsense"])
TAKEN = st.builds(
    lambda body, path, key, kind: request(body, path, idempotency_key=key, content_type=kind),
    BODIES, st.sampled_from(PATHS), KEYS, TYPES,
)  # fmt: skip
LAST = st.sampled_from(
    [
        END,
        request(b"", "/notes/tea?sender=ann") + END,
        request(b"x", "/notes/"),
        request(b"x", "/notes/tea?sender="),
        request(b"x", "/notes/tea?timestamp_ms=soon"),
        request(b"x", "/notes/tea?a=%ff"),
        request(b"x", "/notes/%ff"),
        request(b"x", idempotency_key="not hexadecimal"),
        request(b"x", connection="close"),
        request(b"x", host="elsewhere.example") + END,
        request(b"x", "/notes/tea#end") + END,
        request(b"x" * 20_001),
        request(b"bug"),
    ]
)


@settings(max_examples=120, deadline=None)
@given(st.lists(TAKEN, max_size=4), LAST, st.lists(st.integers(0, 10_000), max_size=5))
def test_both_say_the_same(two: Two, requests: list[bytes], last: bytes, cuts: list[int]) -> None:
    said = b"".join(requests) + last
    places = sorted({0, len(said), *(cut % len(said) for cut in cuts)})
    before = two.whole
    first, second = two.ask([said[start:end] for start, end in pairwise(places)])
    assert first == second
    assert first.startswith(b"HTTP/1.1 ")
    if requests and len(requests[0]) < MEMORY:
        assert two.whole > before
    assert [kept(two.stores[0], room) for room in ("tea", "x")] == [kept(two.stores[1], room) for room in ("tea", "x")]


@pytest.mark.parametrize("begun", [b"", b"a few", b"x" * 99])
def test_who_is_too_slow_is_told_so(hasty: Two, begun: bytes) -> None:
    before = hasty.whole
    first, second = hasty.ask([request(b"x" * 100)[:-100] + begun])
    assert first == second
    assert first.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close\r\n" in first
    assert f"{len(begun)} bytes came".encode() in first
    assert hasty.whole == before + 1


def test_a_bug_is_told_in_the_log(two: Two, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        first, second = two.ask([request(b"bug")])
    assert first == second
    assert first.startswith(b"HTTP/1.1 500 ")
    assert [record.exc_info and str(record.exc_info[1]) for record in caplog.records] == ["a bug", "a bug"]


def test_a_note_whose_sender_has_gone_is_kept_once(two: Two) -> None:
    note = request(b"gone", "/notes/left", idempotency_key=IDS[0][:-1] + "f")
    two.leave(note)
    two.ask([note + END])
    assert kept(two.stores[0], "left") == [b"gone"]


def test_half_a_note_is_no_note(two: Two) -> None:
    two.leave(request(b"half of it", "/notes/half")[:-3])
    assert two.ask([END])
    assert kept(two.stores[0], "half") == []
