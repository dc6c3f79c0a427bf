"""Downloads over real connections: at once, by the kernel, in pieces; in order, whatever is asked and whoever goes."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from http.client import HTTPConnection, HTTPSConnection, IncompleteRead
from pathlib import Path
from random import Random
from typing import Any, BinaryIO

import pytest
import uvloop

from imlab.net.sockets.listening import listen
from imlab.net.web.downloads.download import Downloads
from imlab.net.web.downloads.pieces import PIECE
from imlab.net.web.serving.http import HttpServer
from imlab.net.web.serving.zerocopy import TURN
from imlab.store.sqlite import SqliteStore
from tests.test_download import LARGE, SMALL, as_file, filled, note, path_of
from tests.tools import need

pytestmark = pytest.mark.process
LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
SECURE = pytest.param("tls", marks=pytest.mark.outside)  # openssl makes the certificate


@dataclass(frozen=True)
class Served:
    """A server in a thread of this process. sent: what os.sendfile was asked for, (offset, bytes) each."""

    port: int
    loop: asyncio.AbstractEventLoop
    directory: Path  # of its store
    trusted: ssl.SSLContext | None
    sent: list[tuple[int, int]] = field(default_factory=list)

    def connection(self) -> HTTPConnection:
        return connection_to(self.port, self.trusted)

    def said(self, text: bytes) -> socket.socket:
        """A connection on which this was said."""
        connection: socket.socket = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        if self.trusted:
            connection = self.trusted.wrap_socket(connection, server_hostname="localhost")
        connection.sendall(text)
        return connection


def connection_to(port: int, trusted: ssl.SSLContext | None) -> HTTPConnection:
    if trusted:
        return HTTPSConnection("localhost", port, timeout=60, context=trusted)
    return HTTPConnection("127.0.0.1", port, timeout=60)


@contextmanager
def served(directory: Path, loop: Callable[[], Any] | None, tls: tuple[Path, Path] | None) -> Iterator[Served]:
    trusted = ssl.create_default_context(cafile=tls[0]) if tls else None
    with closing(SqliteStore(directory / "store")) as store, asyncio.Runner(loop_factory=loop) as runner:
        downloads = Downloads(filled(store), as_file)
        listening, stop = listen("127.0.0.1", 0), asyncio.Event()
        here = Served(listening.getsockname()[1], runner.get_loop(), directory / "store", trusted)

        async def serve() -> None:
            server = HttpServer(downloads, tls, downloads.at_once)
            server.start(listening)
            await stop.wait()
            await server.stop()

        thread = threading.Thread(target=runner.run, args=(serve(),))
        thread.start()
        try:
            yield here
        finally:
            here.loop.call_soon_threadsafe(stop.set)
            thread.join()


@pytest.fixture(params=["asyncio", "uvloop", SECURE], scope="module")
def standing(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Every way in which a server stands."""
    directory = tmp_path_factory.mktemp("served")
    with served(
        directory, LOOPS.get(request.param), certificate(directory) if request.param == "tls" else None
    ) as here:
        yield here


@pytest.fixture
def server(standing: Served, monkeypatch: pytest.MonkeyPatch) -> Served:
    """Whose calls of os.sendfile are seen."""
    kernel = os.sendfile
    standing.sent.clear()

    def watched(out: int, file: int, offset: int, count: int) -> int:
        standing.sent.append((offset, count))
        return kernel(out, file, offset, count)

    monkeypatch.setattr(os, "sendfile", watched)
    return standing


def certificate(directory: Path) -> tuple[Path, Path]:
    need("openssl")
    cert, key = directory / "cert.pem", directory / "key.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=localhost"
    named = ["-addext", "subjectAltName=DNS:localhost", "-out", str(cert), "-keyout", str(key)]
    subprocess.run([*command.split(), *named], check=True, capture_output=True)
    return cert, key


def get(connection: HTTPConnection, number: int, method: str = "GET", **headers: str) -> tuple[int, bytes]:
    connection.request(method, path_of(number), headers={n.replace("_", "-"): v for n, v in headers.items()})
    answer = connection.getresponse()
    return answer.status, answer.read()


