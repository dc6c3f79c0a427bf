"""Segments: whole records are found again whatever is torn or scratched, and emptied while others read."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imlab.errors import DoorError
from imlab.server.doors import Committed
from imlab.store.entry import entry_of
from imlab.store.kinds import Segments
from imlab.store.record import (
    BODY,
    HEADER,
    Hole,
    Record,
    decode_batch,
    encode_batch,
    read_salt,
    record_header,
    scan,
    segment_header,
)
from imlab.store.sqlite import SqliteStore
from imlab.wire.messages import VoiceMessage
from tests.test_bodies import SOON, filed, name
from tests.test_store import largest_file, note

SALT = bytes(range(16))


def record(at: int, content: bytes, kind: int = BODY, salt: bytes = SALT) -> bytes:
    return record_header(kind, at, len(content), sha256(content).digest(), salt) + content


def records(contents: list[bytes], at: int = HEADER) -> bytes:
    """One after the other, as they follow a segment's header."""
    data = b""
    for content in contents:
        data += record(at + len(data), content)
    return data


def sizes(data: bytes) -> list[int | None]:
    """Of the sound records that are found; None for a hole, or for one that is not sound."""
    found = scan(data, HEADER, SALT)
    return [each.size if isinstance(each, Record) and each.sound else None for each in found]


CONTENTS = st.lists(st.binary(max_size=200), max_size=6)


@given(CONTENTS)
def test_what_was_written_is_found(contents: list[bytes]) -> None:
    data = records(contents)
    assert [data[each.offset - HEADER : each.end - HEADER] for each in scan(data, HEADER, SALT)] == contents  # type: ignore[union-attr]


@given(CONTENTS, st.data())
def test_of_a_torn_segment_whole_records_are_found(contents: list[bytes], draw: st.DataObject) -> None:
    data = records(contents)
    left = data[: draw.draw(st.integers(0, len(data)))]
    whole = [n for n in range(len(contents) + 1) if len(records(contents[:n])) <= len(left)][-1]
    assert sizes(left) == [len(content) for content in contents[:whole]]


@given(CONTENTS.filter(bool), st.data())
def test_a_scratch_costs_one_record(contents: list[bytes], draw: st.DataObject) -> None:
    data = bytearray(records(contents))
    at = draw.draw(st.integers(0, len(data) - 1))
    data[at] ^= 1 << draw.draw(st.integers(0, 7))
    hit = [n for n in range(len(contents)) if len(records(contents[:n])) <= at][-1]
    expected = [None if n == hit else len(content) for n, content in enumerate(contents)]
    found = sizes(bytes(data))
    assert found in (expected, expected[:-1] if hit == len(contents) - 1 else expected)  # the last may look torn


FORGED: dict[str, Callable[[int], bytes]] = {
    "with another salt": lambda at: record(at, b"forged", salt=bytes(16)),
    "from another place": lambda at: record(at + 1, b"forged"),
}


@pytest.mark.parametrize("case", FORGED)
def test_a_sound_that_holds_records_is_not_believed(case: str) -> None:
    body = b"x" * 10 + FORGED[case](HEADER + HEADER + 10)
    data = bytearray(records([body, b"next"]))
    assert sizes(bytes(data)) == [len(body), 4]
    data[0] ^= 1  # what follows is searched for the next record
    assert next(scan(bytes(data), HEADER, SALT)) == Hole(HEADER, HEADER + HEADER + len(body))
    assert sizes(bytes(data)) == [None, 4]


def test_a_batch_is_its_notes() -> None:
    rows = [(7, entry_of(note(1))), (1, entry_of(filed(2, b"sound", room="hall"))), (8, entry_of(note(3, size=0)))]
    assert list(decode_batch(encode_batch(rows))) == rows
    assert list(decode_batch(encode_batch([]))) == []


@pytest.mark.parametrize("at", [0, 15, 16, 24, 40, 63])
def test_a_segment_knows_its_header(at: int) -> None:
    header = bytearray(segment_header(3, SALT))
    assert read_salt(bytes(header), 3) == SALT
    assert read_salt(bytes(header), 4) is None
    assert read_salt(bytes(header[:-1]), 3) is None
    header[at] ^= 1
    assert read_salt(bytes(header), 3) is None


# In a store


def segments(directory: Path) -> list[Path]:
    return sorted((directory / "segments").iterdir())


def without_index(directory: Path) -> None:
    """The index is gone: everything is to be read from the segments."""
    for path in directory.glob("notes.sqlite*"):
        path.unlink()


def scratch(directory: Path, content: bytes, shift: int = 0) -> None:
    """Another byte where this content begins, or so many bytes from there."""
    for path in segments(directory):
        data = bytearray(path.read_bytes())
        if (at := data.find(content)) >= 0:
            data[at + shift] ^= 1
            path.write_bytes(data)


