"""A phone on asyncio and real sockets, through the ``websockets`` library."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidURI, WebSocketException
from websockets.uri import parse_uri

from imlab.client.events import Event
from imlab.client.line import SERVER
from imlab.client.phone import Phone
from imlab.errors import UsageError
from imlab.net.sockets.aio import Runner
from imlab.net.sockets.websocket import PATH, TERMS, DialledConnection, built_for_each, farewell, hang_up, read
from imlab.wire.effects import Close, Deliver, Dial, Effect, Send
from imlab.wire.messages import VoiceMessage
from imlab.wire.protobuf import Protobuf


class Client:
    """A phone that dials ``server``, ws://HOST:PORT; its events go to ``on_event`` as they happen, in the loop."""

    def __init__(
        self, phone: Phone, server: str, on_event: Callable[[Any], None], framing: Protobuf | None = None
    ) -> None:
        self._phone = phone
        self._server = address(server)
        self._on_event: Callable[[Event], None] = on_event
        self._framing = framing or Protobuf()
        self._runner = Runner(phone, self._do)
        self._call: asyncio.Task[None] | None = None  # from Dial to the end of the connection
        self._connection: ClientConnection | None = None

    @property
    def broken(self) -> asyncio.Future[None]:
        """Holds the exception of a bug; wait for it."""
        return self._runner.broken

    @property
    def unsent(self) -> int:
        """Notes that are not known to be durable."""
        return self._phone.unsent

    def start(self) -> None:
        """Dial, and keep dialling."""
        self._runner.ask(self._phone.start)

    def send(self, note: VoiceMessage) -> None:
        """Send a whole note; the event Sent or Failed will tell."""
        self._runner.ask(self._phone.send, note)

    def join(self, room: str, after: int | None = None) -> None:
        """Listen to a room after a sequence, or from now on (None)."""
        self._runner.ask(self._phone.join, room, after)

    async def close(self) -> None:
        """Hang up for good; what was handed over before goes out first."""
        self._runner.ask(self._phone.stop)
        await self._runner.close()

    def cut(self) -> None:
        """Tear the connection, as a bad network does."""
        if self._connection:
            self._connection.transport.abort()

    def _do(self, effect: Effect) -> None:
        match effect:
            case Send(peer, message):
                if self._connection:
                    built_for_each([self._connection], self._framing.encode(message))
                    kept = self._connection.transport.get_write_buffer_size()
                    self._runner.ask(self._phone.backlog, peer, kept)
            case Deliver(event):
                self._on_event(event)  # type: ignore[arg-type]
            case Dial():
                self._call = self._runner.spawn(self._live())
            case Close(_, why):
                self._close(why)
            case _:
                raise UsageError(f"a client does not {effect!r}")

    def _close(self, why: str) -> None:
        connection, self._connection = self._connection, None
        call, self._call = self._call, None
        if connection:
            self._runner.spawn(hang_up(connection, why))
        elif call:
            call.cancel()  # it still dials

    async def _live(self) -> None:
        """One connection from dial to end; after a Close the phone hears nothing of it."""
        me = asyncio.current_task()
        try:
            connection = await connect(self._server, create_connection=DialledConnection, proxy=None, **TERMS)
            why = await self._listen(connection)
        except (OSError, WebSocketException) as error:
            why = f"cannot reach {self._server}: {error}"
        if self._call is me:
            self._call = self._connection = None
            self._runner.tell(self._phone.closed, SERVER, why)

    async def _listen(self, connection: ClientConnection) -> str:
        """Until the connection ends: why it did."""
        assert isinstance(connection, DialledConnection)
        self._connection = connection
        connection.drained = partial(self._drained, connection)
        self._runner.tell(self._phone.opened, SERVER, self._server)
        try:
            while True:
                message = read(self._framing, await connection.recv())
                if self._connection is connection:
                    self._runner.tell(self._phone.receive, SERVER, message)
        except ConnectionClosed as gone:
            return farewell(gone)

    def _drained(self, connection: ClientConnection) -> None:
        if self._connection is connection:
            self._runner.tell(self._phone.backlog, SERVER, 0)


def address(server: str) -> str:
    """The WebSocket's URI: ws://HOST:PORT and the path that belongs to it."""
    uri = server.rstrip("/").removesuffix(PATH) + PATH
    try:
        parse_uri(uri)
    except InvalidURI as error:
        raise UsageError(f"a server is ws://HOST:PORT, not {server!r}") from error
    return uri