def test_every_way_brings_the_same_bytes(server: Served) -> None:
    with closing(server.connection()) as connection:
        for _ in range(3):  # read, then at once
            assert get(connection, 1) == (200, SMALL)
            assert get(connection, 2) == (200, LARGE)
            assert get(connection, 2, range="bytes=99-800000") == (206, LARGE[99:800_001])
            assert get(connection, 1, range="bytes=-99") == (206, SMALL[-99:])
            assert get(connection, 2, "HEAD") == get(connection, 1, "HEAD") == (200, b"")
            assert get(connection, 9)[0] == 404
            assert get(connection, 1, if_none_match="*") == (304, b"")


def test_the_kernel_sends_where_it_can_and_only_there(server: Served) -> None:
    kernel = not server.trusted
    with closing(server.connection()) as connection:
        assert get(connection, 1) == (200, SMALL)
        assert get(connection, 2, "HEAD") == (200, b"")
        assert server.sent == []
        assert get(connection, 2) == (200, LARGE)
        assert get(connection, 2, range="bytes=7-600006") == (206, LARGE[7:600_007])
    assert bool(server.sent) == kernel
    if kernel:
        first, *_ = server.sent
        start = next(offset for offset, count in server.sent if count == 600_000)
        assert first[1] == min(TURN, len(LARGE))
        assert start == first[0] + 7


REQUESTS = [(1, "GET"), (2, "GET"), (1, "HEAD"), (9, "GET"), (2, "HEAD"), (1, "GET"), (1, "GET"), (2, "GET")] * 4


