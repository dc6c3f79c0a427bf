"""The service's doors as tests ask them: blocking and awaited, behind one face."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from hashlib import sha256
from typing import Any, Protocol

import uvloop

from imlab.server.service.lines import Lines
from imlab.server.service.wants import Steps, Want
from imlab.stack.service.awaited import AwaitedDoors, run_awaited
from imlab.stack.service.backends import Backends
from imlab.stack.service.blocking import BlockingDoors, run_blocking
from imlab.wire.messages import File, PacketLayout, VoiceMessage
from imlab.wire.recording import Recording

Begun = Callable[[], Steps[Any]]
Doors = Callable[[Backends, Lines], AbstractContextManager["Face"]]


class Face(Protocol):
    """Handlers carried out side by side; an answer is a result or an exception."""

    def all(self, begun: Sequence[Begun]) -> list[Any]:
        """Each one's answer."""
        ...

    def counts(self) -> Mapping[str, int]:
        """Of the doors."""
        ...


class Blocking:
    """A thread for each."""

    def __init__(self, doors: BlockingDoors) -> None:
        self._doors = doors
        self.counts = doors.counts

    def all(self, begun: Sequence[Begun]) -> list[Any]:
        """See Face."""
        with ThreadPoolExecutor(max(1, len(begun))) as threads:
            return list(threads.map(self._one, begun))

    def _one(self, begin: Begun) -> Any:
        try:
            return run_blocking(begin(), self._doors)
        except Exception as error:  # noqa: BLE001 - the test looks at it
            return error


class Awaited:
    """A task for each."""

    def __init__(self, runner: asyncio.Runner, doors: AwaitedDoors) -> None:
        self._runner, self._doors = runner, doors
        self.counts = doors.counts

    def all(self, begun: Sequence[Begun]) -> list[Any]:
        """See Face."""

        async def gathered() -> list[Any]:
            return await asyncio.gather(*(run_awaited(begin(), self._doors) for begin in begun), return_exceptions=True)

        return self._runner.run(gathered())


@contextmanager
def blocking(backends: Backends, lines: Lines) -> Iterator[Face]:
    """Threads."""
    doors = BlockingDoors(backends, lines)
    try:
        yield Blocking(doors)
    finally:
        doors.close()


@contextmanager
def awaited(backends: Backends, lines: Lines) -> Iterator[Face]:
    """An event loop."""

    async def made() -> AwaitedDoors:
        return AwaitedDoors(backends, lines)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        doors = runner.run(made())
        try:
            yield Awaited(runner, doors)
        finally:
            runner.run(doors.aclose())


FACES: dict[str, Doors] = {"blocking": blocking, "awaited": awaited}


def wanting(want: Want) -> Begun:
    """A handler that wants one thing and returns its answer."""

    def steps() -> Steps[Any]:
        return (yield want)

    return steps


def ask(face: Face, want: Want) -> Any:
    """One want's answer; an exception is raised."""
    (answer,) = face.all([wanting(want)])
    if isinstance(answer, Exception):
        raise answer
    return answer


def recording(number: int, room: str = "kitchen", size: int = 2_000) -> Recording:
    """One of its own for each number and room."""
    name = f"{room} {number}".encode()
    body = (sha256(name).digest() * (size // 32 + 1))[:size]
    note = VoiceMessage(
        id=sha256(name).hexdigest()[:32],
        sender="ann",
        room=room,
        timestamp_ms=1_700_000_000_000 + number,
        duration_ms=2_500,
        codec="opus",
        layout=PacketLayout(),
        size=0,
        audio=b"",
        waveform=bytes(range(64)),
        file=File(sha256(body).hexdigest(), size, "audio/ogg"),
    )
    return Recording(note, body)
