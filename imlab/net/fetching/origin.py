"""One origin over HTTP/1.1: requests on pooled connections. The pool decides (client/fetching/pool.py), this dials."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from itertools import count
from urllib.parse import urlsplit

from imlab.client.fetching.pool import Decision, Hang, Lend, Open, Pool, Reuse, Without
from imlab.client.fetching.requests import Answer, Patience, may_repeat
from imlab.errors import DoorError, UsageError
from imlab.net.fetching.body import Sent, Streamed
from imlab.net.fetching.connection import Connection
from imlab.net.fetching.reply import Reply, Severed
from imlab.net.fetching.tls import Resuming, trusting

MOST = 1 << 20  # bytes of an answer that is taken whole


class Origin:
    """http://HOST:PORT or https://HOST:PORT, inside a running loop; ``close`` it at the end."""

    def __init__(
        self, url: str, reuse: Reuse | None = None, patience: Patience | None = None, tls: Resuming | None = None
    ) -> None:
        self.url = url.rstrip("/")
        self._host, self._port, secure = _address(self.url)
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
        head = _head(method, target, self._named, headers, body)
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
        head = _head(method, target, self._named, headers, body)
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
        """Hang up."""
        self._tell(self._pool.stop)
        for connection in list(self._connections.values()):
            connection.close()
        for task in list(self._dialling.values()):
            task.cancel()
        if self._dialling:
            await asyncio.wait(list(self._dialling.values()))
        if self._alarm:
            self._alarm.cancel()

    async def __aenter__(self) -> Origin:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _exchange(self, method: str, head: bytes, body: Sent) -> tuple[Connection, Reply]:
        """On a connection that is free; once more on another one when the first had been closed meanwhile."""
        connection = await self._take()
        kept = connection.used > 0
        try:
            return connection, await connection.exchange(method, head, body)
        except BaseException as error:
            self._give_back(connection)
            if not isinstance(error, Severed) or not may_repeat(method, kept, error.sent, error.answered):
                raise
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
            case Lend(ticket, number):
                self._waiting.pop(ticket).set_result(self._connections[number])
            case Open(number):
                task = self._loop.create_task(self._dial(number))
                self._dialling[number] = task
            case Hang(number, _):
                self._connections[number].close()
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

    def _plan(self) -> None:
        """One alarm for the connection that is idle longest; it is late when that one was used meanwhile."""
        if self._alarm is None and (due := self._pool.wake_at()) is not None:
            self._alarm = self._loop.call_at(due, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        self._tell(self._pool.wake)


def _address(url: str) -> tuple[str, int, bool]:
    """Host, port, and whether TLS is spoken."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise UsageError(f"an origin is http://HOST:PORT, not {url!r}: {error}") from error
    if parts.scheme not in ("http", "https") or not host or parts.path or parts.query or parts.username is not None:
        raise UsageError(f"an origin is http://HOST:PORT, not {url!r}")
    secure = parts.scheme == "https"
    return host, port or (443 if secure else 80), secure


def _head(method: str, target: str, host: str, headers: Iterable[tuple[str, str]], body: Sent) -> bytes:
    """The request's first lines; UsageError where a value would make a line of its own."""
    lines = [f"{method} {target} HTTP/1.1", f"host: {host}", *(f"{name}: {value}" for name, value in headers)]
    size = body.size if isinstance(body, Streamed) else len(body)
    if size is None:
        lines.append("transfer-encoding: chunked")
    elif size or method not in ("GET", "HEAD", "OPTIONS", "DELETE"):
        lines.append(f"content-length: {size}")
    text = "\r\n".join(lines)
    if text.count("\n") != len(lines) - 1 or text.count("\r") != len(lines) - 1 or target.count(" "):
        raise UsageError(f"a request cannot be made of {target!r} and {list(headers)!r:.200}")
    try:
        return f"{text}\r\n\r\n".encode("latin-1")
    except UnicodeEncodeError as error:
        raise UsageError(f"headers are Latin-1, not {text[error.start : error.end]!r}") from error
