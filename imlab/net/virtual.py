"""The virtual world: the same cores in a heap of events, where hours of bad luck take seconds and repeat bit for bit.

Time is a number that jumps from event to event. Connections are pairs of pipes with delay, jitter, rate and loss;
they can be cut, loudly or in silence, and the server can crash and come back over the same store. Every random
choice comes from the seed; equal seeds give equal marks.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from random import Random

from imlab.client.events import Event
from imlab.client.line import SERVER
from imlab.client.phone import Phone
from imlab.errors import UsageError
from imlab.net.links import Path
from imlab.net.pipe import Pipe
from imlab.net.simstore import SimulatedStore
from imlab.server.hub import Hub
from imlab.wire.effects import Broadcast, Close, Deliver, Dial, Effect, Load, Send, Store
from imlab.wire.messages import Message
from imlab.wire.protobuf import Protobuf

Act = Callable[[], None]


class Node:
    """The server's core in the world, and the one wake-up that is planned for it."""

    __slots__ = ("core", "planned")

    def __init__(self, core: Hub | Phone) -> None:
        self.core = core
        self.planned: float | None = None


class PhoneNode(Node):
    """A phone in the world: where it stands, and whom it tells."""

    __slots__ = ("name", "on_event", "path", "phone")

    def __init__(self, phone: Phone, name: str, path: Path, on_event: Callable[[Event], None]) -> None:
        super().__init__(phone)
        self.phone, self.name, self.path, self.on_event = phone, name, path, on_event


class Connection:
    """Two pipes; each end is open until it closes, hears of a close, or is cut off."""

    __slots__ = ("client", "client_open", "down", "peer", "server_open", "silent", "up")

    def __init__(self, client: PhoneNode, peer: str, random: Random) -> None:
        self.client, self.peer = client, peer
        self.up, self.down = Pipe(client.path.up, random), Pipe(client.path.down, random)
        self.client_open = self.server_open = False
        self.silent = False  # nothing passes, nobody knows


class World:
    """One server, any number of phones, and the clock. Times in seconds, ``now`` begins at 0."""

    def __init__(self, hub: Hub, store: SimulatedStore, seed: int = 0, framing: Protobuf | None = None) -> None:
        self.now = 0.0
        self._random = Random(seed)
        self._framing = framing or Protobuf()
        self._heap: list[tuple[float, int, Act]] = []
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
        self.phones[name] = PhoneNode(phone, name, path, on_event)

    def at(self, when: float, act: Act) -> None:
        """Do something at a time; calls on a phone belong inside ``using``."""
        self._order += 1
        heapq.heappush(self._heap, (max(when, self.now), self._order, act))

    def using(self, name: str, act: Callable[[Phone, float], None]) -> None:
        """Let the application call a phone's verbs, and carry out what follows."""
        node = self.phones[name]
        act(node.phone, self.now)
        self._carry_out(node)

    def run(self, until: float | None = None, done: Callable[[], bool] | None = None) -> None:
        """Let events happen until a time, until ``done``, or until there are none left."""
        while self._heap and not (done and done()):
            when, _, act = self._heap[0]
            if until is not None and when > until:
                break
            heapq.heappop(self._heap)
            self.now = when
            act()
        if until is not None and not (done and done()):
            self.now = max(self.now, until)

    def cut(self, name: str, silent: bool = False) -> None:
        """Cut a phone's connection: what is under way is lost; silent: neither end is told."""
        connection = self._live.get(name)
        if connection is None:
            return
        if silent:
            connection.silent = True
            return
        self._tell_closed(connection, "the network cut the connection")

    def crash(self) -> None:
        """Kill the server: memory is gone, what the store has committed stays."""
        self._server = None
        self._store.crash()
        for connection in list(self._by_peer.values()):
            connection.server_open = False
            self._tell_closed(connection, "the server died")

    def restart(self, hub: Hub) -> None:
        """A new server over the same store."""
        self._server = Node(hub)

    # Carrying out

    def _carry_out(self, node: Node) -> None:
        while effects := node.core.outbox():
            for effect in effects:
                self._do(node, effect)
        self._plan(node)

    def _do(self, node: Node, effect: Effect) -> None:
        match effect:
            case Send(peer, message):
                self._send(node, peer, message, self._framing.encode(message), always=True)
            case Broadcast(peers, message):
                data = self._framing.encode(message)
                for peer in peers:
                    self._send(node, peer, message, data, always=False)
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

    def _send(self, node: Node, peer: str, message: Message, data: bytes, always: bool) -> None:
        connection = self._find(node, peer)
        if connection is None:
            return
        up = node is connection.client
        pipe = connection.up if up else connection.down
        arrival = pipe.send(len(data), self.now)
        self.at(arrival, lambda: self._arrive(connection, up, message))
        unsent = pipe.unsent(self.now)
        if unsent:
            self.at(pipe.drained_at, lambda: self._drained(connection, node, up, pipe))
        if unsent or always:
            node.core.backlog(peer, unsent, self.now)

    def _arrive(self, connection: Connection, up: bool, message: Message) -> None:
        if connection.silent or not (connection.server_open if up else connection.client_open):
            return
        node, peer = (self._server, connection.peer) if up else (connection.client, SERVER)
        if node:
            node.core.receive(peer, message, self.now)
            self._carry_out(node)

    def _drained(self, connection: Connection, node: Node, up: bool, pipe: Pipe) -> None:
        if (connection.client_open if up else connection.server_open) and pipe.drained_at <= self.now:
            node.core.backlog(SERVER if up else connection.peer, 0, self.now)
            self._carry_out(node)

    def _dial(self, node: PhoneNode) -> None:
        self._connections += 1
        connection = Connection(node, f"{node.name}#{self._connections}", self._random)
        self._live[node.name] = connection
        trip = node.path.up.delay + node.path.down.delay  # TCP takes one, the WebSocket upgrade another
        self.at(self.now + trip + node.path.up.delay, lambda: self._accept(connection))
        self.at(self.now + 2 * trip, lambda: self._connected(connection))

    def _accept(self, connection: Connection) -> None:
        if self._server and self._is_live(connection):
            connection.server_open = True
            self._by_peer[connection.peer] = connection
            self._server.core.opened(connection.peer, connection.peer, self.now)
            self._carry_out(self._server)

    def _connected(self, connection: Connection) -> None:
        if not self._is_live(connection):
            return
        if connection.server_open:
            connection.client_open = True
            connection.client.core.opened(SERVER, "virtual", self.now)
        else:
            connection.client.core.closed(SERVER, "nobody answers", self.now)
        self._carry_out(connection.client)

    def _close(self, node: Node, peer: str, why: str) -> None:
        connection = self._find(node, peer)
        if connection is None:
            return
        if node is connection.client:
            self._drop_live(connection)
            connection.client_open = False
            arrival = connection.up.send(0, self.now)
            self.at(arrival, lambda: self._hear_close(connection, True, why))
        else:
            connection.server_open = False
            self._by_peer.pop(peer, None)
            arrival = connection.down.send(0, self.now)
            self.at(arrival, lambda: self._hear_close(connection, False, why))

    def _hear_close(self, connection: Connection, at_server: bool, why: str) -> None:
        if connection.silent:
            return
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
            self.at(due, lambda: self._wake(node, due))

    def _wake(self, node: Node, planned: float) -> None:
        if node.planned != planned or not (node is self._server or isinstance(node, PhoneNode)):
            return  # planned anew, or a server that has died since
        node.planned = None
        due = node.core.wake_at()
        if due is not None and due <= self.now:
            node.core.wake(self.now)
        self._carry_out(node)
