"""A blocking server: waitress, one loop that reads requests and threads that answer them. It decides nothing.

What is not waitress' own choice (3.0), with the reason:
connection_limit 1000 (100): 400 clients come at once; fewer than the 1,024 files that Linux lets a process open;
asyncore_use_poll (select): select() cannot see files above 1,023;
channel_timeout 75 s (120): as uvicorn has it here and nginx everywhere; clients let go after 60 s, so they do first;
cleanup_interval 10 s (30): how often that is looked at;
max_request_body_size 2 x LARGEST (1 GB): what is a little too large is refused in our words, the rest in waitress';
ident none ("waitress"): uvicorn does not tell who it is either;
its logger of the queue's depth is silent: the depth is counted here, and a line for each request would be work.
As they are: backlog 1024, bodies over 512 kB in a file, 8 kB a read, answers written by the thread that made them.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any

from waitress.adjustments import Adjustments  # type: ignore[import-untyped]
from waitress.channel import HTTPChannel  # type: ignore[import-untyped]
from waitress.server import TcpWSGIServer  # type: ignore[import-untyped]
from waitress.task import WSGITask  # type: ignore[import-untyped]

from imlab.net.web.service.traffic import Traffic
from imlab.server.service.surface import LARGEST, Answer, Asked

_STATUS = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}
SETTINGS: Mapping[str, Any] = {
    "connection_limit": 1000,
    "asyncore_use_poll": True,
    "channel_timeout": 75,
    "cleanup_interval": 10,
    "max_request_body_size": 2 * LARGEST,
    "ident": None,
}

Answering = Callable[[Asked], Answer]


class WsgiServer:
    """answering: called in one of so many threads. keeping: are connections kept? first: called there on each, once."""

    def __init__(
        self,
        answering: Answering,
        traffic: Traffic,
        threads: int,
        keeping: bool = True,
        first: Callable[[], None] | None = None,
    ) -> None:
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)
        self._answering, self._traffic, self._threads = answering, traffic, threads
        self._channel = _Kept if keeping else _Closed
        self._first = first

    def run(self, listening: socket.socket) -> None:
        """Serve until SystemExit or KeyboardInterrupt comes to this thread; requests under way get 5 s."""
        settings = Adjustments(sockets=[listening], threads=self._threads, **SETTINGS)
        where = (listening.family, listening.type, listening.proto, listening.getsockname())
        server = _Server(self, {}, True, listening, adj=settings, sockinfo=where, bind_socket=False)
        server.channel_class, server.traffic, server.first = self._channel, self._traffic, self._first
        try:
            server.run()
        finally:
            server.close()

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        """As WSGI has it (PEP 3333): paths are bytes in the shape of Latin-1."""
        path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
        body = environ["wsgi.input"].read()
        answer = self._answering(Asked(environ["REQUEST_METHOD"], path, environ["QUERY_STRING"], body))
        self._traffic.moved(len(body), len(answer.body))
        start(_STATUS[answer.status], list(answer.headers))
        return [answer.body]


class _Server(TcpWSGIServer):  # type: ignore[misc]
    """Knows when requests come."""

    traffic: Traffic
    first: Callable[[], None] | None

    def add_task(self, task: _Kept) -> None:
        """A channel has a request: it waits for a thread from now on."""
        task.came = self.traffic.came()
        super().add_task(task)


class _Kept(HTTPChannel):  # type: ignore[misc]
    """A connection, which waitress calls a channel; it has at most one request in the queue."""

    server: _Server
    came = 0.0

    def __init__(self, server: _Server, *rest: Any, **more: Any) -> None:
        server.traffic.connected()
        self._fresh = server.first is not None
        super().__init__(server, *rest, **more)

    def service(self) -> None:
        """Answer one request, in a thread."""
        self.server.traffic.began(self.came)
        try:
            if self._fresh and self.server.first:
                self._fresh = False
                self.server.first()
            super().service()
        finally:
            self.server.traffic.ended()


class _LastTask(WSGITask):  # type: ignore[misc]
    """An answer after which the connection is closed, and which says so: an application may not (PEP 3333)."""

    def start(self) -> None:
        """See Task."""
        super().start()
        self.set_close_on_finish()


class _Closed(_Kept):
    """A connection for one request."""

    task_class = _LastTask