def commit_each(store: SqliteStore, notes: list[VoiceMessage]) -> None:
    for number, each in enumerate(notes):
        assert store.commit([each]) == [Committed(number + 1)]


NOTES = [note(n) for n in range(1, 6)]


def test_an_index_that_is_gone_is_read_again_from_the_segments(tmp_path: Path) -> None:
    large = filed(9, bytes(2_000))
    kind = Segments(roll=500, large=1_000)
    with closing(SqliteStore(tmp_path, kind)) as store:
        commit_each(store, NOTES)
        store.commit([large, replace(note(1), id=note(8).id)], {large.id: bytes(2_000)})
        before = store.load("kitchen", 0, 10_000)
    assert len(segments(tmp_path)) > 2
    without_index(tmp_path)
    with closing(SqliteStore(tmp_path, kind)) as store:
        assert store.load("kitchen", 0, 10_000) == before
        assert store.read(name(bytes(2_000))) == bytes(2_000)
        assert store.damage == ()
        assert store.commit([note(6)]) == [Committed(8)]


def test_a_scratched_body_in_the_middle_costs_its_note_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with closing(SqliteStore(tmp_path)) as store:
        commit_each(store, NOTES)
    scratch(tmp_path, NOTES[2].audio)
    without_index(tmp_path)
    with closing(SqliteStore(tmp_path)) as store, caplog.at_level(logging.ERROR):
        assert len(store.damage) == 1
        assert "is not what it was" in store.damage[0]
        assert store.load("kitchen", None, 0).head == 5
        with pytest.raises(DoorError, match="damaged"):
            store.find(NOTES[2].id)
        for number in (0, 1, 3, 4):
            assert store.find(NOTES[number].id) == replace(NOTES[number], sequence=number + 1)
    assert "is not what it was" in caplog.text


def test_a_scratched_batch_in_the_middle_leaves_empty_notes_in_the_places_of_its_own(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path)) as store:
        commit_each(store, NOTES[:1])
        store.commit(NOTES[1:3])
        store.commit(NOTES[3:])
    scratch(tmp_path, entry_of(NOTES[2]).head)
    without_index(tmp_path)
    with closing(SqliteStore(tmp_path)) as store:
        assert any("'kitchen' has lost its notes from 2 to 3" in each for each in store.damage)
        kept = store.load("kitchen", 0, 10_000).notes
        assert [(each.sequence, each.size, each.sender) for each in kept] == [
            (1, 100, "ann"),
            (2, 0, "lost"),
            (3, 0, "lost"),
            (4, 100, "ann"),
            (5, 100, "ann"),
        ]


@pytest.mark.parametrize("cut", [1, 50, 100, 101, 200, 300])
def test_a_torn_end_is_cut_off_and_written_over(tmp_path: Path, cut: int) -> None:
    with closing(SqliteStore(tmp_path)) as store:
        commit_each(store, NOTES[:2])
        (segment,) = segments(tmp_path)
        end = segment.stat().st_size
        store.commit(NOTES[2:3])
    without_index(tmp_path)
    segment.write_bytes(segment.read_bytes()[: max(end, segment.stat().st_size - cut)])
    with closing(SqliteStore(tmp_path)) as store:
        assert segment.stat().st_size == end
        assert store.load("kitchen", None, 0).head == 2
        assert store.commit(NOTES[2:]) == [Committed(3), Committed(4), Committed(5)]
    without_index(tmp_path)
    with closing(SqliteStore(tmp_path)) as store:
        assert [each.id for each in store.load("kitchen", 0, 10_000).notes] == [each.id for each in NOTES]


def test_a_last_commit_that_is_damaged_is_cut_off_and_told(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path)) as store:
        commit_each(store, NOTES)
    scratch(tmp_path, NOTES[-1].audio)
    without_index(tmp_path)
    with closing(SqliteStore(tmp_path)) as store:
        assert "of a damaged one of 1 notes" in store.damage[0]
        assert store.load("kitchen", None, 0).head == 4
        assert store.commit(NOTES[-1:]) == [Committed(5)]


def _shorter(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])


def _headless(path: Path) -> None:
    path.write_bytes(bytes(HEADER) + path.read_bytes()[HEADER:])


DISKS_LIE = {"shorter than it was": (_shorter, "bytes, and had"), "headless": (_headless, "has lost its header")}


@pytest.mark.parametrize("case", DISKS_LIE)
def test_a_segment_that_the_disk_lost_is_told_and_never_appended_to(tmp_path: Path, case: str) -> None:
    damage, said = DISKS_LIE[case]
    with closing(SqliteStore(tmp_path)) as store:
        commit_each(store, NOTES)
    (segment,) = segments(tmp_path)
    damage(segment)
    left = segment.read_bytes()
    with closing(SqliteStore(tmp_path)) as store:
        assert [said in each for each in store.damage] == [True]
        assert store.commit([note(7)]) == [Committed(6)]
        assert store.find(note(7).id) == replace(note(7), sequence=6)
    assert segment.read_bytes() == left


