"""Bodies as blobs in a table of the index: the index's own transaction makes them durable, or takes them back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from imlab.errors import DoorError
from imlab.server.doors import Body, Span
from imlab.store.body import content, length
from imlab.store.entry import Row
from imlab.store.index import Writing
from imlab.store.reading import Reading
from imlab.store.shelf import BLOB, Known, Place


class BlobShelf:
    """Bodies in SQLite."""

    keeps_log = False

    def __init__(self, writing: Writing, reading: Reading) -> None:
        self._writing, self._reading = writing, reading

    def begin(self) -> None:
        """See Shelf."""

    def put(self, bodies: Mapping[str, Body]) -> dict[str, Place | DoorError]:
        """See Shelf."""
        self._writing.shelve((sha256, content(body)) for sha256, body in bodies.items())
        return {sha256: Place(BLOB, 0, length(body)) for sha256, body in bodies.items()}

    def seal(self, rows: Sequence[Row]) -> None:
        """See Shelf: with the transaction."""

    def undo(self) -> None:
        """See Shelf: with the transaction."""

    def get(self, sha256: str, place: Place, start: int, stop: int) -> bytes:
        """See Shelf."""
        body = self._reading.blob(sha256, start, stop)
        if body is None:
            raise DoorError(f"cannot read the body {sha256}: the index has lost it")
        return body

    def span(self, sha256: str, place: Place) -> Span | None:
        """See Shelf: SQLite scatters a blob over its pages."""
        return None

    def free(self, places: Mapping[str, Place]) -> None:
        """See Shelf: the index has let go of them, too."""

    def sweep(self, known: Known, before: float) -> None:
        """See Shelf: nothing is left behind."""

    def close(self) -> None:
        """See Shelf."""
