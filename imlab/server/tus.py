"""The words of tus 1.0 (tus.io/protocols/resumable-upload): what headers ask for, and which headers answer.

Headers come as text by lower-case name. What cannot be understood is Declined.
"""

from __future__ import annotations

import re
import zlib
from base64 import b64encode
from binascii import Error, a2b_base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from functools import lru_cache
from hashlib import md5, sha1, sha256, sha512
from typing import Protocol
from urllib.parse import urlsplit

from imlab.server.doors import Claimed
from imlab.server.uploads import Declined, Upload, Wish
from imlab.wire.messages import PacketLayout, VoiceMessage
from imlab.wire.rules import breach

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,creation-defer-length,checksum,concatenation,expiration,termination"
BYTES = "application/offset+octet-stream"
METADATA = 8_192  # characters: what web servers take as one header line
GUEST = "guest"  # who sends where nobody says who
JOINED = 1_000  # parts of one upload; tus-js-client uses as many as its caller says, three or four
ID = re.compile("[0-9a-f]{32}")
TOO_MANY = 10**16  # what a number of more digits counts as: every limit is below

Headers = Mapping[str, str]
Answer = list[tuple[bytes, bytes]]


class Hasher(Protocol):
    """As in hashlib."""

    def update(self, data: bytes, /) -> None:
        """More bytes."""
        ...

    def digest(self) -> bytes:
        """Of all of them."""
        ...


class Crc32:
    """CRC-32 of zlib (ISO 3309), as a Hasher; four bytes, the highest first."""

    def __init__(self) -> None:
        self._sum = 0

    def update(self, data: bytes, /) -> None:
        """See Hasher."""
        self._sum = zlib.crc32(data, self._sum)

    def digest(self) -> bytes:
        """See Hasher."""
        return self._sum.to_bytes(4, "big")


ALGORITHMS: Mapping[str, Callable[[], Hasher]] = {
    "sha1": sha1,
    "sha256": sha256,
    "sha512": sha512,
    "md5": md5,
    "crc32": Crc32,
}


class Check:
    """A checksum that the bytes of one request must have."""

    def __init__(self, algorithm: str, wanted: bytes) -> None:
        self._algorithm, self._wanted = algorithm, wanted
        self._hasher = ALGORITHMS[algorithm]()
        self.update = self._hasher.update

    def verify(self) -> None:
        """Declined (460) if they have not."""
        found = self._hasher.digest()
        if found != self._wanted:
            told = b64encode(found).decode()
            raise Declined(460, "checksum_mismatch", f"the {self._algorithm} of what came is {told}; it is discarded")


@dataclass(frozen=True, slots=True)
class Creation:
    """What a request to begin an upload says. length: None if it will be told later. parts: of one to be joined."""

    length: int | None
    metadata: str
    concat: str
    parts: tuple[str, ...] = ()


def creation(headers: Headers, at: str) -> Creation:
    """What a POST asks for. at: the path before an upload's id."""
    metadata, concat = headers.get("upload-metadata", ""), headers.get("upload-concat", "")
    if not (metadata + concat).isprintable():
        raise bad("Upload-Metadata and Upload-Concat are printable: they are answered as they came")
    kind, _, addresses = concat.partition(";")
    if kind.strip() == "final":
        if "upload-length" in headers or "upload-defer-length" in headers:
            raise bad("an upload joined from parts is as long as they are: no Upload-Length")
        return Creation(None, metadata, concat, _ids(addresses, at))
    if concat not in ("", "partial"):
        raise bad(f'Upload-Concat is "partial" or "final;" and addresses, not {concat!r:.60}')
    length, later = number(headers, "upload-length"), headers.get("upload-defer-length")
    if later not in (None, "1"):
        raise bad(f"Upload-Defer-Length is 1, not {later!r:.40}")
    if (length is None) == (later is None):
        raise bad("either Upload-Length or Upload-Defer-Length: 1")
    return Creation(length, metadata, concat)


def number(headers: Headers, name: str) -> int | None:
    """A header that counts bytes; None if it is not there."""
    text = headers.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()):
        raise bad(f"{name} is a whole number, not negative, and not {text!r:.40}")
    return int(text) if len(text) <= 16 else TOO_MANY


def told(metadata: str) -> dict[str, bytes]:
    """Upload-Metadata by name."""
    if len(metadata) > METADATA:
        raise bad(f"Upload-Metadata: {len(metadata)} characters, at most {METADATA} are allowed")
    found: dict[str, bytes] = {}
    for pair in metadata.split(",") if metadata.strip() else ():
        name, _, value = pair.strip().partition(" ")
        if not name or name in found:
            raise bad(f"Upload-Metadata names {name!r:.40} twice" if name else "Upload-Metadata without a name")
        try:
            found[name] = a2b_base64(value, strict_mode=True)
        except (Error, ValueError) as error:
            raise bad(f"Upload-Metadata: {name:.40} is not base64: {value!r:.40}") from error
    return found


