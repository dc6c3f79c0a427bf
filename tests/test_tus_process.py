"""tus over real sockets to a real server: killed at random moments, and connections that die without a word."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tracemalloc
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from random import Random
from typing import Any
from urllib.request import urlopen

import pytest

from imlab.audio.speech.corpus import Corpus
from imlab.codec.container import oggopus
from imlab.codec.contract import encode
from imlab.codec.opus import Opus
from imlab.net.web.serving.http import HttpServer
from imlab.net.web.tus.service import Tus
from imlab.net.web.uploads.posting import Posting
from imlab.server.upload_terms import UploadTerms
from imlab.stack.plan import ServerPlan
from imlab.stack.server import RunningServer, start
from imlab.store.memory import MemoryStore
from imlab.store.upload_files import UploadFiles
from tests.test_kill import free_port

KILLS = 12
PATIENCE = 60  # seconds until a wait is a failure
ROOT = Path(__file__).parents[1]
METADATA = ",".join(f"{n} {b64encode(v.encode()).decode()}" for n, v in {"room": "tea", "filename": "a.ogg"}.items())
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
BYTES = {"Content-Type": "application/offset+octet-stream"}

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def ogg(corpus: Corpus) -> bytes:
    """Two minutes of speech at a high rate: more than is held in memory, many times."""
    return oggopus.write(encode(Opus(bitrate=96_000, complexity=0), corpus.note(120.0)))


def ask(media: str, method: str, path: str, body: bytes = b"", **headers: str) -> HTTPResponse:
    """One request; the answer without its body."""
    connection = HTTPConnection(media.removeprefix("http://"), timeout=PATIENCE)
    try:
        given = {"Tus-Resumable": "1.0.0"} | {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, given | (BYTES if body else {}))
        return connection.getresponse()
    finally:
        connection.close()


def begin(media: str, data: bytes) -> str:
    """The address of a new upload."""
    answer = ask(media, "POST", "/files/", Upload_Length=str(len(data)), Upload_Metadata=METADATA)
    assert answer.status == 201
    return answer.headers["Location"]


def listed(media: str) -> list[bytes]:
    """The files of the room's notes."""
    with urlopen(f"{media}/notes/tea") as answer:
        urls = [note["url"] for note in json.load(answer)]
    files = []
    for url in urls:
        with urlopen(media + url) as answer:
            files.append(answer.read())
    return files


@contextmanager
def lives(directory: Path) -> Iterator[Iterator[Any]]:
    """The ready lines of a server that comes back each time it is killed; see nursery."""
    words = [sys.executable, "-P", "-m", "tests.nursery", str(free_port()), str(directory)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, env=environment) as process:
        assert process.stdin and process.stdout
        yield map(json.loads, process.stdout)
        process.stdin.close()
        assert process.wait(PATIENCE) == 0


