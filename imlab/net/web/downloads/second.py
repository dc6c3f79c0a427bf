"""A second level of cache, shared or longer-lived than we are; whatever happens to it costs nobody an answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from typing import Any, Protocol

PATIENCE = 0.05  # seconds that it gets for one answer; the disk is never asked for longer
REST = 1.0  # seconds without it after it failed, so that not every reader waits for one that hangs
PENDING = 256  # values on their way to it; more are dropped, since it is only a cache
_LOG = logging.getLogger(__name__)


class SecondLevel(Protocol):
    """Bytes by key. It may fail at any time, by any exception, and may forget."""

    async def get(self, key: bytes) -> bytes | None:
        """What was put; None: nothing, or no longer."""
        ...

    async def put(self, key: bytes, value: bytes) -> None:
        """Keep it for as long as there is room."""
        ...


class Careful:
    """Asks a second level with a time limit; failures are counted, logged once, and followed by a rest."""

    def __init__(self, level: SecondLevel) -> None:
        self._level = level
        self._resting_until = 0.0  # on the loop's clock
        self._under_way: set[asyncio.Task[Any]] = set()
        self._well = True
        self.failures = 0

    async def get(self, key: bytes) -> bytes | None:
        """What it has; None also where it failed."""
        return None if self._resting() else await self._attempt(self._level.get(key))

    def put(self, key: bytes, value: bytes) -> None:
        """Tell it, and do not wait."""
        if self._resting() or len(self._under_way) >= PENDING:
            return
        task = asyncio.ensure_future(self._attempt(self._level.put(key, value)))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    def failed(self, error: Exception) -> None:
        """It did not do what it should; the first time in a row is logged."""
        self.failures += 1
        self._resting_until = asyncio.get_running_loop().time() + REST
        if self._well:
            _LOG.warning("the second cache fails, notes come from the store: %r", error)
        self._well = False

    async def close(self) -> None:
        """Let what is on its way arrive."""
        await asyncio.gather(*self._under_way)

    async def _attempt(self, asked: Awaitable[Any]) -> Any:
        try:
            async with asyncio.timeout(PATIENCE):
                answer = await asked
        except Exception as error:  # noqa: BLE001 - whatever it is, there is the store
            self.failed(error)
            return None
        self._well = True
        return answer

    def _resting(self) -> bool:
        return asyncio.get_running_loop().time() < self._resting_until
