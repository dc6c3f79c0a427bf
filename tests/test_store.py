"""Every store keeps the same promises; the durable one keeps them over a restart, a full disk and a second server."""

from __future__ import annotations

import resource
import sqlite3
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imlab.errors import DoorError, PeerError, UsageError
from imlab.server.doors import Committed, NoteStore, Page
from imlab.store.kinds import KINDS, Kind
from imlab.store.memory import MemoryStore
from imlab.store.sqlite import SqliteStore
from imlab.wire.messages import PacketLayout, VoiceMessage


def note(number: int, room: str = "kitchen", sender: str = "ann", size: int = 100) -> VoiceMessage:
    """A note whose id and audio follow from its number."""
    audio = Random(number).randbytes(size)
    layout = PacketLayout(16_000, 104, 216, 320, (size,))
    return VoiceMessage(f"{number:032x}", sender, room, 1_700_000_000_000, 20, "opus", layout, size, audio, b"\x07\xff")


@dataclass(frozen=True, slots=True)
class Opened:
    """A kind of store, and how to open one in a directory."""

    name: str
    open: Callable[[Path], NoteStore]


def _durable(kind: Kind, directory: Path) -> NoteStore:
    return SqliteStore(directory / "data", kind)


STORES = [
    Opened("memory", lambda _: MemoryStore()),
    *(Opened(name, partial(_durable, kind)) for name, kind in KINDS.items()),
]


@pytest.fixture(params=STORES, ids=lambda kind: kind.name)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NoteStore]:
    with closing(request.param.open(tmp_path)) as opened:
        yield opened


def test_sequences_count_from_one_in_each_room(store: NoteStore) -> None:
    rooms = ["kitchen", "hall", "kitchen", "kitchen", "hall"]
    assert store.commit([note(n, room) for n, room in enumerate(rooms)]) == [Committed(n) for n in (1, 1, 2, 3, 2)]
    assert store.commit([note(9)]) == [Committed(4)]


def test_a_note_comes_back_as_it_was_but_for_its_place(store: NoteStore) -> None:
    sent = replace(note(1), unknown=b"\xa0\x06\x01", sequence=77)
    store.commit([sent])
    assert store.find(sent.id) == replace(sent, sequence=1)
    assert store.load("kitchen", 0, 1_000).notes == (replace(sent, sequence=1),)


def test_an_empty_note_is_a_note(store: NoteStore) -> None:
    empty = replace(note(1, size=0), layout=PacketLayout())
    assert store.commit([empty, note(2)]) == [Committed(1), Committed(2)]
    assert store.load("kitchen", 0, 1).notes == (replace(empty, sequence=1),)


def test_nothing_is_found_where_nothing_is(store: NoteStore) -> None:
    assert store.commit([]) == []
    assert store.find(note(1).id) is None
    assert store.load("kitchen", 0, 1_000) == Page((), 0)


def test_the_same_note_twice_has_one_place(store: NoteStore) -> None:
    once = Committed(1)
    again = Committed(1, duplicate=True)
    assert store.commit([note(1), note(1)]) == [once, again]
    assert store.commit([note(1), note(2)]) == [again, Committed(2)]
    assert store.load("kitchen", 0, 1_000).head == 2


TAKEN = {
    "other audio": replace(note(2), id=note(1).id),
    "another room": note(1, room="hall"),
    "another sender": note(1, sender="bob"),
}


@pytest.mark.parametrize("case", TAKEN)
def test_an_id_names_one_note(store: NoteStore, case: str) -> None:
    first, taken, last = store.commit([note(1), TAKEN[case], note(3)])
    assert (first, last) == (Committed(1), Committed(2))
    assert isinstance(taken, PeerError)
    assert store.find(note(1).id) == replace(note(1), sequence=1)
    assert store.load("hall", None, 0).head == 0


def test_two_notes_may_hold_the_same_audio(store: NoteStore) -> None:
    other = replace(note(1), id=note(2).id, sender="bob")
    assert store.commit([note(1), other]) == [Committed(1), Committed(2)]
    assert [kept.sender for kept in store.load("kitchen", 0, 1_000).notes] == ["ann", "bob"]


