"""An answer as it comes: its head first, then its body, whole or in pieces that wait for their reader."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from imlab.errors import DoorError, PeerError

KEPT = 256 << 10  # bytes of body that may wait for their reader; then the connection is not read


class Severed(DoorError):
    """The connection broke. sent: had anything of the request gone out? answered: had anything of the answer come?"""

    def __init__(self, why: str, sent: bool, answered: bool) -> None:
        super().__init__(why)
        self.sent, self.answered = sent, answered


class Reply:
    """One answer. status and headers stand once ``head`` is done; ``complete``: all of it has come."""

    __slots__ = ("_broken", "_kept", "_more", "_pause", "_resume", "_size", "complete", "head", "headers", "status")

    def __init__(self, loop: asyncio.AbstractEventLoop, pause: Callable[[], None], resume: Callable[[], None]) -> None:
        self.head: asyncio.Future[None] = loop.create_future()
        self.status = 0
        self.headers: dict[str, str] = {}
        self.complete = False
        self._pause, self._resume = pause, resume
        self._kept: list[bytes] = []
        self._size = 0
        self._more: asyncio.Future[None] | None = None
        self._broken: Exception | None = None

    async def read(self, most: int) -> bytes:
        """The whole body; PeerError when it is larger than ``most`` bytes."""
        if self.complete and len(self._kept) == 1 and self._size <= most:  # what came in one read, as most notes do
            return self._kept.pop()
        parts, size = [], 0
        async for piece in self.pieces():
            size += len(piece)
            if size > most:
                raise PeerError(f"the server's answer has over {most:,} bytes")
            parts.append(piece)
        return b"".join(parts)

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it comes, once."""
        while True:
            while self._kept:
                kept, self._kept, self._size = self._kept, [], 0
                self._resume()
                for piece in kept:
                    yield piece
            if self.complete:
                return
            if self._broken:
                raise self._broken
            self._more = asyncio.get_running_loop().create_future()
            await self._more

    @property
    def waiting(self) -> int:
        """Bytes of the body that wait for their reader."""
        return self._size

    # What the connection tells

    def body(self, data: bytes) -> None:
        """More of the body."""
        self._kept.append(data)
        self._size += len(data)
        if self._size > KEPT:
            self._pause()
        self._wake()

    def end(self) -> None:
        """That was all."""
        self.complete = True
        self._wake()

    def fail(self, error: Exception) -> None:
        """No more will come; the first reason counts."""
        self._broken = self._broken or error
        if not self.head.done():
            self.head.set_exception(error)
            self.head.exception()  # whoever gave the request up need not look
        self._wake()

    def _wake(self) -> None:
        if self._more and not self._more.done():
            self._more.set_result(None)
