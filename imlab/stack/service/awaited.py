"""The service's wants, carried out on an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, TypeVar

from imlab.errors import DoorError
from imlab.net.objects.awaited import AwaitedObjects
from imlab.server.service.lines import Lines
from imlab.server.service.wants import Add, Find, Get, Keep, Look, Newest, Put, Share, Steps, Want
from imlab.stack.service.backends import Backends
from imlab.stack.service.databases import awaited
from imlab.stack.service.frail import PATIENCE_S, Frail
from imlab.stack.service.tally import Tally
from imlab.store.redis_cache import RedisCache

Result = TypeVar("Result")


class AwaitedDoors:
    """For one event loop, inside which they are made."""

    def __init__(self, backends: Backends, lines: Lines) -> None:
        self._loop = asyncio.get_running_loop()
        self._objects = AwaitedObjects(backends.objects, lines)
        self._cache = RedisCache(backends.cache, lines=lines) if backends.cache else None
        self._database = awaited(backends, lines)
        self._frail, self._tally = Frail(), Tally()
        self._flights: dict[str, asyncio.Task[Any]] = {}

    async def do(self, want: Want) -> Any:
        """Its answer; DoorError."""
        if isinstance(want, Share):
            return await self._shared(want)
        if isinstance(want, Look | Keep):
            return await self._cached(want)
        with self._tally.asking("objects" if isinstance(want, Get | Put) else "database"):
            return await self._asked(want)

    def counts(self) -> Mapping[str, int]:
        """Questions and connections so far, by name (see Tally)."""
        opened = {"database": self._database.opened, "objects": self._objects.opened}
        opened["cache"] = self._cache.opened if self._cache else 0
        return self._tally.told(opened, self._frail.failures)

    async def aclose(self) -> None:
        """When nobody asks any more; flights that nobody waits for are stopped."""
        flights = list(self._flights.values())
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)
        for door in (self._database, self._objects, self._cache):
            if door:
                await door.close()

    async def _asked(self, want: Want) -> Any:
        match want:
            case Find():
                return await self._database.find(want.id)
            case Newest():
                return await self._database.newest(want.room, want.count)
            case Add():
                return await self._database.add(want.note)
            case Get():
                return await self._objects.get(want.sha256)
            case Put():
                return await self._objects.put(want.sha256, want.body)
            case Look() if self._cache:
                return await self._cache.get(want.key)
            case Keep() if self._cache:
                return await self._cache.put(want.key, want.value)
        return None

    async def _cached(self, want: Look | Keep) -> Any:
        """None also where there is no cache, or one that fails."""
        if self._cache is None or self._frail.resting(self._loop.time()):
            return None
        try:
            with self._tally.asking("cache"):
                async with asyncio.timeout(PATIENCE_S):
                    answer = await self._asked(want)
        except (DoorError, TimeoutError) as error:
            self._frail.failed(error, self._loop.time())
            return None
        self._frail.answered()
        return answer

    async def _shared(self, want: Share) -> Any:
        """A flight is a task of its own: it goes on when those who wait for it stop."""
        flight = self._flights.get(want.key)
        if flight is None:
            flight = self._flights[want.key] = self._loop.create_task(run_awaited(want.steps(), self))
            flight.add_done_callback(lambda ended: self._landed(want.key, ended))
        return await asyncio.shield(flight)

    def _landed(self, key: str, flight: asyncio.Task[Any]) -> None:
        del self._flights[key]
        if not flight.cancelled():
            flight.exception()  # whoever waited has it; if nobody does any more, nobody need hear of it


async def run_awaited(steps: Steps[Result], doors: AwaitedDoors) -> Result:
    """A handler from its beginning to its result: others go on while it waits for a want."""
    try:
        want = next(steps)
        while True:
            try:
                answer = await doors.do(want)
            except Exception as error:  # noqa: BLE001 - it is the handler's to judge
                want = steps.throw(error)
            else:
                want = steps.send(answer)
    except StopIteration as end:
        result: Result = end.value
        return result
