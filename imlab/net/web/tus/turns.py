"""Taking turns at uploads: one request at a time, and a newcomer is let in.

A client that asks about its upload, or sends more of it, has given up its request before; but that one may still be
here, on a connection that died without a word. So whoever waits for bytes is sent away by a newcomer, and keeps what
it has; whoever is past that point, storing a note, is waited for. tusd does the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from imlab.net.web.answers import Refusal

WAIT = 20.0  # seconds for the request before to end; tusd's


class Replaced(Exception):
    """A newer request has this upload now."""


class Turn:
    """One request's time alone with one upload."""

    __slots__ = ("_over", "_waits", "ended")

    def __init__(self) -> None:
        self._over = False
        self._waits: asyncio.Task[Any] | None = None
        self.ended = asyncio.Event()

    async def wait(self, come: Callable[[], Awaitable[bytes]]) -> bytes:
        """The client's next bytes; Replaced when the turn is over. By hand: asyncio.timeout costs 5 us each time."""
        if self._over:
            raise Replaced
        self._waits = task = asyncio.current_task()
        assert task is not None, "an application runs in a task"
        try:
            return await come()
        except asyncio.CancelledError as cancelled:
            if cancelled.args != (self,):
                raise
            task.uncancel()
            raise Replaced from None
        finally:
            self._waits = None

    def end(self) -> None:
        """In the wait that is under way, or before the next."""
        if self._waits is not None and not self._over:
            self._waits.cancel(self)
        self._over = True


class Turns:
    """Who is at which upload. wait: seconds until a newcomer gives up."""

    def __init__(self, wait: float = WAIT) -> None:
        self._wait = wait
        self._at: dict[str, Turn] = {}

    @asynccontextmanager
    async def take(self, id: str) -> AsyncIterator[Turn]:
        """Alone with an upload; Refusal (423) if that takes too long."""
        if id in self._at:
            await self._clear(id)
        turn = self._at[id] = Turn()
        try:
            yield turn
        finally:
            del self._at[id]
            turn.ended.set()

    async def _clear(self, id: str) -> None:
        try:
            async with asyncio.timeout(self._wait):
                while older := self._at.get(id):
                    older.end()
                    await older.ended.wait()
        except TimeoutError:
            raise Refusal(423, "locked", f"another request is storing the upload {id}: ask again") from None
