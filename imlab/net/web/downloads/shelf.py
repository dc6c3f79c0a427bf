"""What a download reads of a store, and how a file there is opened though the store may move it at any time."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO, Protocol

from imlab.errors import DoorError
from imlab.server.doors import Span
from imlab.wire.messages import VoiceMessage


class Shelf(Protocol):
    """What can be read of a store, from any thread."""

    def find(self, id: str) -> VoiceMessage | None:
        """See NoteStore."""
        ...

    def read(self, sha256: str, start: int = 0, stop: int | None = None) -> bytes:
        """See NoteStore."""
        ...

    def place(self, sha256: str) -> Span | None:
        """See NoteStore."""
        ...


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored file. read: its bytes from start up to stop; file: where they lie, from ``offset`` on, if on disk."""

    read: Callable[[int, int], bytes]
    file: BinaryIO | None = None
    offset: int = 0

    def close(self) -> None:
        """Let go of it."""
        if self.file:
            self.file.close()


def open_stored(shelf: Shelf, sha256: str, size: int) -> Stored:
    """A stored file, readable to its end whatever the store does. DoorError: it is not there, or damaged."""
    span = shelf.place(sha256)
    if span is None:
        return Stored(partial(shelf.read, sha256))
    if span.size != size:
        raise DoorError(f"the file {sha256} is damaged: {span.size} of {size} bytes")
    file = _open(span) or _open(shelf.place(sha256))  # moved between the two: it has a new place
    if file is None:
        raise DoorError(f"the file {sha256} is no longer at {span.path}")
    return file


def _open(span: Span | None) -> Stored | None:
    """None: nothing is there."""
    if span is None:
        return None
    try:
        file = span.path.open("rb", buffering=0)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DoorError(f"cannot open {span.path}: {error.strerror}") from error
    return Stored(partial(_read, file, span.offset), file, span.offset)


def _read(file: BinaryIO, offset: int, start: int, stop: int) -> bytes:
    try:
        data = os.pread(file.fileno(), stop - start, offset + start)
    except OSError as error:
        raise DoorError(f"cannot read {file.name}: {error.strerror}") from error
    if len(data) < stop - start:
        raise DoorError(f"{file.name} ends {stop - start - len(data)} bytes early")
    return data
