"""The threads of a store: what waits goes together, answers come in order, nothing accepted is lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from threading import Condition, Event

import pytest

from imlab.errors import DoorError, UsageError
from imlab.server.doors import NO_BODIES, Body, Committed, NoteStore, Page
from imlab.store.answers import Answer
from imlab.store.memory import MemoryStore
from imlab.store.reader import Reader
from imlab.store.sqlite import SqliteStore
from imlab.store.writer import Batching, Writer
from imlab.wire.messages import VoiceMessage
from tests.test_store import note


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NoteStore]:
    opened: NoteStore = MemoryStore() if request.param == "memory" else SqliteStore(tmp_path)
    with closing(opened):
        yield opened


class Gate(MemoryStore):
    """A store that waits to be let through: what a busy disk does, without one. It counts its commits."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = Event()
        self.open = Event()
        self.sizes: list[int] = []

    def commit(
        self, notes: Sequence[VoiceMessage], bodies: Mapping[str, Body] = NO_BODIES
    ) -> list[Committed | Exception]:
        self.entered.set()
        assert self.open.wait(10)
        self.sizes.append(len(notes))
        return super().commit(notes, bodies)


class Heard:
    """The answers of a store's threads, in the order in which they came."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.calls = 0
        self._changed = Condition()

    def __call__(self, answers: Sequence[Answer]) -> None:
        with self._changed:
            self.answers += answers
            self.calls += 1
            self._changed.notify()

    def wait_for(self, count: int) -> None:
        """Until so many answers came."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.answers) >= count, 10)


def test_what_waits_goes_together_and_is_answered_in_order() -> None:
    gate, heard = Gate(), Heard()
    writer = Writer(gate, heard, Batching(notes=4))
    writer.put(0, note(0))
    assert gate.entered.wait(10)
    for ticket in range(1, 8):
        writer.put(ticket, note(ticket))
    gate.open.set()
    writer.close()
    assert gate.sizes == [1, 4, 3]
    assert heard.answers == [(ticket, Committed(ticket + 1)) for ticket in range(8)]
    assert heard.calls == 3


def test_a_commit_has_a_limit_in_bytes() -> None:
    gate, heard = Gate(), Heard()
    writer = Writer(gate, heard, Batching(size=250))
    for ticket in range(7):
        writer.put(ticket, note(ticket, size=100))
    gate.open.set()
    writer.close()
    assert max(gate.sizes) <= 3
    assert heard.answers == [(ticket, Committed(ticket + 1)) for ticket in range(7)]


def test_a_writer_that_is_behind_refuses_and_recovers() -> None:
    gate, heard = Gate(), Heard()
    writer = Writer(gate, heard, Batching(waiting=250))
    for ticket in range(4):
        writer.put(ticket, note(ticket, size=100))
    gate.open.set()
    heard.wait_for(4)
    kinds = [Committed, Committed, DoorError, DoorError]
    assert [(ticket, type(result)) for ticket, result in heard.answers] == list(enumerate(kinds))
    assert "behind: 200 bytes" in str(heard.answers[2][1])
    writer.put(4, note(4))
    writer.close()
    assert heard.answers[4:] == [(4, Committed(3))]
    with pytest.raises(UsageError):
        writer.put(5, note(5))


class Broken(Gate):
    """A store with a bug."""

    def commit(
        self, notes: Sequence[VoiceMessage], bodies: Mapping[str, Body] = NO_BODIES
    ) -> list[Committed | Exception]:
        raise ZeroDivisionError

    def load(self, room: str, after: int | None, limit: int) -> Page:
        raise ZeroDivisionError


def test_a_bug_in_a_store_reaches_those_who_wait() -> None:
    heard = Heard()
    writer, reader = Writer(Broken(), heard), Reader(Broken(), heard)
    writer.put(1, note(1))
    writer.close()
    reader.load(2, "kitchen", 0, 1_000)
    reader.close()
    assert [(ticket, type(result)) for ticket, result in heard.answers] == [
        (1, ZeroDivisionError),
        (2, ZeroDivisionError),
    ]


def test_pages_come_in_the_order_in_which_they_were_asked_for(store: NoteStore) -> None:
    heard = Heard()
    store.commit([note(n) for n in range(3)])
    reader = Reader(store, heard)
    reader.load(1, "kitchen", None, 0)
    reader.load(2, "kitchen", 2, 1_000)
    reader.close()
    assert heard.answers == [(1, Page((), 3)), (2, Page((replace(note(2), sequence=3),), 3))]


def test_reading_goes_on_while_another_thread_writes(store: NoteStore) -> None:
    wrote, read = Heard(), Heard()
    writer, reader = Writer(store, wrote, Batching(notes=5)), Reader(store, read)
    for ticket in range(100):
        writer.put(ticket, note(ticket))
        reader.load(ticket, "kitchen", 0, 1 << 20)
    writer.close()
    reader.close()
    assert wrote.answers == [(ticket, Committed(ticket + 1)) for ticket in range(100)]
    pages = [result for _, result in read.answers if isinstance(result, Page)]
    assert len(pages) == 100
    for page in pages:
        assert page.notes == tuple(replace(note(n), sequence=n + 1) for n in range(page.head))
