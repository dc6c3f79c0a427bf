"""Files fetched by as many answers as it takes: from a server in memory, then over real sockets, cut in the middle."""

from __future__ import annotations

import asyncio
import re
from asyncio import StreamReader, StreamWriter
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imlab.audio.clip import Samples
from imlab.client.backoff import Backoff
from imlab.client.fetching.download import Copy, Download
from imlab.client.fetching.ranges import Need, brought, headers
from imlab.client.fetching.requests import Answer, Request
from imlab.client.playing.file_player import Ahead, FilePlayer
from imlab.errors import DoorError, PeerError
from imlab.net.fetching.downloading import Downloading
from imlab.net.fetching.origin import Origin
from imlab.net.fetching.playing import play
from tests.test_file_player import RATE, note

FILE = bytes(range(256)) * 40
TAG = '"of this file"'
SOON = Backoff(0.001, 1.0, 0.001)


def answer(request: Request, ranges: bool = True, tag: str = TAG) -> Answer:
    """What a server says that has the file."""
    told = dict(request.headers)
    found = re.fullmatch(r"bytes=(\d+)-(\d*)", told.get("range", ""))
    if not found or not ranges or told.get("if-range", tag) != tag:
        return Answer(200, {"content-length": str(len(FILE)), "etag": tag}, FILE)
    start, stop = int(found[1]), min(len(FILE), int(found[2] or len(FILE)) + 1)
    place = f"bytes {start}-{stop - 1}/{len(FILE)}"
    return Answer(206, {"content-length": str(stop - start), "content-range": place, "etag": tag}, FILE[start:stop])


@given(seed=st.integers(0, 1000), loss=st.sampled_from([0.0, 0.3, 0.7]), ranges=st.booleans())
def test_all_of_it_comes_once_and_in_order(seed: int, loss: float, ranges: bool) -> None:
    luck, got, now = Random(seed), bytearray(), 0.0
    download = Download("/audio/x", Copy(got.extend), luck, tries=1000)
    while not download.sated and not download.error:
        now += 100.0
        request = download.request(now)
        assert request
        reply = answer(request, ranges)
        if luck.random() < loss / 2:
            download.answered(Answer(503, {}), now)
            continue
        assert download.answered(reply, now)
        stop = luck.randrange(len(reply.body)) if luck.random() < loss else len(reply.body)
        for start in range(0, stop, 1000):
            download.body(reply.body[start : min(stop, start + 1000)])
        download.ended("cut" if stop < len(reply.body) else "", now)
    assert got == FILE


def test_only_what_is_missing_is_asked_for_again() -> None:
    got = bytearray()
    download = Download("/audio/x", Copy(got.extend), Random(1))
    first = download.request(0.0)
    assert first == Request("GET", "/audio/x")
    download.answered(answer(first), 0.0)
    download.body(FILE[:4000])
    download.ended("cut", 1.0)
    assert download.request(1.0) is None and download.due and download.due > 1.0
    second = download.request(9.0)
    assert second == Request("GET", "/audio/x", (("range", "bytes=4000-"), ("if-range", TAG)))


def test_an_answer_without_a_length_ends_where_it_ends() -> None:
    got = bytearray()
    download = Download("/audio/x", Copy(got.extend), Random(1))
    download.request(0.0)
    assert download.answered(Answer(200, {}), 0.0)
    download.body(FILE)
    assert not download.sated
    download.ended("", 0.0)
    assert got == FILE
    assert download.request(1.0) is None and not download.error


WRONG = [
    (Answer(404, {}, b'{"detail": "no such note"}'), PeerError, "404 no such note"),
    (Answer(416, {}), PeerError, "416"),
    (Answer(206, {"content-range": "bytes 5-9/100"}), PeerError, "asked from byte 0 on"),
    (Answer(206, {}), PeerError, "asked from byte 0 on"),
    (Answer(302, {"location": "/elsewhere"}), PeerError, "302"),
]


@pytest.mark.parametrize(("wrong", "error", "why"), WRONG, ids=lambda value: repr(value)[:30])
def test_what_is_not_the_file_is_refused(wrong: Answer, error: type[Exception], why: str) -> None:
    download = Download("/audio/x", Copy(bytearray().extend), Random(1))
    download.request(0.0)
    assert not download.answered(wrong, 0.0)
    assert isinstance(download.error, error) and why in str(download.error)


def test_another_file_under_the_same_name_is_refused() -> None:
    download = Download("/audio/x", Copy(bytearray().extend), Random(1))
    for now, tag in ((0.0, TAG), (99.0, '"another"')):
        request = download.request(now)
        assert request
        download.answered(answer(request, tag=tag), now)
        if download.error:
            break
        download.body(FILE[:10])
        download.ended("cut", now)
    assert isinstance(download.error, PeerError) and "has changed" in str(download.error)


