"""The ASGI extension http.response.zerocopysend for uvicorn: files go from the disk to the connection in the kernel.

Only where TLS need not touch every byte, and only in answers that told their content-length. asyncio has loop.sendfile,
uvloop has none; what it takes is little, so both do it here in the same way: when the connection has taken all that was
written before, a second descriptor of its socket is given to sendfile, as often as it is writable.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any, BinaryIO

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

ZERO_COPY = "http.response.zerocopysend"
TURN = 1 << 20  # bytes; then others have theirs, since a fast client takes all that is to be had
UNSENT = 64 << 10  # bytes that may wait in a connection; asyncio's own limit, but 512 kB behind TLS
HERE = hasattr(os, "sendfile")  # not on Windows


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
        if cycle.scope["method"] == "HEAD":
            return
        if size > cycle.expected_content_length:
            raise RuntimeError(f"{size} bytes of a file where {cycle.expected_content_length} are left to send")
        try:
            cycle.expected_content_length -= await self._by_kernel(file.fileno(), start, start + size)
        except ConnectionError:
            cycle.disconnected = True  # the client has gone: the answer ends without a word
            cycle.transport.abort()

    async def _by_kernel(self, file: int, start: int, stop: int) -> int:
        """How many bytes went; fewer where the file is shorter, or nobody wants them."""
        cycle, at = self._cycle, start
        cycle.transport.set_write_buffer_limits(0)
        await cycle.flow.drain()  # what was written before goes first
        cycle.transport.set_write_buffer_limits(UNSENT)
        if cycle.disconnected or cycle.transport.is_closing():
            raise ConnectionAbortedError("the client has gone")
        line = os.dup(cycle.transport.get_extra_info("socket").fileno())
        try:
            while at < stop and not cycle.disconnected:
                sent = _sendfile(line, file, at, min(TURN, stop - at))
                if sent == 0:
                    break
                at += sent or 0
                if at < stop:
                    await _writable(line)
        finally:
            os.close(line)
        return at - start


def _sendfile(line: int, file: int, start: int, count: int) -> int | None:
    """How many bytes went; 0: the file has no more; None: the connection takes none now."""
    try:
        return os.sendfile(line, file, start, count)
    except BlockingIOError:
        return None


async def _writable(line: int) -> None:
    """Returns when the socket takes more, or never will."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_writer(line, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_writer(line)
