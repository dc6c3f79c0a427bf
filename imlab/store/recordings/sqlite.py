"""Recordings in a file of SQLite, for threads that block. What was added survives a crash (WAL, synchronous=FULL).

SQLite writes for one at a time: in this process they wait in a lock of ours, since SQLite's own way to wait sleeps up
to 100 ms. One connection stands as long as the door does: else each request's would be the last to close, which folds
the log into the file.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import TypeVar

from imlab.errors import DoorError
from imlab.server.service.kept import Kept
from imlab.server.service.lines import Lines
from imlab.store.recordings.row import COLUMNS, TABLE, note_of, values_of
from imlab.wire.messages import VoiceMessage

BUSY_S = 10.0  # for other processes that write
_ADD = f"""
INSERT INTO recordings ({", ".join(COLUMNS)}, sequence)
SELECT {", ".join(f"?{number}" for number in range(1, len(COLUMNS) + 1))}, coalesce(max(sequence), 0) + 1
FROM recordings WHERE room = ?2
ON CONFLICT (id) DO NOTHING RETURNING sequence
"""
_WAS = "SELECT sequence FROM recordings WHERE id = ?"
_FIND = "SELECT head, sequence FROM recordings WHERE id = ?"
_NEWEST = "SELECT head, sequence FROM recordings WHERE room = ? ORDER BY sequence DESC LIMIT ?"
Answer = TypeVar("Answer")


class SqliteRecordings:
    """far_s: one-way distance in seconds that a database over a network would have.

    Each question waits for both ways of it in one sleep, before it has a connection or a lock; connecting costs none.
    """

    def __init__(self, path: Path, lines: Lines, far_s: float = 0.0) -> None:
        self._path, self._far_s = path, far_s
        self._writing = Lock()
        self._standing = self._connect()
        try:
            self._standing.execute("PRAGMA journal_mode = WAL")
            self._standing.execute(TABLE.format(blob="blob"))
        except sqlite3.Error as error:
            self._standing.close()
            raise self._failed(error) from error
        self._lines = Kept(lines, self._connect, sqlite3.Connection.close, time.monotonic)

    @property
    def opened(self) -> int:
        """Connections so far."""
        return self._lines.opened

    def find(self, id: str) -> VoiceMessage | None:
        """The note, if there is one."""
        rows = self._ask(lambda base: base.execute(_FIND, (id,)).fetchall())
        return note_of(rows[0]) if rows else None

    def newest(self, room: str, count: int) -> tuple[VoiceMessage, ...]:
        """At most so many, the newest first."""
        return tuple(map(note_of, self._ask(lambda base: base.execute(_NEWEST, (room, count)).fetchall())))

    def add(self, note: VoiceMessage) -> int:
        """Its sequence, durable; the one that it had if it is there already."""
        values = values_of(note)

        def added(base: sqlite3.Connection) -> int:
            with self._writing:
                rows = base.execute(_ADD, values).fetchall() or base.execute(_WAS, (note.id,)).fetchall()
            sequence: int = rows[0][0]
            return sequence

        return self._ask(added)

    def close(self) -> None:
        """Let the file go."""
        self._lines.close()
        self._standing.close()

    def _ask(self, question: Callable[[sqlite3.Connection], Answer]) -> Answer:
        if self._far_s:
            time.sleep(2 * self._far_s)
        try:
            return self._lines.ask(question)
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def _connect(self) -> sqlite3.Connection:
        try:
            base = sqlite3.connect(self._path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
            base.execute("PRAGMA synchronous = FULL")
        except sqlite3.Error as error:
            raise self._failed(error) from error
        return base

    def _failed(self, error: sqlite3.Error) -> DoorError:
        return DoorError(f"the database {self._path} fails: {error}")
