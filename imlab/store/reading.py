"""The reader's side of the index: whole transactions only, never waiting for the writer, from any thread."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from threading import Lock

from imlab.store.entry import COLUMNS, Entry, Row, weight
from imlab.store.index import connect, find, lying_in, places
from imlab.store.paging import within
from imlab.store.shelf import Place

_AFTER = f"SELECT {', '.join(COLUMNS)} FROM notes WHERE room = ? AND sequence > ? AND sequence <= ? ORDER BY sequence"
_HEAD = "SELECT coalesce(max(sequence), 0) FROM notes WHERE room = ?"


class Reading:
    """A connection that many threads share, one at a time: a look into the index takes some ten microseconds."""

    def __init__(self, path: Path) -> None:
        self._base = connect(path)
        self._base.execute("PRAGMA query_only = ON")
        self._turn = Lock()

    def page(self, room: str, after: int | None, limit: int) -> tuple[list[Row], int]:
        """The room's notes after a sequence, as many as a page holds, and its newest sequence."""
        with self._turn:
            head: int = self._base.execute(_HEAD, (room,)).fetchone()[0]
            if after is None:
                return [], head
            with closing(self._base.execute(_AFTER, (room, after, head))) as found:
                rows = ((row[0], Entry(*row[1:])) for row in found)
                return list(within(rows, limit, weight)), head

    def find(self, id: str) -> Row | None:
        """The line of a note, if it has one."""
        with self._turn:
            return find(self._base, (id,)).get(id)

    def place(self, sha256: str) -> Place | None:
        """Where a body lies, if it is kept."""
        with self._turn:
            return places(self._base, (sha256,)).get(sha256)

    def blob(self, sha256: str, start: int, stop: int) -> bytes | None:
        """Part of a body that lies in the index, if it does."""
        ask = "SELECT substr(body, ?, ?) FROM blobs WHERE sha256 = ?"
        with self._turn:
            found = self._base.execute(ask, (start + 1, stop - start, sha256)).fetchone()
        return found[0] if found else None

    def live(self) -> dict[int, tuple[int, int]]:
        """How many bodies each segment holds, and how many bytes they have."""
        ask = "SELECT segment, count(*), sum(size) FROM bodies GROUP BY segment"
        with self._turn:
            return {segment: (count, size) for segment, count, size in self._base.execute(ask)}

    def lying_in(self, segment: int) -> dict[str, Place]:
        """The bodies in a segment, by sha256."""
        with self._turn:
            return lying_in(self._base, segment)

    def close(self) -> None:
        """Close the file."""
        self._base.close()