def test_half_a_note_is_the_callers_fault_and_takes_no_place(store: NoteStore) -> None:
    half, whole = store.commit([replace(note(1), audio=b"half"), note(2)])
    assert isinstance(half, UsageError)
    assert whole == Committed(1)


PAGES: dict[str, tuple[int | None, int, list[int]]] = {
    "all": (0, 1_000, [1, 2, 3, 4, 5]),
    "exactly three": (0, 300, [1, 2, 3]),
    "nearly three": (0, 299, [1, 2]),
    "at least one": (2, 0, [3]),
    "from the middle": (3, 1_000, [4, 5]),
    "nothing after the last": (5, 1_000, []),
    "nothing in the future": (9, 1_000, []),
    "only the head": (None, 1_000, []),
}


@pytest.mark.parametrize("case", PAGES)
def test_a_page_holds_what_follows_up_to_its_limit(store: NoteStore, case: str) -> None:
    after, limit, expected = PAGES[case]
    store.commit([note(n) for n in range(5)] + [note(5, room="hall")])
    page = store.load("kitchen", after, limit)
    assert ([kept.sequence for kept in page.notes], page.head) == (expected, 5)


NOTES = st.builds(
    lambda number, room, size, twist: replace(note(number, room, size=size), audio=bytes([twist]) * size),
    number=st.integers(0, 12),
    room=st.sampled_from(["kitchen", "hall"]),
    size=st.integers(0, 3),
    twist=st.integers(0, 1),
)


def _plain(answers: Sequence[Committed | Exception]) -> list[object]:
    return [answer if isinstance(answer, Committed) else (type(answer), str(answer)) for answer in answers]


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=15, deadline=None)
@given(st.lists(st.lists(NOTES, max_size=5), max_size=5), st.integers(0, 5), st.integers(0, 10))
def test_the_durable_store_does_what_the_one_in_memory_does(
    kind: str, batches: list[list[VoiceMessage]], after: int, limit: int
) -> None:
    with TemporaryDirectory() as directory:
        model = MemoryStore()
        for batch in batches:
            with closing(SqliteStore(Path(directory), KINDS[kind])) as durable:  # reopened for every batch
                assert _plain(durable.commit(batch)) == _plain(model.commit(batch))
                for room in ("kitchen", "hall"):
                    assert durable.load(room, after, limit) == model.load(room, after, limit)
                assert all(durable.find(sent.id) == model.find(sent.id) for sent in batch)


def test_a_directory_has_one_store(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path)), pytest.raises(DoorError, match=f"{tmp_path} is in use"):
        SqliteStore(tmp_path)
    SqliteStore(tmp_path).close()


def test_a_store_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    SqliteStore(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / "notes.sqlite")) as base:
        base.execute("PRAGMA user_version = 9")
    for _ in range(2):  # the second time shows that the first has let go of the lock
        with pytest.raises(DoorError, match="newer imlab: its schema is 9"):
            SqliteStore(tmp_path)


def test_what_is_not_a_store_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "notes.sqlite").write_bytes(b"a letter to my aunt" * 100)
    with pytest.raises(DoorError, match="cannot open the store"):
        SqliteStore(tmp_path)


def _lost(directory: Path) -> None:
    _file(directory).unlink()


def _cut(directory: Path) -> None:
    _file(directory).write_bytes(b"abc")


def _file(directory: Path) -> Path:
    (body,) = (path for path in (directory / "bodies").iterdir() if path.is_file())
    return body


def _scratch(directory: Path) -> None:
    """Another byte in the middle of the body."""
    (segment,) = (directory / "segments").iterdir()
    data = segment.read_bytes()
    place = data.index(note(1).audio) + 50
    segment.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])


def _scratch_blob(directory: Path) -> None:
    with closing(sqlite3.connect(directory / "notes.sqlite")) as base:
        base.execute("UPDATE blobs SET body = ?", (bytes(100),))
        base.commit()


