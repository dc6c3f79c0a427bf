"""Bodies that are wanted whole, collected by their connection: no task before they are here, and one write after.

A sender that is too slow is told so, and what it still sends is read for a moment, as the usual way does (incoming.py).
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from imlab.net.web.serving.protocol import WebProtocol
from imlab.net.web.serving.ready import Ready, lines
from imlab.net.web.serving.whole import Order, Orders

BROKEN = b"Internal Server Error"
OURS = Ready(500, lines(((b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"21"))), BROKEN)


class Collected:
    """One request, where uvicorn has a cycle; what it asks of one: is the answer complete, may the connection stay?"""

    __slots__ = ("begun", "heard", "keep_alive", "late", "order", "parts", "response_complete", "size", "timer")

    def __init__(self, order: Order, now: float) -> None:
        self.order, self.begun, self.heard = order, now, now
        self.parts: list[bytes] = []
        self.size = 0
        self.timer: asyncio.TimerHandle | None = None
        self.late = self.response_complete = False
        self.keep_alive = True

    def take(self, data: bytes) -> None:
        """More of the body."""
        self.size += len(data)
        if not self.late:
            self.parts.append(data)

    def whole(self) -> bytes:
        """The body, given up."""
        parts, self.parts = self.parts, []
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def until(self) -> float:
        """When patience with its sender ends."""
        return self.order.patience.until(self.begun, self.size, self.heard)

    def rest(self) -> None:
        """Nobody watches the clock any more."""
        if self.timer is not None:
            self.timer.cancel()


class CollectingProtocol(WebProtocol):
    """One connection. orders: who may want a request whole."""

    def __init__(self, *args: Any, orders: Orders | None = None, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._orders = orders
        self._coming: Collected | None = None  # the body of which comes in now

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        super().data_received(data)
        if self._coming is not None and not self._coming.late:
            self._watch(self._coming)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol. What is whole goes its way, and nobody is told."""
        if isinstance(self.cycle, Collected):
            self.cycle.rest()
            self._coming = self.cycle = None  # type: ignore[assignment]  # as uvicorn has it before the first
        super().connection_lost(exc)

    def on_headers_complete(self) -> None:
        """All is known of a request but its body."""
        order = self._order()
        self._coming = None
        if order is None:
            super().on_headers_complete()
            return
        self._coming = Collected(order, self.loop.time())
        self.cycle = self._coming  # type: ignore[assignment]  # whatever comes behind it waits, as behind any other

    def on_body(self, body: bytes) -> None:
        """More of it."""
        if self._coming is None:
            super().on_body(body)
        else:
            self._coming.take(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        coming, self._coming = self._coming, None
        if coming is None:
            super().on_message_complete()
            return
        coming.rest()
        if coming.late:
            self._hang_up()
            return
        task = self.loop.create_task(self._finish(coming))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    def _order(self) -> Order | None:
        if self._orders is None or not self._is_plain():
            return None
        return self._orders(self.parser.get_method(), self.url, self.headers)

    async def _finish(self, coming: Collected) -> None:
        try:
            ready = await coming.order.finish(coming.whole())
        except BaseException as error:  # as uvicorn has it: told in the log, and the connection ends
            self.logger.error("Exception in ASGI application\n", exc_info=error)
            ready, coming.keep_alive = OURS, False
        if self.flow.write_paused:
            await self.flow.drain()
        if not self.transport.is_closing():
            self._answer(coming, ready)

    def _answer(self, coming: Collected, ready: Ready) -> None:
        self._write(ready, coming.keep_alive)
        coming.response_complete = True
        if not coming.keep_alive:
            self.transport.close()
        self.on_response_complete()

    def _write(self, ready: Ready, keep_alive: bool) -> None:
        end = b"\r\n" if keep_alive else b"connection: close\r\n\r\n"
        self.transport.writelines((STATUS_LINE[ready.status], self._usual(), ready.lines, end, ready.body))

    def _watch(self, coming: Collected) -> None:
        """It is not whole: one timer for it, moved only when it rings."""
        coming.heard = self.loop.time()
        if coming.timer is None:
            coming.timer = self.loop.call_at(coming.until(), self._look, coming)

    def _look(self, coming: Collected) -> None:
        until = coming.until()
        if self.loop.time() < until:
            coming.timer = self.loop.call_at(until, self._look, coming)
            return
        coming.late = True
        coming.parts.clear()
        self._write(coming.order.late(coming.size), keep_alive=False)
        coming.timer = self.loop.call_later(coming.order.patience.linger, self._hang_up)

    def _hang_up(self) -> None:
        self.transport.close()
        self.on_response_complete()
