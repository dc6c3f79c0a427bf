"""Taking turns at uploads: one request at a time, and a newcomer is let in.

A client that asks about its upload, or sends more of it, has given up its request before; but that one may still be
here, on a connection that died without a word. So whoever waits for bytes is sent away by a newcomer, and keeps what
it has; whoever is past that point, storing a note, is waited for. tusd does the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

from imlab.net.web.answers import Refusal

WAIT = 20.0  # seconds for the request before to end; tusd's


class Replaced(Exception):
    """A newer request has this upload now."""


class Turn:
    """One request's time alone with one upload."""

    __slots__ = ("_over", "_patience", "ended")

    def __init__(self) -> None:
        self._over = False
        self._patience: asyncio.Timeout | None = None
        self.ended = asyncio.Event()

    async def wait(self, bytes_to_come: Awaitable[bytes]) -> bytes:
        """The client's next bytes; Replaced when the turn is over."""
        try:
            async with asyncio.timeout(0 if self._over else None) as self._patience:
                return await bytes_to_come
        except TimeoutError:
            raise Replaced from None
        finally:
            self._patience = None

    def end(self) -> None:
        """At the next wait, or in the one that is under way."""
        self._over = True
        if self._patience is not None and not self._patience.expired():
            self._patience.reschedule(asyncio.get_running_loop().time())


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
