"""From a host of a network to this machine: a port there leads to an address here, so that a server of this machine,
which knows nothing of networks of ours, answers behind a bad link.

The far host's kernel ends the connection over the link; its bytes go on over this machine's loopback, or wherever the
target is, at once. So the server sees a new connection only after the handshake over the link, and every wait for
the link is in the client's TCP and in the relay's, as it would be in the server's own. What differs: the server may
write up to the relay's and loopback's buffers ahead, some hundred kilobytes, before it feels a slow link.
"""

from __future__ import annotations

import asyncio
import socket
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Future
from contextlib import AsyncExitStack, suppress
from threading import Thread

from imlab.errors import UsageError
from imlab.net.tun import Host

PIECE = 65_536  # bytes that one direction of one connection holds here

Target = tuple[str, int]


class Relay:
    """Ports of ``host``, each leading to a target (host, port) as this machine sees it, while it is entered."""

    def __init__(self, host: Host, targets: Mapping[int, Target]) -> None:
        self._listeners: dict[socket.socket, Target] = {}
        with host.entered():
            for port, target in targets.items():
                try:
                    self._listeners[socket.create_server((host.address, port), backlog=256)] = target
                except OSError as error:
                    raise UsageError(f"port {port} of host {host.name}: {error.strerror}") from error
        self._opened: Future[asyncio.AbstractEventLoop] = Future()
        self._thread = Thread(target=self._run, name="relay", daemon=True)

    def __enter__(self) -> Relay:
        self._thread.start()
        self._loop = self._opened.result()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._closed.set)
        self._thread.join()
        for listener in self._listeners:
            listener.close()

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._closed = asyncio.Event()
        async with AsyncExitStack() as servers:
            for listener, target in self._listeners.items():
                await servers.enter_async_context(await asyncio.start_server(_to(target), sock=listener, limit=PIECE))
            self._opened.set_result(asyncio.get_running_loop())
            await self._closed.wait()
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()  # connections that are still open


def _to(target: Target) -> Callable[[StreamReader, StreamWriter], Coroutine[None, None, None]]:
    """What is done with each connection."""

    async def pass_on(reader: StreamReader, writer: StreamWriter) -> None:
        await _join(reader, writer, target)

    return pass_on


async def _join(reader: StreamReader, writer: StreamWriter, target: Target) -> None:
    """Both directions of one connection, until both ended or one broke."""
    try:
        answer, question = await asyncio.open_connection(*target, limit=PIECE)
    except OSError:  # nobody listens there: the client hears a reset
        writer.transport.abort()
        return
    try:
        await asyncio.gather(_carry(reader, question), _carry(answer, writer))
    except OSError:
        writer.transport.abort()
        question.transport.abort()
    finally:
        writer.close()
        question.close()


async def _carry(source: StreamReader, sink: StreamWriter) -> None:
    """Bytes as they come, then the end of them."""
    while data := await source.read(PIECE):
        sink.write(data)
        await sink.drain()
    with suppress(OSError):  # it has gone already
        sink.write_eof()
