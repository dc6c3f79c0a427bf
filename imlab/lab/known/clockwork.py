"""The inside of a known server: one thread that answers when its system says, to some tens of microseconds.

When a request is read, its answer's moment is already known: the system's recursion gives it. Answers wait in a heap.
The thread sleeps to just before the next one (select's timeouts are microseconds, epoll's whole milliseconds), then
looks at its sockets without waiting until it is due. The collector of cycles is off; nothing here makes cycles.
"""

from __future__ import annotations

import gc
import heapq
import select
import selectors
import socket
import sys
import time
from dataclasses import dataclass
from typing import IO

from imlab.lab.known.systems import System
from imlab.lab.known.wire import ANSWER, request

SPIN = 0.0003  # seconds before an answer at which sleeping ends; the kernel wakes us 0.05 to 0.2 ms late
DRAWN = 1 << 16  # costs drawn at first; more when a number asks for it
MOST_NUMBER = 1 << 24  # requests; a larger number is nonsense, not a load for one core
READ = 1 << 18  # bytes at a time


@dataclass(frozen=True, slots=True)
class Peer:
    """A connection, and the part of a request that has come so far."""

    socket: socket.socket
    part: bytearray


class Clockwork:
    """Serves a system on a listening socket until ``parent`` says no more."""

    def __init__(self, system: System, seed: int, size: int, listener: socket.socket, parent: IO[bytes]) -> None:
        self._system, self._seed, self._size = system, seed, size
        self._costs = system.services(DRAWN, seed).tolist()
        self._answer, self._request = system.begin(), request(size)
        self._due: list[tuple[float, int, int, float, Peer]] = []  # moment, order, number, read at, whose
        self._order = 0
        self._listener, self._parent = listener, parent
        self._watch = selectors.DefaultSelector()
        self._watch.register(listener, selectors.EVENT_READ)
        self._watch.register(parent, selectors.EVENT_READ)

    def run(self) -> None:
        """Until the parent closes its end or is no more."""
        gc.disable()
        while True:
            self._sleep()
            for key, _ in self._watch.select(0):
                if key.fileobj is self._parent:
                    return
                if key.fileobj is self._listener:
                    self._welcome()
                else:
                    self._hear(key.data)
            if self._due and self._due[0][0] <= time.monotonic():
                self._tell(time.monotonic())

    def _sleep(self) -> None:
        """To just before the next answer, or until something comes."""
        ahead = self._due[0][0] - time.monotonic() - SPIN if self._due else None
        if ahead is None or ahead > 0:
            select.select([self._watch], [], [], ahead)

    def _welcome(self) -> None:
        connection, _ = self._listener.accept()
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._watch.register(connection, selectors.EVENT_READ, Peer(connection, bytearray()))

    def _hear(self, peer: Peer) -> None:
        """Read what has come, and enter each whole request at the moment of reading."""
        try:
            data = peer.socket.recv(READ)
        except ConnectionError:
            data = b""
        if not data:
            return self._drop(peer)
        now = time.monotonic()
        peer.part.extend(data)
        whole = len(peer.part) - len(peer.part) % self._size
        for size, number in self._request.iter_unpack(peer.part[:whole]):
            if size != self._size or number >= MOST_NUMBER:
                return self._drop(peer, f"not a request of {self._size} bytes: size {size}, number {number}")
            if number >= len(self._costs):
                self._costs = self._system.services(2 * (number + 1), self._seed).tolist()
            heapq.heappush(self._due, (self._answer(now, self._costs[number]), self._order, number, now, peer))
            self._order += 1
        del peer.part[:whole]
        return None

    def _tell(self, now: float) -> None:
        """Write all answers that are due, those of one peer together."""
        ready: dict[int, tuple[Peer, list[bytes]]] = {}
        while self._due and self._due[0][0] <= now:
            _, _, number, read, peer = heapq.heappop(self._due)
            ready.setdefault(id(peer), (peer, []))[1].append(ANSWER.pack(number, read, now))
        for peer, answers in ready.values():
            if peer.socket.fileno() >= 0:
                self._send(peer, b"".join(answers))

    def _send(self, peer: Peer, data: bytes) -> None:
        """Some thousand answers fit into a socket; who leaves more unread has stopped measuring."""
        try:
            sent = peer.socket.send(data)
        except BlockingIOError:
            sent = 0
        except ConnectionError:
            return self._drop(peer)
        return None if sent == len(data) else self._drop(peer, "it does not read its answers")

    def _drop(self, peer: Peer, why: str = "") -> None:
        """Let a connection go; say why when it did not end by itself."""
        if why:
            sys.stderr.write(f"a connection was dropped: {why}\n")
        self._watch.unregister(peer.socket)
        peer.socket.close()
