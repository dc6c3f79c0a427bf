"""What a request carries: bytes, or pieces that are made as they are wanted."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from imlab.client.fetching.requests import Span
from imlab.errors import DoorError

PIECE = 128 << 10  # bytes read at once: what a transport keeps unsent (64 kB) and as much again


class Unreadable(DoorError):
    """Our own disk failed, not the network: trying again is of no use."""


@dataclass(frozen=True, slots=True)
class Streamed:
    """A body in pieces, made anew at each try. size in bytes; None: unknown, it goes chunked."""

    pieces: Callable[[], AsyncIterator[bytes]]
    size: int | None = None


Sent = bytes | Streamed
Uploaded = bytes | Path  # what is uploaded: in memory, or a file


def size_of(body: Sent) -> int | None:
    """In bytes; None: unknown."""
    return len(body) if isinstance(body, bytes) else body.size


def part_of(source: Uploaded, span: Span) -> Streamed:
    """A part of it, read as the network takes it."""
    if isinstance(source, bytes):
        return Streamed(lambda: _from_memory(source, span), span.size)
    return Streamed(lambda: _from_disk(source, span), span.size)


def checksum(source: Uploaded, span: Span, kind: str) -> str:
    """Upload-Checksum's value (tus 1.0): a name of hashlib, and the hash of a part of a file in base64."""
    made = hashlib.new(kind)
    for piece in [source[span.start : span.stop]] if isinstance(source, bytes) else _read(source, span):
        made.update(piece)
    return f"{kind} {b64encode(made.digest()).decode()}"


async def _from_memory(source: bytes, span: Span) -> AsyncIterator[bytes]:
    for start in range(span.start, span.stop, PIECE):
        yield source[start : min(start + PIECE, span.stop)]


async def _from_disk(path: Path, span: Span) -> AsyncIterator[bytes]:
    """Reads block the loop for the 30 us that a piece takes from the page cache; a thread would take 100."""
    for piece in _read(path, span):
        yield piece


def _read(path: Path, span: Span) -> Iterator[bytes]:
    left = span.size
    try:
        with path.open("rb") as file:
            file.seek(span.start)
            while left and (piece := file.read(min(left, PIECE))):
                left -= len(piece)
                yield piece
    except OSError as error:
        raise Unreadable(f"cannot read {path}: {error.strerror}") from error
    if left:
        raise Unreadable(f"{path} ends {left} bytes before byte {span.stop}: it has shrunk")