def test_answers_come_in_the_order_of_the_questions(server: Served) -> None:
    asked = b"".join(f"{method} {path_of(n)} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() for n, method in REQUESTS)
    with closing(server.said(asked)) as connection, closing(connection.makefile("rb")) as answers:
        for number, method in REQUESTS:
            status, headers, body = answer(answers, method)
            assert status == {9: 404}.get(number, 200)
            if number != 9:
                sound = {1: SMALL, 2: LARGE}[number]
                assert headers["content-length"] == str(len(sound))
                assert body == (sound if method == "GET" else b"")


def answer(coming: BinaryIO, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    """The next on a connection."""
    status = int(coming.readline().split()[1])
    headers = dict(line.decode().rstrip().lower().split(": ", 1) for line in iter(coming.readline, b"\r\n"))
    if status < 200:
        return answer(coming, method)
    return status, headers, coming.read(0 if method == "HEAD" else int(headers["content-length"]))


HOST = "Host: localhost\r\n"
UNUSUAL = [  # and whether the connection stays
    (f"GET {path_of(1)} HTTP/1.0\r\n\r\n", False),
    (f"GET {path_of(1)} HTTP/1.1\r\n{HOST}Connection: close\r\n\r\n", False),
    (f"GET {path_of(1)} HTTP/1.1\r\n{HOST}Connection: keep-alive\r\n\r\n", True),
    (f"GET {path_of(1)} HTTP/1.1\r\n{HOST}Content-Length: 5\r\n\r\nhello", True),
    (f"GET {path_of(1)} HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", True),
    (f"GET {path_of(1)} HTTP/1.1\r\n{HOST}Expect: 100-continue\r\nContent-Length: 0\r\n\r\n", True),
    (f"GET {path_of(1)} HTTP/1.1\r\n{HOST}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n", None),
]


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize(("request_", "stays"), UNUSUAL)
def test_unusual_requests(server: Served, request_: str, stays: bool | None, large: bool) -> None:
    with closing(server.connection()) as connection:
        get(connection, 1)  # from here on it is ready
    asked = request_.replace(path_of(1), path_of(2)) if large else request_
    with closing(server.said(asked.encode())) as line, closing(line.makefile("rb")) as coming:
        assert answer(coming)[2] == (LARGE if large else SMALL)
        if stays is False:
            assert coming.read() == b""
        elif stays:
            line.sendall(f"GET {path_of(1)} HTTP/1.1\r\n{HOST}\r\n".encode())
            assert answer(coming)[2] == SMALL


@pytest.mark.parametrize("number", [1, 2])
def test_who_has_gone_without_reading_is_no_error(
    server: Served, number: int, caplog: pytest.LogCaptureFixture
) -> None:
    asked = f"GET {path_of(number)} HTTP/1.1\r\n{HOST}\r\n".encode()
    with closing(server.connection()) as connection:
        for _ in range(5):
            with closing(server.said(asked * 1000)):
                assert get(connection, 1) == (200, SMALL)
            assert get(connection, 1) == (200, SMALL)
    assert caplog.records == []


def test_who_has_gone_is_sent_nothing_more(server: Served) -> None:
    file = server.directory / "bodies" / sha256(LARGE).hexdigest()

    def opened() -> bool:
        return file in [each.readlink() for each in Path("/proc/self/fd").iterdir() if each.is_symlink()]

    asked = f"GET {path_of(2)} HTTP/1.1\r\n{HOST}\r\n".encode()
    with closing(server.connection()) as connection:
        for _ in range(3):
            with closing(server.said(asked * 40)):
                while not opened():  # until nothing more goes into the connection; each turn is a round trip
                    assert get(connection, 1) == (200, SMALL)
        while opened():
            assert get(connection, 1) == (200, SMALL)


@pytest.mark.parametrize("loop", LOOPS)
def test_a_file_that_became_shorter_ends_its_answer(
    loop: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with served(tmp_path, LOOPS[loop], None) as server, closing(server.connection()) as connection:
        assert get(connection, 2) == (200, LARGE)
        with (server.directory / "bodies" / sha256(LARGE).hexdigest()).open("rb+") as file:
            file.truncate(PIECE + 5)
        with pytest.raises(IncompleteRead):
            get(connection, 2)
    assert [record.levelname for record in caplog.records] == ["ERROR"]


BIG, MORE = 12 << 20, 12  # bytes of a file, downloads at a time


@pytest.mark.parametrize("way", ["asyncio", "uvloop", SECURE])
def test_a_download_takes_half_a_megabyte_at_most(way: str, tmp_path: Path) -> None:
    body = Random(3).randbytes(1 << 20) * (BIG >> 20)
    with closing(SqliteStore(tmp_path)) as store:
        store.commit([note(2, body)], {note(2, body).id: body})
    with hosted(tmp_path, way, certificate(tmp_path) if way == "tls" else None) as (connect, process):
        few, more = most_of(process, connect, 4), most_of(process, connect, 4 + MORE)  # threads are there with few
        assert more - few <= MORE * 512 * 1024


def most_of(process: Path, connect: Callable[[], HTTPConnection], many: int) -> int:
    """What memory the server had at most in so many downloads at a time, beyond that of idle connections; bytes."""
    connections = [connect() for _ in range(many)]
    assert [get(each, 9)[0] for each in connections] == [404] * many
    (process / "clear_refs").write_text("5")  # the most is from here on
    before = memory(process, "VmRSS")
    assert len(set(downloaded(connections))) == 1
    return memory(process, "VmHWM") - before


def memory(process: Path, what: str) -> int:
    """VmHWM, the most it had, or VmRSS, what it has; bytes."""
    return 1024 * int((process / "status").read_text().split(f"{what}:")[1].split()[0])


def downloaded(connections: list[HTTPConnection]) -> list[str]:
    """The sha256 of a file, asked for on all of them before any is read, and then taken by turns."""
    for connection in connections:
        connection.request("GET", path_of(2))
    coming, hashes = [connection.getresponse() for connection in connections], [sha256() for _ in connections]
    while any(pieces := [answer.read(TURN) for answer in coming]):
        for got, piece in zip(hashes, pieces, strict=True):
            got.update(piece)
    for connection in connections:
        connection.close()
    return [got.hexdigest() for got in hashes]


@contextmanager
def hosted(
    directory: Path, way: str, tls: tuple[Path, Path] | None
) -> Iterator[tuple[Callable[[], HTTPConnection], Path]]:
    """A server process over a store: what connects to it, and what the kernel tells of it."""
    loop = "asyncio" if tls else way
    command = [sys.executable, "-m", "tests.download_host", str(directory), loop, *map(str, tls or ())]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        port = int(process.stdout.readline())
        trusted = ssl.create_default_context(cafile=tls[0]) if tls else None
        try:
            yield partial(connection_to, port, trusted), Path(f"/proc/{process.pid}")
        finally:
            process.stdin.close()
