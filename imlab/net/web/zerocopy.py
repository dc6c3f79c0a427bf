"""The ASGI extension http.response.zerocopysend for uvicorn: files go from the disk to the connection in the kernel.

Only on asyncio's own loops without TLS (uvloop has no loop.sendfile; TLS has to touch every byte), and only in answers
that told their content-length.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any, BinaryIO

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

ZERO_COPY = "http.response.zerocopysend"
PIECE = 256 << 10  # bytes at a time where the file's system knows no sendfile


class ZeroCopy:
    """An application to which its server offers the extension, for one request."""

    def __init__(self, cycle: RequestResponseCycle, app: ASGIApp) -> None:
        self._cycle, self._app = cycle, app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        scope["extensions"] = {ZERO_COPY: {}}
        await self._app(scope, receive, self._send)

    async def _send(self, message: Any) -> None:
        if message["type"] == ZERO_COPY:
            await self._send_file(message["file"], message.get("offset"), message.get("count"))
            message = {"type": "http.response.body", "more_body": message.get("more_body", False)}
        await self._cycle.send(message)

    async def _send_file(self, file: BinaryIO, offset: int | None, count: int | None) -> None:
        """Bytes of a file; without an offset from where it stands, without a count to its end."""
        cycle = self._cycle
        if not cycle.response_started or cycle.response_complete or cycle.chunked_encoding is not False:
            raise RuntimeError(f"{ZERO_COPY} follows a start with content-length")
        start = file.tell() if offset is None else offset
        size = os.fstat(file.fileno()).st_size - start if count is None else count
        if cycle.scope["method"] == "HEAD" or cycle.disconnected or cycle.transport.is_closing():
            return
        if size > cycle.expected_content_length:
            raise RuntimeError(f"{size} bytes of a file where {cycle.expected_content_length} are left to send")
        try:
            sent = await asyncio.get_running_loop().sendfile(cycle.transport, file, start, size, fallback=False)
            cycle.expected_content_length -= sent
        except asyncio.SendfileNotAvailableError:  # the file lies where there is none, or the client has gone
            await self._by_hand(file, start, start + size)
        except ConnectionError:
            cycle.disconnected = True
            cycle.transport.abort()

    async def _by_hand(self, file: BinaryIO, start: int, stop: int) -> None:
        while start < stop and not self._cycle.disconnected:
            piece = await asyncio.to_thread(os.pread, file.fileno(), min(PIECE, stop - start), start)
            if not piece:
                return  # uvicorn sees that the answer is too short
            await self._cycle.send({"type": "http.response.body", "body": piece, "more_body": True})
            start += len(piece)
