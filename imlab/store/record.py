"""Records in a segment, as bytes; how whole ones are found again in what a crash left.

A segment is a header and records. A record is 64 bytes of header, then ``size`` bytes of content:

| bytes | what                                                                                                   |
|-------|--------------------------------------------------------------------------------------------------------|
| 4     | ``note``                                                                                               |
| 1 + 3 | kind (1: a body, 2: a batch, which seals all records before it), zeros                                 |
| 8     | size of the content                                                                                    |
| 8     | where this header stands in its segment                                                                |
| 32    | sha256 of the content                                                                                  |
| 8     | BLAKE2b of the 56 bytes above, keyed by the segment's salt                                             |

Numbers are little-endian. The salt is drawn at random and told nobody, so that no sound file can hold bytes that pass
for a record (SQLite's write-ahead log has a salt for the same reason); place and salt together also tell old bytes,
once cut off, from new ones.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b, sha256

from imlab.store.entry import Row, entry_of
from imlab.wire.head import decode_head

BODY, BATCH = 1, 2
HEADER = 64  # bytes, of a segment and of a record

_MAGIC = b"note"
_RECORD = struct.Struct("<4sB3xQQ32s")
_ROW = struct.Struct("<Q32sI")  # sequence, sha256 of the body, length of the head that follows
_SEGMENT = struct.Struct("<16sQ16s16x")
_VERSION = b"imlab segment 1\n"


@dataclass(frozen=True, slots=True)
class Record:
    """A record that was found. at: of its header; digest: what its content should hash to; sound: it does."""

    kind: int
    at: int
    size: int
    digest: bytes
    sound: bool

    @property
    def offset(self) -> int:
        """Where its content begins."""
        return self.at + HEADER

    @property
    def end(self) -> int:
        """Where the next record begins."""
        return self.offset + self.size


@dataclass(frozen=True, slots=True)
class Hole:
    """Bytes that are no record, and have records behind them."""

    at: int
    end: int


def record_header(kind: int, at: int, size: int, digest: bytes, salt: bytes) -> bytes:
    """What stands before the content."""
    fields = _RECORD.pack(_MAGIC, kind, size, at, digest)
    return fields + blake2b(fields, digest_size=8, key=salt).digest()


def segment_header(number: int, salt: bytes) -> bytes:
    """What a segment begins with; the salt has 16 bytes."""
    fields = _SEGMENT.pack(_VERSION, number, salt)
    return fields + blake2b(fields, digest_size=8).digest()


def read_salt(header: bytes, number: int) -> bytes | None:
    """The salt of a segment of that number; None: its header is not whole."""
    if len(header) != HEADER or blake2b(header[:-8], digest_size=8).digest() != header[-8:]:
        return None
    version, written, salt = _SEGMENT.unpack(header[:-8])
    return salt if (version, written) == (_VERSION, number) else None


def scan(data: bytes, at: int, salt: bytes) -> Iterator[Record | Hole]:
    """Every record in the bytes of a segment from ``at`` on, and the holes between; a torn end is not told."""
    place = 0
    while place < len(data):
        found = next((r for r in _headers(data, place, at, salt) if r.end <= at + len(data)), None)
        if found is None:
            return
        if found.at > at + place:
            yield Hole(at + place, found.at)
        yield found
        place = found.end - at


def _headers(data: bytes, place: int, at: int, salt: bytes) -> Iterator[Record]:
    """The headers that stand in ``data`` at ``place`` or later."""
    while (place := data.find(_MAGIC, place)) >= 0:
        fields, check = data[place : place + _RECORD.size], data[place + _RECORD.size : place + HEADER]
        if len(check) == 8 and blake2b(fields, digest_size=8, key=salt).digest() == check:
            _, kind, size, own, digest = _RECORD.unpack(fields)
            if own == at + place:
                content = memoryview(data)[place + HEADER : place + HEADER + size]
                yield Record(kind, own, size, digest, sha256(content).digest() == digest)
        place += 1


def encode_batch(rows: Sequence[Row]) -> bytes:
    """The content of a batch: the notes that got their places in it."""
    parts: list[bytes] = []
    for sequence, entry in rows:
        parts += _ROW.pack(sequence, bytes.fromhex(entry.sha256), len(entry.head)), entry.head
    return b"".join(parts)


def decode_batch(content: bytes) -> Iterator[Row]:
    """The notes of a batch again."""
    place = 0
    while place < len(content):
        sequence, digest, size = _ROW.unpack_from(content, place)
        place += _ROW.size + size
        head = content[place - size : place]
        yield sequence, entry_of(decode_head(head, b"", 0), head, digest.hex())
