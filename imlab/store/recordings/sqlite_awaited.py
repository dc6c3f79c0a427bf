"""Recordings in a file of SQLite, from an event loop: read on the loop, written in a thread that waits for the disk.

Reading takes 16 us where the file is in the page cache; a thread for that costs 50 us more, and under load its turn:
CPython gives the interpreter to a thread that has waited for it through a whole switch interval, and a busy loop lets
go of it for an instant before that, at each look at its sockets, and is quicker to have it again. With 5 ms, the usual
interval, and a loop that is busy for 80 % of the time, half of the writes took over 26 ms, and 3.5 ms with 0.1 ms.
"""

from __future__ import annotations

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from imlab.server.service.lines import Lines
from imlab.store.recordings.sqlite import SqliteRecordings
from imlab.wire.messages import VoiceMessage

SWITCH_S = 0.0001  # the interpreter's switch interval while the door stands: shorter than a loop's turn


class AwaitedSqlite:
    """far_s: as in SqliteRecordings, but waited for on the loop: uvloop's timers are whole milliseconds (Backends)."""

    def __init__(self, path: Path, lines: Lines, far_s: float = 0.0) -> None:
        self._recordings, self._far_s = SqliteRecordings(path, lines), far_s
        self._writer = ThreadPoolExecutor(1, "writer")
        self._switch_s = sys.getswitchinterval()
        sys.setswitchinterval(SWITCH_S)

    @property
    def opened(self) -> int:
        """Connections so far."""
        return self._recordings.opened

    async def find(self, id: str) -> VoiceMessage | None:
        """The note, if there is one."""
        await self._way()
        return self._recordings.find(id)

    async def newest(self, room: str, count: int) -> tuple[VoiceMessage, ...]:
        """At most so many, the newest first."""
        await self._way()
        return self._recordings.newest(room, count)

    async def add(self, note: VoiceMessage) -> int:
        """Its sequence, durable. Who stops waiting does not stop it."""
        await self._way()
        return await asyncio.get_running_loop().run_in_executor(self._writer, self._recordings.add, note)

    async def close(self) -> None:
        """Once what was to be written is."""
        await asyncio.to_thread(self._writer.shutdown)
        self._recordings.close()
        sys.setswitchinterval(self._switch_s)

    async def _way(self) -> None:
        """There and back."""
        if self._far_s:
            await asyncio.sleep(2 * self._far_s)
