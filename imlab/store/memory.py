"""Notes in memory: the store of the virtual world, and the model that the durable one must equal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from imlab.errors import PeerError, UsageError
from imlab.server.doors import Committed, Page
from imlab.store.paging import within
from imlab.wire.messages import VoiceMessage


class MemoryStore:
    """A NoteStore that forgets everything when the process ends."""

    def __init__(self) -> None:
        self._rooms: dict[str, list[VoiceMessage]] = {}
        self._ids: dict[str, VoiceMessage] = {}

    def commit(self, notes: Sequence[VoiceMessage]) -> list[Committed | Exception]:
        """See NoteStore."""
        return [self._place(note) for note in notes]

    def load(self, room: str, after: int | None, limit: int) -> Page:
        """See NoteStore."""
        notes = self._rooms.get(room, [])
        head = len(notes)  # read once: another thread may be adding
        return Page((), head) if after is None else Page(tuple(within(notes[after:head], limit)), head)

    def find(self, id: str) -> VoiceMessage | None:
        """See NoteStore."""
        return self._ids.get(id)

    def close(self) -> None:
        """See NoteStore."""

    def _place(self, note: VoiceMessage) -> Committed | Exception:
        if not note.whole:
            return UsageError(f"note {note.id} is not whole: {len(note.audio)} of {note.size} bytes")
        if placed := self._ids.get(note.id):
            return _again(placed, note)
        room = self._rooms.setdefault(note.room, [])
        self._ids[note.id] = replace(note, sequence=len(room) + 1)
        room.append(self._ids[note.id])
        return Committed(len(room))


def _again(placed: VoiceMessage, note: VoiceMessage) -> Committed | PeerError:
    """The answer to an id that has its place: the same note sent twice, or another one."""
    if (placed.room, placed.sender, placed.audio) == (note.room, note.sender, note.audio):
        return Committed(placed.sequence, duplicate=True)
    return PeerError(f"the id {note.id} is taken by another note")
