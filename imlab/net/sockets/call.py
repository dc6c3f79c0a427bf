"""A connection in threads, from Dial to its end: what waits for its writer, its goodbye, and how it is torn."""

from __future__ import annotations

import socket
from contextlib import suppress
from queue import Queue
from threading import Timer

from websockets.sync.client import ClientConnection, connect

from imlab.net.sockets.websocket import TERMS


def dial(server: str) -> ClientConnection:
    """Open one, on the terms that both ends share; blocks."""
    return connect(
        server,
        legacy=True,  # the connection itself, not a context
        proxy=None,
        compression=TERMS["compression"],
        ping_interval=TERMS["ping_interval"],
        max_size=TERMS["max_size"],
        open_timeout=TERMS["open_timeout"],
        close_timeout=TERMS["close_timeout"],
    )


class Call:
    """Used under the client's lock. connection: None while it is dialled; kept: bytes that wait for the writer."""

    def __init__(self) -> None:
        self.connection: ClientConnection | None = None
        self.kept = 0
        self.to_write: Queue[bytes | str] = Queue()  # a str is the goodbye

    def write(self, data: bytes) -> int:
        """Leave it to the writer; how much waits for that."""
        self.to_write.put(data)
        self.kept += len(data)
        return self.kept

    def hang_up(self, why: str) -> None:
        """Say goodbye after what waits; who does not take it in time is cut off."""
        self.to_write.put(why)
        if self.kept:
            Timer(TERMS["close_timeout"], self.cut).start()

    def cut(self) -> None:
        """Tear it: whoever reads or writes finds it ended."""
        if self.connection:
            with suppress(OSError):  # it has ended
                self.connection.socket.shutdown(socket.SHUT_RDWR)
