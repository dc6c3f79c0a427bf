"""Single flight: who wants the same at the same time shares one read, its result, its error; who leaves ends none."""

from __future__ import annotations

import asyncio
import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import uvloop

from imlab.errors import DoorError
from imlab.server.service.caching import Caching
from imlab.server.service.handlers import Service
from imlab.server.service.lines import Lines
from imlab.server.service.wants import Find, Get, Share, Steps
from imlab.stack.service.awaited import AwaitedDoors
from imlab.stack.service.backends import Backends
from imlab.stack.service.first_byte import FirstByte
from imlab.stack.service.object_process import object_store
from tests.doors import FACES, Doors, ask, recording, wanting

NOWHERE = "http://127.0.0.1:1"
READERS = 8


@pytest.fixture(params=FACES.values(), ids=list(FACES))
def face(request: pytest.FixtureRequest) -> Doors:
    """Blocking and awaited."""
    made: Doors = request.param
    return made


@pytest.fixture
def backends(tmp_path: Path) -> Backends:
    """A database, and no object store."""
    return Backends(f"sqlite:{tmp_path / 'x'}", NOWHERE, far_s=0.0)


@pytest.mark.process
def test_who_misses_at_the_same_time_shares_one_read(face: Doors, tmp_path: Path) -> None:
    """All are there long before the object store has its first byte."""
    each = recording(1)
    store = object_store(tmp_path, FirstByte(0.3, 0.3))
    with store as process, face(Backends(f"sqlite:{tmp_path / 'x'}", process.url), Lines()) as doors:
        doors.all([partial(Service(Caching()).send, each)])
        for flights, reads in ((True, 1), (False, READERS)):
            service, before = Service(Caching(single_flight=flights)), doors.counts()["objects_questions"]
            fetched = doors.all([partial(service.fetch, each.note.id)] * READERS)
            assert [got.body for got in fetched] == [each.body] * READERS
            assert doors.counts()["objects_questions"] - before == reads
            told = service.counts.told()
            assert (told["fetches"], told["misses"], told["shared"]) == (READERS, reads, READERS - reads)


def test_flights_of_one_key_never_overlap_and_those_of_others_do(face: Doors, backends: Backends) -> None:
    lock, aloft, most = threading.Lock(), {"a": 0, "b": 0}, {"a": 0, "b": 0}

    def flight(key: str) -> Steps[str]:
        with lock:
            aloft[key] += 1
            most[key] = max(most[key], aloft[key])
        assert (yield Find("0" * 32)) is None
        with lock:
            aloft[key] -= 1
        return key

    with face(backends, Lines()) as doors:
        for _ in range(20):
            keys = ["a", "b"] * 6
            assert doors.all([wanting(Share(key, partial(flight, key))) for key in keys]) == keys
    assert most == {"a": 1, "b": 1}


def test_an_error_is_everybodys_and_the_next_flies_again(face: Doors, backends: Backends) -> None:
    begun = []

    def flight() -> Steps[Any]:
        begun.append(1)
        return (yield Get("0" * 64))

    with face(backends, Lines()) as doors:
        assert {type(answer) for answer in doors.all([wanting(Share("key", flight))] * READERS)} == {DoorError}
        before = len(begun)
        with pytest.raises(DoorError, match="cannot reach"):
            ask(doors, Share("key", flight))
        assert len(begun) == before + 1


def test_a_handler_may_repair_what_a_door_could_not(face: Doors, backends: Backends) -> None:
    def steps() -> Steps[str]:
        try:
            yield Get("0" * 64)
        except DoorError:
            return f"there are {(yield Find('0' * 32))}"
        return "found"

    with face(backends, Lines()) as doors:
        assert doors.all([steps]) == ["there are None"]


def test_a_flight_goes_on_when_those_who_wait_for_it_leave(backends: Backends) -> None:
    begun: list[int] = []

    def flight() -> Steps[str]:
        begun.append(1)
        yield Find("0" * 32)
        yield Find("1" * 32)
        return "landed"

    async def run() -> None:
        doors = AwaitedDoors(backends, Lines())
        share = Share("key", flight)
        first, second = (asyncio.create_task(doors.do(share)) for _ in range(2))
        while not begun:
            await asyncio.sleep(0)
        first.cancel()
        assert await second == "landed" and begun == [1]
        with pytest.raises(asyncio.CancelledError):
            await first
        last = asyncio.create_task(doors.do(share))
        while len(begun) < 2:
            await asyncio.sleep(0)
        last.cancel()
        await doors.aclose()

    uvloop.run(run())
