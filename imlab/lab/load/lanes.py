"""A fixed number of connections with one request at a time on each, for protocols that do not say which answer
belongs to which request.

An open loop needs as many lanes as requests are ever in flight. When all are taken a request waits for the first
that comes free. The user of a service with so small a pool would wait as well, so the wait is part of the latency;
but it is the pool's doing, not the server's, so the moment ``asked``, at which a lane was there, is kept apart.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from types import TracebackType

from imlab.lab.load.openloop import Send

Open = Callable[[], AbstractAsyncContextManager[Send]]


class Lanes:
    """``count`` connections, opened before the load and closed after it; ``send`` takes the longest free."""

    def __init__(self, open: Open, count: int) -> None:
        self._lanes = [_Lane(open) for _ in range(count)]
        self._free: asyncio.Queue[_Lane] = asyncio.Queue()

    async def __aenter__(self) -> Send:
        """Open all, one after another; what goes wrong here is raised."""
        try:
            for lane in self._lanes:
                await lane.ready()
                self._free.put_nowait(lane)
        except BaseException:
            await self._close()
            raise
        return self._send

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> None:  # fmt: skip
        await self._close()

    async def _close(self) -> None:
        """All at once; how a connection ends says nothing of the requests before, so its errors are dropped."""
        await asyncio.gather(*(lane.close() for lane in self._lanes), return_exceptions=True)

    async def _send(self, index: int) -> Mapping[str, float]:
        """One request on a lane of its own."""
        lane = await self._free.get()
        asked = time.monotonic()
        try:
            told = await lane.ask(index)
        finally:
            self._free.put_nowait(lane)
        return {"asked": asked, **(told or {})}


class _Lane:
    """One connection. After a failure an answer may still be under way, and would be taken for the next request's:
    so it is closed, and the next request opens another and pays for it.
    """

    def __init__(self, open: Open) -> None:
        self._open = open
        self._stack = AsyncExitStack()
        self._send: Send | None = None

    async def ready(self) -> Send:
        """The connection, opened where there is none."""
        if self._send is None:
            await self.close()
            self._send = await self._stack.enter_async_context(self._open())
        return self._send

    async def ask(self, index: int) -> Mapping[str, float] | None:
        """One request and its answer."""
        send, self._send = await self.ready(), None
        told = await send(index)
        self._send = send
        return told

    async def close(self) -> None:
        """Let go of the connection, if there is one."""
        await self._stack.aclose()
