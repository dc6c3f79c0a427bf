"""The virtual world: the same cores in a heap of events, where hours of bad luck take seconds and repeat bit for bit.

Time is a number that jumps from event to event. How messages travel is a transport: ``Messages()`` draws an arrival
for each, ``Segments()`` is TCP, packet by packet. Connections can be cut, loudly or in silence, and the server can
crash and come back over the same store. Every random choice comes from the seed; equal seeds give equal marks.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from random import Random
from typing import Any

from imlab.client.events import Event
from imlab.client.line import SERVER
from imlab.client.phone import Phone
from imlab.errors import UsageError
from imlab.net.links import Path
from imlab.net.simulated.circuits import Transport
from imlab.net.simulated.ends import Bye, Connection, Node, PhoneNode
from imlab.net.simulated.messages import Messages
from imlab.net.simulated.simstore import SimulatedStore
from imlab.server.hub import Hub
from imlab.wire.effects import Broadcast, Close, Deliver, Dial, Effect, Load, Send, Store
from imlab.wire.messages import Message
from imlab.wire.sizes import checked_size

Act = Callable[..., None]


class World:
    """One server, any number of phones, and the clock. Times in seconds, ``now`` begins at 0.

    weigh: a message's bytes. ``checked_size`` also refuses what must not be sent; ``swift_size`` is three times faster.
    """

    def __init__(
        self,
        hub: Hub,
        store: SimulatedStore,
        seed: int = 0,
        transport: Transport | None = None,
        weigh: Callable[[Message], int] = checked_size,
    ) -> None:
        self.now = 0.0
        self.happened = 0  # events, so far
        self._seed, self._random = seed, Random(seed)
        self._transport, self._weigh = transport or Messages(), weigh
        self._heap: list[tuple[float, int, Act, tuple[Any, ...]]] = []
        self._order = 0
        self._store = store
        self._server: Node | None = Node(hub)
        self.phones: dict[str, PhoneNode] = {}
        self._live: dict[str, Connection] = {}  # by the phone's name in the world
        self._by_peer: dict[str, Connection] = {}
        self._connections = 0

    # What a study does

    def add(self, phone: Phone, path: Path, on_event: Callable[[Event], None], name: str = "") -> None:
        """A phone at the end of a path; its events go to ``on_event``. name: in this world, else its own."""
        name = name or phone.name
        if name in self.phones:
            raise UsageError(f"the world has a phone {name!r} already")
        way = self._transport.way(path, self, self._random, f"{self._seed} {name}")
        self.phones[name] = PhoneNode(phone, name, way, on_event)

    def at(self, when: float, act: Act, *facts: Any) -> None:
        """Do ``act(*facts)`` at a time; calls on a phone belong inside ``using``."""
        self._order += 1
        heapq.heappush(self._heap, (when if when > self.now else self.now, self._order, act, facts))

    def using(self, name: str, act: Callable[[Phone, float], None]) -> None:
        """Let the application call a phone's verbs, and carry out what follows."""
        node = self.phones[name]
        act(node.phone, self.now)
        self._carry_out(node)

    def run(self, until: float | None = None, done: Callable[[], bool] | None = None) -> None:
        """Let events happen until a time, until ``done``, or until there are none left."""
        heap, take = self._heap, heapq.heappop
        while heap and not (done and done()):
            if until is not None and heap[0][0] > until:
                break
            self.now, _, act, facts = take(heap)
            self.happened += 1
            act(*facts)
        if until is not None and not (done and done()):
            self.now = max(self.now, until)

    def cut(self, name: str, silent: bool = False) -> None:
        """Cut a phone's connection: what is under way is lost; silent: neither end is told."""
        connection = self._live.get(name)
        if connection is None:
            return
        connection.circuit.stop()
        if not silent:
            self._tell_closed(connection, "the network cut the connection")

    def crash(self) -> None:
        """Kill the server: memory is gone, what the store has committed stays."""
        self._server = None
        self._store.crash()
        for connection in list(self._by_peer.values()):
            connection.server_open = False
            connection.circuit.stop()
            self._tell_closed(connection, "the server died")

    def restart(self, hub: Hub) -> None:
        """A new server over the same store."""
        self._server = Node(hub)

    # What circuits tell, through the connection that they serve

    def accepted(self, connection: Connection) -> None:
        """The server has the connection, if there is a server."""
        if self._server and self._is_live(connection):
            connection.server_open = True
            self._by_peer[connection.peer] = connection
            self._server.core.opened(connection.peer, connection.peer, self.now)
            self._carry_out(self._server)

    def connected(self, connection: Connection) -> None:
        """The handshake came to its end."""
        if not self._is_live(connection):
            return
        if connection.server_open:
            connection.client_open = True
            connection.client.core.opened(SERVER, "virtual", self.now)
            self._carry_out(connection.client)
        else:
            self.failed(connection, "nobody answers")

    def failed(self, connection: Connection, why: str) -> None:
        """The client gave up dialling; it still counts as live until it dials again."""
        connection.circuit.stop()
        if self._is_live(connection):
            connection.client.core.closed(SERVER, why, self.now)
            self._carry_out(connection.client)

    def arrived(self, connection: Connection, up: bool, what: Any) -> None:
        """A message, or the end of the connection."""
        if type(what) is Bye:
            connection.circuit.stop()
            self._hear_close(connection, up, what.why)
            return
        if not (connection.server_open if up else connection.client_open):
            return
        node, peer = (self._server, connection.peer) if up else (connection.client, SERVER)
        if node:
            node.core.receive(peer, what, self.now)
            self._carry_out(node)

    def drained(self, connection: Connection, up: bool) -> None:
        """A transport that kept bytes has sent them."""
        node, peer = (connection.client, SERVER) if up else (self._server, connection.peer)
        if node and (connection.client_open if up else connection.server_open):
            node.core.backlog(peer, 0, self.now)
            self._carry_out(node)

    # Carrying out

    def _carry_out(self, node: Node) -> None:
        while effects := node.core.outbox():
            for effect in effects:
                self._do(node, effect)
        self._plan(node)

    def _do(self, node: Node, effect: Effect) -> None:
        match effect:
            case Send(peer, message):
                self._send(node, peer, message, self._weigh(message), always=True)
            case Broadcast(peers, message):
                size = self._weigh(message)
                for peer in peers:
                    self._send(node, peer, message, size, always=False)
            case Close(peer, why):
                self._close(node, peer, why)
            case Dial() if isinstance(node, PhoneNode):
                self._dial(node)
            case Store(ticket, note):
                self._store.commit(note, self.at, self.now, lambda result: self._answer(node, ticket, result))
            case Load(ticket, room, after, limit):
                query = (room, after, limit)
                self._store.load(query, self.at, self.now, lambda result: self._answer(node, ticket, result))
            case Deliver(event) if isinstance(node, PhoneNode):
                node.on_event(event)  # type: ignore[arg-type]

    def _answer(self, node: Node, ticket: int, result: object) -> None:
        if node is self._server:
            node.core.stored(ticket, result, self.now)  # type: ignore[arg-type]
            self._carry_out(node)

    def _send(self, node: Node, peer: str, message: Message, size: int, always: bool) -> None:
        connection = self._find(node, peer)
        if connection is None:
            return
        unsent = connection.circuit.write(node is connection.client, size, message)
        if unsent or always:
            node.core.backlog(peer, unsent, self.now)

    def _dial(self, node: PhoneNode) -> None:
        self._connections += 1
        connection = Connection(self, node, f"{node.name}#{self._connections}")
        self._live[node.name] = connection
        connection.circuit.dial()

    def _close(self, node: Node, peer: str, why: str) -> None:
        connection = self._find(node, peer)
        if connection is None:
            return
        up = node is connection.client
        if up:
            self._drop_live(connection)
            connection.client_open = False
        else:
            connection.server_open = False
            self._by_peer.pop(peer, None)
        connection.circuit.write(up, 0, Bye(why))

    def _hear_close(self, connection: Connection, at_server: bool, why: str) -> None:
        if at_server and connection.server_open:
            self._server_closed(connection, why)
        elif not at_server and connection.client_open:
            self._client_closed(connection, why)

    def _tell_closed(self, connection: Connection, why: str) -> None:
        if connection.server_open:
            self._server_closed(connection, why)
        if connection.client_open or self._is_live(connection):
            self._client_closed(connection, why)

    def _server_closed(self, connection: Connection, why: str) -> None:
        connection.server_open = False
        self._by_peer.pop(connection.peer, None)
        if self._server:
            self._server.core.closed(connection.peer, why, self.now)
            self._carry_out(self._server)

    def _client_closed(self, connection: Connection, why: str) -> None:
        connection.client_open = False
        self._drop_live(connection)
        connection.client.core.closed(SERVER, why, self.now)
        self._carry_out(connection.client)

    def _find(self, node: Node, peer: str) -> Connection | None:
        if isinstance(node, PhoneNode):
            return self._live.get(node.name)
        return self._by_peer.get(peer) if node is self._server else None

    def _is_live(self, connection: Connection) -> bool:
        return self._live.get(connection.client.name) is connection

    def _drop_live(self, connection: Connection) -> None:
        if self._is_live(connection):
            del self._live[connection.client.name]

    def _plan(self, node: Node) -> None:
        due = node.core.wake_at()
        if due is not None and (node.planned is None or due < node.planned):
            node.planned = due
            self.at(due, self._wake, node, due)

    def _wake(self, node: Node, planned: float) -> None:
        if node.planned != planned or not (node is self._server or isinstance(node, PhoneNode)):
            return  # planned anew, or a server that has died since
        node.planned = None
        due = node.core.wake_at()
        if due is not None and due <= self.now:
            node.core.wake(self.now)
        self._carry_out(node)
