"""What asks a known server, as cheaply as asyncio can: a load generator's core must carry thousands a second.

    async with connect(port) as ask:
        load = await offer(schedule.draw(rng), ask)

No coroutine per request: ``ask`` writes the bytes and returns the future that its answer will fill.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from imlab.errors import DoorError, PeerError, UsageError
from imlab.lab.known.wire import ANSWER, SIZE, request

Stamps = dict[str, float]
Ask = Callable[[int], asyncio.Future[Stamps]]


@asynccontextmanager
async def connect(port: int, connections: int = 1, size: int = SIZE) -> AsyncIterator[Ask]:
    """Connections to a known server on loopback; yields ``ask(number)``, whose requests take turns on them.

    An answer tells ``acked``, when we read it, and the server's ``arrived`` and ``answered``, all on time.monotonic:
    ``answered - truth(system, arrived, seed)`` is the server's own lateness, never the generator's.
    """
    if connections < 1:
        raise UsageError(f"at least one connection, not {connections}")
    lines: list[_Line] = []
    try:
        for _ in range(connections):
            lines.append(await _reach(port, size))
        yield lines[0].ask if connections == 1 else lambda number: lines[number % connections].ask(number)
    finally:
        for line in lines:
            line.close()


async def _reach(port: int, size: int) -> _Line:
    try:
        return (await asyncio.get_running_loop().create_connection(lambda: _Line(size), "127.0.0.1", port))[1]
    except OSError as error:
        raise DoorError(f"no known server at port {port}: {error}") from error


class _Line(asyncio.Protocol):
    """One connection, and who waits on it for which number."""

    def __init__(self, size: int) -> None:
        self._size, self._request = size, request(size)
        self._new = asyncio.get_running_loop().create_future
        self._waiting: dict[int, asyncio.Future[Stamps]] = {}
        self._part = b""
        self._lost: Exception | None = None
        self._transport: asyncio.Transport | None = None

    def ask(self, number: int) -> asyncio.Future[Stamps]:
        """Send request ``number``; one that is under way already is not sent twice."""
        if self._lost or self._transport is None:
            raise self._lost or DoorError("not connected yet")
        if number in self._waiting:
            raise UsageError(f"request {number} is still under way")
        self._transport.write(self._request.pack(self._size, number))
        answer = self._waiting[number] = self._new()
        return answer

    def close(self) -> None:
        """Done asking."""
        if self._transport:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio sets TCP_NODELAY itself."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Give each answer to who waits for it."""
        acked = time.monotonic()
        data = self._part + data if self._part else data
        whole = len(data) - len(data) % ANSWER.size
        self._part = data[whole:]
        for number, arrived, answered in ANSWER.iter_unpack(data[:whole]):
            answer = self._waiting.pop(number, None)
            if answer is None:
                return self._lose(PeerError(f"an answer to {number}, which nobody asked"))
            if not answer.done():  # cancelled: given up by who asked
                answer.set_result({"acked": acked, "arrived": arrived, "answered": answered})
        return None

    def connection_lost(self, error: Exception | None) -> None:
        """Whoever still waits learns why."""
        self._lose(DoorError(f"the known server closed the connection{f': {error}' if error else ''}"))

    def _lose(self, why: Exception) -> None:
        """No more answers; the first reason stands."""
        self._lost = self._lost or why
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(self._lost)
        self._waiting.clear()
        self.close()
