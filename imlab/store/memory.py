"""Notes in memory: the store of the virtual world, and the model that the durable one must equal."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from imlab.errors import DoorError, PeerError
from imlab.server.doors import NO_BODIES, Body, Committed, Page, Span
from imlab.store.body import content, emptied, fault, take_over
from imlab.store.paging import FILE, within
from imlab.wire.messages import VoiceMessage


@dataclass(slots=True)
class _Kept:
    """A file, how many notes have it, and since when none (seconds since 1970)."""

    body: bytes
    uses: int = 0
    since: float = 0.0


class MemoryStore:
    """A NoteStore that forgets everything when the process ends."""

    def __init__(self) -> None:
        self._rooms: dict[str, list[VoiceMessage]] = {}
        self._ids: dict[str, VoiceMessage] = {}
        self._removed: set[str] = set()
        self._files: dict[str, _Kept] = {}

    def commit(
        self, notes: Sequence[VoiceMessage], bodies: Mapping[str, Body] = NO_BODIES
    ) -> list[Committed | Exception]:
        """See NoteStore."""
        return [self._commit(note, bodies.get(note.id)) for note in notes]

    def load(self, room: str, after: int | None, limit: int) -> Page:
        """See NoteStore."""
        notes = self._rooms.get(room, [])
        head = len(notes)  # read once: another thread may be adding
        return Page((), head) if after is None else Page(tuple(within(notes[after:head], limit, _weight)), head)

    def find(self, id: str) -> VoiceMessage | None:
        """See NoteStore."""
        return self._ids.get(id)

    def read(self, sha256: str, start: int = 0, stop: int | None = None) -> bytes:
        """See NoteStore."""
        if sha256 not in self._files:
            raise DoorError(f"no body {sha256} is kept here")
        return self._files[sha256].body[start:stop]

    def place(self, sha256: str) -> Span | None:
        """See NoteStore: nowhere on disk."""
        return None

    def remove(self, id: str) -> bool:
        """See NoteStore."""
        note = self._ids.get(id)
        if note is None:
            return False
        if note.file:
            self._files[note.file.sha256].uses -= 1
            self._files[note.file.sha256].since = time.time()
        self._removed.add(id)
        self._ids[id] = self._rooms[note.room][note.sequence - 1] = emptied(note)
        return True

    def collect(self, before: float) -> int:
        """See NoteStore."""
        free = [sha256 for sha256, kept in self._files.items() if not kept.uses and kept.since < before]
        for sha256 in free:
            del self._files[sha256]
        return len(free)

    def close(self) -> None:
        """See NoteStore."""

    def _commit(self, note: VoiceMessage, body: Body | None) -> Committed | Exception:
        if why := fault(note, body):
            return why
        placed = self._ids.get(note.id)
        if placed and not self._is_same(placed, note):
            return PeerError(f"the id {note.id} is taken by another note")
        answer = Committed(placed.sequence, duplicate=True) if placed else Committed(self._place(note, body))
        take_over(body)
        return answer

    def _place(self, note: VoiceMessage, body: Body | None) -> int:
        if note.file and body is not None:
            kept = self._files.get(note.file.sha256) or _Kept(content(body))
            kept.uses += 1
            self._files[note.file.sha256] = kept
        room = self._rooms.setdefault(note.room, [])
        self._ids[note.id] = note.placed(len(room) + 1)
        room.append(self._ids[note.id])
        return len(room)

    def _is_same(self, placed: VoiceMessage, note: VoiceMessage) -> bool:
        """Is it the note that has its place, sent again? One that was removed may come again, and stays removed."""
        if (placed.room, placed.sender) != (note.room, note.sender):
            return False
        hashes = [each.file.sha256 if each.file else "" for each in (placed, note)]
        return note.id in self._removed or (placed.audio == note.audio and hashes[0] == hashes[1])


def _weight(note: VoiceMessage) -> int:
    return FILE if note.file else note.size
