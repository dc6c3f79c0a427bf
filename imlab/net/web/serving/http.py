"""An ASGI application on a bound socket, by uvicorn, in the loop that is running."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Collection, Iterator
from functools import partial
from pathlib import Path
from typing import cast

import uvicorn
from starlette.types import ASGIApp

from imlab.net.web.serving.buffered import Buffered
from imlab.net.web.serving.collecting import CollectingProtocol
from imlab.net.web.serving.ready import AtOnce
from imlab.net.web.serving.slow_heads import Connection, SlowHeads
from imlab.net.web.serving.whole import Orders

LOOK = 10.0  # seconds between two looks for requests that do not come to the end of their headers
KEPT = 75  # seconds for an idle connection, as nginx: a client that keeps one for a minute hangs up first
PATIENCE = 2  # seconds that requests under way get when the server stops


class HttpServer:
    """One application, from ``start`` to ``stop``; an ``ended`` that comes earlier holds what went wrong.

    at_once: whoever may have an answer ready (see ready); orders: whoever may want a request whole (see whole). They
    are asked before the application, and for the same answers. protocol: of connections, where it is another one, which
    asks nobody.
    """

    def __init__(
        self,
        app: ASGIApp,
        tls: tuple[Path, Path] | None = None,
        at_once: AtOnce | None = None,
        orders: Orders | None = None,
        protocol: Callable[..., asyncio.BaseProtocol] | None = None,
    ) -> None:
        protocol = protocol or partial(Buffered, CollectingProtocol, at_once=at_once, orders=orders)
        self._server = _Quiet(
            uvicorn.Config(
                app,
                http=cast(type[CollectingProtocol], protocol),
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="error",  # its warnings tell of strangers' broken requests, and how to install what we have
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=PATIENCE,
                timeout_keep_alive=KEPT,
                ssl_certfile=tls[0] if tls else None,
                ssl_keyfile=tls[1] if tls else None,
            )
        )

    def start(self, listening: socket.socket, look: float = LOOK) -> None:
        """Serve; connections that came before it waited in the socket's queue. look: see SlowHeads, seconds."""
        self.ended = asyncio.create_task(self._server.serve([listening]))
        looking = asyncio.create_task(self._look(look))
        self.ended.add_done_callback(lambda _: looking.cancel())

    async def stop(self) -> None:
        """Accept nothing more and let requests under way end."""
        self._server.should_exit = True
        await self.ended

    async def _look(self, every: float) -> None:
        slow = SlowHeads()
        while True:
            await asyncio.sleep(every)
            slow.look(cast(Collection[Connection], self._server.server_state.connections))


class _Quiet(uvicorn.Server):
    """Signals are for the whole process, not for its HTTP side."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield
