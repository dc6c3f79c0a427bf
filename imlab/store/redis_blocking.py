"""Bytes by key in a Redis or Valkey, for threads that block: the library, the bytes and the answers of redis_cache.

A thread has a connection to itself while it asks, so nothing is pipelined: that takes somebody who asks for many.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from socket import IPPROTO_TCP, TCP_NODELAY, socket
from typing import Any

import hiredis

from imlab.errors import DoorError
from imlab.server.service.kept import Broken, Kept
from imlab.server.service.lines import Lines
from imlab.store.redis_address import RedisAddress
from imlab.store.redis_cache import CONNECTING_S, Keeping

READ = 64 << 10  # bytes at once
AT_ONCE = 64  # values that one question keeps: 1.3 MB of notes


@dataclass(frozen=True, slots=True)
class _Line:
    socket: socket
    reader: hiredis.Reader


class BlockingRedis:
    """For any number of threads. Whatever Redis fails to do is a DoorError."""

    def __init__(self, url: str, lines: Lines, keeping: Keeping | None = None) -> None:
        self._address = RedisAddress.parse(url)
        self._keeping = keeping or Keeping()
        self._lines: Kept[_Line] = Kept(lines, self._connect, lambda line: line.socket.close(), time.monotonic)

    @property
    def opened(self) -> int:
        """Connections so far."""
        return self._lines.opened

    def get(self, key: bytes) -> bytes | None:
        """What was put; None: nothing, or no longer."""
        found = self._ask(b"GET", self._keeping.prefix + key)
        if found is None or isinstance(found, bytes):
            return found
        raise DoorError(f"Redis answers GET by {found!r:.60}")

    def put(self, key: bytes, value: bytes) -> None:
        """Keep it for a while, or until Redis needs the room."""
        said = self._ask(b"SET", self._keeping.prefix + key, value, b"EX", self._keeping.seconds)
        if said != b"OK":
            raise DoorError(f"Redis answers SET by {said!r:.60}")

    def fill(self, pairs: Iterable[tuple[bytes, bytes]]) -> None:
        """Keep them all until Redis needs the room: many to a question, for it is before a measurement."""
        waiting = iter(pairs)
        while words := [
            word for key, value in islice(waiting, AT_ONCE) for word in (self._keeping.prefix + key, value)
        ]:
            if (said := self._ask(b"MSET", *words)) != b"OK":
                raise DoorError(f"Redis answers MSET by {said!r:.60}")

    def close(self) -> None:
        """Those connections that carry nothing."""
        self._lines.close()

    def _ask(self, *words: bytes | int) -> Any:
        return self._lines.ask(lambda line: _said(line, *words))

    def _connect(self) -> _Line:
        try:
            line = _Line(self._address.connected(CONNECTING_S), hiredis.Reader())
        except OSError as error:
            raise DoorError(f"no Redis at {self._address}: {error}") from error
        try:
            if not self._address.path:
                line.socket.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
            for greeting in self._address.greeting():
                _said(line, *greeting)
        except BaseException:
            line.socket.close()
            raise
        return line


def _said(line: _Line, *words: bytes | str | int) -> Any:
    """The answer to one command."""
    try:
        line.socket.sendall(hiredis.pack_command(words))  # type: ignore[arg-type]  # it says a tuple of one
        while (answer := line.reader.gets()) is False:
            data = line.socket.recv(READ)
            if not data:
                raise Broken("Redis does not answer: it closed the connection")
            line.reader.feed(data)
    except TimeoutError as error:
        raise DoorError("Redis does not answer in time") from error
    except OSError as error:
        raise Broken(f"Redis does not answer: {error}") from error
    except hiredis.ProtocolError as error:
        raise DoorError(f"Redis speaks otherwise: {error}") from error
    if isinstance(answer, hiredis.ReplyError):
        raise DoorError(f"Redis refuses: {answer}")
    return answer
