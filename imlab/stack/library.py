"""A note store as a server shares it: commits are counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from imlab.server.doors import NO_BODIES, Body, Committed, NoteStore, Page, Span
from imlab.wire.messages import VoiceMessage


class Library:
    """A NoteStore over another."""

    def __init__(self, store: NoteStore) -> None:
        self._store = store
        self.notes = 0  # made durable
        self.bytes = 0  # of their audio and files
        self.batches = 0  # commits that it took

    def commit(
        self, notes: Sequence[VoiceMessage], bodies: Mapping[str, Body] = NO_BODIES
    ) -> list[Committed | Exception]:
        """See NoteStore."""
        answers = self._store.commit(notes, bodies)
        new = [n for n, a in zip(notes, answers, strict=True) if isinstance(a, Committed) and not a.duplicate]
        self.notes += len(new)
        self.bytes += sum(note.file.size if note.file else note.size for note in new)
        self.batches += 1
        return answers

    def load(self, room: str, after: int | None, limit: int) -> Page:
        """See NoteStore."""
        return self._store.load(room, after, limit)

    def find(self, id: str) -> VoiceMessage | None:
        """See NoteStore."""
        return self._store.find(id)

    def read(self, sha256: str, start: int = 0, stop: int | None = None) -> bytes:
        """See NoteStore."""
        return self._store.read(sha256, start, stop)

    def place(self, sha256: str) -> Span | None:
        """See NoteStore."""
        return self._store.place(sha256)

    def remove(self, id: str) -> bool:
        """See NoteStore."""
        return self._store.remove(id)

    def collect(self, before: float) -> int:
        """See NoteStore."""
        return self._store.collect(before)

    def close(self) -> None:
        """See NoteStore."""
        self._store.close()
