"""Recordings in PostgreSQL, awaited: the same library, the same questions, on one event loop."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg

from imlab.server.service.kept import Broken, Idle
from imlab.server.service.lines import Lines
from imlab.store.recordings.postgres_table import ADD, FIND, MOST, NEWEST, failed, make_table, settings
from imlab.store.recordings.row import note_of, values_of
from imlab.wire.messages import VoiceMessage

Base = psycopg.AsyncConnection[Any]


class AwaitedPostgres:
    """url: postgresql://... as libpq reads it. Beginning blocks for a moment, to see that the table is there."""

    def __init__(self, url: str, lines: Lines) -> None:
        make_table(url)
        self._url, self._settings = url, settings(lines)
        self._room = asyncio.Semaphore(MOST)
        self._idle: Idle[Base] = Idle(lines)
        self.opened = 0

    async def find(self, id: str) -> VoiceMessage | None:
        """The note, if there is one."""
        rows = await self._ask(FIND, (id,))
        return note_of(rows[0]) if rows else None

    async def newest(self, room: str, count: int) -> tuple[VoiceMessage, ...]:
        """At most so many, the newest first."""
        return tuple(map(note_of, await self._ask(NEWEST, (room, count))))

    async def add(self, note: VoiceMessage) -> int:
        """Its sequence, durable; the one that it had if it is there already."""
        sequence: int = (await self._ask(ADD, values_of(note)))[0][0]
        return sequence

    async def close(self) -> None:
        """Those connections that carry nothing."""
        for base in self._idle.drain():
            await base.close()

    async def _ask(self, question: str, values: tuple[Any, ...]) -> list[Any]:
        """See Kept.ask: the same course, awaited."""
        async with self._room:
            base = self._idle.take()
            if base is not None:
                try:
                    return await self._on(base, question, values)
                except Broken:
                    await self.close()
            return await self._on(await self._connect(), question, values)

    async def _on(self, base: Base, question: str, values: tuple[Any, ...]) -> list[Any]:
        try:
            rows = await (await base.cursor(binary=True).execute(question, values)).fetchall()
        except BaseException as error:
            broken = base.broken
            await base.close()
            if isinstance(error, psycopg.Error):
                raise failed(error, not broken) from error
            raise
        for over in self._idle.give(base, asyncio.get_running_loop().time()):
            await over.close()
        return rows

    async def _connect(self) -> Base:
        try:
            base = await psycopg.AsyncConnection.connect(self._url, **self._settings)
        except psycopg.Error as error:
            raise failed(error, True) from error
        self.opened += 1
        return base
