"""Our HTTP client over real sockets, against servers that say exactly what the test wants said."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from imlab.client.fetching.pool import Reuse
from imlab.client.fetching.requests import Answer, Patience, Span
from imlab.errors import DoorError, PeerError
from imlab.net.fetching.body import Streamed, checksum, part_of
from imlab.net.fetching.origin import Origin
from imlab.net.fetching.reply import KEPT
from imlab.net.fetching.tls import trusting
from tests.tools import need

pytestmark = pytest.mark.process

Serve = Callable[[StreamReader, StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


def against(serve: Serve, use: Callable[[Origin], Awaitable[None]], **told: object) -> None:
    """Use an origin whose every connection is served so."""

    async def run() -> None:
        async def one(reader: StreamReader, writer: StreamWriter) -> None:
            try:
                await serve(reader, writer)
            except (ConnectionError, asyncio.IncompleteReadError):
                return  # the client has left
            finally:
                writer.close()

        server = await asyncio.start_server(one, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, Origin(f"http://127.0.0.1:{port}", **told) as origin:  # type: ignore[arg-type]
            await asyncio.wait_for(use(origin), 20)

    asyncio.run(run())


async def read_request(reader: StreamReader) -> tuple[bytes, bytes]:
    """Head and body of one request."""
    head = await reader.readuntil(b"\r\n\r\n")
    size = next((int(line[16:]) for line in head.split(b"\r\n") if line.startswith(b"content-length: ")), 0)
    return head, await reader.readexactly(size)


def always(answer: bytes) -> Serve:
    """Every request gets this answer."""

    async def serve(reader: StreamReader, writer: StreamWriter) -> None:
        while True:
            await read_request(reader)
            writer.write(answer)

    return serve


def test_one_connection_carries_one_request_after_the_other() -> None:
    async def use(origin: Origin) -> None:
        for _ in range(5):
            assert (await origin.fetch("PUT", "/x", body=b"y" * 20_000)).body == b"ok"
        assert (origin.dialled, origin.connections) == (1, 1)
        await asyncio.gather(*(origin.fetch("GET", "/x") for _ in range(4)))
        assert origin.dialled == 4

    against(always(OK), use)


def test_connections_opened_in_advance_are_used() -> None:
    async def use(origin: Origin) -> None:
        await origin.warm(3)
        assert origin.connections == 3
        await asyncio.gather(*(origin.fetch("GET", "/x") for _ in range(3)))
        assert origin.dialled == 3

    against(always(OK), use)


def test_what_is_idle_for_too_long_is_hung_up() -> None:
    async def use(origin: Origin) -> None:
        assert (await origin.fetch("GET", "/x")).status == 200
        assert await until_none(origin)
        assert (await origin.fetch("GET", "/x")).status == 200
        assert origin.dialled == 2

    against(always(OK), use, reuse=Reuse(idle=0.02))


def test_one_that_was_opened_in_advance_and_closed_meanwhile_is_replaced() -> None:
    refused: list[StreamWriter] = []

    async def serve(reader: StreamReader, writer: StreamWriter) -> None:
        if not refused:
            refused.append(writer)
            await read_request(reader)
            return  # without a word
        await always(OK)(reader, writer)

    async def use(origin: Origin) -> None:
        await origin.warm(1)
        assert (await origin.fetch("GET", "/x")).status == 200
        assert origin.dialled == 2

    against(serve, use)


def test_one_for_each_request_and_one_for_all() -> None:
    for reuse, dialled in ((Reuse(idle=0), 6), (Reuse(most=1), 1)):

        async def use(origin: Origin, dialled: int = dialled) -> None:
            await asyncio.gather(*(origin.fetch("GET", "/x") for _ in range(6)))
            assert origin.dialled == dialled

        against(always(OK), use, reuse=reuse)


ANSWERS = [
    # method, the bytes of the answer, status, body; each of them three times on one connection
    ("GET", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, b"hello"),
    ("GET", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", 200, b"hello"),
    ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 200, b""),
    ("HEAD", b"HTTP/1.1 200 OK\r\nUpload-Offset: 5\r\n\r\n", 200, b""),
    ("PUT", b"HTTP/1.1 100 Continue\r\nx: y\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", 204, b""),
    ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", 304, b""),
]


@pytest.mark.parametrize(("method", "answer", "status", "body"), ANSWERS)
@pytest.mark.parametrize("piecemeal", [False, True])
def test_answers_of_every_shape(method: str, answer: bytes, status: int, body: bytes, piecemeal: bool) -> None:
    async def serve(reader: StreamReader, writer: StreamWriter) -> None:
        while True:
            await read_request(reader)
            for byte in answer if piecemeal else b"":
                writer.write(bytes((byte,)))
                await asyncio.sleep(0)
            writer.write(b"" if piecemeal else answer)

    async def use(origin: Origin) -> None:
        for _ in range(3):
            got = await origin.fetch(method, "/x")
            assert (got.status, got.body) == (status, body)
            assert "x" not in got.headers
        assert origin.dialled == 1

    against(serve, use)


def test_an_answer_may_end_with_its_connection() -> None:
    async def serve(reader: StreamReader, writer: StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nhel")
        await writer.drain()
        writer.write(b"lo")

    async def use(origin: Origin) -> None:
        for _ in range(2):
            assert (await origin.fetch("GET", "/x")).body == b"hello"
        assert origin.dialled == 2

    against(serve, use)


def test_a_kept_connection_that_the_server_closed_is_replaced() -> None:
    async def serve(reader: StreamReader, writer: StreamWriter) -> None:
        await read_request(reader)
        writer.write(OK)

    async def use(origin: Origin) -> None:
        for method in ("GET", "POST", "PATCH"):
            assert (await origin.fetch(method, "/x")).status == 200
            while origin.connections:  # the news travels
                await asyncio.sleep(0)
        assert origin.dialled == 3

    against(serve, use)


@pytest.mark.parametrize(("method", "again"), [("GET", True), ("PUT", True), ("POST", False), ("PATCH", False)])
def test_a_request_that_crossed_the_close_is_repeated_only_where_it_may(method: str, again: bool) -> None:
    async def serve(reader: StreamReader, writer: StreamWriter) -> None:
        await read_request(reader)
        writer.write(OK)
        await read_request(reader)  # and is gone without a word

    async def use(origin: Origin) -> None:
        assert (await origin.fetch(method, "/x", body=b"z")).status == 200
        if again:
            assert (await origin.fetch(method, "/x", body=b"z")).status == 200
            assert origin.dialled == 2
            return
        with pytest.raises(DoorError, match="closed the connection"):
            await origin.fetch(method, "/x", body=b"z")
        assert origin.dialled == 1

    against(serve, use)


WRONG: list[tuple[bytes, type[Exception], str]] = [
    (b"SSH-2.0-OpenSSH_9.2\r\n", PeerError, "not HTTP"),
    (b"HTTP/1.1 200 OK\r\n" + b"x: " + b"y" * 70_000 + b"\r\n\r\n", PeerError, "bytes of headers"),
    (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello", DoorError, "closed the connection"),
    (b"HTTP/1.1 200 OK\r\ncontent-length: 2000000\r\n\r\n" + b"y" * 2_000_000, PeerError, "over 1,048,576 bytes"),
    (b"", DoorError, "closed the connection"),
]


@pytest.mark.parametrize(("answer", "error", "why"), WRONG, ids=lambda value: repr(value)[:20])
def test_what_a_server_does_wrong_is_named(answer: bytes, error: type[Exception], why: str) -> None:
    async def serve(reader: StreamReader, writer: StreamWriter) -> None:
        await read_request(reader)
        writer.write(answer)
        await writer.drain()

    async def use(origin: Origin) -> None:
        with pytest.raises(error, match=why):
            await origin.fetch("GET", "/x")

    against(serve, use)


def test_a_silent_server_is_left() -> None:
    async def serve(reader: StreamReader, writer: StreamWriter) -> None:
        await reader.read()

    async def use(origin: Origin) -> None:
        with pytest.raises(DoorError, match="silent"):
            await origin.fetch("GET", "/x")
        assert origin.connections == 0 or origin.dialled == 1

    against(serve, use, patience=Patience(answer=0.02, silence=0.02))


def test_a_speaker_who_was_not_asked_is_left() -> None:
    async def serve(reader: StreamReader, writer: StreamWriter) -> None:
        await read_request(reader)
        writer.write(OK)
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.write(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
        await reader.read()

    async def use(origin: Origin) -> None:
        assert (await origin.fetch("GET", "/x")).status == 200
        while origin.connections:
            await asyncio.sleep(0.001)
        assert (await origin.fetch("GET", "/x")).status == 200

    against(serve, use)


def test_nobody_there_is_a_door_that_stays_shut() -> None:
    async def run() -> None:
        async with Origin("http://127.0.0.1:1") as origin:
            for _ in range(2):
                with pytest.raises(DoorError, match=r"cannot reach http://127.0.0.1:1"):
                    await origin.fetch("GET", "/x")

    asyncio.run(run())


def test_a_refusal_ends_a_large_upload() -> None:
    made = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal made
        for _ in range(1000):
            made += 1
            yield bytes(100_000)

    async def serve(reader: StreamReader, writer: StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 3\r\n\r\nno!")
        await reader.read(100_000)
        await asyncio.sleep(0.05)

    async def use(origin: Origin) -> None:
        got = await origin.fetch("PUT", "/x", body=Streamed(pieces, 100_000_000))
        assert (got.status, got.body) == (413, b"no!")
        assert made < 1000
        assert await until_none(origin)

    against(serve, use)


async def until_none(origin: Origin) -> bool:
    """The connection that was spoilt goes."""
    while origin.connections:
        await asyncio.sleep(0.001)
    return True


@pytest.mark.parametrize("size", [40_000_000, None])
def test_a_body_is_made_as_it_is_taken(size: int | None) -> None:
    made = 0
    stuck = asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal made
        for _ in range(400):
            made += 100_000
            yield bytes(100_000)

    async def serve(reader: StreamReader, writer: StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        assert (b"transfer-encoding: chunked" in head) == (size is None)
        await stuck.wait()
        assert made < 40_000_000  # the kernel holds some, nobody else more than a moment's worth
        left = 40_000_000
        while left > 0:
            left -= len(await reader.read(1_000_000))
        writer.write(OK)

    async def use(origin: Origin) -> None:
        sending = asyncio.ensure_future(origin.fetch("PUT", "/x", body=Streamed(pieces, size)))
        before = -1
        while made != before or not made:  # a hundred turns of the loop without another piece
            before = made
            for _ in range(100):
                await asyncio.sleep(0)
        stuck.set()
        assert (await sending).status == 200

    against(serve, use)
    assert made == 40_000_000


def test_an_answer_is_read_as_it_is_wanted() -> None:
    whole = bytes(range(256)) * 40_000

    async def use(origin: Origin) -> None:
        got, most = bytearray(), 0
        async with origin.stream("GET", "/x") as reply:
            async for piece in reply.pieces():
                got += piece
                most = max(most, reply.waiting)
                await asyncio.sleep(0)
        assert got == whole
        assert most < 2 * KEPT
        async with origin.stream("GET", "/x") as reply:
            assert reply.status == 200  # and no more of it
        assert (await origin.fetch("HEAD", "/x")).status == 200
        assert origin.dialled == 2

    against(always(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(whole) + whole), use)


def test_parts_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "note.ogg"
    file.write_bytes(bytes(range(256)) * 2000)

    async def whole(body: Streamed) -> bytes:
        return b"".join([piece async for piece in body.pieces()])

    for span in (Span(0, 512_000), Span(300_000, 300_001), Span(7, 400_000), Span(9, 9)):
        assert asyncio.run(whole(part_of(file, span))) == file.read_bytes()[span.start : span.stop]
    assert checksum(file, Span(97, 100), "sha1") == "sha1 qZk+NkcGgWq6PiVxeFDCbJzQ2J0="  # of abc, FIPS 180
    with pytest.raises(DoorError, match="it has shrunk"):
        asyncio.run(whole(part_of(file, Span(0, 512_001))))
    with pytest.raises(DoorError, match="cannot read"):
        asyncio.run(whole(part_of(tmp_path / "none", Span(0, 1))))


@pytest.mark.outside
def test_the_second_handshake_takes_the_ticket_of_the_first(tmp_path: Path) -> None:
    need("openssl")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    made = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=localhost "
        f"-addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout {key} -out {cert}"
    )
    subprocess.run(made.split(), check=True, capture_output=True)
    resumed: list[bool] = []

    async def run() -> list[Answer]:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(cert, key)

        async def serve(reader: StreamReader, writer: StreamWriter) -> None:
            secured = writer.get_extra_info("ssl_object")
            resumed.append(secured.session_reused)
            assert secured.version() == "TLSv1.3"
            await read_request(reader)
            writer.write(OK)
            await reader.read()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        url = f"https://127.0.0.1:{port}"
        async with server, Origin(url, Reuse(idle=0), tls=trusting(cert)) as origin, Origin(url) as doubting:
            with pytest.raises(DoorError, match="certificate verify failed"):
                await doubting.fetch("GET", "/x")
            return [await origin.fetch("GET", "/x") for _ in range(3)]

    assert [answer.body for answer in asyncio.run(run())] == [b"ok"] * 3
    assert resumed == [False, True, True]
