"""A note as a download knows it: its headers ready made, and its bytes where they are held in memory."""

from __future__ import annotations

import json
from dataclasses import dataclass
from email.utils import formatdate
from functools import lru_cache
from hashlib import sha256 as hash_of

from imlab.errors import PeerError
from imlab.net.web.downloads.kinds import extension_of, is_sound
from imlab.net.web.serving.ready import Header, Ready, lines

FOREVER = b"private, max-age=31536000, immutable"  # a note never changes; a year is what RFC 9111 readers take for ever
SEAL = 32  # bytes of sha256
OVERHEAD = 2048  # bytes of memory that a note takes beside its own: headers twice, objects, its place in the set


@dataclass(frozen=True, slots=True)
class Kept:
    """A note's file. type: as in "audio/ogg"; size in bytes; modified: seconds since 1970, 0 if unknown.

    body: None where it stays on disk. headers: of every answer that gives it or a part of it, without a length.
    """

    id: str
    type: str
    sha256: str
    size: int
    modified: int
    body: bytes | None
    etag: bytes
    headers: tuple[Header, ...]
    lines: bytes  # the same, as they travel
    whole: Ready  # to GET, if body is there
    head: Ready  # to HEAD

    @property
    def weight(self) -> int:
        """Bytes of memory."""
        return OVERHEAD + (0 if self.body is None else len(self.body))

    def pack(self) -> bytes:
        """As bytes, for a second level: a seal, a line of JSON, the file."""
        told = {"id": self.id, "type": self.type, "sha256": self.sha256, "modified": self.modified}
        packed = json.dumps(told).encode() + b"\n" + (self.body or b"")
        return hash_of(packed).digest() + packed


def kept(id: str, type: str, sha256: str, size: int, modified: int, body: bytes | None) -> Kept:
    """With its headers. id, sha256: 32 and 64 lower-case hex digits."""
    etag = b'"%b"' % sha256.encode()
    headers = (
        (b"content-type", (type if is_sound(type) else "application/octet-stream").encode()),
        (b"content-disposition", _disposition(id, type)),
        (b"x-content-type-options", b"nosniff"),
        (b"etag", etag),
        *(((b"last-modified", _date(modified)),) if modified else ()),
        (b"cache-control", FOREVER),
        (b"accept-ranges", b"bytes"),
    )
    usual = lines(headers)
    told = usual + b"content-length: %d\r\n" % size
    whole, head = Ready(200, told, body or b""), Ready(200, told)
    return Kept(id, type, sha256, size, modified, body, etag, headers, usual, whole, head)


def unpack(id: str, value: bytes) -> Kept:
    """From ``pack``; PeerError unless every byte is as it was, and of this note."""
    seal, packed = value[:SEAL], value[SEAL:]
    if hash_of(packed).digest() != seal:
        raise PeerError(f"note {id} did not come back as it was put: {len(value)} bytes")
    told, _, body = packed.partition(b"\n")
    known = json.loads(told)
    if known["id"] != id:
        raise PeerError(f"note {known['id']} came back for {id}")
    return kept(id, known["type"], known["sha256"], len(body), known["modified"], body)


@lru_cache(maxsize=64)  # notes are recorded just now, most of them
def _date(seconds: int) -> bytes:
    """Of HTTP (RFC 9110, 5.6.7)."""
    return formatdate(seconds, usegmt=True).encode()


def _disposition(id: str, type: str) -> bytes:
    """A browser shows sound, and nothing else that somebody uploaded; the name holds no odd character."""
    how = b"inline" if is_sound(type) else b"attachment"
    return b'%b; filename="%b.%b"' % (how, id.encode(), extension_of(type).encode())
