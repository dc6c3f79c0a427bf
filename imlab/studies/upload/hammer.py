"""N connections that each ask again as soon as they were answered: a closed loop, cheaper than what it asks.

Requests are ready-made bytes, sent by one ``send``; answers are read as far as their Content-Length says. It is made
to keep a server busy and to count what the server spent, not to judge how long a user waits: at full speed a closed
loop's latency says only how many share the server.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from time import perf_counter

from imlab.errors import DoorError

RECEIVE = 262_144  # bytes asked of the kernel at once
PATIENCE = 10.0  # seconds in which something must happen


@dataclass(slots=True)
class Struck:
    """What came of it. latencies in seconds, from the first byte sent to the last received; bytes of bodies."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    bytes: int = 0


class Line:
    """One connection, and the request under way on it."""

    __slots__ = ("_asked", "_left", "_pending", "_received", "socket")

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address, PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self._pending = memoryview(b"")
        self._received = bytearray()
        self._left: int | None = None  # bytes of the body that are missing, once the head is read
        self._asked = 0.0

    def ask(self, request: bytes) -> None:
        """Send a request, as far as the kernel takes it."""
        self._pending, self._asked = memoryview(request), perf_counter()
        self.write()

    def write(self) -> None:
        """Send more of it."""
        try:
            while self._pending:
                self._pending = self._pending[self.socket.send(self._pending) :]
        except BlockingIOError:
            return
        except OSError as error:
            raise DoorError(f"the server takes no more: {error.strerror}") from error

    @property
    def writing(self) -> bool:
        """Is a part of the request unsent?"""
        return bool(self._pending)

    def read(self, struck: Struck) -> bool:
        """Take what has come; whether the answer is whole. DoorError: the server hung up, or refused."""
        try:
            data = self.socket.recv(RECEIVE)
        except BlockingIOError:
            return False
        except OSError as error:
            raise DoorError(f"the server broke the connection: {error.strerror}") from error
        if not data:
            raise DoorError(f"the server hung up after {bytes(self._received[:200])!r}")
        if self._left is None:
            data = self._head(data, struck)
        if self._left is not None:
            self._left -= len(data)
        if self._left != 0:
            return False
        self._left = None
        struck.latencies.append(perf_counter() - self._asked)
        return True

    def _head(self, data: bytes, struck: Struck) -> bytes:
        """Read the head, if it is whole by now; the bytes that follow it."""
        self._received += data
        head, end, rest = self._received.partition(b"\r\n\r\n")
        if not end:
            return b""
        lines = bytes(head).lower().split(b"\r\n")
        if not lines[0].split()[1].startswith(b"2"):
            raise DoorError(f"the server refused: {bytes(self._received[:500])!r}")
        lengths = [int(line.partition(b":")[2]) for line in lines if line.startswith(b"content-length:")]
        self._left = lengths[0] if lengths else 0
        struck.bytes += self._left
        self._received.clear()
        return bytes(rest)


def strike(address: tuple[str, int], requests: Sequence[bytes], connections: int) -> Struck:
    """Each request once, over so many connections kept open; DoorError as soon as one is not answered by a 2xx."""
    lines = [Line(address) for _ in range(connections)]
    struck, waiting = Struck(), iter(requests)
    begun = perf_counter()
    try:
        _pump({line.socket.fileno(): line for line in lines}, waiting, struck)
    finally:
        for line in lines:
            line.socket.close()
    struck.seconds = perf_counter() - begun
    return struck


def _pump(lines: dict[int, Line], waiting: Iterator[bytes], struck: Struck) -> None:
    with select.epoll() as poll:
        for number in lines:
            poll.register(number, select.EPOLLIN)
        busy = sum(_next(line, waiting, poll) for line in lines.values())
        while busy:
            events = poll.poll(PATIENCE)
            if not events:
                raise DoorError(f"no answer within {PATIENCE:g} s")
            for number, event in events:
                line = lines[number]
                if event & select.EPOLLOUT:
                    line.write()
                    if not line.writing:
                        poll.modify(number, select.EPOLLIN)
                if event & ~select.EPOLLOUT and line.read(struck):
                    busy -= not _next(line, waiting, poll)


def _next(line: Line, waiting: Iterator[bytes], poll: select.epoll) -> bool:
    """The next request on a line, if there is one."""
    request = next(waiting, None)
    if request is None:
        return False
    line.ask(request)
    if line.writing:
        poll.modify(line.socket.fileno(), select.EPOLLIN | select.EPOLLOUT)
    return True
