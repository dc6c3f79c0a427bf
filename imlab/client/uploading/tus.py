"""The words of tus 1.0 (tus.io, resumable upload protocol): requests made, answers read."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from urllib.parse import urljoin, urlsplit

from imlab.client.fetching.requests import Answer, Headers, Request, Span
from imlab.errors import PeerError

VERSION = (("tus-resumable", "1.0.0"),)
BYTES = ("content-type", "application/offset+octet-stream")


def create(
    target: str, size: int, metadata: Mapping[str, str], headers: Headers, first: Span | None, checksum: str
) -> Request:
    """A new upload of ``size`` bytes; first: bytes that go along (creation-with-upload)."""
    told = (*VERSION, ("upload-length", str(size)), *_metadata(metadata), *headers)
    if first is None:
        return Request("POST", target, told)
    return Request("POST", target, (*told, BYTES), first, checksum)


def ask(url: str) -> Request:
    """How much of it is there?"""
    return Request("HEAD", url, VERSION)


def go_on(url: str, offset: int, piece: Span, checksum: str) -> Request:
    """More of it, from ``offset`` in this upload, which is where the piece of the file belongs."""
    return Request("PATCH", url, (*VERSION, ("upload-offset", str(offset)), BYTES), piece, checksum)


def join(target: str, urls: Sequence[str], metadata: Mapping[str, str], headers: Headers) -> Request:
    """One upload of several (concatenation)."""
    concat = ("upload-concat", f"final;{' '.join(urls)}")
    return Request("POST", target, (*VERSION, concat, *_metadata(metadata), *headers))


def location(answer: Answer, target: str) -> str:
    """Where a new upload is, as a target on the origin that we were told: no server sends our bytes elsewhere."""
    told = answer.headers.get("location", "")
    parts = urlsplit(urljoin(target, told))
    if not told or not parts.path.startswith("/"):
        raise PeerError(f"the server made an upload and does not say where: {told!r:.100}")
    return parts.path + (f"?{parts.query}" if parts.query else "")


def offset(answer: Answer, size: int) -> int:
    """How much the server says is there of an upload of ``size`` bytes."""
    told = answer.headers.get("upload-offset", "")
    if not told.isdecimal() or len(told) > 19 or int(told) > size:
        raise PeerError(f"the server holds {told!r:.30} of {size} bytes")
    return int(told)


def _metadata(metadata: Mapping[str, str]) -> Headers:
    pairs = (f"{key} {b64encode(value.encode()).decode()}".strip() for key, value in metadata.items())
    return (("upload-metadata", ",".join(pairs)),) if metadata else ()
