"""Whole notes by PUT: what comes back, what is kept, what is refused and how, without a network."""

from __future__ import annotations

import asyncio
import os
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imlab.net.web.uploads.intents import Ids, is_id, query
from imlab.net.web.uploads.put import Put
from imlab.server.parts import Malformed
from imlab.server.upload_terms import Patience, UploadTerms
from imlab.store.memory import MemoryStore
from tests.test_store import largest_file
from tests.uploads import Got, asked, kept, posting, talked

TERMS = UploadTerms(file=10_000, memory=1_000, patience=Patience(silence=0.05, linger=0.05))
ID = "0123456789abcdef" * 2
SOUND = Random(1).randbytes(5_000)


class Server:
    """The application and its store."""

    def __init__(self, directory: Path, terms: UploadTerms = TERMS) -> None:
        self.store = MemoryStore()
        self.spools = directory / "spools"
        self.app = Put(posting(self.store), self.spools, terms, clock=lambda: 1_700_000_000.5)

    def put(self, *pieces: bytes, path: str = "/notes/tea room", query: str = "sender=ann", **headers: str) -> Got:
        return asyncio.run(asked(self.app, "PUT", path, pieces or (b"",), query, **headers))

    def left(self) -> list[Path]:
        return list(self.spools.iterdir())


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path)


def test_a_note_gets_its_place(server: Server) -> None:
    got = server.put(SOUND[:700], SOUND[700:], idempotency_key=ID, content_type="audio/ogg")
    assert got.status == 201
    assert got.headers["location"] == f"/audio/{ID}"
    assert got.told == {
        "id": ID,
        "seq": 1,
        "url": f"/audio/{ID}",
        "duration_ms": 1_000,
        "codec": "opus",
        "bytes": len(SOUND),
        "sha256": sha256(SOUND).hexdigest(),
    }
    (note,) = server.store.load("tea room", 0, 1).notes
    assert (note.sender, note.timestamp_ms, note.file and note.file.type) == ("ann", 1_700_000_000_500, "audio/ogg")
    assert kept(server.store, "tea room") == [SOUND]


def test_the_same_again_is_told_the_same(server: Server) -> None:
    first, again = (server.put(SOUND, idempotency_key=ID) for _ in range(2))
    assert (first.status, again.status) == (201, 200)
    assert first.told == again.told
    assert kept(server.store, "tea room") == [SOUND]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.binary(max_size=900), max_size=12))
def test_the_pieces_do_not_matter(tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes]) -> None:
    server = Server(tmp_path_factory.mktemp("put"))
    got, whole = server.put(b"x", *pieces), b"x" + b"".join(pieces)
    if len(whole) > TERMS.file:
        assert got.status == 413
    else:
        assert (got.status, got.told["sha256"]) == (201, sha256(whole).hexdigest())
        assert kept(server.store, "tea room") == [whole]
    assert not server.left()


QUERIES = st.text(alphabet="ab=&%2f+ é", max_size=20).map(lambda text: text.encode("latin-1"))


@given(QUERIES)
def test_a_query_means_what_the_library_says(text: bytes) -> None:
    try:
        expected = dict(parse_qsl(text.decode("ascii"), keep_blank_values=True, errors="strict"))
    except ValueError:
        with pytest.raises(Malformed):
            query(text)
    else:
        expected.pop("", None)
        assert {name: value for name, value in query(text).items() if name} == expected


