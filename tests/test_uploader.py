"""Uploads without I/O: against a tus server in memory that loses requests, answers and patience."""

from __future__ import annotations

import re
from base64 import b64decode
from itertools import count
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imlab.client.backoff import Backoff
from imlab.client.fetching.requests import Answer, Request, passing, words
from imlab.client.uploading.part import Tus
from imlab.client.uploading.resumable import Begun, ResumableUpload
from imlab.client.uploading.uploader import Uploader
from imlab.client.uploading.whole import whole_upload
from imlab.errors import DoorError, PeerError, UsageError

NOTE = bytes(Random(1).randbytes(10_007))
ID = "0123456789abcdef" * 2


class TusServer:
    """tus 1.0 by the letter, and PUT: what it was given, where, and what it was told."""

    def __init__(self) -> None:
        self.uploads: dict[str, bytearray] = {}
        self.lengths: dict[str, int] = {}
        self.asked: list[Request] = []
        self.stored: dict[str, bytes] = {}

    def __call__(self, request: Request, arrived: int | None = None) -> Answer:
        """Its answer; arrived: how many bytes of the body came before the connection broke."""
        self.asked.append(request)
        told = dict(request.headers)
        body = b"" if request.body is None else NOTE[request.body.start : request.body.stop][:arrived]
        if request.method == "PUT":
            return self._put(told["idempotency-key"], body, arrived)
        assert told["tus-resumable"] == "1.0.0"
        match request.method:
            case "POST" if told.get("upload-concat", "").startswith("final;"):
                return self._join(told["upload-concat"].removeprefix("final;").split(" "))
            case "POST":
                url = f"/files/{len(self.uploads):02}"
                self.uploads[url], self.lengths[url] = bytearray(body), int(told["upload-length"])
                offset = {"upload-offset": str(len(body))} if request.body else {}
                return Answer(201, {"location": f"http://elsewhere:1{url}"} | offset)
            case "HEAD":
                if request.target not in self.uploads:
                    return Answer(410, {})
                return Answer(200, {"upload-offset": str(len(self.uploads[request.target]))})
            case "PATCH":
                return self._patch(self.uploads[request.target], int(told["upload-offset"]), body)
        raise AssertionError(request)

    def _put(self, id: str, body: bytes, arrived: int | None) -> Answer:
        if arrived is None or arrived >= len(NOTE):
            self.stored[id] = body
        return Answer(201, {}, b'{"seq": 1}')

    def _patch(self, kept: bytearray, offset: int, body: bytes) -> Answer:
        if offset != len(kept):
            return Answer(409, {}, b"another offset")
        kept += body
        return Answer(204, {"upload-offset": str(len(kept))})

    def _join(self, urls: list[str]) -> Answer:
        assert all(len(self.uploads[url]) == self.lengths[url] for url in urls)
        self.uploads["/files/joined"] = bytearray().join(self.uploads[url] for url in urls)
        return Answer(201, {"location": "/files/joined"})


def carry(upload: Uploader, server: TusServer, luck: Random, loss: float) -> None:
    """To the end: answers come in any order, and a share of the requests breaks at a random byte."""
    clock = count()
    while upload.result is None and upload.error is None:
        now = float(next(clock))
        asks = upload.outbox()
        luck.shuffle(asks)
        for each in asks:
            if luck.random() < loss:
                if luck.random() < 0.8:
                    server(each.request, luck.randrange(10_000))
                upload.broke(each.ticket, "cut", now)
            else:
                upload.answered(each.ticket, server(each.request), now)
        if not asks:
            due = upload.wake_at()
            assert due is not None, "it hangs"
            while float(next(clock)) < due:
                continue
            upload.wake(due + 1)


def whole(server: TusServer) -> bytes:
    """What was uploaded, by one upload or joined."""
    return bytes(
        server.uploads.get("/files/joined") or next(each for each in server.uploads.values() if len(each) == len(NOTE))
    )


@settings(max_examples=60)
@given(
    seed=st.integers(0, 10_000),
    loss=st.sampled_from([0.0, 0.1, 0.5]),
    chunk=st.sampled_from([None, 1, 999, 4096, 20_000]),
    parallel=st.sampled_from([1, 2, 3]),
    careful=st.booleans(),
    at_once=st.booleans(),
)
def test_every_byte_arrives_whatever_breaks(
    seed: int, loss: float, chunk: int | None, parallel: int, careful: bool, at_once: bool
) -> None:
    server, luck = TusServer(), Random(seed)
    policy = Tus(chunk if chunk != 1 else 100, parallel, careful, at_once=at_once, tries=1000)
    upload = ResumableUpload("/files/", len(NOTE), luck, {"room": "tea"}, policy)
    carry(upload, server, luck, loss)
    assert upload.error is None
    assert whole(server) == NOTE
    assert upload.received == len(NOTE)


