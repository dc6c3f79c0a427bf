"""Whole uploads through a real server and real sockets: memory, slow and lying bodies, a kill, a full disk."""

from __future__ import annotations

import http.client
import json
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from hashlib import sha256
from itertools import chain
from pathlib import Path
from random import Random
from typing import Any

import pytest

from imlab.store.sqlite import SqliteStore
from tests.test_form import END, TYPE, field, file
from tests.uploads import kept

pytestmark = pytest.mark.process

MB = 1 << 20
SOUND = Random(5).randbytes(20_000)
LARGE = 64 * MB
MOST = 96 * MB  # bytes of a file that the server takes
MANY = 16  # uploads at a time


class Host:
    """A server process in a directory."""

    def __init__(self, directory: Path, silence: float = 10.0) -> None:
        self.directory = directory
        command = [sys.executable, "-m", "tests.upload_host", str(directory), str(silence), str(MOST)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout
        self.port = int(self.process.stdout.readline())

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """One request on its own connection: status, and what was told."""
        with closing(self.connect()) as connection:
            connection.request(method, path, body, {n.replace("_", "-"): v for n, v in headers.items()})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())

    def part(self, index: int, data: Callable[[], Iterable[bytes]], size: int) -> tuple[int, Any]:
        """One of four parts of these bytes."""
        fields = {"room": "hall", "fileId": "song", "chunkIndex": index, "totalChunks": 4, "chunkSize": size}
        said = b"".join(field(name, str(value)) for name, value in fields.items())
        body = [said + file(b"", "data")[:-2], *cut(data(), index * size, (index + 1) * size), b"\r\n" + END]
        return self.ask("POST", "/upload", body, content_type=TYPE, content_length=str(sum(map(len, body))))

    def raw(self, text: bytes) -> socket.socket:
        """A connection on which this was said."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        connection.sendall(text)
        return connection

    def memory(self, what: str) -> int:
        """VmHWM, the most it ever had, or VmRSS, what it has; bytes."""
        (line,) = (x for x in Path(f"/proc/{self.process.pid}/status").read_text().splitlines() if x.startswith(what))
        return int(line.split()[1]) * 1024

    def left(self) -> list[str]:
        """Spools and parts."""
        return [path.name for each in ("puts", "forms", "parts") for path in (self.directory / each).iterdir()]

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait for what the server does by itself."""
        end = time.monotonic() + 30
        while not holds():
            assert self.process.poll() is None and time.monotonic() < end

    def sizes(self) -> list[int]:
        """Of spools, in bytes."""
        return [path.stat().st_size for path in (self.directory / "puts").iterdir()]

    def closed(self) -> Path:
        """The directory, when nobody works in it any more."""
        self.close()
        return self.directory

    def close(self) -> None:
        assert self.process.stdin and self.process.stdout
        if not self.process.stdin.closed:
            self.process.stdin.close()
            self.process.wait(30)
            self.process.stdout.close()

    def kill(self) -> None:
        self.process.kill()
        self.close()


@contextmanager
def hosted(directory: Path, silence: float = 10.0) -> Iterator[Host]:
    host = Host(directory, silence)
    try:
        yield host
    finally:
        host.close()


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    with hosted(tmp_path) as running:
        yield running


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """One server for all who only want to be refused."""
    with hosted(tmp_path_factory.mktemp("host")) as running:
        yield running


