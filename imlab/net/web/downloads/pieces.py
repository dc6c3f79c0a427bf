"""Bodies too large to hold, piece by piece as the client takes them: ASGI events.

A piece is read in a thread, since a disk may keep its reader waiting, and the next one when the connection has room
again: one download holds two pieces at most, whatever the size of the file.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from typing import Any

from starlette.types import Receive

PIECE = 64 << 10  # bytes; of 256 kB each a download behind TLS took 1.2 MB, of these 0.6, its connection's 0.3 included
Event = dict[str, Any]
Read = Callable[[int, int], bytes]  # from start up to stop; may be called from any thread; never fewer bytes


async def read_pieces(read: Read, start: int, stop: int, receive: Receive) -> AsyncGenerator[Event, None]:
    """The bytes from start to stop, as long as somebody wants them."""
    gone = asyncio.create_task(_gone(receive))
    try:
        while start < stop and not gone.done():
            end = min(start + PIECE, stop)
            yield _event(await asyncio.to_thread(read, start, end), more=end < stop)
            if end < stop:
                yield _event(b"", more=True)  # returns when the connection has room: only then is more read
            start = end
    finally:
        gone.cancel()


def held_pieces(body: memoryview) -> Iterator[Event]:
    """Bytes that are in memory anyway, in pieces all the same: a connection copies what it cannot send."""
    for start in range(0, len(body), PIECE):
        yield _event(body[start : start + PIECE], more=start + PIECE < len(body))


def _event(body: bytes | memoryview, more: bool) -> Event:
    return {"type": "http.response.body", "body": body, "more_body": more}


async def _gone(receive: Receive) -> None:
    """Ends when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