def test_a_small_file_is_one_request_and_a_large_one_as_many_as_it_has_chunks() -> None:
    for policy, methods in [
        (Tus(), ["POST"]),
        (Tus(chunk=4096), ["POST", "PATCH", "PATCH"]),
        (Tus(at_once=False), ["POST", "PATCH"]),
        (Tus(parallel=2), ["POST", "POST", "POST"]),
    ]:
        server = TusServer()
        upload = ResumableUpload("/files/", len(NOTE), Random(1), {"room": "tea", "sender": "ann"}, policy)
        carry(upload, server, Random(1), 0.0)
        assert [request.method for request in server.asked] == methods, policy
        last = dict([request for request in server.asked if request.method == "POST"][-1].headers)
        pairs = dict(pair.split(" ") for pair in last["upload-metadata"].split(","))
        assert {key: b64decode(value).decode() for key, value in pairs.items()} == {"room": "tea", "sender": "ann"}


def test_an_empty_file_has_no_body() -> None:
    upload = ResumableUpload("/files/", 0, Random(1))
    (asked,) = upload.outbox()
    assert (asked.request.method, asked.request.body) == ("POST", None)
    upload.answered(asked.ticket, Answer(201, {"location": "/files/a"}), 0.0)
    assert upload.result


@pytest.mark.parametrize(
    ("careful", "methods"), [(True, ["POST", "HEAD", "PATCH"]), (False, ["POST", "PATCH", "HEAD", "PATCH"])]
)
def test_a_cut_is_asked_about_first_or_only_when_it_mattered(careful: bool, methods: list[str]) -> None:
    server = TusServer()
    upload = ResumableUpload("/files/", len(NOTE), Random(1), policy=Tus(4096, careful=careful))
    asked = upload.outbox()[0]
    upload.answered(asked.ticket, server(asked.request), 0.0)
    asked = upload.outbox()[0]
    server(asked.request, 100)  # of which 100 bytes arrived
    upload.broke(asked.ticket, "cut", 1.0)
    assert not upload.outbox() and (upload.wake_at() or 0) > 1.0
    server.asked = server.asked[:1]
    for now in (10.0, 20.0):
        upload.wake(now)
        while asks := upload.outbox():
            upload.answered(asks[0].ticket, server(asks[0].request), now)
    assert [request.method for request in server.asked][: len(methods)] == methods
    assert whole(server) == NOTE


def test_another_process_goes_on() -> None:
    for parallel in (1, 3):
        server = TusServer()
        first = ResumableUpload("/files/", len(NOTE), Random(1), policy=Tus(1000, parallel), of="note.ogg of Tuesday")
        for _ in range(2):
            for each in first.outbox():
                first.answered(each.ticket, server(each.request), 0.0)
        begun = Begun.read(first.begun.text())
        assert begun == first.begun
        server.asked.clear()
        second = ResumableUpload("/files/", len(NOTE), Random(2), policy=Tus(), of="note.ogg of Tuesday", begun=begun)
        carry(second, server, Random(2), 0.0)
        assert whole(server) == NOTE
        assert [request.method for request in server.asked[:parallel]] == ["HEAD"] * parallel
        sent = sum(request.body.size for request in server.asked if request.body)
        assert sent == len(NOTE) - 2000 * parallel, "only what was missing"


def test_what_the_server_forgot_is_begun_again_once() -> None:
    server = TusServer()
    upload = ResumableUpload("/files/", len(NOTE), Random(1), begun=Begun("", len(NOTE), ("/files/gone",)))
    carry(upload, server, Random(1), 0.0)
    assert [request.method for request in server.asked] == ["HEAD", "POST"]
    assert whole(server) == NOTE


REFUSALS = [
    Answer(403, {}, b'{"error": "forbidden", "fault": "peer", "detail": "not with me"}'),
    Answer(413, {}, b"not with me"),
    Answer(415, {}, b"<p>not\nwith   me</p>"),
    Answer(501, {}, b"not with me"),
    Answer(302, {"location": "/files/x"}, b"not with me"),
]