def test_ids_are_new_in_every_process() -> None:
    ids = Ids()
    drawn = [ids() for _ in range(1_000)]
    assert all(map(is_id, drawn)) and len(set(drawn)) == 1_000
    ours, theirs = os.pipe()
    if not (child := os.fork()):
        os.write(theirs, ids().encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(ours, 100).decode() != ids()
    os.close(ours)
    os.close(theirs)


REFUSED: dict[str, tuple[dict[str, str], bytes, tuple[int, str]]] = {
    "no room": ({"path": "/notes/"}, SOUND, (400, "bad_request")),
    "a long room": ({"path": "/notes/" + "r" * 129}, SOUND, (400, "bad_request")),
    "a room with a bell": ({"path": "/notes/tea\a"}, SOUND, (400, "bad_request")),
    "a room that was no UTF-8": ({"path": "/notes/\ufffd"}, SOUND, (400, "bad_request")),
    "an empty sender": ({"query": "sender="}, SOUND, (400, "bad_request")),
    "a sender that is no UTF-8": ({"query": "sender=%ff"}, SOUND, (400, "bad_request")),
    "a query without end": ({"query": "a=1&" * 40}, SOUND, (400, "bad_request")),
    "an odd key": ({"idempotency_key": "../../etc/passwd"}, SOUND, (400, "bad_request")),
    "a key in capitals": ({"idempotency_key": ID.upper()}, SOUND, (400, "bad_request")),
    "a duration of words": ({"query": "duration_ms=long"}, SOUND, (400, "bad_request")),
    "an endless duration": ({"query": "duration_ms=" + "9" * 5_000}, SOUND, (400, "bad_request")),
    "a time before time": ({"query": "timestamp_ms=-1"}, SOUND, (400, "bad_request")),
    "a length of words": ({"content_length": "many"}, SOUND, (400, "bad_request")),
    "declared too large": ({"content_length": "10001"}, SOUND, (413, "too_large")),
    "too large in the end": (
        {"transfer_encoding": "chunked", "content_length": "9"},
        bytes(10_001),
        (413, "too_large"),
    ),
    "nothing": ({}, b"", (422, "unacceptable_content")),
    "no sound": ({}, b"type: a letter", (415, "unsupported_media_type")),
    "broken": ({}, b"content is broken", (422, "unacceptable_content")),
    "broken, through a file": ({}, b"content is broken" * 100, (422, "unacceptable_content")),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_is_told_why_and_not_kept(server: Server, case: str) -> None:
    asked_for, body, (status, error) = REFUSED[case]
    got = server.put(body, **asked_for)
    assert (got.status, got.told["error"], got.told["fault"]) == (status, error, "peer")
    assert got.told["detail"]
    assert kept(server.store, "tea room") == []
    assert not server.left()


def test_an_id_names_one_note(server: Server) -> None:
    server.put(SOUND, idempotency_key=ID)
    for taken in (
        server.put(SOUND + b"!", idempotency_key=ID),
        server.put(SOUND, path="/notes/hall", idempotency_key=ID),
    ):
        assert (taken.status, taken.told["error"]) == (409, "conflict")
    assert kept(server.store, "tea room") == [SOUND]
    assert not server.left()


def test_a_body_has_a_length_or_an_end(server: Server) -> None:
    got = asyncio.run(talked(server.app, "PUT", "/notes/hall", [], "", {}))
    assert (got.status, got.told["error"]) == (411, "length_required")


PART_OF_BODY: dict[str, Any] = {"type": "http.request", "body": b"beginning", "more_body": True}
MORE: dict[str, Any] = {"type": "http.request", "body": b"x" * 5_000, "more_body": True}
LEFT: dict[str, Any] = {"type": "http.disconnect"}


@pytest.mark.parametrize("said", [[], [PART_OF_BODY], [PART_OF_BODY, MORE]], ids=len)
def test_silence_ends_an_upload(server: Server, said: list[dict[str, Any]]) -> None:
    got = asyncio.run(talked(server.app, "PUT", "/notes/hall", said, "", {"content-length": "9999"}))
    assert (got.status, got.told["error"], got.headers["connection"]) == (408, "too_slow", "close")
    assert not server.left()


def test_one_who_leaves_is_not_answered_and_leaves_nothing(server: Server) -> None:
    said = [PART_OF_BODY, MORE, LEFT]
    assert asyncio.run(talked(server.app, "PUT", "/notes/hall", said, "", {"content-length": "9999"})).status == 0
    assert not server.left()
    assert kept(server.store, "hall") == []


def test_patience_ends_with_silence_or_with_too_little() -> None:
    patience = Patience(silence=10, rate=500)
    assert patience.until(begun=100, size=0, now=100) == 110
    assert patience.until(begun=100, size=10_000, now=105) == 115  # fast enough: ten seconds from now
    assert patience.until(begun=100, size=1_000, now=109) == 112  # 1,000 bytes are worth two seconds more
    assert patience.until(begun=100, size=4, now=110) < 111  # a byte now and then is as good as none


def test_a_refused_sender_is_answered_before_it_has_finished_and_may_finish(server: Server) -> None:
    """What it still sends is read, so that the answer is not lost in a reset; and the connection ends."""
    said = iter([PART_OF_BODY, MORE, {"type": "http.request", "body": b"end"}])
    got = asyncio.run(talked(server.app, "PUT", "/notes/hall", said, "", {"content-length": "10001"}))
    assert (got.status, got.headers["connection"]) == (413, "close")
    assert next(said, None) is None


def test_a_full_disk_is_the_servers_fault_and_passes(server: Server) -> None:
    with largest_file(3_000):
        full = server.put(SOUND[:2_000], SOUND[2_000:])
    assert (full.status, full.told["error"], full.told["fault"]) == (507, "insufficient_storage", "server")
    assert not server.left()
    assert server.put(SOUND).status == 201


def test_what_a_killed_server_left_is_swept(tmp_path: Path) -> None:
    (tmp_path / "spools").mkdir()
    (tmp_path / "spools" / "half").write_bytes(b"half")
    assert not Server(tmp_path).left()
