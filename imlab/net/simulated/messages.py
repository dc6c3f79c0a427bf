"""A transport without packets: each message's arrival is drawn when it is written. Fast, and too good for lossy links.

What a ``Pipe`` leaves out is left out here. The handshake takes two round trips, TCP's and the WebSocket's, and is
never lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

from imlab.net.links import Path
from imlab.net.simulated.circuits import Clock, User
from imlab.net.simulated.pipe import Pipe


@dataclass(frozen=True, slots=True)
class Messages:
    """The transport as a value."""

    def way(self, path: Path, clock: Clock, random: Random, name: str) -> MessageWay:
        """See Transport."""
        return MessageWay(path, clock, random)


class MessageWay:
    """Nothing outlives a connection here: a new one finds empty links."""

    __slots__ = ("clock", "path", "random")

    def __init__(self, path: Path, clock: Clock, random: Random) -> None:
        self.path, self.clock, self.random = path, clock, random

    def circuit(self, user: User) -> MessageCircuit:
        """See Way."""
        return MessageCircuit(self, user)


class MessageCircuit:
    """Two pipes."""

    __slots__ = ("_clock", "_down", "_path", "_silent", "_up", "_user")

    def __init__(self, way: MessageWay, user: User) -> None:
        self._clock, self._path, self._user = way.clock, way.path, user
        self._up, self._down = Pipe(way.path.up, way.random), Pipe(way.path.down, way.random)
        self._silent = False

    def dial(self) -> None:
        """See Circuit."""
        now, trip = self._clock.now, self._path.up.delay + self._path.down.delay
        self._clock.at(now + trip + self._path.up.delay, self._user.accepted)
        self._clock.at(now + 2 * trip, self._user.connected)

    def write(self, up: bool, size: int, what: Any) -> int:
        """See Circuit."""
        clock, pipe = self._clock, self._up if up else self._down
        arrival, unsent = pipe.send(size, clock.now)
        clock.at(arrival, self._arrive, up, what)
        if unsent:
            clock.at(pipe.drained_at, self._drain, up, pipe)
        return unsent

    def stop(self) -> None:
        """See Circuit. The pipes drain, but nothing comes out of them."""
        self._silent = True

    def _arrive(self, up: bool, what: Any) -> None:
        if not self._silent:
            self._user.arrived(up, what)

    def _drain(self, up: bool, pipe: Pipe) -> None:
        if pipe.drained_at <= self._clock.now:
            self._user.drained(up)
