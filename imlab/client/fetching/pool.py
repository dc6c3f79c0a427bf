"""Connections to one origin, kept for the next request: which one carries what, when one is opened, when one is closed.

| state of a connection | leaves on                                                                    |
|-----------------------|------------------------------------------------------------------------------|
| dialing               | opened -> lent or idle; failed, closed -> forgotten                          |
| lent                  | done -> lent again, idle, or hung up; closed -> forgotten                    |
| idle                  | a request -> lent; ``idle`` seconds -> hung up; closed by them -> forgotten  |

The connection used last is lent first: what is not needed grows old and goes, so the pool shrinks to what the load
needs. A request that waits gets the first connection that is free, not the one that was dialled because of it.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from imlab.errors import UsageError


@dataclass(frozen=True, slots=True)
class Reuse:
    """How connections are used again. most: that stand or are dialled at once; idle: seconds one is kept for nothing.

    The rivals are values too: ``Reuse(idle=0)`` opens a connection for each request, ``Reuse(most=1)`` has one for all.
    """

    most: int = 200  # the article's; nginx takes 512 a worker by default, a browser opens 6
    idle: float = 60.0

    def __post_init__(self) -> None:
        if self.most < 1 or self.idle < 0:
            raise UsageError(f"a pool keeps 1 connection or more, for 0 s or more: not {self.most}, {self.idle:g} s")


@dataclass(frozen=True, slots=True)
class Open:
    """Dial: ``opened`` or ``failed`` will tell."""

    connection: int


@dataclass(frozen=True, slots=True)
class Lend:
    """This request may use this connection until ``done`` or ``closed``. kept: it stood before, and may be dead."""

    ticket: int
    connection: int
    kept: bool


@dataclass(frozen=True, slots=True)
class Hang:
    """Close it; nobody uses it."""

    connection: int
    why: str


@dataclass(frozen=True, slots=True)
class Without:
    """This request gets no connection."""

    ticket: int
    why: str


Decision = Open | Lend | Hang | Without


class Pool:
    """The decisions. Connections and requests (tickets) are numbers; times are seconds on the driver's clock."""

    def __init__(self, reuse: Reuse | None = None) -> None:
        self._reuse = reuse or Reuse()
        self._outbox: list[Decision] = []
        self._waiting: OrderedDict[int, None] = OrderedDict()  # tickets, the oldest first
        self._idle: OrderedDict[int, float] = OrderedDict()  # connection -> since when, the longest idle first
        self._lent: set[int] = set()
        self._dialing: set[int] = set()
        self._last = 0
        self._stopped = False

    def __len__(self) -> int:
        return len(self._idle) + len(self._lent) + len(self._dialing)

    @property
    def idle(self) -> int:
        """Connections that stand and carry nothing."""
        return len(self._idle)

    # What the application asks

    def ask(self, ticket: int, now: float) -> None:
        """A request wants a connection: Lend or Without will tell."""
        if self._stopped:
            raise UsageError("the pool is closed")
        if self._idle:
            self._lend(ticket, self._idle.popitem()[0], kept=True)
        else:
            self._waiting[ticket] = None
            self._dial(len(self._waiting))

    def withdraw(self, ticket: int, now: float) -> None:
        """It waits no longer."""
        self._waiting.pop(ticket, None)

    def warm(self, count: int, now: float) -> None:
        """Open connections in advance, until so many stand or are dialled."""
        self._dial(len(self._dialing) + min(count, self._reuse.most) - len(self))

    def stop(self, now: float) -> None:
        """Close what is idle now, and the rest when it is done."""
        self._stopped = True
        for connection in self._idle:
            self._outbox.append(Hang(connection, "the pool is closed"))
        self._idle.clear()
        for ticket in self._waiting:
            self._outbox.append(Without(ticket, "the pool is closed"))
        self._waiting.clear()

    # What a driver tells

    def opened(self, connection: int, now: float) -> None:
        """A dialled connection stands."""
        self._dialing.discard(connection)
        self._free(connection, now, kept=False)

    def failed(self, connection: int, why: str, now: float) -> None:
        """It could not be made: the oldest request that waits is told, the others get tries of their own."""
        self._dialing.discard(connection)
        if self._waiting:
            self._outbox.append(Without(self._waiting.popitem(last=False)[0], why))
        self._dial(len(self._waiting))

    def done(self, connection: int, again: bool, now: float) -> None:
        """A request is over. again: may the connection carry another one?"""
        if connection not in self._lent:
            return
        self._lent.discard(connection)
        if again and self._reuse.idle > 0:
            self._free(connection, now, kept=True)
            return
        self._outbox.append(Hang(connection, "used for one request" if again else "its last request spoilt it"))
        self._dial(len(self._waiting))

    def doubt(self, now: float) -> None:
        """A kept connection was dead: so are those, most likely, that were idle for longer, which is all of them."""
        while self._idle:
            self._outbox.append(Hang(self._idle.popitem(last=False)[0], "another that was kept was dead"))

    def closed(self, connection: int, now: float) -> None:
        """The other side closed it, or the network did."""
        self._idle.pop(connection, None)
        self._lent.discard(connection)
        self._dial(len(self._waiting))

    def wake_at(self) -> float | None:
        """When the connection that is idle longest has been so for too long."""
        oldest = next(iter(self._idle.values()), None)
        return None if oldest is None else oldest + self._reuse.idle

    def wake(self, now: float) -> None:
        """Hang up what has been idle for too long."""
        while (due := self.wake_at()) is not None and due <= now:
            connection, _ = self._idle.popitem(last=False)
            self._outbox.append(Hang(connection, f"idle for {self._reuse.idle:g} s"))

    def outbox(self) -> list[Decision]:
        """What is to be done, first in first out; taken once."""
        decisions, self._outbox = self._outbox, []
        return decisions

    def _free(self, connection: int, now: float, kept: bool) -> None:
        """A connection that stands looks for work."""
        if self._stopped:
            self._outbox.append(Hang(connection, "the pool is closed"))
        elif self._waiting:
            self._lend(self._waiting.popitem(last=False)[0], connection, kept)
        else:
            self._idle[connection] = now

    def _lend(self, ticket: int, connection: int, kept: bool) -> None:
        self._lent.add(connection)
        self._outbox.append(Lend(ticket, connection, kept))

    def _dial(self, wanted: int) -> None:
        """Until so many are being dialled, if the limit lets us."""
        for _ in range(min(wanted - len(self._dialing), self._reuse.most - len(self))):
            self._last += 1
            self._dialing.add(self._last)
            self._outbox.append(Open(self._last))
