"""The ends of connections in the virtual world: nodes, and what stands between two of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from imlab.client.events import Event
from imlab.client.line import SERVER
from imlab.client.phone import Phone
from imlab.net.simulated.circuits import Way
from imlab.server.hub import Hub


class Node:
    """The server's core in the world, its connections by peer, and the one wake-up that is planned for it."""

    __slots__ = ("connections", "core", "planned")

    up = False  # the direction in which it sends

    def __init__(self, core: Hub | Phone) -> None:
        self.core = core
        self.connections: dict[str, Connection] = {}
        self.planned: float | None = None


class PhoneNode(Node):
    """A phone in the world: its way to the server, and whom it tells. Its one connection is its latest."""

    __slots__ = ("name", "on_event", "phone", "way")

    up = True

    def __init__(self, phone: Phone, name: str, way: Way, on_event: Callable[[Event], None]) -> None:
        super().__init__(phone)
        self.phone, self.name, self.way, self.on_event = phone, name, way, on_event


class Bye:
    """The last word of a side that closes."""

    __slots__ = ("why",)

    def __init__(self, why: str) -> None:
        self.why = why


class Stage(Protocol):
    """Where connections are made: the world."""

    now: float
    server: Node | None

    def carry_out(self, node: Node) -> None:
        """Do what a core wants, now that it was told something."""
        ...


class Connection:
    """A circuit and its two ends; each is open until it closes, hears of a close, or is cut off. A circuit's User."""

    __slots__ = ("_caller", "_stage", "circuit", "client", "peer", "server")

    def __init__(self, stage: Stage, client: PhoneNode, peer: str) -> None:
        self._stage, self.client, self.peer = stage, client, peer
        self._caller: PhoneNode | None = None  # the client, while its end is open
        self.server: Node | None = None  # the server, while its end is open
        self.circuit = client.way.circuit(self)

    # What the circuit tells

    def accepted(self) -> None:
        """The server has the connection, if there is a server."""
        server, peer = self._stage.server, self.peer
        if server and self._latest:
            self.server = server
            server.connections[peer] = self
            server.core.opened(peer, peer, self._stage.now)
            self._stage.carry_out(server)

    def connected(self) -> None:
        """The handshake came to its end."""
        if not self._latest:
            return
        if self.server:
            self._caller = self.client
            self.client.core.opened(SERVER, "virtual", self._stage.now)
            self._stage.carry_out(self.client)
        else:
            self.failed("nobody answers")

    def failed(self, why: str) -> None:
        """The client gave up dialling; the connection is still its latest until it dials again."""
        self.circuit.stop()
        if self._latest:
            self.client.core.closed(SERVER, why, self._stage.now)
            self._stage.carry_out(self.client)

    def arrived(self, up: bool, what: Any) -> None:
        """A message, or the end of the connection."""
        node = self.server if up else self._caller
        if type(what) is Bye:
            self.circuit.stop()
            if node:
                self._closed(node, what.why)
        elif node:
            node.core.receive(self.peer if up else SERVER, what, self._stage.now)
            self._stage.carry_out(node)

    def drained(self, up: bool) -> None:
        """A transport that kept bytes has sent them."""
        node = self._caller if up else self.server
        if node:
            node.core.backlog(SERVER if up else self.peer, 0, self._stage.now)
            self._stage.carry_out(node)

    # What the world does

    def close(self, up: bool, why: str) -> None:
        """The client (``up``) or the server wants no more of it; the other hears of it when the circuit brings it."""
        self._leave(up)
        self.circuit.write(up, 0, Bye(why))

    def end(self, why: str) -> None:
        """It broke, and both ends notice."""
        if self.server:
            self._closed(self.server, why)
        if self._caller or self._latest:
            self._closed(self.client, why)

    def _closed(self, node: Node, why: str) -> None:
        self._leave(node.up)
        node.core.closed(SERVER if node.up else self.peer, why, self._stage.now)
        self._stage.carry_out(node)

    def _leave(self, client: bool) -> None:
        if client:
            self._caller = None
            if self._latest:
                del self.client.connections[SERVER]
        elif self.server:
            self.server.connections.pop(self.peer, None)
            self.server = None

    @property
    def _latest(self) -> bool:
        """Has the client dialled no other since, and not given this one up?"""
        return self.client.connections.get(SERVER) is self
