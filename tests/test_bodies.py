"""Notes whose sound is a file: every store keeps it, gives it out in parts, keeps it once, and lets go of it."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from imlab.errors import DoorError, PeerError, UsageError
from imlab.server.doors import Committed, NoteStore, Page
from imlab.store.kinds import KINDS, Segments
from imlab.store.memory import MemoryStore
from imlab.store.sqlite import SqliteStore
from imlab.wire.messages import File, PacketLayout, VoiceMessage
from tests.test_store import STORES, Opened, note

LARGE = 1 << 20  # bytes: a file of its own, among segments
SOON = 60.0  # seconds ahead: everything that is unused now has been so for longer


def filed(number: int, body: bytes, room: str = "kitchen", sender: str = "ann") -> VoiceMessage:
    """A note that was uploaded as a file."""
    file = File(sha256(body).hexdigest(), len(body), "audio/ogg")
    return VoiceMessage(f"{number:032x}", sender, room, 1_700, 20, "opus", PacketLayout(), 0, b"", b"\x07", file=file)


def name(body: bytes) -> str:
    return sha256(body).hexdigest()


@pytest.fixture(params=STORES, ids=lambda kind: kind.name)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NoteStore]:
    with closing(request.param.open(tmp_path)) as opened:
        yield opened


BODIES = {
    "one byte": b"\x00",
    "small": bytes(range(256)) * 80,
    "just below large": bytes(LARGE - 1),
    "large": bytes(LARGE),
}


@pytest.mark.parametrize("case", BODIES)
@pytest.mark.parametrize("as_path", [False, True], ids=["bytes", "path"])
def test_a_file_comes_back_as_it_was(store: NoteStore, tmp_path: Path, case: str, as_path: bool) -> None:
    body, sent = BODIES[case], filed(1, BODIES[case])
    upload = tmp_path / "upload"
    upload.write_bytes(body)
    assert store.commit([sent], {sent.id: upload if as_path else body}) == [Committed(1)]
    assert upload.exists() is not as_path  # what was taken over is no longer the caller's
    assert store.find(sent.id) == replace(sent, sequence=1)
    assert store.load("kitchen", 0, 1) == Page((replace(sent, sequence=1),), 1)
    assert store.read(name(body)) == body


PARTS = [(0, None), (0, 10), (5, 10), (99, None), (99, 1_000), (100, None), (200, 300), (7, 7), (8, 7)]


@pytest.mark.parametrize(("start", "stop"), PARTS)
def test_a_part_is_what_a_slice_is(store: NoteStore, start: int, stop: int | None) -> None:
    body = bytes(range(100))
    sent = filed(1, body)
    store.commit([sent], {sent.id: body})
    assert store.read(name(body), start, stop) == body[start:stop]


def test_where_a_body_has_a_place_on_disk_it_can_be_read_there(store: NoteStore) -> None:
    for number, body in enumerate(BODIES.values()):
        sent = filed(number, body)
        store.commit([sent], {sent.id: body})
        if span := store.place(name(body)):
            with span.path.open("rb") as file:
                file.seek(span.offset)
                assert file.read(span.size) == body
    assert store.place(name(b"never")) is None


def test_what_is_not_here_is_said_to_be_missing(store: NoteStore) -> None:
    with pytest.raises(DoorError, match="no body 0000"):
        store.read("0" * 64)


REFUSED = {
    "no body came": ({}, UsageError),
    "a shorter one came": ({f"{1:032x}": b"soun"}, UsageError),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_file_comes_whole_or_takes_no_place(store: NoteStore, case: str) -> None:
    bodies, error = REFUSED[case]
    refused, kept = store.commit([filed(1, b"sound"), note(2)], bodies)
    assert isinstance(refused, error)
    assert kept == Committed(1)


def test_files_and_audio_stand_in_one_order(store: NoteStore) -> None:
    one, three = filed(1, b"one"), filed(3, b"three", sender="bob")
    assert store.commit([one, note(2), three], {one.id: b"one", three.id: b"three"}) == [
        Committed(n) for n in (1, 2, 3)
    ]
    loaded = store.load("kitchen", 0, 10_000).notes
    assert loaded == (replace(one, sequence=1), replace(note(2), sequence=2), replace(three, sequence=3))


def test_the_same_upload_again_has_its_place_and_another_has_none(store: NoteStore, tmp_path: Path) -> None:
    sent, upload = filed(1, b"sound"), tmp_path / "upload"
    store.commit([sent], {sent.id: b"sound"})
    upload.write_bytes(b"sound")
    assert store.commit([sent], {sent.id: upload}) == [Committed(1, duplicate=True)]
    assert not upload.exists()
    upload.write_bytes(b"other")
    (taken,) = store.commit([filed(1, b"other")], {sent.id: upload})
    assert isinstance(taken, PeerError)
    assert upload.exists()  # still the caller's


def test_a_removed_note_keeps_its_place_and_loses_its_sound(store: NoteStore) -> None:
    sent = filed(2, b"sound")
    store.commit([note(1), sent, note(3)], {sent.id: b"sound"})
    assert store.remove(sent.id)
    assert store.remove(note(1).id)
    assert not store.remove(note(9).id)
    left = store.load("kitchen", 0, 10_000).notes
    assert [(kept.sequence, kept.sender, kept.size, kept.file) for kept in left] == [
        (1, "ann", 0, None),
        (2, "ann", 0, None),
        (3, "ann", 100, None),
    ]
    assert store.find(sent.id) == left[1]
    assert (left[1].waveform, left[1].duration_ms, left[1].layout) == (b"", 0, PacketLayout())
    assert store.commit([sent], {sent.id: b"sound"}) == [Committed(2, duplicate=True)]  # it stays removed
    assert store.find(sent.id) == left[1]
    assert store.commit([note(4)]) == [Committed(4)]


def test_a_body_goes_with_the_last_note_that_has_it_and_not_before_its_time(store: NoteStore) -> None:
    one, two = filed(1, b"sound"), filed(2, b"sound", room="hall")
    begun = time.time()
    store.commit([one, two], {one.id: b"sound", two.id: b"sound"})
    store.remove(one.id)
    assert store.collect(time.time() + SOON) == 0
    assert store.read(name(b"sound")) == b"sound"
    store.remove(two.id)
    assert store.collect(begun - SOON) == 0  # it was used since
    assert store.read(name(b"sound")) == b"sound"
    assert store.collect(time.time() + SOON) == 1
    with pytest.raises(DoorError, match="no body"):
        store.read(name(b"sound"))
    assert store.place(name(b"sound")) is None
    three = filed(3, b"sound")
    assert store.commit([three], {three.id: b"sound"}) == [Committed(2)]
    assert store.read(name(b"sound")) == b"sound"
    assert store.collect(time.time() + SOON) == 0


DURABLE = [opened for opened in STORES if opened.name != "memory"]


def bytes_under(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())


@pytest.mark.parametrize("kind", DURABLE, ids=lambda kind: kind.name)
def test_the_same_content_is_stored_once(tmp_path: Path, kind: Opened) -> None:
    body = bytes(500_000)
    sent = [filed(number, body) for number in range(8)]
    with closing(kind.open(tmp_path)) as store:
        for each in sent[:4]:
            store.commit([each], {each.id: body})
        store.commit(sent[4:], {each.id: body for each in sent[4:]})
    assert bytes_under(tmp_path) < 2 * len(body)


@pytest.mark.parametrize("kind", DURABLE, ids=lambda kind: kind.name)
def test_everything_is_there_after_a_restart(tmp_path: Path, kind: Opened) -> None:
    sent = {filed(number, body).id: body for number, body in enumerate(BODIES.values())}
    with closing(kind.open(tmp_path)) as store:
        store.commit([filed(n, body) for n, body in enumerate(BODIES.values())], sent)
        store.remove(f"{1:032x}")
    with closing(kind.open(tmp_path)) as store:
        assert store.load("kitchen", None, 0).head == len(BODIES)
        kept = store.find(f"{1:032x}")
        assert kept and kept.file is None
        for body in BODIES.values():
            assert store.read(name(body)) == body


@pytest.mark.parametrize("after", KINDS)
@pytest.mark.parametrize("before", KINDS)
def test_what_one_kind_wrote_another_reads(tmp_path: Path, before: str, after: str) -> None:
    old, new = filed(1, b"old"), filed(2, b"new")
    with closing(SqliteStore(tmp_path, KINDS[before])) as store:
        store.commit([old], {old.id: b"old"})
    with closing(SqliteStore(tmp_path, KINDS[after])) as store:
        assert store.commit([new, note(3)], {new.id: b"new"}) == [Committed(2), Committed(3)]
        assert store.read(name(b"old")) + store.read(name(b"new")) == b"oldnew"
        store.remove(old.id)
        assert store.collect(time.time() + SOON) == 1


SCHEMA_1 = """
CREATE TABLE notes (
    room TEXT NOT NULL, sequence INTEGER NOT NULL, id TEXT NOT NULL UNIQUE, sender TEXT NOT NULL,
    timestamp_ms INTEGER NOT NULL, duration_ms INTEGER NOT NULL, codec TEXT NOT NULL, size INTEGER NOT NULL,
    sha256 TEXT NOT NULL, head BLOB NOT NULL, PRIMARY KEY (room, sequence)
);
PRAGMA user_version = 1;
"""


@pytest.mark.parametrize("kind", KINDS)
def test_a_directory_of_the_first_schema_is_brought_up_to_date_in_place(tmp_path: Path, kind: str) -> None:
    notes = [note(1), replace(note(1), id=note(2).id), note(3, size=0)]
    with closing(SqliteStore(tmp_path, KINDS["files"])) as store:
        store.commit(notes)
    columns = "room, sequence, id, sender, timestamp_ms, duration_ms, codec, size, sha256, head"
    with closing(sqlite3.connect(tmp_path / "notes.sqlite")) as base:
        rows = base.execute(f"SELECT {columns} FROM notes").fetchall()
    (tmp_path / "notes.sqlite").unlink()
    with closing(sqlite3.connect(tmp_path / "notes.sqlite")) as base:
        base.executescript(SCHEMA_1)
        base.executemany(f"INSERT INTO notes ({columns}) VALUES ({', '.join('?' * 10)})", rows)
        base.commit()
    with closing(SqliteStore(tmp_path, KINDS[kind])) as store:
        assert store.load("kitchen", 0, 10_000).notes == tuple(replace(n, sequence=i + 1) for i, n in enumerate(notes))
        assert store.commit([note(4)]) == [Committed(4)]
        assert [store.remove(note(n).id) for n in (1, 2)] == [True, True]
        assert store.collect(time.time() + SOON) == 1  # its two uses were counted
    with closing(SqliteStore(tmp_path, KINDS[kind])) as store:
        assert store.load("kitchen", None, 0).head == 4


def test_the_model_and_the_durable_stores_refuse_alike(tmp_path: Path) -> None:
    sent = filed(1, b"sound")
    for number, kind in enumerate((Segments(large=3), Segments(large=100))):
        with closing(SqliteStore(tmp_path / str(number), kind)) as store, closing(MemoryStore()) as model:
            for bodies in ({}, {sent.id: b"x"}, {sent.id: b"sound"}):
                ours, theirs = store.commit([sent], bodies), model.commit([sent], bodies)
                assert list(map(repr, ours)) == list(map(repr, theirs))
