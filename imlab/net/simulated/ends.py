"""The ends of connections in the virtual world: nodes, and what stands between two of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from imlab.client.events import Event
from imlab.client.phone import Phone
from imlab.net.simulated.circuits import Way
from imlab.server.hub import Hub


class Node:
    """The server's core in the world, and the one wake-up that is planned for it."""

    __slots__ = ("core", "planned")

    def __init__(self, core: Hub | Phone) -> None:
        self.core = core
        self.planned: float | None = None


class PhoneNode(Node):
    """A phone in the world: its way to the server, and whom it tells."""

    __slots__ = ("name", "on_event", "phone", "way")

    def __init__(self, phone: Phone, name: str, way: Way, on_event: Callable[[Event], None]) -> None:
        super().__init__(phone)
        self.phone, self.name, self.way, self.on_event = phone, name, way, on_event


class Bye:
    """The last word of a side that closes."""

    __slots__ = ("why",)

    def __init__(self, why: str) -> None:
        self.why = why


class Exchange(Protocol):
    """Whoever knows the nodes, and hears what happens on a connection: the world."""

    def accepted(self, connection: Connection) -> None: ...

    def connected(self, connection: Connection) -> None: ...

    def failed(self, connection: Connection, why: str) -> None: ...

    def arrived(self, connection: Connection, up: bool, what: Any) -> None: ...

    def drained(self, connection: Connection, up: bool) -> None: ...


class Connection:
    """A circuit and its two ends; each is open until it closes, hears of a close, or is cut off. A circuit's User."""

    __slots__ = ("_exchange", "circuit", "client", "client_open", "peer", "server_open")

    def __init__(self, exchange: Exchange, client: PhoneNode, peer: str) -> None:
        self._exchange, self.client, self.peer = exchange, client, peer
        self.client_open = self.server_open = False
        self.circuit = client.way.circuit(self)

    def accepted(self) -> None:
        """See User."""
        self._exchange.accepted(self)

    def connected(self) -> None:
        """See User."""
        self._exchange.connected(self)

    def failed(self, why: str) -> None:
        """See User."""
        self._exchange.failed(self, why)

    def arrived(self, up: bool, what: Any) -> None:
        """See User."""
        self._exchange.arrived(self, up, what)

    def drained(self, up: bool) -> None:
        """See User."""
        self._exchange.drained(self, up)
