"""Many recordings at once into a new file of SQLite, at the places that they have: before a measurement, not in it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from imlab.errors import DoorError
from imlab.store.recordings.row import COLUMNS, TABLE, values_of
from imlab.wire.messages import VoiceMessage

_ADD = f"INSERT INTO recordings ({', '.join(COLUMNS)}, sequence) VALUES ({', '.join('?' * (len(COLUMNS) + 1))})"


def fill(path: Path, notes: Iterable[VoiceMessage]) -> None:
    """The file holds them, and nothing lies beside it: it may be copied as it is."""
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as base:
            base.execute("BEGIN")
            base.execute(TABLE.format(blob="blob"))
            base.executemany(_ADD, ((*values_of(note), note.sequence) for note in notes))
            base.execute("COMMIT")
    except sqlite3.Error as error:
        raise DoorError(f"{path} cannot be filled: {error}") from error
