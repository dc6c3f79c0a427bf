"""A connection that is read in small pieces, into one buffer that all connections share.

asyncio and uvloop give a protocol up to 256 kB at a time. uvicorn stops reading only when more than 64 kB wait, so one
upload that is faster than its disk held half a megabyte, in blocks of a size that malloc gives back to the kernel each
time. Read so, it holds some 200 kB in all (tests/test_uploading.py), at the same CPU time per byte.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

READ = 64 << 10  # bytes


class _Here(threading.local):
    """What a thread's loop reads into: filled and emptied in one turn of the loop, so one is enough for it."""

    def __init__(self) -> None:
        self.buffer = memoryview(bytearray(READ))


_here = _Here()


class Buffered(asyncio.BufferedProtocol):
    """In front of an asyncio.Protocol, made by ``protocol`` with what is given beside it, in the loop's thread."""

    def __init__(self, protocol: Callable[..., asyncio.Protocol], *args: object, **settings: object) -> None:
        self._behind = protocol(*args, **settings)
        self._buffer = _here.buffer

    def get_buffer(self, sizehint: int) -> memoryview:
        """See asyncio.BufferedProtocol."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """See asyncio.BufferedProtocol."""
        self._behind.data_received(bytes(self._buffer[:nbytes]))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.BaseProtocol, as the rest."""
        self._behind.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Told on."""
        self._behind.connection_lost(exc)

    def eof_received(self) -> bool | None:
        """Told on."""
        return self._behind.eof_received()

    def pause_writing(self) -> None:
        """Told on."""
        self._behind.pause_writing()

    def resume_writing(self) -> None:
        """Told on."""
        self._behind.resume_writing()
