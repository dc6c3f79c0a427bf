"""The log of all rooms in SQLite: which note stands where, its head, and the name of its body.

A transaction that was committed survives a crash: write-ahead log, synced at every commit (synchronous=FULL).
Two connections: the writer's, and a reader's that sees whole transactions only and never waits for the writer.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from imlab.errors import DoorError

SCHEMA = 1  # of the file, in its user_version; 0: the file is new

_TABLES = """
CREATE TABLE notes (
    room         TEXT NOT NULL,
    sequence     INTEGER NOT NULL,
    id           TEXT NOT NULL UNIQUE,
    sender       TEXT NOT NULL,
    timestamp_ms INTEGER NOT NULL,
    duration_ms  INTEGER NOT NULL,
    codec        TEXT NOT NULL,
    size         INTEGER NOT NULL,
    sha256       TEXT NOT NULL,
    head         BLOB NOT NULL,
    PRIMARY KEY (room, sequence)
)
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log. size in bytes and sha256 of the body; head: the note without audio, as protobuf.

    sequence 0: not yet placed.
    """

    room: str
    sequence: int
    id: str
    sender: str
    timestamp_ms: int
    duration_ms: int
    codec: str
    size: int
    sha256: str
    head: bytes


_COLUMNS = ", ".join(Entry.__slots__)
_INSERT = f"INSERT INTO notes ({_COLUMNS}) VALUES ({', '.join('?' * len(Entry.__slots__))})"
_FIND = f"SELECT {_COLUMNS} FROM notes WHERE id = ?"
_AFTER = f"SELECT {_COLUMNS} FROM notes WHERE room = ? AND sequence > ? AND sequence <= ? ORDER BY sequence"
_HEAD = "SELECT coalesce(max(sequence), 0) FROM notes WHERE room = ?"


class Writing:
    """The writer's connection: entries are appended to their rooms inside a transaction."""

    def __init__(self, path: Path) -> None:
        self._base = _open(path)
        try:
            _set_up(self._base, path)
        except BaseException:
            self._base.close()
            raise

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything in it or nothing; durable when it ends."""
        self._base.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._base.execute("COMMIT")
        except BaseException:
            if self._base.in_transaction:  # SQLite has rolled back by itself when the disk was full
                self._base.execute("ROLLBACK")
            raise

    def append(self, entry: Entry) -> int:
        """Give an entry the next place in its room, and answer with that."""
        sequence: int = self._base.execute(_HEAD, (entry.room,)).fetchone()[0] + 1
        values = {name: getattr(entry, name) for name in Entry.__slots__} | {"sequence": sequence}
        self._base.execute(_INSERT, tuple(values.values()))
        return sequence

    def find(self, id: str) -> Entry | None:
        """The entry of a note, if it has one."""
        return _find(self._base, id)

    def close(self) -> None:
        """Close the file; the last connection to do so folds the write-ahead log into it."""
        self._base.close()


class Reading:
    """The reader's connection."""

    def __init__(self, path: Path) -> None:
        self._base = _open(path)
        self._base.execute("PRAGMA query_only = ON")

    def head(self, room: str) -> int:
        """The room's newest sequence; 0: it has no notes."""
        sequence: int = self._base.execute(_HEAD, (room,)).fetchone()[0]
        return sequence

    def after(self, room: str, sequence: int, last: int) -> Generator[Entry, None, None]:
        """The room's entries after a sequence up to ``last``, in order, read as they are taken."""
        with closing(self._base.execute(_AFTER, (room, sequence, last))) as rows:
            for row in rows:
                yield Entry(*row)

    def find(self, id: str) -> Entry | None:
        """The entry of a note, if it has one."""
        return _find(self._base, id)

    def close(self) -> None:
        """Close the file."""
        self._base.close()


def _find(base: sqlite3.Connection, id: str) -> Entry | None:
    row = base.execute(_FIND, (id,)).fetchone()
    return Entry(*row) if row else None


def _open(path: Path) -> sqlite3.Connection:
    """A connection without Python's own transactions, for one thread at a time."""
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False)


def _set_up(base: sqlite3.Connection, path: Path) -> None:
    base.execute("PRAGMA journal_mode = WAL")
    base.execute("PRAGMA synchronous = FULL")
    version = base.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA:
        raise DoorError(f"{path} was written by a newer imlab: its schema is {version}, this one knows {SCHEMA}")
    if version == 0:
        base.execute("BEGIN IMMEDIATE")
        base.execute(_TABLES)
        base.execute(f"PRAGMA user_version = {SCHEMA}")
        base.execute("COMMIT")