@pytest.mark.parametrize("answer", REFUSALS, ids=lambda answer: str(answer.status))
def test_a_refusal_is_final_and_quoted(answer: Answer) -> None:
    for upload in (whole_upload("/notes/tea", ID, 10, Random(1)), ResumableUpload("/files/", 10, Random(1))):
        (asked,) = upload.outbox()
        upload.answered(asked.ticket, answer, 0.0)
        assert isinstance(upload.error, PeerError)
        assert re.search(rf"{answer.status}.*not with.? ?me", str(upload.error))
        assert upload.wake_at() is None and not upload.outbox()


LIES = [
    Answer(201, {}),
    Answer(201, {"location": "mailto:ann"}),
    Answer(201, {"location": "/files/a", "upload-offset": "11"}),
    Answer(201, {"location": "/files/a", "upload-offset": "-1"}),
    Answer(201, {"location": "/files/a", "upload-offset": "many"}),
]


@pytest.mark.parametrize("answer", LIES, ids=lambda answer: repr(answer.headers))
def test_a_server_that_makes_no_sense_is_left(answer: Answer) -> None:
    upload = ResumableUpload("/files/", 10, Random(1))
    upload.answered(upload.outbox()[0].ticket, answer, 0.0)
    assert isinstance(upload.error, PeerError)


def test_a_server_that_takes_nothing_is_left_at_last() -> None:
    upload = ResumableUpload("/files/", 10, Random(1), policy=Tus(tries=5))
    asked = upload.outbox()[0]
    upload.answered(asked.ticket, Answer(201, {"location": "/files/a", "upload-offset": "0"}), 0.0)
    for now in range(100):
        upload.wake(float(now * 100))
        for asked in upload.outbox():
            upload.answered(asked.ticket, Answer(204, {"upload-offset": "0"}), now * 100.0)
    assert isinstance(upload.error, DoorError) and "took nothing" in str(upload.error)


def test_patience_grows_listens_to_the_server_and_ends() -> None:
    upload = whole_upload("/notes/tea", ID, 10, Random(1), backoff=Backoff(1.0, 2.0, 8.0))
    waits, now = [], 0.0
    for number in range(12):
        (asked,) = upload.outbox()
        told = {"retry-after": "30"} if number == 2 else {}
        upload.answered(asked.ticket, Answer(503, told, b"later"), now)
        if (due := upload.wake_at()) is None:
            break
        waits.append(due - now)
        upload.wake(due - 0.001)
        assert not upload.outbox()
        now = due
        upload.wake(now)
    assert len(waits) == 11 and isinstance(upload.error, DoorError) and "503 later" in str(upload.error)
    assert waits[2] == pytest.approx(30)
    assert all(half <= wait <= 2 * half for half, wait in zip((0.5, 1.0), waits, strict=False))
    assert all(4 <= wait <= 8 for wait in waits[3:])


@pytest.mark.parametrize("loss", [0.0, 0.5])
def test_a_put_is_stored_once_under_its_id(loss: float) -> None:
    server = TusServer()
    upload = whole_upload("/notes/tea", ID, len(NOTE), Random(3))
    carry(upload, server, Random(3), loss)
    assert server.stored == {ID: NOTE}
    assert upload.result and upload.result.status == 201


BAD_STATES = ["", "[]", "{}", '{"of": "", "size": "1", "urls": []}', '{"of": "", "size": 1, "urls": [2]}']


@pytest.mark.parametrize("text", BAD_STATES)
def test_a_state_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not the state of an upload"):
        Begun.read(text)


def test_the_state_of_another_file_is_refused() -> None:
    with pytest.raises(UsageError, match="another upload"):
        ResumableUpload("/files/", 11, Random(1), of="b", begun=Begun("a", 11, ("/files/a",)))


@pytest.mark.parametrize(
    ("status", "may"),
    [
        (408, True),
        (423, True),
        (429, True),
        (500, True),
        (503, True),
        (507, True),
        (501, False),
        (404, False),
        (409, False),
    ],
)
def test_which_failures_may_pass(status: int, may: bool) -> None:
    assert passing(status) is may


def test_words_are_one_line_whoever_wrote_them() -> None:
    assert words(Answer(415, {}, b'{"detail": "no  sound\\n here"}')) == "415 no sound here"
    assert words(Answer(500, {}, b'{"error": 1}')) == '500 {"error": 1}'
    assert words(Answer(500, {})) == "500"
    assert len(words(Answer(500, {}, b"x" * 5000))) < 400
