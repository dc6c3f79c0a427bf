"""The doors of the server, declared here and implemented elsewhere: stores, and who examines uploaded files."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from imlab.errors import PeerError
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


Body = bytes | Path  # of a file: in memory, or in a whole file of ours on the store's disk, which the store takes over


@dataclass(frozen=True, slots=True)
class Span:
    """Where a body lies on disk: ``size`` bytes from ``offset`` on. Whoever has the file open can read on for ever."""

    path: Path
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Claimed:
    """What an uploader says of a file; empty or None: nothing. type: a media type; duration in milliseconds."""

    type: str = ""
    filename: str = ""
    codec: str = ""
    duration_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Examined:
    """What a file was found to be. type: its media type; waveform: 0..255 per point, empty if nobody listened."""

    codec: str
    type: str
    duration_ms: int
    waveform: bytes = b""


class Unacceptable(PeerError):
    """A file is not taken. kind: "type", it is none that is kept here (HTTP: 415), or "content", it is broken, too long
    or not what was claimed (422)."""

    def __init__(self, kind: str, why: str) -> None:
        super().__init__(why)
        self.kind = kind


Examine = Callable[[Body, Claimed], Awaitable[Examined]]  # raises Unacceptable


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
