"""The row of a recording: one table, the same in every database, and a note again out of it."""

from __future__ import annotations

from google.protobuf.message import DecodeError

from imlab.errors import DoorError, UsageError
from imlab.wire.head import decode_head, encode_head
from imlab.wire.messages import VoiceMessage

COLUMNS = ("id", "room", "sender", "timestamp_ms", "duration_ms", "codec", "sha256", "size", "type", "head")
TABLE = """
CREATE TABLE IF NOT EXISTS recordings (
    id           text   NOT NULL PRIMARY KEY,
    room         text   NOT NULL,
    sequence     bigint NOT NULL,
    sender       text   NOT NULL,
    timestamp_ms bigint NOT NULL,
    duration_ms  bigint NOT NULL,
    codec        text   NOT NULL,
    sha256       text   NOT NULL,
    size         bigint NOT NULL,
    type         text   NOT NULL,
    head         {blob} NOT NULL,
    UNIQUE (room, sequence)
)
"""
Row = tuple[bytes, int]  # head, sequence: what is read


def values_of(note: VoiceMessage) -> tuple[str | int | bytes, ...]:
    """What is written, in the order of COLUMNS."""
    file = note.file
    if file is None:
        raise UsageError(f"note {note.id} has no file: it is no recording")
    return (
        *(note.id, note.room, note.sender, note.timestamp_ms, note.duration_ms, note.codec),
        *(file.sha256, file.size, file.type, encode_head(note)),
    )


def note_of(row: Row) -> VoiceMessage:
    """The note, at its place in its room."""
    head, sequence = row
    try:
        return decode_head(head, b"", sequence)
    except (DecodeError, ValueError) as error:
        raise DoorError(f"a row of recordings is damaged: {head[:16].hex()} ({len(head)} bytes)") from error
