"""What a kind of body store must do; where a body lies, whichever kind wrote it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from imlab.errors import DoorError
from imlab.server.doors import Body, Span
from imlab.store.entry import Row

FILE = 0  # in the place of a segment's number: a file of its own
BLOB = -1  # in a table of the index


@dataclass(frozen=True, slots=True)
class Place:
    """Where a body of ``size`` bytes lies: in a segment from ``offset`` on, or FILE, or BLOB."""

    segment: int
    offset: int
    size: int


Known = Callable[[Iterable[str]], Mapping[str, Place]]  # of these bodies those that the index knows


class Shelf(Protocol):
    """Bodies by sha256. One thread at a time writes, inside a transaction of the index; any thread reads."""

    @property
    def keeps_log(self) -> bool:
        """Is what was sealed durable without the index?"""
        ...

    def begin(self) -> None:
        """A transaction of the index has begun."""
        ...

    def put(self, bodies: Mapping[str, Body]) -> dict[str, Place | DoorError]:
        """Write bodies, each or why not."""
        ...

    def seal(self, rows: Sequence[Row]) -> None:
        """What was put is durable now or with the transaction; where a log is kept, so are the places of these notes.

        The last word in a transaction.
        """
        ...

    def undo(self) -> None:
        """What has begun was rolled back: take back what was put and sealed in it."""
        ...

    def get(self, sha256: str, place: Place, start: int, stop: int) -> bytes:
        """Part of a body; DoorError when it is not there, or not what it was."""
        ...

    def span(self, sha256: str, place: Place) -> Span | None:
        """Where a body lies on disk; None: not in one piece."""
        ...

    def free(self, places: Mapping[str, Place]) -> None:
        """No note has these bodies any more; the index has forgotten them, in a transaction that has ended."""
        ...

    def sweep(self, known: Known, before: float) -> None:
        """Delete what a killed server left, older than this time (seconds since 1970)."""
        ...

    def close(self) -> None:
        """Let go of files and threads."""
        ...
