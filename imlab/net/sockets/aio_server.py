"""The hub on asyncio and real sockets, through the ``websockets`` library."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from functools import partial
from ssl import SSLContext

from websockets.asyncio.server import Server as Listener
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from imlab.errors import DoorError, UsageError
from imlab.net.sockets.aio import Runner
from imlab.net.sockets.gate import Names, gatekeeper
from imlab.net.sockets.websocket import TERMS, ServedConnection, built_once, farewell, hang_up, read
from imlab.server.doors import Body, Committed, Page
from imlab.server.hub import Hub
from imlab.wire.effects import Answer, Broadcast, Close, Effect, Load, Send, Store
from imlab.wire.messages import Message, VoiceMessage
from imlab.wire.protobuf import Protobuf

Put = Callable[[int, VoiceMessage, Body | None], None]
Read = Callable[[int, str, int | None, int], None]
FanOut = Callable[[Sequence[ServerConnection], bytes], None]
GOING_AWAY = 1001  # RFC 6455, 7.4.1


class Server:
    """Connections to one hub. ``put`` and ``load`` go to the store, whose answers come to ``stored``, in any thread."""

    def __init__(
        self, hub: Hub, framing: Protobuf | None = None, fan_out: FanOut = built_once, names: Names = ()
    ) -> None:
        self._hub, self._fan_out, self._names = hub, fan_out, names
        self._framing = framing or Protobuf()
        self._loop = asyncio.get_running_loop()
        self._runner = Runner(hub, self._do)
        self._connections: dict[str, ServerConnection] = {}
        self._count = 0  # of connections ever
        self._posted: dict[str, asyncio.Future[object]] = {}
        self._bodies: dict[str, Body] = {}  # of the notes that are being posted, by id
        self._runner.broken.add_done_callback(self._leave_none_waiting)
        self._stopping = False
        self._asked = 0  # of the store, and not answered
        self._idle = asyncio.Event()  # set by the last answer once we stop

    @property
    def broken(self) -> asyncio.Future[None]:
        """Holds the exception of a bug; wait for it."""
        return self._runner.broken

    @property
    def connections(self) -> int:
        """How many stand."""
        return len(self._connections)

    async def start(self, listening: socket.socket, put: Put, load: Read, tls: SSLContext | None = None) -> None:
        """Accept connections on a bound socket."""
        self._put, self._load = put, load
        self._listener: Listener = await serve(
            self._attend,
            sock=listening,
            ssl=tls,
            process_request=gatekeeper(self._names),
            create_connection=ServedConnection,
            **TERMS,
        )

    async def stop(self) -> None:
        """Accept and hear nothing more, let the store finish and the answers leave, then hang up."""
        self._stopping = True
        self._listener.close(close_connections=False)
        if self._asked:
            await self._idle.wait()
        for connection in self._connections.values():
            self._runner.spawn(hang_up(connection, "the server is going away", GOING_AWAY))
        await self._runner.close()
        await self._listener.wait_closed()

    def abort(self) -> None:
        """Tear every connection, as a crash does."""
        for connection in self._connections.values():
            connection.transport.abort()

    def stored(self, answers: Sequence[tuple[int, Committed | Page | Exception]]) -> None:
        """The store has answered; called from its threads, once for a whole commit."""
        self._loop.call_soon_threadsafe(self._answer, answers)

    def _answer(self, answers: Sequence[tuple[int, Committed | Page | Exception]]) -> None:
        for ticket, result in answers:
            self._runner.tell(self._hub.stored, ticket, result)
        self._asked -= len(answers)
        if self._stopping and not self._asked:
            self._idle.set()

    async def post(self, note: VoiceMessage, body: Body) -> Committed:
        """Make a note and its file durable, and bring it to its room; else PeerError or DoorError.

        A body that is a Path is still the caller's where it was not needed: after an error, and for a duplicate.
        """
        self._count += 1
        asker = f"post#{self._count}"
        answer = self._posted[asker] = self._loop.create_future()
        mine = self._bodies.setdefault(note.id, body) is body
        self._runner.tell(self._hub.post, asker, note)
        try:
            result = await answer
        finally:
            if mine:
                del self._bodies[note.id]
        if isinstance(result, Exception):
            raise result
        assert isinstance(result, Committed)
        return result

    def _leave_none_waiting(self, broken: asyncio.Future[None]) -> None:
        """A driver that is broken answers nobody any more: say so, instead of nothing."""
        for answer in self._posted.values():
            answer.set_result(DoorError("the server has broken down"))
        self._posted.clear()

    async def _attend(self, connection: ServerConnection) -> None:
        """One connection, from beginning to end."""
        assert isinstance(connection, ServedConnection)
        if self._stopping:
            return
        try:
            who = "{}:{}".format(*connection.remote_address)
            self._count += 1
            peer = f"{who}#{self._count}"
            self._connections[peer] = connection
            connection.drained = partial(self._runner.tell, self._hub.backlog, peer, 0)
            self._runner.tell(self._hub.opened, peer, who)
            why = await self._listen(peer, connection)
            if self._connections.pop(peer, None):
                self._runner.tell(self._hub.closed, peer, why)
        except Exception as error:  # noqa: BLE001 - ``websockets`` would log it and go on
            self._runner.breaks(error)

    async def _listen(self, peer: str, connection: ServerConnection) -> str:
        """Until the connection ends: why it did."""
        try:
            while True:
                data = await connection.recv()
                if not self._stopping:
                    self._runner.tell(self._hub.receive, peer, read(self._framing, data))
        except ConnectionClosed as gone:
            return farewell(gone)

    def _do(self, effect: Effect) -> None:
        match effect:
            case Send(peer, message):
                self._write((peer,), message, always=True)
            case Broadcast(peers, message):
                self._write(peers, message, always=False)
            case Store(ticket, note):
                self._asked += 1
                self._put(ticket, note, self._bodies.get(note.id))
            case Load(ticket, room, after, limit):
                self._asked += 1
                self._load(ticket, room, after, limit)
            case Answer(asker, result):
                self._posted.pop(asker).set_result(result)
            case Close(peer, why):
                if connection := self._connections.pop(peer, None):
                    self._runner.spawn(hang_up(connection, why))
            case _:
                raise UsageError(f"a server does not {effect!r}")

    def _write(self, peers: Sequence[str], message: Message, always: bool) -> None:
        """The same bytes to each peer that is still here; each transport's leftovers to the hub."""
        present = [(peer, self._connections[peer]) for peer in peers if peer in self._connections]
        self._fan_out([connection for _, connection in present], self._framing.encode(message))
        for peer, connection in present:
            kept = connection.transport.get_write_buffer_size()
            if kept or always:
                self._runner.ask(self._hub.backlog, peer, kept)
