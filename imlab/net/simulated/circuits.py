"""What the virtual world asks of a transport, declared here: a way for each phone, a circuit for each connection."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, Protocol

from imlab.net.links import Path


class Clock(Protocol):
    """The world, as a transport sees it."""

    now: float

    def at(self, when: float, act: Callable[..., None], *facts: Any) -> None:
        """Call ``act(*facts)`` at a time, in seconds."""
        ...


class User(Protocol):
    """The two ends of a connection; ``up`` is from the client. What it is told happens now."""

    def accepted(self) -> None:
        """The server has the connection."""
        ...

    def connected(self) -> None:
        """The client has it."""
        ...

    def failed(self, why: str) -> None:
        """The client gives up dialling."""
        ...

    def arrived(self, up: bool, what: Any) -> None:
        """What was written is there, whole."""
        ...

    def drained(self, up: bool) -> None:
        """Nothing that was written is unsent."""
        ...


class Circuit(Protocol):
    """One connection."""

    def dial(self) -> None:
        """Begin the handshake."""
        ...

    def write(self, up: bool, size: int, what: Any) -> int:
        """Hand over a message of ``size`` bytes; how many bytes, all in all, are then unsent."""
        ...

    def stop(self) -> None:
        """Nothing passes any more, and nobody is told but a client that still dials, after its patience."""
        ...


class Way(Protocol):
    """A phone's two links to the server, which outlive its connections."""

    def circuit(self, user: User) -> Circuit:
        """A new connection, not yet dialled."""
        ...


class Transport(Protocol):
    """How messages travel, as a value."""

    def way(self, path: Path, clock: Clock, random: Random, name: str) -> Way:
        """A way over a path. random: the world's, shared; name: unique in the world, and with its seed."""
        ...
