"""Connections on which no request comes to its end of headers: uvicorn waits for them for ever.

It ends a connection that is idle after an answer, but neither one that never says a word nor one that says its headers
a byte at a time, and each costs a descriptor and 30 kB (slowloris, 2009). One look at all of them now and then is
enough: who was found saying headers, and is found saying the same headers the next time, is hung up. Who says nothing
may be a client that opens connections in advance (client/, 60 s), and gets longer.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol


class Transport(Protocol):
    """What can be closed."""

    def close(self) -> None:
        """Hang up."""
        ...


class Cycle(Protocol):
    """A request with all of its headers."""

    @property
    def response_complete(self) -> bool:
        """Is it answered?"""
        ...


class Connection(Protocol):
    """What there is to see of uvicorn's."""

    @property
    def headers(self) -> list[tuple[bytes, bytes]] | None:
        """A new list for each request; None before the first."""
        ...

    @property
    def cycle(self) -> Cycle | None:
        """The newest request that had all of its headers."""
        ...

    @property
    def timeout_keep_alive_task(self) -> object | None:
        """The timer of a connection that is idle after an answer."""
        ...

    @property
    def transport(self) -> Transport:
        """Its end."""
        ...


class SlowHeads:
    """Remembers from one look to the next. silent: looks that a connection opened in advance may wait for its use."""

    def __init__(self, silent: int = 7) -> None:
        self._silent = silent
        self._seen: dict[Connection, tuple[object, int]] = {}  # what it was saying, and at how many looks

    def look(self, connections: Iterable[Connection]) -> int:
        """Hang up on those who say what they said at the last look, or have long said nothing; how many."""
        seen = {each: self._again(each) for each in connections if _is_saying(each)}
        slow = [each for each, (said, looks) in seen.items() if looks > (self._silent if said is None else 1)]
        for each in slow:
            each.transport.close()
        self._seen = seen
        return len(slow)

    def _again(self, connection: Connection) -> tuple[object, int]:
        said, looks = self._seen.get(connection, (self, 0))
        return connection.headers, looks + 1 if said is connection.headers else 1


def _is_saying(connection: Connection) -> bool:
    """Is it neither idle after an answer, which uvicorn's own timer ends, nor in a request?"""
    cycle = connection.cycle
    return connection.timeout_keep_alive_task is None and (cycle is None or cycle.response_complete)