def test_a_segment_that_was_killed_when_it_was_made_is_deleted(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path)) as store:
        commit_each(store, NOTES)
    torn = tmp_path / "segments" / "00000002.segment"
    torn.write_bytes(b"imlab seg")
    with closing(SqliteStore(tmp_path)) as store:
        assert not torn.exists()
        assert store.damage == ()
        assert store.commit([note(7)]) == [Committed(6)]


def test_mostly_empty_segments_are_emptied_and_readers_read_on(tmp_path: Path) -> None:
    kind = Segments(roll=4_000)
    sounds = [note(n, size=300).audio for n in range(40)]
    with closing(SqliteStore(tmp_path, kind)) as store:
        for number, sound in enumerate(sounds):
            store.commit([filed(number, sound)], {f"{number:032x}": sound})
        old, span = segments(tmp_path), store.place(name(sounds[0]))
        assert span
        with span.path.open("rb") as reader:
            for number in range(40):
                assert number % 4 == 0 or store.remove(f"{number:032x}")
            assert store.collect(time.time() + SOON) == 30
            reader.seek(span.offset)
            assert reader.read(span.size) == sounds[0]
        assert not set(old[:-1]) & set(segments(tmp_path))
        moved = store.place(name(sounds[0]))
        assert moved and moved != span
        for number in range(0, 40, 4):
            assert store.read(name(sounds[number])) == sounds[number]
    with closing(SqliteStore(tmp_path, kind)) as store:
        assert store.load("kitchen", None, 0).head == 40
        for number in range(0, 40, 4):
            assert store.read(name(sounds[number])) == sounds[number]


def test_a_segment_with_a_damaged_body_is_kept_and_the_rest_is_moved(tmp_path: Path) -> None:
    kind = Segments(roll=4_000)
    sounds = [note(n, size=300).audio for n in range(20)]
    with closing(SqliteStore(tmp_path, kind)) as store:
        for number, sound in enumerate(sounds):
            store.commit([filed(number, sound)], {f"{number:032x}": sound})
        first = segments(tmp_path)[0]
        scratch(tmp_path, sounds[0])
        for number in range(2, 20):
            store.remove(f"{number:032x}")
        store.collect(time.time() + SOON)
        assert first.exists()
        assert store.read(name(sounds[1])) == sounds[1]
        with pytest.raises(DoorError, match="damaged"):
            store.read(name(sounds[0]))


def thinned(store: SqliteStore, count: int) -> list[bytes]:
    """Commit so many files of 300 bytes, and remove three of four: the sounds of those that are left."""
    sounds = [note(n, size=300).audio for n in range(count)]
    for number, sound in enumerate(sounds):
        store.commit([filed(number, sound)], {f"{number:032x}": sound})
    for number in range(count):
        assert number % 4 == 0 or store.remove(f"{number:032x}")
    return sounds[::4]


def test_segments_are_emptied_while_others_read_and_write(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path, Segments(roll=4_000))) as store, ThreadPoolExecutor() as threads:
        left = thinned(store, 80)
        emptied = Event()

        def read() -> int:
            rounds = 0
            while not emptied.is_set() or not rounds:
                assert [store.read(name(sound)) for sound in left] == left
                rounds += 1
            return rounds

        readers = [threads.submit(read) for _ in range(2)]
        writer = threads.submit(lambda: [store.commit([note(n, room="hall")]) for n in range(1_000, 1_030)])
        assert store.collect(time.time() + SOON) == 60
        emptied.set()
        assert all(reader.result() for reader in readers)
        assert writer.result() == [[Committed(n)] for n in range(1, 31)]
        assert [store.read(name(sound)) for sound in left] == left


def test_a_disk_that_is_full_leaves_segments_as_they_are_until_there_is_room(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path, Segments(roll=4_000))) as store:
        left = thinned(store, 80)
        before = len(segments(tmp_path))
        store.collect(0)
        with largest_file(1_000), pytest.raises(DoorError):
            store.collect(time.time() + SOON)
        assert [store.read(name(sound)) for sound in left] == left
        store.collect(time.time() + SOON)
        assert len(segments(tmp_path)) < before / 2
        assert [store.read(name(sound)) for sound in left] == left


@pytest.mark.parametrize(("size", "where"), [(999, "segments"), (1_000, "bodies")])
def test_large_bodies_are_files_of_their_own(tmp_path: Path, size: int, where: str) -> None:
    body = bytes(size)
    with closing(SqliteStore(tmp_path, Segments(large=1_000))) as store:
        store.commit([filed(1, body)], {f"{1:032x}": body})
        span = store.place(name(body))
        assert span and span.path.parent == tmp_path / where
