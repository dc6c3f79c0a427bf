"""Both clients of the object store send the same bytes and read the same answers; what is none is the door's fault."""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import pytest

from imlab.errors import DoorError
from imlab.net.objects.exchange import Answered, body_of, stored
from imlab.net.sockets.listening import listen
from imlab.server.service.lines import Lines
from imlab.server.service.wants import Get, Keep, Look, Put
from imlab.stack.service.backends import Backends
from tests.doors import FACES, Doors, ask

FILES = Path("/proc/self/fd")
NOWHERE = "http://127.0.0.1:1"
BODY = bytes(range(256)) * 80
NAME = sha256(BODY).hexdigest()
WHOLE = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nContent-Type: audio/ogg\r\n\r\n%b" % (len(BODY), BODY)
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
NOTHING = b"HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n"


@pytest.fixture(params=FACES.values(), ids=list(FACES))
def face(request: pytest.FixtureRequest) -> Doors:
    """Blocking and awaited."""
    made: Doors = request.param
    return made


@contextmanager
def answering(answer: Callable[[bytes], bytes]) -> Iterator[tuple[str, list[bytes]]]:
    """A server that reads each request to its end, says what it says and hangs up; its address, and what it heard."""
    heard: list[bytes] = []
    with listen("127.0.0.1", 0) as listening:
        host, port = listening.getsockname()[:2]

        def serve() -> None:
            while True:
                try:
                    there, _ = listening.accept()
                except OSError:
                    return
                with there:
                    if request := _request(there):
                        heard.append(request)
                        there.sendall(answer(request))

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"{host}:{port}", heard
        listening.shutdown(socket.SHUT_RDWR)  # wakes accept
        thread.join()


def _request(there: socket.socket) -> bytes:
    """A command of Redis, or a request of HTTP with as much body as it says."""
    request = there.recv(65_536)
    while request.startswith((b"GET", b"PUT")):
        head, found, body = request.partition(b"\r\n\r\n")
        size = int(head.rpartition(b"content-length: ")[2]) if b"content-length: " in head else 0
        if found and len(body) >= size:
            break
        request += there.recv(65_536)
    return request


def fed(answer: bytes, cuts: list[int]) -> Answered:
    """The answer, read in pieces."""
    answered = Answered()
    for start, stop in zip([0, *cuts], [*cuts, len(answer)], strict=True):
        assert not answered.whole
        answered.feed(answer[start:stop])
    return answered


@pytest.mark.parametrize(("answer", "body"), [(WHOLE, BODY), (CHUNKED, b"abcde"), (NOTHING, b"")])
def test_an_answer_in_pieces_is_the_same(answer: bytes, body: bytes) -> None:
    luck = random.Random(0)
    ways = [sorted(luck.sample(range(1, len(answer)), luck.randint(0, 5))) for _ in range(100)]
    for cuts in [[], list(range(1, min(len(answer), 200))), *ways]:
        answered = fed(answer, cuts)
        assert answered.whole and answered.body == body


def test_what_is_no_http_is_a_fault_of_the_door() -> None:
    with pytest.raises(DoorError, match="speaks no HTTP"):
        Answered().feed(b"+PONG\r\n\r\n")
    with pytest.raises(DoorError, match="says 503 busy"):
        body_of(503, b"busy", NAME)
    with pytest.raises(DoorError, match="says 507 full"):
        stored(507, b"full", NAME)


@pytest.mark.process
def test_both_faces_send_the_same_bytes(tmp_path: Path) -> None:
    said = {}
    for name, face in FACES.items():
        with (
            answering(lambda request: WHOLE if request.startswith(b"GET") else NOTHING) as (address, heard),
            face(Backends(f"sqlite:{tmp_path / name}", f"http://{address}"), Lines(most=0)) as doors,
        ):
            assert ask(doors, Get(NAME)) == BODY
            ask(doors, Put(NAME, BODY))
            said[name] = [request.replace(address.encode(), b"HOST") for request in heard]
    assert said["blocking"] == said["awaited"]
    assert said["blocking"][0] == b"GET /objects/%b HTTP/1.1\r\nhost: HOST\r\n\r\n" % NAME.encode()
    assert said["blocking"][1].endswith(b"\r\n\r\n" + BODY)


BROKEN_OFF = {"nothing": b"", "half a head": WHOLE[:30], "half a body": WHOLE[:-1], "no HTTP": b"+PONG\r\n\r\n"}


@pytest.mark.process
@pytest.mark.parametrize("says", BROKEN_OFF.values(), ids=list(BROKEN_OFF))
def test_an_answer_that_breaks_off_is_a_fault_of_the_door(face: Doors, says: bytes, tmp_path: Path) -> None:
    with (
        answering(lambda _: says) as (address, heard),
        face(Backends(f"sqlite:{tmp_path / 'x'}", f"http://{address}"), Lines()) as doors,
    ):
        with pytest.raises(DoorError):
            ask(doors, Get(NAME))
        assert len(heard) == 1, "on a new connection it is asked once"


@pytest.mark.process
def test_a_server_that_hangs_up_after_each_answer_is_asked_anew(face: Doors, tmp_path: Path) -> None:
    with (
        answering(lambda _: WHOLE) as (address, heard),
        face(Backends(f"sqlite:{tmp_path / 'x'}", f"http://{address}"), Lines()) as doors,
    ):
        assert [ask(doors, Get(NAME)) for _ in range(5)] == [BODY] * 5
        assert len(heard) == 5 and doors.counts()["objects_connections"] == 5


ODD = {"another protocol": WHOLE, "an error": b"-ERR no\r\n", "a number": b":7\r\n", "nothing": b""}


@pytest.mark.process
@pytest.mark.parametrize("lines", [Lines(), Lines(most=0)], ids=["kept", "new"])
@pytest.mark.parametrize("says", ODD.values(), ids=list(ODD))
def test_who_is_no_redis_holds_nothing_and_is_counted(face: Doors, lines: Lines, says: bytes, tmp_path: Path) -> None:
    with (
        answering(lambda _: says) as (address, heard),
        face(Backends(f"sqlite:{tmp_path / 'x'}", NOWHERE, f"redis://{address}"), lines) as doors,
    ):
        assert ask(doors, Look(b"key")) is None and doors.counts()["cache_failures"] == 1
        assert ask(doors, Keep(b"key", b"value")) is None
        assert len(heard) == 1, "it rests"


@pytest.mark.process
@pytest.mark.parametrize("lines", [Lines(), Lines(most=0)], ids=["kept", "new"])
def test_no_connection_is_left_open(face: Doors, lines: Lines, tmp_path: Path) -> None:
    before = set(FILES.iterdir())
    with (
        answering(lambda _: WHOLE) as (address, _),
        face(Backends(f"sqlite:{tmp_path / 'x'}", f"http://{address}", f"redis://{address}"), lines) as doors,
    ):
        for _ in range(3):
            assert ask(doors, Get(NAME)) == BODY
            assert ask(doors, Look(b"key")) is None
            with pytest.raises(DoorError):
                ask(doors, Put(NAME, BODY))
    assert set(FILES.iterdir()) <= before