def test_a_file_of_another_size_than_was_promised_is_refused() -> None:
    download = Download("/audio/x", Copy(bytearray().extend, size=5), Random(1))
    request = download.request(0.0)
    assert request
    with pytest.raises(PeerError, match=r"has 10240 bytes, 5 were promised"):
        download.answered(answer(request), 0.0)


def test_patience_ends() -> None:
    download = Download("/audio/x", Copy(bytearray().extend), Random(1), tries=3)
    for now in (0.0, 100.0, 200.0):
        assert download.request(now)
        download.ended("nobody is there", now)
    assert isinstance(download.error, DoorError) and "nobody is there" in str(download.error)


def test_ranges_in_words() -> None:
    assert headers(Need(0), TAG) == ()
    assert headers(Need(0, 9), "") == (("range", "bytes=0-8"),)
    assert headers(Need(5), 'W/"weak"') == (("range", "bytes=5-"),)  # RFC 9110, 13.1.5: only a strong name will do
    assert brought(Answer(206, {"content-range": "bytes 5-9/*"}), Need(5)).size is None


@pytest.mark.process
@pytest.mark.parametrize("speed", [1.0, 1.5])
def test_a_note_is_heard_while_it_comes_and_over_broken_connections(speed: float) -> None:
    """Every third answer breaks in the middle; the sound has no seam."""
    file, sound = note(20.0, 64_000)
    asked: list[bytes] = []
    cut = 30_000

    async def serve(reader: StreamReader, writer: StreamWriter) -> None:
        while not reader.at_eof():
            head = await reader.read(5000)  # as small as our questions are
            if not head:
                return
            asked.append(head)
            found = re.search(rb"range: bytes=(\d+)-(\d*)", head)
            start = int(found[1]) if found else 0
            whole = len(file) - start
            status = b"206 Partial" if found else b"200 OK"
            place = b"content-range: bytes %d-%d/%d\r\n" % (start, len(file) - 1, len(file)) if found else b""
            told = b"%scontent-length: %d\r\netag: %s\r\n" % (place, whole, TAG.encode())
            writer.write(b"HTTP/1.1 %s\r\n%s\r\n" % (status, told))
            writer.write(file[start : start + cut])
            await writer.drain()
            if whole > cut:
                writer.close()
                return

    async def run() -> Samples:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            heard: list[Samples] = []

            async def hear(rate: int, sound: Samples) -> None:
                assert rate == RATE
                heard.append(sound)

            async with Origin(f"http://127.0.0.1:{port}") as origin:
                player = FilePlayer(speed, ahead=Ahead(40_000))
                await asyncio.wait_for(play(player, "/audio/x", origin, Random(1), hear, SOON), 20)
            return np.concatenate(heard)

    out = asyncio.run(run())
    assert len(asked) >= len(file) // cut
    assert len(out) == round(len(sound) / speed)
    if speed == 1.0:
        assert np.array_equal(out, sound)


@pytest.mark.process
def test_what_came_before_one_waits_is_not_waited_for() -> None:
    async def serve(reader: StreamReader, writer: StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(FILE) + FILE)

    async def run() -> bytes:
        got = bytearray()
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            async with Origin(f"http://127.0.0.1:{port}") as origin:
                downloading = Downloading(origin, Download("/audio/x", Copy(got.extend), Random(1)))
                await downloading.run()
                await asyncio.wait_for(downloading.more(), 20)
        return bytes(got)

    assert asyncio.run(run()) == FILE


NO_NOTES: list[tuple[bytes, type[Exception], str]] = [
    (b"HTTP/1.1 404 Not Found\r\ncontent-length: 7\r\n\r\nno note", PeerError, "404 no note"),
    (b"HTTP/1.1 200 OK\r\ncontent-length: 30\r\n\r\n" + bytes(30), PeerError, "begins with 0000"),
    (b"", DoorError, "tried too often"),
]


@pytest.mark.process
@pytest.mark.parametrize(("told", "error", "why"), NO_NOTES, ids=lambda value: repr(value)[:20])
def test_what_cannot_be_heard_is_said_to_whoever_would_hear_it(told: bytes, error: type[Exception], why: str) -> None:
    async def serve(reader: StreamReader, writer: StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(told)
        writer.close()

    async def hear(rate: int, sound: Samples) -> None:
        raise AssertionError("nothing can be heard")

    async def run() -> None:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            async with Origin(f"http://127.0.0.1:{port}") as origin:
                await asyncio.wait_for(play(FilePlayer(), "/audio/x", origin, Random(1), hear, SOON), 20)

    with pytest.raises(error, match=why):
        asyncio.run(run())
