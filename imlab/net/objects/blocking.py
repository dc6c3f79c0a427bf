"""An object store, for threads that block."""

from __future__ import annotations

import socket
import time

from imlab.client.fetching.head import address
from imlab.errors import DoorError, UsageError
from imlab.net.objects.exchange import PATIENCE, Answered, body_of, head_of, stored
from imlab.server.service.kept import Broken, Kept
from imlab.server.service.lines import Lines

READ = 256 << 10  # bytes at once, as much as uvloop reads


class BlockingObjects:
    """url: http://HOST:PORT. No tries but one more where a kept connection is found dead."""

    def __init__(self, url: str, lines: Lines) -> None:
        self._url = url.rstrip("/")
        self._host, self._port, secure = address(self._url)
        if secure:
            raise UsageError(f"the object store is asked over plain HTTP, not {url}")
        self._lines: Kept[socket.socket] = Kept(lines, self._connect, socket.socket.close, time.monotonic)

    @property
    def opened(self) -> int:
        """Connections so far."""
        return self._lines.opened

    def get(self, sha256: str) -> bytes:
        """The body."""
        answer = self._ask(head_of("GET", self._url, sha256, 0))
        return body_of(answer.status, answer.body, sha256)

    def put(self, sha256: str, body: bytes) -> None:
        """Keep it."""
        answer = self._ask(head_of("PUT", self._url, sha256, len(body)) + body)
        stored(answer.status, answer.body, sha256)

    def close(self) -> None:
        """Those connections that carry nothing."""
        self._lines.close()

    def _ask(self, request: bytes) -> Answered:
        return self._lines.ask(lambda line: _exchanged(line, request))

    def _connect(self) -> socket.socket:
        try:
            line = socket.create_connection((self._host, self._port), PATIENCE.dial)
        except OSError as error:
            raise DoorError(f"cannot reach {self._url}: {error}") from error
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line.settimeout(PATIENCE.answer)
        return line


def _exchanged(line: socket.socket, request: bytes) -> Answered:
    """The answer; Broken when the connection ended before a byte of it."""
    answer = Answered()
    try:
        line.sendall(request)
        while not answer.whole:
            data = line.recv(READ)
            if not data:
                raise ConnectionResetError("it closed the connection")
            answer.feed(data)
    except TimeoutError as error:
        raise DoorError(f"the object store is silent for {PATIENCE.answer:g} s") from error
    except OSError as error:
        raise (DoorError if answer.begun else Broken)(f"the object store does not answer: {error}") from error
    return answer
