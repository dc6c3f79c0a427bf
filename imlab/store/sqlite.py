"""Durable notes: heads in an SQLite log, audio in files under the name of its content.

Bodies are made durable first, then one transaction gives all notes of the batch their places: an entry in the log
always has its body, and a note that got no entry is nowhere to be seen.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from imlab.errors import DoorError, PeerError, UsageError
from imlab.server.doors import Committed, Page
from imlab.store.bodies import Bodies, sync_directory
from imlab.store.index import Entry, Reading, Writing
from imlab.store.lock import DirectoryLock
from imlab.store.paging import within
from imlab.wire.head import decode_head, encode_head
from imlab.wire.messages import VoiceMessage


class SqliteStore:
    """A NoteStore in a directory, which it holds alone."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        with self._translated("open"), ExitStack() as opened:
            opened.callback(DirectoryLock(directory).release)
            self._bodies = opened.enter_context(closing(Bodies(directory / "bodies")))
            self._writing = opened.enter_context(closing(Writing(directory / "notes.sqlite")))
            self._reading = opened.enter_context(closing(Reading(directory / "notes.sqlite")))
            sync_directory(directory)
            self._opened = opened.pop_all()

    def commit(self, notes: Sequence[VoiceMessage]) -> list[Committed | Exception]:
        """See NoteStore. A disk that is full costs the notes that did not fit; the store goes on when there is room."""
        entries = [_entry(note) for note in notes]
        try:
            with self._translated("write"):
                lost = self._bodies.put(self._missing(notes, entries))
                with self._writing.transaction():
                    return [self._place(note, entry, lost) for note, entry in zip(notes, entries, strict=True)]
        except DoorError as error:
            return [error] * len(notes)

    def load(self, room: str, after: int | None, limit: int) -> Page:
        """See NoteStore."""
        with self._translated("read"):
            head = self._reading.head(room)
            if after is None:
                return Page((), head)
            with closing(self._reading.after(room, after, head)) as entries:
                return Page(tuple(self._note(entry) for entry in within(entries, limit)), head)

    def find(self, id: str) -> VoiceMessage | None:
        """See NoteStore."""
        with self._translated("read"):
            entry = self._reading.find(id)
        return self._note(entry) if entry else None

    def close(self) -> None:
        """See NoteStore."""
        with self._translated("close"):
            self._opened.close()

    def _missing(self, notes: Sequence[VoiceMessage], entries: Sequence[Entry]) -> dict[str, bytes]:
        """The bodies of the notes that are new."""
        pairs = zip(notes, entries, strict=True)
        return {entry.sha256: note.audio for note, entry in pairs if note.whole and not self._writing.find(note.id)}

    def _place(self, note: VoiceMessage, entry: Entry, lost: Mapping[str, DoorError]) -> Committed | Exception:
        """One note's answer, inside the transaction."""
        if not note.whole:
            return UsageError(f"note {note.id} is not whole: {len(note.audio)} of {note.size} bytes")
        if placed := self._writing.find(note.id):
            return _again(placed, entry)
        return lost.get(entry.sha256) or Committed(self._writing.append(entry))

    def _note(self, entry: Entry) -> VoiceMessage:
        return decode_head(entry.head, self._bodies.get(entry.sha256, entry.size), entry.sequence)

    @contextmanager
    def _translated(self, what: str) -> Iterator[None]:
        """Foreign errors in our words."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise DoorError(f"cannot {what} the store in {self._directory}: {error}") from error


def _entry(note: VoiceMessage) -> Entry:
    """The line that a note will have in the log."""
    return Entry(
        room=note.room,
        sequence=0,
        id=note.id,
        sender=note.sender,
        timestamp_ms=note.timestamp_ms,
        duration_ms=note.duration_ms,
        codec=note.codec,
        size=note.size,
        sha256=sha256(note.audio).hexdigest(),
        head=encode_head(replace(note, sequence=0) if note.sequence else note),
    )


def _again(placed: Entry, entry: Entry) -> Committed | PeerError:
    """The answer to an id that has its place: the same note sent twice, or another one."""
    if (placed.room, placed.sender, placed.sha256, placed.size) == (entry.room, entry.sender, entry.sha256, entry.size):
        return Committed(placed.sequence, duplicate=True)
    return PeerError(f"the id {entry.id} is taken by another note")