@lru_cache(maxsize=256)
def wish(metadata: str) -> Wish:
    """The note that Upload-Metadata describes: room, sender, filename, filetype, codec, duration_ms.

    Kept for a while, because it is asked for when an upload begins and when it ends.
    """
    known = told(metadata)
    if "room" not in known:
        raise bad("Upload-Metadata names no room")
    duration = _text(known, "duration_ms")
    if duration and not (duration.isascii() and duration.isdigit() and len(duration) <= 16):
        raise bad(f"duration_ms is a number of milliseconds, not {duration!r:.40}")
    claimed = Claimed(
        type=_text(known, "filetype"),
        filename=_text(known, "filename"),
        codec=_text(known, "codec"),
        duration_ms=int(duration) if duration else None,
    )
    wished = Wish(_text(known, "room"), _text(known, "sender") or GUEST, claimed)
    if why := breach(VoiceMessage("0" * 32, wished.sender, wished.room, 0, 0, "unknown", PacketLayout(), 0, b"")):
        raise bad(why)
    return wished


def wished(asked: Creation) -> Wish | None:
    """What an upload is to become; None for a part, which need not say."""
    if asked.concat == "partial":
        sender(asked.metadata)
        return None
    return wish(asked.metadata)


def sender(metadata: str) -> str:
    """Who sends; "" if nobody says."""
    return _text(told(metadata), "sender")


def check(headers: Headers) -> Check | None:
    """The checksum that is asked for."""
    if "upload-checksum" not in headers:
        return None
    algorithm, _, value = headers["upload-checksum"].partition(" ")
    if algorithm not in ALGORITHMS:
        raise bad(f"the checksum {algorithm!r:.40} is not known here, only {', '.join(ALGORITHMS)}")
    try:
        return Check(algorithm, a2b_base64(value, strict_mode=True))
    except (Error, ValueError) as error:
        raise bad(f"Upload-Checksum is not base64: {value!r:.40}") from error


def metadata_of(note: VoiceMessage) -> str:
    """What is still known of the Upload-Metadata of a note."""
    pairs = {"room": note.room, "sender": note.sender, "filetype": note.file.type if note.file else ""}
    return ",".join(f"{name} {b64encode(value.encode()).decode()}" for name, value in pairs.items())


def options(most: int) -> Answer:
    """What is spoken here. most: bytes of one upload."""
    return [
        (b"tus-version", VERSION.encode()),
        (b"tus-extension", EXTENSIONS.encode()),
        (b"tus-max-size", b"%d" % most),
        (b"tus-checksum-algorithm", ",".join(ALGORITHMS).encode()),
    ]


def state(upload: Upload, held: int) -> Answer:
    """What a HEAD is told."""
    answer = [(b"upload-offset", b"%d" % held)]
    if upload.length is None:
        answer.append((b"upload-defer-length", b"1"))
    else:
        answer.append((b"upload-length", b"%d" % upload.length))
    if upload.metadata:
        answer.append((b"upload-metadata", upload.metadata.encode("latin-1")))
    if upload.concat:
        answer.append((b"upload-concat", upload.concat.encode("latin-1")))
    return answer if held == upload.length and not upload.partial else [*answer, expiry(upload)]


def expiry(upload: Upload) -> tuple[bytes, bytes]:
    """Until when an unfinished upload is kept (RFC 9110, 5.6.7)."""
    return b"upload-expires", formatdate(upload.expires, usegmt=True).encode()


def bad(why: str) -> Declined:
    """400."""
    return Declined(400, "bad_request", why)


def _text(known: Mapping[str, bytes], name: str) -> str:
    try:
        return known.get(name, b"").decode()
    except UnicodeDecodeError as error:
        raise bad(f"Upload-Metadata: {name} is not UTF-8") from error


def _ids(addresses: str, at: str) -> tuple[str, ...]:
    """The ids of uploads by their addresses, with or without a host."""
    ids = tuple(_id(address, at) for address in addresses.split())
    if not 0 < len(ids) <= JOINED or not all(map(ID.fullmatch, ids)):
        raise bad(f"Upload-Concat: final; and 1..{JOINED} addresses of uploads, not {addresses!r:.80}")
    return ids


def _id(address: str, at: str) -> str:
    try:
        path = urlsplit(address).path
    except ValueError:  # "[" without "]"
        return ""
    return path[len(at) :] if path.startswith(at) else ""
