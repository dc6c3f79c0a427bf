"""A note store as a server shares it: commits are counted, and readers in many threads take turns."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock

from imlab.server.doors import Committed, NoteStore, Page
from imlab.wire.messages import VoiceMessage


class Library:
    """A NoteStore over another; ``load`` and ``find`` may be called from any thread."""

    def __init__(self, store: NoteStore) -> None:
        self._store = store
        self._turn = Lock()
        self.notes = 0  # made durable
        self.bytes = 0  # of their audio
        self.batches = 0  # commits that it took

    def commit(self, notes: Sequence[VoiceMessage]) -> list[Committed | Exception]:
        """See NoteStore."""
        answers = self._store.commit(notes)
        new = [n for n, a in zip(notes, answers, strict=True) if isinstance(a, Committed) and not a.duplicate]
        self.notes += len(new)
        self.bytes += sum(note.size for note in new)
        self.batches += 1
        return answers

    def load(self, room: str, after: int | None, limit: int) -> Page:
        """See NoteStore."""
        with self._turn:
            return self._store.load(room, after, limit)

    def find(self, id: str) -> VoiceMessage | None:
        """See NoteStore."""
        with self._turn:
            return self._store.find(id)

    def close(self) -> None:
        """See NoteStore."""
        self._store.close()
