"""Durable notes: an index in SQLite, bodies on a shelf.

Bodies are written first, and the notes of the batch get their places in one transaction: an entry always has its body,
and a note that got no entry is nowhere to be seen.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from hashlib import sha256 as hashed
from pathlib import Path
from threading import Lock

from imlab.errors import DoorError, PeerError
from imlab.server.doors import NO_BODIES, Body, Committed, Page, Span
from imlab.store.bodies import sync_directory
from imlab.store.body import emptied, fault, take_over
from imlab.store.checkpoint import Checkpoints
from imlab.store.emptying import Emptying
from imlab.store.entry import Entry, Row, entry_of, is_same
from imlab.store.index import Writing
from imlab.store.kinds import SEGMENTS, Kind
from imlab.store.lock import DirectoryLock
from imlab.store.reading import Reading
from imlab.store.replay import Replay
from imlab.store.shelf import Place
from imlab.store.shelves import Shelves
from imlab.wire.head import decode_head, encode_head
from imlab.wire.messages import VoiceMessage

_NOTHING = hashed(b"").hexdigest()  # the name of an empty body, which lies nowhere


class SqliteStore:
    """A NoteStore in a directory, which it holds alone. bodies: where new ones go; old ones are found."""

    def __init__(self, directory: Path, bodies: Kind = SEGMENTS) -> None:
        self._directory = directory
        self._turn = Lock()  # of those who write
        with self._translated("open"), ExitStack() as opened:
            opened.callback(DirectoryLock(directory).release)
            self._writing = opened.enter_context(closing(Writing(directory / "notes.sqlite")))
            self._reading = opened.enter_context(closing(Reading(directory / "notes.sqlite")))
            self._shelves = opened.enter_context(closing(Shelves(directory, bodies, self._writing, self._reading)))
            self._checkpoints = opened.enter_context(closing(Checkpoints(directory / "notes.sqlite")))
            looking = opened.enter_context(closing(Reading(directory / "notes.sqlite")))  # at all bodies, for long
            self._emptying = Emptying(self._shelves, self._writing, looking, self._turn)
            replay = Replay(self._writing, self._shelves)
            replay.run()
            self.damage = tuple(replay.damage)  # found at opening, in words
            for made in (directory, directory.parent):
                sync_directory(made)
            self._opened = opened.pop_all()

    def commit(
        self, notes: Sequence[VoiceMessage], bodies: Mapping[str, Body] = NO_BODIES
    ) -> list[Committed | Exception]:
        """See NoteStore. A disk that is full costs the notes that did not fit; the store goes on when there is room."""
        try:
            with self._turn, self._translated("write"):
                answers = self._commit(notes, bodies)
                self._checkpoints.committed(self._writing.base.total_changes)
        except DoorError as error:
            if len(notes) == 1:
                return [error]
            return [answer for note in notes for answer in self.commit([note], bodies)]  # there may be room for some
        for note, answer in zip(notes, answers, strict=True):
            if isinstance(answer, Committed):
                take_over(bodies.get(note.id))
        return answers

    def load(self, room: str, after: int | None, limit: int) -> Page:
        """See NoteStore."""
        with self._translated("read"):
            rows, head = self._reading.page(room, after, limit)
        return Page(tuple(map(self._note, rows)), head)

    def find(self, id: str) -> VoiceMessage | None:
        """See NoteStore."""
        with self._translated("read"):
            row = self._reading.find(id)
        return self._note(row) if row else None

    def read(self, sha256: str, start: int = 0, stop: int | None = None) -> bytes:
        """See NoteStore; the audio of other notes, too."""
        if sha256 == _NOTHING:
            return b""
        with self._translated("read"):
            try:
                return self._read(sha256, start, stop)
            except FileNotFoundError:  # moved since we looked where it lies
                return self._read(sha256, start, stop)

    def place(self, sha256: str) -> Span | None:
        """See NoteStore; the audio of other notes, too."""
        with self._translated("read"):
            place = self._reading.place(sha256)
            return self._shelves.span(sha256, place) if place else None

    def remove(self, id: str) -> bool:
        """See NoteStore."""
        with self._turn, self._translated("write"), self._writing.transaction():
            if found := self._writing.find((id,)).get(id):
                entry = found[1]
                head = encode_head(emptied(decode_head(entry.head, b"", 0)))
                self._writing.empty(id, entry.sha256, head)
        return found is not None

    def collect(self, before: float) -> int:
        """See NoteStore."""
        with self._turn, self._translated("write"):
            with self._writing.transaction():
                places = self._writing.forget_unused(before)
            self._shelves.free(places, self._writing.places, before)
        with self._translated("empty segments of"):
            self._emptying.run()
        return len(places)

    def close(self) -> None:
        """See NoteStore."""
        with self._turn, self._translated("close"):
            self._opened.close()

    def _read(self, sha256: str, start: int, stop: int | None) -> bytes:
        place = self._reading.place(sha256)
        if place is None:
            raise DoorError(f"no body {sha256} is kept here")
        return self._shelves.get(sha256, place, start, place.size if stop is None else stop)

    def _commit(self, notes: Sequence[VoiceMessage], bodies: Mapping[str, Body]) -> list[Committed | Exception]:
        faults = {n: why for n, note in enumerate(notes) if (why := fault(note, bodies.get(note.id)))}
        entries = [entry_of(note) for note in notes]
        given = [bodies[note.id] if note.file and note.id in bodies else note.audio for note in notes]
        shelf = self._shelves.new
        shelf.begin()
        try:
            with self._writing.transaction(synced=not shelf.keeps_log):
                placed = self._writing.find(note.id for note in notes)
                new = {
                    entry.sha256: body
                    for n, (entry, body) in enumerate(zip(entries, given, strict=True))
                    if entry.size and n not in faults and entry.id not in placed
                }
                lying = self._lying(new)
                answers, rows = self._places(entries, faults, placed, lying)
                self._writing.add(rows)
                kept = {sha256: place for sha256, place in lying.items() if isinstance(place, Place)}
                self._writing.use(Counter(entry.sha256 for _, entry in rows if entry.size), kept)
                shelf.seal(rows)
        except BaseException:
            shelf.undo()
            raise
        return answers

    def _lying(self, new: Mapping[str, Body]) -> dict[str, Place | DoorError]:
        """Where the bodies of new notes lie, each once: those that are kept already, and whole, and those put now."""
        kept = {s: place for s, place in self._writing.places(new).items() if self._shelves.holds(s, place)}
        return kept | self._shelves.new.put({sha256: body for sha256, body in new.items() if sha256 not in kept})

    def _places(
        self,
        entries: Sequence[Entry],
        faults: Mapping[int, Exception],
        placed: dict[str, Row],
        lying: Mapping[str, Place | DoorError],
    ) -> tuple[list[Committed | Exception], list[Row]]:
        """Each note's answer, and the lines of those that are new."""
        answers: list[Committed | Exception] = []
        rows: list[Row] = []
        heads: dict[str, int] = {}
        for n, entry in enumerate(entries):
            where = lying.get(entry.sha256)
            if n in faults:
                answers.append(faults[n])
            elif found := placed.get(entry.id):
                answers.append(_again(found, entry))
            elif isinstance(where, DoorError):
                answers.append(where)
            else:
                heads[entry.room] = heads.get(entry.room) or self._writing.head(entry.room)
                heads[entry.room] += 1
                placed[entry.id] = row = (heads[entry.room], entry)
                rows.append(row)
                answers.append(Committed(heads[entry.room]))
        return answers, rows

    def _note(self, row: Row) -> VoiceMessage:
        sequence, entry = row
        audio = b"" if entry.type or not entry.size else self.read(entry.sha256)
        return decode_head(entry.head, audio, sequence)

    @contextmanager
    def _translated(self, what: str) -> Iterator[None]:
        """Foreign errors in our words."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise DoorError(f"cannot {what} the store in {self._directory}: {error}") from error


def _again(found: Row, entry: Entry) -> Committed | PeerError:
    """The answer to an id that has its place: the same note sent twice, or another one."""
    sequence, placed = found
    if is_same(placed, entry):
        return Committed(sequence, duplicate=True)
    return PeerError(f"the id {entry.id} is taken by another note")
