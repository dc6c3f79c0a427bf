"""Whole notes by PUT: what comes back, what is kept, what is refused and how, without a network."""

from __future__ import annotations

import asyncio
from hashlib import sha256
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imlab.net.web.put import Put
from imlab.server.upload_terms import Patience, UploadTerms
from imlab.store.memory import MemoryStore
from tests.asking import Got, asked, kept, posting, talked

TERMS = UploadTerms(file=10_000, memory=1_000, patience=Patience(silence=0.05))
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


@settings(max_examples=60, deadline=None)
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
