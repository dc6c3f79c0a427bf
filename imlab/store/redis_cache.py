"""Bytes by key in a Redis or Valkey, over one connection that all who ask share, or a new one for each question.

Redis answers in the order in which it was asked, so nobody waits for anybody's answer before asking: what is asked
in one turn of the event loop leaves in one write (pipelining). 20 kB cost 14-18 us of CPU so, and 58-73 us by
redis.asyncio, whose connections carry one question at a time (docs/services.md).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

import hiredis

from imlab.errors import DoorError
from imlab.server.service.lines import Lines
from imlab.store.redis_address import RedisAddress

CONNECTING_S = 1.0  # then whoever asks next begins anew
STALE_S = 1.0  # the connection of an answer that is this late is given up
MOST_WAITING = 1024  # questions without an answer
MOST_UNSENT = 8 << 20  # bytes that Redis has not taken yet


@dataclass(frozen=True, slots=True)
class Keeping:
    """How values are put. seconds: after which they go, asked for or not; prefix: of every key."""

    seconds: int = 24 * 3600
    prefix: bytes = b"imlab/"


class RedisCache:
    """For one event loop. Whatever Redis fails to do is a DoorError, and the next to ask tries again.

    lines: that keep none make each question bring its own connection. opened: connections so far.
    """

    def __init__(self, url: str, keeping: Keeping | None = None, lines: Lines | None = None) -> None:
        self._address = RedisAddress.parse(url)
        self._keeping = keeping or Keeping()
        self._ask = self._ask_the_shared if lines is None or lines.most else self._ask_a_new_one
        self._line: _Line | None = None
        self._connecting: asyncio.Task[_Line] | None = None
        self._closed = False
        self.opened = 0

    async def get(self, key: bytes) -> bytes | None:
        """What was put; None: nothing, or no longer."""
        found = await self._ask(b"GET", self._keeping.prefix + key)
        if found is None or isinstance(found, bytes):
            return found
        raise DoorError(f"Redis answers GET by {found!r:.60}")

    async def put(self, key: bytes, value: bytes) -> None:
        """Keep it for a while, or until Redis needs the room."""
        said = await self._ask(b"SET", self._keeping.prefix + key, value, b"EX", self._keeping.seconds)
        if said != b"OK":
            raise DoorError(f"Redis answers SET by {said!r:.60}")

    async def close(self) -> None:
        """Let go; who still waits, or asks later, gets a DoorError."""
        self._closed = True
        if self._connecting:
            self._connecting.cancel()
        if self._line:
            self._line.give_up("closed by us")

    async def _ask_the_shared(self, *words: bytes | int) -> Any:
        self._check()
        line = self._line
        if line is None or not line.good():
            line = await self._connected()
        return await line.ask(*words)

    async def _ask_a_new_one(self, *words: bytes | int) -> Any:
        self._check()
        line = await self._connect()
        try:
            return await line.ask(*words)
        finally:
            line.give_up("it was for one question")

    def _check(self) -> None:
        if self._closed:
            raise DoorError("the cache is closed")

    async def _connected(self) -> _Line:
        """All who come meanwhile share one attempt, which goes on if some of them stop waiting."""
        if self._connecting is None:
            self._connecting = asyncio.create_task(self._connect())
            self._connecting.add_done_callback(self._arrived)
        attempt = self._connecting
        try:
            return await asyncio.shield(attempt)
        except asyncio.CancelledError:
            if self._closed and attempt.cancelled():  # not we who wait were told to stop
                raise DoorError("the cache is closed") from None
            raise

    def _arrived(self, attempt: asyncio.Task[_Line]) -> None:
        self._connecting = None
        if not attempt.cancelled() and attempt.exception() is None:
            self._line = attempt.result()

    async def _connect(self) -> _Line:
        loop = asyncio.get_running_loop()
        connect = loop.create_unix_connection if self._address.path else loop.create_connection
        try:
            async with asyncio.timeout(CONNECTING_S):
                _, line = await connect(_Line, **self._address.for_asyncio())
                await line.greet(self._address.greeting())
        except OSError as error:
            raise DoorError(f"no Redis at {self._address}: {error}") from error
        self.opened += 1
        return line


class _Line(asyncio.Protocol):
    """One connection: questions out, answers in, in the same order."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader()
        self._waiting: deque[tuple[float, asyncio.Future[Any]]] = deque()  # since when, on the loop's clock
        self._unsent: list[bytes] = []
        self._unsent_bytes = 0
        self._transport: asyncio.Transport | None = None
        self.broken = False

    def good(self) -> bool:
        """Whether it can be asked; one that leaves somebody without an answer for long is given up."""
        if self._waiting and self._loop.time() - self._waiting[0][0] > STALE_S:
            self.give_up(f"not within {STALE_S:g} s")
        return not self.broken

    def ask(self, *words: bytes | str | int) -> asyncio.Future[Any]:
        """The answer to come. It may be given up at any time: the others' answers do not change places."""
        self._check()
        answer: asyncio.Future[Any] = self._loop.create_future()
        self._waiting.append((self._loop.time(), answer))
        if not self._unsent:
            self._loop.call_soon(self._flush)
        packed = hiredis.pack_command(words)  # type: ignore[arg-type]  # it says a tuple of one
        self._unsent.append(packed)
        self._unsent_bytes += len(packed)
        return answer

    async def greet(self, greeting: Iterable[tuple[str, ...]]) -> None:
        """Ask one after the other; where one is refused, or nobody waits any more, there is no line."""
        try:
            for words in greeting:
                await self.ask(*words)
        except BaseException:
            self.give_up("not let in")
            raise

    def give_up(self, why: str) -> None:
        """No more answers."""
        if not self.broken:
            self.broken = True
            if self._transport:
                self._transport.abort()
            for _, answer in self._waiting:
                if not answer.done():
                    answer.set_exception(DoorError(f"Redis does not answer: {why}"))
            self._waiting.clear()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are of another class

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        self._reader.feed(data)
        try:
            while (said := self._reader.gets()) is not False:
                self._tell(said)
        except (hiredis.ProtocolError, IndexError) as error:
            self.give_up(f"it speaks otherwise: {error}")

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self.give_up(str(exc or "it closed the connection"))

    def _tell(self, said: Any) -> None:
        """Whoever waits longest."""
        _, answer = self._waiting.popleft()
        if answer.done():
            return  # nobody waits any more
        if isinstance(said, hiredis.ReplyError):
            answer.set_exception(DoorError(f"Redis refuses: {said}"))
        else:
            answer.set_result(said)

    def _flush(self) -> None:
        """All that was asked in this turn, in one write."""
        if self._transport and not self.broken:
            self._transport.write(b"".join(self._unsent))
        self._unsent.clear()
        self._unsent_bytes = 0

    def _check(self) -> None:
        """What is not answered stays bounded, in number and in bytes."""
        if self.broken or not self._transport:
            raise DoorError("the connection to Redis is broken")
        unsent = self._transport.get_write_buffer_size() + self._unsent_bytes
        if len(self._waiting) >= MOST_WAITING or unsent > MOST_UNSENT:
            raise DoorError(f"Redis is slow: {len(self._waiting)} questions and {unsent} bytes wait for it")
