"""The doors of the server core: what it needs from a store, declared here, implemented in store/."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from imlab.wire.messages import VoiceMessage


@dataclass(frozen=True, slots=True)
class Committed:
    """A note is durable. duplicate: it already was, under this id, at this sequence."""

    sequence: int
    duplicate: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """Whole notes in order of sequence, none missing after the first asked for; head: the room's newest sequence."""

    notes: tuple[VoiceMessage, ...]
    head: int


class NoteStore(Protocol):
    """Durable notes in rooms. Blocking; commit is called from one thread, load and find from one other at most."""

    def commit(self, notes: Sequence[VoiceMessage]) -> list[Committed | Exception]:
        """Make whole notes durable, in order; when it returns they survive a crash. One answer per note:

        Committed, or PeerError (this id is taken by another note), or DoorError (disk full, ...), in which case
        that note left nothing visible and used no sequence. Sequences in a room go 1, 2, 3, ... without a gap.
        """
        ...

    def load(self, room: str, after: int | None, limit: int) -> Page:
        """Notes after a sequence, at least one if there is one, then up to ``limit`` audio bytes. None: only head."""
        ...

    def find(self, id: str) -> VoiceMessage | None:
        """One note by its id."""
        ...

    def close(self) -> None:
        """Let go of files; nothing is lost."""
        ...
