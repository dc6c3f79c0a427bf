"""Recordings in PostgreSQL, for threads that block."""

from __future__ import annotations

import time
from threading import Semaphore
from typing import Any

import psycopg

from imlab.server.service.kept import Kept
from imlab.server.service.lines import Lines
from imlab.store.recordings.postgres_table import ADD, FIND, MOST, NEWEST, failed, make_table, settings
from imlab.store.recordings.row import note_of, values_of
from imlab.wire.messages import VoiceMessage

Base = psycopg.Connection[Any]


class PostgresRecordings:
    """url: postgresql://... as libpq reads it."""

    def __init__(self, url: str, lines: Lines) -> None:
        make_table(url)
        self._url, self._settings = url, settings(lines)
        self._room = Semaphore(MOST)
        self._lines: Kept[Base] = Kept(lines, self._connect, psycopg.Connection.close, time.monotonic)

    @property
    def opened(self) -> int:
        """Connections so far."""
        return self._lines.opened

    def find(self, id: str) -> VoiceMessage | None:
        """The note, if there is one."""
        rows = self._ask(FIND, (id,))
        return note_of(rows[0]) if rows else None

    def newest(self, room: str, count: int) -> tuple[VoiceMessage, ...]:
        """At most so many, the newest first."""
        return tuple(map(note_of, self._ask(NEWEST, (room, count))))

    def add(self, note: VoiceMessage) -> int:
        """Its sequence, durable; the one that it had if it is there already."""
        sequence: int = self._ask(ADD, values_of(note))[0][0]
        return sequence

    def close(self) -> None:
        """Those connections that carry nothing."""
        self._lines.close()

    def _ask(self, question: str, values: tuple[Any, ...]) -> list[Any]:
        def rows(base: Base) -> list[Any]:
            try:
                return base.cursor(binary=True).execute(question, values).fetchall()
            except psycopg.Error as error:
                raise failed(error, not base.broken) from error

        with self._room:
            return self._lines.ask(rows)

    def _connect(self) -> Base:
        try:
            return psycopg.connect(self._url, **self._settings)
        except psycopg.Error as error:
            raise failed(error, True) from error
