"""One origin over HTTP/1.1: requests on pooled connections. The pool decides (client/fetching/pool.py), this dials.

Why not a library: aiohttp takes two to three times the CPU for a request of 20 kB, httpx's pool seventy times when 32
are under way, and neither opens connections in advance or takes up a TLS session on a second one.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from itertools import count
from urllib.parse import urlsplit

from imlab.client.fetching.head import address, request_head
from imlab.client.fetching.pool import Decision, Hang, Lend, Open, Pool, Reuse, Without
from imlab.client.fetching.requests import Answer, Patience, may_repeat
from imlab.errors import DoorError
from imlab.net.fetching.body import Sent, size_of
from imlab.net.fetching.connection import Connection
from imlab.net.fetching.reply import Reply, Severed
from imlab.net.fetching.tls import Resuming, trusting

GOODBYE = 1.0  # seconds; TLS ends with a round trip
MOST = 1 << 20  # bytes of an answer that is taken whole


class Origin:
    """http://HOST:PORT or https://HOST:PORT, inside a running loop; ``close`` it at the end."""

    def __init__(
        self, url: str, reuse: Reuse | None = None, patience: Patience | None = None, tls: Resuming | None = None
    ) -> None:
        self.url = url.rstrip("/")
        self._host, self._port, secure = address(self.url)
        self._tls = (tls or trusting()) if secure else None
        self._named = urlsplit(self.url).netloc
        self._loop = asyncio.get_running_loop()
        self._patience = patience or Patience()
        self._pool = Pool(reuse)
        self._connections: dict[int, Connection] = {}
        self._numbers: dict[Connection, int] = {}
        self._waiting: dict[int, asyncio.Future[Connection]] = {}
        self._tickets = count()
        self._dialling: dict[int, asyncio.Task[None]] = {}
        self._alarm: asyncio.TimerHandle | None = None
        self._alone: asyncio.Future[None] | None = None  # done when the last connection has ended
        self.dialled = 0  # connections so far

    @property
    def connections(self) -> int:
        """That stand."""
        return len(self._connections)

    async def fetch(
        self,
        method: str,
        target: str,
        headers: Iterable[tuple[str, str]] = (),
        body: Sent = b"",
        most: int = MOST,
    ) -> Answer:
        """A request and its whole answer of at most ``most`` bytes. DoorError: the network; PeerError: the server."""
        head = request_head(method, target, self._named, headers, size_of(body))
        connection, reply = await self._exchange(method, head, body)
        try:
            return Answer(reply.status, reply.headers, await reply.read(most))
        finally:
            self._give_back(connection)

    @asynccontextmanager
    async def stream(
        self, method: str, target: str, headers: Iterable[tuple[str, str]] = (), body: Sent = b""
    ) -> AsyncIterator[Reply]:
        """A request and its answer as it comes; leaving before its end closes the connection."""
        head = request_head(method, target, self._named, headers, size_of(body))
        connection, reply = await self._exchange(method, head, body)
        try:
            yield reply
        finally:
            self._give_back(connection)

    async def warm(self, count: int) -> None:
        """Open connections in advance, until so many stand; what cannot be made, requests are told that want it."""
        self._tell(self._pool.warm, count)
        if self._dialling:
            await asyncio.wait(list(self._dialling.values()))

    async def close(self) -> None:
        """Hang up; a server that does not say goodbye is not waited for."""
        self._tell(self._pool.stop)
        for task in list(self._dialling.values()):
            task.cancel()
        if self._dialling:
            await asyncio.wait(list(self._dialling.values()))
        for connection in list(self._connections.values()):
            connection.close()
        self._alone = self._loop.create_future()
        if self._connections:
            await asyncio.wait([self._alone], timeout=GOODBYE)
        for connection in list(self._connections.values()):
            connection.abort("the client is done")
        if self._alarm:
            self._alarm.cancel()

    async def __aenter__(self) -> Origin:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _exchange(self, method: str, head: bytes, body: Sent) -> tuple[Connection, Reply]:
        """On a connection that is free; once more on another one when the first had been closed meanwhile."""
        connection = await self._take()
        kept = connection.kept
        try:
            return connection, await connection.exchange(method, head, body)
        except BaseException as error:
            self._give_back(connection)
            if not isinstance(error, Severed) or not may_repeat(method, kept, error.sent, error.answered):
                raise
            self._tell(self._pool.doubt)
        connection = await self._take()
        try:
            return connection, await connection.exchange(method, head, body)
        except BaseException:
            self._give_back(connection)
            raise

    async def _take(self) -> Connection:
        """A connection that is ours until it is given back."""
        ticket = next(self._tickets)
        lent: asyncio.Future[Connection] = self._loop.create_future()
        self._waiting[ticket] = lent
        self._tell(self._pool.ask, ticket)
        if lent.done():
            return lent.result()
        try:
            return await lent
        except asyncio.CancelledError:
            self._waiting.pop(ticket, None)
            self._tell(self._pool.withdraw, ticket)
            if lent.done() and not lent.cancelled() and not lent.exception():
                self._give_back(lent.result())
            raise

    def _give_back(self, connection: Connection) -> None:
        if self._tls and connection.used == 1:
            self._tls.session = connection.session or self._tls.session
        again = connection.finish()
        if (number := self._numbers.get(connection)) is not None:
            self._tell(self._pool.done, number, again)

    def _tell(self, verb: Callable[..., None], *facts: object) -> None:
        """The pool hears what happened, and what it decides is done."""
        verb(*facts, self._loop.time())
        while decisions := self._pool.outbox():
            for decision in decisions:
                self._do(decision)
        self._plan()

    def _do(self, decision: Decision) -> None:
        match decision:
            case Lend(ticket, number, kept):
                connection = self._connections[number]
                connection.kept = kept
                self._waiting.pop(ticket).set_result(connection)
            case Open(number):
                task = self._loop.create_task(self._dial(number))
                self._dialling[number] = task
            case Hang(number, why):
                connection = self._connections[number]
                if connection.again:
                    connection.close()
                else:  # half an answer may be on its way: nobody waits for it
                    connection.abort(why)
            case Without(ticket, why):
                self._waiting.pop(ticket).set_exception(DoorError(f"cannot reach {self.url}: {why}"))

    async def _dial(self, number: int) -> None:
        try:
            async with asyncio.timeout(self._patience.dial):
                _, connection = await self._loop.create_connection(
                    lambda: Connection(self._patience, self._ended), self._host, self._port, ssl=self._tls
                )
        except (OSError, ssl.SSLError) as error:  # TimeoutError is an OSError
            self._dialling.pop(number, None)
            self._tell(self._pool.failed, number, str(error) or f"no answer within {self._patience.dial:g} s")
            return
        self._dialling.pop(number, None)
        self._connections[number], self._numbers[connection] = connection, number
        self.dialled += 1
        self._tell(self._pool.opened, number)

    def _ended(self, connection: Connection, _: str) -> None:
        """Closed by whomever."""
        if (number := self._numbers.pop(connection, None)) is not None:
            del self._connections[number]
            self._tell(self._pool.closed, number)
        if self._alone and not self._connections and not self._alone.done():
            self._alone.set_result(None)

    def _plan(self) -> None:
        """One alarm for the connection that is idle longest; it is late when that one was used meanwhile."""
        if self._alarm is None and (due := self._pool.wake_at()) is not None:
            self._alarm = self._loop.call_at(due, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        self._tell(self._pool.wake)
