"""The doors of the server, declared here and implemented elsewhere: stores, and who examines uploaded files."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
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


NO_BODIES: Mapping[str, Body] = MappingProxyType({})


class NoteStore(Protocol):
    """Durable notes in rooms. Blocking; commit is called from one thread, all the rest from any."""

    def commit(
        self, notes: Sequence[VoiceMessage], bodies: Mapping[str, Body] = NO_BODIES
    ) -> list[Committed | Exception]:
        """Make whole notes durable, in order; when it returns they survive a crash. One answer per note:

        Committed, or PeerError (this id is taken by another note), or DoorError (disk full, ...), in which case
        that note left nothing visible and used no sequence. Sequences in a room go 1, 2, 3, ... without a gap.
        bodies: by note id, of the notes that have a file; its sha256 is believed. A Path is the store's once its note
        is committed, and still the caller's when it is not.
        """
        ...

    def load(self, room: str, after: int | None, limit: int) -> Page:
        """Notes after a sequence, at least one if there is one, then up to ``limit`` audio bytes. None: only head."""
        ...

    def find(self, id: str) -> VoiceMessage | None:
        """One note by its id."""
        ...

    def read(self, sha256: str, start: int = 0, stop: int | None = None) -> bytes:
        """A note's file, or part of it, from ``start`` up to ``stop``; DoorError when it is not here, or damaged."""
        ...

    def place(self, sha256: str) -> Span | None:
        """Where a note's file lies on disk, for sendfile; None where it lies in no file, or is not here.

        It may be moved at any time: when the path cannot be opened any more, ask again.
        """
        ...

    def remove(self, id: str) -> bool:
        """Empty a note, durably: it keeps its place, so that its room has no gap, without sound. False: no such note.

        Its bytes go when nobody else's note is the same, and ``collect`` is called.
        """
        ...

    def collect(self, before: float) -> int:
        """Free what no note has used since then, in seconds since 1970; the number of bodies that were freed."""
        ...

    def close(self) -> None:
        """Let go of files; nothing is lost."""
        ...
