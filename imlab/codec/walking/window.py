"""A file, or bytes, seen through a window of 256 kB at most: memory does not grow with what is walked through."""

from __future__ import annotations

import os
from collections.abc import Iterator
from io import BufferedReader

from imlab.codec.contract import CodecError

WIDTH = 256 << 10  # bytes; the four largest pages that Ogg has


class Window:
    """``size`` bytes, a part of them in ``buffer``, which is our own: whoever looks may write in it."""

    __slots__ = ("_begin", "_source", "buffer", "parts", "size")

    def __init__(self, source: bytes | BufferedReader) -> None:
        self._source = source
        self.size = len(source) if isinstance(source, bytes) else source.seek(0, os.SEEK_END)
        self._begin = 0
        self.parts = 0  # that were looked at, for walks that go through some of them twice
        self.buffer = self._read(0, WIDTH)

    def look(self, at: int, need: int) -> int:
        """Where in the buffer byte ``at`` is; ``need`` bytes from there on are in it as well, if the file has them."""
        place = at - self._begin
        end = place + need
        if place >= 0 and (end <= len(self.buffer) or self._begin + len(self.buffer) >= self.size):
            return place
        self._begin = at
        self.buffer = bytearray()  # the old one goes before the new one comes
        self.buffer = self._read(at, max(need, WIDTH))
        return 0

    def take(self, at: int, size: int) -> bytes:
        """So many bytes, no fewer."""
        place = self.look(at, size)
        data = bytes(self.buffer[place : place + size])
        if len(data) < size:
            raise CodecError(f"truncated: {size} bytes belong at byte {at}, the file ends at {self.size}")
        return data

    def pieces(self, at: int, end: int, whole: int = 1) -> Iterator[bytes]:
        """The bytes from ``at`` to ``end``, in pieces of a multiple of ``whole`` bytes."""
        step = WIDTH // whole * whole
        for begin in range(at, end, step):
            yield self.take(begin, min(step, end - begin))

    def _read(self, at: int, size: int) -> bytearray:
        if isinstance(self._source, bytes):
            return bytearray(memoryview(self._source)[at : at + size])
        buffer = bytearray(max(0, min(size, self.size - at)))
        self._source.seek(at)
        del buffer[self._source.readinto(buffer) :]
        return buffer