DAMAGE: dict[str, tuple[str, Callable[[Path], None], str]] = {
    "a file is gone": ("files", _lost, "cannot read"),
    "a file is cut": ("files", _cut, "damaged: 3 of 100 bytes"),
    "a segment is scratched": ("segments", _scratch, "damaged"),
    "a blob is scratched": ("blobs", _scratch_blob, "damaged"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_a_damaged_body_is_said_aloud_and_costs_no_other(tmp_path: Path, case: str) -> None:
    kind, damage, said = DAMAGE[case]
    with closing(SqliteStore(tmp_path, KINDS[kind])) as store:
        store.commit([note(1)])
        damage(tmp_path)
        with pytest.raises(DoorError, match=said):
            store.load("kitchen", 0, 1)
        with pytest.raises(DoorError, match=said):
            store.find(note(1).id)
        store.commit([replace(note(1), id=note(2).id), note(3)])  # the same audio again: the body is repaired
        assert store.find(note(1).id) == replace(note(1), sequence=1)
        assert store.find(note(3).id) == replace(note(3), sequence=3)


@pytest.mark.parametrize("case", DAMAGE)
def test_a_note_that_is_damaged_can_be_removed_so_that_its_room_is_read_again(tmp_path: Path, case: str) -> None:
    kind, damage, _ = DAMAGE[case]
    with closing(SqliteStore(tmp_path, KINDS[kind])) as store:
        store.commit([note(1)])
        damage(tmp_path)
        store.commit([note(2)])
        assert store.remove(note(1).id)
        assert [kept.size for kept in store.load("kitchen", 0, 1_000).notes] == [0, 100]


def test_what_a_killed_server_half_wrote_is_swept(tmp_path: Path) -> None:
    SqliteStore(tmp_path).close()
    left = tmp_path / "bodies" / "new" / "half"
    left.write_bytes(b"half")
    SqliteStore(tmp_path).close()
    assert not left.exists()


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file may grow past so many bytes: a disk that is full for those who write more (no root needed)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))  # Python ignores the signal and gets an error instead
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("kind", KINDS)
def test_a_body_that_does_not_fit_costs_its_note_and_no_other(tmp_path: Path, kind: str) -> None:
    large = note(2, size=200_000)
    with closing(SqliteStore(tmp_path, KINDS[kind])) as store:
        with largest_file(150_000):
            first, failed, last = store.commit([note(1), large, note(3)])
        assert (first, last) == (Committed(1), Committed(2))
        assert isinstance(failed, DoorError)
        assert "cannot write" in str(failed)
        assert store.find(large.id) is None
        assert not list((tmp_path / "bodies" / "new").iterdir())
        assert store.commit([large]) == [Committed(3)]


@pytest.mark.parametrize("kind", KINDS)
def test_an_index_that_is_full_costs_the_batch_and_leaves_nothing(tmp_path: Path, kind: str) -> None:
    with closing(SqliteStore(tmp_path, KINDS[kind])) as store:
        store.commit([note(0)])
        with largest_file((tmp_path / "notes.sqlite-wal").stat().st_size):
            answers = store.commit([note(1), note(2)])
        assert [type(answer) for answer in answers] == [DoorError, DoorError]
        assert store.find(note(1).id) is None
        assert store.load("kitchen", 0, 1_000).head == 1
        assert store.commit([note(2), note(1)]) == [Committed(2), Committed(3)]
    with closing(SqliteStore(tmp_path, KINDS[kind])) as store:
        assert [kept.id for kept in store.load("kitchen", 0, 1_000).notes] == [note(n).id for n in (0, 2, 1)]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", disk], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("mounting a small disk needs root; the same is tested by a limit on file size")
    try:
        yield disk
    finally:
        subprocess.run(["umount", disk], check=True)


@pytest.mark.process
@pytest.mark.parametrize("kind", KINDS)
def test_a_full_disk_costs_notes_and_gives_them_places_when_there_is_room(small_disk: Path, kind: str) -> None:
    filler = small_disk / "filler"
    with closing(SqliteStore(small_disk / "data", KINDS[kind])) as store:
        filler.write_bytes(bytes(300_000))
        answers = [answer for n in range(30) for answer in store.commit([note(2 * n, size=30_000), note(2 * n + 1)])]
        kept = [answer for answer in answers if isinstance(answer, Committed)]
        assert kept == [Committed(place) for place in range(1, len(kept) + 1)]
        assert {type(answer) for answer in answers} == {Committed, DoorError}
        filler.unlink()
        assert store.commit([note(1_000, size=30_000)]) == [Committed(len(kept) + 1)]
        assert len(store.load("kitchen", 0, 1 << 30).notes) == len(kept) + 1
