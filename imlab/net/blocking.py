"""A phone in threads, through ``websockets.sync``: for programs without an event loop, such as Locust's users.

Under gevent's monkey patching, which must come before this import, a thread is a greenlet and nothing else differs.
A connection has a thread that dials and listens, and one that writes.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.sync.client import ClientConnection

from imlab.client.events import Event
from imlab.client.line import SERVER
from imlab.client.phone import Phone
from imlab.errors import UsageError
from imlab.net.sockets.aio_client import address
from imlab.net.sockets.call import Call, dial
from imlab.net.sockets.threads import Turns
from imlab.net.sockets.websocket import REASON, TERMS, farewell, read
from imlab.wire.effects import Close, Deliver, Dial, Effect, Send
from imlab.wire.messages import VoiceMessage
from imlab.wire.protobuf import Protobuf


class BlockingClient:
    """A phone that dials ``server``, ws://HOST:PORT; its events go to ``on_event`` one at a time, in any thread."""

    def __init__(
        self, phone: Phone, server: str, on_event: Callable[[Any], None], framing: Protobuf | None = None
    ) -> None:
        self._phone, self._server, self._framing = phone, address(server), framing or Protobuf()
        self._on_event: Callable[[Event], None] = on_event
        self._call: Call | None = None
        self._turns = Turns(phone, self._do)

    @property
    def broken(self) -> Future[None]:
        """Holds the exception of a bug; wait for it."""
        return self._turns.broken

    @property
    def unsent(self) -> int:
        """Notes that are not known to be durable."""
        return self._phone.unsent

    def start(self) -> None:
        """Dial, and keep dialling."""
        self._turns.ask(self._phone.start)

    def send(self, note: VoiceMessage) -> None:
        """Send a whole note; the event Sent or Failed will tell."""
        self._turns.ask(self._phone.send, note)

    def join(self, room: str, after: int | None = None) -> None:
        """Listen to a room after a sequence, or from now on (None)."""
        self._turns.ask(self._phone.join, room, after)

    def close(self) -> None:
        """Hang up for good; what was handed over before goes out first. Who still dials is not waited for long."""
        self._turns.ask(self._phone.stop)
        self._turns.close(2 * TERMS["close_timeout"])

    def cut(self) -> None:
        """Tear the connection, as a bad network does."""
        with self._turns.lock:
            if self._call:
                self._call.cut()

    def _do(self, effect: Effect) -> None:
        match effect:
            case Send(peer, message):
                if self._call and self._call.connection:
                    self._turns.ask(self._phone.backlog, peer, self._call.write(self._framing.encode(message)))
            case Deliver(event):
                self._on_event(event)  # type: ignore[arg-type]
            case Dial():
                self._call = Call()
                self._turns.spawn(self._live, self._call)
            case Close(_, why):
                call, self._call = self._call, None
                if call:
                    call.hang_up(why)
            case _:
                raise UsageError(f"a client does not {effect!r}")

    def _live(self, call: Call) -> None:
        """One connection from dial to end; after a Close the phone hears nothing of it."""
        try:
            why = self._listen(call, dial(self._server))
        except (OSError, WebSocketException) as error:
            why = f"cannot reach {self._server}: {error}"
        call.hang_up(why)
        with self._turns.lock:
            if self._call is call:
                self._call = None
                self._turns.tell(self._phone.closed, SERVER, why)

    def _listen(self, call: Call, connection: ClientConnection) -> str:
        """Until the connection ends: why it did."""
        with self._turns.lock:
            call.connection = connection
        self._turns.spawn(self._write, call, connection)
        self._about(call, self._phone.opened, self._server)
        try:
            while True:
                self._about(call, self._phone.receive, read(self._framing, connection.recv()))
        except ConnectionClosed as gone:
            return farewell(gone)

    def _write(self, call: Call, connection: ClientConnection) -> None:
        """What is to be written, until the goodbye."""
        while isinstance(data := call.to_write.get(), bytes):
            try:
                connection.send(data)
            except ConnectionClosed:
                return  # whoever listens hears of it
            with self._turns.lock:
                call.kept -= len(data)
                if not call.kept:
                    self._about(call, self._phone.backlog, 0)
        connection.close(1000, data.encode()[:REASON].decode(errors="ignore"))

    def _about(self, call: Call, verb: Callable[..., None], fact: object) -> None:
        """Tell the phone of a connection that it has not closed."""
        with self._turns.lock:
            if self._call is call:
                self._turns.tell(verb, SERVER, fact)
