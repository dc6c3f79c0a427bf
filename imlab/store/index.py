"""The index of a store in SQLite: which note stands where, its head, and where its body lies.

A transaction that was committed survives a crash: write-ahead log, synced at every commit (synchronous=FULL), unless
what it says is durable elsewhere already (NORMAL: after a power cut the index is whole, and may be a little behind).
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from imlab.store.entry import COLUMNS, Entry, Row, as_tuple
from imlab.store.schema import bring_up
from imlab.store.shelf import Place

_COLUMNS = ", ".join(COLUMNS)
_INSERT = f"INSERT INTO notes ({_COLUMNS}) VALUES ({', '.join('?' * len(COLUMNS))})"
_FIND = f"SELECT {_COLUMNS} FROM notes WHERE id IN (SELECT value FROM json_each(?))"
_HEAD = "SELECT coalesce(max(sequence), 0) FROM notes WHERE room = ?"
_EMPTY = "UPDATE notes SET duration_ms = 0, size = 0, sha256 = '', type = '', head = ? WHERE id = ?"
_PLACES = "SELECT sha256, segment, offset, size FROM bodies WHERE sha256 IN (SELECT value FROM json_each(?))"
_USE = (
    "INSERT INTO bodies (sha256, size, uses, since, segment, offset) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE"
    " SET uses = uses + excluded.uses, since = excluded.since, segment = excluded.segment, offset = excluded.offset"
)
_MOVE = "UPDATE bodies SET segment = ?, offset = ? WHERE sha256 = ?"
_CHECKPOINT = 16_000  # pages of the write-ahead log, 64 MB, before a commit does what checkpoint.py did not come to


class Writing:
    """The writer's connection."""

    def __init__(self, path: Path) -> None:
        self.base = connect(path)
        self._synced = True
        try:
            self.base.execute("PRAGMA journal_mode = WAL")
            self.base.execute("PRAGMA synchronous = FULL")
            self.base.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT}")
            bring_up(self.base, path)
        except BaseException:
            self.base.close()
            raise

    @contextmanager
    def transaction(self, synced: bool = True) -> Iterator[None]:
        """Everything in it or nothing. synced: durable when it ends, and with it all that came before."""
        if synced != self._synced:
            self.base.execute(f"PRAGMA synchronous = {'FULL' if synced else 'NORMAL'}")
            self._synced = synced
        self.base.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.base.execute("COMMIT")
        except BaseException:
            if self.base.in_transaction:  # SQLite has rolled back by itself when the disk was full
                self.base.execute("ROLLBACK")
            raise

    def head(self, room: str) -> int:
        """The room's newest sequence; 0: it has no notes."""
        sequence: int = self.base.execute(_HEAD, (room,)).fetchone()[0]
        return sequence

    def find(self, ids: Iterable[str]) -> dict[str, Row]:
        """Of these notes those that have a place, by id."""
        return find(self.base, ids)

    def places(self, hashes: Iterable[str]) -> dict[str, Place]:
        """Of these bodies those that are kept, by sha256."""
        return places(self.base, hashes)

    def add(self, rows: Sequence[Row]) -> None:
        """Notes in their places."""
        self.base.executemany(_INSERT, map(as_tuple, rows))

    def use(self, uses: Mapping[str, int], lying: Mapping[str, Place]) -> None:
        """So many more notes have these bodies, which lie there now."""
        now = time.time()
        self.base.executemany(
            _USE, [(sha256, p.size, uses.get(sha256, 0), now, p.segment, p.offset) for sha256, p in lying.items()]
        )

    def empty(self, id: str, sha256: str, head: bytes) -> None:
        """A note loses its sound."""
        self.base.execute(_EMPTY, (head, id))
        self.base.execute("UPDATE bodies SET uses = uses - 1, since = ? WHERE sha256 = ?", (time.time(), sha256))

    def move(self, lying: Mapping[str, Place]) -> None:
        """Bodies lie elsewhere now."""
        self.base.executemany(_MOVE, [(place.segment, place.offset, sha256) for sha256, place in lying.items()])

    def reached(self, segment: int, offset: int) -> None:
        """All that the segments say up to there, the index says too."""
        self.base.execute("UPDATE log SET segment = ?, offset = ?", (segment, offset))

    def read_up_to(self) -> tuple[int, int]:
        """The segment and the offset in it up to which the index has read."""
        segment, offset = self.base.execute("SELECT segment, offset FROM log").fetchone()
        return segment, offset

    def shelve(self, blobs: Iterable[tuple[str, bytes]]) -> None:
        """Bodies into the index itself."""
        self.base.executemany("INSERT OR REPLACE INTO blobs (sha256, body) VALUES (?, ?)", blobs)

    def forget_unused(self, before: float) -> dict[str, Place]:
        """Bodies that no note has had since then are kept no more; where they lay."""
        unused = "FROM bodies WHERE uses = 0 AND since < ?"
        rows = self.base.execute(f"SELECT sha256, segment, offset, size {unused}", (before,)).fetchall()
        self.base.execute(f"DELETE FROM blobs WHERE sha256 IN (SELECT sha256 {unused})", (before,))
        self.base.execute(f"DELETE {unused}", (before,))
        return {sha256: Place(*place) for sha256, *place in rows}

    def lying_in(self, segment: int) -> dict[str, Place]:
        """The bodies in a segment, by sha256."""
        return lying_in(self.base, segment)

    def close(self) -> None:
        """Close the file; the last connection to do so folds the write-ahead log into it."""
        self.base.close()


def find(base: sqlite3.Connection, ids: Iterable[str]) -> dict[str, Row]:
    """Of these notes those that have a place, by id."""
    rows = base.execute(_FIND, (json.dumps(list(ids)),)).fetchall()
    return {entry.id: (sequence, entry) for sequence, entry in ((row[0], Entry(*row[1:])) for row in rows)}


def places(base: sqlite3.Connection, hashes: Iterable[str]) -> dict[str, Place]:
    """Of these bodies those that are kept, by sha256."""
    rows = base.execute(_PLACES, (json.dumps(list(hashes)),)).fetchall()
    return {sha256: Place(*place) for sha256, *place in rows}


def lying_in(base: sqlite3.Connection, segment: int) -> dict[str, Place]:
    """The bodies in a segment, by sha256."""
    rows = base.execute("SELECT sha256, segment, offset, size FROM bodies WHERE segment = ?", (segment,))
    return {sha256: Place(*place) for sha256, *place in rows}


def connect(path: Path) -> sqlite3.Connection:
    """A connection without Python's own transactions; whoever uses it takes turns."""
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False)
