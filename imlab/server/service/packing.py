"""A recording as bytes for the second level: the row's protobuf, its length before it, and the body after it."""

from __future__ import annotations

import struct

from google.protobuf.message import DecodeError

from imlab.errors import DoorError
from imlab.wire.head import decode_head, encode_head
from imlab.wire.recording import Recording

_HEAD = struct.Struct("!IQ")  # bytes of the row; the note's sequence


def pack(recording: Recording) -> bytes:
    """The bytes."""
    row = encode_head(recording.note)
    return b"".join((_HEAD.pack(len(row), recording.note.sequence), row, recording.body))


def unpack(value: bytes) -> Recording:
    """The recording; DoorError: these are not its bytes, somebody else writes under our keys."""
    try:
        size, sequence = _HEAD.unpack_from(value)
        row, body = value[_HEAD.size : _HEAD.size + size], value[_HEAD.size + size :]
        note = decode_head(row, b"", sequence)
    except (struct.error, DecodeError, ValueError) as error:
        raise DoorError(f"the cache holds no recording: {value[:16].hex()} ({len(value)} bytes)") from error
    if note.file is None or note.file.size != len(body):
        raise DoorError(f"the cache holds part of a recording: {len(body)} bytes of {note.file}")
    return Recording(note, body)
