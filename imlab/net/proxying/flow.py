"""One direction of one proxied connection: what is read on one side is written on the other when its link says so."""

from __future__ import annotations

import asyncio
import socket
import struct
from asyncio import StreamReader, StreamWriter
from collections import deque
from contextlib import suppress

from imlab.net.proxying.streamway import StreamWay

SEGMENT = 1448  # bytes of payload in an Ethernet-sized TCP segment with timestamps
FLIGHT = 4 << 20  # bytes taken and not yet written, all in all: 300 ms at 100 Mbit/s
END, RESET = b"", None  # what may follow the last byte

Piece = bytes | None


class Flow:
    """Reads ahead no further than its link's queue allows; keeps the order; passes on the end and the reset."""

    def __init__(self, way: StreamWay, source: StreamReader, sink: StreamWriter) -> None:
        self._way, self._source, self._sink = way, source, sink
        self._pieces: deque[tuple[float, Piece]] = deque()  # when it arrives, what
        self._kept = 0  # bytes in the pieces
        self._more, self._less = asyncio.Event(), asyncio.Event()

    async def take(self) -> None:
        """From the source on to the link."""
        piece: Piece = b"begin"
        while piece:
            piece = await self._read()
            size = len(piece or END)
            while self._kept + size > FLIGHT:
                self._less.clear()
                await self._less.wait()
            await self._way.room(size)
            if not self._way.swallows:
                self._pieces.append((self._way.send(size), piece))
                self._kept += size
                self._more.set()

    async def give(self) -> None:
        """From the link into the sink."""
        piece: Piece = b"begin"
        while piece:
            while not self._pieces:
                self._more.clear()
                await self._more.wait()
            arrival, piece = self._pieces.popleft()
            await self._way.until(arrival)
            await self._write(piece)
            self._kept -= len(piece or END)
            self._less.set()

    async def _read(self) -> Piece:
        try:
            return await self._source.read(SEGMENT)
        except ConnectionError:
            return RESET

    async def _write(self, piece: Piece) -> None:
        if piece is RESET:
            reset(self._sink)
        elif piece == END:
            self._sink.write_eof()
        else:
            self._sink.write(piece)
            with suppress(ConnectionError):  # the other direction reads it too, and passes it on
                await self._sink.drain()


def reset(writer: StreamWriter) -> None:
    """Cut a connection so that its other end hears of it as of a crash, not as of an end."""
    sock = writer.get_extra_info("socket")
    if sock.fileno() >= 0:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # on, 0 s: RST in place of FIN
    writer.transport.abort()
