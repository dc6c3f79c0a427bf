"""Resumable uploads, the rules: what an upload is, how many of its bytes count, what may follow, when it is over.

An upload becomes a note with its own id, so posting it twice is posting it once. Its last byte counts only when the
note has its place in the room: until then the offset stays below the length. So a client that asks where to go on,
after a crash or a full disk between its last byte and the store, is told to send one byte more, and that byte posts
the note. No client has to know of this, and none is told that an upload is finished whose note is not there.

Parts of a joined upload are no notes; all of their bytes count at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from imlab.errors import PeerError
from imlab.server.doors import Claimed
from imlab.server.upload_terms import UploadTerms


class Declined(PeerError):
    """A request is not carried out. status: of HTTP; error: its name for programs."""

    def __init__(self, status: int, error: str, why: str) -> None:
        super().__init__(why)
        self.status, self.error = status, error


@dataclass(frozen=True, slots=True)
class Upload:
    """What was said of an upload. length in bytes, None until it is known; created, expires in Unix seconds.

    metadata: as it came, and by name. concat: "", "partial", or "final;" and the addresses of the parts, as it came.
    gone: it was ended, or has expired; we remember only that.
    """

    id: str
    length: int | None
    metadata: str
    concat: str
    created: float
    expires: float
    gone: bool = False

    @property
    def partial(self) -> bool:
        """Is it to be joined with others, and no note by itself?"""
        return self.concat == "partial"


@dataclass(frozen=True, slots=True)
class Wish:
    """The note that an upload is to become."""

    room: str
    sender: str
    claimed: Claimed


class UploadStore(Protocol):
    """The bytes of uploads and what was said of them, on disk. Blocking; DoorError when the disk is full or broken.

    From any thread, but what concerns one upload comes one at a time.
    """

    def save(self, upload: Upload) -> None:
        """Keep what is said of an upload, in the place of what was said before."""
        ...

    def find(self, id: str) -> tuple[Upload, int] | None:
        """What was said, and how many bytes can be trusted: all that came, or after a power cut what was synced."""
        ...

    def append(self, id: str, offset: int, pieces: Sequence[bytes]) -> None:
        """Bytes from an offset on; what may have lain behind it is cut off."""
        ...

    def doubt(self, id: str, offset: int) -> None:
        """Bytes from here on do not count, whatever happens, until they are trusted."""
        ...

    def trust(self, id: str) -> None:
        """They count."""
        ...

    def join(self, id: str, parts: Sequence[str]) -> None:
        """The bytes of one upload are those of others, in order; these keep theirs."""
        ...

    def digest(self, id: str, size: int) -> str:
        """The sha256 of all ``size`` bytes, in hex."""
        ...

    def path(self, id: str) -> Path:
        """Where the bytes are."""
        ...

    def drop(self, id: str) -> None:
        """Let the bytes go, and keep what was said."""
        ...

    def remove(self, id: str) -> None:
        """Let everything go."""
        ...

    def expired(self, now: float, before: float) -> list[str]:
        """Uploads whose time is over, and bytes of which nothing is said, untouched since ``before``. Unix seconds."""
        ...


def begin(upload: Upload, wish: Wish | None, terms: UploadTerms) -> Upload:
    """An upload that may begin. wish: of what is to be a note."""
    if upload.length is not None:
        _check_length(upload.length, terms)
    if wish is not None and upload.length == 0:
        raise Declined(422, "unacceptable_content", "a note is not empty")
    return upload


def same(begun: Upload, upload: Upload) -> None:
    """Refuse to begin an upload again under its id, unless it is the same."""
    if begun.gone:
        raise gone(begun)
    told = (upload.metadata, upload.concat)
    if (begun.metadata, begun.concat) != told or upload.length not in (None, begun.length):
        raise Declined(409, "conflict", f"the id {upload.id} belongs to another upload")


def counted(upload: Upload, size: int) -> int:
    """How many of the bytes that are here count: see the top of the file."""
    if upload.length is None:
        return size
    return min(size, upload.length if upload.partial else upload.length - 1)


def standing(upload: Upload, now: float) -> Upload:
    """An upload that goes on; Declined (410) if it has ended."""
    if upload.gone or upload.expires <= now:
        raise gone(upload)
    return upload


def gone(upload: Upload) -> Declined:
    """410."""
    return Declined(410, "gone", f"the upload {upload.id} has ended or expired: begin another")


def grow(upload: Upload, held: int, offset: int, length: int | None, terms: UploadTerms) -> Upload:
    """An upload that takes bytes at ``offset`` when it holds ``held`` of them. length: of the whole, if said now."""
    if upload.concat.startswith("final"):
        raise Declined(403, "forbidden", "an upload joined from parts takes no bytes")
    if offset != held:
        raise Declined(409, "wrong_offset", f"the next byte is {held}, not {offset}")
    if length is None or length == upload.length:
        return upload
    if upload.length is not None:
        raise Declined(400, "bad_request", f"the upload has {upload.length} bytes, and cannot have {length} now")
    _check_length(length, terms)
    if length < held:
        raise Declined(400, "bad_request", f"{held} bytes are here already, so the upload has not {length}")
    if length == 0 and not upload.partial:
        raise Declined(422, "unacceptable_content", "a note is not empty")
    return replace(upload, length=length)


def room_left(upload: Upload, offset: int, declared: int | None, terms: UploadTerms) -> int:
    """How many bytes may follow; Declined (413) if the request has declared more."""
    left = (terms.file if upload.length is None else upload.length) - offset
    if declared is not None and declared > left:
        raise Declined(413, "too_large", f"{declared} bytes where {left} are left")
    return left


def joined(parts: Sequence[tuple[Upload, int]], senders: Sequence[str], sender: str, terms: UploadTerms) -> int:
    """The length of an upload of these parts, each with the bytes it holds and who sent it, "" if nobody said."""
    for (part, held), whose in zip(parts, senders, strict=True):
        if not part.partial:
            raise Declined(400, "bad_request", f"{part.id} was not begun as a part")
        if held != part.length:
            raise Declined(400, "unfinished_part", f"{part.id} has {held} of {part.length or 'unknown'} bytes")
        if whose not in ("", sender):
            raise Declined(403, "forbidden", f"{part.id} belongs to another sender")
    length = sum(held for _, held in parts)
    _check_length(length, terms)
    return length


def joined_id(parts: Sequence[str], metadata: str) -> str:
    """The id of an upload joined from parts: joined again, because the answer was lost, it is the same note."""
    return sha256(" ".join((*parts, metadata)).encode()).hexdigest()[:32]


def swept(upload: Upload, now: float, terms: UploadTerms) -> Upload | None:
    """What is left of an upload that has expired: the memory of it, and at last nothing."""
    return None if upload.gone else ended(upload, now, terms)


def ended(upload: Upload, now: float, terms: UploadTerms) -> Upload:
    """The memory of an upload, kept as long as an upload is."""
    return replace(upload, gone=True, expires=now + terms.keep)


def _check_length(length: int, terms: UploadTerms) -> None:
    if length > terms.file:
        raise Declined(413, "too_large", f"{length} bytes, the limit is {terms.file}")
