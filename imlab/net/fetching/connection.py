"""One HTTP/1.1 connection on asyncio: one exchange at a time, bodies both ways no faster than they are taken."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from typing import cast

from httptools import HttpParserError, HttpResponseParser

from imlab.client.fetching.requests import Patience
from imlab.errors import PeerError
from imlab.net.fetching.body import PIECE, Sent, Streamed
from imlab.net.fetching.reply import Reply, Severed

MOST_HEAD = 64 << 10  # bytes of an answer's headers; servers send under 8 kB, and nginx's limit for ours is 32


class Connection(asyncio.Protocol):
    """Told by asyncio; ``exchange`` is what others call. ended: told once when it is gone, with the reason."""

    def __init__(self, patience: Patience, ended: Callable[[Connection, str], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._patience, self._ended = patience, ended
        self._parser: HttpResponseParser | None = None
        self._reply: Reply | None = None
        self._names: list[tuple[bytes, bytes]] = []
        self._heading = 0  # bytes of the head so far
        self._due: float | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._drained: asyncio.Future[None] | None = None
        self._full = self._paused = self._headless = False
        self._sending = False
        self._why = ""
        self.again = True  # may it carry another request?
        self.used = 0  # exchanges so far
        self.kept = False  # did it stand before the request that has it?

    async def exchange(self, method: str, head: bytes, body: Sent = b"") -> Reply:
        """Send a request; the answer once its head is there. Severed when the connection breaks before."""
        self._begin(method)
        reply = self._reply
        assert reply is not None
        if self.transport.is_closing():
            self.finish()
            raise Severed("the connection was closed before it was used", sent=False, answered=False)
        if isinstance(body, bytes) and len(body) <= PIECE:
            self.transport.write(head + body)
            self._expect(self._patience.answer)
        else:
            await self._send(reply, head, body)
        await reply.head
        return reply

    def finish(self) -> bool:
        """The exchange is over; may there be another one? What was not read is not waited for."""
        reply, self._reply, self._due = self._reply, None, None
        if reply is None or not reply.complete or self._sending:
            self.again = False
        return self.again and not self.transport.is_closing()

    def abort(self, why: str) -> None:
        """Tear it."""
        self._why = self._why or why
        self.transport.abort()

    @property
    def session(self) -> ssl.SSLSession | None:
        """What TLS lets us go on from, on another connection."""
        secured: ssl.SSLObject | None = self.transport.get_extra_info("ssl_object")
        return secured.session if secured else None

    def close(self) -> None:
        """Close it as it should be."""
        self.transport.close()

    def _begin(self, method: str) -> None:
        self._reply = Reply(self._loop, self._pause, self._resume)
        self._headless = method == "HEAD"
        self._sending = False
        self._parser = self._parser or HttpResponseParser(self)
        self._names, self._heading = [], 0
        self.used += 1

    async def _send(self, reply: Reply, head: bytes, body: Sent) -> None:
        """A large request, as fast as it is taken, or until the server has its answer ready."""
        self._sending = True
        self.transport.write(head)
        chunked = isinstance(body, Streamed) and body.size is None
        async for piece in _pieces(body):
            self._expect(self._patience.silence)
            self.transport.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
            if self._full:
                self._drained = self._loop.create_future()
                await self._drained
            if reply.head.done():  # refused, or gone: the rest is of no use
                return
        if chunked:
            self.transport.write(b"0\r\n\r\n")
        self._sending = False
        self._expect(self._patience.answer)

    # What asyncio tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It stands."""
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Bytes of the answer; an answer to nothing spoils the connection."""
        if self._reply is None or self._parser is None:
            self.abort("the server spoke without being asked")
            return
        try:
            self._parser.feed_data(data)
        except HttpParserError as error:
            self._give_up(f"not HTTP: {error.__context__ or error}: {data[:16].hex()}", PeerError)
        if self._due is not None:
            self._expect(self._patience.silence)

    def pause_writing(self) -> None:
        """The transport holds enough."""
        self._full = True

    def resume_writing(self) -> None:
        """It has room again."""
        self._full = False
        self._go_on()

    def connection_lost(self, error: Exception | None) -> None:
        """It is gone: so is the answer, unless its end was to be told by this."""
        if self._alarm:
            self._alarm.cancel()
        self.again = False
        why = self._why or (f"the connection broke: {error}" if error else "the server closed the connection")
        reply = self._reply
        if reply and not reply.complete:
            if reply.status and not error and not self._why and _until_close(reply):
                reply.end()
            else:
                reply.fail(self._severed(reply, why))
        self._go_on()
        self._ended(self, why)

    # What the parser tells

    def on_header(self, name: bytes, value: bytes) -> None:
        """One line of the head."""
        self._heading += len(name) + len(value) + 4
        if self._heading > MOST_HEAD:
            raise PeerError(f"over {MOST_HEAD:,} bytes of headers")
        self._names.append((name, value))

    def on_headers_complete(self) -> None:
        """The head is there; an interim one (RFC 9110, 15.2) is forgotten."""
        parser, reply = self._parser, self._reply
        if parser is None or reply is None or (status := parser.get_status_code()) < 200:
            return
        reply.status = status
        reply.headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in self._names}
        if not reply.head.done():
            reply.head.set_result(None)
        self._go_on()
        if self._headless:  # it has the headers of a body and no body: this parser would wait for it
            self.again = self.again and reply.headers.get("connection", "").lower() != "close"
            self._parser, self._due = None, None
            reply.end()

    def on_body(self, data: bytes) -> None:
        """A part of the body."""
        if self._reply and not self._headless:
            self._reply.body(data)

    def on_message_complete(self) -> None:
        """The end of an answer."""
        parser, reply = self._parser, self._reply
        if parser is None or reply is None:
            return
        if not reply.status:
            self._names = []
            return
        self.again = self.again and parser.should_keep_alive()
        self._due = None
        reply.end()

    # Time, and the reader's pace

    def _expect(self, seconds: float) -> None:
        """Something must come within so many seconds. One alarm a connection; too early, it is set again."""
        self._due = self._loop.time() + seconds
        if self._alarm and self._alarm.when() > self._due:
            self._alarm.cancel()
            self._alarm = None
        if self._alarm is None:
            self._alarm = self._loop.call_at(self._due, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        if self._due is None:
            return
        if self._due > self._loop.time():
            self._alarm = self._loop.call_at(self._due, self._ring)
        else:
            self._give_up("the server was silent for too long")

    def _go_on(self) -> None:
        """Whoever sends has room again, or need not send more."""
        if self._drained and not self._drained.done():
            self._drained.set_result(None)

    def _pause(self) -> None:
        if not self._paused and not self.transport.is_closing():
            self._paused, self._due = True, None
            self.transport.pause_reading()

    def _resume(self) -> None:
        if self._paused and not self.transport.is_closing():
            self._paused = False
            self.transport.resume_reading()
            self._expect(self._patience.silence)

    def _give_up(self, why: str, fault: type[PeerError] | None = None) -> None:
        """The exchange fails now, the connection with it."""
        self.again = False
        self._due = None
        if self._reply:
            self._reply.fail(fault(why) if fault else self._severed(self._reply, why))
        self.abort(why)

    def _severed(self, reply: Reply, why: str) -> Severed:
        return Severed(why, sent=True, answered=bool(reply.status or self._heading))


async def _pieces(body: Sent) -> AsyncIterator[bytes]:
    """Bytes too large for one write, or what is streamed."""
    if isinstance(body, bytes):
        for start in range(0, len(body), PIECE):
            yield body[start : start + PIECE]
        return
    async for piece in body.pieces():
        if piece:
            yield piece


def _until_close(reply: Reply) -> bool:
    """Does this answer end where the connection ends (RFC 9112, 6.3)?"""
    return not {"content-length", "transfer-encoding"} & reply.headers.keys()