def test_killed_at_random_moments(tmp_path: Path, ogg: bytes) -> None:
    """Whatever the moment, a client that asks where to go on ends with one note, byte for byte."""
    random = Random(4)
    with lives(tmp_path) as ready:
        here = next(ready)
        path = begin(here["media"], ogg)
        offset = 0
        for kill in range(KILLS):
            there = int(ask(here["media"], "HEAD", path).headers["Upload-Offset"])
            assert offset <= there, "what was acknowledged is still there"
            offset = there
            sent = Sending(here["media"], path, offset, ogg[offset:])
            sent.send(random.randrange(len(ogg) // KILLS))
            if kill == KILLS - 1:
                sent.send(len(ogg))
            os.kill(here["pid"], signal.SIGKILL)
            sent.close()
            here = next(ready)
        while (offset := int(ask(here["media"], "HEAD", path).headers["Upload-Offset"])) < len(ogg):
            piece = ogg[offset : offset + 300_000]
            assert ask(here["media"], "PATCH", path, piece, Upload_Offset=str(offset)).status == 204
        assert listed(here["media"]) == [ogg]


class Sending:
    """A PATCH of which as much is sent as we say."""

    def __init__(self, media: str, path: str, offset: int, body: bytes, *more: str) -> None:
        host, _, port = media.removeprefix("http://").rpartition(":")
        self._socket = socket.create_connection((host, int(port)), timeout=PATIENCE)
        self._left = body
        lines = [f"PATCH {path} HTTP/1.1", f"Host: {host}", "Tus-Resumable: 1.0.0", f"Upload-Offset: {offset}"]
        lines += [f"Content-Type: {BYTES['Content-Type']}", f"Content-Length: {len(body)}", *more, "", ""]
        self._socket.sendall("\r\n".join(lines).encode())

    def send(self, size: int) -> None:
        """So many bytes more."""
        self._socket.sendall(self._left[:size])
        self._left = self._left[size:]

    def wait_until_read(self) -> None:
        """The server asks for the body: it has begun with this request."""
        assert self._socket.recv(len(CONTINUE), socket.MSG_WAITALL) == CONTINUE

    def status(self) -> int:
        """Of the answer."""
        answer = HTTPResponse(self._socket)
        answer.begin()
        return answer.status

    def close(self) -> None:
        """Leave."""
        self._socket.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with start(ServerPlan(data=tmp_path_factory.mktemp("data"))) as started:
        yield started


def test_a_connection_that_died_without_a_word_gives_way(server: RunningServer, ogg: bytes) -> None:
    """Its bytes are kept; whoever asks next is told of them at once, and goes on."""
    path = begin(server.media, ogg)
    dead = Sending(server.media, path, 0, ogg, "Expect: 100-continue")
    dead.wait_until_read()
    dead.send(300_000)
    offset = int(ask(server.media, "HEAD", path).headers["Upload-Offset"])
    assert 0 <= offset <= 300_000
    assert dead.status() == 423
    assert ask(server.media, "PATCH", path, ogg[offset:], Upload_Offset=str(offset)).status == 204
    dead.close()
    assert listed(server.media) == [ogg]


def test_of_two_at_once_one_wins_and_the_other_is_told(server: RunningServer, ogg: bytes) -> None:
    path = begin(server.media, ogg)
    first = Sending(server.media, path, 0, ogg, "Expect: 100-continue")
    first.wait_until_read()
    second = Sending(server.media, path, 0, ogg, "Expect: 100-continue")
    second.wait_until_read()
    assert first.status() == 423
    second.send(len(ogg))
    assert second.status() == 204
    for each in (first, second):
        each.close()


async def peak(directory: Path, uploads: int, size: int) -> int:
    """Bytes of memory that so many uploads of so many bytes take, sent at once, as fast as can be."""

    async def unexpected(*_: object) -> Any:
        raise AssertionError("parts are no notes")

    store, terms = UploadFiles(directory), UploadTerms()
    web = HttpServer(Tus(store, MemoryStore().find, Posting(unexpected, unexpected), terms))
    listening = socket.create_server(("127.0.0.1", 0))
    here, data = f"http://127.0.0.1:{listening.getsockname()[1]}", bytes(size)
    web.start(listening)
    threads = ThreadPoolExecutor(uploads)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    loop, ask_it = asyncio.get_running_loop(), partial(ask, Upload_Length=str(size), Upload_Concat="partial")
    sent = [loop.run_in_executor(threads, ask_it, here, "POST", "/files/", data) for _ in range(uploads)]
    assert [answer.headers["Upload-Offset"] for answer in await asyncio.gather(*sent)] == [str(size)] * uploads
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    await web.stop()
    threads.shutdown()
    return most - before


def test_memory_of_an_upload_has_a_limit_whatever_its_size(tmp_path: Path) -> None:
    """Ours is 128 KiB, uvicorn's as much; measured are 160 to 340 kB, of which some are the test's own."""
    few, many = (asyncio.run(peak(tmp_path, uploads, 8 << 20)) for uploads in (2, 10))
    assert (many - few) / 8 < 512 << 10
