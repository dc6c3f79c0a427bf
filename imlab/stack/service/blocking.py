"""The service's wants, carried out by threads that block."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import Future
from threading import Lock
from typing import Any, TypeVar

from imlab.errors import DoorError
from imlab.net.objects.blocking import BlockingObjects
from imlab.server.service.lines import Lines
from imlab.server.service.wants import Add, Find, Get, Keep, Look, Newest, Put, Share, Steps, Want
from imlab.stack.service.backends import Backends
from imlab.stack.service.databases import blocking
from imlab.stack.service.frail import Frail
from imlab.stack.service.tally import Tally
from imlab.store.redis_blocking import BlockingRedis

Result = TypeVar("Result")


class BlockingDoors:
    """For any number of threads."""

    def __init__(self, backends: Backends, lines: Lines) -> None:
        self._objects = BlockingObjects(backends.objects, lines)
        self._cache = BlockingRedis(backends.cache, lines) if backends.cache else None
        self._database = blocking(backends, lines)
        self._frail, self._tally = Frail(), Tally()
        self._flights: dict[str, Future[Any]] = {}
        self._lock = Lock()  # of the flights

    def do(self, want: Want) -> Any:
        """Its answer; DoorError."""
        if isinstance(want, Share):
            return self._shared(want)
        if isinstance(want, Look | Keep):
            return self._cached(want)
        with self._tally.asking("objects" if isinstance(want, Get | Put) else "database"):
            return self._asked(want)

    def counts(self) -> Mapping[str, int]:
        """Questions and connections so far, by name (see Tally)."""
        opened = {"database": self._database.opened, "objects": self._objects.opened}
        opened["cache"] = self._cache.opened if self._cache else 0
        return self._tally.told(opened, self._frail.failures)

    def close(self) -> None:
        """When nobody asks any more."""
        for door in (self._database, self._objects, self._cache):
            if door:
                door.close()

    def _asked(self, want: Want) -> Any:
        match want:
            case Find():
                return self._database.find(want.id)
            case Newest():
                return self._database.newest(want.room, want.count)
            case Add():
                return self._database.add(want.note)
            case Get():
                return self._objects.get(want.sha256)
            case Put():
                return self._objects.put(want.sha256, want.body)
            case Look() if self._cache:
                return self._cache.get(want.key)
            case Keep() if self._cache:
                return self._cache.put(want.key, want.value)
        return None

    def _cached(self, want: Look | Keep) -> Any:
        """None also where there is no cache, or one that fails."""
        if self._cache is None or self._frail.resting(time.monotonic()):
            return None
        try:
            with self._tally.asking("cache"):
                answer = self._asked(want)
        except DoorError as error:
            self._frail.failed(error, time.monotonic())
            return None
        self._frail.answered()
        return answer

    def _shared(self, want: Share) -> Any:
        """The first flies, in its own thread; the others wait for it."""
        mine: Future[Any] = Future()
        with self._lock:
            flight = self._flights.setdefault(want.key, mine)
        if flight is not mine:
            return flight.result()
        try:
            result = run_blocking(want.steps(), self)
        except BaseException as error:
            self._landed(want.key).set_exception(error)  # whatever ended it, nobody waits for ever
            raise
        self._landed(want.key).set_result(result)
        return result

    def _landed(self, key: str) -> Future[Any]:
        """Who comes from now on flies again."""
        with self._lock:
            return self._flights.pop(key)


def run_blocking(steps: Steps[Result], doors: BlockingDoors) -> Result:
    """A handler from its beginning to its result: in this thread, one want after the other."""
    try:
        want = next(steps)
        while True:
            try:
                answer = doors.do(want)
            except Exception as error:  # noqa: BLE001 - it is the handler's to judge
                want = steps.throw(error)
            else:
                want = steps.send(answer)
    except StopIteration as end:
        result: Result = end.value
        return result
