"""One line of the log of a room: what the index says of a note."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from operator import attrgetter

from imlab.store.paging import FILE
from imlab.wire.head import encode_head
from imlab.wire.messages import VoiceMessage


@dataclass(frozen=True, slots=True)
class Entry:
    """What the index says of a note, but for its sequence.

    size in bytes and sha256 of its body: its audio or, if it has a type, its file. head: the note without audio, as
    protobuf, its waveform with it. sha256 is empty: the note was removed.
    """

    room: str
    id: str
    sender: str
    timestamp_ms: int
    duration_ms: int
    codec: str
    size: int
    sha256: str
    type: str
    head: bytes


Row = tuple[int, Entry]  # sequence, entry
COLUMNS = ("sequence", *Entry.__slots__)
_values = attrgetter(*Entry.__slots__)


def as_tuple(row: Row) -> tuple[object, ...]:
    """In the order of COLUMNS."""
    sequence, entry = row
    return (sequence, *_values(entry))


def weight(row: Row) -> int:
    """Bytes in a page."""
    _, entry = row
    return FILE if entry.type else entry.size


def entry_of(note: VoiceMessage, head: bytes | None = None, body: str | None = None) -> Entry:
    """The line of a note. head, body: where its head and the sha256 of its body are known, they need not be made."""
    file = note.file
    return Entry(
        room=note.room,
        id=note.id,
        sender=note.sender,
        timestamp_ms=note.timestamp_ms,
        duration_ms=note.duration_ms,
        codec=note.codec,
        size=file.size if file else note.size,
        sha256=body or (file.sha256 if file else sha256(note.audio).hexdigest()),
        type=file.type if file else "",
        head=encode_head(note) if head is None else head,
    )


def is_same(placed: Entry, entry: Entry) -> bool:
    """Is it the note that has its place, sent again? One that was removed may come again, and stays removed."""
    if (placed.room, placed.sender) != (entry.room, entry.sender):
        return False
    return not placed.sha256 or (placed.sha256, placed.size) == (entry.sha256, entry.size)
