"""The virtual world: the same cores in a heap of events, where hours of bad luck take seconds and repeat bit for bit.

Time is a number that jumps from event to event. How messages travel is a transport: ``Messages()`` draws an arrival
for each, ``Segments()`` is TCP, packet by packet. Connections can be cut, loudly or in silence, and the server can
crash and come back over the same store. Every random choice comes from the seed; equal seeds give equal marks.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import Any

from imlab.client.events import Event
from imlab.client.line import SERVER
from imlab.client.phone import Phone
from imlab.errors import UsageError
from imlab.net.links import Path
from imlab.net.simulated.circuits import Transport
from imlab.net.simulated.ends import Connection, Node, PhoneNode
from imlab.net.simulated.messages import Messages
from imlab.net.simulated.simstore import SimulatedStore
from imlab.server.doors import Committed, Page
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
        self._order = count()  # so that events of one moment happen as they were planned
        self._store = store
        self.server: Node | None = Node(hub)
        self.phones: dict[str, PhoneNode] = {}
        self._connections = 0
        self._deeds: dict[type[Effect], Callable[[Any, Any], None]] = {
            Send: self._send,
            Broadcast: self._broadcast,
            Store: self._keep,
            Load: self._load,
            Deliver: self._deliver,
            Dial: self._dial,
            Close: self._close,
        }

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
        heappush(self._heap, (when if when > self.now else self.now, next(self._order), act, facts))

    def using(self, name: str, act: Callable[[Phone, float], None]) -> None:
        """Let the application call a phone's verbs, and carry out what follows."""
        node = self.phones[name]
        act(node.phone, self.now)
        self.carry_out(node)

    def run(self, until: float | None = None, done: Callable[[], bool] | None = None) -> None:
        """Let events happen until a time, until ``done``, or until there are none left."""
        heap = self._heap
        while heap and not (done and done()):
            if until is not None and heap[0][0] > until:
                break
            self.now, _, act, facts = heappop(heap)
            self.happened += 1
            act(*facts)
        if until is not None and not (done and done()):
            self.now = max(self.now, until)

    def cut(self, name: str, silent: bool = False) -> None:
        """Cut a phone's connection: what is under way is lost; silent: neither end is told."""
        connection = self.phones[name].connections.get(SERVER)
        if connection is None:
            return
        connection.circuit.stop()
        if not silent:
            connection.end("the network cut the connection")

    def crash(self) -> None:
        """Kill the server: memory is gone, what the store has committed stays."""
        dead, self.server = self.server, None
        self._store.crash()
        if dead is None:
            return
        connections = list(dead.connections.values())
        dead.connections.clear()
        dead.planned = None
        for connection in connections:
            connection.server = None
            connection.circuit.stop()
            connection.end("the server died")

    def restart(self, hub: Hub) -> None:
        """A new server over the same store."""
        self.server = Node(hub)

    # Carrying out

    def carry_out(self, node: Node) -> None:
        """See Stage."""
        core, deeds = node.core, self._deeds
        while effects := core.outbox():
            for effect in effects:
                deeds[type(effect)](node, effect)
        due = core.wake_at()
        if due is not None and (node.planned is None or due < node.planned):
            node.planned = due
            self.at(due, self._wake, node, due)

    def _send(self, node: Node, effect: Send) -> None:
        connection = node.connections.get(effect.peer)
        if connection:
            message = effect.message
            unsent = connection.circuit.write(node.up, self._weigh(message), message)
            node.core.backlog(effect.peer, unsent, self.now)

    def _broadcast(self, node: Node, effect: Broadcast) -> None:
        message, size = effect.message, self._weigh(effect.message)
        for peer in effect.peers:
            connection = node.connections.get(peer)
            if connection and (unsent := connection.circuit.write(node.up, size, message)):
                node.core.backlog(peer, unsent, self.now)

    def _keep(self, node: Node, effect: Store) -> None:
        self._store.commit(effect.note, self, self._answer, node, effect.ticket)

    def _load(self, node: Node, effect: Load) -> None:
        query = (effect.room, effect.after, effect.limit)
        self._store.load(query, self, self._answer, node, effect.ticket)

    def _answer(self, node: Node, ticket: int, result: Committed | Page | Exception) -> None:
        if node is self.server:
            node.core.stored(ticket, result, self.now)
            self.carry_out(node)

    def _deliver(self, node: PhoneNode, effect: Deliver) -> None:
        node.on_event(effect.event)  # type: ignore[arg-type]

    def _dial(self, node: PhoneNode, effect: Dial) -> None:
        self._connections += 1
        connection = node.connections[effect.peer] = Connection(self, node, f"{node.name}#{self._connections}")
        connection.circuit.dial()

    def _close(self, node: Node, effect: Close) -> None:
        connection = node.connections.get(effect.peer)
        if connection:
            connection.close(node.up, effect.why)

    def _wake(self, node: Node, planned: float) -> None:
        if node.planned != planned:
            return  # planned anew, or of a server that has died since
        node.planned = None
        due = node.core.wake_at()
        if due is not None and due <= self.now:
            node.core.wake(self.now)
        self.carry_out(node)
