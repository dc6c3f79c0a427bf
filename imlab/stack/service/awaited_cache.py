"""The second cache on an event loop: one connection that all share, or a new one for each question."""

from __future__ import annotations

from imlab.server.service.lines import Lines
from imlab.store.redis_cache import RedisCache


class AwaitedCache:
    """url: of a Redis. opened: connections so far."""

    def __init__(self, url: str, lines: Lines) -> None:
        self._url = url
        self._shared = RedisCache(url) if lines.most else None
        self._opened = 0

    @property
    def opened(self) -> int:
        """Connections so far."""
        return self._opened + (self._shared.opened if self._shared else 0)

    async def get(self, key: bytes) -> bytes | None:
        """What was put; None: nothing, or no longer."""
        if self._shared:
            return await self._shared.get(key)
        cache = RedisCache(self._url)
        try:
            return await cache.get(key)
        finally:
            await self._over(cache)

    async def put(self, key: bytes, value: bytes) -> None:
        """Keep it for a while, or until Redis needs the room."""
        if self._shared:
            return await self._shared.put(key, value)
        cache = RedisCache(self._url)
        try:
            return await cache.put(key, value)
        finally:
            await self._over(cache)

    async def close(self) -> None:
        """Hang up."""
        if self._shared:
            await self._shared.close()

    async def _over(self, cache: RedisCache) -> None:
        self._opened += cache.opened
        await cache.close()