def pieces(size: int, of: int = MB) -> Iterator[bytes]:
    """A large file, which nobody holds at once."""
    for at in range(0, size, of):
        yield at.to_bytes(8, "big") * (of // 8)


def cut(data: Iterable[bytes], start: int, stop: int) -> Iterator[bytes]:
    """The bytes from start to stop."""
    at = 0
    for piece in data:
        yield piece[max(start - at, 0) : max(stop - at, 0)]
        at += len(piece)


def whole(connection: socket.socket) -> bytes:
    """What comes until the other side closes."""
    return b"".join(iter(lambda: connection.recv(65_536), b""))


def head(method: str, length: int, *more: str) -> bytes:
    lines = [f"{method} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {length}", *more]
    return "\r\n".join([*lines, "", ""]).encode()


@pytest.mark.parametrize("coding", ["length", "chunked", "form", "parts"])
def test_a_large_upload_takes_little_memory(host: Host, coding: str) -> None:
    host.ask("PUT", "/notes/hall", SOUND)
    before = host.memory("VmHWM")
    status, answer = UPLOADS[coding](host)
    assert (status, answer["bytes"], answer["sha256"]) == (201, LARGE, hashed(pieces(LARGE)))
    assert host.memory("VmHWM") - before < MB


def hashed(data: Iterable[bytes]) -> str:
    digest = sha256()
    for piece in data:
        digest.update(piece)
    return digest.hexdigest()


def put(host: Host) -> tuple[int, Any]:
    return host.ask("PUT", "/notes/hall", pieces(LARGE), content_length=str(LARGE))


def put_chunked(host: Host) -> tuple[int, Any]:
    return host.ask("PUT", "/notes/hall", pieces(LARGE))


def post_form(host: Host) -> tuple[int, Any]:
    begin, end = field("room", "hall") + file(b"")[:-2], b"\r\n" + END
    length = str(len(begin) + LARGE + len(end))
    return host.ask("POST", "/upload", chain([begin], pieces(LARGE), [end]), content_type=TYPE, content_length=length)


def post_parts(host: Host) -> tuple[int, Any]:
    """Four of 16 MB, the third one first."""
    answers = [host.part(index, lambda: pieces(LARGE), 16 * MB) for index in (2, 0, 3, 1)]
    assert [status for status, _ in answers] == [200, 200, 200, 201]
    return answers[-1]


UPLOADS: dict[str, Callable[[Host], tuple[int, Any]]] = {
    "length": put,
    "chunked": put_chunked,
    "form": post_form,
    "parts": post_parts,
}


def test_many_uploads_take_a_quarter_of_a_megabyte_each(host: Host) -> None:
    """They are all under way: each has sent 4 MB and waits."""
    host.ask("PUT", "/notes/hall", SOUND)
    before = host.memory("VmHWM")
    with ThreadPoolExecutor(MANY) as threads:
        connections = list(
            threads.map(lambda _: host.raw(head("PUT /notes/hall", 8 * MB) + bytes(4 * MB)), range(MANY))
        )
    host.until(lambda: len(host.left()) == MANY and min(host.sizes()) > 3 * MB)
    assert host.memory("VmHWM") - before < MANY * MB // 4 + MB  # and a megabyte for the threads, once
    for connection in connections:
        connection.close()


EXPECT = "Expect: 100-continue"


def test_a_client_that_asks_first_is_told_to_go_on(patient: Host) -> None:
    with patient.raw(head("PUT /notes/hall", len(SOUND), EXPECT, "Connection: close")) as connection:
        assert connection.recv(1_000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(SOUND)
        assert whole(connection).startswith(b"HTTP/1.1 201 ")


@pytest.mark.parametrize("expect", [EXPECT, "X-Just: send"])
def test_what_is_too_large_is_refused_before_a_byte_of_it_is_read(patient: Host, expect: str) -> None:
    with patient.raw(head("PUT /notes/hall", MOST + 1, expect)) as connection:
        answer = connection.recv(65_536)
        assert answer.startswith(b"HTTP/1.1 413 ") and b"connection: close" in answer


def test_one_who_sends_first_and_reads_then_gets_the_answer(patient: Host) -> None:
    """Refused at the head, it goes on for 3 MB: the answer is not lost in a reset."""
    body = bytes(3 * MB)
    for line in (head("PUT /notes/", len(body)), head("POST /upload", len(body))):
        with patient.raw(line + body) as connection:
            assert connection.recv(12) in (b"HTTP/1.1 400", b"HTTP/1.1 415")


LIES: dict[str, tuple[bytes, bytes]] = {
    "two lengths": (head("PUT /notes/hall", 5, "Content-Length: 6") + b"sound!", b"HTTP/1.1 400"),
    "a length and chunks": (head("PUT /notes/hall", 5, "Transfer-Encoding: chunked") + b"0\r\n\r\n", b"HTTP/1.1 400"),
    "a length of words": (
        b"PUT /notes/hall HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: few\r\n\r\n",
        b"HTTP/1.1 400",
    ),
    "no length": (b"PUT /notes/hall HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", b"HTTP/1.1 411"),
    "a chunk without end": (
        b"PUT /notes/hall HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
        b"HTTP/1.1 400",
    ),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_about_the_length_is_refused(patient: Host, lie: str) -> None:
    said, expected = LIES[lie]
    with patient.raw(said) as connection:
        assert connection.recv(65_536).startswith(expected)
    assert not patient.left()


def test_more_than_was_declared_is_never_part_of_the_note(host: Host) -> None:
    """The rest is another request, and none that uvicorn understands; whether the note was told of first, or not."""
    with host.raw(head("PUT /notes/hall", 5) + b"sound, and what is this?\r\n\r\n") as connection:
        assert b"HTTP/1.1 400 " in whole(connection)
    with closing(SqliteStore(host.closed() / "store")) as store:
        assert kept(store, "hall") in ([], [b"sound"])


def test_less_than_was_declared_and_then_goodbye_leaves_nothing(host: Host) -> None:
    with host.raw(head("PUT /notes/hall", MB) + bytes(MB - 1)):
        host.until(lambda: bool(host.left()))
    host.until(lambda: not host.left())
    with closing(SqliteStore(host.closed() / "store")) as store:
        assert kept(store, "hall") == []


def test_a_sender_that_falls_silent_is_told_and_let_go(tmp_path: Path) -> None:
    with hosted(tmp_path, silence=0.2) as host:
        for begun in (b"", b"some", bytes(MB)):
            with host.raw(head("PUT /notes/hall", 2 * MB) + begun) as connection:
                answer = whole(connection)
            assert answer.startswith(b"HTTP/1.1 408 ") and b'"too_slow"' in answer
        assert not host.left()


HEADS = [
    b"PUT /notes/hall HT",
    b"PUT /notes/hall HTTP/1.1\r\nHost: 127.0",
    b"GET /upload/x HTTP/1.1\r\nHost: a\r\n\r\nGE",
    b"",
]


def test_a_head_without_end_is_hung_up(tmp_path: Path) -> None:
    with hosted(tmp_path, silence=0.1) as host:
        for said in HEADS:
            with host.raw(said) as connection:
                assert whole(connection) == b"" or said.endswith(b"GE"), said


def test_a_killed_server_goes_on_with_what_had_arrived(tmp_path: Path) -> None:
    data = Random(6).randbytes(3 * MB + 7)
    host = Host(tmp_path)
    assert [host.part(index, lambda: [data], MB)[0] for index in (3, 1)] == [200, 200]
    with host.raw(head("PUT /notes/hall", 2 * MB) + bytes(MB)):  # and one in the middle of a whole upload
        host.until(lambda: any((tmp_path / "puts").iterdir()))
        host.kill()
    with hosted(tmp_path) as again:
        assert not list((tmp_path / "puts").iterdir())
        assert again.ask("GET", "/upload/song")[1]["missing"] == [0, 2]
        answers = [again.part(index, lambda: [data], MB) for index in (1, 0, 2)]
        assert [status for status, _ in answers] == [200, 200, 201]
        assert answers[-1][1]["sha256"] == sha256(data).hexdigest()
    with closing(SqliteStore(tmp_path / "store")) as store:
        assert kept(store, "hall") == [data]


def test_a_full_disk_is_told_and_passes(host: Host) -> None:
    """No file of the server may grow past half a megabyte; then it may again."""
    soft, hard = resource.prlimit(host.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(host.process.pid, resource.RLIMIT_FSIZE, (MB // 2, hard))
    uploads = [host.ask("PUT", "/notes/hall", bytes(MB)), host.part(1, lambda: [bytes(4 * MB)], MB)]
    assert [(status, told["fault"]) for status, told in uploads] == [(507, "server")] * 2
    assert not list((host.directory / "puts").iterdir())
    assert host.ask("PUT", "/notes/hall", SOUND)[0] == 201
    resource.prlimit(host.process.pid, resource.RLIMIT_FSIZE, (soft, hard))
    assert host.ask("PUT", "/notes/hall", bytes(MB))[0] == 201
    assert [host.part(index, lambda: [bytes(4 * MB)], MB)[0] for index in range(4)] == [200, 200, 200, 201]
