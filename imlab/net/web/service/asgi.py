"""An asynchronous server: a bare ASGI application on uvicorn, with httptools, as any such application runs there.

Of our own additions to uvicorn (net/web/serving) it has the end of slow heads and nothing that answers sooner: no
answers at once, no bodies collected by the connection. It decides nothing.
"""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from imlab.net.web.service.traffic import Traffic
from imlab.net.web.serving.http import HttpServer
from imlab.server.service.surface import LARGEST, Answer, Asked

CAME, FRESH = "imlab.came", "imlab.fresh"  # in the scope: when the request came; is it the connection's first?
CLOSE = (b"connection", b"close")

Answering = Callable[[Asked], Awaitable[Answer]]


class AsgiServer:
    """answering: awaited in a task for each request. keeping: are connections kept? first: awaited on each, once."""

    def __init__(
        self,
        answering: Answering,
        traffic: Traffic,
        keeping: bool = True,
        first: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._answering, self._traffic, self._first = answering, traffic, first
        self._last = [] if keeping else [CLOSE]
        self._server = HttpServer(self, protocol=partial(_Connection, traffic=traffic))

    async def run(self, listening: socket.socket, stop: Awaitable[object]) -> None:
        """Serve until ``stop`` is done; requests under way get 2 s."""
        self._server.start(listening)
        try:
            await stop
        finally:
            await self._server.stop()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        self._traffic.began(scope[CAME])
        try:
            if self._first and scope[FRESH]:
                await self._first()
            body = await _body(receive)
            if body is None:
                return
            query = scope["query_string"].decode("latin-1")
            answer = await self._answering(Asked(scope["method"], scope["path"], query, body))
            self._traffic.moved(len(body), len(answer.body))
            headers = [(name.encode(), value.encode()) for name, value in answer.headers] + self._last
            await send({"type": "http.response.start", "status": answer.status, "headers": headers})
            await send({"type": "http.response.body", "body": answer.body})
        finally:
            self._traffic.ended()


class _Connection(HttpToolsProtocol):
    """Knows when requests come."""

    def __init__(self, *args: Any, traffic: Traffic, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._traffic = traffic
        self._fresh = True

    def connection_made(self, transport: Any) -> None:
        """See asyncio.Protocol."""
        self._traffic.connected()
        super().connection_made(transport)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        scope: Any = cycle.scope
        scope[CAME], scope[FRESH] = self._traffic.came(), self._fresh
        self._fresh = False
        super()._start_asgi_task(cycle, app)


async def _body(receive: Receive) -> bytes | None:
    """All of it, or the beginning of one that is too large; None: the client has gone."""
    parts, size, more = [], 0, True
    while more and size <= LARGEST:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        more = message.get("more_body", False)
    return parts[0] if len(parts) == 1 else b"".join(parts)
