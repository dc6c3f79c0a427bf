"""A database that blocks, asked from an event loop: by a small pool of threads, as any asyncio program does it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from imlab.wire.messages import VoiceMessage

THREADS = 32  # at most, as many as asyncio's own pool ever has; begun when they are needed


class Recordings(Protocol):
    """What a blocking door does."""

    @property
    def opened(self) -> int:
        """Connections so far."""
        ...

    def find(self, id: str) -> VoiceMessage | None:
        """The note, if there is one."""
        ...

    def newest(self, room: str, count: int) -> tuple[VoiceMessage, ...]:
        """At most so many, the newest first."""
        ...

    def add(self, note: VoiceMessage) -> int:
        """Its sequence, durable."""
        ...

    def close(self) -> None:
        """No more questions."""
        ...


class InThreads:
    """The same questions, awaited. Who stops waiting stops no thread.

    far_s: as in SqliteRecordings, but waited for on the loop: no thread sleeps, since each that wakes asks for the
    interpreter once more. uvloop waits for whole milliseconds, and for none at all below half of one.
    """

    def __init__(self, recordings: Recordings, far_s: float = 0.0) -> None:
        self._recordings, self._far_s = recordings, far_s
        self._threads = ThreadPoolExecutor(THREADS, "database")

    @property
    def opened(self) -> int:
        """Connections so far."""
        return self._recordings.opened

    async def find(self, id: str) -> VoiceMessage | None:
        """The note, if there is one."""
        note: VoiceMessage | None = await self._ask(self._recordings.find, id)
        return note

    async def newest(self, room: str, count: int) -> tuple[VoiceMessage, ...]:
        """At most so many, the newest first."""
        notes: tuple[VoiceMessage, ...] = await self._ask(self._recordings.newest, room, count)
        return notes

    async def add(self, note: VoiceMessage) -> int:
        """Its sequence, durable."""
        sequence: int = await self._ask(self._recordings.add, note)
        return sequence

    async def close(self) -> None:
        """No more questions."""
        await asyncio.to_thread(self._threads.shutdown)
        self._recordings.close()

    async def _ask(self, question: Callable[..., Any], *about: object) -> Any:
        if self._far_s:
            await asyncio.sleep(2 * self._far_s)
        return await asyncio.get_running_loop().run_in_executor(self._threads, question, *about)
