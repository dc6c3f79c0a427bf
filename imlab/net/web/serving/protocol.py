"""HTTP/1.1 by uvicorn, and two things more: answers that are ready go out at once, files go out by sendfile.

Ready answers (ready.py) need no task, no scope and one write: 9 us for 20 kB on uvloop, where a bare ASGI application
takes 25. They are asked for only while nothing else is under way on the connection and its client keeps up, so order
and flow control stay as they are; all that is unusual (HTTP/1.0, Expect, Upgrade, a connection's last request) goes the
usual way. Files: see zerocopy.py.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from imlab.net.web.serving.ready import AtOnce, Ready, lines
from imlab.net.web.serving.zerocopy import HERE, UNSENT, ZeroCopy


class WebProtocol(HttpToolsProtocol):
    """One connection. at_once: who may have an answer ready."""

    def __init__(self, *args: Any, at_once: AtOnce | None = None, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._at_once = at_once
        self._answered = False  # the request that is coming in, at once
        self._running: RequestResponseCycle | None = None  # while self.cycle may be one that waits its turn
        self._dated: list[tuple[bytes, bytes]] | None = None  # uvicorn's own headers, remade every second,
        self._date = b""  # and as they travel

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """See asyncio.Protocol."""
        super().connection_made(transport)
        self._zero_copy = HERE and self.scheme == "http"
        transport.set_write_buffer_limits(UNSENT)

    def connection_lost(self, exc: Exception | None) -> None:
        """uvicorn tells the request that came last; the one that is being answered has to know."""
        if self._running is not None:
            self._running.disconnected = True
            self._running.message_event.set()
        super().connection_lost(exc)

    def on_headers_complete(self) -> None:
        """All is known of a request but its body."""
        ready = self._ready()
        self._answered = ready is not None
        if ready is None:
            super().on_headers_complete()
            return
        self.transport.writelines((STATUS_LINE[ready.status], self._usual(), ready.lines, b"\r\n", ready.body))
        self.on_response_complete()

    def on_body(self, body: bytes) -> None:
        """A request that was answered at once has no use for its body."""
        if not self._answered:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        if not self._answered:
            super().on_message_complete()

    def _ready(self) -> Ready | None:
        if self._at_once is None or not self._is_plain():
            return None
        return self._at_once(self.parser.get_method(), self.url, self.headers)

    def _is_plain(self) -> bool:
        """Is nothing else under way on the connection, and nothing unusual about the request?"""
        idle = self.cycle is None or self.cycle.response_complete
        if not idle or self.flow.write_paused or self.transport.is_closing():
            return False
        parser = self.parser
        if self.expect_100_continue or parser.should_upgrade() or not parser.should_keep_alive():
            return False
        return parser.get_http_version() == "1.1"

    def _usual(self) -> bytes:
        if self._dated is not self.server_state.default_headers:
            self._dated = self.server_state.default_headers
            self._date = lines(self._dated)
        return self._date

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        application: Any = ZeroCopy(cycle, app) if self._zero_copy else app
        super()._start_asgi_task(cycle, application)
